//! WAV files: what is in one, and its samples as one channel between -1 and 1.
use std::fmt;
use std::io::Cursor;

use super::prompt::{LONGEST, PromptError, RATE};

/// The most samples a second of a file.
const FASTEST: u32 = 192_000;
/// The most channels.
const CHANNELS: u16 = 8;
/// Tags of the format, as they stand in the file.
const PCM: u16 = 1;
const FLOAT: u16 = 3;
const A_LAW: u16 = 6;
const MU_LAW: u16 = 7;
/// The tag stands further behind.
const EXTENSIBLE: u16 = 0xfffe;

/// How the samples of a file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Whole numbers.
    Pcm,
    /// Floating-point numbers.
    Float,
    /// G.711 A-law.
    ALaw,
    /// G.711 µ-law.
    MuLaw,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WavForm {
    /// How samples are written.
    pub coding: Coding,
    /// Bits of a sample.
    pub bits: u16,
    /// 1 is mono, 2 stereo.
    pub channels: u16,
    /// Samples a second.
    pub rate: u32,
}

impl fmt::Display for WavForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let coding = match self.coding {
            Coding::Pcm => "PCM",
            Coding::Float => "float",
            Coding::ALaw => "A-law",
            Coding::MuLaw => "µ-law",
        };
        let channels = match self.channels {
            1 => "mono".to_owned(),
            2 => "stereo".to_owned(),
            channels => format!("{channels} channels"),
        };
        write!(f, "{coding}, {} bits, {channels}, {} Hz", self.bits, self.rate)
    }
}

/// The form of a file as it is understood and as it stands there, and its samples.
struct Parts<'a> {
    form: WavForm,
    head: &'a [u8],
    data: &'a [u8],
}

/// Reads a file; its channels are mixed.
pub(super) fn read(file: &[u8]) -> Result<(WavForm, Vec<f32>), PromptError> {
    let Parts { form, head, data } = parts(file)?;
    if !(RATE..=FASTEST).contains(&form.rate) {
        return Err(PromptError::Rate(form.rate));
    }
    if form.channels == 0 || form.channels > CHANNELS {
        return Err(PromptError::Channels(form.channels));
    }
    let frame = usize::from(form.channels) * usize::from(form.bits.div_ceil(8));
    let frames = (data.len() / frame.max(1)) as u64;
    if frames == 0 {
        return Err(PromptError::Empty);
    }
    if frames > LONGEST * u64::from(form.rate) {
        return Err(PromptError::TooLong(frames / u64::from(form.rate)));
    }
    let samples = match form.coding {
        Coding::ALaw => law(data, audio_codec_algorithms::decode_alaw),
        Coding::MuLaw => law(data, audio_codec_algorithms::decode_ulaw),
        Coding::Pcm | Coding::Float => linear(head, data)?,
    };
    let channels = usize::from(form.channels);
    let mixed = samples.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32).collect();
    Ok((form, mixed))
}

fn law(data: &[u8], decode: fn(u8) -> i16) -> Vec<f32> {
    data.iter().map(|byte| f32::from(decode(*byte)) / 32_768.0).collect()
}

/// The library sees nothing but the two chunks: it stumbles over others of odd length.
fn linear(head: &[u8], data: &[u8]) -> Result<Vec<f32>, PromptError> {
    let length = |part: &[u8]| (part.len() as u32).to_le_bytes();
    let mut file = [b"RIFF".as_slice(), &[0; 4], b"WAVEfmt ", &length(head), head].concat();
    file.extend([b"data".as_slice(), &length(data), data].concat());
    let mut reader = hound::WavReader::new(Cursor::new(file)).map_err(PromptError::Unreadable)?;
    let spec = reader.spec();
    let samples: Result<Vec<f32>, hound::Error> = match spec.sample_format {
        hound::SampleFormat::Float => reader.samples::<f32>().map(|sample| sample.map(sound)).collect(),
        hound::SampleFormat::Int => {
            let full = (1_i64 << spec.bits_per_sample.saturating_sub(1)) as f32;
            reader.samples::<i32>().map(|sample| sample.map(|sample| sample as f32 / full)).collect()
        }
    };
    samples.map_err(PromptError::Unreadable)
}

/// What is no number is silence.
fn sound(sample: f32) -> f32 {
    if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 }
}

/// Looks for the two chunks that matter.
fn parts(file: &[u8]) -> Result<Parts<'_>, PromptError> {
    let rest = match (file.get(..4), file.get(8..12)) {
        (Some(b"RIFF"), Some(b"WAVE")) => file.get(12..).unwrap_or_default(),
        _ => return Err(PromptError::NoWav(kind(file))),
    };
    let (mut rest, mut found) = (rest, None);
    while let Some((head, body)) = rest.split_at_checked(8) {
        let length = u32_at(head, 4).unwrap_or(0) as usize;
        let chunk = body.get(..length);
        match head.get(..4) {
            Some(b"fmt ") => {
                let head = chunk.unwrap_or_default();
                found = Some((form_of(head)?, head));
            }
            Some(b"data") => {
                let (form, head) = found.ok_or(PromptError::Broken("the samples stand before their form"))?;
                let data = chunk.ok_or(PromptError::Broken("it ends before its samples do"))?;
                return Ok(Parts { form, head, data });
            }
            _ => (),
        }
        // chunks begin at even places
        rest = body.get(length.saturating_add(length % 2)..).unwrap_or_default();
    }
    Err(PromptError::Broken("it has no samples"))
}

