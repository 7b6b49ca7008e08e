//! What goes out.
use super::super::packet::HEADER;
use super::session::{Of, Session};
use super::window::Window;
use super::{Key, TAG};

/// Says that a report is encrypted.
const ENCRYPTED: u32 = 1 << 31;

/// Protects what one stream sends.
pub(in super::super) struct Sender {
    audio: Session,
    reports: Session,
    window: Window,
    /// The number of the next report.
    next: u32,
}

impl Sender {
    pub fn new(key: &Key) -> Option<Self> {
        let (audio, reports) = (Session::new(key, Of::Audio)?, Session::new(key, Of::Reports)?);
        Some(Self { audio, reports, window: Window::default(), next: 1 })
    }

    /// Encrypts and signs a packet whose header has nothing extra. False for one whose number went out before: the same key
    /// stream twice would tell what both carry.
    pub fn audio(&mut self, datagram: &mut Vec<u8>) -> bool {
        let Some((header, payload)) = datagram.split_first_chunk_mut::<HEADER>() else { return false };
        let [_, _, high, low, _, _, _, _, source @ ..] = *header;
        let Some(place) = self.window.place(u16::from_be_bytes([high, low])) else { return false };
        if !self.window.is_free(place) {
            return false;
        }
        self.window.take(place);
        self.audio.crypt(source, place, payload);
        let turns = ((place >> 16) as u32).to_be_bytes();
        let tag = self.audio.sign([datagram, &turns]);
        datagram.extend_from_slice(&tag);
        true
    }

    /// Encrypts and signs reports. False where there were more than the standard has numbers for.
    pub fn reports(&mut self, datagram: &mut Vec<u8>) -> bool {
        let number = self.next;
        let Some((header, payload)) = datagram.split_first_chunk_mut::<8>() else { return false };
        if number >= ENCRYPTED {
            return false;
        }
        self.next += 1;
        let [_, _, _, _, source @ ..] = *header;
        self.reports.crypt(source, u64::from(number), payload);
        datagram.extend((number | ENCRYPTED).to_be_bytes());
        let tag: [u8; TAG] = self.reports.sign([datagram, &[]]);
        datagram.extend_from_slice(&tag);
        true
    }
}
