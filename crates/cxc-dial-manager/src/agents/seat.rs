//! The place of one agent: what the agent wants, where the dialer has them, the call in hand, and the desk that is told.
//! The actor of a group writes the state; desks and supervisors only wish.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cxc_core::Micros;
use cxc_dialer::agent::{AgentEvent, AgentId, AgentState, Reason};
use cxc_dialer::group::AgentChange;
use cxc_server::app::time_text;
use cxc_sip::run::Command as Order;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;
use uuid::Uuid;

use super::DeskLine;
use super::describe::{Standing, Wish, place, shown};
use super::protocol::{Closing, Event, PhoneState, Place, Shown, Talk};
use crate::channel::voice::Ended;
use crate::channel::{AgentReport, ScreenPop};

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
    /// The last word to a desk once the agent is gone.
    goodbye: Closing,
    is_gone: bool,
}

/// The call that an agent has, from the talk to the end of its wrap-up.
struct Call {
    talk: Talk,
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

const NO_CALL: Refused = ("no_call", "there is no call of which this could be said");

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
            return Err(("resume_refused", "the place was left or taken over: log in again"));
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
            PhoneState::Connected => inner.order(AgentEvent::Ready),
            PhoneState::Lost => inner.phone = PhoneState::None,
            PhoneState::None | PhoneState::Calling => (),
        }
        inner.tell_state();
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

    /// When the person is to be called again.
    pub fn reschedule(&self, at: Micros) -> Result<(), Refused> {
        self.inner().call.as_mut().ok_or(NO_CALL)?.report.again_at = Some(at);
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

    /// The attempt of the call in hand, and the number that was dialed.
    pub fn dialed(&self) -> Result<(String, String), Refused> {
        let inner = self.inner();
        let call = inner.call.as_ref().ok_or(NO_CALL)?;
        Ok((call.talk.attempt.clone(), call.number.clone()))
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

/// The side of the campaign group.
impl Seat {
    /// Whether a group may take the agent in.
    pub fn is_free(&self) -> bool {
        let inner = self.inner();
        inner.work.is_none() && !inner.is_gone && inner.wish != Wish::Leave
    }

    /// A group takes the agent in; false if another one was quicker.
    pub fn work_for(&self, work: Work, now: Micros) -> bool {
        let mut inner = self.inner();
        if inner.work.is_some() || inner.is_gone || inner.wish == Wish::Leave {
            return false;
        }
        inner.work = Some(work);
        inner.phone = PhoneState::None;
        inner.standing = Standing { state: Some(AgentState::LoggedOut), since: now, deadline: None };
        true
    }

    /// The phone to call, if it is to be called now.
    pub fn phone_to_call(&self) -> Option<String> {
        let mut inner = self.inner();
        if inner.phone != PhoneState::None || inner.work.is_none() || inner.wish == Wish::Leave {
            return None;
        }
        inner.phone = PhoneState::Calling;
        inner.tell_state();
        Some(inner.phone_uri.clone())
    }

    /// The phone answered, or is gone.
    pub fn phone(&self, is_up: bool) {
        let mut inner = self.inner();
        inner.phone = if is_up { PhoneState::Connected } else { PhoneState::Lost };
        match inner.wish {
            Wish::Ready if is_up => inner.order(AgentEvent::Ready),
            _ => inner.tell_state(),
        }
    }

    /// The agent came to another state. Whoever leaves a wrap-up has said all there is to say.
    pub fn came_to(&self, change: &AgentChange) {
        let mut inner = self.inner();
        inner.standing = Standing { state: Some(change.state), since: change.since, deadline: change.deadline };
        if !matches!(change.state, AgentState::Talking(_) | AgentState::Wrap)
            && let Some(call) = inner.call.take_if(|call| call.ended.is_some())
        {
            call.close();
        }
        inner.tell_state();
    }

    /// A call is connected.
    pub fn talks(&self, attempt: i64, number: &str, person: &Arc<ScreenPop>, now: Micros) {
        let mut inner = self.inner();
        let group = inner.work.as_ref().map(|work| work.name.clone()).unwrap_or_default();
        let connected_at = time_text(now);
        let talk = Talk { attempt: attempt.to_string(), group, connected_at, person: Arc::clone(person) };
        let report = AgentReport { agent: self.agent.user, ..AgentReport::default() };
        let before = inner.call.replace(Call { talk: talk.clone(), number: number.to_owned(), report, ended: None });
        if let Some(before) = before {
            before.close();
        }
        inner.tell(Event::Call(Box::new(talk)));
    }

    /// The call is over. What the agent says of it is waited for while the wrap-up lasts.
    pub fn call_ended(&self, attempt: i64, ended: Ended) {
        let mut inner = self.inner();
        let attempt = attempt.to_string();
        let result = ended.result.name().to_owned();
        let is_wrap = place(inner.standing.state) == Place::WrapUp;
        let Some(call) = inner.call.as_mut().filter(|call| call.talk.attempt == attempt) else { return };
        call.ended = Some(ended);
        if !is_wrap && let Some(call) = inner.call.take() {
            call.close();
        }
        inner.tell(Event::CallEnded { attempt, result });
    }

    /// The talk ends soon.
    pub fn talk_limit(&self) {
        self.inner().tell(Event::TalkLimit {});
    }

    /// Whether a group still has the agent.
    pub fn works_for(&self, group: i64) -> bool {
        self.inner().work.as_ref().is_some_and(|work| work.group == group)
    }

    /// The group has the agent no more.
    pub fn left(&self, group: i64, now: Micros) {
        let mut inner = self.inner();
        if inner.work.take_if(|work| work.group == group).is_none() {
            return;
        }
        if let Some(call) = inner.call.take() {
            call.close();
        }
        inner.phone = PhoneState::None;
        inner.standing = Standing { state: None, since: now, deadline: None };
        match inner.wish {
            Wish::Leave => inner.go(),
            _ => inner.tell_state(),
        }
    }
}

impl Inner {
    fn shown(&self) -> Shown {
        let group = self.work.as_ref().map(|work| work.name.as_str());
        shown(&self.standing, &self.wish, self.phone, group)
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
mod tests {
    use cxc_dialer::call::CallId;
    use tokio::sync::mpsc::{Receiver, UnboundedReceiver, unbounded_channel};

    use super::*;

    const CALL: CallId = CallId(1);

    fn seat() -> (Arc<Seat>, Receiver<Event>, UnboundedReceiver<Order>) {
        let agent = Agent { tenant: 1, user: Uuid::from_u128(1), name: "ann".into() };
        let seat = Arc::new(Seat::new(agent, "sip:ann@h".into()));
        let (line, told) = DeskLine::new();
        seat.attach(line, None, Uuid::from_u128(7), 1).unwrap();
        let (tell, orders) = unbounded_channel();
        assert!(seat.work_for(Work { group: 5, name: "g".into(), agent: AgentId(0), tell }, 1));
        assert_eq!(seat.phone_to_call().as_deref(), Some("sip:ann@h"));
        assert_eq!(seat.phone_to_call(), None, "it rings");
        (seat, told, orders)
    }

    fn change(state: AgentState) -> AgentChange {
        AgentChange { agent: AgentId(0), state, since: 2, deadline: None }
    }

    fn events(told: &mut Receiver<Event>) -> Vec<Event> {
        std::iter::from_fn(|| told.try_recv().ok()).collect()
    }

    #[tokio::test]
    async fn who_is_ready_before_the_phone_answers_takes_calls_when_it_does() {
        let (seat, _told, mut orders) = seat();
        seat.ready();
        assert!(orders.try_recv().is_err());
        seat.phone(true);
        assert!(matches!(orders.try_recv().unwrap(), Order::Agent(AgentId(0), AgentEvent::Ready)));
        seat.phone(false);
        seat.ready();
        assert_eq!(seat.phone_to_call().as_deref(), Some("sip:ann@h"), "a lost phone is called again");
    }

    #[tokio::test]
    async fn a_second_desk_takes_over_and_the_first_can_not_come_back_by_itself() {
        let (seat, mut told, _orders) = seat();
        let (second, mut told_second) = DeskLine::new();
        seat.attach(second, None, Uuid::from_u128(8), 1).unwrap();
        assert!(events(&mut told).iter().any(|event| matches!(event, Event::Closed { reason: Closing::TakenOver })));
        assert!(matches!(events(&mut told_second)[0], Event::Session { token, .. } if token == Uuid::from_u128(8)));
        let (third, _told_third) = DeskLine::new();
        let refused = seat.attach(third.clone(), Some(Uuid::from_u128(7)), Uuid::nil(), 1).unwrap_err();
        assert_eq!(refused.0, "resume_refused");
        seat.attach(third, Some(Uuid::from_u128(8)), Uuid::nil(), 1).unwrap();
    }

    #[tokio::test]
    async fn a_desk_that_is_lost_makes_its_agent_not_ready_unless_it_comes_back() {
        let (seat, _told, mut orders) = seat();
        seat.phone(true);
        seat.ready();
        while orders.try_recv().is_ok() {}
        let (line, _) = DeskLine::new();
        seat.detach(&line);
        seat.lost();
        assert!(seat.has_desk() && orders.try_recv().is_err(), "another desk's end is not this one's");
        let (line, _kept) = DeskLine::new();
        seat.attach(line.clone(), None, Uuid::nil(), 1).unwrap();
        seat.detach(&line);
        seat.lost();
        assert!(matches!(orders.try_recv().unwrap(), Order::Agent(_, AgentEvent::NotReady(_))));
        seat.came_to(&change(AgentState::NotReady(Reason::Code(1))));
        assert_eq!(seat.shown().reason.as_deref(), Some("desk_lost"));
    }

    #[tokio::test]
    async fn a_disposition_is_of_a_call_and_ends_its_wrap_up() {
        let (seat, mut told, mut orders) = seat();
        seat.phone(true);
        assert_eq!(seat.dispose("SALE".into(), None).unwrap_err().0, "no_call");
        seat.came_to(&change(AgentState::Talking(CALL)));
        seat.talks(9, "+12125550142", &Arc::default(), 3);
        seat.dispose("SALE".into(), Some("said yes".into())).unwrap();
        assert!(orders.try_recv().is_err(), "they still talk");
        seat.came_to(&change(AgentState::Wrap));
        seat.dispose("SALE".into(), None).unwrap();
        assert!(matches!(orders.try_recv().unwrap(), Order::Agent(_, AgentEvent::WrapDone)));
        let told = events(&mut told);
        assert!(told.iter().any(|event| matches!(event, Event::Call(talk) if talk.attempt == "9")));
    }

    #[tokio::test]
    async fn a_desk_that_takes_nothing_is_cut_off() {
        let (seat, _told, _orders) = seat();
        for _ in 0..100 {
            seat.not_ready(None);
        }
        assert!(!seat.has_desk());
    }

    #[tokio::test]
    async fn who_leaves_without_a_group_is_gone_at_once_and_else_when_the_group_lets_go() {
        let (seat, mut told, mut orders) = seat();
        seat.log_out(Closing::Supervisor);
        assert!(matches!(orders.try_recv().unwrap(), Order::LogOut(AgentId(0))));
        assert!(!seat.is_gone());
        seat.left(4, 5);
        assert!(!seat.is_gone(), "that is another group");
        seat.left(5, 5);
        assert!(seat.is_gone() && !seat.is_free());
        assert!(events(&mut told).iter().any(|e| matches!(e, Event::Closed { reason: Closing::Supervisor })));
    }
}
