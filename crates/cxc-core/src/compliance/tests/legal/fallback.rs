//! The shipped contact times give way to the hours of a law, and to a danger.
use super::*;
use crate::compliance::{Standing, Step, explain};

const FALLBACK: &str = "shipped_contact_times";

/// Only what is shipped, under decisions of the tenant: no contact times of its own.
fn documents(settings: &[(&str, &str)]) -> RuleDocuments {
    RuleDocuments { contact_times: Vec::new(), ..deciding(settings) }
}

fn case(channel: Channel, purpose: Purpose, country: &str, region: &str, zone: &str) -> Case {
    let mut case = Case::new(&documents(&[]), channel).at_home(country, region, zone);
    case.subject.purpose = purpose;
    case.fresh = true;
    case
}

fn sentence(steps: &[Step], rule: &str) -> String {
    let step = steps.iter().find(|step| step.rule().is_some_and(|r| &*r.id == rule));
    step.map(|step| step.sentence().to_owned()).unwrap_or_default()
}

#[test]
fn where_a_law_says_hours_they_bind_in_place_of_the_usual_ones() {
    let mut toronto = case(Channel::Voice, Purpose::Telemarketing, "CA", "CA-ON", "America/Toronto");
    assert!(toronto.allowed("2026-12-05T02:29:59Z"), "Friday 21:29:59, after the usual hours");
    assert_eq!(toronto.barred_by("2026-12-05T02:30:00Z"), ["CA-UTR-HOURS"]);
    let mut brisbane = case(Channel::Voice, Purpose::Collections, "AU", "AU-QLD", "Australia/Brisbane");
    assert!(brisbane.allowed("2026-11-30T21:30:00Z"), "Tuesday 07:30");
    assert_eq!(brisbane.barred_by("2026-11-30T21:29:59Z"), ["AU-DEBT"]);
    let explained = toronto.with(at("2026-12-05T02:00:00Z"), explain);
    assert_eq!(
        sentence(&explained.steps, FALLBACK),
        "shipped_contact_times gives way: the hours of the law bind in their place, by CA-UTR-HOURS"
    );
}

#[test]
fn where_no_law_says_hours_the_usual_ones_bind() {
    for (channel, purpose, country, zone) in [
        (Channel::Email, Purpose::Telemarketing, "US", NEW_YORK),
        (Channel::Voice, Purpose::Informational, "US", NEW_YORK),
        // what only advises says no hours
        (Channel::Voice, Purpose::Survey, "GB", "Europe/London"),
    ] {
        let late = if country == "GB" { "2026-12-01T21:00:00Z" } else { "2026-12-02T02:00:00Z" };
        assert_eq!(case(channel, purpose, country, "", zone).barred_by(late), [FALLBACK], "{purpose:?}");
    }
    // of two countries one has no law
    let mut both = case(Channel::Voice, Purpose::Survey, "AU", "AU-QLD", "Australia/Brisbane");
    both.world = both.world.part(PartKind::Explicit, "GB", "", "Australia/Brisbane");
    assert_eq!(both.barred_by("2026-12-01T10:30:00Z"), ["AU-RES-HOURS"], "20:30");
    assert!(both.barred_by("2026-12-01T11:00:00Z").contains(&FALLBACK.to_owned()), "21:00");
}

#[test]
fn a_law_that_is_off_or_not_in_force_yet_says_no_hours() {
    let mut off = Case::new(&documents(&[("CA-UTR-HOURS", "off")]), Channel::Voice);
    off = off.at_home("CA", "CA-ON", "America/Toronto");
    off.fresh = true;
    assert_eq!(off.barred_by("2026-12-05T02:00:00Z"), [FALLBACK]);
    let mut debt = case(Channel::Voice, Purpose::Collections, "US", "US-NY", NEW_YORK);
    debt.subject.collector = Some(1);
    assert_eq!(debt.barred_by("2026-12-02T02:00:00Z"), ["US-REGF-TIME"]);
    assert_eq!(debt.barred_by("2021-11-30T02:00:00Z"), [FALLBACK], "the evening before Regulation F");
    assert_eq!(debt.barred_by("2021-12-01T02:00:00Z"), ["US-REGF-TIME"]);
}

