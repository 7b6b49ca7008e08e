//! What a consent to be called back opens: the time for which the person asked, and no other.
use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;

/// Noon of Christmas in Sydney.
const CHRISTMAS: &str = "2026-12-25T01:00:00Z";

fn sydney(documents: &RuleDocuments) -> Case {
    let mut case = Case::new(documents, Channel::Voice).at_home("AU", "AU-NSW", "Australia/Sydney");
    case.fresh = true;
    case
}

fn callback(asked_for: Option<AskedFor>) -> Vec<ConsentEvent> {
    vec![ConsentEvent { asked_for, ..consent(ConsentKind::Callback, "2026-12-01T00:00:00Z") }]
}

#[test]
fn a_consent_to_be_called_back_without_a_time_opens_no_holiday_and_no_sunday() {
    let mut case = sydney(&shipped());
    case.consents = Some(callback(None));
    for closed in [CHRISTMAS, "2026-12-06T01:00:00Z", "2026-12-02T11:00:00Z"] {
        assert_eq!(case.barred_by(closed), ["AU-TMS-HOURS"], "{closed}");
    }
    assert!(case.allowed("2026-12-02T01:00:00Z"));
}

#[test]
fn a_consent_for_a_time_opens_that_time_less_the_guard_and_no_other() {
    let mut documents = shipped();
    documents.guard_seconds = 60;
    let mut case = sydney(&documents);
    case.consents = Some(callback(asked_for("2026-12-25T00:30:00Z", "2026-12-25T02:00:00Z")));
    let verdict = case.check(CHRISTMAS);
    assert_eq!((verdict.decision, verdict.not_after), (Decision::Allow, Some(at("2026-12-25T01:59:00Z"))));
    assert_eq!(verdict.window_end, Some(at("2026-12-25T02:00:00Z")));
    for closed in ["2026-12-25T00:29:59Z", "2026-12-25T01:59:00Z", "2026-12-26T01:00:00Z", "2026-12-06T01:00:00Z"] {
        assert_eq!(case.barred_by(closed), ["AU-TMS-HOURS"], "{closed}");
    }
    // the time that was asked for comes before the usual hours, and after it those are next
    assert_eq!(case.check("2026-12-24T10:00:00Z").not_before, Some(at("2026-12-25T00:30:00Z")));
    assert_eq!(case.check("2026-12-25T01:59:30Z").not_before, Some(at("2026-12-28T22:00:00Z")));
}

#[test]
fn a_time_of_more_than_a_day_or_of_no_length_opens_nothing() {
    let mut case = sydney(&shipped());
    for till in ["2026-12-26T00:00:01Z", "2026-12-25T00:00:00Z", "2026-12-24T00:00:00Z"] {
        case.consents = Some(callback(asked_for("2026-12-25T00:00:00Z", till)));
        assert!(!case.allowed(CHRISTMAS), "{till}");
    }
    case.consents = Some(callback(asked_for("2026-12-25T00:00:00Z", "2026-12-26T00:00:00Z")));
    assert!(case.allowed(CHRISTMAS));
}

#[test]
fn who_asks_for_another_time_no_longer_asks_for_the_one_before() {
    let mut case = sydney(&shipped());
    let mut given = callback(asked_for("2026-12-25T00:30:00Z", "2026-12-25T02:00:00Z"));
    let later = ConsentEvent { asked_for: None, at: at("2026-12-02T00:00:00Z"), ..given[0].clone() };
    given.push(later);
    case.consents = Some(given);
    assert!(!case.allowed(CHRISTMAS));
}

#[test]
fn a_decision_of_before_under_a_consent_without_a_time_is_made_again_as_it_was() {
    let mut case = sydney(&shipped());
    case.consents = Some(callback(None));
    let inputs = case.with(at(CHRISTMAS), |_, _, request, facts, at| CheckInputs::of(request, facts, at));
    assert!(!inputs.check(&case.world.rules, &mut case.world.cache).is_allowed());
    let before = CheckInputs { edition: Edition::First, ..inputs };
    let verdict = before.check(&case.world.rules, &mut case.world.cache);
    assert_eq!(
        (verdict.decision, verdict.not_after),
        (Decision::Allow, Some(at("2026-12-31T00:00:00Z"))),
        "thirty days"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_earliest_legal_instant_is_legal_and_a_second_before_it_is_not(
        minutes in 0i64..8_000, start in -1_500i64..8_000, length in 1i64..1_440,
        back in prop::collection::vec(1i64..400, 0..4), guard in prop_oneof![Just(0u32), Just(60), Just(3_600)],
    ) {
        let mut documents = shipped();
        documents.guard_seconds = guard;
        documents.attempt_rules = vec![stored("cap", r#"{"maxAttempts":2,"window":{"seconds":21600},"results":[],"required":true}"#)];
        let later = |from: Timestamp, minutes| from.saturating_add(SignedDuration::from_mins(minutes)).unwrap();
        let now = later(at("2026-12-23T00:00:00Z"), minutes);
        let from = later(now, start);
        let mut case = sydney(&documents).past(back.iter().map(|back| PastAttempt { at: later(now, -back), ..sale(CHRISTMAS) }));
        case.consents = Some(callback(Some(AskedFor { from, till: later(from, length) })));
        let verdict = case.check_at(now);
        if let (Decision::Allow, Some(end)) = (verdict.decision, verdict.not_after) {
            let last = end.saturating_sub(SignedDuration::from_micros(1)).unwrap();
            prop_assert!(last >= now && case.check_at(last).is_allowed(), "{last}");
        } else {
            let earliest = verdict.not_before.unwrap();
            prop_assert!(verdict.decision == Decision::Defer && earliest > now, "{verdict:?}");
            prop_assert!(case.check_at(earliest).is_allowed(), "{earliest}");
            // nothing is legal before, by the hour and by the second
            let mut before = earliest.saturating_sub(SignedDuration::from_secs(1)).unwrap();
            while before >= now {
                prop_assert!(!case.check_at(before).is_allowed(), "{before}");
                before = later(before, -60);
            }
        }
    }
}
