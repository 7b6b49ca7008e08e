//! The agents of a group, and who has waited longest.
use std::collections::{BTreeSet, VecDeque};

use cxc_core::Micros;

use crate::agent::{Agent, AgentEvent, AgentId, AgentRules, AgentState};
use crate::call::CallId;

pub(super) struct Agents {
    rules: AgentRules,
    agents: Vec<Agent>,
    /// In the order in which they became ready; an entry of an earlier time is skipped.
    order: VecDeque<(AgentId, Micros)>,
    /// The same of those whose phones are not called yet.
    standby: VecDeque<(AgentId, Micros)>,
    in_service: u32,
    ready: u32,
    /// Those in standby, and those whose phones ring.
    waiting: (u32, u32),
    /// Who logged out: nobody, until the number is another agent's.
    gone: BTreeSet<AgentId>,
}

/// What a step of an agent means for the group.
pub(super) struct Step {
    pub changed: bool,
    pub deadline: Option<Micros>,
    /// The agent takes calls from now on.
    pub ready: bool,
    /// The agent is done with a call.
    pub handled: bool,
    /// A call that the agent had.
    pub lost: Option<CallId>,
}

impl Agents {
    pub(super) fn new(rules: AgentRules) -> Self {
        let (order, standby) = (VecDeque::new(), VecDeque::new());
        Self {
            rules,
            agents: Vec::new(),
            order,
            standby,
            in_service: 0,
            ready: 0,
            waiting: (0, 0),
            gone: BTreeSet::new(),
        }
    }

    /// Whether phones are called for each call.
    pub(super) fn are_rung(&self) -> bool {
        self.rules.ring.is_some()
    }

    /// Agents whose phones are not called yet, and those whose phones ring.
    pub(super) fn waiting(&self) -> (u32, u32) {
        self.waiting
    }

    /// Those whose phones ring.
    pub(super) fn ringing(&self) -> Vec<AgentId> {
        let rings = |(_, agent): &(AgentId, &Agent)| agent.state == AgentState::Ringing;
        (0..).map(AgentId).zip(&self.agents).filter(rings).map(|(id, _)| id).collect()
    }

    /// Agents in service, and those of them who are ready.
    pub(super) fn counts(&self) -> (u32, u32) {
        (self.in_service, self.ready)
    }

    pub(super) fn state(&self, id: AgentId) -> Option<AgentState> {
        self.agents.get(id.0 as usize).map(|agent| agent.state)
    }

    /// Of all but those who are gone.
    pub(super) fn states(&self) -> impl Iterator<Item = AgentState> + '_ {
        let agents = (0..).map(AgentId).zip(&self.agents);
        agents.filter(|(id, _)| !self.gone.contains(id)).map(|(_, agent)| agent.state)
    }

    pub(super) fn deadline(&self, id: AgentId) -> Option<Micros> {
        self.agents.get(id.0 as usize)?.deadline(&self.rules)
    }

    pub(super) fn step(&mut self, id: AgentId, event: AgentEvent, now: Micros) -> Step {
        let at = id.0 as usize;
        if self.agents.len() <= at {
            self.agents.resize(at + 1, Agent::new(now));
        }
        let before = self.agents[at];
        let (after, lost) = before.step(event, now, &self.rules);
        self.agents[at] = after;
        if after.state != AgentState::LoggedOut {
            self.gone.remove(&id);
        } else if before.state != AgentState::LoggedOut || event == AgentEvent::LogOut {
            self.gone.insert(id);
        }
        let is_ready = |agent: &Agent| agent.state == AgentState::Ready;
        self.in_service = self.in_service + u32::from(after.is_in_service()) - u32::from(before.is_in_service());
        self.ready = self.ready + u32::from(is_ready(&after)) - u32::from(is_ready(&before));
        let ready = is_ready(&after) && !is_ready(&before);
        if ready {
            self.order.push_back((id, now));
        }
        let is = |agent: &Agent, state| u32::from(agent.state == state);
        let (standby, ringing) = &mut self.waiting;
        *standby = *standby + is(&after, AgentState::Standby) - is(&before, AgentState::Standby);
        *ringing = *ringing + is(&after, AgentState::Ringing) - is(&before, AgentState::Ringing);
        if after.state == AgentState::Standby && before.state != AgentState::Standby {
            self.standby.push_back((id, now));
        }
        let left = |state: AgentState| matches!(state, AgentState::Talking(_) | AgentState::Wrap);
        let handled = left(before.state) && !left(after.state);
        Step { changed: after != before, deadline: after.deadline(&self.rules), ready, handled, lost }
    }

    /// Takes the agent who has been ready for longest out of the order.
    pub(super) fn longest_waiting(&mut self) -> Option<AgentId> {
        next(&mut self.order, &self.agents, AgentState::Ready)
    }

    /// Takes the agent out of the order who has been ready for longest and whose phone is not called yet.
    pub(super) fn longest_in_standby(&mut self) -> Option<AgentId> {
        next(&mut self.standby, &self.agents, AgentState::Standby)
    }
}

/// The first in an order who is still in the state that it is of.
fn next(order: &mut VecDeque<(AgentId, Micros)>, agents: &[Agent], state: AgentState) -> Option<AgentId> {
    while let Some((id, since)) = order.pop_front() {
        if agents.get(id.0 as usize).is_some_and(|agent| agent.state == state && agent.since == since) {
            return Some(id);
        }
    }
    None
}
