//! How many calls to start now. Pure: instants, counts and the ledger are handed in, the answer is a number and a reason.
//!
//! The pace is the largest of one call for each idle agent and what a threshold table wants; then every limit clips it,
//! the budget of abandoned calls before all others.
mod bucket;
mod cohort;
mod controller;
mod handle;
mod limits;
pub mod markov;
mod pacer;
mod table;
mod why;

pub use cohort::Hazards;
pub use controller::Controller;
pub use handle::HandleTime;
pub use limits::{Records, Trunk};
pub use pacer::{Decision, Learned, Outside, Pacer, Scene};
pub use table::{Table, TableKey, Tables};
pub use why::Why;

use serde::{Deserialize, Serialize};

/// How the pace is found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// So many tenths of a line for each ready agent, 1 to 100.
    Progressive {
        /// Tenths of a line; 10 is one call for each ready agent.
        tenths: u32,
    },
    /// Ahead of agents who become free.
    Predictive(Target),
    /// As many calls at once as there are ports: a script takes them.
    Ports {
        /// It may hand persons over to agents: the limit of abandoned calls holds.
        agents: bool,
    },
    /// So many calls a minute: a script takes them.
    PerMinute(u32),
}

impl Mode {
    /// Whether persons may come to agents.
    pub fn has_agents(self) -> bool {
        !matches!(self, Mode::Ports { agents: false } | Mode::PerMinute(_))
    }
}

/// What predictive pacing aims at. The limit of abandoned calls holds under every target.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The most work that the limit of abandoned calls allows.
    AbandonRate,
    /// Agents busy for this share of their time, 0 to 1.
    BusyFactor(f64),
    /// Agents idle for so long between two calls, seconds in the mean.
    WaitTime(f64),
}

/// New calls by lines for each agent: floor(m * (ready - queued) - dialing), with m in tenths.
pub fn progressive(tenths: u32, ready: u32, queued: u32, dialing: u32) -> u32 {
    let lines = i64::from(tenths) * (i64::from(ready) - i64::from(queued)) - 10 * i64::from(dialing);
    u32::try_from(lines.div_euclid(10)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progressive_counts_in_tenths_of_a_line() {
        assert_eq!(progressive(7, 4, 0, 1), 1);
        assert_eq!(progressive(10, 4, 1, 1), 2);
        assert_eq!(progressive(10, 0, 2, 3), 0, "a negative number of calls is none");
        assert_eq!(progressive(25, 2, 0, 0), 5);
    }
}
