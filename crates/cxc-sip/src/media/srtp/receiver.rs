//! What comes in.
use super::super::packet::HEADER;
use super::session::{Of, Session};
use super::window::Window;
use super::{Key, TAG};

/// A far end may begin so many streams with one key.
const SOURCES: usize = 8;

/// Checks what one far end sends.
pub(in super::super) struct Receiver {
    key: Key,
    audio: Session,
    reports: Session,
    /// Of each stream what came. Kept: what was sent once is not taken again because another stream came in between.
    came: Vec<([u8; 4], Window)>,
    came_reports: Vec<([u8; 4], Window)>,
}

impl Receiver {
    pub fn new(key: Key) -> Option<Self> {
        let (audio, reports) = (Session::new(&key, Of::Audio)?, Session::new(&key, Of::Reports)?);
        Some(Self { key, audio, reports, came: Vec::new(), came_reports: Vec::new() })
    }

    /// Whether it is for this key.
    pub fn is_of(&self, key: &Key) -> bool {
        self.key == *key
    }

    /// Checks a packet and decrypts it in place: what is left is the packet. None for what the far end did not send, or did
    /// not send now.
    pub fn audio<'a>(&mut self, datagram: &'a mut [u8]) -> Option<&'a [u8]> {
        let end = datagram.len().checked_sub(TAG)?;
        let (packet, tag) = datagram.split_at_mut(end);
        let payload = payload_at(packet)?;
        let [_, _, high, low, _, _, _, _, source @ ..] = *packet.first_chunk::<HEADER>()?;
        let window = known(&self.came, source);
        let place = window.place(u16::from_be_bytes([high, low]))?;
        let turns = ((place >> 16) as u32).to_be_bytes();
        if !window.is_free(place) || !self.audio.is_signed([packet, &turns], tag) {
            return None;
        }
        take(&mut self.came, source, place)?;
        self.audio.crypt(source, place, packet.get_mut(payload..)?);
        Some(packet)
    }

    /// The same for reports.
    pub fn reports<'a>(&mut self, datagram: &'a mut [u8]) -> Option<&'a [u8]> {
        let end = datagram.len().checked_sub(TAG)?;
        let (signed, tag) = datagram.split_at_mut(end);
        let number = u32::from_be_bytes(*signed.last_chunk::<4>()?);
        let [_, _, _, _, source @ ..] = *signed.first_chunk::<8>()?;
        let place = u64::from(number & !(1 << 31));
        // reports in the clear were not agreed on
        let is_encrypted = number >> 31 == 1;
        if !is_encrypted
            || !known(&self.came_reports, source).is_free(place)
            || !self.reports.is_signed([signed, &[]], tag)
        {
            return None;
        }
        take(&mut self.came_reports, source, place)?;
        let packet = signed.get_mut(..end - 4)?;
        self.reports.crypt(source, place, packet.get_mut(8..)?);
        Some(packet)
    }
}

fn known(came: &[([u8; 4], Window)], source: [u8; 4]) -> Window {
    came.iter().find(|(known, _)| *known == source).map(|(_, window)| *window).unwrap_or_default()
}

/// None for a stream too many.
fn take(came: &mut Vec<([u8; 4], Window)>, source: [u8; 4], place: u64) -> Option<()> {
    if let Some((_, window)) = came.iter_mut().find(|(known, _)| *known == source) {
        window.take(place);
        return Some(());
    }
    if came.len() >= SOURCES {
        return None;
    }
    let mut window = Window::default();
    window.take(place);
    came.push((source, window));
    Some(())
}

