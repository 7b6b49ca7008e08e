//! The computed optimum of what a scenario did.
use std::collections::HashMap;

use super::scenario::Scenario;
use super::{Settings, Truth};
use crate::pacing::markov::{Model, optimum};

/// Mean time of a call in flight, seconds: the convention by which optima are compared.
const RING: f64 = 15.0;
/// How often the world is looked at, seconds; more often where shocks follow each other sooner than each hour.
const STEP: f64 = 300.0;

/// Optima as a share of the agents' time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Optimum {
    /// Of the measured part of the run.
    pub whole: f64,
    /// Of the windows that begin half an hour after each shock, less in a short run.
    pub recovered: Option<f64>,
}

/// The best that a fixed policy does in each state of the world, weighed by agents and time. A drift counts with its
/// mean, which is more than can be had.
pub fn of(settings: &Settings) -> Optimum {
    let mut known = HashMap::new();
    let (mut whole, mut recovered) = ((0.0, 0.0), (0.0, 0.0));
    let mut at = settings.warm_up * 3600.0;
    while at < settings.hours * 3600.0 {
        let truth = truth(settings, at);
        let best = known.entry(key(&truth)).or_insert_with(|| solve(settings, &truth));
        let weight = f64::from(truth.agents);
        whole = (whole.0 + *best * weight, whole.1 + weight);
        if settings.scenario.has_recovered(settings, at) {
            recovered = (recovered.0 + *best * weight, recovered.1 + weight);
        }
        at += STEP * Scenario::scale(settings);
    }
    let mean = |(sum, weight): (f64, f64)| (weight > 0.0).then(|| sum / weight);
    Optimum { whole: mean(whole).unwrap_or(0.0), recovered: mean(recovered) }
}

fn truth(settings: &Settings, at: f64) -> Truth {
    // between two looks agents who leave in a minute have left
    let at = if settings.scenario == Scenario::AgentsLeaving { at + 61.0 } else { at };
    match settings.scenario {
        Scenario::Drift => Scenario::Stationary.truth(settings, at),
        scenario => scenario.truth(settings, at),
    }
}

fn key(truth: &Truth) -> (u32, u64, u64, bool) {
    let behaviour = truth.behaviour;
    (truth.agents, behaviour.answer_rate.to_bits(), behaviour.handle_mean.to_bits(), behaviour.trunk_up)
}

fn solve(settings: &Settings, truth: &Truth) -> f64 {
    if truth.agents == 0 || !truth.behaviour.trunk_up {
        return 0.0;
    }
    let model = Model {
        agents: truth.agents,
        answer_rate: truth.behaviour.answer_rate,
        ring: RING / truth.behaviour.handle_mean,
        patience: 0.0,
    };
    optimum(model, settings.target / 100.0).occupancy
}
