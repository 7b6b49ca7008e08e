//! Number lists, scrub age, reassigned numbers, flags and declared times.
use super::*;

fn us() -> Case {
    Case::voice(&[]).at_home("US", "US-NY", NEW_YORK)
}

const NOON: &str = "2026-12-01T17:00:00Z";

#[test]
fn who_is_on_the_national_list_is_not_called_and_an_exempt_one_is() {
    let listed = |case: &mut Case| case.holding = vec![NumberListHit { list: 0, added_on: None }];
    let mut case = us();
    listed(&mut case);
    let verdict = case.check(NOON);
    assert_eq!((verdict.decision, ids(&verdict)), (Decision::Deny, vec!["US-DNC-NATIONAL"]));
    assert_eq!(verdict.code(), Reason::Suppressed);
    case.subject.purchased_at = Some(at("2025-07-01T00:00:00Z"));
    assert!(case.allowed(NOON), "a purchase seventeen months ago");
    case.subject.purchased_at = Some(at("2025-05-01T00:00:00Z"));
    assert!(!case.allowed(NOON), "nineteen months");
    case.consents = Some(vec![consent(ConsentKind::ExpressWritten, "2026-01-01T00:00:00Z")]);
    assert!(case.allowed(NOON));
    case.consents = Some(vec![consent(ConsentKind::Express, "2026-01-01T00:00:00Z")]);
    assert!(!case.allowed(NOON), "written permission is asked for");
}

#[test]
fn a_list_that_is_missing_or_older_than_the_law_allows_blocks_with_its_reason() {
    let mut case = us();
    case.lists.as_mut().unwrap()[0].state = NumberListState::NotLoaded;
    let verdict = case.check(NOON);
    assert_eq!((verdict.decision, verdict.code()), (Decision::Error, Reason::DataMissing));
    assert_eq!(verdict.not_before, Some(at("2026-12-01T17:05:00Z")));
    case.lists = None;
    assert_eq!(case.check(NOON).code(), Reason::DataMissing);
    for (as_of, stale) in [("2026-10-31T17:00:00Z", false), ("2026-10-31T16:59:59Z", true)] {
        let mut case = us();
        let state = NumberListState::Loaded { version: "1".into(), as_of: at(as_of) };
        case.lists.as_mut().unwrap()[0].state = state;
        let verdict = case.check(NOON);
        assert_eq!(!verdict.is_allowed(), stale);
        assert_eq!(verdict.code() == Reason::DataStale, stale);
    }
    let mut acknowledged = Case::voice(&[("US-DNC-NATIONAL", "waived")]).at_home("US", "US-NY", NEW_YORK);
    acknowledged.lists = None;
    assert!(acknowledged.allowed(NOON));
}

#[test]
fn a_british_registration_binds_after_twenty_eight_days() {
    let mut case = Case::voice(&[]).at_home("GB", "GB-ENG", "Europe/London");
    for (added, binds) in [("2026-11-03", false), ("2026-11-02", true)] {
        case.holding = vec![NumberListHit { list: 2, added_on: Some(added.parse().unwrap()) }];
        assert_eq!(!case.allowed("2026-12-01T12:00:00Z"), binds, "{added}");
    }
    case.holding = vec![NumberListHit { list: 2, added_on: None }];
    assert!(!case.allowed("2026-12-01T12:00:00Z"));
}

#[test]
fn each_country_has_its_own_legal_age_and_a_second_beyond_it_is_too_old() {
    for (country, region, zone, list, days) in [
        ("US", "US-NY", NEW_YORK, 0, 31),
        ("CA", "CA-ON", "America/Toronto", 1, 31),
        ("GB", "GB-ENG", "Europe/London", 2, 28),
        ("AU", "AU-NSW", "Australia/Sydney", 4, 30),
    ] {
        for (beyond, stale) in [(0, false), (1, true)] {
            let now = at(if country == "AU" { "2026-12-01T01:00:00Z" } else { NOON });
            let as_of = now - jiff::SignedDuration::from_secs(days * 86_400 + beyond);
            let mut case = Case::voice(&[]).at_home(country, region, zone);
            case.lists.as_mut().unwrap()[list].state = NumberListState::Loaded { version: "1".into(), as_of };
            let verdict = case.check(&now.to_string());
            let found = (verdict.decision, verdict.code());
            let wanted = if stale { (Decision::Error, Reason::DataStale) } else { (Decision::Allow, Reason::None) };
            assert_eq!(found, wanted, "{country} {beyond}");
            // whom an old list holds stays suppressed: age makes it incomplete, not wrong
            case.holding = vec![NumberListHit { list, added_on: None }];
            assert_eq!(case.check(&now.to_string()).decision, Decision::Deny, "{country} {beyond}");
        }
    }
}

