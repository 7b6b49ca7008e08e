//! What a call says and asks by itself: the steps of a script as a pure state machine. Inputs and instants are handed in,
//! orders come out; every state has a deadline, and no call takes more than so many steps.
mod gather;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use cxc_core::Micros;
use cxc_core::call_script::{CallScript, ScriptStep};
use cxc_core::enumerations::CallResult;

use gather::Gather;

const SECOND: Micros = 1_000_000;
/// No prompt is longer: one whose end is never reported is over then.
const PROMPT: Micros = 602 * SECOND;
/// How long it is waited until an opt-out is written.
const WRITTEN: Micros = 5 * SECOND;
/// Who finds agents says in time that none came; this is how long it is waited for that word beyond it.
const LATE: Micros = 10 * SECOND;
/// The most steps of a call. A script may go in circles; a call may not for ever.
const MOST_STEPS: u32 = 100;

/// What happens to a call in its script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// A person is there.
    Begin,
    /// What was ordered by this number was heard to its end.
    Played(u32),
    /// The person would have to be told that they are recorded, and can't be.
    NotRecorded(u32),
    /// The person pressed a key.
    Digit(char),
    /// The wish for no more calls is written.
    OptedOut,
    /// A callback is arranged, or can't be.
    CallBack(bool),
    /// An agent took the call, or none comes.
    Agent(bool),
    /// The deadline has come.
    Deadline,
}

/// What is to be heard, and what is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audio {
    /// Play a prompt, and report its end by this number.
    Play(u32, String),
    /// Stop what plays.
    Quiet,
    /// Tell the person that they are recorded, where that must be said; report by this number that it was, or can't be.
    Announce(u32),
    /// Record from now on, or no more.
    Record(bool),
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// For the engine.
    Audio(Audio),
    /// Write that the person wants no more calls.
    OptOut,
    /// Arrange that the person is called back.
    CallBack,
    /// Find an agent.
    Transfer,
    /// Find an agent for who called in; it is said whether one came.
    Agent {
        /// What is heard meanwhile.
        prompt: Option<String>,
        /// How long that may take.
        wait: Micros,
    },
    /// End the call.
    End {
        /// Its result.
        result: CallResult,
        /// What is kept with the attempt.
        disposition: Option<String>,
    },
}

/// Where a call is in its script.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    /// A prompt plays; the step goes on after it.
    Speaking,
    /// Digits are taken.
    Gathering(Gather),
    /// The person is told that they are recorded.
    Announcing,
    /// What the person says is recorded.
    Recording,
    /// An opt-out is being written.
    Writing,
    /// A callback is being arranged.
    Arranging,
    /// The person waits for an agent.
    Waiting,
    /// The script is over.
    Over,
}

/// A call in its script.
#[derive(Debug, Clone)]
pub struct Session {
    script: Arc<CallScript>,
    /// The name of the step.
    at: String,
    phase: Phase,
    deadline: Micros,
    /// The last number that was given out.
    number: u32,
    steps: u32,
    /// What was pressed, by the step that asked.
    entries: BTreeMap<String, String>,
}

impl Session {
    /// A call that is at the beginning.
    pub fn new(script: Arc<CallScript>, now: Micros) -> Self {
        let (at, entries) = (script.start.clone(), BTreeMap::new());
        Self { script, at, phase: Phase::Speaking, deadline: now + SECOND, number: 0, steps: 0, entries }
    }

    /// When the state must have ended; none once the script is over.
    pub fn deadline(&self) -> Option<Micros> {
        (self.phase != Phase::Over).then_some(self.deadline)
    }

    /// What follows from an input. What does not fit the state changes nothing.
    pub fn step(&mut self, input: Input, now: Micros) -> Vec<Order> {
        match (&self.phase, input) {
            (_, Input::Begin) if self.steps == 0 => self.enter(self.at.clone(), now),
            (_, Input::Played(number) | Input::NotRecorded(number)) if number != self.number => Vec::new(),
            (Phase::Over, _) => Vec::new(),
            // whatever the script had gone on with: the person talks
            (_, Input::Agent(true)) => {
                self.phase = Phase::Over;
                Vec::new()
            }
            (Phase::Gathering(_), input) => self.gather(input, now),
            (Phase::Speaking, Input::Played(_) | Input::Deadline) => self.spoken(now),
            (Phase::Announcing, Input::Played(_)) => self.ask_for_message(now),
            (Phase::Announcing, Input::NotRecorded(_) | Input::Deadline) => self.leave(true, now),
            (Phase::Recording, Input::Digit(_) | Input::Deadline) => {
                let mut orders = vec![Order::Audio(Audio::Record(false))];
                orders.extend(self.leave(false, now));
                orders
            }
            (Phase::Writing, Input::OptedOut) => self.leave(false, now),
            (Phase::Arranging, Input::CallBack(is_arranged)) => self.leave(!is_arranged, now),
            (Phase::Waiting, Input::Agent(false)) => self.leave(true, now),
            (Phase::Writing | Phase::Arranging | Phase::Waiting, Input::Deadline) => self.leave(true, now),
            _ => Vec::new(),
        }
    }

