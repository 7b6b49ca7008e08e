//! The life of one call, as a pure function: a state, an event and the time make the next state and what to do.
//! Every state but the last has a deadline, and every call ends in exactly one result.
mod event;
mod rules;
mod step;

use cxc_core::Micros;
use cxc_core::enumerations::CallResult;

use crate::agent::AgentId;
pub use event::{CallAction, CallEvent, Verdict};
pub use rules::{CallRules, OnMachine};

/// A call of this process; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(pub u64);

/// Where a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Handed to the engine.
    Placing,
    /// Sent; `provisional` once the far end's system has said that it works on it.
    Trying {
        /// A cancellation may be sent.
        provisional: bool,
    },
    /// The far end rings.
    Ringing,
    /// Given up; the far end has not agreed yet. Still a call that may be answered.
    Cancelling {
        /// What it will have been.
        result: CallResult,
        /// Whether the cancellation could be sent.
        sent: bool,
    },
    /// Answered; person or machine is not known yet.
    Classifying,
    /// A script speaks with the person.
    Scripted,
    /// An agent is reserved for it.
    Connecting(AgentId),
    /// A person waits for an agent.
    Queued,
    /// A person who called in waits for an agent.
    Waiting,
    /// Talks with an agent; `warned` that the time is over.
    Bridged {
        /// With whom.
        agent: AgentId,
        /// The end is near.
        warned: bool,
    },
    /// No agent came in time: the person hears the message.
    Abandoned,
    /// A machine gets a message.
    Machine,
    /// Over.
    Ended(CallResult),
}

/// A call: its state and the instants that deadlines are counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Where it is.
    pub state: State,
    /// Since when.
    pub since: Micros,
    /// When it was answered.
    pub answered: Option<Micros>,
    /// Three have talked.
    pub conferenced: bool,
    /// The person called in, and waits for an agent until then.
    pub came_in: Option<Micros>,
}

impl Call {
    /// A call that is handed to the engine.
    pub fn new(now: Micros) -> Self {
        Self { state: State::Placing, since: now, answered: None, conferenced: false, came_in: None }
    }

    /// A call that came in, whose person waits for an agent until an instant. Nobody was called, so it is neither a live
    /// answer nor can it be abandoned.
    pub fn came_in(now: Micros, until: Micros) -> Self {
        Self { state: State::Waiting, answered: Some(now), came_in: Some(until), ..Self::new(now) }
    }

    /// When the state must have ended; none once the call is over.
    pub fn deadline(&self, rules: &CallRules) -> Option<Micros> {
        let answered = self.answered.unwrap_or(self.since);
        Some(match self.state {
            State::Placing => self.since + rules.placing,
            State::Trying { .. } => self.since + rules.progress,
            State::Ringing => self.since + rules.max_ring,
            State::Cancelling { .. } => self.since + rules.transaction,
            State::Classifying => answered + rules.classify.unwrap_or(0),
            State::Scripted => self.since + rules.script.unwrap_or(0),
            State::Connecting(_) => self.since + rules.connect,
            State::Queued => answered + rules.threshold,
            State::Waiting => self.came_in.unwrap_or(self.since),
            State::Bridged { warned, .. } => self.since + if warned { rules.grace } else { rules.max_talk },
            State::Abandoned => self.since + rules.message + 2_000_000,
            State::Machine => self.since + rules.machine_message,
            State::Ended(_) => return None,
        })
    }

    /// Whether it may still come to a person that needs an agent.
    pub fn is_dialing(&self) -> bool {
        use State::{Cancelling, Classifying, Placing, Ringing, Scripted, Trying};
        matches!(self.state, Placing | Trying { .. } | Ringing | Cancelling { .. } | Classifying | Scripted)
    }

    /// Whether it was placed and nothing rings yet.
    pub fn is_setting_up(&self) -> bool {
        matches!(self.state, State::Placing | State::Trying { .. })
    }
}
