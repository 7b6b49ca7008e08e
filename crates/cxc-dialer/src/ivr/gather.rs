//! Digits of a person: taken one by one, judged as a whole, asked for again if they do not fit.
use std::sync::Arc;

use cxc_core::Micros;
use cxc_core::call_script::{GatherStep, ScriptStep};

use super::{Audio, Input, Order, PROMPT, Phase, SECOND, Session};

/// An entry that is being made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Gather {
    typed: String,
    /// How often it was asked in vain.
    tries: u8,
    /// What plays says that the last entry does not fit; the question follows.
    is_sorry: bool,
    /// Nothing plays any more.
    is_quiet: bool,
}

impl Session {
    /// An input while digits are taken. A key that is pressed stops what plays.
    pub(super) fn gather(&mut self, input: Input, now: Micros) -> Vec<Order> {
        let script = Arc::clone(&self.script);
        let (Phase::Gathering(gather), Some(ScriptStep::Gather(asked))) = (&mut self.phase, script.steps.get(&self.at))
        else {
            return Vec::new();
        };
        let patience = Micros::from(asked.timeout_seconds) * SECOND;
        match input {
            Input::Digit(key) => {
                let mut orders = if gather.is_quiet { Vec::new() } else { vec![Order::Audio(Audio::Quiet)] };
                gather.is_quiet = true;
                let is_last = key == '#';
                if !is_last {
                    gather.typed.push(key);
                }
                if is_last || gather.typed.len() >= usize::from(asked.max_digits) {
                    orders.extend(self.judge(asked, now));
                } else {
                    self.deadline = now + patience;
                }
                orders
            }
            Input::Played(_) | Input::Deadline if !gather.is_quiet => {
                if gather.is_sorry {
                    gather.is_sorry = false;
                    self.deadline = now + PROMPT;
                    return vec![self.play(asked.prompt.clone())];
                }
                gather.is_quiet = true;
                self.deadline = now + patience;
                Vec::new()
            }
            Input::Deadline => self.judge(asked, now),
            _ => Vec::new(),
        }
    }

    fn judge(&mut self, asked: &GatherStep, now: Micros) -> Vec<Order> {
        let Phase::Gathering(gather) = &mut self.phase else { return Vec::new() };
        let typed = std::mem::take(&mut gather.typed);
        if let Some(step) = asked.step_for(&typed) {
            let step = step.clone();
            self.entries.insert(self.at.clone(), typed);
            return self.enter(step, now);
        }
        if gather.tries >= asked.retries {
            return self.enter(asked.otherwise.clone(), now);
        }
        let sorry = asked.invalid.as_ref().filter(|_| !typed.is_empty());
        let (tries, is_sorry) = (gather.tries + 1, sorry.is_some());
        let prompt = sorry.unwrap_or(&asked.prompt).clone();
        self.phase = Phase::Gathering(Gather { tries, is_sorry, ..Gather::default() });
        self.deadline = now + PROMPT;
        vec![self.play(prompt)]
    }
}
