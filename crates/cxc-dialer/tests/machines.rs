//! Whatever happens in whatever order: every call ends in one result, every slot comes back, no agent is lost.
#![expect(clippy::unwrap_used, reason = "a test that finds something else than it expects has failed")]
use std::collections::BTreeMap;
use std::sync::Arc;

use cxc_core::Micros;
use cxc_core::call_script::CallScript;
use cxc_core::enumerations::CallResult;
use cxc_dialer::abandon::{Ledger, Ledgers, Place};
use cxc_dialer::agent::{AgentEvent, AgentId, AgentRules, AgentState, Reason};
use cxc_dialer::call::{Call, CallAction, CallEvent, CallId, CallRules, OnMachine, State, Verdict};
use cxc_dialer::engine::{CallEngine, CallSpec};
use cxc_dialer::group::{Group, Note};
use cxc_dialer::ivr::Input;
use cxc_dialer::pacing::{Mode, Outside, Pacer, Records, Why};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::json;

/// Takes orders and does nothing: what happens is made up by the test.
struct Silent;

impl CallEngine for Silent {
    fn originate(&mut self, _: CallId, _: &CallSpec, _: Micros) {}
    fn bridge(&mut self, _: CallId, _: AgentId, _: Micros) {}
    fn play_message(&mut self, _: CallId, _: Micros) {}
    fn leave_message(&mut self, _: CallId, _: Micros) {}
    fn cancel(&mut self, _: CallId, _: Micros) {}
    fn hangup(&mut self, _: CallId, _: Micros) {}
    fn warn(&mut self, _: AgentId, _: Micros) {}
}

fn call_event() -> impl Strategy<Value = CallEvent> {
    prop_oneof![
        1 => Just(CallEvent::Sent),
        1 => Just(CallEvent::Provisional),
        1 => Just(CallEvent::Ringing),
        4 => Just(CallEvent::Answered),
        1 => Just(CallEvent::Classified(Verdict::Person)),
        1 => Just(CallEvent::Classified(Verdict::Machine)),
        1 => Just(CallEvent::Failed(CallResult::Busy)),
        1 => Just(CallEvent::Refused { status: 503, retry_after: 1_000_000 }),
        4 => Just(CallEvent::Connected),
        1 => Just(CallEvent::AgentHangup),
        1 => Just(CallEvent::Conferenced),
        1 => Just(CallEvent::Transferred),
        1 => Just(CallEvent::RemoteHangup),
        1 => Just(CallEvent::MessagePlayed),
        1 => Just(CallEvent::Stop),
        1 => Just(CallEvent::RungEnough),
        1 => Just(CallEvent::Transfer),
        1 => Just(CallEvent::Closed(CallResult::Ok)),
    ]
}

fn agent_event() -> impl Strategy<Value = AgentEvent> {
    prop_oneof![
        2 => Just(AgentEvent::LogIn),
        4 => Just(AgentEvent::Ready),
        1 => Just(AgentEvent::LogOut),
        1 => Just(AgentEvent::NotReady(Reason::Code(1))),
        2 => Just(AgentEvent::WrapDone),
        2 => Just(AgentEvent::Own),
        1 => Just(AgentEvent::NotOwn),
        2 => any::<bool>().prop_map(|asked| AgentEvent::Look { asked }),
        1 => Just(AgentEvent::Looked),
        1 => any::<bool>().prop_map(|look| AgentEvent::Follow { look }),
        1 => Just(AgentEvent::Ring),
        2 => Just(AgentEvent::PhoneUp),
        1 => Just(AgentEvent::StandDown),
        1 => Just(AgentEvent::LegLost),
    ]
}

#[derive(Debug, Clone, Copy)]
enum Happens {
    Place,
    PlaceOwn(u32),
    Summon(u32),
    Call(u64, CallEvent),
    Agent(u32, AgentEvent),
    Script(u64, Input),
    Pass(Micros),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        2 => Just(Happens::Place),
        2 => (0..4_u32).prop_map(Happens::PlaceOwn),
        2 => (0..3_u32).prop_map(Happens::Summon),
        5 => (1..30_u64, call_event()).prop_map(|(call, event)| Happens::Call(call, event)),
        3 => (1..30_u64, script_input()).prop_map(|(call, input)| Happens::Script(call, input)),
        3 => (0..4_u32, agent_event()).prop_map(|(agent, event)| Happens::Agent(agent, event)),
        2 => (0..3_000_000_i64).prop_map(Happens::Pass),
    ]
}

fn script_input() -> impl Strategy<Value = Input> {
    prop_oneof![
        2 => (1..4_u32).prop_map(Input::Played),
        1 => Just(Input::Digit('1')),
        1 => Just(Input::Digit('9')),
        1 => Just(Input::OptedOut),
    ]
}

