//! From one state of a call to the next.
use cxc_core::Micros;
use cxc_core::enumerations::CallResult;

use super::{Call, CallAction, CallEvent, CallRules, OnMachine, State, Verdict};
use crate::agent::AgentId;

impl Call {
    /// The next state and what to do. What does not fit the state changes nothing.
    #[must_use]
    pub fn step(self, event: CallEvent, now: Micros, rules: &CallRules) -> (Self, Vec<CallAction>) {
        if event == CallEvent::Classified(Verdict::Machine)
            && self.came_in.is_none()
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
            State::Waiting => self.waiting(event, now),
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

    /// Whoever has it goes on with a person to whom no agent came: it is not hung up.
    fn waiting(self, event: CallEvent, now: Micros) -> (Self, Vec<CallAction>) {
        match event {
            CallEvent::Assigned(agent) => self.to(State::Connecting(agent), now, vec![]),
            CallEvent::Deadline => self.end(CallResult::Overflowed, now),
            CallEvent::Stop | CallEvent::AgentHangup => self.end(CallResult::Cleared, now),
            CallEvent::RemoteHangup => self.end(CallResult::Dropped, now),
            _ => (self, vec![]),
        }
    }

    fn connecting(self, agent: AgentId, event: CallEvent, now: Micros, rules: &CallRules) -> (Self, Vec<CallAction>) {
        match event {
            CallEvent::Connected => {
                self.to(State::Bridged { agent, warned: false }, now, vec![CallAction::Talk(agent)])
            }
            CallEvent::Deadline | CallEvent::AgentLost if self.came_in.is_some_and(|until| now >= until) => {
                let result = CallResult::Overflowed;
                self.to(State::Ended(result), now, vec![CallAction::Release(agent), CallAction::Finish(result)])
            }
            CallEvent::Deadline | CallEvent::AgentLost if self.came_in.is_some() => {
                self.to(State::Waiting, now, vec![CallAction::Release(agent), CallAction::FindAgent])
            }
            CallEvent::RemoteHangup if self.came_in.is_some() => {
                let result = CallResult::Dropped;
                self.to(State::Ended(result), now, vec![CallAction::Release(agent), CallAction::Finish(result)])
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