#[test]
fn a_rule_of_ones_own_opens_no_hour() {
    let mut documents = documents(&[]);
    let own = r#"{"id":"DE-OWN","jurisdiction":{"country":"DE"},"kind":{"window":{"hours":{"daily":"06:00-23:00"}}},
        "citation":"c","verifiedOn":"2026-11-22","confidence":"low","default":"on"}"#;
    documents.legal_rules = vec![stored::<LegalRule>("own", own)];
    let mut case = Case::new(&documents, Channel::Email).at_home("DE", "", "Europe/Berlin");
    case.subject.purpose = Purpose::Informational;
    assert_eq!(case.barred_by("2026-12-01T21:00:00Z"), [FALLBACK]);
    assert_eq!(case.barred_by("2026-12-01T22:30:00Z"), [FALLBACK, "DE-OWN"]);
}

#[test]
fn a_danger_is_warned_of_at_any_hour_and_the_explanation_says_why() {
    for channel in [Channel::Sms, Channel::Voice, Channel::Email] {
        let mut night = case(channel, Purpose::Emergency, "US", "US-NY", NEW_YORK);
        night.subject.tech = Technique::Autodialed;
        night.declared = Some(serde_json::from_str(r#"{"hours":{"daily":"10:00-12:00"}}"#).unwrap());
        night.consents = Some(vec![revocation("2026-01-01T00:00:00Z")]);
        assert!(night.allowed("2026-12-02T08:00:00Z"), "three o'clock, {channel:?}");
        let told = night.with(at("2026-12-02T08:00:00Z"), explain);
        assert!(sentence(&told.steps, FALLBACK).contains("a danger to health or safety is warned of at any hour"));
    }
    // nor need the zone be known
    assert!(case(Channel::Sms, Purpose::Emergency, "US", "", "").allowed("2026-12-02T08:00:00Z"));
    // the same message without a danger waits
    let mut told = case(Channel::Sms, Purpose::Informational, "US", "US-NY", NEW_YORK);
    assert_eq!(told.barred_by("2026-12-02T08:00:00Z"), [FALLBACK]);
    // the tenant's own hours hold, whatever it is
    let own = RuleDocuments { contact_times: vec![times("own", "", "09:00", "17:00")], ..documents(&[]) };
    let mut case = Case::new(&own, Channel::Sms).at_home("US", "US-NY", NEW_YORK);
    case.subject.purpose = Purpose::Emergency;
    assert_eq!(case.barred_by("2026-12-02T08:00:00Z"), ["own"]);
}

#[test]
fn without_legal_rules_a_danger_and_other_contacts_are_kept_apart() {
    let documents = RuleDocuments { guard_seconds: 0, ..RuleDocuments::default() };
    let mut case = Case::new(&documents, Channel::Sms).at_home("US", "US-NY", NEW_YORK);
    assert_eq!(case.barred_by("2026-12-02T08:00:00Z"), [FALLBACK]);
    case.subject.purpose = Purpose::Emergency;
    assert!(case.allowed("2026-12-02T08:00:00Z"));
    case.subject.purpose = Purpose::Survey;
    assert_eq!(case.barred_by("2026-12-02T08:00:00Z"), [FALLBACK]);
}

#[test]
fn a_waived_rule_says_by_whom_and_why() {
    let mut documents = documents(&[("US-TX-HOURS", "off")]);
    documents.legal_settings.push(stored::<LegalRuleSetting>(
        "w",
        r#"{"rule":"US-FL-HOURS","state":"waived","reason":"no sales to Florida","decidedBy":"Ann","decidedAt":"2026-11-02T09:00:00Z"}"#,
    ));
    let mut case = Case::new(&documents, Channel::Voice).at_home("US", "US-FL US-TX US-LA", NEW_YORK);
    let told = case.with(at("2026-12-01T17:00:00Z"), explain);
    let waived = sentence(&told.steps, "US-FL-HOURS");
    assert!(waived.starts_with("US-FL-HOURS is waived by Ann on 2026-11-02: no sales to Florida ("), "{waived}");
    let standing = told.steps.iter().find_map(|step| match step {
        Step::Rule { rule, standing, .. } if &*rule.id == "US-FL-HOURS" => Some(*standing),
        _ => None,
    });
    assert_eq!(standing, Some(Standing::Waived));
    let off = sentence(&told.steps, "US-TX-HOURS");
    assert!(off.starts_with("US-TX-HOURS was turned off: our counsel says so ("), "{off}");
    assert!(sentence(&told.steps, "US-LA-HOURS").starts_with("US-LA-HOURS is off unless it is turned on ("));
}