fn on_machine() -> impl Strategy<Value = OnMachine> {
    prop_oneof![Just(OnMachine::Drop), Just(OnMachine::Message), Just(OnMachine::Connect)]
}

/// A script that asks for a key; `1` leads to an agent.
fn script() -> Arc<CallScript> {
    let document = json!({"start": "menu", "steps": {
        "menu": {"type": "gather", "prompt": "menu", "choices": {"1": "agents", "9": "never"}, "otherwise": "bye"},
        "never": {"type": "opt_out", "next": "bye", "otherwise": "bye"},
        "agents": {"type": "transfer"},
        "bye": {"type": "hang_up", "disposition": "HEARD"},
    }});
    Arc::new(serde_json::from_value(document).unwrap())
}

fn scripted((classify, machine, ring): (bool, OnMachine, Option<Micros>)) -> Group {
    let mut group = rung(classify, machine, ring);
    let classify = classify.then_some(1_000_000);
    group.set_call_rules(CallRules { script: Some(300 * SECOND), classify, machine, ..CallRules::default() });
    group.set_script(script());
    group
}

fn group(classify: bool, machine: OnMachine) -> Group {
    rung(classify, machine, None)
}

/// The same with phones that are called for each call, and ring for so long.
fn rung(classify: bool, machine: OnMachine, ring: Option<Micros>) -> Group {
    let rules = CallRules { classify: classify.then_some(1_000_000), machine, ..CallRules::default() };
    let pacer = Pacer::new(Mode::Progressive { tenths: 10 }, rules.max_ring, rules.threshold, None);
    let ledgers = Ledgers::new(Place::US.policies(), 0, &TimeZone::UTC);
    let agent_rules = AgentRules { asked_look: Some(90 * SECOND), ring, ..AgentRules::default() };
    Group::new(pacer, ledgers, rules, agent_rules, 0)
}

proptest! {
    #[test]
    fn every_call_ends_in_one_result_and_every_slot_comes_back(
        (classify, has_script, machine, is_rung) in (any::<bool>(), any::<bool>(), on_machine(), any::<bool>()),
        course in prop::collection::vec(happens(), 1..200),
    ) {
        let ring = is_rung.then_some(20 * SECOND);
        let group = if has_script { scripted((classify, machine, ring)) } else { rung(classify, machine, ring) };
        let (mut group, mut now, mut placed) = (group, 0, 0_usize);
        for happens in course {
            match happens {
                Happens::Place => {
                    group.place(now);
                    placed += 1;
                }
                Happens::PlaceOwn(agent) => {
                    placed += usize::from(group.place_own(AgentId(agent), now, &mut Silent).is_some());
                }
                Happens::Summon(due) => group.summon(due, now, &mut Silent),
                Happens::Call(call, event) => group.call_event(CallId(call), event, now, &mut Silent),
                Happens::Agent(agent, event) => group.agent_event(AgentId(agent), event, now, &mut Silent),
                Happens::Script(call, input) => group.script_event(CallId(call), input, now, &mut Silent),
                Happens::Pass(time) => now += time,
            }
            group.expire(now, &mut Silent);
            let scene = group.scene();
            prop_assert!(scene.ready <= scene.agents && scene.agents <= 4);
            prop_assert!((scene.dialing + scene.queued) as usize <= group.calls());
            prop_assert!(scene.ready == 0 || scene.queued == 0, "a person waits while an agent is ready");
            let (calls, agents) = (group.calls_now(), group.agents_now());
            let [up, over] = [calls.dialing + calls.ringing + calls.cancelling + calls.scripted, calls.abandoned + calls.machines];
            prop_assert_eq!((up + calls.classifying + calls.waiting + calls.talking + over) as usize, group.calls());
            prop_assert_eq!(calls.waiting, scene.queued);
            // who waits for the phone is ready for people who look, and not for the pace
            prop_assert!(agents.ready == scene.ready || is_rung && agents.ready > scene.ready);
        }
        // nothing more happens: deadlines alone end everything
        while let Some(at) = group.next_deadline() {
            now = now.max(at);
            group.expire(now, &mut Silent);
        }
        let mut results = BTreeMap::new();
        for (call, _) in group.take_finished() {
            *results.entry(call).or_insert(0) += 1;
        }
        prop_assert_eq!(results.len(), placed);
        prop_assert!(results.values().all(|times| *times == 1));
        prop_assert_eq!((group.calls(), group.scene().dialing, group.scene().queued), (0, 0, 0));
        prop_assert_eq!(group.scene().ready, group.scene().agents, "nobody is reserved or talks");
        let totals = group.totals();
        prop_assert_eq!(totals.results.values().sum::<u64>(), placed as u64);
        prop_assert!(totals.abandoned + totals.dropped <= totals.live);
    }

    #[test]
    fn a_call_has_a_deadline_in_every_state_and_finishes_once(
        course in prop::collection::vec((call_event(), 0..2_000_000_i64), 0..40),
    ) {
        let rules = CallRules::default();
        let (mut call, mut now, mut finished) = (Call::new(0), 0, 0);
        for (event, passed) in course {
            now += passed;
            let (next, actions) = call.step(event, now, &rules);
            finished += actions.iter().filter(|action| matches!(action, CallAction::Finish(_))).count();
            prop_assert_eq!(next.deadline(&rules).is_none(), matches!(next.state, State::Ended(_)));
            call = next;
        }
        for _ in 0..8 {
            if let Some(due) = call.deadline(&rules) {
                now = now.max(due);
                let (next, actions) = call.step(CallEvent::Deadline, now, &rules);
                finished += actions.iter().filter(|action| matches!(action, CallAction::Finish(_))).count();
                call = next;
            }
        }
        prop_assert!(matches!(call.state, State::Ended(_)), "{:?}", call);
        prop_assert_eq!(finished, 1);
    }
}

