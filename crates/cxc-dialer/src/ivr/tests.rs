use proptest::prelude::*;
use serde_json::json;

use super::*;

fn script() -> Arc<CallScript> {
    let document = json!({"start": "hello", "steps": {
        "hello": {"type": "prompt", "prompt": "hello", "next": "menu"},
        "menu": {"type": "gather", "prompt": "menu", "invalid": "sorry", "retries": 1, "otherwise": "bye",
            "choices": {"1": "agents", "2": "account", "3": "message", "4": "again", "9": "never"}},
        "again": {"type": "call_back", "next": "bye", "otherwise": "agents"},
        "account": {"type": "gather", "prompt": "number", "minDigits": 2, "maxDigits": 4, "next": "which", "otherwise": "menu"},
        "which": {"type": "branch", "of": "account", "choices": {"42": "agents"}, "otherwise": "menu"},
        "message": {"type": "record", "prompt": "tone", "maxSeconds": 10, "next": "bye", "otherwise": "agents"},
        "never": {"type": "opt_out", "next": "bye", "otherwise": "agents"},
        "agents": {"type": "transfer"},
        "bye": {"type": "hang_up", "prompt": "bye", "disposition": "HEARD"},
    }});
    let script: CallScript = serde_json::from_value(document).unwrap();
    assert_eq!(script.problems(""), []);
    Arc::new(script)
}

fn play(number: u32, prompt: &str) -> Vec<Order> {
    vec![Order::Audio(Audio::Play(number, prompt.to_owned()))]
}

/// A call whose menu plays.
fn at_menu() -> Session {
    let mut session = Session::new(script(), 0);
    assert_eq!(session.step(Input::Begin, 0), play(1, "hello"));
    assert_eq!(session.step(Input::Played(1), SECOND), play(2, "menu"));
    session
}

fn key_at_menu(key: char) -> (Session, Vec<Order>) {
    let mut session = at_menu();
    let mut orders = session.step(Input::Digit(key), 2 * SECOND);
    assert_eq!(orders.remove(0), QUIET, "a key stops what plays");
    (session, orders)
}

const END: CallResult = CallResult::Ok;
const QUIET: Order = Order::Audio(Audio::Quiet);

#[test]
fn a_key_leads_to_an_agent_and_the_script_is_over() {
    let (mut session, orders) = key_at_menu('1');
    assert_eq!((orders, session.deadline()), (vec![Order::Transfer], None));
    assert_eq!(session.step(Input::Digit('9'), 3 * SECOND), []);
}

#[test]
fn who_presses_nothing_or_something_else_is_asked_again_and_then_let_go() {
    let mut session = at_menu();
    assert_eq!(session.step(Input::Played(2), 4 * SECOND), []);
    assert_eq!(session.deadline(), Some(9 * SECOND), "five seconds for a key");
    assert_eq!(session.step(Input::Deadline, 9 * SECOND), play(3, "menu"));
    assert_eq!(session.step(Input::Played(2), 9 * SECOND), [], "the end of an earlier prompt");
    assert_eq!(session.step(Input::Digit('7'), 10 * SECOND), [vec![QUIET], play(4, "bye")].concat());
    let end = vec![Order::End { result: END, disposition: Some("HEARD".into()) }];
    assert_eq!(session.step(Input::Played(4), 11 * SECOND), end);

    let (mut session, orders) = key_at_menu('7');
    assert_eq!(orders, play(3, "sorry"));
    assert_eq!(session.step(Input::Played(3), 3 * SECOND), play(4, "menu"));
}

#[test]
fn longer_entries_end_with_a_hash_or_the_time_and_branches_look_at_them() {
    let (mut session, orders) = key_at_menu('2');
    assert_eq!(orders, play(3, "number"));
    assert_eq!(session.step(Input::Digit('4'), 3 * SECOND), [QUIET]);
    assert_eq!(session.step(Input::Digit('2'), 4 * SECOND), []);
    let mut slow = session.clone();
    assert_eq!(session.step(Input::Digit('#'), 5 * SECOND), [Order::Transfer]);
    assert_eq!(slow.deadline(), Some(9 * SECOND));
    assert_eq!(slow.step(Input::Deadline, 9 * SECOND), [Order::Transfer]);
    let (mut other, _) = key_at_menu('2');
    for key in ['4', '2', '0'] {
        other.step(Input::Digit(key), 3 * SECOND);
    }
    assert_eq!(other.step(Input::Digit('1'), 3 * SECOND), play(4, "menu"), "the fourth digit is the last");
    // one digit is too few
    let (mut few, _) = key_at_menu('2');
    few.step(Input::Digit('4'), 3 * SECOND);
    assert_eq!(few.step(Input::Digit('#'), 3 * SECOND), play(4, "number"));
}

