//! What a call engine does for a group. The SIP engine and the simulated one take the same orders and report the same
//! events, [`EngineEvent`].
use std::path::PathBuf;

use cxc_core::Micros;

use crate::agent::{AgentEvent, AgentId};
use crate::call::{CallEvent, CallId};
use crate::ivr;

/// Something that happened to a call or to an agent's phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineEvent {
    /// Of a call.
    Call(CallId, CallEvent),
    /// Of an agent.
    Agent(AgentId, AgentEvent),
    /// Of a call in its script.
    Script(CallId, ivr::Input),
}

/// How a call is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingSpec {
    /// The file, below the folder of recordings.
    pub file: PathBuf,
    /// The person is told first.
    pub announce: bool,
    /// Their talk with an agent is recorded, too, not only the messages that a script asks for.
    pub talks: bool,
}

/// Whom to call, and what they see. The simulated engine needs nothing of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallSpec {
    /// Whom to call: a + and 8 to 15 digits.
    pub number: String,
    /// The number that is displayed, a + and 8 to 15 digits; else the trunk's own.
    pub caller_id: Option<String>,
    /// The name that is displayed.
    pub caller_name: Option<String>,
    /// The carrier is told who calls, the person is not.
    pub private: bool,
    /// The signed Identity header of the caller id (STIR), passed on as it is.
    pub identity: Option<String>,
    /// Whether it is recorded.
    pub recording: Option<RecordingSpec>,
}

/// Takes orders; what comes of them arrives as events. An order for a call that is over does nothing.
pub trait CallEngine {
    /// Starts a call that the group has taken in its books.
    fn originate(&mut self, call: CallId, spec: &CallSpec, now: Micros);
    /// Lets an agent and the person of a call hear each other.
    fn bridge(&mut self, call: CallId, agent: AgentId, now: Micros);
    /// Plays the message for abandoned calls.
    fn play_message(&mut self, call: CallId, now: Micros);
    /// Plays the message for machines, after the beep.
    fn leave_message(&mut self, call: CallId, now: Micros);
    /// Cancels a call that nobody has answered.
    fn cancel(&mut self, call: CallId, now: Micros);
    /// Ends a call. An answer that comes yet is taken and ended at once.
    fn hangup(&mut self, call: CallId, now: Micros);
    /// Does what a script asks for. An engine whose calls have no scripts is never asked.
    fn script(&mut self, _call: CallId, _audio: ivr::Audio, _now: Micros) {}
    /// Calls the phone of an agent for a call, unless it is there. Only where phones are called for each call.
    fn ring(&mut self, _agent: AgentId, _now: Micros) {}
    /// Hangs it up, if it is there.
    fn hang_up_phone(&mut self, _agent: AgentId, _now: Micros) {}
    /// Warns an agent that the talk must end.
    fn warn(&mut self, agent: AgentId, now: Micros);
}
