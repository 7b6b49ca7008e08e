//! Calls a minute: a bucket that fills evenly and holds what two seconds bring.
use cxc_core::Micros;

/// How much is saved up, in seconds of the budget.
const DEPTH: f64 = 2.0;

/// The calls that may be started. It holds one at least, or slow groups would never call.
#[derive(Debug, Clone, Default)]
pub(super) struct Bucket {
    calls: f64,
    filled: Option<Micros>,
}

impl Bucket {
    /// How many calls may be started now.
    pub fn room(&mut self, per_minute: u32, now: Micros) -> u32 {
        let most = (f64::from(per_minute) / 60.0 * DEPTH).max(1.0);
        let passed = self.filled.map(|filled| (now - filled).max(0) as f64 / 60e6);
        // the first one need not be waited for
        let came = passed.map_or(1.0, |minutes| minutes * f64::from(per_minute));
        self.calls = (self.calls + came).min(most);
        self.filled = Some(now);
        self.calls as u32
    }

    /// A call was started.
    pub fn take(&mut self) {
        self.calls = (self.calls - 1.0).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_come_evenly_and_two_seconds_are_saved_up_at_most() {
        let mut bucket = Bucket::default();
        let mut started = 0;
        for at in 0..600 {
            let room = bucket.room(120, at * 100_000);
            (0..room).for_each(|_| bucket.take());
            started += room;
        }
        assert_eq!(started, 120, "a minute of 120 calls");
        assert_eq!(bucket.room(120, 600_000_000), 4, "nine minutes were not used");
        assert_eq!(Bucket::default().room(1, 0), 1);
    }
}
