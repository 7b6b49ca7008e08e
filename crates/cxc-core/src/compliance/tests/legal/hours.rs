//! Sections 8.2 and 8.3: published hours.
use super::*;

fn sales(country: &str, region: &str, zone: &str) -> Case {
    with_fresh_lists(Case::voice(&[])).at_home(country, region, zone)
}

fn with_fresh_lists(mut case: Case) -> Case {
    case.fresh = true;
    case
}

fn hours_of(settings: &[(&str, &str)], region: &str, zone: &str, now: &str) -> Vec<String> {
    with_fresh_lists(Case::voice(settings)).at_home("US", region, zone).barred_by(now)
}

#[test]
fn the_canadian_hours_end_where_the_commission_says() {
    let mut case = sales("CA", "CA-ON", "America/Toronto");
    assert!(case.allowed("2026-12-05T02:29:59Z"), "Friday 21:29:59");
    assert_eq!(case.barred_by("2026-12-05T02:30:00Z"), ["CA-UTR-HOURS"], "Friday 21:30");
    assert!(case.allowed("2026-12-05T22:59:00Z"), "Saturday 17:59");
    assert!(!case.allowed("2026-12-05T14:59:00Z"), "Saturday 09:59");
}

#[test]
fn australia_rests_on_saturday_evenings_sundays_and_national_holidays() {
    let mut case = sales("AU", "AU-QLD", "Australia/Brisbane");
    assert!(case.allowed("2026-12-05T06:59:59Z"), "Saturday 16:59");
    assert_eq!(case.barred_by("2026-12-05T07:00:00Z"), ["AU-TMS-HOURS"]);
    assert!(!case.allowed("2026-12-06T02:00:00Z"), "Sunday");
    assert!(!case.allowed("2026-04-25T02:00:00Z"), "Anzac Day");
    assert!(case.allowed("2026-04-18T02:00:00Z"));
    // a consent to be called then overrides the hours
    let given = consent(ConsentKind::Callback, "2026-12-04T00:00:00Z");
    let asked = asked_for("2026-12-06T01:30:00Z", "2026-12-06T03:00:00Z");
    case.consents = Some(vec![ConsentEvent { asked_for: asked, ..given }]);
    assert!(case.allowed("2026-12-06T02:00:00Z"));
    case.subject.purpose = Purpose::Survey;
    assert!(!case.allowed("2026-12-06T22:00:00Z"));
}

fn france() -> Case {
    sales("FR", "", "Europe/Paris")
}

#[test]
fn france_rests_at_noon_and_counts_to_four() {
    assert_eq!(france().barred_by("2026-06-02T11:30:00Z"), ["FR-HOURS"], "13:30");
    let calls = ["2026-06-01", "2026-06-04", "2026-06-10", "2026-06-30"].map(|d| sale(&format!("{d}T09:00:00Z")));
    let mut case = france().past(calls);
    assert_eq!(case.barred_by("2026-06-30T12:30:00Z"), ["FR-HOURS-CAP"]);
    assert!(case.allowed("2026-07-01T12:30:00Z"), "the first of June is the thirty-first day back");
}

#[test]
fn a_refusal_in_france_binds_for_sixty_full_days() {
    let refused = PastAttempt { refused: true, ..sale("2026-04-01T09:00:00Z") };
    let mut case = france().past([refused]);
    // +59, +60: a Saturday and a Sunday, so the reasons tell
    for day in ["2026-05-29T09:00:00Z", "2026-05-30T09:00:00Z", "2026-05-31T09:00:00Z"] {
        assert!(case.barred_by(day).contains(&"FR-HOURS-REFUSAL".to_owned()), "{day}");
    }
    assert!(case.allowed("2026-06-01T09:00:00Z"), "+61");
}

#[test]
fn spain_and_italy_have_their_hours() {
    let mut spain = sales("ES", "", "Europe/Madrid");
    assert!(spain.allowed("2026-06-02T18:59:59Z") && !spain.allowed("2026-06-02T19:00:00Z"));
    assert!(!spain.allowed("2026-06-06T10:00:00Z"), "Saturday");
    let mut italy = sales("IT", "", "Europe/Rome");
    // Monday 1 June is the day before the Republic's
    assert!(!italy.allowed("2026-06-01T07:30:00Z") && italy.allowed("2026-06-01T08:00:00Z"));
    assert!(!italy.allowed("2026-06-01T17:00:00Z") && !italy.allowed("2026-06-02T09:00:00Z"));
    assert!(italy.allowed("2026-06-03T07:30:00Z"));
}

