//! The simulated engine: orders make events that a carrier, people and agents would make, in virtual time.
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use cxc_core::Micros;
use cxc_core::enumerations::CallResult;

use super::random::{Random, sigma_of};
use crate::agent::{AgentEvent, AgentId};
use crate::call::{CallEvent, CallId, Verdict};
use crate::engine::{CallEngine, CallSpec, EngineEvent};

const SECOND: f64 = 1e6;
/// The part of a handle time that is talk; the rest is wrap-up.
const TALK: f64 = 0.8;
/// Longest time to an answer, seconds: the ring timer ends the others.
const LONGEST_RING: f64 = 24.9;

/// How people and the carrier behave now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Behaviour {
    /// Probability that a person answers.
    pub answer_rate: f64,
    /// Mean handle time, seconds.
    pub handle_mean: f64,
    /// Its coefficient of variation.
    pub handle_cv: f64,
    /// The carrier takes calls.
    pub trunk_up: bool,
    /// How long detection takes to tell a person, seconds; none where it is off.
    pub detection: Option<f64>,
}

/// The engine: what will happen, by time.
pub struct SimEngine {
    /// How people and the carrier behave now.
    pub behaviour: Behaviour,
    people: Random,
    handling: Random,
    due: BinaryHeap<Reverse<Due>>,
    order: u64,
}

/// An event at its instant; those of one instant come in the order in which they were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Due {
    at: Micros,
    order: u64,
    event: EngineEvent,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl SimEngine {
    /// A world of people who behave so; the same for a seed.
    pub fn new(behaviour: Behaviour, seed: u64) -> Self {
        let (people, handling) = (Random::new(seed, 1), Random::new(seed, 2));
        Self { behaviour, people, handling, due: BinaryHeap::new(), order: 0 }
    }

    /// Makes an event happen.
    pub fn happens(&mut self, at: Micros, event: EngineEvent) {
        self.order += 1;
        self.due.push(Reverse(Due { at, order: self.order, event }));
    }

    /// The next instant at which something happens.
    pub fn next_at(&self) -> Option<Micros> {
        self.due.peek().map(|Reverse(due)| due.at)
    }

    /// What happens next, up to an instant.
    pub fn next_event(&mut self, until: Micros) -> Option<(Micros, EngineEvent)> {
        self.next_at().filter(|at| *at <= until)?;
        self.due.pop().map(|Reverse(due)| (due.at, due.event))
    }

    fn after(&mut self, now: Micros, seconds: f64, call: CallId, event: CallEvent) {
        self.happens(now + (seconds * SECOND) as Micros, EngineEvent::Call(call, event));
    }

    /// 1.5 s and a lognormal time of mean 9 s, for a call that is answered.
    fn ring(&mut self) -> f64 {
        loop {
            let ring = 1.5 + self.people.lognormal(9.0, 0.6);
            if ring < LONGEST_RING {
                return ring;
            }
        }
    }
}

impl CallEngine for SimEngine {
    fn originate(&mut self, call: CallId, _spec: &CallSpec, now: Micros) {
        self.after(now, 0.0, call, CallEvent::Sent);
        if !self.behaviour.trunk_up {
            let refused = CallEvent::Refused { status: 503, retry_after: 5_000_000 };
            return self.after(now, 0.05, call, refused);
        }
        self.after(now, 0.0, call, CallEvent::Ringing);
        if self.people.share() < self.behaviour.answer_rate {
            let ring = self.ring();
            self.after(now, ring, call, CallEvent::Answered);
            if let Some(detection) = self.behaviour.detection {
                self.after(now, ring + detection, call, CallEvent::Classified(Verdict::Person));
            }
        } else if self.people.share() < 0.15 {
            self.after(now, 4.0, call, CallEvent::Failed(CallResult::Busy));
        }
    }

    fn bridge(&mut self, call: CallId, agent: AgentId, now: Micros) {
        let Behaviour { handle_mean, handle_cv, .. } = self.behaviour;
        let handle = self.handling.lognormal(handle_mean, sigma_of(handle_cv)).max(1.0);
        self.after(now, 0.0, call, CallEvent::Connected);
        self.after(now, handle * TALK, call, CallEvent::RemoteHangup);
        let done = now + (handle * SECOND) as Micros;
        self.happens(done, EngineEvent::Agent(agent, AgentEvent::WrapDone));
    }

    fn play_message(&mut self, call: CallId, now: Micros) {
        self.after(now, 10.0, call, CallEvent::MessagePlayed);
    }

    fn leave_message(&mut self, call: CallId, now: Micros) {
        self.play_message(call, now);
    }

    fn cancel(&mut self, call: CallId, now: Micros) {
        self.after(now, 0.02, call, CallEvent::Failed(CallResult::NoAnswer));
    }

    fn hangup(&mut self, _call: CallId, _now: Micros) {}

    fn warn(&mut self, _agent: AgentId, _now: Micros) {}
}
