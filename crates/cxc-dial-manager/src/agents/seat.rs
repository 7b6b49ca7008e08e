//! The place of one agent: what the agent wants, where the dialer has them, the call in hand, and the desk that is told.
//! The actor of a group writes the state (`group_side`); desks and supervisors only wish.
mod group_side;
mod own_side;
mod preview_side;
mod talk_side;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cxc_core::Micros;
use cxc_dialer::agent::{AgentEvent, AgentId, Reason};
use cxc_sip::run::Command as Order;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;
use uuid::Uuid;

use super::DeskLine;
use super::describe::{Standing, Wish, place, shown};
use super::protocol::{Closing, Event, PhoneState, Place, Shown, Talk};
use crate::channel::AgentReport;
use crate::channel::voice::{Desk, Ended, Phones};
use crate::sender::{Named, Offer};
pub use talk_side::NOT_TALKING;
use talk_side::OnTalk;

/// Reasons of the system are told apart by the desk, not by the number.
const NOT_READY: AgentEvent = AgentEvent::NotReady(Reason::Code(1));

/// Who has a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Whose user.
    pub tenant: i64,
    /// The user.
    pub user: Uuid,
    /// The user's name.
    pub name: String,
}

/// The campaign group that an agent works for.
pub struct Work {
    /// Its number.
    pub group: i64,
    /// What people call it.
    pub name: String,
    /// The agent's number in it.
    pub agent: AgentId,
    /// Where orders go.
    pub tell: UnboundedSender<Order>,
    /// How phones are reached.
    pub phones: Phones,
    /// Where calls are asked for.
    pub desk: Arc<Desk>,
}

/// An agent's place.
pub struct Seat {
    /// Who has it.
    pub agent: Agent,
    inner: Mutex<Inner>,
}

struct Inner {
    phone_uri: String,
    phone: PhoneState,
    token: Uuid,
    desk: Option<DeskLine>,
    /// Since when no desk shows it.
    away_since: Instant,
    work: Option<Work>,
    standing: Standing,
    wish: Wish,
    call: Option<Call>,
    /// The record that the agent looks at.
    shown: Option<Offer>,
    /// The callback that follows the wrap-up.
    follows: Option<Offer>,
    /// Since when the agent waits for one that they asked for.
    asked_at: Option<Micros>,
    /// The phone is on the line for the next call, where it is called for each.
    is_on_line: bool,
    /// What the agent asked to be called once it is.
    asked: Option<Named>,
    /// What goes on, while agent and person talk.
    on_talk: Option<OnTalk>,
    /// The last word to a desk once the agent is gone.
    goodbye: Closing,
    is_gone: bool,
}

/// The call that an agent has, from the talk to the end of its wrap-up.
struct Call {
    talk: Talk,
    /// The person's; empty where it is withheld.
    number: String,
    report: AgentReport,
    /// Its result, once there is one.
    ended: Option<Ended>,
}

impl Call {
    /// Hands over the result with what the agent said.
    fn close(self) {
        if let Some(mut ended) = self.ended {
            ended.report = Some(Box::new(self.report));
        }
    }
}

/// Why a wish was not fulfilled: for programs and for people.
pub type Refused = (&'static str, &'static str);

/// Why another phone is not taken.
const PHONE_IN_USE: Refused = (
    "phone_in_use",
    "another phone is taken when no call is there: log in with the phone of before, or after the call",
);

const NO_CALL: Refused = ("no_call", "there is no call of which this could be said");
const NO_NUMBER: Refused = ("no_number", "who called did not show their number: ask them for it");
const NO_RECORD: Refused =
    ("no_record", "who called is no record of the group: there is nothing that could be put off");

