//! What a call engine does for a group. The SIP engine and the simulated one take the same orders and report the same
//! events, [`CallEvent`](crate::call::CallEvent).
use cxc_core::Micros;

use crate::agent::AgentId;
use crate::call::CallId;

/// Takes orders; what comes of them arrives as events. An order for a call that is over does nothing.
pub trait CallEngine {
    /// Starts a call that the group has taken in its books.
    fn originate(&mut self, call: CallId, now: Micros);
    /// Lets an agent and the person of a call hear each other.
    fn bridge(&mut self, call: CallId, agent: AgentId, now: Micros);
    /// Plays the message for abandoned calls.
    fn play_message(&mut self, call: CallId, now: Micros);
    /// Cancels a call that nobody has answered.
    fn cancel(&mut self, call: CallId, now: Micros);
    /// Ends a call.
    fn hangup(&mut self, call: CallId, now: Micros);
    /// Warns an agent that the talk must end.
    fn warn(&mut self, agent: AgentId, now: Micros);
}
