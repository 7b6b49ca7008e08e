//! Prompts: recordings made ready to be sent as they are.
use std::io::Cursor;
use std::sync::Arc;

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Async, FixedAsync, Resampler, SincInterpolationParameters, SincInterpolationType, WindowFunction};

use super::{Codec, FRAME};

const RATE: u32 = 8_000;
/// Longest prompt, seconds.
const LONGEST: u64 = 600;
/// Frames that are resampled at once.
const CHUNK: usize = 1_024;

/// A recording in both laws, a whole number of frames. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Prompt {
    mu: Arc<[u8]>,
    a: Arc<[u8]>,
}

/// Why a file is no prompt.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// Not a WAV file that can be read.
    #[error("the recording is no WAV file that can be read: {0}")]
    Unreadable(hound::Error),
    /// Nothing in it.
    #[error("the recording is empty")]
    Empty,
    /// Too much in it.
    #[error("a recording is at most {LONGEST} seconds long")]
    TooLong,
    /// Its rate.
    #[error("a recording has 8,000 to 192,000 samples a second")]
    Rate,
}

impl Prompt {
    /// Reads a WAV file of any usual rate, width and number of channels; channels are mixed.
    pub fn from_wav(file: &[u8]) -> Result<Self, PromptError> {
        let mut reader = hound::WavReader::new(Cursor::new(file)).map_err(PromptError::Unreadable)?;
        let spec = reader.spec();
        if !(RATE..=192_000).contains(&spec.sample_rate) {
            return Err(PromptError::Rate);
        }
        if u64::from(reader.duration()) > LONGEST * u64::from(spec.sample_rate) {
            return Err(PromptError::TooLong);
        }
        let samples: Result<Vec<f32>, hound::Error> = match spec.sample_format {
            hound::SampleFormat::Float => reader.samples::<f32>().collect(),
            hound::SampleFormat::Int => {
                let full = (1_i64 << (spec.bits_per_sample - 1)) as f32;
                reader.samples::<i32>().map(|sample| sample.map(|sample| sample as f32 / full)).collect()
            }
        };
        let channels = usize::from(spec.channels.max(1));
        let mono: Vec<f32> = samples
            .map_err(PromptError::Unreadable)?
            .chunks_exact(channels)
            .map(|frame| frame.iter().sum::<f32>() / channels as f32)
            .collect();
        if mono.is_empty() {
            return Err(PromptError::Empty);
        }
        let mono = if spec.sample_rate == RATE { mono } else { resample(&mono, spec.sample_rate)? };
        Ok(Self::from_samples(&mono))
    }

    /// From samples between -1 and 1, 8,000 a second. The last frame is filled up with silence.
    pub fn from_samples(samples: &[f32]) -> Self {
        let len = samples.len().next_multiple_of(FRAME);
        let pcm = |sample: f32| (sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)) as i16;
        let coded = |codec: Codec, encode: fn(i16) -> u8| -> Arc<[u8]> {
            let mut bytes: Vec<u8> = samples.iter().map(|sample| encode(pcm(*sample))).collect();
            bytes.resize(len, codec.silence());
            bytes.into()
        };
        Self {
            mu: coded(Codec::Pcmu, audio_codec_algorithms::encode_ulaw),
            a: coded(Codec::Pcma, audio_codec_algorithms::encode_alaw),
        }
    }

    /// Its length, frames of 20 ms.
    pub fn frames(&self) -> usize {
        self.mu.len() / FRAME
    }

    /// A frame of it; none after the end.
    pub fn frame(&self, number: usize, codec: Codec) -> Option<&[u8]> {
        let bytes = match codec {
            Codec::Pcmu => &self.mu,
            Codec::Pcma => &self.a,
        };
        bytes.get(number * FRAME..(number + 1) * FRAME)
    }
}

/// To 8,000 samples a second, without what can't be told apart at that rate.
fn resample(samples: &[f32], rate: u32) -> Result<Vec<f32>, PromptError> {
    let parameters = SincInterpolationParameters {
        sinc_len: 256,
        f_cutoff: Some(0.92),
        oversampling_factor: 128,
        interpolation: SincInterpolationType::Linear,
        window: WindowFunction::BlackmanHarris2,
    };
    let ratio = f64::from(RATE) / f64::from(rate);
    let mut resampler =
        Async::<f32>::new_sinc(ratio, 1.0, &parameters, CHUNK, 1, FixedAsync::Input).map_err(|_| PromptError::Rate)?;
    let input = InterleavedSlice::new(samples, 1, samples.len()).map_err(|_| PromptError::Empty)?;
    let output = resampler.process_all(&input, samples.len(), None).map_err(|_| PromptError::Rate)?;
    Ok(output.take_data())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(rate: u32, channels: u16, hertz: f32) -> Vec<u8> {
        let spec = hound::WavSpec {
            channels,
            sample_rate: rate,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut file = Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
        for at in 0..rate {
            let sample = (at as f32 / rate as f32 * hertz * std::f32::consts::TAU).sin() * 10_000.0;
            (0..channels).for_each(|_| writer.write_sample(sample as i16).unwrap());
        }
        writer.finalize().unwrap();
        file.into_inner()
    }

    fn loudness(prompt: &Prompt) -> f64 {
        let (mut sum, mut count) = (0.0, 0.0);
        for number in 5..prompt.frames() - 5 {
            for byte in prompt.frame(number, Codec::Pcmu).unwrap() {
                sum += f64::from(audio_codec_algorithms::decode_ulaw(*byte)).powi(2);
                count += 1.0;
            }
        }
        (sum / count).sqrt()
    }

    #[test]
    fn a_recording_of_any_rate_is_as_long_and_as_loud_at_ours() {
        for (rate, channels) in [(8_000, 1), (16_000, 1), (44_100, 2), (48_000, 1)] {
            let prompt = Prompt::from_wav(&wav(rate, channels, 440.0)).unwrap();
            assert!((49..=51).contains(&prompt.frames()), "{rate}: {} frames", prompt.frames());
            let loudness = loudness(&prompt);
            assert!((6_800.0..7_300.0).contains(&loudness), "{rate}: {loudness}");
        }
    }

    #[test]
    fn what_our_rate_can_not_carry_does_not_come_back_as_another_tone() {
        let prompt = Prompt::from_wav(&wav(48_000, 1, 6_000.0)).unwrap();
        assert!(loudness(&prompt) < 100.0, "{}", loudness(&prompt));
    }

    #[test]
    fn both_laws_sound_the_same() {
        let prompt = Prompt::from_wav(&wav(8_000, 1, 440.0)).unwrap();
        let mu = prompt.frame(3, Codec::Pcmu).unwrap().iter().map(|b| audio_codec_algorithms::decode_ulaw(*b));
        let a = prompt.frame(3, Codec::Pcma).unwrap().iter().map(|b| audio_codec_algorithms::decode_alaw(*b));
        assert!(mu.zip(a).all(|(mu, a)| (i32::from(mu) - i32::from(a)).abs() < 800));
    }

    #[test]
    fn what_is_no_recording_is_refused_with_the_reason() {
        assert!(matches!(Prompt::from_wav(b"RIFF"), Err(PromptError::Unreadable(_))));
        let mut empty = wav(8_000, 1, 440.0);
        empty.truncate(44);
        assert!(Prompt::from_wav(&empty).is_err());
    }
}
