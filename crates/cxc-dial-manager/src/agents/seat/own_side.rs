//! Calls that the agent asks for: of the person in hand by another number, or of a record.
use cxc_core::Micros;
use cxc_dialer::agent::AgentEvent;
use cxc_server::app::time_text;

use super::super::describe::place;
use super::super::protocol::{Event, PhoneState, Place};
use super::{Inner, NO_CALL, Refused, Seat};
use crate::sender::{Named, Refusal};

/// A record whose other number could not be dialed in time, since the process ended, is left to the group after this time.
const LEFT: Micros = 600_000_000;

const NOT_NOW: Refused = ("not_now", "a number is dialed while no call is there and the phone is connected");
const NOT_PLACED: Refused = ("not_running", "the group places no calls now, or this one is under way");

impl Seat {
    /// Calls the person in hand once more, by another number: the talk is over, and the wrap-up ends by it.
    pub fn dial_other(&self, position: i16, now: Micros) -> Result<(), Refused> {
        let mut inner = self.inner();
        let is_wrap = place(inner.standing.state) == Place::WrapUp && inner.phone == PhoneState::Connected;
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
        let inner = self.inner();
        inner.may_dial()?;
        inner.ask_for(named)
    }

    /// The group whose records can be dialed now.
    pub fn dials_for(&self) -> Result<i64, Refused> {
        let inner = self.inner();
        inner.may_dial()?;
        inner.work.as_ref().map(|work| work.group).ok_or(NOT_NOW)
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
        if is_idle && self.phone == PhoneState::Connected { Ok(()) } else { Err(NOT_NOW) }
    }

    /// From here on no other call comes to the agent.
    pub(super) fn ask_for(&self, named: Named) -> Result<(), Refused> {
        let work = self.work.as_ref().ok_or(NOT_NOW)?;
        if !work.desk.ask_for(work.agent, named) {
            return Err(NOT_PLACED);
        }
        self.order(AgentEvent::Own);
        Ok(())
    }
}
