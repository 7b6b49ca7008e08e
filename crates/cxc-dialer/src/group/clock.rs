//! The deadlines of a group's calls and agents. A state that ended early leaves its entry behind; who takes it looks
//! whether it still holds.
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use cxc_core::Micros;

use crate::agent::AgentId;
use crate::call::CallId;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Of {
    Call(CallId),
    Agent(AgentId),
}

#[derive(Debug, Default)]
pub(super) struct Deadlines(BinaryHeap<Reverse<(Micros, Of)>>);

impl Deadlines {
    pub(super) fn set(&mut self, at: Option<Micros>, of: Of) {
        if let Some(at) = at {
            self.0.push(Reverse((at, of)));
        }
    }

    pub(super) fn next(&self) -> Option<Micros> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    pub(super) fn due(&mut self, now: Micros) -> Option<Of> {
        self.next().filter(|at| *at <= now)?;
        self.0.pop().map(|Reverse((_, of))| of)
    }
}
