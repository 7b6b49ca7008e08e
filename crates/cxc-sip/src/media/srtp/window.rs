//! Which packets of a source came or went: their place among all (RFC 3711, 3.3.1), and none twice (3.3.2).

/// So many places before the furthest are told apart; what is older is too late.
const WIDTH: u64 = 64;

/// The places that were used.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Window {
    /// The furthest, and, bit by bit, which of those before it were used; none at first.
    used: Option<(u64, u64)>,
}

impl Window {
    /// The place that a sequence number stands for: that which is nearest to the furthest. None before the first.
    pub fn place(&self, sequence: u16) -> Option<u64> {
        let Some((furthest, _)) = self.used else { return Some(u64::from(sequence)) };
        // from the lower 16 bits of the furthest to the number, the short way around
        let step = sequence.wrapping_sub(furthest as u16) as i16;
        furthest.checked_add_signed(i64::from(step))
    }

    /// Whether a place is neither used nor too old.
    pub fn is_free(&self, place: u64) -> bool {
        let Some((furthest, used)) = self.used else { return true };
        match furthest.checked_sub(place) {
            None => true,
            Some(ago) => ago < WIDTH && used & (1 << ago) == 0,
        }
    }

    /// A place is used from now on.
    pub fn take(&mut self, place: u64) {
        let (furthest, used) = self.used.unwrap_or((place, 0));
        self.used = Some(match place.checked_sub(furthest) {
            Some(ahead) if ahead < WIDTH => (place, used << ahead | 1),
            Some(_) => (place, 1),
            None => (furthest, used | 1_u64.checked_shl((furthest - place) as u32).unwrap_or(0)),
        });
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn hex(text: &str) -> Vec<u8> {
        (0..text.len() / 2).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap()).collect()
    }

    #[test]
    fn places_go_on_when_the_numbers_turn_over_and_come_back_for_who_is_late() {
        let mut window = Window::default();
        for (sequence, place) in [(65_534, 65_534), (65_535, 65_535), (1, 65_537), (0, 65_536), (65_530, 65_530)] {
            assert_eq!(window.place(sequence), Some(place));
            assert!(window.is_free(place));
            window.take(place);
            assert!(!window.is_free(place), "none twice");
        }
        assert_eq!(window.place(65_533), Some(65_533));
        assert!(window.is_free(65_533) && !window.is_free(65_537 - WIDTH));
        window.take(70_000);
        assert!(!window.is_free(65_533) && window.is_free(69_999));
    }

    #[test]
    fn nothing_is_before_the_first() {
        let mut window = Window::default();
        window.take(3);
        assert_eq!((window.place(65_535), window.place(2)), (None, Some(2)));
    }
}
