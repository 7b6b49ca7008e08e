//! Orders for a group at work.
use std::sync::Arc;

use cxc_dialer::agent::{AgentEvent, AgentId};
use cxc_dialer::call::CallId;
use cxc_dialer::pacing::Mode;

use crate::engine::{Phone, Sounds, TalkOrder};

/// What a group is told from outside.
#[derive(Debug, Clone)]
pub enum Command {
    /// An agent comes: the phone is called, and the agent is ready when it answers.
    LogIn(AgentId, Phone),
    /// A person takes a place as an agent: the phone is called, and the person says when they are ready.
    Seat(AgentId, Phone),
    /// An agent goes.
    LogOut(AgentId),
    /// Another wish of an agent.
    Agent(AgentId, AgentEvent),
    /// An agent ends the talk.
    HangUp(AgentId),
    /// An agent waits no more for the call that they asked for.
    GiveUp(AgentId),
    /// An agent or a supervisor does something else with it.
    Talk(AgentId, TalkOrder),
    /// Another mode or target.
    Mode(Mode),
    /// Other prompts.
    Sounds(Arc<Sounds>),
    /// That the person of a call wants no more calls is written.
    OptedOut(CallId),
    /// Every talk ends now, for this reason; agents say what it came to.
    EndTalks(&'static str),
    /// The same, and nobody has any more time for that.
    HangUpAll(&'static str),
    /// No new calls; those that nobody has answered are given up for this reason, and when the others are over the run ends.
    Stop(&'static str),
}
