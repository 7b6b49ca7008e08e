//! Places of agents.
use std::sync::Arc;

use cxc_core::campaign::PreviewKind;
use cxc_dialer::agent::AgentState;
use cxc_dialer::call::CallId;
use cxc_dialer::group::AgentChange;
use tokio::sync::mpsc::{Receiver, UnboundedReceiver, unbounded_channel};

use super::*;
use crate::channel::ScreenPop;
use crate::channel::voice::DeskRules;
use crate::channel::voice::caller_ids::Displays;
use crate::channel::voice::live::{LiveBoard, Placed};

const CALL: CallId = CallId(1);

fn seat() -> (Arc<Seat>, Receiver<Event>, UnboundedReceiver<Order>) {
    seat_of(None)
}

/// A seat in a group of this kind.
fn seat_of(kind: Option<PreviewKind>) -> (Arc<Seat>, Receiver<Event>, UnboundedReceiver<Order>) {
    let agent = Agent { tenant: 1, user: Uuid::from_u128(1), name: "ann".into() };
    let seat = Arc::new(Seat::new(agent, "sip:ann@h".into()));
    let (line, told) = DeskLine::new();
    seat.attach(line, None, Uuid::from_u128(7), 1).unwrap();
    let (tell, orders) = unbounded_channel();
    let (clock, board) = (cxc_sip::engine::Clock::starting(1), LiveBoard::default());
    let desk = Arc::new(Desk::new(
        Placed { group: 5, id: Uuid::from_u128(5), account: 1, token: 1 },
        clock,
        (DeskRules { previews: kind, needs_disposition: true }, Displays::one(None)),
        Arc::default(),
        &board,
    ));
    let phones = Phones::default();
    assert!(seat.work_for(Work { group: 5, name: "g".into(), agent: AgentId(0), tell, phones, desk }, 1));
    assert_eq!(seat.phone_to_call().as_deref(), Some("sip:ann@h"));
    assert_eq!(seat.phone_to_call(), None, "it rings");
    (seat, told, orders)
}

fn change(state: AgentState) -> AgentChange {
    AgentChange { agent: AgentId(0), state, since: 2, deadline: None }
}

