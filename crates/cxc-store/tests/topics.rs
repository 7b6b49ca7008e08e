//! An opt-out of a topic or a brand from the revocation to the check, with the shipped rules.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]
use std::sync::Arc;

use cxc_core::channel::Channel;
use cxc_core::compliance::legal::LegalRules;
use cxc_core::compliance::{
    AttemptRequest, Calendars, Facts, IntervalCache, Part, PartKind, RuleDocuments, RuleSet, Subject, Zones, check,
};
use cxc_core::consent::{ConsentEvent, ConsentScope, RevocationReach};
use cxc_core::hash::HashKey;
use cxc_core::record::Reason;
use cxc_store::consent::StoredConsent;
use cxc_store::opt_out::{Revocation, source};
use cxc_store::privacy::PersonKey;
use cxc_test::TestDb;
use jiff::Timestamp;
use uuid::Uuid;

const KEY: HashKey = HashKey([7; 16]);
const PHONE: &str = "+12125550100";
const BEFORE: &str = "2026-12-01T17:00:00Z";
const AFTER: &str = "2027-02-01T17:00:00Z";

/// What the ledger says after one revocation of texts in this scope.
async fn ledger(scope: ConsentScope) -> Vec<ConsentEvent> {
    let db = TestDb::start().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let at = "2026-11-20T10:00:00Z".parse::<Timestamp>().unwrap().as_microsecond();
    let revocation = Revocation {
        tenant: 1,
        key: &PersonKey::Address(PHONE.into()),
        hash: None,
        channels: &[Channel::Sms],
        scope,
        reach: RevocationReach::AsSaid,
        said_at: at,
        received_at: at,
        source: source::API,
        words: None,
        evidence: None,
    };
    let done = tx.opt_out(&KEY, &revocation, &Uuid::now_v7, at).await.unwrap();
    assert_eq!(done.new_entries, 0, "everything else goes on, so no list suppresses");
    let found = tx.consents_of(1, &[KEY.hash(1, PHONE)], &[]).await.unwrap();
    found.iter().filter_map(StoredConsent::event).collect()
}

/// Who answers whether a contact is barred by an opt-out.
struct Desk {
    rules: RuleSet,
    cache: IntervalCache,
}

impl Desk {
    fn new() -> Self {
        let (zones, calendars) = (Zones::bundled(), Calendars::shipped().unwrap());
        let documents = RuleDocuments {
            legal_packs: Arc::new(LegalRules::shipped(&zones, &calendars).unwrap()),
            calendars: Arc::new(calendars),
            ..RuleDocuments::default()
        };
        let rules = RuleSet::compile(&documents, &[], &zones);
        Self { rules, cache: IntervalCache::new(zones, IntervalCache::CAPACITY) }
    }

    fn is_out(&mut self, ledger: &[ConsentEvent], channel: Channel, topic: &str, brand: &str, now: &str) -> bool {
        let parts = [Part::new(PartKind::Phone, "US", "US-NY", "America/New_York")];
        let subject = Subject { topic: Some(topic.into()), brand: Some(brand.into()), ..Subject::UNSPECIFIED };
        let request = AttemptRequest { parts: &parts, subject: &subject, ..AttemptRequest::new(channel, 1, 8) };
        let facts = Facts { suppression: Some(&[]), consents: Some(ledger), ..Facts::none_known() };
        let verdict = check(&self.rules, &mut self.cache, &request, &facts, now.parse().unwrap());
        verdict.reasons.iter().any(|reason| reason.code == Reason::OptedOut)
    }
}

#[tokio::test]
async fn an_opt_out_of_a_topic_ends_that_topic_and_from_the_day_of_the_rule_on_every_call_and_text() {
    let ledger = ledger(ConsentScope::Topic { name: "News".into() }).await;
    let mut desk = Desk::new();
    for (channel, topic, now, out) in [
        (Channel::Sms, "news", BEFORE, true),
        (Channel::Sms, "bills", BEFORE, false),
        (Channel::Voice, "news", BEFORE, false),
        (Channel::Sms, "news", AFTER, true),
        (Channel::Sms, "bills", AFTER, true),
        (Channel::Voice, "bills", AFTER, true),
        (Channel::Email, "news", AFTER, false),
    ] {
        assert_eq!(desk.is_out(&ledger, channel, topic, "acme", now), out, "{channel:?} {topic} {now}");
    }
}

#[tokio::test]
async fn an_opt_out_of_a_brand_ends_that_brand_and_from_the_day_of_the_rule_on_every_other() {
    let ledger = ledger(ConsentScope::Brand { name: "Acme".into() }).await;
    let mut desk = Desk::new();
    for (brand, now, out) in
        [("acme", BEFORE, true), ("other", BEFORE, false), ("acme", AFTER, true), ("other", AFTER, true)]
    {
        assert_eq!(desk.is_out(&ledger, Channel::Sms, "news", brand, now), out, "{brand} {now}");
    }
}
