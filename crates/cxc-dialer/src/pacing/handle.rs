//! How long agents are busy with a call.
use cxc_core::Micros;
use serde::{Deserialize, Serialize};

/// Calls that are remembered.
const MEMORY: f64 = 200.0;
/// Weight of the first guess, in calls.
const GUESS: f64 = 5.0;

/// Mean handle time as busy time over finished calls: calls that are still going on count, so a turn to longer calls
/// shows before the first of them ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HandleTime {
    busy: f64,
    finished: f64,
}

impl Default for HandleTime {
    /// Two minutes, until calls say otherwise.
    fn default() -> Self {
        Self { busy: GUESS * 120e6, finished: GUESS }
    }
}

impl HandleTime {
    /// So many agents were busy for so long.
    pub fn passed(&mut self, agents: u32, time: Micros) {
        self.busy += f64::from(agents) * time as f64;
    }

    /// An agent finished a call.
    pub fn finished(&mut self) {
        let left = 1.0 - 1.0 / MEMORY;
        self.busy *= left;
        self.finished = (self.finished + 1.0) * left;
    }

    /// The mean, at least a second.
    pub fn mean(&self) -> Micros {
        ((self.busy / self.finished) as Micros).max(1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_calls_show_before_they_end() {
        let mut time = HandleTime::default();
        for _ in 0..1000 {
            time.passed(1, 60_000_000);
            time.finished();
        }
        assert!((time.mean() - 60_000_000).abs() < 1_000_000, "{}", time.mean());
        time.passed(40, 300_000_000);
        assert!(time.mean() > 100_000_000, "{}", time.mean());
    }
}