#[test]
fn a_customers_own_list_binds_without_a_law() {
    let mut case = us();
    let mut own = case.lists.as_ref().unwrap()[0].clone();
    (own.name, own.own) = ("internal".into(), true);
    case.lists.as_mut().unwrap().push(own);
    assert!(case.allowed(NOON));
    case.holding = vec![NumberListHit { list: 5, added_on: None }];
    assert_eq!(case.barred_by(NOON), ["internal"]);
    case.lists.as_mut().unwrap()[5].state = NumberListState::NotLoaded;
    assert_eq!(case.check(NOON).code(), Reason::DataMissing);
}

#[test]
fn a_reassigned_number_is_suppressed_and_an_old_answer_is_asked_again() {
    let on = [("US-RND", "on"), ("US-CONSENT-PEWC", "waived"), ("US-CONSENT-PEWC-RESIDENTIAL", "waived")];
    let mut case = Case::voice(&on).at_home("US", "US-NY", NEW_YORK);
    case.subject.tech = Technique::Autodialed;
    assert_eq!(case.check(NOON).code(), Reason::DataMissing, "nobody asked");
    for (answer, asked, reason) in [
        (ReassignedAnswer::Yes, "2026-11-30", Reason::Suppressed),
        (ReassignedAnswer::No, "2026-11-30", Reason::None),
        (ReassignedAnswer::NoData, "2026-11-30", Reason::None),
        (ReassignedAnswer::No, "2026-10-17", Reason::None),
        (ReassignedAnswer::No, "2026-10-16", Reason::DataStale),
        (ReassignedAnswer::Yes, "2026-01-01", Reason::Suppressed),
    ] {
        let asked_at = at(&format!("{asked}T18:00:00Z"));
        let consent_on = "2026-01-01".parse().unwrap();
        let reassigned = Some(Reassigned { answer, consent_on, asked_at });
        case.intelligence = Some(NumberIntelligence { reassigned, ..NumberIntelligence::default() });
        assert_eq!(case.check(NOON).code(), reason, "{answer:?} {asked}");
    }
}

#[test]
fn an_answer_counts_only_for_a_consent_that_it_speaks_of() {
    use ReassignedAnswer::{No, Yes};
    let on = [("US-RND", "on"), ("US-CONSENT-PEWC", "waived"), ("US-CONSENT-PEWC-RESIDENTIAL", "waived")];
    let mut case = Case::voice(&on).at_home("US", "US-NY", NEW_YORK);
    case.subject.tech = Technique::Autodialed;
    let written = ConsentKind::ExpressWritten;
    for (answer, asked_about, asked, consents, reason) in [
        (No, "2026-03-01", "2026-11-20", &[(written, "2026-03-01")][..], Reason::None),
        (No, "2026-03-01", "2026-11-20", &[(written, "2026-02-28")], Reason::DataMissing),
        // the latest of the best consents is what a contact rests on
        (No, "2026-03-01", "2026-11-20", &[(written, "2026-02-28"), (written, "2026-05-01")], Reason::None),
        (
            No,
            "2026-03-01",
            "2026-11-20",
            &[(written, "2026-02-28"), (ConsentKind::Implied, "2026-05-01")],
            Reason::DataMissing,
        ),
        // without a day of consent that of the query stands there
        (No, "2026-11-20", "2026-11-20", &[(written, "2026-11-19")], Reason::DataMissing),
        (No, "2026-11-20", "2026-11-20", &[(written, "2026-11-21")], Reason::None),
        (No, "2026-11-20", "2026-11-20", &[], Reason::DataMissing),
        (Yes, "2026-03-01", "2026-11-20", &[(written, "2026-03-01")], Reason::Suppressed),
        (Yes, "2026-03-01", "2026-11-20", &[(written, "2026-11-20")], Reason::Suppressed),
        (Yes, "2026-03-01", "2026-11-20", &[(written, "2026-11-21")], Reason::DataMissing),
        (Yes, "2026-03-01", "2026-12-02", &[(written, "2026-03-01")], Reason::DataMissing),
        (No, "2026-03-01", "2026-12-02", &[(written, "2026-03-01")], Reason::DataMissing),
    ] {
        let asked_at = at(&format!("{asked}T12:00:00Z"));
        let reassigned = Some(Reassigned { answer, consent_on: asked_about.parse().unwrap(), asked_at });
        case.intelligence = Some(NumberIntelligence { reassigned, ..NumberIntelligence::default() });
        case.consents = Some(consents.iter().map(|(kind, day)| consent(*kind, &format!("{day}T09:00:00Z"))).collect());
        assert_eq!(case.check(NOON).code(), reason, "{answer:?} about {asked_about} of {asked}: {consents:?}");
    }
}

