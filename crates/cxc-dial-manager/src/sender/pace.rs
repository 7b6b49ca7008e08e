//! Token buckets: how many messages may leave now. Pure; the caller hands in the time.
use cxc_core::Micros;

const SECOND: f64 = 1_000_000.0;

/// A token bucket. Filled at a rate, never deeper than its depth.
#[derive(Debug, Clone)]
pub struct TokenBucket {
    per_second: f64,
    depth: f64,
    level: f64,
    at: Micros,
}

impl TokenBucket {
    /// A bucket that starts with one token. The depth is what may leave at once after a quiet time:
    /// a tenth of a second's worth, at least one message.
    pub fn new(per_second: f64, now: Micros) -> Self {
        let per_second = per_second.max(0.000_1);
        Self { per_second, depth: (per_second / 10.0).max(1.0), level: 1.0, at: now }
    }

    /// Changes the rate; what has gathered stays.
    pub fn set_rate(&mut self, per_second: f64) {
        self.per_second = per_second.max(0.000_1);
        self.depth = (self.per_second / 10.0).max(1.0);
        self.level = self.level.min(self.depth);
    }

    /// The rate, in messages a second.
    pub fn rate(&self) -> f64 {
        self.per_second
    }

    /// How many messages may leave now.
    pub fn available(&mut self, now: Micros) -> usize {
        self.fill(now);
        // a clock set back must not open the bucket, so only whole tokens that were earned count
        let whole = self.level.floor();
        if whole < 1.0 { 0 } else { whole.min(1_000_000.0) as usize }
    }

    /// Takes what was sent. More than was available is owed.
    pub fn take(&mut self, count: usize) {
        self.level -= count as f64;
    }

    /// Gives back what was not sent after all.
    pub fn give_back(&mut self, count: usize) {
        self.level = (self.level + count as f64).min(self.depth);
    }

    /// When the next message may leave.
    pub fn next_at(&mut self, now: Micros) -> Micros {
        self.fill(now);
        let missing = (1.0 - self.level).max(0.0);
        now + (missing / self.per_second * SECOND).ceil() as Micros
    }

    fn fill(&mut self, now: Micros) {
        let elapsed = now.saturating_sub(self.at).max(0);
        self.level = (self.level + elapsed as f64 / SECOND * self.per_second).min(self.depth);
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_quiet_bucket_holds_a_tenth_of_a_second() {
        let mut bucket = TokenBucket::new(100.0, 0);
        assert_eq!(bucket.available(0), 1);
        assert_eq!(bucket.available(60_000_000), 10);
        bucket.take(10);
        assert_eq!(bucket.available(60_000_000), 0);
        assert_eq!(bucket.next_at(60_000_000), 60_010_000);
    }

    #[test]
    fn a_slow_bucket_lets_one_go_at_a_time() {
        let mut bucket = TokenBucket::new(0.5, 0);
        bucket.take(1);
        assert_eq!(bucket.available(1_999_999), 0);
        assert_eq!(bucket.available(2_000_000), 1);
        assert_eq!(bucket.available(60_000_000), 1);
    }

    #[test]
    fn a_clock_set_back_earns_nothing() {
        let mut bucket = TokenBucket::new(10.0, 1_000_000);
        bucket.take(1);
        assert_eq!(bucket.available(0), 0);
        assert_eq!(bucket.available(100_000), 1);
    }

    proptest! {
        #[test]
        fn never_more_leaves_than_the_rate_and_one_burst(rate in 0.1..2_000.0_f64, steps in proptest::collection::vec(1_i64..500_000, 1..200)) {
            let mut bucket = TokenBucket::new(rate, 0);
            let (mut now, mut sent) = (0, 0_usize);
            for step in steps {
                now += step;
                let count = bucket.available(now);
                bucket.take(count);
                sent += count;
            }
            let most = rate * now as f64 / SECOND + (rate / 10.0).max(1.0) + 1.0;
            prop_assert!(sent as f64 <= most, "sent {sent}, at most {most}");
        }
    }
}
