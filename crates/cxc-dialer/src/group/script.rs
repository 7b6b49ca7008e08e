//! Scripts of a group: they speak with persons before agents do, or instead of them.
use std::sync::Arc;

use cxc_core::Micros;
use cxc_core::call_script::CallScript;

use super::clock::Of;
use super::{Group, State};
use crate::call::{CallEvent, CallId};
use crate::engine::CallEngine;
use crate::ivr::{Input, Order, Session};

/// What a script leaves to be known of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The person wants no more calls: whoever has written it says so by [`Input::OptedOut`].
    OptOut,
    /// What the call came to.
    Disposition(String),
}

impl Group {
    /// Persons are spoken with by a script from now on.
    pub fn set_script(&mut self, script: Arc<CallScript>) {
        self.script = Some(script);
    }

    /// What scripts left to be known since the last time, in order.
    pub fn take_notes(&mut self) -> Vec<(CallId, Note)> {
        std::mem::take(&mut self.notes)
    }

    /// Something happened to a call in its script. One that is not in its script any more does not care.
    pub fn script_event(&mut self, id: CallId, input: Input, now: Micros, engine: &mut impl CallEngine) {
        let Some(held) = self.calls.get_mut(&id).filter(|held| held.call.state == State::Scripted) else { return };
        let Some(session) = &mut held.session else { return };
        let orders = session.step(input, now);
        self.deadlines.set(session.deadline(), Of::Call(id));
        for order in orders {
            match order {
                Order::Audio(audio) => engine.script(id, audio, now),
                Order::OptOut => self.notes.push((id, Note::OptOut)),
                // steps of calls that come in: these are placed
                Order::CallBack => self.script_event(id, Input::CallBack(false), now, engine),
                Order::Agent { .. } => self.script_event(id, Input::Agent(false), now, engine),
                Order::Transfer => self.call_event(id, CallEvent::Transfer, now, engine),
                Order::End { result, disposition } => {
                    self.notes.extend(disposition.map(|code| (id, Note::Disposition(code))));
                    self.call_event(id, CallEvent::Closed(result), now, engine);
                }
            }
        }
    }

    /// A person is there for the script.
    pub(super) fn converse(&mut self, id: CallId, now: Micros, engine: &mut impl CallEngine) {
        if self.own(id).is_some() {
            // an agent waits for this very person
            return self.call_event(id, CallEvent::Transfer, now, engine);
        }
        let Some(script) = self.script.clone() else { return };
        let Some(held) = self.calls.get_mut(&id) else { return };
        held.session = Some(Box::new(Session::new(script, now)));
        self.script_event(id, Input::Begin, now, engine);
    }

    /// A deadline of the script, if it has come.
    pub(super) fn expire_script(&mut self, id: CallId, now: Micros, engine: &mut impl CallEngine) {
        let due = self.calls.get(&id).and_then(|held| held.session.as_ref()?.deadline());
        if due.is_some_and(|due| due <= now) {
            self.script_event(id, Input::Deadline, now, engine);
        }
    }
}
