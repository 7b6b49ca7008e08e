//! Calls as agents have them: asked for, shown first, given away, by a phone that rings for each.
use super::*;

#[test]
fn a_call_that_an_agent_asked_for_comes_to_that_agent_and_is_no_matter_of_the_pace() {
    let mut group = group(false, OnMachine::Drop);
    for agent in [AgentId(0), AgentId(1)] {
        group.agent_event(agent, AgentEvent::LogIn, 0, &mut Silent);
    }
    group.agent_event(AgentId(0), AgentEvent::Ready, 0, &mut Silent);
    assert_eq!(group.place_own(AgentId(1), 0, &mut Silent), None, "it was not asked for");
    group.agent_event(AgentId(1), AgentEvent::Own, 0, &mut Silent);
    let call = group.place_own(AgentId(1), 0, &mut Silent).unwrap();
    assert_eq!((group.scene().dialing, group.scene().ready), (0, 1));
    for event in [CallEvent::Sent, CallEvent::Ringing, CallEvent::Answered, CallEvent::Connected] {
        group.call_event(call, event, SECOND, &mut Silent);
    }
    assert_eq!(group.agent(AgentId(1)), Some(AgentState::Talking(call)));
    assert_eq!(group.agent(AgentId(0)), Some(AgentState::Ready));
    group.call_event(call, CallEvent::RemoteHangup, 2 * SECOND, &mut Silent);
    group.agent_event(AgentId(1), AgentEvent::WrapDone, 3 * SECOND, &mut Silent);
    assert_eq!(group.agent(AgentId(1)), Some(AgentState::NotReady(Reason::Code(0))), "as before");
}

#[test]
fn who_looks_at_a_record_is_left_alone_and_calls_it_or_does_not() {
    let mut group = group(false, OnMachine::Drop);
    let (ann, bob) = (AgentId(0), AgentId(1));
    for agent in [ann, bob] {
        group.agent_event(agent, AgentEvent::LogIn, 0, &mut Silent);
        group.agent_event(agent, AgentEvent::Ready, 0, &mut Silent);
        group.agent_event(agent, AgentEvent::Look { asked: agent == ann }, 0, &mut Silent);
    }
    assert_eq!((group.scene().ready, group.scene().agents, group.agents_now().previewing), (0, 2, 2));
    // nobody takes a call of the pace
    let paced = group.place(0);
    group.call_event(paced, CallEvent::Answered, 0, &mut Silent);
    assert_eq!(group.agent(ann), Some(AgentState::Looking { asked: true }));
    group.agent_event(ann, AgentEvent::Own, SECOND, &mut Silent);
    let call = group.place_own(ann, SECOND, &mut Silent).unwrap();
    for event in [CallEvent::Sent, CallEvent::Answered, CallEvent::Connected] {
        group.call_event(call, event, 2 * SECOND, &mut Silent);
    }
    assert_eq!(group.agent(ann), Some(AgentState::Talking(call)));
    // an offer that nobody answers to makes its agent not ready
    group.expire(60 * SECOND, &mut Silent);
    assert_eq!(group.agent(bob), Some(AgentState::NotReady(Reason::LookEnded)));
    // who is through with the next one takes the person who waits
    group.call_event(call, CallEvent::RemoteHangup, 61 * SECOND, &mut Silent);
    group.agent_event(ann, AgentEvent::WrapDone, 61 * SECOND, &mut Silent);
    group.agent_event(ann, AgentEvent::Look { asked: true }, 61 * SECOND, &mut Silent);
    let waits = group.place(61 * SECOND);
    group.call_event(waits, CallEvent::Answered, 61 * SECOND, &mut Silent);
    group.agent_event(ann, AgentEvent::Looked, 62 * SECOND, &mut Silent);
    assert_eq!(group.agent(ann), Some(AgentState::Reserved(waits)));
}