/// Where the payload begins: header, contributing sources and extension stay as they are.
fn payload_at(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    let mut at = HEADER + usize::from(first & 0x0f) * 4;
    if first & 0x10 != 0 {
        let extension = packet.get(at..at + 4)?;
        at += 4 + usize::from(u16::from_be_bytes([extension[2], extension[3]])) * 4;
    }
    (first >> 6 == 2 && at <= packet.len()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::super::Sender;
    use super::super::window::tests::hex;
    use super::*;

    fn key() -> Key {
        Key::of(hex("E1F97A0D3E018BE0D64FA32C06DE41390EC675AD498AFEEBB6960B3AABE6").try_into().unwrap())
    }

    fn packet(sequence: u16) -> Vec<u8> {
        let mut packet = hex("800F1234DECAFBADCAFEBABEABABABABABABABABABABABABABABABAB");
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        packet
    }

    #[test]
    fn packets_and_reports_are_those_of_the_reference() {
        // the validation of libsrtp, srtp_driver.c
        let mut sender = Sender::new(&key()).unwrap();
        let mut audio = packet(0x1234);
        assert!(sender.audio(&mut audio));
        assert_eq!(audio, hex("800F1234DECAFBADCAFEBABE4E55DC4CE79978D88CA4D215949D2402B78D6ACC99EA179B8DBB"));
        let mut reports = hex("81C8000BCAFEBABEABABABABABABABABABABABABABABABAB");
        assert!(sender.reports(&mut reports));
        assert_eq!(reports, hex("81C8000BCAFEBABE7128035BE487B9BDBEF89041F977A5A880000001993E08CD54D6C1230798"));
        let mut receiver = Receiver::new(key()).unwrap();
        assert_eq!(receiver.audio(&mut audio), Some(packet(0x1234).as_slice()));
        let plain = hex("81C8000BCAFEBABEABABABABABABABABABABABABABABABAB");
        assert_eq!(receiver.reports(&mut reports), Some(plain.as_slice()));
    }

    #[test]
    fn what_is_changed_or_repeated_or_of_another_key_is_not_taken() {
        let mut sender = Sender::new(&key()).unwrap();
        let mut receiver = Receiver::new(key()).unwrap();
        let mut stranger = Receiver::new(Key::random().unwrap()).unwrap();
        let mut audio = packet(7);
        sender.audio(&mut audio);
        assert_eq!(stranger.audio(&mut audio.clone()), None);
        for at in 0..audio.len() {
            let mut changed = audio.clone();
            changed[at] ^= 1;
            assert_eq!(receiver.audio(&mut changed), None, "byte {at}");
        }
        for len in 0..audio.len() {
            assert_eq!(receiver.audio(&mut audio[..len].to_vec()), None);
            assert_eq!(receiver.reports(&mut audio[..len].to_vec()), None);
        }
        assert!(receiver.audio(&mut audio.clone()).is_some());
        assert_eq!(receiver.audio(&mut audio), None, "again");
        assert!(!sender.audio(&mut packet(7)), "no number goes out twice");
    }

    #[test]
    fn a_call_goes_on_when_the_numbers_turn_over_and_packets_are_lost_and_late() {
        let mut sender = Sender::new(&key()).unwrap();
        let mut receiver = Receiver::new(key()).unwrap();
        let mut late = None;
        for number in 32_000..200_000_u32 {
            let mut audio = packet(number as u16);
            assert!(sender.audio(&mut audio));
            match number % 1_000 {
                0 => late = Some(audio),
                20 => assert!(late.take().is_none_or(|mut late| receiver.audio(&mut late).is_some())),
                500..600 => (),
                _ => assert_eq!(receiver.audio(&mut audio), Some(packet(number as u16).as_slice()), "{number}"),
            }
        }
    }

    #[test]
    fn a_far_end_may_begin_anew_but_not_without_end() {
        let mut receiver = Receiver::new(key()).unwrap();
        for source in 0..20_u8 {
            let mut sender = Sender::new(&key()).unwrap();
            let mut audio = packet(1);
            audio[8] = source;
            sender.audio(&mut audio);
            assert_eq!(receiver.audio(&mut audio).is_some(), usize::from(source) < SOURCES);
        }
    }
}
