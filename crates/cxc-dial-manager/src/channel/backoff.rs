//! How long to wait before the next try at a connection.
use std::time::Duration;

/// Doubles from a first to a longest wait; a fifth of each wait is spread by chance.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0 }
    }

    /// The wait after one more failure.
    pub(crate) fn next(&mut self) -> Duration {
        let wait = self.first.saturating_mul(1 << self.failures.min(16)).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        // so that connections cut together do not come back together
        wait - wait.mul_f64(0.2 * chance())
    }

    /// A success: the next failure waits little again.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

// 0 to 1; without a source of randomness all wait the full time
fn chance() -> f64 {
    let mut bytes = [0_u8; 2];
    if getrandom::fill(&mut bytes).is_err() {
        return 0.0;
    }
    f64::from(u16::from_le_bytes(bytes)) / f64::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_the_longest_and_starts_anew_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        let waits: Vec<_> = (0..6).map(|_| backoff.next().as_millis()).collect();
        assert!((80..=100).contains(&waits[0]) && (160..=200).contains(&waits[1]), "{waits:?}");
        assert!((800..=1000).contains(&waits[5]), "{waits:?}");
        backoff.reset();
        assert!(backoff.next() <= Duration::from_millis(100));
    }
}
