//! Which attempts a legal cap counts: whatever may belong to it.
use super::*;

/// Noon in New York.
const NOON: &str = "2026-12-01T17:00:00Z";

/// A cap of one for each purpose by itself, of the tenant's own.
const EACH_PURPOSE: &str = r#"{"id":"US-OWN","jurisdiction":{"country":"US"},"kind":{"attempt_cap":{"max":1,
    "window":{"rolling_hours":24},"groupBy":["purpose"]}},"citation":"ours","verifiedOn":"2026-01-01",
    "confidence":"high","default":"on"}"#;

#[test]
fn an_attempt_of_no_known_purpose_counts_for_every_cap_to_which_it_may_belong() {
    let creditor = || {
        let mut case = Case::collector(&[("US-MA-COLLECT", "on")], "US-MA", NEW_YORK);
        case.subject.collector = None;
        case
    };
    let seller = || Case::voice(&[]).at_home("US", "US-FL", NEW_YORK);
    let own = || {
        let mut documents = shipped();
        documents.legal_rules = vec![stored::<LegalRule>("own", EACH_PURPOSE)];
        Case::new(&documents, Channel::Voice).at_home("US", "US-NY", NEW_YORK)
    };
    for (purpose, of_debts, of_sales) in [
        (None, true, true),
        (Some(Purpose::Collections), true, false),
        (Some(Purpose::Telemarketing), false, true),
        (Some(Purpose::Informational), false, false),
    ] {
        let tried = times_of(3, &PastAttempt { purpose, collector: None, ..call("2026-12-01T15:00:00Z") });
        let bars = |mut case: Case, rule: &str| case.barred_by(NOON).contains(&rule.to_owned());
        assert_eq!(bars(creditor().past(tried.clone()), "US-MA-COLLECT"), of_debts, "{purpose:?}");
        assert_eq!(bars(seller().past(tried.clone()), "US-FL-CAP"), of_sales, "{purpose:?}");
        assert_eq!(bars(own().past(tried), "US-OWN"), of_sales, "{purpose:?}");
    }
}

/// Three sales calls of today, of which a cap of Florida allows no fourth.
fn three(tried: &PastAttempt) -> Vec<PastAttempt> {
    times_of(3, &PastAttempt { purpose: Some(Purpose::Telemarketing), ..tried.clone() })
}

#[test]
fn a_cap_on_a_person_holds_for_the_number_as_for_the_client_id() {
    let tried = sale("2026-12-01T14:00:00Z");
    for (other, counts) in [
        (PastAttempt { device: 9, ..tried.clone() }, true),
        (PastAttempt { client: Some(70), ..tried.clone() }, true),
        (PastAttempt { client: None, ..tried.clone() }, true),
        (PastAttempt { client: Some(70), device: 9, ..tried.clone() }, false),
        (PastAttempt { client: None, device: 9, ..tried }, false),
    ] {
        let mut case = Case::voice(&[]).at_home("US", "US-FL", NEW_YORK).past(three(&other));
        assert_eq!(!case.allowed(NOON), counts, "{other:?}");
    }
    // whoever refused at a number is not called there by another client id
    let refused = PastAttempt { refused: true, client: Some(70), ..sale("2026-04-01T09:00:00Z") };
    let mut case = Case::voice(&[("FR-CONSENT", "waived")]).at_home("FR", "", "Europe/Paris").past([refused]);
    assert!(case.barred_by("2026-05-04T13:00:00Z").contains(&"FR-HOURS-REFUSAL".to_owned()));
}

#[test]
fn regulation_f_counts_each_person_at_a_number_apart() {
    let other = PastAttempt { client: Some(70), ..call("2026-04-01T15:00:00Z") };
    assert!(reg_f_case().past(times_of(7, &other)).allowed("2026-04-02T15:00:00Z"));
    let own = PastAttempt { client: Some(7), ..other };
    assert_eq!(reg_f_case().past(times_of(7, &own)).barred_by("2026-04-02T15:00:00Z"), ["US-REGF-7IN7"]);
}

fn reg_f_case() -> Case {
    Case::collector(&[], "US-NY", NEW_YORK)
}

/// What a check was given and answered, as it is kept, and the check made again from that after a change.
fn again(case: &mut Case, change: impl FnOnce(&mut serde_json::Value)) -> (Verdict, Verdict) {
    case.with(at(NOON), |rules, cache, request, facts, now| {
        let decided = check(rules, cache, request, facts, now);
        let mut kept = serde_json::to_value(CheckInputs::of(request, facts, now)).unwrap();
        change(&mut kept);
        let inputs: CheckInputs = serde_json::from_value(kept).unwrap();
        (decided, inputs.check(rules, cache))
    })
}

#[test]
fn a_decision_is_made_again_as_attempts_were_counted_when_it_was_made() {
    let other = three(&PastAttempt { client: Some(70), ..sale("2026-12-01T14:00:00Z") });
    let mut case = Case::voice(&[]).at_home("US", "US-FL", NEW_YORK).past(other);
    let (decided, same) = again(&mut case, |_| {});
    assert!(!decided.is_allowed() && decided == same);
    // as it was kept when another client id on the number was somebody else
    let (_, before) = again(&mut case, |kept| {
        assert_eq!(kept.as_object_mut().unwrap().remove("edition"), Some("third".into()));
    });
    assert!(before.is_allowed(), "{before:?}");
    // and when an attempt whose purpose was not told was kept as a sale
    let unknown = PastAttempt { purpose: None, collector: None, ..call("2026-12-01T14:00:00Z") };
    let mut case = Case::collector(&[("US-MA-COLLECT", "on")], "US-MA", NEW_YORK).past(times_of(3, &unknown));
    case.subject.collector = None;
    let (decided, before) = again(&mut case, |kept| {
        for past in kept["attempts"].as_array_mut().unwrap() {
            assert!(past["purpose"].is_null());
            past["purpose"] = "telemarketing".into();
        }
    });
    assert!(!decided.is_allowed() && before.is_allowed(), "{decided:?} {before:?}");
}