/// A person of a record.
fn known() -> Arc<ScreenPop> {
    Arc::new(ScreenPop { record_id: "5".into(), ..ScreenPop::default() })
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
async fn another_phone_is_taken_while_no_call_is_there() {
    let (seat, mut told, mut orders) = seat();
    seat.phone(true);
    seat.ready();
    assert_eq!(seat.take_phone("sip:ann@h"), Ok(false));
    seat.came_to(&change(AgentState::Talking(CALL)));
    assert_eq!(seat.take_phone("sip:ann@home").unwrap_err().0, "phone_in_use");
    seat.came_to(&change(AgentState::Ready));
    while orders.try_recv().is_ok() {}
    assert_eq!(seat.take_phone("sip:ann@home"), Ok(true));
    assert!(matches!(orders.try_recv().unwrap(), Order::LogOut(AgentId(0))), "the old one is hung up");
    let shows = |event: &Event| matches!(event, Event::Session { phone, .. } if phone == "sip:ann@home");
    assert!(events(&mut told).iter().any(shows));
    seat.left(5, 9);
    assert!(seat.is_free() && !seat.is_gone() && seat.phone_uri() == "sip:ann@home");
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
    seat.talks((9, "+12125550142"), &known(), None, 3);
    seat.dispose("SALE".into(), Some("said yes".into())).unwrap();
    assert!(orders.try_recv().is_err(), "they still talk");
    seat.came_to(&change(AgentState::Wrap));
    seat.ready_by_agent().unwrap();
    assert!(matches!(orders.try_recv().unwrap(), Order::Agent(_, AgentEvent::Ready)), "it was said while they talked");
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

fn offer(record: i64, agent: Option<Uuid>) -> Offer {
    let numbers = vec![crate::channel::PersonNumber { position: 2, number: "+12125550142".into() }];
    Offer { record, person: Arc::new(crate::channel::ScreenPop { numbers, ..Default::default() }), agent }
}

fn kinds(told: &mut Receiver<Event>) -> Vec<String> {
    let kind = |event| serde_json::to_value(event).unwrap()["type"].as_str().unwrap().to_owned();
    events(told).into_iter().map(kind).filter(|kind| kind.contains("preview")).collect()
}

fn last(orders: &mut UnboundedReceiver<Order>) -> Option<AgentEvent> {
    let all = std::iter::from_fn(|| orders.try_recv().ok());
    all.filter_map(|order| if let Order::Agent(_, event) = order { Some(event) } else { None }).last()
}

fn looking(kind: PreviewKind) -> (Arc<Seat>, Receiver<Event>, UnboundedReceiver<Order>) {
    let (seat, mut told, mut orders) = seat_of(Some(kind));
    seat.phone(true);
    seat.ready();
    assert!(!seat.offer(offer(7, None)), "not ready yet, as far as is known");
    seat.came_to(&change(AgentState::Ready));
    if kind == PreviewKind::Pull {
        assert_eq!(seat.wants(kind), None);
        seat.ask_to_look(1).unwrap();
    }
    assert!(seat.wants(kind).is_some() && seat.offer(offer(7, None)));
    assert!(!seat.offer(offer(8, None)) && seat.wants(kind).is_none(), "one at a time");
    assert_eq!(last(&mut orders), Some(AgentEvent::Look { asked: kind == PreviewKind::Pull }));
    assert_eq!(kinds(&mut told), ["preview"]);
    seat.came_to(&change(AgentState::Looking { asked: kind == PreviewKind::Pull }));
    (seat, told, orders)
}

#[tokio::test]
async fn an_agent_accepts_or_rejects_what_they_look_at() {
    let (seat, mut told, mut orders) = looking(PreviewKind::Push);
    assert_eq!(seat.accept(Some(3)).unwrap_err().0, "unknown_number");
    seat.accept(Some(2)).unwrap();
    assert_eq!(last(&mut orders), Some(AgentEvent::Own));
    assert_eq!(seat.reject().unwrap_err().0, "no_preview");
    seat.came_to(&change(AgentState::Own(None)));
    assert!(kinds(&mut told).is_empty(), "it is called, not taken away");
    seat.cancel().unwrap();
    assert!(matches!(orders.try_recv().unwrap(), Order::GiveUp(_)));

    let (seat, mut told, mut orders) = looking(PreviewKind::Pull);
    seat.reject().unwrap();
    assert_eq!(last(&mut orders), Some(AgentEvent::Looked));
    seat.came_to(&change(AgentState::Ready));
    assert_eq!((kinds(&mut told).len(), seat.wants(PreviewKind::Pull)), (0, None));
    assert_eq!(seat.cancel().unwrap_err().0, "not_dialing");
}

#[tokio::test]
async fn what_nobody_answers_to_goes_back_and_the_desk_is_told_why() {
    let (seat, mut told, _orders) = looking(PreviewKind::Push);
    let (line, mut again) = DeskLine::new();
    seat.attach(line, None, Uuid::nil(), 1).unwrap();
    assert_eq!(kinds(&mut again), ["preview"], "another desk sees it, too");
    seat.came_to(&change(AgentState::NotReady(Reason::LookEnded)));
    assert_eq!((kinds(&mut again), kinds(&mut told)), (vec!["preview_ended".into()], vec![]));
    assert_eq!(seat.shown().reason.as_deref(), Some("preview_expired"));

    let (seat, mut told, mut orders) = looking(PreviewKind::Pull);
    seat.withdraw_offer();
    assert_eq!((kinds(&mut told), last(&mut orders)), (vec!["preview_ended".into()], Some(AgentEvent::Looked)));
    // what was taken away before the agent came to it leaves nobody looking at nothing
    seat.came_to(&change(AgentState::Looking { asked: true }));
    assert_eq!(last(&mut orders), Some(AgentEvent::Looked));
    seat.came_to(&change(AgentState::Ready));
    seat.ask_to_look(1).unwrap();
    seat.wait_no_longer(3_000_001);
    assert_eq!(kinds(&mut told), ["no_preview"]);
}

#[tokio::test]
async fn a_callback_that_is_due_in_a_wrap_up_follows_it() {
    let wrapping = |kind| {
        let (seat, told, mut orders) = seat_of(kind);
        seat.phone(true);
        seat.ready();
        assert!(!seat.could_call_back(), "nobody is ready yet");
        seat.came_to(&change(AgentState::Talking(CALL)));
        assert!(!seat.could_call_back());
        seat.came_to(&change(AgentState::Wrap));
        assert!(seat.could_call_back() && seat.call_back(offer(7, Some(seat.agent.user)), kind.is_some()));
        assert!(!seat.could_call_back(), "one at a time");
        assert_eq!(last(&mut orders), Some(AgentEvent::Follow { look: kind.is_some() }));
        (seat, told, orders)
    };
    let (seat, mut told, _orders) = wrapping(Some(PreviewKind::Push));
    assert!(kinds(&mut told).is_empty(), "not before the wrap-up is over");
    seat.came_to(&change(AgentState::Looking { asked: false }));
    assert_eq!(kinds(&mut told), ["preview"]);
    seat.accept(None).unwrap();

    let (seat, mut told, mut orders) = wrapping(None);
    seat.came_to(&change(AgentState::Own(None)));
    assert_eq!((kinds(&mut told).len(), last(&mut orders)), (0, Some(AgentEvent::Own)), "it is asked for");

    let (seat, _told, mut orders) = wrapping(None);
    seat.not_ready(None);
    seat.came_to(&change(AgentState::NotReady(Reason::Code(1))));
    assert_eq!(last(&mut orders), Some(NOT_READY), "who takes no calls is not called for");
}

#[tokio::test]
async fn who_must_say_what_a_call_came_to_is_not_ready_before() {
    let (seat, _told, mut orders) = seat();
    seat.phone(true);
    seat.ready_by_agent().unwrap();
    for said in [false, true] {
        seat.came_to(&change(AgentState::Talking(CALL)));
        seat.talks((9, "+12125550142"), &known(), None, 3);
        if said {
            seat.dispose("SALE".into(), None).unwrap();
        }
        seat.came_to(&change(AgentState::Wrap));
        if !said {
            assert_eq!(seat.ready_by_agent().unwrap_err().0, "disposition_required");
        }
        while orders.try_recv().is_ok() {}
        // the time for it runs out
        seat.came_to(&change(AgentState::NotReady(Reason::WrapEnded)));
        assert_eq!(last(&mut orders), said.then_some(AgentEvent::Ready), "who has said it goes on");
    }
}

#[tokio::test]
async fn a_phone_that_is_called_for_each_call_is_there_before_what_the_agent_asked_for_is_called() {
    let asking = || {
        let (seat, told, mut orders) = seat();
        seat.ready();
        seat.rings_for_each();
        assert_eq!(last(&mut orders), Some(AgentEvent::Ready));
        seat.came_to(&change(AgentState::Standby));
        assert_eq!((seat.shown().state, seat.shown().phone), (Place::Ready, PhoneState::PerCall));
        seat.dial_record(Named { record: 9, device: None, or_done: false }).unwrap();
        assert_eq!(last(&mut orders), Some(AgentEvent::Own));
        seat.came_to(&change(AgentState::Own(None)));
        (seat, told, orders)
    };
    let is_asked = |seat: &Seat| !seat.inner().work.as_ref().unwrap().desk.may_ask(9);
    let (seat, mut told, mut orders) = asking();
    assert!(!is_asked(&seat), "the phone rings");
    seat.answered();
    assert!(is_asked(&seat) && last(&mut orders).is_none());
    seat.came_to(&change(AgentState::Talking(CALL)));
    let not_dialed = |told: &mut Receiver<Event>| {
        events(told)
            .into_iter()
            .find_map(|event| if let Event::NotDialed { reason, .. } = event { Some(reason) } else { None })
    };
    assert_eq!(not_dialed(&mut told), None);

    let (seat, mut told, _orders) = asking();
    seat.came_to(&change(AgentState::NotReady(Reason::NoAnswer)));
    assert_eq!(not_dialed(&mut told).as_deref(), Some("phone"));
    assert_eq!(seat.shown().reason.as_deref(), Some("phone_no_answer"));
    seat.answered();
    assert!(!is_asked(&seat), "what was asked for is forgotten");
}

#[tokio::test]
async fn a_desk_sees_who_calls_in_and_says_of_nobody_what_can_be_said_of_a_record_or_a_number_only() {
    let (seat, mut told, _orders) = seat();
    seat.talks((9, ""), &Arc::default(), Some("+12125550100"), 3);
    let talk = events(&mut told).into_iter().find_map(|event| match event {
        Event::Call(talk) => Some(talk),
        _ => None,
    });
    let shown = serde_json::to_value(talk.unwrap()).unwrap();
    assert_eq!((&shown["direction"], &shown["called"]), (&"in".into(), &"+12125550100".into()));
    assert_eq!(seat.reschedule(5, false).unwrap_err().0, "no_record");
    assert_eq!(seat.dialed().unwrap_err().0, "no_number");
    assert!(seat.has_call().is_ok() && seat.dispose("SALE".into(), None).is_ok());
    seat.talks((10, "+12125550142"), &known(), None, 4);
    assert!(seat.reschedule(5, false).is_ok() && seat.dialed().is_ok());
}
