//! The pace of the voice dialer.
use std::path::PathBuf;

use clap::{Args, Subcommand};
use cxc_dialer::sim::{PolicyName, Scenario};

/// `cxc dialer`.
#[derive(Debug, Subcommand)]
pub enum DialerCommand {
    /// Simulate a group of agents and the calls that are dialed for them
    #[command(after_help = "Examples:
  cxc dialer simulate --agents 12 --answer-rate 0.25 --handle-mean 180
  cxc dialer simulate --agents 50 --scenario drift --json | jq .occupancy_percent
  cxc dialer simulate --agents 20 --scenario agents-leaving --svg course.svg
The code that paces is the one that dials; people and carrier are made up. The same seed gives the same result.
Scenarios: stationary, drift, step-change, agents-leaving, detection-delay, trunk-outage, long-calls.")]
    Simulate(Simulate),
}

/// `cxc dialer simulate`.
#[derive(Debug, Args)]
pub struct Simulate {
    /// Agents in service, 1 to 200
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub agents: u32,
    /// Probability that a person answers a call, 0.02 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.3, value_parser = |t: &str| within(t, 0.02, 1.0))]
    pub answer_rate: f64,
    /// Mean time of an agent for one call, 10 to 3600 seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120.0, value_parser = |t: &str| within(t, 10.0, 3600.0))]
    pub handle_mean: f64,
    /// How much it varies: standard deviation over mean, 0 to 3
    #[arg(long, value_name = "CV", default_value_t = 0.8, value_parser = |t: &str| within(t, 0.0, 3.0))]
    pub handle_cv: f64,
    /// The most calls that may be abandoned, 0.1 to 20 percent of live answers
    #[arg(long, value_name = "PERCENT", default_value_t = 3.0, value_parser = |t: &str| within(t, 0.1, 20.0))]
    pub target: f64,
    /// Length of the run, 0.5 to 1000 hours
    #[arg(long, default_value_t = 40.0, value_parser = |t: &str| within(t, 0.5, 1000.0))]
    pub hours: f64,
    /// Hours at the start whose occupancy does not count; less than the run
    #[arg(long, value_name = "HOURS", default_value_t = 0.0, value_parser = |t: &str| within(t, 0.0, 1000.0))]
    pub warm_up: f64,
    /// The chance of the run
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Whose pace: ours or progressive
    #[arg(long, value_name = "NAME", default_value = "ours")]
    pub policy: PolicyName,
    /// What changes on the way
    #[arg(long, value_name = "NAME", default_value = "stationary")]
    pub scenario: Scenario,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Write the course as a chart
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}

fn within(text: &str, least: f64, most: f64) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("expected a number from {least} to {most}"))
}