#[test]
fn four_states_close_at_eight_without_a_decision() {
    for (region, zone, now) in [
        ("US-FL", NEW_YORK, "2026-12-02T01:00:00Z"),
        ("US-OK", "America/Chicago", "2026-12-02T02:00:00Z"),
        ("US-MD", NEW_YORK, "2026-12-02T01:00:00Z"),
        ("US-OR", "America/Los_Angeles", "2026-12-02T04:00:00Z"),
    ] {
        assert_eq!(hours_of(&[], region, zone, now), [format!("{region}-HOURS")], "{region}");
    }
    assert!(hours_of(&[], "US-WA", "America/Los_Angeles", "2026-12-02T04:00:00Z").is_empty());
    assert_eq!(hours_of(&[("US-WA-HOURS", "on")], "US-WA", "America/Los_Angeles", "2026-12-02T04:00:00Z").len(), 1);
}

#[test]
fn texas_is_read_on_its_own_clocks_and_on_central_time() {
    // El Paso is an hour behind Central time: 20:30 there is 21:30 in Austin
    let on = [("US-TX-HOURS", "on")];
    assert_eq!(hours_of(&on, "US-TX", "America/Denver", "2026-12-02T03:30:00Z"), ["US-TX-HOURS"]);
    assert!(hours_of(&[], "US-TX", "America/Denver", "2026-12-02T03:30:00Z").is_empty());
    // Sundays begin at noon
    assert_eq!(hours_of(&on, "US-TX", "America/Chicago", "2026-12-06T17:59:59Z"), ["US-TX-HOURS"]);
    assert!(hours_of(&on, "US-TX", "America/Chicago", "2026-12-06T18:00:00Z").is_empty());
}

#[test]
fn a_states_holiday_is_closed_and_nebraskas_have_hours_of_their_own() {
    let on = [("US-AL-HOURS", "on"), ("US-LA-HOURS", "on"), ("US-NE-HOURS", "on"), ("US-RND", "waived")];
    assert_eq!(hours_of(&on, "US-AL", "America/Chicago", "2026-12-25T18:00:00Z"), ["US-AL-HOURS"]);
    assert_eq!(hours_of(&on, "US-LA", "America/Chicago", "2027-02-09T18:00:00Z"), ["US-LA-HOURS"], "Mardi Gras");
    let mut nebraska = with_fresh_lists(Case::voice(&on)).at_home("US", "US-NE", "America/Chicago");
    nebraska.subject.tech = Technique::Prerecorded;
    nebraska.subject.purpose = Purpose::Informational;
    assert!(nebraska.allowed("2026-12-25T15:00:00Z"), "the rule is about sales");
    nebraska.subject.purpose = Purpose::Telemarketing;
    let barred = |case: &mut Case, now: &str| case.barred_by(now).contains(&"US-NE-HOURS".to_owned());
    assert!(barred(&mut nebraska, "2026-12-25T18:59:59Z") && !barred(&mut nebraska, "2026-12-25T19:00:00Z"));
    assert!(!barred(&mut nebraska, "2026-12-24T15:00:00Z"));
}

#[test]
fn a_day_that_no_calendar_reaches_is_data_that_is_missing() {
    let mut case = sales("AU", "AU-QLD", "Australia/Brisbane");
    case.world.attempts.clear();
    let verdict = case.check("2035-03-07T02:00:00Z");
    let missing = verdict.reasons.iter().find(|f| &*f.rule.id == "AU-TMS-HOURS").unwrap();
    assert_eq!((missing.code, verdict.decision), (Reason::DataMissing, Decision::Error));
}

#[test]
fn an_emergency_is_a_blackout_that_an_operator_declares_by_dates() {
    let mut documents = shipped();
    let json = r#"{"rule":"US-NY-EMERGENCY","state":"on",
        "narrow":{"dates":[{"first":"2026-12-02","last":"2026-12-03"}]}}"#;
    documents.legal_settings = vec![stored("storm", json)];
    let mut case = Case::new(&documents, Channel::Voice).at_home("US", "US-NY", NEW_YORK);
    assert!(case.allowed("2026-12-02T01:59:59Z"), "20:59 on the first");
    let verdict = case.check("2026-12-02T15:00:00Z");
    assert_eq!((ids(&verdict), verdict.code()), (vec!["US-NY-EMERGENCY"], Reason::ContactDate));
    assert_eq!(verdict.not_before, Some(at("2026-12-04T13:00:00Z")));
}

#[test]
fn where_the_state_is_not_known_the_rules_of_all_states_hold() {
    let mut case = sales("US", "", NEW_YORK);
    let barred = case.barred_by("2026-12-02T01:00:00Z");
    assert_eq!(barred, ["US-FL-HOURS", "US-MD-HOURS", "US-OK-HOURS", "US-OR-HOURS"]);
    // one part that tells the state is enough
    let mut case = case.at_home("US", "US-NY", NEW_YORK);
    assert!(case.allowed("2026-12-02T01:00:00Z"));
}

#[test]
fn after_the_last_evening_of_the_holiday_lists_data_is_missing_and_nobody_is_closed_for_ever() {
    let mut case = sales("AU", "AU-NSW", "Australia/Sydney");
    let last = case.check("2030-12-31T09:30:00Z");
    assert_eq!((last.decision, last.code()), (Decision::Error, Reason::DataMissing), "{last:?}");
    let before = case.check("2030-12-30T10:30:00Z");
    assert_eq!(before.decision, Decision::Defer, "{before:?}");
}

