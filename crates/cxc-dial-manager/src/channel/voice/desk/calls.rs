//! The desk as a group's actor sees it: calls are taken from it, and what becomes of them is told to it.
use std::sync::Arc;

use cxc_core::Micros;
use cxc_core::enumerations::CallResult;
use cxc_dialer::agent::{AgentId, AgentState, Reason};
use cxc_dialer::call::CallId;
use cxc_dialer::engine::CallSpec;
use cxc_dialer::group::{AgentChange, Group, Note};
use cxc_dialer::pacing::{Records, Why};
use cxc_sip::engine::{LegReport, TalkState, Told};
use cxc_sip::run::{Caller, Look, Source};

use super::{Desk, Ended, Ticket, Waiting};
use crate::channel::Course;
use crate::channel::voice::live::{CallerIdsNow, Sight};
use crate::opt_out::DO_NOT_CALL;

/// Asked for so long without getting any: there are none.
const DRY: Micros = 2_000_000;

/// The desk as the actor takes calls from it.
pub struct Calls(pub Arc<Desk>);

impl Source for Calls {
    type Record = Ticket;

    fn stopped(&self) -> Option<Why> {
        self.0.state().stopped.clone().or(self.0.rules.previews.map(|_| Why::Preview))
    }

    fn ports(&self) -> u32 {
        self.0.state().ports
    }

    /// The store may hold any number: what is missing is asked for.
    fn records(&mut self) -> Records {
        let now = self.0.clock.now();
        self.0.state().waiting.retain(|call| call.is_fresh(now));
        Records::ready(u32::MAX)
    }

    fn due(&self) -> u32 {
        self.0.state().due
    }

    fn is_dry(&self) -> bool {
        self.0.state().dry
    }

    fn next(&mut self) -> Option<(CallSpec, Ticket)> {
        let mut state = self.0.state();
        let Waiting { spec, mut ticket, .. } = state.waiting.pop_front()?;
        state.dry = false;
        // it is not due any more: no other phone need ring for it
        state.due = state.due.saturating_sub(1);
        ticket.placed = true;
        Some((spec, ticket))
    }

    fn own(&mut self) -> Option<(AgentId, CallSpec, Ticket)> {
        let now = self.0.clock.now();
        loop {
            let (agent, waiting) = self.0.state().own.came.pop_front()?;
            if waiting.is_fresh(now) {
                return Some((agent, waiting.spec, waiting.ticket));
            }
        }
    }

    fn caller(&mut self) -> Option<(Caller, Ticket)> {
        self.0.state().callers.pop_front()
    }

    fn placed(&mut self, ticket: &mut Ticket) {
        ticket.placed = true;
    }

    fn given_up(&mut self, ticket: &mut Ticket) {
        ticket.scripted.get_or_insert_default().given_up = true;
    }

