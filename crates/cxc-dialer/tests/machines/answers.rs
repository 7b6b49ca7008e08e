//! Calls as people answer them, or do not: results, deadlines, machines.
use super::*;

#[test]
fn a_call_that_rang_for_long_makes_room_for_a_new_one_while_the_budget_is_used_up() {
    let rules = CallRules::default();
    let pacer = Pacer::new(Mode::Ports { agents: true }, rules.max_ring, rules.threshold, None);
    let ledgers = Ledgers::new(Place::US.policies(), 0, &TimeZone::UTC);
    let mut group = Group::new(pacer, ledgers, rules, AgentRules::default(), 0);
    let outside = Outside { stopped: None, records: Records::ready(9), ports: 9, trunk: (9, Why::TrunkChannelsFull) };
    for event in [AgentEvent::LogIn, AgentEvent::Ready] {
        group.agent_event(AgentId(0), event, 0, &mut Silent);
    }
    assert_eq!(group.decide(0, &outside).dial, 1, "one for the agent who is ready");
    let call = group.place(0);
    for event in [CallEvent::Sent, CallEvent::Ringing] {
        group.call_event(call, event, SECOND, &mut Silent);
    }
    for (at, ports, calls_cut) in [(15, 9, 0), (17, 0, 0), (17, 9, 1)] {
        let decision = group.decide(at * SECOND, &Outside { ports, ..outside.clone() });
        group.make_room(decision.held_back, at * SECOND, &mut Silent);
        assert_eq!((decision.dial, group.totals().cut_short), (0, calls_cut), "after {at} s, {ports} ports");
    }
    assert_eq!(group.scene().dialing, 1, "an answer may still cross the cancellation");
    group.call_event(call, CallEvent::Failed(CallResult::Cleared), 18 * SECOND, &mut Silent);
    assert_eq!(group.take_finished(), [(call, CallResult::NoAnswer)]);
    assert_eq!(group.decide(18 * SECOND, &outside).dial, 1);
}

#[test]
fn an_answer_without_an_agent_is_abandoned_after_two_seconds_and_counted() {
    let (group, finished) =
        story(false, &[(0, CallEvent::Sent), (0, CallEvent::Ringing), (SECOND, CallEvent::Answered)]);
    assert_eq!(finished, [(CallId(1), CallResult::Abandoned)]);
    assert_eq!(group.ledgers().tightest().unwrap().counts(), (1, 1));
}

#[test]
fn a_person_who_leaves_before_the_threshold_is_dropped_and_not_in_the_legal_rate() {
    let events = [(0, CallEvent::Ringing), (SECOND, CallEvent::Answered), (2 * SECOND, CallEvent::RemoteHangup)];
    let (group, finished) = story(false, &events);
    assert_eq!(finished, [(CallId(1), CallResult::Dropped)]);
    assert_eq!(group.ledgers().tightest().unwrap().counts(), (0, 1));
    assert_eq!(group.totals().dropped, 1);
}

#[test]
fn an_answer_that_crosses_our_cancellation_is_an_answer() {
    let late = 25 * SECOND + 10_000;
    let events =
        [(0, CallEvent::Sent), (0, CallEvent::Ringing), (late, CallEvent::Answered), (late, CallEvent::Connected)];
    let (group, finished) = story(true, &events);
    assert_eq!(finished, [(CallId(1), CallResult::Answer)], "it ended when the talk was too long");
    assert_eq!(group.totals().connected, 1);
}

#[test]
fn silence_and_ringing_out_have_their_own_results() {
    assert_eq!(story(true, &[]).1, [(CallId(1), CallResult::DialError)]);
    assert_eq!(story(true, &[(0, CallEvent::Sent)]).1, [(CallId(1), CallResult::NoProgress)]);
    let rings = [(0, CallEvent::Sent), (SECOND, CallEvent::Ringing)];
    assert_eq!(story(true, &rings).1, [(CallId(1), CallResult::NoAnswer)]);
}

