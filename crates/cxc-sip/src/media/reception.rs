//! What is known of a stream that comes in: losses and jitter (RFC 3550, A.3 and A.8).
use super::Header;

/// A change of the way by more than this, samples, is another stretch and no jitter.
const STRETCH: u32 = 8_000;

/// A stream of the far end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reception {
    pub source: u32,
    first: u16,
    /// How far the highest sequence number is from the first.
    span: u32,
    packets: u32,
    /// Sixteen times the jitter, samples.
    jitter: u32,
    way: Option<u32>,
    /// What was expected and what had come when the last report was made.
    reported: (u32, u32),
}

/// What a report says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Measured {
    /// Lost since the last report, of 256.
    pub fraction: u8,
    pub lost: u32,
    pub highest: u32,
    pub jitter: u32,
}

impl Reception {
    /// Before its first packet is counted.
    pub fn new(header: Header) -> Self {
        let (source, first) = (header.source, header.sequence);
        Self { source, first, span: 0, packets: 0, jitter: 0, way: None, reported: (0, 0) }
    }

    /// Counts a packet. `arrival` is its instant in samples; events stand at the beginning of their key press and tell
    /// nothing of the way.
    pub fn packet(&mut self, header: Header, arrival: u32, is_audio: bool) {
        self.packets = self.packets.saturating_add(1);
        let ahead = header.sequence.wrapping_sub(self.first.wrapping_add(self.span as u16)) as i16;
        self.span = self.span.saturating_add(u32::try_from(ahead).unwrap_or(0));
        if !is_audio {
            return;
        }
        let way = arrival.wrapping_sub(header.timestamp);
        if let Some(before) = self.way.replace(way) {
            let change = (way.wrapping_sub(before) as i32).unsigned_abs();
            if change < STRETCH {
                self.jitter = (self.jitter + change).saturating_sub((self.jitter + 8) >> 4);
            }
        }
    }

    fn expected(&self) -> u32 {
        self.span.saturating_add(1)
    }

    /// Packets that should have come before the last one and did not.
    pub fn lost(&self) -> u32 {
        self.expected().saturating_sub(self.packets)
    }

    /// How unevenly packets come, samples.
    pub fn jitter(&self) -> u32 {
        self.jitter >> 4
    }

    /// What is said of it now; the next report counts from here.
    pub fn measure(&mut self) -> Measured {
        let (expected, came) = (self.expected() - self.reported.0, self.packets - self.reported.1);
        self.reported = (self.expected(), self.packets);
        let lost = expected.saturating_sub(came);
        let fraction = (u64::from(lost) * 256).checked_div(u64::from(expected)).unwrap_or(0);
        Measured {
            fraction: u8::try_from(fraction).unwrap_or(u8::MAX),
            // 23 bits and a sign
            lost: self.lost().min(0x7f_ffff),
            highest: u32::from(self.first).wrapping_add(self.span),
            jitter: self.jitter(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(sequence: u16) -> Header {
        Header { marker: false, payload_type: 0, sequence, timestamp: u32::from(sequence) * 160, source: 1 }
    }

    #[test]
    fn losses_are_counted_over_the_turn_of_the_sequence_and_since_the_last_report() {
        let mut reception = Reception::new(header(65_534));
        for sequence in [65_534, 65_535, 1] {
            reception.packet(header(sequence), 0, false);
        }
        let first = reception.measure();
        assert_eq!((first.lost, first.highest, first.fraction), (1, 65_537, 64));
        (2..=5).for_each(|sequence| reception.packet(header(sequence), 0, false));
        assert_eq!((reception.measure().fraction, reception.lost()), (0, 1));
        // repeats are no gain that could go below zero
        (0..9).for_each(|_| reception.packet(header(5), 0, false));
        assert_eq!((reception.lost(), reception.measure().fraction), (0, 0));
    }

    #[test]
    fn jitter_is_the_mean_change_of_the_way() {
        let mut reception = Reception::new(header(0));
        for sequence in 0..200_u16 {
            // every other packet is 10 ms late
            let late = if sequence % 2 == 0 { 0 } else { 80 };
            reception.packet(header(sequence), u32::from(sequence) * 160 + late, true);
        }
        assert!((75..=81).contains(&reception.jitter()), "{}", reception.jitter());
        reception.packet(header(200), 9_000_000, true);
        assert!(reception.jitter() < 90, "a pause is none");
    }
}
