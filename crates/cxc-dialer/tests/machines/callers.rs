//! Persons who called in: they come to agents who can be spared, and are in none of the books of placed calls.
use super::*;

const ANN: AgentId = AgentId(0);
const BOB: AgentId = AgentId(1);

fn ready(group: &mut Group, agent: AgentId, now: Micros) {
    group.agent_event(agent, AgentEvent::LogIn, now, &mut Silent);
    group.agent_event(agent, AgentEvent::Ready, now, &mut Silent);
}

fn receive(group: &mut Group, wait: Micros, now: Micros) -> CallId {
    let call = group.receive(now + wait, now);
    group.serve_callers(now, &mut Silent);
    call
}

#[test]
fn who_calls_in_talks_with_a_ready_agent_and_is_no_call_of_the_ledger() {
    let mut group = group(false, OnMachine::Drop);
    ready(&mut group, ANN, 0);
    let call = receive(&mut group, 60 * SECOND, SECOND);
    assert_eq!(group.agent(ANN), Some(AgentState::Reserved(call)));
    group.call_event(call, CallEvent::Connected, SECOND, &mut Silent);
    assert_eq!(group.agent(ANN), Some(AgentState::Talking(call)));
    let scene = group.scene();
    assert_eq!((scene.agents, scene.ready, scene.dialing, scene.queued, scene.callers), (1, 0, 0, 0, 0));
    let outside = Outside { stopped: None, records: Records::ready(10), ports: 10, trunk: (10, Why::Dialing) };
    assert_eq!(group.decide(SECOND, &outside).dial, 0, "nobody is dialed for an agent who talks");
    group.call_event(call, CallEvent::RemoteHangup, 61 * SECOND, &mut Silent);
    assert_eq!(group.agent(ANN), Some(AgentState::Wrap));
    assert_eq!(group.take_finished(), [(call, CallResult::Answer)]);
    let totals = group.totals();
    assert_eq!((totals.dials, totals.live, totals.connected, totals.results.len()), (0, 0, 0, 0));
    assert_eq!((totals.callers.came, totals.callers.connected), (1, 1));
    assert_eq!(group.ledgers().tightest().unwrap().counts(), (0, 0));
}

#[test]
fn who_waits_longest_is_next_and_who_hangs_up_or_gets_nobody_leaves_nothing_behind() {
    let mut group = group(false, OnMachine::Drop);
    let [first, second, third, fourth] =
        [0, 1, 2, 3].map(|at: Micros| receive(&mut group, (40 - 10 * at) * SECOND, at * SECOND));
    assert_eq!((group.scene().callers, group.callers_now().waiting), (4, 4));
    group.call_event(first, CallEvent::RemoteHangup, 4 * SECOND, &mut Silent);
    ready(&mut group, ANN, 5 * SECOND);
    assert_eq!(group.agent(ANN), Some(AgentState::Reserved(second)), "the first one is gone");
    ready(&mut group, BOB, 6 * SECOND);
    assert_eq!(group.agent(BOB), Some(AgentState::Reserved(third)));
    group.call_event(second, CallEvent::Connected, 6 * SECOND, &mut Silent);
    // a phone that is gone before they talk: the person waits on, before all others
    group.agent_event(BOB, AgentEvent::LegLost, 6 * SECOND, &mut Silent);
    assert_eq!(group.callers_now().waiting, 2);
    group.expire(13 * SECOND, &mut Silent);
    assert_eq!(group.take_finished(), [(first, CallResult::Dropped), (fourth, CallResult::Overflowed)]);
    for call in [second, third] {
        group.call_event(call, CallEvent::Stop, 14 * SECOND, &mut Silent);
    }
    assert_eq!(group.take_finished(), [(third, CallResult::Cleared)], "who talks talks on");
    group.agent_event(ANN, AgentEvent::LegLost, 15 * SECOND, &mut Silent);
    assert_eq!(group.take_finished(), [(second, CallResult::CallDropError)]);
    let callers = group.totals().callers;
    assert_eq!((callers.connected, callers.left, callers.unserved), (1, 1, 2));
    assert_eq!((group.calls(), group.scene().callers, callers.longest_wait), (0, 0, 5 * SECOND));
}