    fn to(&mut self, phase: Phase, deadline: Micros) {
        (self.phase, self.deadline) = (phase, deadline);
    }

    fn play(&mut self, prompt: String) -> Order {
        self.number += 1;
        Order::Audio(Audio::Play(self.number, prompt))
    }

    fn end(&mut self, result: CallResult, disposition: Option<String>) -> Vec<Order> {
        self.phase = Phase::Over;
        vec![Order::End { result, disposition }]
    }

    /// Comes to a step. Branches lead on at once.
    fn enter(&mut self, name: String, now: Micros) -> Vec<Order> {
        let script = Arc::clone(&self.script);
        let mut name = name;
        loop {
            self.steps += 1;
            let step = script.steps.get(&name).filter(|_| self.steps <= MOST_STEPS);
            // a step that is not there was refused with the script
            let Some(step) = step else { return self.end(CallResult::GeneralError, None) };
            match step {
                ScriptStep::Branch { of, choices, otherwise } => {
                    let chosen = self.entries.get(of).and_then(|entry| choices.get(entry));
                    name = chosen.unwrap_or(otherwise).clone();
                }
                step => {
                    self.at = name;
                    return self.begin(step, now);
                }
            }
        }
    }

    fn begin(&mut self, step: &ScriptStep, now: Micros) -> Vec<Order> {
        match step {
            ScriptStep::Prompt { prompt, .. } | ScriptStep::HangUp { prompt: Some(prompt), .. } => {
                self.to(Phase::Speaking, now + PROMPT);
                vec![self.play(prompt.clone())]
            }
            ScriptStep::HangUp { prompt: None, .. } => self.spoken(now),
            ScriptStep::Gather(asked) => {
                self.to(Phase::Gathering(Gather::default()), now + PROMPT);
                vec![self.play(asked.prompt.clone())]
            }
            ScriptStep::Record { .. } => {
                self.to(Phase::Announcing, now + PROMPT);
                self.number += 1;
                vec![Order::Audio(Audio::Announce(self.number))]
            }
            ScriptStep::OptOut { .. } => {
                self.to(Phase::Writing, now + WRITTEN);
                vec![Order::OptOut]
            }
            ScriptStep::CallBack { .. } => {
                self.to(Phase::Arranging, now + WRITTEN);
                vec![Order::CallBack]
            }
            ScriptStep::Agent { prompt, max_seconds, .. } => {
                let wait = Micros::from(*max_seconds) * SECOND;
                self.to(Phase::Waiting, now + wait + LATE);
                vec![Order::Agent { prompt: prompt.clone(), wait }]
            }
            ScriptStep::Transfer {} | ScriptStep::Branch { .. } => {
                self.phase = Phase::Over;
                vec![Order::Transfer]
            }
        }
    }

    /// A prompt was heard: the step is over, or what it asked for begins.
    fn spoken(&mut self, now: Micros) -> Vec<Order> {
        let script = Arc::clone(&self.script);
        match script.steps.get(&self.at) {
            Some(ScriptStep::Prompt { next, .. }) => self.enter(next.clone(), now),
            Some(ScriptStep::HangUp { result, disposition, .. }) => self.end(*result, disposition.clone()),
            Some(ScriptStep::Record { max_seconds, .. }) => {
                self.to(Phase::Recording, now + Micros::from(*max_seconds) * SECOND);
                vec![Order::Audio(Audio::Record(true))]
            }
            _ => self.end(CallResult::GeneralError, None),
        }
    }

    /// The person knows that they are recorded.
    fn ask_for_message(&mut self, now: Micros) -> Vec<Order> {
        let script = Arc::clone(&self.script);
        let Some(ScriptStep::Record { prompt, .. }) = script.steps.get(&self.at) else { return Vec::new() };
        self.to(Phase::Speaking, now + PROMPT);
        vec![self.play(prompt.clone())]
    }

    /// Goes on from a step that has two ways.
    fn leave(&mut self, otherwise: bool, now: Micros) -> Vec<Order> {
        let script = Arc::clone(&self.script);
        let ways = match script.steps.get(&self.at) {
            Some(
                ScriptStep::Record { next, otherwise, .. }
                | ScriptStep::OptOut { next, otherwise }
                | ScriptStep::CallBack { next, otherwise },
            ) => (next, otherwise),
            Some(ScriptStep::Agent { otherwise, .. }) => (otherwise, otherwise),
            _ => return self.end(CallResult::GeneralError, None),
        };
        self.enter(if otherwise { ways.1.clone() } else { ways.0.clone() }, now)
    }
}