#[test]
fn a_message_is_recorded_once_the_person_was_told_and_asked() {
    let (mut session, orders) = key_at_menu('3');
    assert_eq!(orders, [Order::Audio(Audio::Announce(3))]);
    let mut untold = session.clone();
    assert_eq!(session.step(Input::Played(3), 3 * SECOND), play(4, "tone"));
    assert_eq!(session.step(Input::Digit('5'), 3 * SECOND), [], "the question is heard to its end");
    assert_eq!(session.step(Input::Played(4), 4 * SECOND), [Order::Audio(Audio::Record(true))]);
    assert_eq!(session.deadline(), Some(14 * SECOND));
    let stop = [vec![Order::Audio(Audio::Record(false))], play(5, "bye")].concat();
    assert_eq!(session.clone().step(Input::Deadline, 14 * SECOND), stop);
    assert_eq!(session.step(Input::Digit('#'), 5 * SECOND), stop);
    assert_eq!(untold.step(Input::NotRecorded(3), 3 * SECOND), [Order::Transfer], "it may not be recorded");
}

#[test]
fn an_opt_out_is_waited_for_and_what_is_not_written_in_time_goes_another_way() {
    let (mut session, orders) = key_at_menu('9');
    assert_eq!((orders, session.deadline()), (vec![Order::OptOut], Some(7 * SECOND)));
    assert_eq!(session.clone().step(Input::OptedOut, 3 * SECOND), play(3, "bye"));
    assert_eq!(session.step(Input::Deadline, 7 * SECOND), [Order::Transfer]);
}

#[test]
fn a_callback_is_arranged_or_goes_another_way_at_once_or_in_five_seconds() {
    let (mut session, orders) = key_at_menu('4');
    assert_eq!((orders, session.deadline()), (vec![Order::CallBack], Some(7 * SECOND)));
    assert_eq!(session.clone().step(Input::CallBack(true), 3 * SECOND), play(3, "bye"));
    assert_eq!(session.clone().step(Input::CallBack(false), 3 * SECOND), [Order::Transfer]);
    assert_eq!(session.step(Input::OptedOut, 3 * SECOND), [], "that was not asked for");
    assert_eq!(session.step(Input::Deadline, 7 * SECOND), [Order::Transfer]);
}

#[test]
fn who_waits_for_an_agent_talks_with_one_or_goes_another_way() {
    let steps = r#"{"start": "wait", "steps": {"wait": {"type": "agent", "maxSeconds": 20, "otherwise": "bye"},
        "bye": {"type": "hang_up", "prompt": "bye"}}}"#;
    let mut session = Session::new(Arc::new(serde_json::from_str(steps).unwrap()), 0);
    let orders = session.step(Input::Begin, 0);
    assert_eq!(orders, [Order::Agent { prompt: None, wait: 20 * SECOND }]);
    assert_eq!(session.deadline(), Some(30 * SECOND), "who looks for agents speaks first");
    let mut late = session.clone();
    assert_eq!(session.clone().step(Input::Agent(false), 20 * SECOND), play(1, "bye"));
    assert_eq!(late.step(Input::Deadline, 30 * SECOND), play(1, "bye"));
    assert_eq!((late.step(Input::Agent(true), 31 * SECOND), late.deadline()), (vec![], None), "one came all the same");
    assert_eq!(session.step(Input::Digit('1'), SECOND), []);
    assert_eq!((session.step(Input::Agent(true), 2 * SECOND), session.deadline()), (vec![], None));
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        1 => Just(Input::Begin),
        4 => (0..200_u32).prop_map(Input::Played),
        1 => (0..200_u32).prop_map(Input::NotRecorded),
        4 => prop::sample::select("0123456789*#ABCD".chars().collect::<Vec<_>>()).prop_map(Input::Digit),
        1 => Just(Input::OptedOut),
        1 => any::<bool>().prop_map(Input::CallBack),
        2 => Just(Input::Deadline),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_a_script_has_a_deadline_until_it_is_over_and_it_ends(
        course in prop::collection::vec(input(), 0..300),
    ) {
        let (mut session, mut now, mut ends) = (Session::new(script(), 0), 0, 0);
        let deadlines = std::iter::repeat_n(Input::Deadline, 2_000);
        let all = std::iter::once(Input::Begin).chain(course).chain(deadlines);
        for input in all {
            // the end of what plays, as often as not
            let input = if let Input::Played(n) = input && n % 2 == 0 { Input::Played(session.number) } else { input };
            let orders = session.step(input, now);
            ends += orders.iter().filter(|order| matches!(order, Order::Transfer | Order::End { .. })).count();
            prop_assert!(ends <= 1);
            prop_assert_eq!(session.deadline().is_none(), ends == 1);
            now = session.deadline().filter(|_| input == Input::Deadline).unwrap_or(now);
        }
        prop_assert_eq!(ends, 1);
    }
}
