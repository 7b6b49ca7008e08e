//! Digits that phones send as events (RFC 4733), and those that we send.
use std::collections::VecDeque;

use super::FRAME;

/// The keys of events, in the order of their numbers.
const KEYS: &[u8] = b"0123456789*#ABCD";
/// Turns of 20 ms: how long a key is held, and how long until the next one.
const HELD: u16 = 5;
const PAUSE: u16 = 4;
/// A volume of -10 dBm0, and the mark of the end.
const VOLUME: u8 = 10;
const END: u8 = 0x80;
/// So many keys wait at most.
const MOST: usize = 64;

/// Tells digits from the packets of their events: each is reported once, though its end comes three times.
#[derive(Debug, Default)]
pub(super) struct Digits {
    last: Option<u32>,
}

impl Digits {
    /// A packet of an event. The timestamp names the key press.
    pub fn packet(&mut self, timestamp: u32, payload: &[u8]) -> Option<char> {
        let [event, flags, ..] = *payload else { return None };
        let end = flags & END != 0;
        if !end || self.last == Some(timestamp) {
            return None;
        }
        self.last = Some(timestamp);
        KEYS.get(usize::from(event)).map(|digit| char::from(*digit))
    }
}

/// Keys that wait to be sent, and how far the first of them is.
#[derive(Debug, Default)]
pub(super) struct Keys {
    waiting: VecDeque<u8>,
    turn: u16,
    /// The timestamp of the press.
    pressed: u32,
}

/// What a turn sends.
pub(super) struct Press {
    pub timestamp: u32,
    pub payload: [u8; 4],
    /// The first of its event.
    pub marker: bool,
    /// The end is said three times.
    pub times: u8,
}

impl Keys {
    /// Adds keys; what is none is left out. True if nothing was being sent so far.
    pub fn press(&mut self, keys: &str) -> bool {
        let was_idle = self.waiting.is_empty();
        let events = keys.bytes().filter_map(|key| KEYS.iter().position(|known| *known == key.to_ascii_uppercase()));
        let room = MOST.saturating_sub(self.waiting.len());
        self.waiting.extend(events.filter_map(|event| u8::try_from(event).ok()).take(room));
        was_idle && !self.waiting.is_empty()
    }

    /// Whether anything is being sent.
    pub fn is_busy(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Nothing waits any more.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// What the next 20 ms send; `now` is the timestamp of the stream.
    pub fn turn(&mut self, now: u32) -> Option<Press> {
        let event = *self.waiting.front()?;
        let turn = self.turn;
        self.turn += 1;
        if self.turn == HELD + PAUSE {
            self.turn = 0;
            self.waiting.pop_front();
        }
        if turn == 0 {
            self.pressed = now;
        }
        if turn >= HELD {
            return None;
        }
        let is_last = turn + 1 == HELD;
        let [high, low] = ((turn + 1) * FRAME as u16).to_be_bytes();
        let payload = [event, VOLUME | if is_last { END } else { 0 }, high, low];
        let times = if is_last { 3 } else { 1 };
        Some(Press { timestamp: self.pressed, payload, marker: turn == 0, times })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_pressed_are_those_that_are_heard() {
        let (mut keys, mut digits) = (Keys::default(), Digits::default());
        assert!(keys.press("4x*"));
        assert!(!keys.press("d"), "they follow what is being sent");
        let mut heard = String::new();
        let mut turns = 0_u32;
        while keys.is_busy() {
            assert!(turns < 100);
            if let Some(press) = keys.turn(turns * 160) {
                (0..press.times).for_each(|_| heard.extend(digits.packet(press.timestamp, &press.payload)));
            }
            turns += 1;
        }
        assert_eq!((heard.as_str(), turns), ("4*D", 27));
        assert!(!keys.press("xyz") && keys.turn(0).is_none());
    }

    #[test]
    fn a_key_press_is_one_digit_however_often_its_end_comes() {
        let mut digits = Digits::default();
        let mut heard = Vec::new();
        for (timestamp, event) in [(160, 5), (1600, 5), (3200, 11)] {
            heard.extend(digits.packet(timestamp, &[event, 10, 0, 160]));
            (0..3).for_each(|_| heard.extend(digits.packet(timestamp, &[event, 0x8a, 3, 32])));
        }
        assert_eq!(heard, ['5', '5', '#']);
    }

    #[test]
    fn other_events_and_broken_ones_are_no_digits() {
        let mut digits = Digits::default();
        assert_eq!(digits.packet(1, &[32, 0x80, 0, 0]), None);
        assert_eq!(digits.packet(2, &[5]), None);
    }
}
