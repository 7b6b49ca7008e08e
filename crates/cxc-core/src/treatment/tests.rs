use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::channel::Channel;

fn at(text: &str) -> Timestamp {
    format!("2026-12-01T{text}:00Z").parse().unwrap()
}

fn treatment(rules: &str) -> Treatment {
    let treatment = unchecked(rules);
    assert_eq!(treatment.validate(), []);
    treatment
}

/// With rules that no sender carries out yet, which are refused.
fn unchecked(rules: &str) -> Treatment {
    serde_json::from_str(&format!(r#"{{"retryRules":[{rules}]}}"#)).unwrap()
}

const BUSY: &str = r#"{"triggers":[{"callResult":6}],"action":"redial","intervalMinutes":30,"incrementMinutes":5,
    "count":3,"nextAction":"next_in_chain"}"#;

fn step(t: &Treatment, h: &History, result: CallResult, when: &str) -> Step {
    next_step(t, h, result, None, at(when), &[1, 2])
}

fn codes(json: &str) -> Vec<(String, &'static str)> {
    let treatment: Treatment = serde_json::from_str(json).unwrap();
    treatment.validate().into_iter().map(|e| (e.pointer, e.code)).collect()
}

#[test]
fn the_published_example_comes_out_to_the_minute() {
    let t = treatment(BUSY);
    let mut history = History::on(1);
    for (busy, redial) in [("10:00", "10:30"), ("10:31", "11:06"), ("11:07", "11:47")] {
        let step = step(&t, &history, CallResult::Busy, busy);
        assert_eq!(step.next, Next::Attempt { due: at(redial) });
        assert_eq!(step.history.device, 1);
        history = step.history;
    }
    let exhausted = step(&t, &history, CallResult::Busy, "11:48");
    assert_eq!(exhausted, Step { next: Next::Attempt { due: at("11:48") }, history: History::on(2) });
    // the same rules with k = 1
    let again = step(&t, &exhausted.history, CallResult::Busy, "11:50");
    assert_eq!(again.next, Next::Attempt { due: at("12:20") });
}

#[test]
fn another_result_starts_counting_anew() {
    let no_answer = r#"{"triggers":[{"callResult":7}],"action":"redial","intervalMinutes":1,"count":9}"#;
    let t = treatment(&format!("{BUSY},{no_answer}"));
    let busy = step(&t, &History::on(1), CallResult::Busy, "10:00");
    let other = step(&t, &busy.history, CallResult::NoAnswer, "10:31");
    assert_eq!(other.history.retries, 1);
    let busy = step(&t, &other.history, CallResult::Busy, "11:00");
    assert_eq!((busy.next, busy.history.retries), (Next::Attempt { due: at("11:30") }, 1));
}

#[test]
fn a_result_without_a_rule_finishes_the_record() {
    assert_eq!(step(&treatment(BUSY), &History::on(1), CallResult::Answer, "10:00").next, Next::Finish);
}

#[test]
fn a_disposition_rule_beats_a_call_result_rule_and_an_unknown_disposition_does_not() {
    let sold = r#"{"triggers":[{"disposition":"SOLD"}],"action":"update_chain"}"#;
    let t = unchecked(&format!("{BUSY},{sold}"));
    let with = |code| next_step(&t, &History::on(1), CallResult::Busy, Some(code), at("10:00"), &[1]).next;
    assert_eq!(with("SOLD"), Next::UpdateChain);
    assert_eq!(with("OTHER"), Next::Attempt { due: at("10:30") });
}

#[test]
fn after_the_last_device_the_record_is_finished() {
    let t = treatment(r#"{"triggers":[{"callResult":53}],"action":"next_in_chain"}"#);
    let second = step(&t, &History::on(1), CallResult::WrongNumber, "10:00");
    assert_eq!(second.history, History::on(2));
    assert_eq!(step(&t, &second.history, CallResult::WrongNumber, "10:01").next, Next::Finish);
}

#[test]
fn the_next_device_may_come_after_the_delay_or_at_a_moment() {
    let rule = |action: &str| {
        treatment(&format!(
            r#"{{"triggers":[{{"callResult":6}}],"action":"{action}","intervalMinutes":20,"at":"2026-12-01T12:00:00Z"}}"#
        ))
    };
    for (action, when, due) in [
        ("next_in_chain_after", "10:00", "10:20"),
        ("next_in_chain_at", "10:00", "12:00"),
        ("next_in_chain_at", "13:00", "13:00"),
    ] {
        let step = step(&rule(action), &History::on(1), CallResult::Busy, when);
        assert_eq!(step, Step { next: Next::Attempt { due: at(due) }, history: History::on(2) }, "{action} {when}");
    }
}

#[test]
fn a_retry_at_a_moment_that_has_passed_is_exhausted() {
    let t = unchecked(
        r#"{"triggers":[{"callResult":6}],"action":"retry_at","at":"2026-12-01T12:00:00Z","nextAction":"mark_agent_error"}"#,
    );
    assert_eq!(step(&t, &History::on(1), CallResult::Busy, "11:59").next, Next::Attempt { due: at("12:00") });
    assert_eq!(step(&t, &History::on(1), CallResult::Busy, "12:00").next, Next::AgentError);
}

#[test]
fn a_cycle_is_bounded_by_its_count() {
    let t = treatment(r#"{"triggers":[{"callResult":6}],"action":"cycle","count":2}"#);
    let mut history = History::on(1);
    for _ in 0..2 {
        let step = step(&t, &history, CallResult::Busy, "10:00");
        assert_eq!(step.next, Next::Cycle);
        history = step.history;
    }
    assert_eq!(step(&t, &history, CallResult::Busy, "10:00").next, Next::Finish);
}

#[test]
fn a_record_moves_to_the_group_that_its_rule_names() {
    let group = Uuid::from_u128(5);
    let t =
        unchecked(&format!(r#"{{"triggers":[{{"callResult":6}}],"action":"assign_to_group","groupId":"{group}"}}"#));
    assert_eq!(step(&t, &History::on(1), CallResult::Busy, "10:00").next, Next::AssignToGroup { group });
}

#[test]
fn a_block_is_treated_only_where_a_rule_says_so() {
    assert_eq!(after_block(&treatment(BUSY), &History::on(1), at("10:00"), &[1]), None);
    let t = unchecked(r#"{"triggers":["blocked"],"action":"redial","intervalMinutes":60}"#);
    let step = after_block(&t, &History::on(1), at("10:00"), &[1]).unwrap();
    assert_eq!(step.next, Next::Attempt { due: at("11:00") });
}

#[test]
fn devices_come_by_priority_and_disabled_ones_do_not() {
    let mut t = treatment(r#"{"triggers":[{"callResult":53}],"action":"next_in_chain"}"#);
    assert_eq!(device_order(&t, &[3, 1, 2]), [1, 2, 3]);
    t.device_escalation.enabled = true;
    for device in &mut t.device_escalation.devices {
        device.priority = 11 - device.device;
        device.enabled = device.device != 2;
    }
    assert_eq!(device_order(&t, &[1, 2, 3]), [3, 1]);
    // the second was disabled while it was being tried: its place still tells what comes next
    let next = next_step(&t, &History::on(2), CallResult::WrongNumber, None, at("10:00"), &[1, 2, 3]);
    assert_eq!(next.history, History::on(1));
}

#[test]
fn escalation_without_a_rule_that_goes_on_is_refused() {
    let json = r#"{"deviceEscalation":{"enabled":true}}"#;
    assert_eq!(codes(json), [("/deviceEscalation/enabled".to_owned(), "escalation_needs_next_in_chain")]);
    assert!(codes(&format!(r#"{{"retryRules":[{BUSY}],"deviceEscalation":{{"enabled":true}}}}"#)).is_empty());
}

#[test]
fn a_value_stands_in_one_rule_only() {
    let json = format!(
        r#"{{"retryRules":[{BUSY},{{"triggers":[{{"callResult":7}},{{"callResult":{{"code":6}}}}],"action":"stop"}}]}}"#
    );
    assert_eq!(codes(&json), [("/retryRules/1/triggers/1".to_owned(), "used_twice")]);
}

#[test]
fn what_an_action_needs_is_asked_for() {
    let json = r#"{"retryRules":[
        {"triggers":[],"action":"redial","count":0,"intervalMinutes":600000},
        {"triggers":["blocked"],"action":"retry_at","nextAction":"redial"},
        {"triggers":[{"callResult":6}],"action":"assign_to_group"}],"scriptUri":"https://example.com/s"}"#;
    let codes: Vec<_> = codes(json).into_iter().map(|(pointer, _)| pointer).collect();
    assert_eq!(
        codes,
        [
            "/retryRules/0/triggers",
            "/retryRules/0/intervalMinutes",
            "/retryRules/0/count",
            "/retryRules/1/triggers/0",
            "/retryRules/1/at",
            "/retryRules/1/nextAction",
            "/retryRules/2/groupId",
            "/retryRules/2/action",
            "/scriptUri",
        ]
    );
}

#[test]
fn what_no_sender_carries_out_yet_is_refused() {
    let group = Uuid::from_u128(5);
    let refused = |rule: &str| codes(&format!(r#"{{"retryRules":[{rule}]}}"#));
    let not_available = |pointer: &str| vec![(format!("/retryRules/0{pointer}"), "not_available")];
    for action in ["assign_to_group", "mark_agent_error", "update_chain"] {
        let rule = format!(r#"{{"triggers":[{{"callResult":6}}],"action":"{action}","groupId":"{group}"}}"#);
        assert_eq!(refused(&rule), not_available("/action"), "{action}");
        let next = rule.replace("\"action\"", "\"action\":\"redial\",\"nextAction\"");
        assert_eq!(refused(&next), not_available("/nextAction"), "{action}");
    }
    assert_eq!(refused(r#"{"triggers":["blocked"],"action":"redial"}"#), not_available("/triggers/0"));
}

#[test]
fn the_defaults_of_every_channel_are_valid_and_survive_the_wire() {
    for channel in Channel::ALL {
        let t = Treatment::for_channel(channel);
        assert_eq!(t.validate(), []);
        assert_eq!(serde_json::from_str::<Treatment>(&serde_json::to_string(&t).unwrap()).unwrap(), t);
    }
    assert_eq!(serde_json::from_str::<Treatment>("{}").unwrap(), Treatment::default());
    assert!(serde_json::from_str::<Treatment>(r#"{"retries":[]}"#).is_err());
}

proptest! {
    #[test]
    fn the_same_result_again_and_again_ends(
        interval in 0u32..2000, increment in 0u32..500, count in 1u32..20, devices in 1u8..=10,
    ) {
        let rule = RetryRule {
            triggers: vec![Trigger::CallResult(CallResult::Busy)], action: Action::Redial, interval_minutes: interval,
            increment_minutes: increment, count, next_action: Action::NextInChain, ..RetryRule::default()
        };
        let t = Treatment { retry_rules: vec![rule], ..Treatment::default() };
        let usable: Vec<u8> = (1..=devices).collect();
        let (mut history, mut now, mut attempts, mut last_delay) = (History::on(1), at("10:00"), 1u32, None);
        loop {
            let step = next_step(&t, &history, CallResult::Busy, None, now, &usable);
            let Next::Attempt { due } = step.next else { break };
            let delay = due.duration_since(now);
            if step.history.device == history.device {
                let further = last_delay.map_or(SignedDuration::from_mins(interval.into()), |d| d + SignedDuration::from_mins(increment.into()));
                prop_assert_eq!(delay, further);
                last_delay = Some(delay);
            } else {
                prop_assert_eq!(delay, SignedDuration::ZERO);
                last_delay = None;
            }
            (history, now, attempts) = (step.history, due, attempts + 1);
        }
        prop_assert_eq!(attempts, u32::from(devices) * (count + 1));
    }
}
