//! Whatever happens in whatever order: every call ends in one result, every slot comes back, no agent is lost.
#![expect(clippy::unwrap_used, reason = "a test that finds something else than it expects has failed")]
#[path = "machines/agents.rs"]
mod agents;
#[path = "machines/answers.rs"]
mod answers;
#[path = "machines/callers.rs"]
mod callers;
#[path = "machines/scripts.rs"]
mod scripts;

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
    Receive(Micros),
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
        1 => (0..9_000_000_i64).prop_map(Happens::Receive),
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
        let (mut group, mut now, mut placed, mut received) = (group, 0, 0_usize, 0_usize);
        for happens in course {
            match happens {
                Happens::Place => {
                    group.place(now);
                    placed += 1;
                }
                Happens::PlaceOwn(agent) => {
                    placed += usize::from(group.place_own(AgentId(agent), now, &mut Silent).is_some());
                }
                Happens::Receive(wait) => {
                    group.receive(now + wait, now);
                    group.serve_callers(now, &mut Silent);
                    received += 1;
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
            let callers = group.callers_now();
            let slots = group.calls() - (callers.waiting + callers.talking) as usize;
            prop_assert_eq!((up + calls.classifying + calls.waiting + calls.talking + over) as usize, slots);
            prop_assert_eq!((calls.waiting, callers.waiting), (scene.queued, scene.callers));
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
        prop_assert_eq!(results.len(), placed + received);
        prop_assert!(results.values().all(|times| *times == 1));
        prop_assert_eq!((group.calls(), group.scene().dialing, group.scene().queued), (0, 0, 0));
        prop_assert_eq!(group.scene().callers, 0);
        prop_assert_eq!(group.scene().ready, group.scene().agents, "nobody is reserved or talks");
        let totals = group.totals();
        prop_assert_eq!(totals.results.values().sum::<u64>(), placed as u64);
        prop_assert!(totals.abandoned + totals.dropped <= totals.live);
        let callers = totals.callers;
        prop_assert_eq!((callers.came, callers.connected + callers.left + callers.unserved), (received as u64, received as u64));
        prop_assert_eq!(totals.dials, placed as u64);
    }

    #[test]
    fn a_call_has_a_deadline_in_every_state_and_finishes_once(
        came_in in any::<bool>(),
        course in prop::collection::vec((call_event(), 0..2_000_000_i64), 0..40),
    ) {
        let rules = CallRules::default();
        let begun = if came_in { Call::came_in(0, 20_000_000) } else { Call::new(0) };
        let (mut call, mut now, mut finished) = (begun, 0, 0);
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
