//! Who says nothing may be gone: a phone without power, a carrier without a network. Nobody tells us of it.
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use crate::media::Stream;

/// Looks at the audio of a call from time to time.
pub(super) struct Vigil {
    interval: Interval,
    silence: Duration,
    again: Duration,
    /// Packets that had come, and since when it has been so many.
    heard: (u64, Instant),
    asked: Option<Instant>,
}

impl Vigil {
    /// Over a phone that should always send: the next call may be given to it at any moment.
    pub fn over_a_phone() -> Self {
        Self::new(Duration::from_secs(1), Duration::from_millis(2_500), Duration::from_secs(5))
    }

    /// Over a person, whose carrier may leave silence out.
    pub fn over_a_person() -> Self {
        Self::new(Duration::from_secs(2), Duration::from_secs(10), Duration::from_secs(30))
    }

    fn new(look: Duration, silence: Duration, again: Duration) -> Self {
        let mut interval = interval(look);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { interval, silence, again, heard: (0, Instant::now()), asked: None }
    }

    /// Waits for the next look; true if nothing has come for so long that the far end should be asked. May be dropped.
    pub async fn is_worried(&mut self, stream: &Stream) -> bool {
        let now = self.interval.tick().await;
        self.look(stream.counts().received, now)
    }

    fn look(&mut self, received: u64, now: Instant) -> bool {
        if received != self.heard.0 {
            (self.heard, self.asked) = ((received, now), None);
            return false;
        }
        let is_silent = now.duration_since(self.heard.1) >= self.silence;
        let is_time = self.asked.is_none_or(|asked| now.duration_since(asked) >= self.again);
        if is_silent && is_time {
            self.asked = Some(now);
        }
        is_silent && is_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn silence_worries_and_is_asked_about_again_until_something_comes() {
        let mut vigil = Vigil::over_a_phone();
        let start = vigil.heard.1;
        let mut at = |received: u64, seconds: u64| vigil.look(received, start + Duration::from_secs(seconds));
        assert!(!at(0, 1) && !at(0, 2), "it may still begin");
        assert!(at(0, 3) && !at(0, 4), "asked once");
        assert!(!at(0, 7) && at(0, 8) && !at(0, 9));
        assert!(!at(50, 15) && !at(100, 16) && !at(100, 18));
        assert!(at(100, 19));
    }
}
