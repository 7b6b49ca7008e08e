//! What a simulation found out: members for programs, lines for people.
use std::collections::BTreeMap;
use std::fmt::Write as _;

use cxc_core::Micros;
use serde::Serialize;

use super::optimum::{self, Optimum};
use super::run::{Point, Run, run};
use super::{PolicyName, Scenario, Settings};
use crate::group::share;
use crate::pacing::Tables;

/// The result of a simulation. Percent of the agents' time in service, or of live answers.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// What was simulated.
    pub settings: Settings,
    /// Busy time of the agents under the chosen policy.
    pub occupancy_percent: f64,
    /// Persons who were abandoned.
    pub abandon_percent: f64,
    /// Busy time with one call for each idle agent.
    pub progressive_percent: f64,
    /// Busy time under the best policy of the model.
    pub optimum_percent: f64,
    /// Busy time from half an hour after each shock on, less in a short run.
    pub recovered_percent: Option<f64>,
    /// The optimum of the same windows.
    pub recovered_optimum_percent: Option<f64>,
    /// Calls started.
    pub dials: u64,
    /// Calls that a person answered.
    pub live: u64,
    /// Persons who were abandoned.
    pub abandoned: u64,
    /// Persons who hung up while they waited.
    pub dropped: u64,
    /// Calls that made room for new ones before they had rung for their full time.
    pub cut_short: u64,
    /// Live answers of a hundred calls.
    pub hit_ratio_percent: f64,
    /// Persons who were abandoned or hung up while they waited, of live answers.
    pub overdial_percent: f64,
    /// Mean wait of persons who came to an agent, seconds.
    pub customer_wait_seconds: f64,
    /// The longest of them, seconds.
    pub customer_wait_longest_seconds: f64,
    /// Mean idle time of an agent between two calls, seconds.
    pub agent_wait_seconds: f64,
    /// Decisions to start more calls than agents were idle.
    pub overdials: u64,
    /// Those that the ledger, full risk included, did not cover: always 0.
    pub overdials_uncovered: u64,
    /// Calls by result.
    pub results: BTreeMap<String, u64>,
    /// Why no more was dialed, percent of the time.
    pub reasons_percent: BTreeMap<&'static str, f64>,
    /// The run in a hundred parts.
    pub course: Vec<Course>,
}

/// One part of the run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Course {
    /// Hours since the start, at its end.
    pub hours: f64,
    /// Busy time within it.
    pub occupancy_percent: f64,
    /// Busy time with one call for each idle agent.
    pub progressive_percent: f64,
    /// Persons who were abandoned since the start.
    pub abandon_percent: f64,
}

/// Simulates: the chosen policy, one call for each idle agent, and the computed optimum.
pub fn simulate(settings: &Settings, tables: &mut Tables) -> Report {
    let progressive = run(settings, PolicyName::Progressive, tables);
    let chosen = match settings.policy {
        PolicyName::Progressive => progressive.clone(),
        PolicyName::Ours => run(settings, PolicyName::Ours, tables),
    };
    report(settings, &chosen, &progressive, optimum::of(settings))
}

fn report(settings: &Settings, chosen: &Run, progressive: &Run, best: Optimum) -> Report {
    let totals = &chosen.totals;
    let seconds = |time: Micros| time as f64 / 1e6;
    let all: Micros = totals.reasons.values().sum();
    let (service, busy) = chosen.recovered;
    let per_call = |time: f64, calls: u64| rounded(share(time, calls as f64));
    let reasons = totals.reasons.iter().map(|(name, time)| (*name, percent(share(*time as f64, all as f64))));
    Report {
        settings: settings.clone(),
        occupancy_percent: percent(chosen.occupancy),
        abandon_percent: percent(totals.abandon_rate()),
        progressive_percent: percent(progressive.occupancy),
        optimum_percent: percent(best.whole),
        recovered_percent: best.recovered.map(|_| percent(share(busy as f64, service as f64))),
        recovered_optimum_percent: best.recovered.map(percent),
        dials: totals.dials,
        live: totals.live,
        abandoned: totals.abandoned,
        dropped: totals.dropped,
        cut_short: totals.cut_short,
        hit_ratio_percent: percent(share(totals.live as f64, totals.dials as f64)),
        overdial_percent: percent(share((totals.abandoned + totals.dropped) as f64, totals.live as f64)),
        customer_wait_seconds: per_call(seconds(totals.waited), totals.connected),
        customer_wait_longest_seconds: rounded(seconds(totals.longest_wait)),
        agent_wait_seconds: per_call(seconds(totals.service - totals.busy), totals.connected),
        overdials: chosen.overdials,
        overdials_uncovered: chosen.overdials_uncovered,
        results: totals.results.iter().map(|(result, calls)| (result.name().to_owned(), *calls)).collect(),
        reasons_percent: reasons.collect(),
        course: chosen.course.iter().zip(&progressive.course).map(|(ours, other)| course(ours, other)).collect(),
    }
}

fn course(chosen: &Point, progressive: &Point) -> Course {
    Course {
        hours: rounded(chosen.hours),
        occupancy_percent: percent(chosen.occupancy),
        progressive_percent: percent(progressive.occupancy),
        abandon_percent: percent(chosen.abandoned),
    }
}

fn percent(share: f64) -> f64 {
    rounded(share * 100.0)
}

/// To a thousandth: what is printed is what was meant.
fn rounded(x: f64) -> f64 {
    (x * 1000.0).round() / 1000.0
}

impl Report {
    /// Lines for people.
    pub fn text(&self) -> String {
        let Settings { agents, answer_rate, handle_mean, handle_cv, target, hours, seed, policy, scenario, .. } =
            &self.settings;
        let policy = if *policy == PolicyName::Ours { "ours" } else { "progressive" };
        let mut text = format!(
            "{agents} agents, answer rate {answer_rate}, handle time {handle_mean} s (cv {handle_cv}), \
             {hours} h, {scenario}, policy {policy}, seed {seed}\n\n"
        );
        let rows = [
            ("occupancy", format!("{:.1} %", self.occupancy_percent)),
            ("  progressive", format!("{:.1} %", self.progressive_percent)),
            ("  computed optimum", format!("{:.1} %", self.optimum_percent)),
            ("abandoned", format!("{:.2} % of {} live answers, at most {target} %", self.abandon_percent, self.live)),
            ("dials", format!("{}, of which {:.1} % live", self.dials, self.hit_ratio_percent)),
            ("overdials", format!("{}, not covered by the ledger: {}", self.overdials, self.overdials_uncovered)),
            (
                "customers waited",
                format!("{:.2} s, at most {:.2} s", self.customer_wait_seconds, self.customer_wait_longest_seconds),
            ),
            ("agents waited", format!("{:.1} s between calls", self.agent_wait_seconds)),
        ];
        for (name, value) in rows {
            let _ = writeln!(text, "{name:<20}{value}");
        }
        if let (Some(ours), Some(best)) = (self.recovered_percent, self.recovered_optimum_percent) {
            let name = format!("{:.0} min after shocks", 30.0 * Scenario::scale(&self.settings));
            let _ = writeln!(text, "{name:<20}{ours:.1} %, computed optimum {best:.1} %");
        }
        text.push_str("why not more:\n");
        for (name, percent) in &self.reasons_percent {
            let _ = writeln!(text, "  {name:<18}{percent:.1} % of the time");
        }
        text
    }
}