impl Seat {
    /// A place without a desk, not ready.
    pub fn new(agent: Agent, phone_uri: String) -> Self {
        let inner = Inner {
            phone_uri,
            phone: PhoneState::None,
            token: Uuid::nil(),
            desk: None,
            away_since: Instant::now(),
            work: None,
            standing: Standing { state: None, since: 0, deadline: None },
            wish: Wish::NotReady(None),
            call: None,
            shown: None,
            follows: None,
            asked_at: None,
            is_on_line: false,
            asked: None,
            on_talk: None,
            goodbye: Closing::LoggedOut,
            is_gone: false,
        };
        Self { agent, inner: Mutex::new(inner) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A desk takes the place over, under a new token or the one that it has.
    pub fn attach(&self, desk: DeskLine, token: Option<Uuid>, new_token: Uuid, now: Micros) -> Result<(), Refused> {
        let mut inner = self.inner();
        if inner.is_gone || token.is_some_and(|token| token != inner.token) {
            return Err(("resume_refused", "the place was taken over by another desk: log in to take it back"));
        }
        if inner.standing.since == 0 {
            inner.standing.since = now;
        }
        if token.is_none() {
            inner.token = new_token;
        }
        if let Some(before) = inner.desk.replace(desk) {
            before.close(Closing::TakenOver);
        }
        let (token, user, phone) = (inner.token, self.agent.name.clone(), inner.phone_uri.clone());
        inner.tell(Event::Session { token, user, phone });
        inner.tell_state();
        if let Some(talk) = inner.call.as_ref().map(|call| call.talk.clone()) {
            inner.tell(Event::Call(Box::new(talk)));
        }
        inner.tell_preview();
        inner.tell_talk();
        Ok(())
    }

    /// The connection of a desk ended: another one may have come meanwhile.
    pub fn detach(&self, desk: &DeskLine) {
        let mut inner = self.inner();
        if inner.desk.as_ref().is_some_and(|own| own.is(desk)) {
            inner.desk = None;
            inner.away_since = Instant::now();
        }
    }

    /// No desk has come back: the call goes on, and no other follows.
    pub fn lost(&self) {
        let mut inner = self.inner();
        if inner.desk.is_none() && !inner.is_gone && inner.wish == Wish::Ready {
            inner.wish = Wish::NotReady(Some("desk_lost".into()));
            inner.order(NOT_READY);
        }
    }

    /// Whether this desk shows the place.
    pub fn is_shown_by(&self, desk: &DeskLine) -> bool {
        self.inner().desk.as_ref().is_some_and(|own| own.is(desk))
    }

    /// Whether a desk shows the place.
    pub fn has_desk(&self) -> bool {
        self.inner().desk.is_some()
    }

    /// Whether no desk has shown it for so long.
    pub fn is_deserted(&self, patience: Duration) -> bool {
        let inner = self.inner();
        inner.desk.is_none() && inner.away_since.elapsed() >= patience
    }

    /// The agent wants calls. A phone that is lost is called again.
    pub fn ready(&self) {
        let mut inner = self.inner();
        inner.wish = Wish::Ready;
        match inner.phone {
            PhoneState::Connected | PhoneState::PerCall => inner.order(AgentEvent::Ready),
            PhoneState::Lost => inner.phone = PhoneState::None,
            PhoneState::None | PhoneState::Calling => (),
        }
        inner.tell_state();
    }

    /// The same, by the agent's own word: where the group demands it, they say first what the last call came to.
    pub fn ready_by_agent(&self) -> Result<(), Refused> {
        if self.inner().owes_disposition() {
            return Err(("disposition_required", "say what the call came to: that ends the wrap-up"));
        }
        self.ready();
        Ok(())
    }

    /// The agent wants none.
    pub fn not_ready(&self, reason: Option<String>) {
        let mut inner = self.inner();
        inner.wish = Wish::NotReady(reason);
        inner.order(NOT_READY);
        inner.tell_state();
    }

    /// The agent goes; from a call, when it and its wrap-up are over.
    pub fn log_out(&self, goodbye: Closing) {
        let mut inner = self.inner();
        inner.wish = Wish::Leave;
        inner.goodbye = goodbye;
        match &inner.work {
            Some(work) => {
                // a group that is over has no agents
                let _over = work.tell.send(Order::LogOut(work.agent));
                inner.tell_state();
            }
            None => inner.go(),
        }
    }

    /// Ends the talk.
    pub fn hang_up(&self) -> Result<(), Refused> {
        let inner = self.inner();
        match (&inner.work, place(inner.standing.state)) {
            (Some(work), Place::Talking) => {
                let _over = work.tell.send(Order::HangUp(work.agent));
                Ok(())
            }
            _ => Err(("not_talking", "there is no talk to end")),
        }
    }

    /// What the call came to. In wrap-up that was the last word.
    pub fn dispose(&self, code: String, note: Option<String>) -> Result<(), Refused> {
        let mut inner = self.inner();
        let call = inner.call.as_mut().ok_or(NO_CALL)?;
        call.report.disposition = Some(code);
        if note.is_some() {
            call.report.note = note;
        }
        if place(inner.standing.state) == Place::WrapUp {
            inner.order(AgentEvent::WrapDone);
        }
        Ok(())
    }

    /// When the person is to be called again, and whether by this agent.
    pub fn reschedule(&self, at: Micros, personal: bool) -> Result<(), Refused> {
        let mut inner = self.inner();
        let call = inner.call.as_mut().ok_or(NO_CALL)?;
        if call.talk.person.record_id.is_empty() {
            return Err(NO_RECORD);
        }
        (call.report.again_at, call.report.personal) = (Some(at), personal);
        Ok(())
    }

    /// The person wants no more calls; that is written already. `code` is kept where the agent names no other.
    pub fn forbid_calls(&self, attempt: &str, code: &str) -> Result<(), Refused> {
        let mut inner = self.inner();
        let call = inner.call.as_mut().filter(|call| call.talk.attempt == attempt).ok_or(NO_CALL)?;
        call.report.do_not_call = true;
        call.report.disposition.get_or_insert_with(|| code.to_owned());
        Ok(())
    }

    /// Whether there is a call in hand.
    pub fn has_call(&self) -> Result<(), Refused> {
        self.inner().call.as_ref().map(|_| ()).ok_or(NO_CALL)
    }

    /// The attempt of the call in hand, and the person's number.
    pub fn dialed(&self) -> Result<(String, String), Refused> {
        let inner = self.inner();
        let call = inner.call.as_ref().ok_or(NO_CALL)?;
        match call.number.is_empty() {
            true => Err(NO_NUMBER),
            false => Ok((call.talk.attempt.clone(), call.number.clone())),
        }
    }

    /// What desks and supervisors see.
    pub fn shown(&self) -> Shown {
        self.inner().shown()
    }

    /// The process ends: the desk is told.
    pub fn say_goodbye(&self, reason: Closing) {
        if let Some(desk) = &self.inner().desk {
            desk.close(reason);
        }
    }

    /// Whether the agent has left.
    pub fn is_gone(&self) -> bool {
        self.inner().is_gone
    }
}

impl Inner {
    fn shown(&self) -> Shown {
        let group = self.work.as_ref().map(|work| work.name.as_str());
        shown(&self.standing, &self.wish, self.phone, group)
    }

    /// Whether what the call of the wrap-up came to was not said, though it must be.
    fn owes_disposition(&self) -> bool {
        let must = self.work.as_ref().is_some_and(|work| work.desk.rules.needs_disposition);
        let is_wrap = place(self.standing.state) == Place::WrapUp;
        must && is_wrap && self.call.as_ref().is_some_and(|call| call.report.disposition.is_none())
    }

    fn order(&self, event: AgentEvent) {
        if let Some(work) = &self.work {
            let _over = work.tell.send(Order::Agent(work.agent, event));
        }
    }

    /// A desk that does not listen is cut off: it may come back and is told how things stand.
    fn tell(&mut self, event: Event) {
        if self.desk.as_ref().is_some_and(|desk| !desk.tell(event)) {
            self.desk = None;
            self.away_since = Instant::now();
        }
    }

    fn tell_state(&mut self) {
        let shown = self.shown();
        self.tell(Event::State(shown));
    }

    fn go(&mut self) {
        self.is_gone = true;
        if let Some(desk) = self.desk.take() {
            desk.close(self.goodbye);
        }
    }
}

#[cfg(test)]
mod tests;
