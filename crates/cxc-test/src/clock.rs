//! A clock that the test owns.
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use cxc_server::Clock;
use jiff::Timestamp;

/// Monday 2 March 2026, 09:00 UTC, in microseconds: a working hour in Europe, night in the Americas.
const MONDAY_MORNING: i64 = 1_772_442_000_000_000;

/// Stands still until the test moves it. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct TestClock(Arc<AtomicI64>);

impl Default for TestClock {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(MONDAY_MORNING)))
    }
}

impl TestClock {
    /// Now, in microseconds since 1970, as it is stored.
    pub fn micros(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Puts the clock to an instant such as `2026-03-08T06:30:00Z`.
    ///
    /// # Panics
    /// When the text is no instant.
    pub fn set(&self, instant: &str) {
        #[expect(clippy::expect_used, reason = "a test that names no instant is wrong")]
        let instant: Timestamp = instant.parse().expect("an instant such as 2026-03-08T06:30:00Z");
        self.0.store(instant.as_microsecond(), Ordering::SeqCst);
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.0.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.micros()).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_begins_on_a_monday_morning_and_stands_still() {
        let clock = TestClock::default();
        assert_eq!(clock.now().to_string(), "2026-03-02T09:00:00Z");
        assert_eq!(clock.now(), clock.now());
    }

    #[test]
    fn a_clone_moves_with_its_clock() {
        let clock = TestClock::default();
        let same = clock.clone();
        clock.advance(Duration::from_secs(90));
        assert_eq!(same.now().to_string(), "2026-03-02T09:01:30Z");
        same.set("2026-03-08T06:30:00Z");
        assert_eq!(clock.now().to_string(), "2026-03-08T06:30:00Z");
    }
}
