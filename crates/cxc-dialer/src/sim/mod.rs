//! The simulator: the pace that dials, in a world of made-up people.
mod chart;
pub mod engine;
mod optimum;
pub mod random;
mod report;
mod run;
mod scenario;

pub use chart::svg;
pub use optimum::{Optimum, of as optimum_of};
pub use report::{Course, Report, simulate};
pub use run::{Point, Run, run, run_mode};
pub use scenario::{Scenario, Truth};

use std::str::FromStr;

use serde::Serialize;

/// Whose pace is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PolicyName {
    /// Predictive, as it dials.
    Ours,
    /// One call for each idle agent.
    Progressive,
}

impl FromStr for PolicyName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "ours" => Ok(Self::Ours),
            "progressive" => Ok(Self::Progressive),
            _ => Err("a policy is ours or progressive".into()),
        }
    }
}

/// What is simulated.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Settings {
    /// Agents in service.
    pub agents: u32,
    /// Probability that a person answers a call, above 0 and up to 1.
    pub answer_rate: f64,
    /// Mean handle time, seconds.
    pub handle_mean: f64,
    /// Its coefficient of variation.
    pub handle_cv: f64,
    /// The most calls that may be abandoned, percent of live answers.
    pub target: f64,
    /// Length of the run, hours.
    pub hours: f64,
    /// Hours at the start whose occupancy does not count; the ledger counts from the first call on.
    pub warm_up: f64,
    /// The same seed gives the same run.
    pub seed: u64,
    /// Whose pace.
    pub policy: PolicyName,
    /// What changes on the way.
    pub scenario: Scenario,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            agents: 20,
            answer_rate: 0.3,
            handle_mean: 120.0,
            handle_cv: 0.8,
            target: 3.0,
            hours: 40.0,
            warm_up: 0.0,
            seed: 1,
            policy: PolicyName::Ours,
            scenario: Scenario::Stationary,
        }
    }
}
