//! Prompts: recordings made ready to be sent as they are.
use std::io::Cursor;
use std::sync::Arc;

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Async, FixedAsync, Resampler, SincInterpolationParameters, SincInterpolationType, WindowFunction};

use super::wav::{self, WavForm};
use super::{Codec, FRAME};

/// Samples a second on the phone.
pub(super) const RATE: u32 = 8_000;
/// Longest prompt, seconds.
pub const LONGEST: u64 = 600;
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
    /// No WAV file.
    #[error("a prompt is a WAV file; {0}")]
    NoWav(&'static str),
    /// Not a WAV file that can be read.
    #[error("a prompt is a whole WAV file; of this one {0}")]
    Broken(&'static str),
    /// Its samples can't be read.
    #[error("the samples of the WAV file can't be read: {0}")]
    Unreadable(hound::Error),
    /// How they are written.
    #[error(
        "a prompt is PCM of 8, 16, 24 or 32 bits, float of 32, A-law or µ-law; this one is of the format {tag:#06x} with {bits} bits"
    )]
    Coding {
        /// What stands in the file.
        tag: u16,
        /// Bits of a sample.
        bits: u16,
    },
    /// Nothing in it.
    #[error("the prompt is empty: it has no samples")]
    Empty,
    /// Too much in it.
    #[error("a prompt is at most {LONGEST} seconds long; this one has {0}")]
    TooLong(u64),
    /// Its rate.
    #[error("a prompt has 8000 to 192000 samples a second; this one has {0}")]
    Rate(u32),
    /// Its channels.
    #[error("a prompt has 1 to 8 channels; this one has {0}")]
    Channels(u16),
    /// It can't be made ready.
    #[error("the prompt can't be converted: {0}")]
    Unconverted(String),
}

/// A recording as it is kept: one channel of 8 kHz and 16 bits.
#[derive(Debug, Clone)]
pub struct Speech {
    /// What the file was.
    pub form: WavForm,
    samples: Vec<i16>,
}

impl Speech {
    /// Reads a WAV file of any usual rate, width and number of channels; channels are mixed.
    pub fn from_wav(file: &[u8]) -> Result<Self, PromptError> {
        let (form, samples) = wav::read(file)?;
        let samples = if form.rate == RATE { samples } else { resample(&samples, form.rate)? };
        Ok(Self { form, samples: samples.into_iter().map(pcm).collect() })
    }

    /// How long it is.
    pub fn milliseconds(&self) -> u64 {
        self.samples.len() as u64 * 1_000 / u64::from(RATE)
    }

    /// As a WAV file.
    pub fn to_wav(&self) -> Result<Vec<u8>, PromptError> {
        let sample_format = hound::SampleFormat::Int;
        let spec = hound::WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format };
        let mut file = Cursor::new(Vec::with_capacity(self.samples.len() * 2 + 44));
        let write = |file: &mut Cursor<Vec<u8>>| -> Result<(), hound::Error> {
            let mut writer = hound::WavWriter::new(file, spec)?;
            self.samples.iter().try_for_each(|sample| writer.write_sample(*sample))?;
            writer.finalize()
        };
        write(&mut file).map_err(|error| PromptError::Unconverted(error.to_string()))?;
        Ok(file.into_inner())
    }
}

impl Prompt {
    /// Reads a WAV file of any usual rate, width and number of channels; channels are mixed.
    pub fn from_wav(file: &[u8]) -> Result<Self, PromptError> {
        Ok(Self::coded(&Speech::from_wav(file)?.samples))
    }

    /// From samples between -1 and 1, 8,000 a second. The last frame is filled up with silence.
    pub fn from_samples(samples: &[f32]) -> Self {
        Self::coded(&samples.iter().map(|sample| pcm(*sample)).collect::<Vec<i16>>())
    }

    fn coded(samples: &[i16]) -> Self {
        let len = samples.len().next_multiple_of(FRAME);
        let coded = |codec: Codec, encode: fn(i16) -> u8| -> Arc<[u8]> {
            let mut bytes: Vec<u8> = samples.iter().map(|sample| encode(*sample)).collect();
            bytes.resize(len, codec.silence());
            bytes.into()
        };
        Self {
            mu: coded(Codec::Pcmu, audio_codec_algorithms::encode_ulaw),
            a: coded(Codec::Pcma, audio_codec_algorithms::encode_alaw),
        }
    }

    /// How much memory it takes, bytes.
    pub fn size(&self) -> usize {
        self.mu.len() + self.a.len()
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

fn pcm(sample: f32) -> i16 {
    (sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)) as i16
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
    let failed = |error: &dyn std::fmt::Display| PromptError::Unconverted(error.to_string());
    let mut resampler =
        Async::<f32>::new_sinc(ratio, 1.0, &parameters, CHUNK, 1, FixedAsync::Input).map_err(|error| failed(&error))?;
    let input = InterleavedSlice::new(samples, 1, samples.len()).map_err(|error| failed(&error))?;
    let output = resampler.process_all(&input, samples.len(), None).map_err(|error| failed(&error))?;
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
    fn what_is_kept_is_a_file_of_our_rate_that_sounds_as_before() {
        let speech = Speech::from_wav(&wav(44_100, 2, 440.0)).unwrap();
        assert_eq!(speech.form.to_string(), "PCM, 16 bits, stereo, 44100 Hz");
        assert!((990..=1_010).contains(&speech.milliseconds()), "{}", speech.milliseconds());
        let kept = Speech::from_wav(&speech.to_wav().unwrap()).unwrap();
        assert_eq!((kept.form.rate, kept.form.channels, kept.form.bits), (8_000, 1, 16));
        let off = speech.samples.iter().zip(&kept.samples).map(|(one, other)| one.abs_diff(*other)).max();
        assert!(off <= Some(1), "{off:?}");
        let loudness = loudness(&Prompt::coded(&kept.samples));
        assert!((6_800.0..7_300.0).contains(&loudness), "{loudness}");
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
        assert!(matches!(Prompt::from_wav(b"RIFF"), Err(PromptError::NoWav(_))));
        let mut empty = wav(8_000, 1, 440.0);
        empty.truncate(44);
        assert!(Prompt::from_wav(&empty).is_err());
    }
}