#[test]
fn an_agent_for_whom_a_call_rings_is_spared_only_if_the_limit_would_hold() {
    let mut group = group(false, OnMachine::Drop);
    ready(&mut group, ANN, 0);
    let ringing = group.place(0);
    group.call_event(ringing, CallEvent::Sent, 0, &mut Silent);
    let caller = receive(&mut group, 60 * SECOND, SECOND);
    assert_eq!(group.agent(ANN), Some(AgentState::Ready), "who answers now would find nobody");
    let outside = Outside { stopped: None, records: Records::ready(10), ports: 10, trunk: (10, Why::Dialing) };
    ready(&mut group, BOB, SECOND);
    assert_eq!(group.agent(ANN), Some(AgentState::Reserved(caller)), "there is one for each now");
    let other = receive(&mut group, 60 * SECOND, SECOND);
    assert_eq!(group.agent(BOB), Some(AgentState::Ready));
    assert_eq!(group.decide(SECOND, &outside).dial, 0, "the next agent is for who waits");
    // who was called goes first
    group.call_event(ringing, CallEvent::Answered, 2 * SECOND, &mut Silent);
    assert_eq!(group.agent(BOB), Some(AgentState::Reserved(ringing)));
    group.call_event(ringing, CallEvent::Connected, 2 * SECOND, &mut Silent);
    group.call_event(ringing, CallEvent::RemoteHangup, 3 * SECOND, &mut Silent);
    group.agent_event(BOB, AgentEvent::WrapDone, 4 * SECOND, &mut Silent);
    assert_eq!(group.agent(BOB), Some(AgentState::Reserved(other)), "nothing rings any more");
}

#[test]
fn an_agent_is_spared_although_a_call_rings_once_the_ledger_has_room() {
    let mut group = group(false, OnMachine::Drop);
    let policy = Place::US.policies().remove(0);
    assert!(policy.rate <= 0.03);
    ready(&mut group, ANN, 0);
    // a hundred answers that came to an agent make room for some that do not
    for n in 0..100 {
        let now = n * SECOND;
        let call = group.place(now);
        for event in [CallEvent::Sent, CallEvent::Answered, CallEvent::Connected, CallEvent::RemoteHangup] {
            group.call_event(call, event, now, &mut Silent);
        }
        group.agent_event(ANN, AgentEvent::WrapDone, now, &mut Silent);
    }
    let now = 100 * SECOND;
    let ringing = group.place(now);
    group.call_event(ringing, CallEvent::Sent, now, &mut Silent);
    let caller = receive(&mut group, 60 * SECOND, now);
    assert_eq!(group.agent(ANN), Some(AgentState::Reserved(caller)));
}

#[test]
fn a_phone_that_is_called_for_each_call_rings_for_who_calls_in() {
    let mut group = rung(false, OnMachine::Drop, Some(20 * SECOND));
    ready(&mut group, ANN, 0);
    let call = receive(&mut group, 60 * SECOND, SECOND);
    group.summon(0, SECOND, &mut Silent);
    assert_eq!(group.agent(ANN), Some(AgentState::Ringing));
    group.agent_event(ANN, AgentEvent::PhoneUp, 3 * SECOND, &mut Silent);
    assert_eq!(group.agent(ANN), Some(AgentState::Reserved(call)));
}

#[test]
fn an_agent_who_can_not_be_connected_does_not_make_a_caller_wait_for_ever() {
    let mut group = group(false, OnMachine::Drop);
    ready(&mut group, ANN, 0);
    let call = receive(&mut group, 2 * SECOND, 0);
    let mut now = 0;
    while let Some(at) = group.next_deadline() {
        now = at.max(now);
        assert!(now <= 3 * SECOND, "it is offered to the same agent again and again");
        group.expire(now, &mut Silent);
    }
    assert_eq!(group.take_finished(), [(call, CallResult::Overflowed)]);
    assert_eq!((group.agent(ANN), group.callers_now().talking), (Some(AgentState::Ready), 0));
}

#[test]
fn an_agent_who_logs_out_while_a_caller_is_put_through_talks_first_and_the_next_one_comes_where_that_fails() {
    let mut group = group(false, OnMachine::Drop);
    ready(&mut group, ANN, 0);
    let call = receive(&mut group, 60 * SECOND, 0);
    group.agent_event(ANN, AgentEvent::LogOut, 0, &mut Silent);
    assert_eq!(group.agent(ANN), Some(AgentState::Reserved(call)));
    // nobody was connected in time: the agent has left, and the person waits on
    group.expire(SECOND, &mut Silent);
    assert_eq!((group.agent(ANN), group.callers_now().waiting), (Some(AgentState::LoggedOut), 1));
    ready(&mut group, BOB, 2 * SECOND);
    assert_eq!(group.agent(BOB), Some(AgentState::Reserved(call)));
    group.agent_event(BOB, AgentEvent::LogOut, 2 * SECOND, &mut Silent);
    group.call_event(call, CallEvent::Connected, 2 * SECOND, &mut Silent);
    assert_eq!(group.agent(BOB), Some(AgentState::Talking(call)), "the person is not left alone");
    group.call_event(call, CallEvent::RemoteHangup, 3 * SECOND, &mut Silent);
    group.agent_event(BOB, AgentEvent::WrapDone, 4 * SECOND, &mut Silent);
    assert_eq!(group.agent(BOB), Some(AgentState::LoggedOut));
    assert_eq!((group.take_finished(), group.calls()), (vec![(call, CallResult::Answer)], 0));
}
