//! Consent gates, opt-outs and how far a revocation reaches.
use super::*;

const NOON: &str = "2026-12-01T17:00:00Z";

fn text(settings: &[(&str, &str)]) -> Case {
    let mut case = Case::new(&deciding(settings), Channel::Sms).at_home("US", "US-NY", NEW_YORK);
    case.subject = Subject { topic: Some("offers".into()), brand: Some("acme".into()), ..Subject::UNSPECIFIED };
    case
}

fn gated() -> Case {
    text(&[("US-CONSENT-PEWC", "on"), ("US-RND", "waived")])
}

fn free() -> Case {
    text(&[("US-CONSENT-PEWC", "waived"), ("US-RND", "waived")])
}

fn topic(name: &str) -> ConsentScope {
    ConsentScope::Topic { name: name.into() }
}

#[test]
fn a_gate_opens_for_the_consent_that_it_accepts_and_only_while_that_holds() {
    let given = consent(ConsentKind::ExpressWritten, "2026-06-01T00:00:00Z");
    let mut case = gated();
    let verdict = case.check(NOON);
    assert_eq!((verdict.decision, verdict.code()), (Decision::Deny, Reason::ConsentMissing));
    for (event, opens) in [
        (given.clone(), true),
        (ConsentEvent { kind: ConsentKind::Express, ..given.clone() }, false),
        (ConsentEvent { channels: vec![Channel::Voice], ..given.clone() }, false),
        (ConsentEvent { scope: topic("offers"), ..given.clone() }, true),
        (ConsentEvent { scope: topic("alerts"), ..given.clone() }, false),
        (ConsentEvent { scope: ConsentScope::Brand { name: "acme".into() }, ..given.clone() }, true),
        (ConsentEvent { expires: Some(at(NOON)), ..given.clone() }, false),
        (ConsentEvent { effective_at: Some(at("2026-12-02T00:00:00Z")), ..given.clone() }, false),
        (ConsentEvent { at: at("2026-12-02T00:00:00Z"), ..given }, false),
    ] {
        case.consents = Some(vec![event.clone()]);
        assert_eq!(case.allowed(NOON), opens, "{event:?}");
    }
}

#[test]
fn what_can_not_be_told_counts_as_wireless_and_a_fixed_line_needs_no_written_consent() {
    for (line, gate) in
        [(LineType::Unknown, true), (LineType::FixedOrMobile, true), (LineType::Mobile, true), (LineType::Fixed, false)]
    {
        let mut case = Case::voice(&[("US-CONSENT-PEWC", "on"), ("US-RND", "waived")]).at_home("US", "US-NY", NEW_YORK);
        case.subject.tech = Technique::Autodialed;
        case.subject.line_type = line;
        assert_eq!(!case.allowed(NOON), gate, "{line:?}");
    }
}

#[test]
fn an_opt_out_binds_at_once_and_only_a_later_express_consent_lifts_it() {
    let mut case = free();
    assert!(case.allowed(NOON));
    let before = consent(ConsentKind::ExpressWritten, "2026-11-01T00:00:00Z");
    case.consents = Some(vec![before.clone(), revocation(NOON)]);
    let verdict = case.check(NOON);
    assert_eq!((verdict.decision, verdict.code()), (Decision::Deny, Reason::OptedOut));
    assert_eq!(ids(&verdict), ["opt_out"]);
    assert!(case.allowed("2026-12-01T16:59:59Z"), "before it was said");
    let later = |kind| ConsentEvent { kind, at: at("2026-12-01T18:00:00Z"), ..before.clone() };
    case.consents.as_mut().unwrap().push(later(ConsentKind::Implied));
    assert!(!case.allowed("2026-12-01T19:00:00Z"), "a purchase is no consent");
    case.consents.as_mut().unwrap().push(later(ConsentKind::Express));
    assert!(case.allowed("2026-12-01T19:00:00Z"));
    case.consents = Some(vec![revocation(NOON)]);
    case.subject.purpose = Purpose::Emergency;
    assert!(case.allowed(NOON), "a danger is told to everyone");
}

#[test]
fn a_revocation_reaches_as_far_as_it_was_said_until_the_law_carries_it_further() {
    let mut case = free();
    let of_topic = |name: &str, channel| ConsentEvent {
        scope: topic(name),
        channels: vec![channel],
        ..revocation("2026-11-01T00:00:00Z")
    };
    for (event, now, barred) in [
        (of_topic("offers", Channel::Sms), "2026-12-01", true),
        (of_topic("alerts", Channel::Sms), "2026-12-01", false),
        (of_topic("offers", Channel::Voice), "2026-12-01", false),
        // one revocation ends all from the last day of January
        (of_topic("alerts", Channel::Sms), "2027-02-01", true),
        (of_topic("alerts", Channel::Voice), "2027-02-01", true),
        (of_topic("alerts", Channel::Email), "2027-02-01", false),
    ] {
        case.consents = Some(vec![event.clone()]);
        let now = format!("{now}T17:00:00Z");
        assert_eq!(case.barred_by(&now).contains(&"opt_out".to_owned()), barred, "{now} {event:?}");
    }
    // a message whose topic is not known may be about this one
    case.subject.topic = None;
    case.consents = Some(vec![of_topic("alerts", Channel::Sms)]);
    assert!(!case.allowed(NOON));
}

#[test]
fn an_attempt_may_be_made_only_as_long_as_its_consent_lasts_and_no_rule_begins() {
    let mut case = gated();
    let given = consent(ConsentKind::ExpressWritten, "2026-06-01T00:00:00Z");
    case.consents = Some(vec![ConsentEvent { expires: Some(at("2026-12-01T18:00:00Z")), ..given.clone() }]);
    let verdict = case.check(NOON);
    assert_eq!(verdict.not_after, Some(at("2026-12-01T18:00:00Z")));
    assert_eq!(verdict.window_end, Some(at("2026-12-02T02:00:00Z")));
    // the second of December begins at ten in the morning of the first, far in the east
    let mut documents = deciding(&[("GB-PECR-MSG-CONSENT", "waived")]);
    let json = r#"{"id":"GB-TEST","jurisdiction":{"country":"GB"},"kind":{"consent_gate":{"accepts":["implied"]}},
        "effectiveFrom":"2026-12-02","citation":"a law","verifiedOn":"2026-11-22","confidence":"low","default":"on"}"#;
    documents.legal_rules = vec![stored::<LegalRule>("own", json)];
    let mut case = Case::new(&documents, Channel::Sms).at_home("GB", "GB-ENG", "Europe/London");
    assert_eq!(case.check("2026-12-01T09:00:00Z").not_after, Some(at("2026-12-01T10:00:00Z")));
    assert_eq!(case.check("2026-12-01T10:00:00Z").code(), Reason::ConsentMissing);
}

#[test]
fn a_ledger_that_could_not_be_read_lets_nobody_through() {
    let mut case = free();
    case.consents = None;
    let verdict = case.check(NOON);
    assert_eq!((verdict.decision, verdict.code()), (Decision::Error, Reason::DataMissing));
}

#[test]
fn a_canadian_customer_is_exempt_for_two_years() {
    let on = [("CA-CASL-CONSENT", "on")];
    let mut case = Case::new(&deciding(&on), Channel::Email).at_home("CA", "CA-ON", "America/Toronto");
    assert!(!case.allowed(NOON));
    case.subject.purchased_at = Some(at("2024-12-02T00:00:00Z"));
    assert!(case.allowed(NOON));
    case.subject.purchased_at = Some(at("2024-12-01T00:00:00Z"));
    assert!(!case.allowed(NOON));
}
