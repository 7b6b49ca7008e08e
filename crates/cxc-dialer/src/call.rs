//! The life of one call, as a pure function: a state, an event and the time make the next state and what to do.
//! Every state but the last has a deadline, and every call ends in exactly one result.
use cxc_core::Micros;
use cxc_core::enumerations::CallResult;

use crate::agent::AgentId;

/// A call of this process; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(pub u64);

/// The deadlines, microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallRules {
    /// To be sent.
    pub placing: Micros,
    /// To the first sign of the far end.
    pub progress: Micros,
    /// Of ringing.
    pub max_ring: Micros,
    /// A call that has rung for so long may be given up for a new one while the budget of abandoned calls is used up.
    pub least_ring: Micros,
    /// Of a transaction that was cancelled and does not end.
    pub transaction: Micros,
    /// Of answering machine detection before an agent is looked for; none where that is off.
    pub classify: Option<Micros>,
    /// The silence by which it tells a person: their wait counts from its beginning, the end of their greeting.
    pub greeted: Micros,
    /// What becomes of a machine.
    pub machine: OnMachine,
    /// Of the message that a machine gets, its beep included.
    pub machine_message: Micros,
    /// Of connecting a reserved agent.
    pub connect: Micros,
    /// Of a person's wait for an agent, from the answer on.
    pub threshold: Micros,
    /// Of the message that an abandoned person hears.
    pub message: Micros,
    /// Of a script that speaks with the person first; none where calls have none.
    pub script: Option<Micros>,
    /// Of a talk; then a warning.
    pub max_talk: Micros,
    /// From the warning to the end.
    pub grace: Micros,
}

impl Default for CallRules {
    fn default() -> Self {
        const SECOND: Micros = 1_000_000;
        Self {
            placing: SECOND,
            progress: 8 * SECOND,
            max_ring: 25 * SECOND,
            least_ring: 15 * SECOND,
            transaction: 32 * SECOND,
            classify: None,
            greeted: 800_000,
            machine: OnMachine::Drop,
            machine_message: 120 * SECOND,
            connect: SECOND / 2,
            threshold: 2 * SECOND,
            message: 12 * SECOND,
            script: None,
            max_talk: 4 * 3600 * SECOND,
            grace: 30 * SECOND,
        }
    }
}

/// What becomes of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnMachine {
    /// The call is ended.
    Drop,
    /// It gets a message.
    Message,
    /// It is treated as a person.
    Connect,
}

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
}