#[test]
fn a_talk_of_three_and_one_that_is_given_away_have_results_of_their_own() {
    let connected = [CallEvent::Sent, CallEvent::Answered, CallEvent::Connected];
    let ended = |events: &[CallEvent]| {
        let events = connected.iter().chain(events).map(|event| (0, *event));
        story(true, &events.collect::<Vec<_>>()).1[0].1
    };
    assert_eq!(ended(&[CallEvent::Conferenced, CallEvent::RemoteHangup]), CallResult::Conferenced);
    assert_eq!(ended(&[CallEvent::Conferenced, CallEvent::Transferred]), CallResult::Transferred);
    assert_eq!(ended(&[CallEvent::RemoteHangup]), CallResult::Answer);
}

#[test]
fn a_phone_that_is_called_for_each_call_rings_before_anybody_is_dialed_and_not_for_nothing() {
    let mut group = rung(false, OnMachine::Drop, Some(20 * SECOND));
    let agents = [AgentId(0), AgentId(1), AgentId(2)];
    for (at, agent) in (0..).zip(agents) {
        group.agent_event(agent, AgentEvent::LogIn, at, &mut Silent);
        group.agent_event(agent, AgentEvent::Ready, at, &mut Silent);
    }
    assert_eq!((group.scene().agents, group.scene().ready, group.waits_for_phones()), (0, 0, true));
    group.summon(0, 10, &mut Silent);
    assert_eq!(group.agents_now().ringing, 0, "no record is due");
    group.summon(2, 20, &mut Silent);
    let states = |group: &Group| agents.map(|agent| group.agent(agent).unwrap());
    assert_eq!(states(&group), [AgentState::Ringing, AgentState::Ringing, AgentState::Standby], "two are due");
    group.summon(2, 30, &mut Silent);
    assert_eq!(group.agents_now().ringing, 2);
    group.agent_event(AgentId(1), AgentEvent::PhoneUp, 40, &mut Silent);
    assert_eq!((group.scene().agents, group.scene().ready), (2, 1), "one may be dialed for");

    // who does not answer is not ready, and another one is called
    group.expire(21 * SECOND, &mut Silent);
    assert_eq!(group.agent(AgentId(0)), Some(AgentState::NotReady(Reason::NoAnswer)));
    group.summon(2, 21 * SECOND, &mut Silent);
    assert_eq!(group.agent(AgentId(2)), Some(AgentState::Ringing));
    group.summon(0, 22 * SECOND, &mut Silent);
    assert_eq!(group.agent(AgentId(2)), Some(AgentState::Standby), "it does not ring for nothing");

    // a person who is there already waits while a phone rings, and the limit holds
    let first = group.place(23 * SECOND);
    let second = group.place(23 * SECOND);
    for call in [first, second] {
        group.call_event(call, CallEvent::Answered, 24 * SECOND, &mut Silent);
    }
    group.call_event(first, CallEvent::Connected, 24 * SECOND, &mut Silent);
    group.summon(0, 24 * SECOND, &mut Silent);
    assert_eq!(group.agent(AgentId(2)), Some(AgentState::Ringing), "somebody waits");
    group.expire(26 * SECOND, &mut Silent);
    assert_eq!((group.totals().abandoned, group.totals().live), (1, 2));
    group.call_event(first, CallEvent::RemoteHangup, 27 * SECOND, &mut Silent);
    group.agent_event(AgentId(1), AgentEvent::WrapDone, 28 * SECOND, &mut Silent);
    assert_eq!(group.agent(AgentId(1)), Some(AgentState::Standby));
}

#[test]
fn who_logged_out_is_counted_no_more_and_the_number_may_be_anothers() {
    let mut group = group(false, OnMachine::Drop);
    let mut tell = |agent, event| group.agent_event(AgentId(agent), event, 0, &mut Silent);
    // one phone never answers, the other one comes and goes
    tell(0, AgentEvent::LegLost);
    tell(1, AgentEvent::LogIn);
    for event in [AgentEvent::LogOut, AgentEvent::LegLost] {
        tell(1, event);
    }
    let now = group.agents_now();
    assert_eq!((now.logged_out, now.not_ready), (1, 0), "the phone that is called is not there");
    group.agent_event(AgentId(0), AgentEvent::LogOut, 0, &mut Silent);
    assert_eq!(group.agents_now().logged_out, 0, "it is called no more");
    group.agent_event(AgentId(1), AgentEvent::LogIn, 0, &mut Silent);
    assert_eq!((group.agents_now().logged_out, group.agents_now().not_ready), (0, 1));
}
