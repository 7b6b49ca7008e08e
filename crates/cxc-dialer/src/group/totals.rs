//! What a group has done.
use std::collections::BTreeMap;

use cxc_core::Micros;
use cxc_core::enumerations::CallResult;

use super::CallersTotals;
use crate::pacing::Why;

/// Counts and times since the start; times are microseconds.
#[derive(Debug, Clone)]
pub struct Totals {
    /// Calls started.
    pub dials: u64,
    /// Calls that a person answered.
    pub live: u64,
    /// Persons who were abandoned at the threshold.
    pub abandoned: u64,
    /// Persons who left before it.
    pub dropped: u64,
    /// Persons who came to an agent.
    pub connected: u64,
    /// Their waits together.
    pub waited: Micros,
    /// The longest of them.
    pub longest_wait: Micros,
    /// Calls whose far end rang or answered.
    pub reached: u64,
    /// How long each was set up until then, together.
    pub set_up: Micros,
    /// The longest of them.
    pub longest_set_up: Micros,
    /// Time of agents in service.
    pub service: Micros,
    /// Time of agents who were reserved, talked or were in wrap-up.
    pub busy: Micros,
    /// Calls that made room for new ones before they had rung for their full time.
    pub cut_short: u64,
    /// Calls by result.
    pub results: BTreeMap<CallResult, u64>,
    /// How long each reason held the group back.
    pub reasons: BTreeMap<&'static str, Micros>,
    /// Persons who called in: in none of the counts above.
    pub callers: CallersTotals,
    now: Micros,
    why: &'static str,
}

impl Totals {
    pub(super) fn new(now: Micros) -> Self {
        Self {
            dials: 0,
            live: 0,
            abandoned: 0,
            dropped: 0,
            connected: 0,
            waited: 0,
            longest_wait: 0,
            reached: 0,
            set_up: 0,
            longest_set_up: 0,
            service: 0,
            busy: 0,
            cut_short: 0,
            results: BTreeMap::new(),
            reasons: BTreeMap::new(),
            callers: CallersTotals::default(),
            now,
            why: Why::NotStarted.name(),
        }
    }

    pub(super) fn pass(&mut self, now: Micros, agents: u32, ready: u32) {
        let time = now - self.now;
        if time > 0 {
            self.service += Micros::from(agents) * time;
            self.busy += Micros::from(agents - ready) * time;
            *self.reasons.entry(self.why).or_default() += time;
            self.now = now;
        }
    }

    pub(super) fn says(&mut self, why: &'static str) {
        self.why = why;
    }

    pub(super) fn served(&mut self, answered: Option<Micros>, now: Micros) {
        let wait = now - answered.unwrap_or(now);
        self.connected += 1;
        self.waited += wait;
        self.longest_wait = self.longest_wait.max(wait);
    }

    pub(super) fn reached(&mut self, set_up: Micros) {
        self.reached += 1;
        self.set_up += set_up;
        self.longest_set_up = self.longest_set_up.max(set_up);
    }

    pub(super) fn ended(&mut self, result: CallResult) {
        *self.results.entry(result).or_default() += 1;
    }

    /// Share of the agents' time that was busy.
    pub fn occupancy(&self) -> f64 {
        share(self.busy as f64, self.service as f64)
    }

    /// Abandoned calls as a share of live answers.
    pub fn abandon_rate(&self) -> f64 {
        share(self.abandoned as f64, self.live as f64)
    }
}

/// A part of a whole; nothing of nothing is nothing.
pub(crate) fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
