//! Calls that a script speaks with first.
use super::*;

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
