use super::*;
use crate::record::Reason;

fn rolling(max: u32, seconds: u32) -> String {
    format!(r#"{{"required":true,"maxAttempts":{max},"window":{{"seconds":{seconds}}},"results":[]}}"#)
}

fn today(members: &str) -> String {
    format!(r#"{{"required":true,{members}"maxAttempts":1,"window":{{"today":true}},"results":[]}}"#)
}

fn utc(rules: &[(&str, &str)]) -> World {
    World::new(&with_attempts(rules)).phone("US", "", "Etc/UTC")
}

const DELIVERED: Option<CallResult> = Some(CallResult::Ok);

#[test]
fn an_attempt_exactly_as_old_as_the_window_has_expired() {
    let mut world = utc(&[("day", &rolling(1, 86_400))]).tried("2026-12-01T12:00:00Z", AttemptState::Final, DELIVERED);
    let verdict = world.check(at("2026-12-02T11:59:59.999999Z"));
    assert_eq!((verdict.code(), verdict.not_before), (Reason::AttemptRule, Some(at("2026-12-02T12:00:00Z"))));
    let failure = &verdict.reasons[0];
    assert_eq!((failure.observed, failure.limit, failure.rule.version), (Some(1), Some(1), 3));
    assert!(world.allowed("2026-12-02T12:00:00Z"));
}

#[test]
fn as_many_of_the_oldest_must_expire_as_make_room_for_one() {
    let mut world = utc(&[("r", &rolling(2, 3600))]);
    for minute in ["00", "30", "10", "20"] {
        world = world.tried(&format!("2026-12-01T12:{minute}:00Z"), AttemptState::Final, DELIVERED);
    }
    let verdict = world.check(at("2026-12-01T12:45:00Z"));
    assert_eq!((verdict.reasons[0].observed, verdict.not_before), (Some(4), Some(at("2026-12-01T13:20:00Z"))));
    assert_eq!(verdict.reasons[0].window_end, verdict.not_before);
}

#[test]
fn today_begins_at_the_earliest_midnight_and_ends_with_the_last() {
    let mut world = World::new(&with_attempts(&[("today", &today(""))]))
        .part(PartKind::Postal, "US", "", "America/New_York")
        .phone("US", "", "America/Los_Angeles")
        .tried("2026-12-01T18:00:00Z", AttemptState::Final, DELIVERED);
    let verdict = world.check(at("2026-12-02T05:00:00Z"));
    assert_eq!(verdict.not_before, Some(at("2026-12-02T08:00:00Z")));
    // the day that Los Angeles is in began at 08:00Z of the first
    assert_eq!(verdict.reasons[0].window_start, Some(at("2026-12-01T08:00:00Z")));
    assert!(world.allowed("2026-12-02T08:00:00Z"));
}

#[test]
fn an_attempt_before_midnight_of_a_25_hour_day_still_counts_in_its_last_hour() {
    let mut world = World::new(&with_attempts(&[("today", &today(""))])).phone("US", "", "America/New_York").tried(
        "2026-11-01T04:00:00Z",
        AttemptState::Final,
        DELIVERED,
    );
    let verdict = world.check(at("2026-11-02T04:59:59Z"));
    assert_eq!(verdict.not_before, Some(at("2026-11-02T05:00:00Z")));
    let mut world = world.tried("2026-11-01T03:59:59Z", AttemptState::Final, DELIVERED);
    world.attempts.remove(0);
    assert!(world.allowed("2026-11-01T04:00:00Z"));
}

#[test]
fn an_attempt_under_way_or_in_doubt_counts_and_one_that_never_left_does_not() {
    let json = r#"{"required":true,"maxAttempts":1,"window":{"seconds":3600},"results":[6]}"#;
    for (state, result, counts) in [
        (AttemptState::Sending, None, true),
        (AttemptState::Accepted, None, true),
        (AttemptState::InDoubt, None, true),
        (AttemptState::InDoubt, Some(CallResult::Ok), true),
        (AttemptState::NotSent, None, false),
        (AttemptState::NotSent, Some(CallResult::Busy), false),
        (AttemptState::Final, Some(CallResult::Busy), true),
        (AttemptState::Final, Some(CallResult::Answer), false),
        (AttemptState::Final, None, true),
    ] {
        let mut world = utc(&[("busy", json)]).tried("2026-12-01T12:00:00Z", state, result);
        assert_eq!(!world.allowed("2026-12-01T12:30:00Z"), counts, "{state:?} {result:?}");
    }
}

#[test]
fn a_delivered_message_counts_where_an_answer_does() {
    let preselected = r#"{"required":true,"maxAttempts":1,"window":{"seconds":3600}}"#;
    let busy = r#"{"required":true,"maxAttempts":1,"window":{"seconds":3600},"results":[6]}"#;
    for (json, counts) in [(preselected, true), (busy, false)] {
        let mut world = utc(&[("r", json)]).tried("2026-12-01T12:00:00Z", AttemptState::Final, DELIVERED);
        assert_eq!(!world.allowed("2026-12-01T12:30:00Z"), counts);
    }
}

#[test]
fn a_disposition_counts_besides_the_results() {
    let json =
        r#"{"required":true,"maxAttempts":1,"window":{"seconds":3600},"results":[],"dispositions":["PROMISED"]}"#;
    let mut world = utc(&[("r", json)]).tried("2026-12-01T12:00:00Z", AttemptState::Final, Some(CallResult::Answer));
    assert!(world.allowed("2026-12-01T12:30:00Z"));
    world.attempts[0].disposition = Some("PROMISED".into());
    assert!(!world.allowed("2026-12-01T12:30:00Z"));
}

#[test]
fn a_rule_counts_by_person_by_device_or_by_both() {
    let other_device = PastAttempt { device: 9, ..past("2026-12-01T12:00:00Z", AttemptState::Final, DELIVERED) };
    let other_person = PastAttempt { client: Some(70), ..past("2026-12-01T12:00:00Z", AttemptState::Final, DELIVERED) };
    let nobody = PastAttempt { client: None, ..other_person.clone() };
    for (by, device_counts, person_counts) in
        [("client_id", true, false), ("device", false, true), ("pair", false, false)]
    {
        let json = today(&format!(r#""countBy":"{by}","#));
        for (attempt, counts) in
            // whose attempt it was is not known: it may be theirs
            [(&other_device, device_counts), (&other_person, person_counts), (&nobody, true)]
        {
            let mut world = utc(&[("r", &json)]);
            world.attempts = vec![attempt.clone()];
            assert_eq!(!world.allowed("2026-12-01T12:30:00Z"), counts, "{by}");
        }
    }
}

#[test]
fn a_rule_of_the_group_counts_only_its_own_attempts() {
    let mut world = utc(&[("g", &today(r#""scope":"campaign_group","#))]);
    world.attempts = vec![PastAttempt { group: 2, ..past("2026-12-01T12:00:00Z", AttemptState::Final, DELIVERED) }];
    assert!(world.allowed("2026-12-01T12:30:00Z"));
    world.attempts[0].group = 1;
    assert!(!world.allowed("2026-12-01T12:30:00Z"));
}

#[test]
fn a_rule_without_channels_counts_across_them_and_one_with_channels_does_not() {
    let email = PastAttempt { channel: Channel::Email, ..past("2026-12-01T12:00:00Z", AttemptState::Final, DELIVERED) };
    for (members, counts) in [("", true), (r#""channels":["sms"],"#, false), (r#""channels":["sms","email"],"#, true)] {
        let mut world = utc(&[("r", &today(members))]);
        world.attempts = vec![email.clone()];
        assert_eq!(!world.allowed("2026-12-01T12:30:00Z"), counts, "{members}");
    }
}

#[test]
fn attempts_to_and_from_a_place_count_by_where_the_person_may_have_been() {
    let texan = |direction, regions: &str| PastAttempt {
        direction,
        regions: regions.into(),
        ..past("2026-12-01T12:00:00Z", AttemptState::Final, DELIVERED)
    };
    let counts = |members: &str, attempt: PastAttempt| {
        let mut world = utc(&[("r", &today(members))]);
        world.attempts = vec![attempt];
        !world.allowed("2026-12-01T12:30:00Z")
    };
    let (to, from) = (r#""to":{"country":"US","state":"TX"},"#, r#""from":{"country":"US"},"#);
    for (members, direction, regions, counted) in [
        (to, Direction::Out, "US-TX", true),
        (to, Direction::Out, "US-NM,US-TX", true),
        (to, Direction::Out, "US-NM", false),
        (to, Direction::Out, "", true),
        (to, Direction::In, "US-NM", true),
        (from, Direction::In, "US-NM", true),
        (from, Direction::In, "CA-ON", false),
        (from, Direction::Out, "CA-ON", true),
        (r#""location":"US-TX","#, Direction::Out, "US-NM", false),
        (r#""location":"US-TX","#, Direction::In, "US-NM", false),
        (r#""location":"US-TX","#, Direction::In, "US-TX", true),
    ] {
        assert_eq!(counts(members, texan(direction, regions)), counted, "{members} {direction:?} {regions}");
    }
}

#[test]
fn a_rule_that_is_not_required_holds_only_where_it_is_named() {
    let json = r#"{"maxAttempts":1,"window":{"today":true}}"#;
    let documents = with_attempts(&[("mine", json)]);
    let mut world =
        World::new(&documents).phone("US", "", "Etc/UTC").tried("2026-12-01T12:00:00Z", AttemptState::Final, DELIVERED);
    assert!(world.allowed("2026-12-01T12:30:00Z"));
    assert_eq!(world.rules.history_reach(Channel::Sms), None);
    world.rules = RuleSet::compile(&documents, &["mine"], &Zones::bundled());
    assert!(!world.allowed("2026-12-01T12:30:00Z"));
    assert!(world.rules.history_reach(Channel::Sms).is_some());
}

#[test]
fn every_exhausted_rule_is_reported_by_priority_and_the_last_to_free_binds() {
    let low = r#"{"required":true,"priority":2,"maxAttempts":1,"window":{"seconds":7200},"results":[]}"#;
    let high = r#"{"required":true,"priority":1,"maxAttempts":1,"window":{"seconds":3600},"results":[]}"#;
    let mut world = utc(&[("low", low), ("high", high)]).tried("2026-12-01T12:00:00Z", AttemptState::Final, DELIVERED);
    let verdict = world.check(at("2026-12-01T12:30:00Z"));
    assert_eq!(ids(&verdict), ["high", "low"]);
    assert_eq!(verdict.not_before, Some(at("2026-12-01T14:00:00Z")));
}

#[test]
fn the_earliest_instant_satisfies_windows_and_rules_together() {
    let mut documents = RuleDocuments { guard_seconds: 0, ..RuleDocuments::default() };
    documents.attempt_rules = vec![stored("day", &rolling(1, 86_400))];
    // tried at 20:30 New York, free at 20:30 next day in Chicago's and New York's common hours
    let mut world = World::new(&documents).phone("US", "", "America/New_York").tried(
        "2026-12-02T02:30:00Z",
        AttemptState::Final,
        DELIVERED,
    );
    let verdict = world.check(at("2026-12-02T14:00:00Z"));
    // at 02:30Z of the third New York is closed, so the next morning
    assert_eq!(verdict.not_before, Some(at("2026-12-03T13:00:00Z")));
    assert_eq!(ids(&verdict), ["day"]);
}

#[test]
fn where_no_zone_is_known_today_is_a_long_day() {
    let mut world = World::new(&with_attempts(&[("today", &today(""))])).tried(
        "2026-12-01T12:00:00Z",
        AttemptState::Final,
        DELIVERED,
    );
    assert_eq!(world.check(at("2026-12-02T12:30:00Z")).not_before, Some(at("2026-12-02T13:00:00Z")));
}
