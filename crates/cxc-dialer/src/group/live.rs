//! A group at this moment, for those who watch it.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::agent::AgentState;
use crate::call::State;

use super::Group;

/// Where its calls are. The sum is the calls that hold a slot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallsNow {
    /// Placed, and nothing rings yet.
    pub dialing: u32,
    /// The far end rings.
    pub ringing: u32,
    /// Given up; the far end has not agreed yet.
    pub cancelling: u32,
    /// Answered; person or machine is not known yet.
    pub classifying: u32,
    /// A script speaks with the person.
    pub scripted: u32,
    /// Persons who wait for an agent.
    pub waiting: u32,
    /// An agent is being connected, or talks.
    pub talking: u32,
    /// Persons who hear that nobody came.
    pub abandoned: u32,
    /// Machines that get a message.
    pub machines: u32,
}

/// Where its agents are. Who logged out is none any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentsNow {
    /// Phones that are called, and were not there yet.
    pub logged_out: u32,
    /// There, and take no calls.
    pub not_ready: u32,
    /// Wait for a call.
    pub ready: u32,
    /// Their phones ring for one, where they are called for each.
    pub ringing: u32,
    /// Look at a record before it is called.
    pub previewing: u32,
    /// Wait for a call that they asked for.
    pub dialing: u32,
    /// A call is being connected.
    pub reserved: u32,
    /// Talk.
    pub talking: u32,
    /// Work on after a call.
    pub wrap_up: u32,
}

impl Group {
    /// Where its calls are: each is looked at.
    pub fn calls_now(&self) -> CallsNow {
        let mut now = CallsNow::default();
        for held in self.calls.values().filter(|held| held.call.came_in.is_none()) {
            let count = match held.call.state {
                State::Placing | State::Trying { .. } => &mut now.dialing,
                State::Ringing => &mut now.ringing,
                State::Cancelling { .. } => &mut now.cancelling,
                State::Classifying => &mut now.classifying,
                State::Scripted => &mut now.scripted,
                State::Queued => &mut now.waiting,
                State::Connecting(_) | State::Bridged { .. } => &mut now.talking,
                State::Abandoned => &mut now.abandoned,
                State::Machine => &mut now.machines,
                // of those that came in, which are counted by themselves
                State::Waiting | State::Ended(_) => continue,
            };
            *count += 1;
        }
        now
    }

    /// Where its agents are: each is looked at.
    pub fn agents_now(&self) -> AgentsNow {
        let mut now = AgentsNow::default();
        for state in self.agents.states() {
            let count = match state {
                AgentState::LoggedOut => &mut now.logged_out,
                AgentState::NotReady(_) => &mut now.not_ready,
                AgentState::Ready | AgentState::Standby => &mut now.ready,
                AgentState::Ringing => &mut now.ringing,
                AgentState::Own(_) => &mut now.dialing,
                AgentState::Looking { .. } => &mut now.previewing,
                AgentState::Reserved(_) => &mut now.reserved,
                AgentState::Talking(_) => &mut now.talking,
                AgentState::Wrap => &mut now.wrap_up,
            };
            *count += 1;
        }
        now
    }
}
