//! The phone of an agent: called once and kept for all calls ("nailed up"), or called for each call.
use std::sync::Arc;
use std::time::Duration;

use cxc_core::enumerations::CallResult;
use cxc_dialer::agent::{AgentEvent, AgentId};
use cxc_dialer::engine::EngineEvent;

use super::line::{self, Callee, Line, LineEvent, Phone, RING};
use super::{Report, Shared};
use crate::media::Peer;

/// A phone that is called for each call.
pub(super) struct Rung {
    pub phone: Phone,
    pub ring: Duration,
    /// The call of the moment, by its number.
    pub line: Option<(u64, Line)>,
    /// The last number.
    pub last: u64,
}

impl Rung {
    /// Its audio, while it is there.
    pub fn peer(&self) -> Option<Peer> {
        self.line.as_ref().and_then(|(_, line)| line.peer())
    }

    /// Calls it, unless it is there.
    pub fn call(&mut self, shared: &Arc<Shared>, agent: AgentId) {
        if self.line.is_some() {
            return;
        }
        self.last += 1;
        let (number, reports) = (self.last, Arc::clone(shared));
        let callee = Callee::Phone(self.phone.clone());
        let line = line::call(Arc::clone(shared), callee, self.ring, move |event| match event {
            LineEvent::Up => reports.report(Report::Phone(agent, number, true)),
            // we hung up
            LineEvent::Down(CallResult::Cleared) => (),
            LineEvent::Down(result) => {
                tracing::debug!(agent = agent.0, result = result.name(), "the phone of an agent is not there");
                reports.report(Report::Phone(agent, number, false));
            }
        });
        self.line = Some((number, line));
    }
}

/// Calls the phone of an agent.
pub(super) fn call(shared: Arc<Shared>, agent: AgentId, phone: Phone) -> Line {
    let reports = Arc::clone(&shared);
    line::call(shared, Callee::Phone(phone), RING, move |event| match event {
        LineEvent::Up => reports.agent(agent, AgentEvent::LogIn),
        LineEvent::Down(result) => {
            if !matches!(result, CallResult::Cleared | CallResult::RemoteRelease) {
                // whose phone it is, and since when, is said by who knows the group
                tracing::debug!(agent = agent.0, result = result.name(), "the phone of an agent is not there");
            }
            reports.agent(agent, AgentEvent::LegLost);
        }
    })
}

impl Shared {
    fn agent(&self, agent: AgentId, event: AgentEvent) {
        self.report(Report::Event(EngineEvent::Agent(agent, event)));
    }
}
