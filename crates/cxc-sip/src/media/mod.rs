//! Audio over RTP and SRTP: G.711 of both laws, prompts, digits, and bridges between two calls.
mod digits;
mod hearing;
mod jitter;
mod packet;
mod ports;
mod prompt;
mod reader;
mod reception;
mod recording;
mod reports;
mod rtcp;
mod srtp;
mod state;
mod stream;
mod track;
mod wav;
mod wheel;

pub use hearing::{bridge, hear};
pub use jitter::Jitter;
pub use packet::{Header, Packet};
pub use ports::{Lease, Ports, PortsError};
pub use prompt::{LONGEST as LONGEST_PROMPT, Prompt, PromptError, Speech};
pub use recording::{Recorder, Recording};
pub use srtp::{Crypto, Key};
pub use stream::{Counts, MediaEvent, Peer, Stream};
pub use wav::{Coding, WavForm};
pub use wheel::Wheel;

/// Samples, and bytes, of a frame of 20 ms.
pub const FRAME: usize = 160;

/// How audio is coded: 8,000 samples a second, a byte each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// G.711, µ-law.
    Pcmu,
    /// G.711, A-law.
    Pcma,
}

impl Codec {
    /// Its number in RTP.
    pub fn payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
        }
    }

    /// The codec of a number.
    pub fn of_payload_type(number: u8) -> Option<Self> {
        [Self::Pcmu, Self::Pcma].into_iter().find(|codec| codec.payload_type() == number)
    }

    /// The byte of silence.
    pub fn silence(self) -> u8 {
        match self {
            Self::Pcmu => 0xff,
            Self::Pcma => 0xd5,
        }
    }

    /// The sample of a byte.
    pub fn decode(self, byte: u8) -> i16 {
        match self {
            Self::Pcmu => audio_codec_algorithms::decode_ulaw(byte),
            Self::Pcma => audio_codec_algorithms::decode_alaw(byte),
        }
    }

    /// The byte of a sample.
    fn encode(self, sample: i16) -> u8 {
        match self {
            Self::Pcmu => audio_codec_algorithms::encode_ulaw(sample),
            Self::Pcma => audio_codec_algorithms::encode_alaw(sample),
        }
    }

    /// The byte of another codec that sounds like this one's.
    fn convert(self, byte: u8, to: Self) -> u8 {
        match (self, to) {
            (Self::Pcmu, Self::Pcma) => audio_codec_algorithms::convert_ulaw_to_alaw(byte),
            (Self::Pcma, Self::Pcmu) => audio_codec_algorithms::convert_alaw_to_ulaw(byte),
            _ => byte,
        }
    }
}