    fn paced(&mut self, why: &Why, missing: u32) -> &'static str {
        let (now, missing) = (self.0.clock.now(), missing as usize);
        let unseen = self.0.show();
        let mut state = self.0.state();
        let since = (missing > 0 || unseen > 0).then(|| *state.missing_since.get_or_insert(now));
        state.missing_since = since;
        let is_dry = since.is_some_and(|since| now - since > DRY);
        state.dry |= is_dry;
        // records that rest because their trunk did not carry them are no lack of records
        let is_trunk = matches!(why, Why::TrunkDown { .. });
        let why = if is_dry && !is_trunk { Why::NoRecordsReady.name() } else { why.name() };
        state.why = why;
        drop(state);
        self.0.tell_refused();
        self.0.demand.ask(missing);
        if self.0.demand.open() > 0 {
            self.0.asked.notify_one();
        }
        why
    }

    fn looked(&mut self, look: &Look<'_>) {
        let why = {
            let mut state = self.0.state();
            state.absent = absent(look.group);
            state.learned = Some(look.group.learned());
            state.why
        };
        let (usable, blocked) = self.0.displays.counts();
        let sight = Sight::of(look, why, CallerIdsNow { usable, blocked });
        self.0.seen.send_replace(Some(Arc::new(sight)));
    }

    async fn arrival(&mut self) {
        tokio::select! {
            () = self.0.arrived.notified() => (),
            () = self.0.demand.found() => (),
        }
    }

    fn leg(&mut self, ticket: &mut Ticket, report: &LegReport) {
        ticket.said = words(report);
        ticket.reaches(!report.unreached);
        // "unwanted" is the word of who was called, or of a network that speaks for them
        ticket.rejected = report.rejected.then_some(report.blocked || report.status == Some(607));
    }

    fn told(&mut self, ticket: &mut Ticket, told: &Told) {
        match told {
            Told::KeptBack(why) => {
                ticket.said = format!("never dialed: {why}");
                ticket.course = Course::KeptBack;
            }
            Told::NotPlaced(why) => {
                ticket.said = format!("not placed: {why}");
                ticket.reaches(false);
            }
            Told::Carried { trunk, is_alternate } => {
                ticket.said = if *is_alternate { format!("carried by {trunk}") } else { String::new() };
                ticket.connected = true;
                ticket.reaches(true);
            }
            Told::Unusable(words) => {
                ticket.said.clone_from(words);
                ticket.reaches(true);
            }
        }
    }

    fn cut(&mut self, ticket: &mut Ticket, why: &'static str) {
        ticket.cut = Some(why);
    }

    fn noted(&mut self, call: CallId, ticket: &mut Ticket, note: Note) {
        let report = ticket.scripted.get_or_insert_default();
        match note {
            Note::Disposition(code) => report.disposition = Some(code),
            Note::OptOut => {
                report.do_not_call = true;
                report.disposition.get_or_insert_with(|| DO_NOT_CALL.to_owned());
                if let Some(opt_outs) = self.0.opt_outs.get() {
                    opt_outs.write(call, ticket.attempt, ticket.number.clone());
                }
            }
        }
    }

    fn phone(&mut self, agent: AgentId, is_up: bool) {
        if let Some(seat) = self.0.seat_of(agent) {
            seat.phone(is_up);
        }
    }

    fn rings(&mut self, agent: AgentId) {
        if let Some(seat) = self.0.seat_of(agent) {
            seat.rings_for_each();
        }
    }

    fn answered(&mut self, agent: AgentId) {
        if let Some(seat) = self.0.seat_of(agent) {
            seat.answered();
        }
    }

    fn agent(&mut self, change: &AgentChange, ticket: Option<&mut Ticket>) {
        let seat = self.0.seat_of(change.agent);
        if let Some(seat) = &seat {
            self.0.state().stirred = true;
            seat.came_to(change);
        }
        if let (AgentState::Talking(_), Some(ticket)) = (change.state, ticket) {
            ticket.talks();
            let Some(seat) = seat else { return };
            let called = ticket.came_in.as_ref().map(|came_in| came_in.called.as_str());
            seat.talks((ticket.attempt, &ticket.number), &ticket.person, called, self.0.clock.now());
            ticket.seat = Some(seat);
        }
    }

    fn talk(&mut self, agent: AgentId, state: &TalkState) {
        if let Some(seat) = self.0.seat_of(agent) {
            seat.talk_stands(state);
        }
    }

    fn warned(&mut self, agent: AgentId) {
        if let Some(seat) = self.0.seat_of(agent) {
            seat.talk_limit();
        }
    }

    fn left(&mut self, agent: AgentId) {
        let seat = self.0.state().seats.remove(&agent);
        if let Some(seat) = seat {
            seat.left(self.0.group, self.0.clock.now());
        }
    }

    fn ended(&mut self, mut ticket: Ticket, result: CallResult) {
        if ticket.came_in_vain() {
            return;
        }
        if let Some(is_blocked) = ticket.rejected.or_else(|| ticket.was_answered(result).then_some(false)) {
            self.0.displays.note(ticket.caller_id.as_deref(), is_blocked);
        }
        let (attempt, seat) = (ticket.attempt, ticket.seat.take());
        let ended = Ended { ticket, result, report: None };
        match seat {
            Some(seat) => seat.call_ended(attempt, ended),
            None => drop(ended),
        }
    }

    fn is_done(&self) -> bool {
        false
    }
}

/// What a carrier said of a call that it did not connect.
fn words(report: &LegReport) -> String {
    let trunk = &report.trunk;
    match (report.status, &report.reason) {
        (None, Some(reason)) => format!("{trunk}: {reason}"),
        (None, None) => format!("{trunk} no answer in time"),
        (Some(status), _) if report.credentials => format!("{trunk} SIP {status} (it does not take our credentials)"),
        (Some(status), Some(reason)) => format!("{trunk} SIP {status} ({reason})"),
        (Some(status), None) => format!("{trunk} SIP {status}"),
    }
}

/// Agents who can't be reached by their phones.
fn absent(group: &Group) -> Vec<AgentId> {
    let agents = (0..).map(AgentId).map_while(|agent| Some((agent, group.agent(agent)?)));
    let is_absent =
        |state| matches!(state, AgentState::LoggedOut | AgentState::NotReady(Reason::LegLost | Reason::NoAnswer));
    agents.filter(|(_, state)| is_absent(*state)).map(|(agent, _)| agent).collect()
}
