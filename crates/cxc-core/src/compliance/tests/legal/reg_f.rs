//! Section 8.1: Regulation F.
use super::*;

fn reg_f() -> Case {
    Case::collector(&[], "US-NY", NEW_YORK)
}

fn warns(verdict: &Verdict, of: &str) -> bool {
    verdict.warnings.iter().any(|w| w.detail.as_deref().is_some_and(|d| d.starts_with(of)))
}

#[test]
fn r1_the_eighth_call_in_seven_days_waits() {
    let mut case = reg_f()
        .past([call("2026-04-01T15:00:00Z")])
        .past(times_of(3, &call("2026-04-03T15:00:00Z")))
        .past(times_of(3, &call("2026-04-07T15:00:00Z")));
    let verdict = case.check("2026-04-07T18:00:00Z");
    assert_eq!(ids(&verdict), ["US-REGF-7IN7"]);
    assert_eq!((verdict.reasons[0].observed, verdict.reasons[0].limit), (Some(7), Some(7)));
    // the first of April leaves the window with midnight; contacts begin at eight
    assert_eq!(verdict.not_before, Some(at("2026-04-08T12:00:00Z")));
}

#[test]
fn r2_seven_calls_on_one_day_bind_until_the_eighth_day_and_are_warned_of() {
    let mut case = reg_f().past(times_of(7, &call("2026-04-01T15:00:00Z")));
    assert_eq!(case.barred_by("2026-04-07T18:00:00Z"), ["US-REGF-7IN7"]);
    let verdict = case.check("2026-04-08T18:00:00Z");
    assert!(verdict.is_allowed() && warns(&verdict, "concentrated"), "{verdict:?}");
}

#[test]
fn r3_and_r4_a_conversation_bars_calls_to_its_seventh_day_whoever_called() {
    for direction in [Direction::Out, Direction::In] {
        let talk = PastAttempt { direction, ..conversation("2026-09-08T15:00:00Z") };
        let mut case = reg_f().past([talk]);
        for day in ["08T20", "09T15", "10T15", "14T23"] {
            let verdict = case.check(&format!("2026-09-{day}:00:00Z"));
            assert_eq!(ids(&verdict), ["US-REGF-COOLDOWN"], "{day}");
            assert_eq!(verdict.code(), Reason::CoolDown);
            assert_eq!(verdict.not_before, Some(at("2026-09-15T12:00:00Z")));
        }
        assert!(case.allowed("2026-09-15T12:00:00Z"));
    }
}

#[test]
fn r5_another_person_has_a_count_of_their_own_and_is_asked_once_for_location_information() {
    let mut case = reg_f().past(times_of(7, &call("2026-04-01T15:00:00Z")));
    (case.client, case.device) = (Some(70), 9);
    case.subject.topic = Some("location_information".into());
    assert!(case.allowed("2026-04-02T15:00:00Z"));
    let asked = PastAttempt {
        client: Some(70),
        device: 9,
        topic: Some("location_information".into()),
        ..call("2026-04-02T15:00:00Z")
    };
    let mut case = case.past([asked]);
    assert_eq!(case.barred_by("2026-06-02T15:00:00Z"), ["US-FDCPA-LOCATION", "never_open"]);
}

#[test]
fn r6_a_call_about_two_debts_counts_for_both() {
    let both = PastAttempt { debts: vec![100, 200], ..call("2026-04-01T15:00:00Z") };
    let mut case = reg_f().past(times_of(7, &both));
    for (debts, barred) in [(vec![100], true), (vec![200], true), (vec![300], false), (vec![300, 200], true)] {
        case.debts = debts;
        assert_eq!(!case.allowed("2026-04-02T15:00:00Z"), barred, "{:?}", case.debts);
    }
}

#[test]
fn r7_each_debt_has_its_seven_calls_and_their_sum_is_warned_of() {
    let about = |debt: i64, count: i64, day: &str| {
        times_of(count, &PastAttempt { debts: vec![debt], ..call(&format!("2026-04-{day}T15:00:00Z")) })
    };
    let mut case = reg_f().past(about(1, 7, "01")).past(about(2, 7, "02")).past(about(3, 6, "03"));
    case.debts = vec![3];
    let verdict = case.check("2026-04-04T15:00:00Z");
    assert!(verdict.is_allowed() && warns(&verdict, "aggregate"));
    case.debts = vec![2];
    assert_eq!(case.barred_by("2026-04-04T15:00:00Z"), ["US-REGF-7IN7"]);
}

