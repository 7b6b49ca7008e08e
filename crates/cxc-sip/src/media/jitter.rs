//! A buffer that makes a steady stream of what comes unevenly, for those of us who listen. Bridges have none: the phone at
//! the other end has its own.
use std::collections::VecDeque;

use super::FRAME;

/// Shortest and longest delay, samples: 20 and 120 ms; it begins with 40.
const DELAY: std::ops::RangeInclusive<u32> = 160..=960;
const FIRST: u32 = 320;
const STEP: u32 = FRAME as u32;
/// Further ahead than this, samples, is another stretch.
const FAR: i32 = 4_000;
/// So many packets in a row that come too late: the way has become longer for good.
const ALL_LATE: u32 = 25;
/// So many packets in time show that a shorter delay would do.
const CALM: u32 = 150;
/// A gap fades by half with each frame; after so many it is silence.
const FADE: u32 = 5;

/// Packets in as they come, frames of 20 ms out.
#[derive(Debug)]
pub struct Jitter {
    source: Option<u32>,
    /// The timestamp of the next sample that goes out, the first of `samples`.
    next: u32,
    samples: VecDeque<Option<i16>>,
    delay: u32,
    /// Frames that are given out once more, so that the delay grows.
    hold: u32,
    late_in_a_row: u32,
    /// Packets in time since the last late one, and the least that any of them was early by.
    calm: (u32, i32),
    last: [i16; FRAME],
    gap: u32,
    late: u64,
    concealed: u64,
}

impl Default for Jitter {
    fn default() -> Self {
        Self {
            source: None,
            next: 0,
            samples: VecDeque::new(),
            delay: FIRST,
            hold: 0,
            late_in_a_row: 0,
            calm: (0, i32::MAX),
            last: [0; FRAME],
            gap: 0,
            late: 0,
            concealed: 0,
        }
    }
}

impl Jitter {
    /// A packet came in.
    pub fn put(&mut self, source: u32, timestamp: u32, audio: impl ExactSizeIterator<Item = i16>) {
        let len = i32::try_from(audio.len()).unwrap_or(i32::MAX);
        let early = timestamp.wrapping_sub(self.next) as i32;
        let is_late = early < 0 && early > -FAR;
        if self.source != Some(source) || early.saturating_add(len) > FAR || early <= -FAR || len > FAR {
            if len > FAR {
                return;
            }
            self.begin(source, timestamp);
        } else if is_late {
            self.late += 1;
            self.late_in_a_row += 1;
            self.calm = (0, i32::MAX);
            if self.late_in_a_row >= ALL_LATE {
                self.begin(source, timestamp);
            } else {
                self.grow();
                return;
            }
        } else {
            self.late_in_a_row = 0;
            self.calm = (self.calm.0 + 1, self.calm.1.min(early));
            self.shrink();
        }
        let at = timestamp.wrapping_sub(self.next) as usize;
        if self.samples.len() < at + audio.len() {
            self.samples.resize(at + audio.len(), None);
        }
        self.samples.iter_mut().skip(at).zip(audio).for_each(|(place, sample)| *place = Some(sample));
    }

    /// The next 20 ms; what did not come in time is concealed by a fading repeat.
    pub fn frame(&mut self) -> [i16; FRAME] {
        if self.hold > 0 {
            self.hold -= 1;
            return self.conceal(None);
        }
        self.next = self.next.wrapping_add(STEP);
        let take = self.samples.len().min(FRAME);
        let mut frame = [None; FRAME];
        self.samples.drain(..take).zip(&mut frame).for_each(|(sample, place)| *place = sample);
        self.conceal(Some(&frame))
    }

    /// Packets that came after their time, and frames that were made up for at least a part.
    pub fn counts(&self) -> (u64, u64) {
        (self.late, self.concealed)
    }

    /// How long audio is held, milliseconds.
    pub fn delay(&self) -> u32 {
        self.delay / 8
    }

    fn begin(&mut self, source: u32, timestamp: u32) {
        self.source = Some(source);
        self.samples.clear();
        self.next = timestamp.wrapping_sub(self.delay);
        self.hold = 0;
        self.late_in_a_row = 0;
        self.calm = (0, i32::MAX);
    }

    fn grow(&mut self) {
        if self.delay < *DELAY.end() {
            self.delay += STEP;
            self.hold += 1;
        }
    }

    /// All of late were early by a frame and more: one of them is left out.
    fn shrink(&mut self) {
        if self.calm.0 < CALM {
            return;
        }
        if self.calm.1 >= (STEP * 2) as i32 && self.delay > *DELAY.start() {
            self.delay -= STEP;
            self.samples.drain(..self.samples.len().min(FRAME));
            self.next = self.next.wrapping_add(STEP);
        }
        self.calm = (0, i32::MAX);
    }

