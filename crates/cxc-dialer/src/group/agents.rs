//! The agents of a group, and who has waited longest.
use std::collections::BTreeSet;

use cxc_core::Micros;

use crate::agent::{Agent, AgentEvent, AgentId, AgentRules, AgentState};
use crate::call::CallId;

pub(super) struct Agents {
    rules: AgentRules,
    agents: Vec<Agent>,
    /// Who is ready, since when: who has waited longest first.
    order: BTreeSet<(Micros, AgentId)>,
    /// The same of those whose phones are not called yet.
    standby: BTreeSet<(Micros, AgentId)>,
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
        Self {
            rules,
            agents: Vec::new(),
            order: BTreeSet::new(),
            standby: BTreeSet::new(),
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
        follow(&mut self.order, id, (&before, &after), AgentState::Ready);
        let is = |agent: &Agent, state| u32::from(agent.state == state);
        let (standby, ringing) = &mut self.waiting;
        *standby = *standby + is(&after, AgentState::Standby) - is(&before, AgentState::Standby);
        *ringing = *ringing + is(&after, AgentState::Ringing) - is(&before, AgentState::Ringing);
        follow(&mut self.standby, id, (&before, &after), AgentState::Standby);
        let left = |state: AgentState| matches!(state, AgentState::Talking(_) | AgentState::Wrap);
        let handled = left(before.state) && !left(after.state);
        Step { changed: after != before, deadline: after.deadline(&self.rules), ready, handled, lost }
    }

    /// Takes the agent who has been ready for longest out of the order.
    pub(super) fn longest_waiting(&mut self) -> Option<AgentId> {
        self.order.pop_first().map(|(_, id)| id)
    }

    /// Takes the agent out of the order who has been ready for longest and whose phone is not called yet.
    pub(super) fn longest_in_standby(&mut self) -> Option<AgentId> {
        self.standby.pop_first().map(|(_, id)| id)
    }
}

/// Keeps an order of those who are in a state: who leaves it leaves no entry behind.
fn follow(order: &mut BTreeSet<(Micros, AgentId)>, id: AgentId, (before, after): (&Agent, &Agent), state: AgentState) {
    if before == after {
        return;
    }
    if before.state == state {
        order.remove(&(before.since, id));
    }
    if after.state == state {
        order.insert((after.since, id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::Reason;

    #[test]
    fn who_comes_and_goes_all_day_is_in_the_order_once_and_at_its_end() {
        for ring in [None, Some(20_000_000)] {
            let mut agents = Agents::new(AgentRules { ring, ..AgentRules::default() });
            for id in [AgentId(0), AgentId(1)] {
                agents.step(id, AgentEvent::LogIn, 0);
                agents.step(id, AgentEvent::Ready, 0);
            }
            for now in 1..1_000 {
                agents.step(AgentId(0), AgentEvent::NotReady(Reason::Code(1)), now);
                agents.step(AgentId(0), AgentEvent::Ready, now);
            }
            assert_eq!(agents.order.len() + agents.standby.len(), 2);
            let mut next = || if ring.is_some() { agents.longest_in_standby() } else { agents.longest_waiting() };
            assert_eq!((next(), next(), next()), (Some(AgentId(1)), Some(AgentId(0)), None));
        }
    }
}
