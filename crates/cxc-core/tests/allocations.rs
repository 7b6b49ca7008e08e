//! A check that allows allocates nothing: with the shipped legal rules, a history, a consent and a list of numbers.
#![expect(clippy::unwrap_used, reason = "a test that finds something else than it expects has failed")]
use std::sync::Arc;

use cxc_core::attempt::AttemptState;
use cxc_core::channel::Channel;
use cxc_core::compliance::legal::{LegalRuleSetting, LegalRules};
use cxc_core::compliance::{
    AttemptRequest, AttemptRule, Calendars, Facts, IntervalCache, NumberFacts, NumberListState, NumberListStatus, Part,
    PartKind, PastAttempt, RuleDocuments, RuleRef, RuleSet, Stored, Subject, Zones, check,
};
use cxc_core::consent::{ConsentEvent, ConsentKind, ConsentScope};
use jiff::{SignedDuration, Timestamp};

fn documents(zones: &Zones) -> RuleDocuments {
    let calendars = Calendars::shipped().unwrap();
    let setting = |(rule, state): (&str, &str)| -> Stored<LegalRuleSetting> {
        let json = format!(r#"{{"rule":"{rule}","state":"{state}","reason":"tested"}}"#);
        Stored::parse(RuleRef::new(rule, 1), &json)
    };
    let cap = r#"{"required":true,"maxAttempts":40,"window":{"today":true},"results":[]}"#;
    RuleDocuments {
        legal_packs: Arc::new(LegalRules::shipped(zones, &calendars).unwrap()),
        calendars: Arc::new(calendars),
        legal_settings: [("US-CONSENT-PEWC", "on"), ("US-RND", "waived"), ("US-TX-HOURS", "on")].map(setting).into(),
        attempt_rules: vec![Stored::<AttemptRule>::parse(RuleRef::new("cap", 1), cap)],
        ..RuleDocuments::default()
    }
}

#[test]
fn a_check_that_allows_allocates_nothing() {
    let zones = Zones::bundled();
    let rules = RuleSet::compile(&documents(&zones), &[], &zones);
    let mut cache = IntervalCache::new(zones, IntervalCache::CAPACITY);
    let now: Timestamp = "2026-12-01T18:00:00Z".parse().unwrap();
    let before = |hours| now.saturating_sub(SignedDuration::from_hours(hours)).unwrap();
    let parts = [Part::new(PartKind::Phone, "US", "US-TX", "America/Chicago")];
    let subject = Subject { topic: Some("news".into()), ..Subject::UNSPECIFIED };
    let request =
        AttemptRequest { client: Some(7), parts: &parts, subject: &subject, ..AttemptRequest::new(Channel::Sms, 1, 8) };
    let lists = [NumberListStatus {
        name: "US-DNC".into(),
        own: false,
        state: NumberListState::Loaded { version: "1".into(), as_of: now },
    }];
    let attempts =
        [PastAttempt { client: Some(7), state: AttemptState::Final, ..PastAttempt::new(before(30), Channel::Sms, 8) }];
    let consents = [ConsentEvent {
        kind: ConsentKind::ExpressWritten,
        channels: vec![Channel::Sms],
        scope: ConsentScope::Topic { name: "News".into() },
        at: before(2_400),
        effective_at: None,
        expires: None,
        revoked: false,
        source: "form".into(),
        lifts_nothing: false,
        asked_for: None,
        key: Default::default(),
    }];
    let facts = Facts {
        suppression: Some(&[]),
        attempts: Some(&attempts),
        attempts_since: Timestamp::MIN,
        consents: Some(&consents),
        numbers: Some(NumberFacts { lists: &lists, holding: &[] }),
        ..Facts::none_known()
    };
    // the first check fills the cache
    let first = allocation_counter::measure(|| assert!(check(&rules, &mut cache, &request, &facts, now).is_allowed()));
    assert!(first.count_total > 0, "what is counted can be counted");
    let next = now.saturating_add(SignedDuration::from_secs(1)).unwrap();
    let again = allocation_counter::measure(|| assert!(check(&rules, &mut cache, &request, &facts, next).is_allowed()));
    assert_eq!(again.count_total, 0, "{again:?}");
}
