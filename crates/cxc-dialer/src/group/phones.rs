//! Phones that are called for each call: who is called when, and hung up.
use cxc_core::Micros;

use super::Group;
use crate::agent::{AgentEvent, AgentId, AgentState};
use crate::engine::CallEngine;

impl Group {
    /// Whether agents' phones are called for each call.
    pub fn rings_phones(&self) -> bool {
        self.agents.are_rung()
    }

    /// Agents who take calls and whose phones are not there: not called yet, or ringing.
    pub fn waits_for_phones(&self) -> bool {
        self.agents.waiting() != (0, 0)
    }

    /// Calls as many phones as calls are near, and lets none ring for nothing: `due` records could be called now. The agent is
    /// on the line before the person is called. Who has answered waits for as long as the rules say.
    pub fn summon(&mut self, due: u32, now: Micros, engine: &mut impl CallEngine) {
        if !self.agents.are_rung() {
            return;
        }
        let near = due.saturating_add(self.dialing).saturating_add(self.queued).saturating_add(self.callers.waiting);
        if near == 0 && self.agents.waiting().1 > 0 {
            for agent in self.agents.ringing() {
                self.agent_event(agent, AgentEvent::StandDown, now, engine);
            }
        }
        loop {
            let ((_, ready), (_, ringing)) = (self.agents.counts(), self.agents.waiting());
            if ready + ringing >= near {
                return;
            }
            let Some(agent) = self.agents.longest_in_standby() else { return };
            self.agent_event(agent, AgentEvent::Ring, now, engine);
        }
    }

    /// The phone of an agent follows the state that the agent came to.
    pub(super) fn call_phone(&mut self, agent: AgentId, now: Micros, engine: &mut impl CallEngine) {
        if !self.agents.are_rung() {
            return;
        }
        match self.agents.state(agent) {
            Some(AgentState::Ringing | AgentState::Own(None)) => engine.ring(agent, now),
            Some(AgentState::Ready | AgentState::Reserved(_) | AgentState::Talking(_) | AgentState::Own(Some(_)))
            | None => (),
            Some(
                AgentState::LoggedOut
                | AgentState::NotReady(_)
                | AgentState::Standby
                | AgentState::Wrap
                | AgentState::Looking { .. },
            ) => engine.hang_up_phone(agent, now),
        }
    }
}
