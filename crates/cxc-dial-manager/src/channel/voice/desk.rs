//! Between the engine of records and a group's actor: calls whose attempts are written, on their way to the phone.
mod callers;
mod calls;
mod own;
mod preview;
mod ticket;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use cxc_core::Micros;
use cxc_core::campaign::PreviewKind;
use cxc_dialer::agent::AgentId;
use cxc_dialer::engine::CallSpec;
use cxc_dialer::pacing::{Learned, Why};
use cxc_sip::engine::Clock;
use cxc_sip::run::Caller;
use tokio::sync::{Notify, oneshot, watch};

use super::caller_ids::Displays;
use super::live::{LiveBoard, Placed, Sight};
use super::script::OptOuts;
use crate::agents::Seat;
use crate::channel::{Body, Course, OutMessage, Outcome};
use crate::sender::Demand;
pub use callers::{Asking, CallerTerms, DeskBoard, Story};
pub use calls::Calls;
use own::OwnCalls;
use ticket::not_placed;
pub use ticket::{Ended, Ticket};

/// A call that no agent could take within this time is not placed: what was checked may no longer hold.
const FRESH: Micros = 2_000_000;

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
    seen: watch::Sender<Option<Arc<Sight>>>,
    /// Who writes what people ask scripts for.
    pub opt_outs: OnceLock<OptOuts>,
}

struct State {
    waiting: VecDeque<Waiting>,
    stopped: Option<Why>,
    ports: u32,
    /// Records that are due, where somebody must know that before they are asked for.
    due: u32,
    why: &'static str,
    /// Since when calls are missing.
    missing_since: Option<Micros>,
    /// Calls were asked for in vain, and none has come since.
    dry: bool,
    /// What the pace has learned, as of the last second.
    learned: Option<Learned>,
    /// Agents whose phones are not there.
    absent: Vec<AgentId>,
    /// The agents who are people.
    seats: HashMap<AgentId, Arc<Seat>>,
    own: OwnCalls,
    /// Persons who called in and want an agent.
    callers: VecDeque<(Caller, Ticket)>,
    /// What holds for them.
    terms: Arc<CallerTerms>,
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

impl Desk {
    /// Nothing waits.
    pub fn new(
        placed: Placed,
        clock: Clock,
        (rules, displays): (DeskRules, Displays),
        asked: Arc<Notify>,
        board: &LiveBoard,
    ) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            stopped: None,
            ports: 0,
            due: 0,
            why: "not_started",
            missing_since: None,
            dry: false,
            learned: None,
            absent: Vec::new(),
            seats: HashMap::new(),
            own: OwnCalls::default(),
            callers: VecDeque::new(),
            terms: Arc::default(),
            stirred: false,
            shown_at: 0,
            over: false,
        };
        let (demand, arrived) = (Demand::default(), Notify::new());
        let (group, seen) = (placed.group, board.show(placed));
        let opt_outs = OnceLock::new();
        Self { demand, group, clock, rules, displays, state: Mutex::new(state), arrived, asked, seen, opt_outs }
    }

    /// What the pace has learned; nothing before its first second.
    pub fn learned(&self) -> Option<Learned> {
        self.state().learned.clone()
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
            course: Course::Left,
            reached: false,
            connected: false,
            attempt: message.attempt,
            number: message.to.clone(),
            person: Arc::clone(&body.person),
            caller_id: caller_id.clone(),
            rejected: None,
            seat: None,
            cut: None,
            scripted: None,
            came_in: None,
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

    /// Something keeps the group from dialing, or nothing does any more; how many calls it may have at once; how many records
    /// are due.
    pub fn set(&self, stopped: Option<Why>, ports: u32, due: u32) {
        let mut state = self.state();
        let came = state.due == 0 && due > 0;
        (state.ports, state.due) = (ports, due);
        if came {
            self.arrived.notify_one();
        }
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
            let own = (std::mem::take(&mut state.own), std::mem::take(&mut state.callers));
            (std::mem::take(&mut state.waiting), own, std::mem::take(&mut state.seats))
        };
        drop((waiting, own));
        seats.values().for_each(|seat| seat.left(self.group, self.clock.now()));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cxc_core::enumerations::CallResult;
    use cxc_dialer::call::CallId;
    use cxc_dialer::group::Note;
    use cxc_sip::engine::{LegReport, Told};
    use cxc_sip::run::Source;

    use super::*;
    use crate::channel::{AgentReport, CallBody};

    fn desk() -> (Arc<Desk>, Calls) {
        let desk = Arc::new(Desk::new(
            Placed { group: 1, id: uuid::Uuid::nil(), account: 1, token: 1 },
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
        calls.leg(&mut ticket, &report("t", Some(486)));
        calls.ended(ticket, CallResult::Busy);
        assert_eq!(call.await.unwrap(), called(CallResult::Busy, "t SIP 486", Course::Left));
    }

    fn report(trunk: &str, status: Option<u16>) -> LegReport {
        let (rejected, blocked, credentials, unreached) = (false, false, status == Some(401), status == Some(401));
        LegReport { trunk: trunk.into(), status, reason: None, rejected, blocked, credentials, unreached }
    }

    fn called(result: CallResult, detail: &str, course: Course) -> Outcome {
        Outcome::Called { result: result.code(), detail: detail.into(), report: None, course }
    }

    #[tokio::test]
    async fn what_is_known_of_how_a_call_went_out_is_said_with_its_result() {
        let (desk, mut calls) = desk();
        let none = report("Carrier", Some(401));
        let broken = LegReport { reason: Some("no way".into()), unreached: true, ..report("Other", None) };
        let refused = "Carrier SIP 401 (it does not take our credentials)";
        let carried = |is_alternate| Told::Carried { trunk: "Other".into(), is_alternate };
        let kept = Told::KeptBack("a premium number is never dialed".into());
        let unusable = Told::Unusable("Carrier: answered, but without audio".into());
        let error = CallResult::SwitchError;
        for (legs, told, result, detail, course) in [
            (vec![none.clone()], None, error, refused, Course::NotCarried),
            (vec![none.clone(), broken.clone()], None, error, "Other: no way", Course::NotCarried),
            (vec![report("Carrier", Some(500)), broken], None, error, "Other: no way", Course::Left),
            (vec![report("Carrier", None)], None, CallResult::NoProgress, "Carrier no answer in time", Course::Left),
            (vec![none.clone()], None, CallResult::Cleared, refused, Course::Left),
            (vec![none], Some(carried(true)), CallResult::Answer, "carried by Other", Course::Left),
            (vec![], Some(carried(false)), CallResult::Answer, "", Course::Left),
            (vec![], Some(unusable), CallResult::DialError, "Carrier: answered, but without audio", Course::Left),
            (vec![], Some(Told::NotPlaced("no port".into())), error, "not placed: no port", Course::NotCarried),
            (
                vec![],
                Some(kept),
                CallResult::DialError,
                "never dialed: a premium number is never dialed",
                Course::KeptBack,
            ),
        ] {
            let call = placed(&desk, Micros::MAX).await;
            let (_, mut ticket) = calls.next().unwrap();
            legs.iter().for_each(|leg| calls.leg(&mut ticket, leg));
            told.iter().for_each(|told| calls.told(&mut ticket, told));
            calls.ended(ticket, result);
            assert_eq!(call.await.unwrap(), called(result, detail, course));
        }
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