fn form_of(chunk: &[u8]) -> Result<WavForm, PromptError> {
    let short = PromptError::Broken("it does not say how its samples are written");
    let (Some(tag), Some(channels), Some(rate), Some(bits)) =
        (u16_at(chunk, 0), u16_at(chunk, 2), u32_at(chunk, 4), u16_at(chunk, 14))
    else {
        return Err(short);
    };
    let tag = if tag == EXTENSIBLE { u16_at(chunk, 24).ok_or(short)? } else { tag };
    let coding = match (tag, bits) {
        (PCM, 8 | 16 | 24 | 32) => Coding::Pcm,
        (FLOAT, 32) => Coding::Float,
        (A_LAW, 8) => Coding::ALaw,
        (MU_LAW, 8) => Coding::MuLaw,
        _ => return Err(PromptError::Coding { tag, bits }),
    };
    Ok(WavForm { coding, bits, channels, rate })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// What a file that is no WAV file seems to be.
fn kind(file: &[u8]) -> &'static str {
    match file {
        [] => "it is empty",
        [b'I', b'D', b'3', ..] | [0xff, 0xe0..=0xff, ..] => "this is MP3",
        [b'O', b'g', b'g', b'S', ..] => "this is Ogg",
        [b'f', b'L', b'a', b'C', ..] => "this is FLAC",
        [b'R', b'F', b'6', b'4', ..] => "this is RF64",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "this is MP4",
        _ => "it does not begin with RIFF and WAVE",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of this form with these samples.
    fn file(tag: u16, bits: u16, channels: u16, rate: u32, data: &[u8]) -> Vec<u8> {
        let mut form = [tag.to_le_bytes(), channels.to_le_bytes()].concat();
        let align = channels * bits.div_ceil(8);
        form.extend([rate.to_le_bytes(), (rate * u32::from(align)).to_le_bytes()].concat());
        form.extend([align.to_le_bytes(), bits.to_le_bytes()].concat());
        let mut file = [b"RIFF".as_slice(), &0_u32.to_le_bytes(), b"WAVELIST", &3_u32.to_le_bytes(), b"odd\0"].concat();
        for (name, chunk) in [(b"fmt ", form.as_slice()), (b"data", data)] {
            file.extend(name);
            file.extend(u32::try_from(chunk.len()).unwrap().to_le_bytes());
            file.extend(chunk);
        }
        file
    }

    #[test]
    fn every_usual_form_gives_the_same_sound() {
        let half = 0.5_f32;
        let cases: [(u16, u16, Vec<u8>); 7] = [
            (PCM, 8, vec![192]),
            (PCM, 16, 16_384_i16.to_le_bytes().to_vec()),
            (PCM, 24, 4_194_304_i32.to_le_bytes()[..3].to_vec()),
            (PCM, 32, 1_073_741_824_i32.to_le_bytes().to_vec()),
            (FLOAT, 32, half.to_le_bytes().to_vec()),
            (A_LAW, 8, vec![audio_codec_algorithms::encode_alaw(16_384)]),
            (MU_LAW, 8, vec![audio_codec_algorithms::encode_ulaw(16_384)]),
        ];
        for (tag, bits, sample) in cases {
            for channels in [1, 2] {
                let data = sample.repeat(usize::from(channels) * 3);
                let (form, samples) = read(&file(tag, bits, channels, 16_000, &data)).unwrap();
                assert_eq!((form.bits, form.channels, form.rate), (bits, channels, 16_000));
                assert_eq!(samples.len(), 3, "{form}");
                assert!(samples.iter().all(|sample| (sample - half).abs() < 0.02), "{form}: {samples:?}");
            }
        }
    }

    #[test]
    fn what_is_refused_is_named() {
        let said = |file: &[u8]| read(file).unwrap_err().to_string();
        let sample = [0_u8; 64];
        assert!(said(b"ID3\x03").contains("MP3"));
        assert!(said(b"").contains("empty"));
        assert!(said(&file(PCM, 16, 1, 4_000, &sample)).contains("4000"));
        assert!(said(&file(PCM, 16, 9, 8_000, &sample)).contains('9'));
        assert!(said(&file(0x55, 16, 1, 8_000, &sample)).contains("0x0055"));
        assert!(said(&file(FLOAT, 64, 1, 8_000, &sample)).contains("64"));
        let cut = file(PCM, 16, 1, 8_000, &sample);
        assert!(said(&cut[..cut.len() - 1]).contains("ends before"));
        assert!(said(&file(PCM, 16, 1, 8_000, &[])).contains("empty"));
        let long = vec![0x80; 8_000 * 601];
        assert!(said(&file(PCM, 8, 1, 8_000, &long)).contains("601"));
    }

    #[test]
    fn no_number_is_silence_and_no_cut_or_changed_file_makes_it_fall_over() {
        let bad = [f32::NAN, f32::INFINITY, 2.0].map(f32::to_le_bytes).concat();
        assert_eq!(read(&file(FLOAT, 32, 1, 8_000, &bad)).unwrap().1, [0.0, 0.0, 1.0]);
        let good = file(PCM, 16, 2, 8_000, &[1; 64]);
        for at in 0..good.len() {
            drop(read(&good[..at]));
            for value in [0, 0x7f, 0xff] {
                let mut changed = good.clone();
                changed[at] = value;
                drop(read(&changed));
            }
        }
    }
}
