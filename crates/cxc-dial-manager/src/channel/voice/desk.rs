//! Between the engine of records and a group's actor: calls whose attempts are written, on their way to the phone.
mod own;
mod preview;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use cxc_core::Micros;
use cxc_core::campaign::PreviewKind;
use cxc_core::enumerations::CallResult;
use cxc_dialer::agent::{AgentId, AgentState, Reason};
use cxc_dialer::call::CallId;
use cxc_dialer::engine::CallSpec;
use cxc_dialer::group::{AgentChange, Group, Note};
use cxc_dialer::pacing::{Records, Why};
use cxc_sip::engine::{Clock, LegReport, TalkState};
use cxc_sip::run::Source;
use tokio::sync::{Notify, oneshot, watch};
use uuid::Uuid;

use super::caller_ids::Displays;
use super::live::{CallerIdsNow, LiveBoard, LiveStatistics, PortUse};
use super::script::OptOuts;
use crate::agents::Seat;
use crate::channel::{AgentReport, Body, OutMessage, Outcome, ScreenPop};
use crate::opt_out::DO_NOT_CALL;
use crate::sender::Demand;
use own::OwnCalls;

/// A call that no agent could take within this time is not placed: what was checked may no longer hold.
const FRESH: Micros = 2_000_000;
/// It is looked for anew after this time.
const AGAIN: Duration = Duration::from_secs(1);
/// Asked for so long without getting any: there are none.
const DRY: Micros = 2_000_000;

/// What holds for a group's calls from when it is loaded.
#[derive(Debug, Default)]
pub struct DeskRules {
    /// How agents come to look at records before these are called, if they do.
    pub previews: Option<PreviewKind>,
    /// Agents say what a call came to before they are ready again.
    pub needs_disposition: bool,
}

/// A group's calls that wait for the pace.
pub struct Desk {
    /// How many the pace asks for.
    pub demand: Demand,
    /// The campaign group.
    group: i64,
    clock: Clock,
    /// What holds for it.
    pub rules: DeskRules,
    /// What its calls display.
    pub displays: Displays,
    state: Mutex<State>,
    arrived: Notify,
    /// Wakes the engine of records.
    asked: Arc<Notify>,
    /// Where it is shown what goes on.
    seen: watch::Sender<Option<Arc<LiveStatistics>>>,
    /// Who writes what people ask scripts for.
    pub opt_outs: OnceLock<OptOuts>,
}

struct State {
    waiting: VecDeque<Waiting>,
    stopped: Option<Why>,
    ports: u32,
    why: &'static str,
    /// Since when calls are missing.
    missing_since: Option<Micros>,
    /// Agents whose phones are not there.
    absent: Vec<AgentId>,
    /// The agents who are people.
    seats: HashMap<AgentId, Arc<Seat>>,
    own: OwnCalls,
    /// Some agent may want a record, or want none any more.
    stirred: bool,
    /// When agents were last looked at for that.
    shown_at: Micros,
    over: bool,
}

struct Waiting {
    spec: CallSpec,
    ticket: Ticket,
    since: Micros,
    not_after: Micros,
}

impl Waiting {
    fn is_fresh(&self, now: Micros) -> bool {
        now < self.not_after && now - self.since < FRESH
    }
}

/// Who waits for the result of a call. Whoever drops it leaves the attempt in doubt once it was placed.
pub struct Ticket {
    answer: Option<oneshot::Sender<Outcome>>,
    placed: bool,
    /// What the carrier said.
    said: String,
    /// Its attempt, the number that is dialed, and what an agent sees of the person.
    attempt: i64,
    number: String,
    person: Arc<ScreenPop>,
    /// What the person sees, if it is not the trunk's own number.
    caller_id: Option<String>,
    /// The call was rejected; and by somebody on the way, who blocks the number.
    rejected: Option<bool>,
    /// The person who talks with the caller.
    seat: Option<Arc<Seat>>,
    /// What the script of the call left to be known.
    scripted: Option<Box<AgentReport>>,
}