impl Call {
    /// A call that is handed to the engine.
    pub fn new(now: Micros) -> Self {
        Self { state: State::Placing, since: now, answered: None, conferenced: false }
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

    /// The next state and what to do. What does not fit the state changes nothing.
    #[must_use]
    pub fn step(self, event: CallEvent, now: Micros, rules: &CallRules) -> (Self, Vec<CallAction>) {
        if event == CallEvent::Classified(Verdict::Machine)
            && let Some(stepped) = self.unmasked(now, rules)
        {
            return stepped;
        }
        match self.state {
            State::Placing | State::Trying { .. } | State::Ringing | State::Cancelling { .. } => {
                self.before_answer(event, now, rules)
            }
            State::Classifying => self.classifying(event, now, rules),
            State::Scripted => self.scripted(event, now),
            State::Connecting(agent) => self.connecting(agent, event, now, rules),
            State::Queued => self.queued(event, now),
            State::Bridged { agent, warned } => self.bridged(agent, warned, event, now),
            State::Abandoned => match event {
                CallEvent::MessagePlayed | CallEvent::Deadline => self.hang_up(CallResult::Abandoned, now),
                CallEvent::RemoteHangup => self.end(CallResult::Abandoned, now),
                _ => (self, vec![]),
            },
            State::Machine => match event {
                CallEvent::MessagePlayed | CallEvent::Deadline => self.hang_up(CallResult::AnsweringMachine, now),
                CallEvent::RemoteHangup => self.end(CallResult::AnsweringMachine, now),
                _ => (self, vec![]),
            },
            State::Ended(_) => (self, vec![]),
        }
    }

    /// A machine took the call: it is taken from whom it was given to. None where that changes nothing: who was
    /// abandoned as a person stays counted as one.
    fn unmasked(self, now: Micros, rules: &CallRules) -> Option<(Self, Vec<CallAction>)> {
        let mut actions = match self.state {
            State::Classifying | State::Scripted => vec![],
            State::Queued => vec![CallAction::NotLive],
            State::Connecting(agent) => vec![CallAction::NotLive, CallAction::Release(agent)],
            State::Bridged { agent, .. } => vec![CallAction::NotLive, CallAction::EndTalk(agent)],
            _ => return None,
        };
        match rules.machine {
            OnMachine::Connect => None,
            OnMachine::Message => {
                actions.push(CallAction::LeaveMessage);
                Some(self.to(State::Machine, now, actions))
            }
            OnMachine::Drop => {
                let result = CallResult::AnsweringMachine;
                actions.extend([CallAction::Hangup, CallAction::Finish(result)]);
                Some(self.to(State::Ended(result), now, actions))
            }
        }
    }

    fn to(self, state: State, now: Micros, actions: Vec<CallAction>) -> (Self, Vec<CallAction>) {
        (Self { state, since: now, ..self }, actions)
    }

    fn end(self, result: CallResult, now: Micros) -> (Self, Vec<CallAction>) {
        self.to(State::Ended(result), now, vec![CallAction::Finish(result)])
    }

    fn hang_up(self, result: CallResult, now: Micros) -> (Self, Vec<CallAction>) {
        self.to(State::Ended(result), now, vec![CallAction::Hangup, CallAction::Finish(result)])
    }

    /// An answer counts in every state before it, also when it crosses our cancellation.
    fn before_answer(self, event: CallEvent, now: Micros, rules: &CallRules) -> (Self, Vec<CallAction>) {
        match (self.state, event) {
            (_, CallEvent::Answered) => self.taken_up(now, rules),
            (
                State::Cancelling { result, .. },
                CallEvent::Failed(_) | CallEvent::Refused { .. } | CallEvent::RemoteHangup,
            ) => self.end(result, now),
            // nobody would take an answer that comes after this
            (State::Cancelling { result, .. }, CallEvent::Deadline) => self.hang_up(result, now),
            (_, CallEvent::Failed(result)) => self.end(result, now),
            (_, CallEvent::Refused { .. }) => self.end(CallResult::AllTrunksBusy, now),
            (_, CallEvent::RemoteHangup) => self.end(CallResult::RemoteRelease, now),
            (State::Placing, CallEvent::Sent) => self.to(State::Trying { provisional: false }, now, vec![]),
            (State::Placing, CallEvent::Deadline) => self.hang_up(CallResult::DialError, now),
            (State::Placing, CallEvent::Stop) => self.hang_up(CallResult::Cleared, now),
            (State::Trying { .. }, CallEvent::Provisional) => {
                (Self { state: State::Trying { provisional: true }, ..self }, vec![])
            }
            (State::Placing | State::Trying { .. }, CallEvent::Ringing) => self.to(State::Ringing, now, vec![]),
            (State::Trying { provisional }, CallEvent::Deadline) => {
                self.give_up(CallResult::NoProgress, provisional, now)
            }
            (State::Trying { provisional }, CallEvent::Stop) => self.give_up(CallResult::Cleared, provisional, now),
            (State::Ringing, CallEvent::Deadline | CallEvent::RungEnough) => {
                self.give_up(CallResult::NoAnswer, true, now)
            }
            (State::Ringing, CallEvent::Stop) => self.give_up(CallResult::Cleared, true, now),
            // a cancellation may be sent only after a provisional answer (RFC 3261, 9.1)
            (State::Cancelling { result, sent: false }, CallEvent::Provisional | CallEvent::Ringing) => {
                (Self { state: State::Cancelling { result, sent: true }, ..self }, vec![CallAction::Cancel])
            }
            _ => (self, vec![]),
        }
    }

    fn give_up(self, result: CallResult, sent: bool, now: Micros) -> (Self, Vec<CallAction>) {
        let actions = if sent { vec![CallAction::Cancel] } else { vec![] };
        self.to(State::Cancelling { result, sent }, now, actions)
    }

    fn taken_up(mut self, now: Micros, rules: &CallRules) -> (Self, Vec<CallAction>) {
        self.answered = Some(now);
        match rules.classify {
            Some(_) => self.to(State::Classifying, now, vec![]),
            None => self.person(now, rules),
        }
    }

    /// A person is there, as far as anybody can say: for the script, if there is one, else for an agent.
    fn person(self, now: Micros, rules: &CallRules) -> (Self, Vec<CallAction>) {
        match rules.script {
            Some(_) => self.to(State::Scripted, now, vec![CallAction::Converse]),
            None => self.to(State::Queued, now, vec![CallAction::Live]),
        }
    }

    /// Who asks a script for an agent waits for one from then on.
    fn scripted(self, event: CallEvent, now: Micros) -> (Self, Vec<CallAction>) {
        match event {
            CallEvent::Transfer => Self { answered: Some(now), ..self }.to(State::Queued, now, vec![CallAction::Live]),
            CallEvent::Closed(result) => self.hang_up(result, now),
            CallEvent::RemoteHangup => self.end(CallResult::RemoteRelease, now),
            // it went round for too long, or the process ends
            CallEvent::Deadline | CallEvent::AgentHangup => self.hang_up(CallResult::GeneralError, now),
            _ => (self, vec![]),
        }
    }

    fn classifying(mut self, event: CallEvent, now: Micros, rules: &CallRules) -> (Self, Vec<CallAction>) {
        match event {
            // in doubt it is a person
            CallEvent::Classified(_) | CallEvent::Deadline => {
                let answered = self.answered.unwrap_or(now);
                self.answered = Some(answered.max(now - rules.greeted));
                self.person(now, rules)
            }
            CallEvent::RemoteHangup => self.end(CallResult::RemoteRelease, now),
            _ => (self, vec![]),
        }
    }

    fn queued(self, event: CallEvent, now: Micros) -> (Self, Vec<CallAction>) {
        match event {
            CallEvent::Assigned(agent) => self.to(State::Connecting(agent), now, vec![]),
            CallEvent::Deadline => self.to(State::Abandoned, now, vec![CallAction::Abandon]),
            CallEvent::RemoteHangup => self.to(
                State::Ended(CallResult::Dropped),
                now,
                vec![CallAction::Drop, CallAction::Finish(CallResult::Dropped)],
            ),
            _ => (self, vec![]),
        }
    }

    fn connecting(self, agent: AgentId, event: CallEvent, now: Micros, rules: &CallRules) -> (Self, Vec<CallAction>) {
        match event {
            CallEvent::Connected => {
                self.to(State::Bridged { agent, warned: false }, now, vec![CallAction::Talk(agent)])
            }
            CallEvent::Deadline | CallEvent::AgentLost => {
                let release = CallAction::Release(agent);
                let waited = now - self.answered.unwrap_or(now);
                if waited >= rules.threshold {
                    return self.to(State::Abandoned, now, vec![release, CallAction::Abandon]);
                }
                self.to(State::Queued, now, vec![release, CallAction::FindAgent])
            }
            CallEvent::RemoteHangup => {
                let result = CallResult::Dropped;
                let actions = vec![CallAction::Release(agent), CallAction::Drop, CallAction::Finish(result)];
                self.to(State::Ended(result), now, actions)
            }
            _ => (self, vec![]),
        }
    }

    fn bridged(self, agent: AgentId, warned: bool, event: CallEvent, now: Micros) -> (Self, Vec<CallAction>) {
        let over = CallAction::EndTalk(agent);
        let end = |result, actions| self.to(State::Ended(result), now, actions);
        let answer = if self.conferenced { CallResult::Conferenced } else { CallResult::Answer };
        match event {
            CallEvent::Deadline if !warned => {
                self.to(State::Bridged { agent, warned: true }, now, vec![CallAction::Warn(agent)])
            }
            CallEvent::Deadline | CallEvent::AgentHangup => {
                end(answer, vec![CallAction::Hangup, over, CallAction::Finish(answer)])
            }
            CallEvent::RemoteHangup => end(answer, vec![over, CallAction::Finish(answer)]),
            CallEvent::AgentLost => self.hang_up(CallResult::CallDropError, now),
            CallEvent::Conferenced => (Self { conferenced: true, ..self }, vec![]),
            // the two who are left talk on without the group
            CallEvent::Transferred => {
                let result = CallResult::Transferred;
                end(result, vec![over, CallAction::Finish(result)])
            }
            _ => (self, vec![]),
        }
    }
}
