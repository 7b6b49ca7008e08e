//! The talk of an agent: orders for it, if they fit how it stands, and what the actor says of it.
use cxc_sip::engine::{Level, Phone, TalkOrder, TalkState, Third, ThirdParty};
use cxc_sip::run::Command as Order;
use uuid::Uuid;

use super::super::protocol::Event;
use super::super::talking::shown;
use super::{Inner, Refused, Seat};
use crate::channel::voice::Phones;

/// A talk that goes on.
#[derive(Default)]
pub(super) struct OnTalk {
    state: TalkState,
    /// Whom the agent called beside.
    third: String,
    /// The supervisor who is on the line, or is called.
    supervisor: Option<Uuid>,
}

/// There is no talk.
pub const NOT_TALKING: Refused = ("not_talking", "there is no talk of which this could be asked");
const ONE_THIRD: Refused = ("third_there", "there is a third person: take the call back, or complete it");
const NO_THIRD: Refused = ("no_third", "there is no third person with whom this could be done");

impl Seat {
    /// Does something with the talk, if it fits.
    pub fn order_talk(&self, order: TalkOrder) -> Result<(), Refused> {
        let inner = self.inner();
        let state = &inner.on_talk.as_ref().ok_or(NOT_TALKING)?.state;
        match (&order, state.third) {
            (TalkOrder::Hold(_), Some(_)) => return Err(ONE_THIRD),
            (TalkOrder::Press(_), _) if !state.digits => {
                return Err(("no_digits", "the phone at the other end takes no digits"));
            }
            (TalkOrder::Conference, third) if third != Some(Third::Talking) => return Err(NO_THIRD),
            (TalkOrder::HandOver | TalkOrder::TakeBack, None) => return Err(NO_THIRD),
            _ => (),
        }
        inner.order_talk(order);
        Ok(())
    }

    /// Whether a third person may be called now.
    pub fn may_call_third(&self) -> Result<(), Refused> {
        match self.inner().on_talk.as_ref().ok_or(NOT_TALKING)?.state.third {
            None => Ok(()),
            Some(_) => Err(ONE_THIRD),
        }
    }

    /// Calls a third person; the person waits.
    pub fn call_third(&self, to: String, third: ThirdParty, is_blind: bool) -> Result<(), Refused> {
        let mut inner = self.inner();
        let talk = inner.on_talk.as_mut().ok_or(NOT_TALKING)?;
        if talk.state.third.is_some() {
            return Err(ONE_THIRD);
        }
        talk.third = to;
        inner.order_talk(TalkOrder::Call { to: third, is_blind });
        Ok(())
    }

    /// Lets a supervisor hear the talk. One who is there is heard as they want now.
    pub fn supervise(&self, by: Uuid, phone: Phone, level: Level) -> Result<(), Refused> {
        let mut inner = self.inner();
        let talk = inner.on_talk.as_mut().ok_or(NOT_TALKING)?;
        match talk.supervisor {
            Some(other) if other != by => return Err(("supervised", "another supervisor is on the line")),
            Some(_) if talk.state.supervisor.is_some() => inner.order_talk(TalkOrder::Level(level)),
            _ => {
                talk.supervisor = Some(by);
                inner.order_talk(TalkOrder::Supervise(phone, level));
            }
        }
        Ok(())
    }

    /// Hangs up the supervisor's phone; anybody who may supervise can do that.
    pub fn unsupervise(&self) -> Result<(), Refused> {
        let inner = self.inner();
        inner.on_talk.as_ref().ok_or(NOT_TALKING)?;
        inner.order_talk(TalkOrder::Unsupervise);
        Ok(())
    }

    /// How phones of the group are reached.
    pub fn phones(&self) -> Option<Phones> {
        self.inner().work.as_ref().map(|work| work.phones.clone())
    }

    /// How the talk stands.
    pub fn talk_stands(&self, state: &TalkState) {
        let mut inner = self.inner();
        let talk = inner.on_talk.get_or_insert_default();
        talk.state = *state;
        if state.supervisor.is_none() {
            talk.supervisor = None;
        }
        inner.tell_talk();
    }
}

impl Inner {
    fn order_talk(&self, order: TalkOrder) {
        if let Some(work) = &self.work {
            // a group that is over has no talks
            let _over = work.tell.send(Order::Talk(work.agent, order));
        }
    }

    /// Tells the desk how the talk stands, if there is one.
    pub(super) fn tell_talk(&mut self) {
        if let Some(event) = self.on_talk.as_ref().map(|talk| Event::Talk(shown(&talk.state, &talk.third))) {
            self.tell(event);
        }
    }
}