/// Drives one call of a group with one ready agent, or none.
fn story(with_agent: bool, events: &[(Micros, CallEvent)]) -> (Group, Vec<(CallId, CallResult)>) {
    let mut group = group(false, OnMachine::Drop);
    if with_agent {
        group.agent_event(AgentId(0), AgentEvent::LogIn, 0, &mut Silent);
        group.agent_event(AgentId(0), AgentEvent::Ready, 0, &mut Silent);
    }
    let call = group.place(0);
    for (at, event) in events {
        group.expire(*at, &mut Silent);
        group.call_event(call, *event, *at, &mut Silent);
    }
    let mut now = 0;
    while let Some(at) = group.next_deadline().filter(|_| group.calls() > 0) {
        now = at.max(now);
        group.expire(now, &mut Silent);
    }
    let finished = group.take_finished();
    (group, finished)
}

const SECOND: Micros = 1_000_000;

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

/// A call of a group with a script whose person answered, and pressed these keys.
fn pressed(agents: u32, keys: &[Input]) -> (Group, CallId) {
    let mut group = scripted((false, OnMachine::Drop, None));
    for agent in 0..agents {
        group.agent_event(AgentId(agent), AgentEvent::LogIn, 0, &mut Silent);
        group.agent_event(AgentId(agent), AgentEvent::Ready, 0, &mut Silent);
    }
    let call = group.place(0);
    group.call_event(call, CallEvent::Ringing, 0, &mut Silent);
    group.call_event(call, CallEvent::Answered, SECOND, &mut Silent);
    assert_eq!(group.ledgers().tightest().unwrap().counts(), (0, 0), "who speaks with a script needs no agent yet");
    assert_eq!(group.scene().dialing, 1, "and may still need one");
    for key in keys {
        group.script_event(call, *key, 9 * SECOND, &mut Silent);
    }
    (group, call)
}

#[test]
fn who_asks_a_script_for_an_agent_waits_in_the_queue_of_all_and_is_abandoned_as_all() {
    let (mut group, call) = pressed(1, &[Input::Digit('1')]);
    group.call_event(call, CallEvent::Connected, 9 * SECOND, &mut Silent);
    assert_eq!((group.totals().connected, group.ledgers().tightest().unwrap().counts()), (1, (0, 1)));

    let (mut group, call) = pressed(0, &[Input::Digit('1')]);
    assert_eq!(group.next_deadline().map(|at| at <= 11 * SECOND), Some(true));
    group.expire(11 * SECOND - 1, &mut Silent);
    assert_eq!(group.scene().queued, 1, "two seconds from the key on");
    group.expire(11 * SECOND, &mut Silent);
    assert_eq!(group.ledgers().tightest().unwrap().counts(), (1, 1));
    group.call_event(call, CallEvent::MessagePlayed, 12 * SECOND, &mut Silent);
    assert_eq!(group.take_finished(), [(call, CallResult::Abandoned)]);
}

#[test]
fn a_script_that_ends_gives_the_result_and_leaves_its_notes() {
    let (mut group, call) = pressed(1, &[Input::Digit('9')]);
    assert_eq!(group.take_notes(), [(call, Note::OptOut)]);
    group.script_event(call, Input::OptedOut, 9 * SECOND, &mut Silent);
    assert_eq!(group.take_notes(), [(call, Note::Disposition("HEARD".into()))]);
    assert_eq!(group.take_finished(), [(call, CallResult::Ok)]);
    assert_eq!((group.ledgers().tightest().unwrap().counts(), group.scene().ready), ((0, 0), 1));

    let (mut group, call) = pressed(0, &[]);
    group.expire(302 * SECOND, &mut Silent);
    assert_eq!(group.calls(), 0, "nobody is in a script for ever");
    assert_eq!(group.take_finished().len(), 1);
    group.call_event(call, CallEvent::RemoteHangup, 303 * SECOND, &mut Silent);
    assert_eq!(group.take_finished(), []);
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
