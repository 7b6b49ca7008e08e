//! The phone of an agent, called once and kept for all calls ("nailed up").
use std::sync::Arc;

use cxc_core::enumerations::CallResult;
use cxc_dialer::agent::{AgentEvent, AgentId};
use cxc_dialer::engine::EngineEvent;

use super::line::{self, Callee, Line, LineEvent, Phone};
use super::{Report, Shared};

/// Calls the phone of an agent.
pub(super) fn call(shared: Arc<Shared>, agent: AgentId, phone: Phone) -> Line {
    let reports = Arc::clone(&shared);
    line::call(shared, Callee::Phone(phone), move |event| match event {
        LineEvent::Up => reports.agent(agent, AgentEvent::LogIn),
        LineEvent::Down(result) => {
            if !matches!(result, CallResult::Cleared | CallResult::RemoteRelease) {
                tracing::warn!(agent = agent.0, result = result.name(), "the phone of an agent is not there");
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
