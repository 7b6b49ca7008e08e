//! Slows down when the SMS centre says "too fast", and finds its way back.
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A wait this short is borne within the carrier instead of giving the message back.
pub(super) const BEARABLE: Duration = Duration::from_millis(300);
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);

#[derive(Default)]
struct State {
    until: Option<Instant>,
    pause: Duration,
}

/// The pause after a throttling answer: doubles while they go on, halves when messages pass.
#[derive(Default)]
pub(super) struct Throttle(Mutex<State>);

impl Throttle {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long to send nothing; `None` if nothing stands in the way.
    pub fn wait(&self, now: Instant) -> Option<Duration> {
        let until = self.lock().until?;
        Some(until.saturating_duration_since(now)).filter(|wait| !wait.is_zero())
    }

    /// The centre said "too fast".
    pub fn slower(&self, now: Instant) {
        let mut state = self.lock();
        // a whole window is refused at once: that is one event, not ten
        if state.until.is_some_and(|until| until > now) {
            return;
        }
        state.pause = (state.pause * 2).clamp(FIRST, LONGEST);
        state.until = Some(now + state.pause);
    }

    /// A message passed.
    pub fn passed(&self, now: Instant) {
        let mut state = self.lock();
        if state.until.is_some_and(|until| until <= now) {
            state.pause /= 2;
            state.until = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_once_a_period_and_halves_when_messages_pass() {
        let throttle = Throttle::default();
        let start = Instant::now();
        for _ in 0..10 {
            throttle.slower(start);
        }
        assert_eq!(throttle.wait(start), Some(FIRST));
        let second = start + FIRST;
        assert_eq!(throttle.wait(second), None);
        throttle.slower(second);
        assert_eq!(throttle.wait(second), Some(FIRST * 2));
        let third = second + FIRST * 2;
        throttle.passed(third);
        throttle.slower(third);
        assert_eq!(throttle.wait(third), Some(FIRST * 2));
    }
}
