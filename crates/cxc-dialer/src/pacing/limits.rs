//! What bounds the calls of a group from outside: trunks, ports and ready records.
use cxc_core::Micros;

use super::Why;

const SECOND: Micros = 1_000_000;

/// A carrier connection as pacing sees it: channels, calls per second, and whether it takes calls.
#[derive(Debug, Clone)]
pub struct Trunk {
    channels: u32,
    per_second: f64,
    in_use: u32,
    tokens: f64,
    filled: Micros,
    down: Option<Down>,
}

#[derive(Debug, Clone, Copy)]
struct Down {
    status: u16,
    until: Micros,
    probing: bool,
}

impl Trunk {
    /// `channels` calls at once, `per_second` new ones a second.
    pub fn new(channels: u32, per_second: f64) -> Self {
        Self { channels, per_second, in_use: 0, tokens: per_second.max(1.0), filled: 0, down: None }
    }

    /// How many calls it takes now, and why no more.
    pub fn room(&mut self, now: Micros) -> (u32, Why) {
        let elapsed = (now - self.filled).max(0) as f64 / SECOND as f64;
        // a burst of a second at most
        self.tokens = (self.tokens + elapsed * self.per_second).min(self.per_second.max(1.0));
        self.filled = now;
        let channels = (self.channels.saturating_sub(self.in_use), Why::TrunkChannelsFull);
        let tokens = (self.tokens as u32, Why::TrunkCps);
        let open = if tokens.0 < channels.0 { tokens } else { channels };
        match self.down {
            Some(Down { status, until, probing }) if now < until || probing => (0, Why::TrunkDown { status }),
            Some(Down { status, .. }) if open.0 > 0 => (1, Why::TrunkDown { status }),
            _ => open,
        }
    }

    /// A call was started on it.
    pub fn placed(&mut self) {
        self.in_use += 1;
        self.tokens = (self.tokens - 1.0).max(0.0);
        if let Some(down) = &mut self.down {
            down.probing = true;
        }
    }

    /// A call on it ended.
    pub fn freed(&mut self) {
        self.in_use = self.in_use.saturating_sub(1);
    }

    /// The carrier refused a call for itself: no call for so long, then one to see.
    pub fn refused(&mut self, status: u16, now: Micros, retry_after: Micros) {
        self.down = Some(Down { status, until: now + retry_after, probing: false });
    }

    /// Whether it refuses calls, or one is looking whether it still does.
    pub fn is_down(&self) -> bool {
        self.down.is_some()
    }

    /// Whether a call that was placed then left before the pause that holds now was over: that it failed says nothing new.
    pub fn was_left_alone_after(&self, placed: Micros) -> bool {
        self.down.is_some_and(|down| placed < down.until)
    }

    /// If a call was to show whether the carrier works again, it did not show it: another one may, so much later.
    pub fn unclear(&mut self, now: Micros, pause: Micros) {
        if let Some(down) = self.down.as_mut().filter(|down| down.probing) {
            down.until = now + pause;
            down.probing = false;
        }
    }

    /// The carrier carried a call.
    pub fn works(&mut self) {
        self.down = None;
    }

    /// Calls on it.
    pub fn in_use(&self) -> u32 {
        self.in_use
    }
}

/// How many records can be dialed now, and why no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    /// Ready records.
    pub ready: u32,
    /// What holds back the rest.
    pub why: Why,
}

impl Records {
    /// So many are ready.
    pub fn ready(ready: u32) -> Self {
        Self { ready, why: Why::NoRecordsReady }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trunk_takes_calls_by_its_channels_and_its_rate() {
        let mut trunk = Trunk::new(5, 3.0);
        assert_eq!(trunk.room(0), (3, Why::TrunkCps));
        (0..3).for_each(|_| trunk.placed());
        assert_eq!(trunk.room(0), (0, Why::TrunkCps));
        assert_eq!(trunk.room(SECOND), (2, Why::TrunkChannelsFull));
        trunk.freed();
        assert_eq!(trunk.room(10 * SECOND), (3, Why::TrunkChannelsFull));
    }

    #[test]
    fn a_trunk_that_refused_is_asked_again_by_one_call() {
        let mut trunk = Trunk::new(50, 10.0);
        let down = Why::TrunkDown { status: 503 };
        trunk.placed();
        trunk.refused(503, 0, 5 * SECOND);
        trunk.freed();
        assert_eq!(trunk.room(4 * SECOND), (0, down.clone()));
        assert_eq!(trunk.room(5 * SECOND), (1, down.clone()));
        assert!(trunk.is_down() && trunk.was_left_alone_after(0) && !trunk.was_left_alone_after(5 * SECOND));
        trunk.placed();
        assert_eq!(trunk.room(6 * SECOND), (0, down.clone()), "while one call looks, the others wait");
        trunk.unclear(6 * SECOND, 2 * SECOND);
        assert_eq!(trunk.room(7 * SECOND), (0, down.clone()));
        assert_eq!(trunk.room(8 * SECOND), (1, down), "the next one looks");
        trunk.placed();
        trunk.works();
        assert_eq!(trunk.room(9 * SECOND), (10, Why::TrunkCps));
        assert!(!trunk.is_down() && !trunk.was_left_alone_after(0));
    }
}