#[test]
fn a_list_of_the_future_is_as_stale_as_an_old_one() {
    for (as_of, stale) in [("2026-12-02T17:00:00Z", false), ("2026-12-02T17:00:01Z", true)] {
        let mut case = us();
        case.lists.as_mut().unwrap()[0].state = NumberListState::Loaded { version: "1".into(), as_of: at(as_of) };
        assert_eq!(case.check(NOON).code() == Reason::DataStale, stale, "{as_of}");
    }
}

#[test]
fn a_ported_number_is_judged_as_fixed_for_fifteen_days_where_the_tenant_relies_on_that() {
    let pewc = [("US-CONSENT-PEWC", "on"), ("US-RND", "waived")];
    let relying = [pewc[0], pewc[1], ("US-WIRELESS-PORT", "on")];
    for (settings, ported, allowed) in
        [(&pewc[..], "2026-11-20", false), (&relying[..], "2026-11-17", true), (&relying[..], "2026-11-16", false)]
    {
        let mut case = Case::voice(settings).at_home("US", "US-NY", NEW_YORK);
        case.subject.tech = Technique::Autodialed;
        case.intelligence = Some(NumberIntelligence {
            reassigned: None,
            line_type: Some(LineType::Mobile),
            ported_on: Some(ported.parse().unwrap()),
        });
        assert_eq!(case.allowed(NOON), allowed, "{ported}");
    }
}

#[test]
fn what_is_known_of_a_person_bars_the_contacts_that_the_law_names() {
    let mut case = Case::collector(&[], "US-NY", NEW_YORK);
    case.flags = Some(vec![PersonFlag::Bankruptcy]);
    let verdict = case.check(NOON);
    assert_eq!((verdict.code(), ids(&verdict)), (Reason::LegalBlock, vec!["US-FDCPA-HARD"]));
    case.flags = Some(vec![PersonFlag::Workplace, PersonFlag::Cease]);
    assert_eq!(case.barred_by(NOON), ["US-FDCPA-HARD", "US-REGF-TIME-PLACE"]);
    case.flags = None;
    assert_eq!(case.check(NOON).code(), Reason::DataMissing);
    case.subject.purpose = Purpose::Informational;
    assert!(case.allowed(NOON), "no rule needs to know");
}

#[test]
fn times_that_a_person_declared_narrow_every_window() {
    let mut case = Case::collector(&[], "US-NY", NEW_YORK);
    case.declared = Some(serde_json::from_str(r#"{"hours":{"mon-fri":"17:00-19:00"}}"#).unwrap());
    let verdict = case.check(NOON);
    assert_eq!((ids(&verdict), verdict.not_before), (vec!["US-REGF-TIME-DECLARED"], Some(at("2026-12-01T22:00:00Z"))));
    assert_eq!(case.check("2026-12-01T22:00:00Z").window_end, Some(at("2026-12-02T00:00:00Z")));
    case.declared = None;
    assert!(case.allowed(NOON), "the cache keeps the two apart");
}