#[test]
fn r8_and_r9_only_calls_that_did_not_reach_the_number_are_left_out() {
    for (result, counts) in [
        (CallResult::Busy, false),
        (CallResult::SitVacant, false),
        (CallResult::SitIntercept, false),
        (CallResult::NoAnswer, true),
        (CallResult::AnsweringMachine, true),
        (CallResult::Dropped, true),
        (CallResult::Answer, true),
    ] {
        let tried = PastAttempt { result: Some(result), ..call("2026-04-01T15:00:00Z") };
        let mut case = reg_f().past(times_of(7, &tried));
        assert_eq!(!case.allowed("2026-04-02T15:00:00Z"), counts, "{result:?}");
        // where the exclusion is turned off everything counts
        let mut case = Case::collector(&[("US-REGF-EXCL", "off")], "US-NY", NEW_YORK).past(times_of(7, &tried));
        assert!(!case.allowed("2026-04-02T15:00:00Z"));
    }
    let under_way = PastAttempt { state: AttemptState::Sending, result: None, ..call("2026-04-01T15:00:00Z") };
    assert!(!reg_f().past(times_of(7, &under_way)).allowed("2026-04-02T15:00:00Z"));
}

/// A bar that stands from Tuesday the 8th to Monday the 14th, and on Monday the 7th a consent to be called back.
fn barred_with_consent() -> Case {
    let mut case =
        reg_f().past(times_of(7, &call("2026-09-05T15:00:00Z"))).past(times_of(7, &call("2026-09-08T13:00:00Z")));
    case.consents = Some(vec![consent(ConsentKind::Callback, "2026-09-07T14:00:00Z")]);
    case
}

#[test]
fn r10_a_consent_to_be_called_back_lasts_to_its_seventh_day() {
    let mut case = barred_with_consent();
    assert!(case.allowed("2026-09-08T16:00:00Z"));
    assert!(case.allowed("2026-09-14T00:59:59Z"), "Sunday evening in New York");
    assert_eq!(case.barred_by("2026-09-14T16:00:00Z"), ["US-REGF-7IN7"]);
    // a call under it is not counted
    let under = PastAttempt { consented: true, ..call("2026-09-08T13:00:00Z") };
    assert!(reg_f().past(times_of(9, &under)).allowed("2026-09-09T16:00:00Z"));
}

#[test]
fn a_consent_to_be_called_back_ends_with_its_revocation_or_the_next_conversation() {
    let mut case = barred_with_consent();
    let withdrawn = ConsentEvent { revoked: true, ..consent(ConsentKind::Callback, "2026-09-08T15:00:00Z") };
    case.consents.as_mut().unwrap().push(withdrawn);
    assert!(!case.allowed("2026-09-08T16:00:00Z"));
    let mut case = barred_with_consent().past([conversation("2026-09-08T14:00:00Z")]);
    assert_eq!(case.barred_by("2026-09-08T16:00:00Z").len(), 2);
}

#[test]
fn r11_messages_are_not_calls() {
    for (channel, counts) in [(Channel::Voice, true), (Channel::Sms, false), (Channel::Email, false)] {
        let left = PastAttempt { channel, result: Some(CallResult::AnsweringMachine), ..call("2026-04-01T15:00:00Z") };
        let mut case = reg_f().past(times_of(7, &left));
        assert_eq!(!case.allowed("2026-04-02T15:00:00Z"), counts, "{channel:?}");
    }
}

#[test]
fn r12_two_collectors_count_apart() {
    let other = PastAttempt { collector: Some(2), ..call("2026-04-01T16:00:00Z") };
    let mut case = reg_f().past(times_of(6, &call("2026-04-01T15:00:00Z"))).past(times_of(6, &other));
    assert!(case.allowed("2026-04-02T15:00:00Z"));
}

#[test]
fn r13_and_r14_a_creditor_is_not_bound_by_regulation_f_and_is_by_massachusetts() {
    let own = PastAttempt { collector: None, ..call("2026-04-01T15:00:00Z") };
    let creditor = |settings: &[(&str, &str)]| {
        let mut case = Case::collector(settings, "US-MA", NEW_YORK);
        case.subject.collector = None;
        case
    };
    assert!(creditor(&[]).past(times_of(9, &own)).allowed("2026-04-02T15:00:00Z"));
    let on = [("US-MA-COLLECT", "on")];
    let text = PastAttempt { channel: Channel::Sms, ..own.clone() };
    assert!(creditor(&on).past([own.clone()]).allowed("2026-04-02T15:00:00Z"));
    let mut case = creditor(&on).past([own, text]);
    assert_eq!(case.barred_by("2026-04-02T15:00:00Z"), ["US-MA-COLLECT"]);
    case.world.channel = Channel::Sms;
    assert_eq!(case.barred_by("2026-04-02T15:00:00Z"), ["US-MA-COLLECT"]);
}

#[test]
fn r15_where_the_consumer_may_be_in_two_zones_both_clocks_bind() {
    let mut case = reg_f();
    case.world = case.world.part(PartKind::Postal, "US", "US-CA", "America/Los_Angeles");
    assert_eq!(case.barred_by("2026-12-01T15:59:59Z"), ["US-REGF-TIME"]);
    assert_eq!(case.check("2026-12-01T16:00:00Z").window_end, Some(at("2026-12-02T02:00:00Z")));
    assert!(!case.allowed("2026-12-02T02:00:00Z"));
}
