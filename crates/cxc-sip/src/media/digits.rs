//! Digits that phones send as events (RFC 4733).

/// Tells digits from the packets of their events: each is reported once, though its end comes three times.
#[derive(Debug, Default)]
pub(super) struct Digits {
    last: Option<u32>,
}

impl Digits {
    /// A packet of an event. The timestamp names the key press.
    pub fn packet(&mut self, timestamp: u32, payload: &[u8]) -> Option<char> {
        let [event, flags, ..] = *payload else { return None };
        let end = flags & 0x80 != 0;
        if !end || self.last == Some(timestamp) {
            return None;
        }
        self.last = Some(timestamp);
        b"0123456789*#ABCD".get(usize::from(event)).map(|digit| char::from(*digit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