/// A call that is over, with what its agent says of it: whoever lets go of it hands over the result.
pub struct Ended {
    ticket: Ticket,
    /// Its result.
    pub result: CallResult,
    /// What its agent said.
    pub report: Option<Box<AgentReport>>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        let detail = std::mem::take(&mut self.ticket.said);
        let report = AgentReport::both(self.ticket.scripted.take(), self.report.take());
        self.ticket.tell(Outcome::Called { result: self.result.code(), detail, report });
    }
}

impl Ticket {
    /// Whether somebody, or a machine, answered a call that ended so.
    fn was_answered(&self, result: CallResult) -> bool {
        use CallResult::{
            Abandoned, AnsweringMachine, CallDropError, Dropped, Ok, RemoteRelease, WrongNumber, WrongParty,
        };
        let after = [Abandoned, AnsweringMachine, CallDropError, Dropped, Ok, WrongNumber, WrongParty];
        let hung_up = result == RemoteRelease && self.said.is_empty();
        CallResult::TALKS.contains(&result) || after.contains(&result) || hung_up
    }

    fn tell(&mut self, outcome: Outcome) {
        if let Some(answer) = self.answer.take() {
            // a sender that went away finds the attempt in doubt
            let _gone = answer.send(outcome);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        match self.placed {
            true => self.tell(Outcome::InDoubt { detail: "the call was lost before its end was known".into() }),
            false => self.tell(not_placed()),
        }
    }
}

fn not_placed() -> Outcome {
    Outcome::Retry { detail: "the agents needed no further call".into(), after: Some(AGAIN), throttled: false }
}

impl Desk {
    /// Nothing waits.
    pub fn new(
        (group, id): (i64, Uuid),
        clock: Clock,
        (rules, displays): (DeskRules, Displays),
        asked: Arc<Notify>,
        board: &LiveBoard,
    ) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            stopped: None,
            ports: 0,
            why: "not_started",
            missing_since: None,
            absent: Vec::new(),
            seats: HashMap::new(),
            own: OwnCalls::default(),
            stirred: false,
            shown_at: 0,
            over: false,
        };
        let (demand, arrived) = (Demand::default(), Notify::new());
        let seen = board.show(group, id);
        let opt_outs = OnceLock::new();
        Self { demand, group, clock, rules, displays, state: Mutex::new(state), arrived, asked, seen, opt_outs }
    }

    /// Hands over a call whose attempt is written, and waits for its end.
    pub async fn place(&self, message: &OutMessage, not_after: Micros) -> Outcome {
        let (answer, end) = oneshot::channel();
        let Body::Call(body) = &message.body else { return Outcome::not_sent("a trunk carries calls only") };
        let Ok(caller_id) = self.displays.to(&message.to) else {
            // there was one when the call was asked for; it is on its way no more
            self.demand.arrived(body.record);
            return not_placed();
        };
        let ticket = Ticket {
            answer: Some(answer),
            placed: false,
            said: String::new(),
            attempt: message.attempt,
            number: message.to.clone(),
            person: Arc::clone(&body.person),
            caller_id: caller_id.clone(),
            rejected: None,
            seat: None,
            scripted: None,
        };
        let (number, caller_id, recording) = (message.to.clone(), caller_id, body.recording.clone());
        let spec = CallSpec { number, caller_id, recording, ..CallSpec::default() };
        let waiting = Waiting { spec, ticket, since: self.clock.now(), not_after };
        {
            let mut state = self.state();
            let is_named = self.demand.arrived(body.record);
            match state.own.taken(body.record) {
                // nobody would take it off the desk, or who asked for it has given it up
                None if state.over || is_named => drop(waiting),
                Some(_) if state.over => drop(waiting),
                Some(agent) => state.own.came.push_back((agent, waiting)),
                None => state.waiting.push_back(waiting),
            }
        }
        self.arrived.notify_one();
        end.await.unwrap_or_else(|_| not_placed())
    }

    /// Something keeps the group from dialing, or nothing does any more; and how many calls it may have at once.
    pub fn set(&self, stopped: Option<Why>, ports: u32) {
        let mut state = self.state();
        state.ports = ports;
        if state.stopped != stopped {
            state.stopped = stopped;
            state.stirred = true;
            self.arrived.notify_one();
        }
    }

    /// Why the group dials no more, if anything but its pace holds it back.
    pub fn why(&self) -> Option<&'static str> {
        Some(self.state().why).filter(|why| *why != "dialing" && *why != Why::Preview.name())
    }

    /// An agent who is a person. False if the group is over.
    pub fn seat(&self, agent: AgentId, seat: Arc<Seat>) -> bool {
        let mut state = self.state();
        if !state.over {
            state.seats.insert(agent, seat);
        }
        !state.over
    }

    fn seat_of(&self, agent: AgentId) -> Option<Arc<Seat>> {
        self.state().seats.get(&agent).cloned()
    }

    /// Agents whose phones did not answer, or hung up.
    pub fn absent(&self) -> Vec<AgentId> {
        self.state().absent.clone()
    }

    /// The group is over: what waits is not placed.
    pub fn end(&self) {
        let (waiting, own, seats) = {
            let mut state = self.state();
            state.over = true;
            self.demand.ask(0);
            let own = std::mem::take(&mut state.own);
            (std::mem::take(&mut state.waiting), own, std::mem::take(&mut state.seats))
        };
        drop((waiting, own));
        seats.values().for_each(|seat| seat.left(self.group, self.clock.now()));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

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

    fn next(&mut self) -> Option<(CallSpec, Ticket)> {
        let Waiting { spec, mut ticket, .. } = self.0.state().waiting.pop_front()?;
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

    fn placed(&mut self, ticket: &mut Ticket) {
        ticket.placed = true;
    }

    fn given_up(&mut self, ticket: &mut Ticket) {
        ticket.scripted.get_or_insert_default().given_up = true;
    }

    fn paced(&mut self, why: &Why, missing: u32) {
        let (now, missing) = (self.0.clock.now(), missing as usize);
        let unseen = self.0.show();
        let mut state = self.0.state();
        let since = (missing > 0 || unseen > 0).then(|| *state.missing_since.get_or_insert(now));
        state.missing_since = since;
        let is_dry = since.is_some_and(|since| now - since > DRY);
        state.why = if is_dry { Why::NoRecordsReady.name() } else { why.name() };
        drop(state);
        self.0.tell_refused();
        self.0.demand.ask(missing);
        if self.0.demand.open() > 0 {
            self.0.asked.notify_one();
        }
    }

    fn looked(&mut self, group: &Group, (in_use, free): (usize, usize)) {
        let why = {
            let mut state = self.0.state();
            state.absent = absent(group);
            state.why
        };
        let (usable, blocked) = self.0.displays.counts();
        let (ports, caller_ids) = (PortUse { in_use, free }, CallerIdsNow { usable, blocked });
        let live = LiveStatistics::of(group, why, (ports, caller_ids), self.0.clock.now());
        self.0.seen.send_replace(Some(Arc::new(live)));
    }

    async fn arrival(&mut self) {
        tokio::select! {
            () = self.0.arrived.notified() => (),
            () = self.0.demand.found() => (),
        }
    }

    fn leg(&mut self, ticket: &mut Ticket, report: &LegReport) {
        let status = report.status.map_or_else(|| "no answer in time".to_owned(), |status| format!("SIP {status}"));
        ticket.said = match &report.reason {
            Some(reason) => format!("{} {status} ({reason})", report.trunk),
            None => format!("{} {status}", report.trunk),
        };
        // "unwanted" is the word of who was called, or of a network that speaks for them
        ticket.rejected = report.rejected.then_some(report.blocked || report.status == Some(607));
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

    fn agent(&mut self, change: &AgentChange, ticket: Option<&mut Ticket>) {
        let Some(seat) = self.0.seat_of(change.agent) else { return };
        self.0.state().stirred = true;
        seat.came_to(change);
        if let (AgentState::Talking(_), Some(ticket)) = (change.state, ticket) {
            seat.talks(ticket.attempt, &ticket.number, &ticket.person, self.0.clock.now());
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

/// Agents who can't be reached by their phones.
fn absent(group: &Group) -> Vec<AgentId> {
    let agents = (0..).map(AgentId).map_while(|agent| Some((agent, group.agent(agent)?)));
    let is_absent = |state| matches!(state, AgentState::LoggedOut | AgentState::NotReady(Reason::LegLost));
    agents.filter(|(_, state)| is_absent(*state)).map(|(agent, _)| agent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::CallBody;

    fn desk() -> (Arc<Desk>, Calls) {
        let desk = Arc::new(Desk::new(
            (1, Uuid::nil()),
            Clock::starting(1),
            (DeskRules::default(), Displays::one(Some("+12125550100"))),
            Arc::default(),
            &LiveBoard::default(),
        ));
        (Arc::clone(&desk), Calls(desk))
    }

    fn message() -> OutMessage {
        let body = Body::Call(CallBody {
            group: 1,
            record: 5,
            not_after: Micros::MAX,
            recording: None,
            person: Arc::default(),
        });
        OutMessage { attempt: 1, reference: "r".into(), from: String::new(), to: "+12125550142".into(), body }
    }

    async fn placed(desk: &Arc<Desk>, not_after: Micros) -> tokio::task::JoinHandle<Outcome> {
        let desk = Arc::clone(desk);
        let task = tokio::spawn(async move { desk.place(&message(), not_after).await });
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        task
    }

    #[tokio::test]
    async fn a_call_gets_the_result_of_the_group_and_what_the_carrier_said() {
        let (desk, mut calls) = desk();
        let call = placed(&desk, Micros::MAX).await;
        let (spec, mut ticket) = calls.next().unwrap();
        assert_eq!((spec.number.as_str(), spec.caller_id.as_deref()), ("+12125550142", Some("+12125550100")));
        let report = LegReport {
            trunk: "t".into(),
            status: Some(486),
            reason: None,
            rejected: false,
            blocked: false,
            credentials: false,
        };
        calls.leg(&mut ticket, &report);
        calls.ended(ticket, CallResult::Busy);
        assert_eq!(call.await.unwrap(), Outcome::Called { result: 6, detail: "t SIP 486".into(), report: None });
    }

    #[tokio::test]
    async fn what_a_script_left_is_kept_with_the_call_and_an_agent_may_say_more() {
        let (desk, mut calls) = desk();
        let call = placed(&desk, Micros::MAX).await;
        let (_, mut ticket) = calls.next().unwrap();
        calls.noted(CallId(1), &mut ticket, Note::OptOut);
        calls.noted(CallId(1), &mut ticket, Note::Disposition("HEARD".into()));
        calls.ended(ticket, CallResult::Ok);
        let Outcome::Called { result: 0, report: Some(report), .. } = call.await.unwrap() else { panic!("a report") };
        assert_eq!((report.do_not_call, report.disposition.as_deref()), (true, Some("HEARD")));
        let agents =
            AgentReport { agent: Some(uuid::Uuid::max()), disposition: Some("SALE".into()), ..Default::default() };
        let both = AgentReport::both(Some(report), Some(Box::new(agents))).unwrap();
        assert_eq!((both.do_not_call, both.disposition.as_deref()), (true, Some("SALE")));
        assert_eq!(both.agent, Some(uuid::Uuid::max()));
    }

    #[tokio::test]
    async fn a_call_that_was_never_placed_is_known_not_to_have_left_and_one_that_was_is_in_doubt() {
        let (desk, mut calls) = desk();
        let late = placed(&desk, 0).await;
        calls.records();
        assert!(calls.next().is_none(), "its time is over");
        assert_eq!(late.await.unwrap(), not_placed());
        let (lost, left) = (placed(&desk, Micros::MAX).await, placed(&desk, Micros::MAX).await);
        drop(calls.next());
        assert!(matches!(lost.await.unwrap(), Outcome::InDoubt { .. }));
        desk.end();
        assert_eq!(left.await.unwrap(), not_placed());
        assert_eq!(placed(&desk, Micros::MAX).await.await.unwrap(), not_placed(), "nobody is there any more");
    }
}
