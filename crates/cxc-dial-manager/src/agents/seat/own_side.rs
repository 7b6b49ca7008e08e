//! Calls that the agent asks for: of the person in hand by another number, or of a record.
use cxc_core::Micros;
use cxc_dialer::agent::{AgentEvent, AgentState};
use cxc_server::app::time_text;

use super::super::describe::place;
use super::super::protocol::{Event, PhoneState, Place};
use super::{Inner, NO_CALL, Refused, Seat};
use crate::sender::{Fate, Named, Refusal};

/// A record whose other number could not be dialed in time, since the process ended, is left to the group after this time.
const LEFT: Micros = 600_000_000;

const NOT_NOW: Refused = ("not_now", "a number is dialed while no call is there and the phone is connected");
const NOT_PLACED: Refused = ("not_running", "the group places no calls now, or this one is under way");

impl Seat {
    /// Calls the person in hand once more, by another number: the talk is over, and the wrap-up ends by it.
    pub fn dial_other(&self, position: i16, now: Micros) -> Result<(), Refused> {
        let mut inner = self.inner();
        let is_wrap = place(inner.standing.state) == Place::WrapUp && inner.phone.is_within_reach();
        let call = inner.call.as_mut().ok_or(NO_CALL)?;
        if !is_wrap {
            return Err(("not_now", "another number is dialed when the talk is over"));
        }
        if call.report.do_not_call {
            return Err(("do_not_call", "the person wants no more calls"));
        }
        let person = &call.talk.person;
        let is_known = person.numbers.iter().any(|number| number.position == position);
        let record = person.record_id.parse().ok().filter(|_| is_known);
        let record = record.ok_or(("unknown_number", "a position is one of those that the call names"))?;
        // the record is kept ready for this; who asked before for a later time has thought better of it
        let before = (call.report.again_at, call.report.personal);
        (call.report.again_at, call.report.personal) = (Some(now + LEFT), false);
        let asked = inner.ask_for(Named { record, device: Some(position), or_done: true });
        if asked.is_err()
            && let Some(call) = &mut inner.call
        {
            (call.report.again_at, call.report.personal) = before;
        }
        if asked.is_ok() {
            inner.nothing_follows();
        }
        asked
    }

    /// Calls a record of the group, while no call is there.
    pub fn dial_record(&self, named: Named) -> Result<(), Refused> {
        let mut inner = self.inner();
        inner.may_dial()?;
        inner.ask_for(named)
    }

    /// The group whose records can be dialed now.
    pub fn dials_for(&self) -> Result<i64, Refused> {
        let inner = self.inner();
        inner.may_dial()?;
        inner.work.as_ref().map(|work| work.group).ok_or(NOT_NOW)
    }

    /// The phone that was called for a call is there: what the agent asked for is called now.
    pub fn answered(&self) {
        let mut inner = self.inner();
        inner.is_on_line = true;
        let Some(named) = inner.asked.take() else { return };
        let record = named.record;
        if inner.work.as_ref().is_none_or(|work| !work.desk.ask_for(work.agent, named)) {
            inner.order(AgentEvent::NotOwn);
            inner.not_called(record, NOT_PLACED.0);
        }
    }

    /// A call that was asked for will not come.
    pub fn not_dialed(&self, record: i64, refusal: Refusal) {
        let mut inner = self.inner();
        inner.order(AgentEvent::NotOwn);
        let Refusal { reason, until } = refusal;
        inner.tell(Event::NotDialed { record: record.to_string(), reason, until: until.map(time_text) });
    }
}

impl Inner {
    fn may_dial(&self) -> Result<(), Refused> {
        let is_idle = matches!(place(self.standing.state), Place::NotReady | Place::Ready);
        if is_idle && self.phone.is_within_reach() { Ok(()) } else { Err(NOT_NOW) }
    }

    /// From here on no other call comes to the agent. A phone that is called for each call is called first: what is checked
    /// of the record then still holds when it is called.
    pub(super) fn ask_for(&mut self, named: Named) -> Result<(), Refused> {
        let work = self.work.as_ref().ok_or(NOT_NOW)?;
        let is_later = self.phone == PhoneState::PerCall && !self.is_on_line;
        let may = match is_later {
            true => self.asked.is_none() && work.desk.may_ask(named.record),
            false => work.desk.ask_for(work.agent, named),
        };
        if !may {
            return Err(NOT_PLACED);
        }
        self.asked = is_later.then_some(named);
        self.order(AgentEvent::Own);
        Ok(())
    }

    /// The agent came to another state: the phone may be hung up by that, and what waited for it is not called.
    pub(super) fn line_ends(&mut self, state: AgentState) {
        let is_kept =
            matches!(state, AgentState::Ready | AgentState::Reserved(_) | AgentState::Talking(_) | AgentState::Own(_));
        if is_kept {
            return;
        }
        self.is_on_line = false;
        // one that is asked for in a wrap-up begins after it
        if state == AgentState::Wrap {
            return;
        }
        if let Some(named) = self.asked.take() {
            if let Some(work) = &self.work {
                work.desk.demand.release(named.record, Fate::Back);
            }
            self.not_called(named.record, "phone");
        }
    }

    fn not_called(&mut self, record: i64, reason: &str) {
        self.tell(Event::NotDialed { record: record.to_string(), reason: reason.into(), until: None });
    }
}