#[test]
fn british_hours_warn_and_bar_nothing() {
    let mut case = sales("GB", "GB-ENG", "Europe/London");
    let verdict = case.check("2026-12-01T23:00:00Z");
    assert!(verdict.is_allowed());
    assert_eq!(verdict.warnings.iter().map(|f| &*f.rule.id).collect::<Vec<_>>(), ["GB-HOURS"]);
}

#[test]
fn a_rule_is_in_force_from_its_day_on_the_clocks_of_the_person() {
    let mut documents = shipped();
    let json = r#"{"id":"GB-TEST","jurisdiction":{"country":"GB"},
        "kind":{"window":{"hours":{"daily":"10:00-11:00"}}},"effectiveFrom":"2026-12-02","effectiveUntil":"2026-12-03",
        "citation":"a law","verifiedOn":"2026-11-22","confidence":"low","default":"on"}"#;
    documents.legal_rules = vec![stored::<LegalRule>("own", json)];
    let mut case = Case::new(&documents, Channel::Voice).at_home("GB", "GB-ENG", "Europe/London");
    assert!(case.allowed("2026-12-01T23:59:59Z") && !case.allowed("2026-12-02T00:00:00Z"));
    assert!(case.allowed("2026-12-02T10:30:00Z") && !case.allowed("2026-12-02T23:59:59Z"));
    assert!(case.allowed("2026-12-03T00:00:00Z"));
}

#[test]
fn the_published_table_of_clock_changes_holds_for_the_shipped_hours() {
    // section 8.3, on Saturdays and Sundays too
    for (country, region, zone, open, close) in [
        ("US", "US-NY", NEW_YORK, "2026-10-31T12:00:00Z", "2026-11-01T01:00:00Z"),
        ("US", "US-NY", NEW_YORK, "2026-11-01T13:00:00Z", "2026-11-02T02:00:00Z"),
        ("US", "US-NY", NEW_YORK, "2027-03-13T13:00:00Z", "2027-03-14T02:00:00Z"),
        ("US", "US-NY", NEW_YORK, "2027-03-14T12:00:00Z", "2027-03-15T01:00:00Z"),
        ("US", "US-AZ", "America/Phoenix", "2027-03-14T15:00:00Z", "2027-03-15T04:00:00Z"),
        ("CA", "CA-NL", "America/St_Johns", "2026-11-02T12:30:00Z", "2026-11-03T01:00:00Z"),
    ] {
        let mut case = sales(country, region, zone);
        let as_of = NumberListState::Loaded { version: "2".into(), as_of: at(open) };
        case.lists.as_mut().unwrap().iter_mut().for_each(|l| l.state = as_of.clone());
        let before = at(open).saturating_sub(jiff::SignedDuration::from_secs(1)).unwrap();
        assert_eq!(case.check_at(before).not_before, Some(at(open)), "{zone} {open}");
        assert_eq!(case.check(open).window_end, Some(at(close)), "{zone} {open}");
    }
}

#[test]
fn a_relationship_that_is_only_said_or_is_over_exempts_from_no_hours_and_no_cap() {
    use crate::compliance::Relationship;
    // half past eight in the evening in Portland: an hour that Oregon leaves to old customers
    let evening = "2026-12-02T04:30:00Z";
    let barred = |relationship: Relationship, purchased: Option<&str>| {
        let mut case = Case::voice(&[]).at_home("US", "US-OR", "America/Los_Angeles");
        case.subject.relationship = relationship;
        case.subject.purchased_at = purchased.map(at);
        case.barred_by(evening)
    };
    for (relationship, purchased) in [
        (Relationship::None, None),
        (Relationship::Customer, None),
        (Relationship::Ebr, None),
        (Relationship::Ebr, Some("2025-06-02T00:00:00Z")),
        (Relationship::Ebr, Some("2026-12-03T00:00:00Z")),
    ] {
        assert_eq!(barred(relationship, purchased), ["US-OR-HOURS"], "{relationship:?} {purchased:?}");
    }
    assert!(barred(Relationship::Ebr, Some("2026-11-01T00:00:00Z")).is_empty());
    // the cap of Oregon counts as well, at an hour that is open
    let noon = "2026-12-01T20:00:00Z";
    let calls = ["2026-12-01T17:00:00Z", "2026-12-01T18:00:00Z", "2026-12-01T19:00:00Z"];
    let mut case = Case::voice(&[]).at_home("US", "US-OR", "America/Los_Angeles").past(calls.map(sale));
    case.subject.relationship = Relationship::Ebr;
    assert_eq!(case.barred_by(noon), ["US-OR-CAP"]);
    case.subject.purchased_at = Some(at("2026-11-01T00:00:00Z"));
    assert!(case.barred_by(noon).is_empty());
}
