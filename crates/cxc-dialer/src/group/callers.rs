//! Persons who called in and want an agent. They are no matter of the pace and of the limit of abandoned calls; but the agent
//! who talks with one is none for the calls that are placed.
use std::collections::VecDeque;

use cxc_core::Micros;
use cxc_core::enumerations::CallResult;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Group;
use crate::call::{Call, CallId, State};
use crate::engine::CallEngine;

/// Who waits, longest first; some may have gone.
#[derive(Debug, Default)]
pub(super) struct Callers {
    line: VecDeque<CallId>,
    /// How many really do.
    pub waiting: u32,
}

impl Callers {
    /// A call came to another state.
    pub fn moved(&mut self, before: &Call, after: &Call) {
        self.waiting -= u32::from(before.state == State::Waiting && after.state != State::Waiting);
        self.waiting += u32::from(before.state != State::Waiting && after.state == State::Waiting);
    }
}

/// Persons who called in, now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallersNow {
    /// Wait for an agent.
    pub waiting: u32,
    /// An agent is being connected, or talks.
    pub talking: u32,
}

/// Counts of persons who called in and asked for an agent, and times: microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallersTotals {
    /// Who asked.
    pub came: u64,
    /// Who came to an agent.
    pub connected: u64,
    /// Who hung up before that.
    pub left: u64,
    /// To whom none came in time.
    pub unserved: u64,
    /// The waits of those who came to an agent, together.
    pub waited: Micros,
    /// The longest of them.
    pub longest_wait: Micros,
}

impl CallersTotals {
    pub(super) fn served(&mut self, came: Option<Micros>, now: Micros) {
        let wait = now - came.unwrap_or(now);
        self.connected += 1;
        self.waited += wait;
        self.longest_wait = self.longest_wait.max(wait);
    }

    pub(super) fn ended(&mut self, result: CallResult) {
        match result {
            CallResult::Dropped => self.left += 1,
            CallResult::Overflowed | CallResult::Cleared => self.unserved += 1,
            // they talked
            _ => (),
        }
    }
}

impl Group {
    /// Takes in a person who called and waits for an agent until an instant. Once the engine knows the call,
    /// [`Group::serve_callers`] looks for one. Without an agent the call ends with Overflowed, or with Cleared where the group stops:
    /// it is not hung up by that.
    pub fn receive(&mut self, until: Micros, now: Micros) -> CallId {
        self.pass(now);
        let id = self.hold(Call::came_in(now, until), None, now);
        self.callers.line.push_back(id);
        self.callers.waiting += 1;
        self.totals.callers.came += 1;
        id
    }

    /// Gives agents who can be spared to the persons who called in, longest first. To be asked now and then: an agent is spared once calls in
    /// flight have ended.
    pub fn serve_callers(&mut self, now: Micros, engine: &mut impl CallEngine) {
        while let Some(call) = self.callers.line.front().copied() {
            if self.calls.get(&call).is_none_or(|held| held.call.state != State::Waiting) {
                self.callers.line.pop_front();
                continue;
            }
            if !self.scene().can_spare(&self.ledgers) {
                return;
            }
            let Some(agent) = self.agents.longest_waiting() else { return };
            self.callers.line.pop_front();
            self.connect(agent, call, now, engine);
        }
    }

    /// Persons who called in: each is looked at.
    pub fn callers_now(&self) -> CallersNow {
        let mut now = CallersNow::default();
        for held in self.calls.values().filter(|held| held.call.came_in.is_some()) {
            match held.call.state {
                State::Waiting => now.waiting += 1,
                _ => now.talking += 1,
            }
        }
        now
    }

    /// Whether a call came in.
    pub(super) fn came_in(&self, id: CallId) -> bool {
        self.calls.get(&id).is_some_and(|held| held.call.came_in.is_some())
    }

    /// The agent of a person who called in was lost before they talked: they are the next ones.
    pub(super) fn waits_again(&mut self, id: CallId, now: Micros, engine: &mut impl CallEngine) {
        self.callers.line.push_front(id);
        self.serve_callers(now, engine);
    }
}