    fn conceal(&mut self, frame: Option<&[Option<i16>; FRAME]>) -> [i16; FRAME] {
        let whole = frame.is_some_and(|frame| frame.iter().all(Option::is_some));
        let empty = frame.is_none_or(|frame| frame.iter().all(Option::is_none));
        if empty {
            self.gap = (self.gap + 1).min(FADE);
        }
        let fade = if self.gap >= FADE { 15 } else { self.gap.max(1) };
        if !whole && self.source.is_some() {
            self.concealed += 1;
        }
        let mut out = [0; FRAME];
        for (at, sample) in out.iter_mut().enumerate() {
            *sample = frame.and_then(|frame| frame[at]).unwrap_or(self.last[at] >> fade);
        }
        if !empty {
            self.gap = 0;
            self.last = out;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The packet of a sequence number: all its samples are that number and one.
    fn put(jitter: &mut Jitter, sequence: u32) {
        jitter.put(1, 1_000 + sequence * STEP, [sequence as i16 + 1; FRAME].into_iter());
    }

    fn first(jitter: &mut Jitter) -> i16 {
        jitter.frame()[0]
    }

    #[test]
    fn audio_comes_out_in_order_after_forty_milliseconds() {
        let mut jitter = Jitter::default();
        assert_eq!(first(&mut jitter), 0, "nothing came yet");
        put(&mut jitter, 0);
        let mut heard = vec![first(&mut jitter)];
        for sequence in [2, 1, 3, 4] {
            put(&mut jitter, sequence);
            heard.push(first(&mut jitter));
        }
        assert_eq!(heard, [0, 0, 1, 2, 3]);
        assert_eq!(jitter.counts().0, 0);
    }

    #[test]
    fn a_gap_is_a_repeat_that_fades_to_silence() {
        let mut jitter = Jitter::default();
        jitter.put(1, 0, [4_096_i16; FRAME].into_iter());
        let heard: Vec<i16> = (0..9).map(|_| first(&mut jitter)).collect();
        assert_eq!(heard, [0, 0, 4_096, 2_048, 1_024, 512, 256, 0, 0]);
    }

    #[test]
    fn late_packets_are_dropped_and_lengthen_the_delay_to_its_limit() {
        let mut jitter = Jitter::default();
        (0..2).for_each(|sequence| put(&mut jitter, sequence));
        for _ in 0..4 {
            first(&mut jitter);
        }
        put(&mut jitter, 0);
        assert_eq!((jitter.counts().0, jitter.delay()), (1, 60));
        for _ in 0..20 {
            put(&mut jitter, 0);
        }
        assert_eq!(jitter.delay(), 120);
    }

    #[test]
    fn a_calm_way_shortens_the_delay_to_its_limit_and_loses_nothing_after() {
        let mut jitter = Jitter::default();
        for sequence in 0..400 {
            put(&mut jitter, sequence);
            first(&mut jitter);
        }
        assert_eq!(jitter.delay(), 20);
        put(&mut jitter, 400);
        assert_eq!(first(&mut jitter), 400);
        assert_eq!(jitter.counts().0, 0);
    }

    #[test]
    fn a_way_that_became_longer_is_followed() {
        let mut jitter = Jitter::default();
        put(&mut jitter, 0);
        for _ in 0..20 {
            first(&mut jitter);
        }
        // from now on all packets come 360 ms late
        let mut heard = Vec::new();
        for sequence in 1..60 {
            put(&mut jitter, sequence);
            heard.push(first(&mut jitter));
        }
        assert!(heard[50..].windows(2).all(|pair| pair[1] == pair[0] + 1), "{heard:?}");
    }

    #[test]
    fn another_source_begins_anew() {
        let mut jitter = Jitter::default();
        put(&mut jitter, 0);
        jitter.put(2, 3_000_000, [77_i16; FRAME].into_iter());
        let heard: Vec<i16> = (0..3).map(|_| first(&mut jitter)).collect();
        assert_eq!(heard, [0, 0, 77]);
    }

    proptest! {
        /// Whatever comes, it holds little and does not panic.
        #[test]
        fn any_packets_are_held_within_bounds(
            packets in proptest::collection::vec((0_u32..3, any::<u32>(), 0_usize..2_000, any::<bool>()), 1..300),
        ) {
            let mut jitter = Jitter::default();
            let mut near = 0_u32;
            for (source, timestamp, len, is_near) in packets {
                let timestamp = if is_near { near.wrapping_add(timestamp % 1_000) } else { timestamp };
                near = timestamp;
                jitter.put(source, timestamp, vec![1_i16; len].into_iter());
                prop_assert!(jitter.samples.len() <= FAR as usize + 2_000);
                prop_assert!((20..=120).contains(&jitter.delay()));
                jitter.frame();
            }
        }
    }
}
