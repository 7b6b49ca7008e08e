//! What can happen to a call, and what its owner does then.
use cxc_core::Micros;
use cxc_core::enumerations::CallResult;

use crate::agent::AgentId;

/// What can happen to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallEvent {
    /// The engine sent it.
    Sent,
    /// A provisional answer without ringing.
    Provisional,
    /// The far end rings, or sends early media.
    Ringing,
    /// The far end took the call.
    Answered,
    /// The verdict on who answered.
    Classified(Verdict),
    /// The far end or the trunk ended it before an answer.
    Failed(CallResult),
    /// The carrier refused it for itself: no number was reached.
    Refused {
        /// Its status.
        status: u16,
        /// When it may be asked again, microseconds.
        retry_after: Micros,
    },
    /// An agent was reserved for it.
    Assigned(AgentId),
    /// Agent and person hear each other.
    Connected,
    /// Its agent is gone, or could not be reached.
    AgentLost,
    /// The agent hangs up.
    AgentHangup,
    /// A third person came to the talk.
    Conferenced,
    /// The agent gave the person to a third one, and is through.
    Transferred,
    /// The far end hung up.
    RemoteHangup,
    /// The message was heard.
    MessagePlayed,
    /// The script hands the person over to an agent.
    Transfer,
    /// The script is over.
    Closed(CallResult),
    /// The group gives up its calls that nobody has answered.
    Stop,
    /// It has rung for long enough, and a new call is worth more.
    RungEnough,
    /// The deadline of the state has come.
    Deadline,
}

/// Who answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A person, or nobody can say.
    Person,
    /// A machine.
    Machine,
}

/// What the owner of the call must do, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallAction {
    /// Send a cancellation.
    Cancel,
    /// End it.
    Hangup,
    /// A script is to speak with the person.
    Converse,
    /// A person is there for an agent: count it, and find one.
    Live,
    /// Find an agent, the last one was lost.
    FindAgent,
    /// The call does not need the agent that was reserved for it.
    Release(AgentId),
    /// The agent talks to the person.
    Talk(AgentId),
    /// The agent's talk is over.
    EndTalk(AgentId),
    /// Count it as abandoned, and play the message.
    Abandon,
    /// Count a person who left before the threshold.
    Drop,
    /// Who was counted as a person is a machine.
    NotLive,
    /// Leave a message after the beep.
    LeaveMessage,
    /// Warn the agent that the time is over.
    Warn(AgentId),
    /// Free its slot and write its result: once for each call.
    Finish(CallResult),
}