#[test]
fn a_cancellation_waits_for_a_provisional_answer() {
    let rules = CallRules::default();
    let (call, _) = Call::new(0).step(CallEvent::Sent, 0, &rules);
    let (call, actions) = call.step(CallEvent::Deadline, 8 * SECOND, &rules);
    assert_eq!(actions, []);
    let (call, actions) = call.step(CallEvent::Provisional, 9 * SECOND, &rules);
    assert_eq!(actions, [CallAction::Cancel]);
    let (_, actions) = call.step(CallEvent::Failed(CallResult::NoAnswer), 10 * SECOND, &rules);
    assert_eq!(actions, [CallAction::Finish(CallResult::NoProgress)]);
}

/// A call that was answered at the instant 0, with an agent if there is one.
fn answered(rules: &CallRules, agent: Option<AgentId>) -> Call {
    let mut call = Call::new(0);
    let connect = agent.map(|agent| [CallEvent::Assigned(agent), CallEvent::Connected]);
    let events = [CallEvent::Sent, CallEvent::Ringing, CallEvent::Answered].into_iter();
    for event in events.chain(connect.into_iter().flatten()) {
        call = call.step(event, 0, rules).0;
    }
    call
}

#[test]
fn a_machine_is_taken_from_the_agent_and_counts_as_no_person() {
    let agent = AgentId(3);
    let verdict = CallEvent::Classified(Verdict::Machine);
    let result = CallResult::AnsweringMachine;
    let rules = |machine| CallRules { machine, ..CallRules::default() };
    let away = [CallAction::NotLive, CallAction::EndTalk(agent)];
    let (call, actions) = answered(&rules(OnMachine::Drop), Some(agent)).step(verdict, 9, &rules(OnMachine::Drop));
    assert_eq!((call.state, &actions[..2]), (State::Ended(result), &away[..]));
    assert_eq!(actions[2..], [CallAction::Hangup, CallAction::Finish(result)]);

    let (call, actions) =
        answered(&rules(OnMachine::Message), Some(agent)).step(verdict, 9, &rules(OnMachine::Message));
    assert_eq!(actions, [away[0], away[1], CallAction::LeaveMessage]);
    let (call, actions) = call.step(CallEvent::MessagePlayed, 9, &rules(OnMachine::Message));
    assert_eq!((call.state, actions[0]), (State::Ended(result), CallAction::Hangup));

    let before = answered(&rules(OnMachine::Connect), Some(agent));
    assert_eq!(before.step(verdict, 9, &rules(OnMachine::Connect)), (before, vec![]));
}

#[test]
fn who_waits_for_a_verdict_is_counted_after_it_and_waits_from_the_end_of_the_greeting() {
    let rules = CallRules { classify: Some(5_000_000), ..CallRules::default() };
    let call = answered(&rules, None);
    assert_eq!((call.state, call.deadline(&rules)), (State::Classifying, Some(5_000_000)));
    let (call, actions) = call.step(CallEvent::Classified(Verdict::Person), 1_900_000, &rules);
    assert_eq!((call.state, actions), (State::Queued, vec![CallAction::Live]));
    assert_eq!(call.deadline(&rules), Some(1_100_000 + 2_000_000), "two seconds after the greeting");
    let (call, actions) = answered(&rules, None).step(CallEvent::Deadline, 5_000_000, &rules);
    assert_eq!((call.state, actions), (State::Queued, vec![CallAction::Live]), "in doubt it is a person");
}

#[test]
fn a_machine_that_was_counted_gives_no_room_for_abandoned_calls() {
    let mut ledgers = Ledgers::new(Place::UK.policies(), 0, &TimeZone::UTC);
    let hour = 3_600_000_000;
    (0..3).for_each(|_| ledgers.answered(hour - 1));
    ledgers.mistaken(hour + 1);
    assert_eq!(ledgers.tightest().map(Ledger::counts), Some((0, 2)));
    (0..3).for_each(|_| ledgers.mistaken(hour + 1));
    assert_eq!(ledgers.tightest().map(Ledger::counts), Some((0, 0)));
}
