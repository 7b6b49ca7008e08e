//! The ledger of consents and opt-outs: one path of revocation, and what imports and erasure leave of it.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]
use cxc_core::channel::Channel;
use cxc_core::consent::{ConsentKind, ConsentScope, RevocationReach, opted_out_of_all};
use cxc_core::hash::HashKey;
use cxc_store::consent::{KeyKind, NewConsent};
use cxc_store::import::{ImportCounts, ListImport, NewImport};
use cxc_store::opt_out::{Revocation, Revoked, source};
use cxc_store::opt_out_review::NewReview;
use cxc_store::privacy::PersonKey;
use cxc_store::suppression::{SuppressionEntry, SuppressionList};
use cxc_store::{Db, Tx};
use cxc_test::TestDb;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

const KEY: HashKey = HashKey([7; 16]);
const PHONE: &str = "+12125550100";

fn now() -> i64 {
    "2026-11-29T10:00:00Z".parse::<Timestamp>().unwrap().as_microsecond()
}

fn hash(text: &str) -> i64 {
    KEY.hash(1, text)
}

fn entry(key: &str, source: &str) -> SuppressionEntry {
    SuppressionEntry {
        key_hash: hash(key),
        key: key.into(),
        from_at: None,
        until_at: None,
        reason: None,
        source: source.into(),
        added_at: now(),
    }
}

async fn revoke(tx: &mut Tx, key: &PersonKey, source: &str, at: i64) -> Revoked {
    let revocation = Revocation {
        tenant: 1,
        key,
        hash: None,
        channels: &[Channel::Sms],
        scope: ConsentScope::All,
        reach: RevocationReach::AsSaid,
        said_at: at,
        received_at: at,
        source,
        words: Some("STOP"),
        evidence: None,
    };
    tx.opt_out(&KEY, &revocation, &Uuid::now_v7, at).await.unwrap()
}

async fn list(tx: &mut Tx) -> SuppressionList {
    tx.suppression_opt_out_list_if_any(1, Channel::Sms).await.unwrap().unwrap()
}

async fn sources(tx: &mut Tx, keys: &[&str]) -> Vec<String> {
    let list = list(tx).await;
    let wanted: Vec<SuppressionEntry> = keys.iter().map(|k| entry(k, "")).collect();
    let mut found: Vec<(String, String)> = tx
        .suppression_present(list.generation, &wanted)
        .await
        .unwrap()
        .into_iter()
        .map(|e| (e.key, e.source))
        .collect();
    found.sort();
    found.into_iter().map(|(_, source)| source).collect()
}

async fn import(tx: &mut Tx, mode: &'static str, entries: &[SuppressionEntry]) -> (ListImport, i64) {
    let found = list(tx).await;
    let new = NewImport { job: Uuid::now_v7(), mode, file_name: "out.csv", now: now() };
    let begun = tx.suppression_import_begin(&found, &new).await.unwrap();
    let added = tx.suppression_import_write(&begun, entries).await.unwrap();
    let counts = ImportCounts { lines: 1, imported: 1, ..Default::default() };
    let kept = tx.suppression_import_publish(&begun, added, &counts, &Value::Null, now()).await.unwrap();
    let done = tx.import_get(1, begun.number).await.unwrap().unwrap();
    (done, kept)
}

async fn is_out(tx: &mut Tx, device: &str, at: i64) -> bool {
    let found = tx.consents_of(1, &[hash(device)], &[]).await.unwrap();
    let events: Vec<_> = found.iter().filter_map(cxc_store::consent::StoredConsent::event).collect();
    opted_out_of_all(&events, Channel::Sms, Timestamp::from_microsecond(at).unwrap()).is_some()
}

/// A fresh database with one tenant.
async fn start() -> TestDb {
    let db = TestDb::start().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let tenant = "INSERT INTO tenant (no, id, short_name, customer_name, domain, ccid, version, created_at, created_by, updated_at, updated_by)
        VALUES (1, $1, 'a', 'a', 'a', 'a', 1, 0, '', 0, '')";
    cxc_store::on!(&mut tx, conn => sqlx::query(tenant).bind(Uuid::from_u128(77)).execute(conn).await.unwrap().rows_affected());
    tx.commit().await.unwrap();
    db
}

async fn begin(db: &Db) -> Tx {
    db.begin().await.unwrap()
}

#[tokio::test]
async fn a_revocation_writes_list_and_ledger_together_and_is_new_once() {
    let db = start().await;
    let mut tx = begin(&db).await;
    let key = PersonKey::Address(PHONE.into());
    let first = revoke(&mut tx, &key, source::KEYWORD, now()).await;
    assert_eq!((first.new_entries, first.ledger, first.channels.as_slice()), (1, 1, &[Channel::Sms][..]));
    assert!(first.deadline > now() && first.confirm_until == now() + 300_000_000);
    assert_eq!(revoke(&mut tx, &key, source::KEYWORD, now() + 1).await.new_entries, 0);
    assert!(is_out(&mut tx, PHONE, now()).await);
    assert!(!is_out(&mut tx, PHONE, now() - 1).await);
    assert!(tx.consent_late(1, 10).await.unwrap().is_empty(), "at once is never late");
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn from_the_day_of_the_rule_on_one_stop_ends_calls_too() {
    let db = start().await;
    let mut tx = begin(&db).await;
    let later = "2027-01-31T00:00:00Z".parse::<Timestamp>().unwrap().as_microsecond();
    let done = revoke(&mut tx, &PersonKey::Address(PHONE.into()), source::KEYWORD, later).await;
    assert_eq!(done.channels, [Channel::Voice, Channel::Sms]);
    assert!(tx.suppression_opt_out_list_if_any(1, Channel::Voice).await.unwrap().is_some_and(|l| l.size == 1));
    assert!(tx.suppression_opt_out_list_if_any(1, Channel::Email).await.unwrap().is_none());
}

#[tokio::test]
async fn start_lifts_only_what_a_word_alone_made() {
    let db = start().await;
    let mut tx = begin(&db).await;
    let key = PersonKey::Address(PHONE.into());
    revoke(&mut tx, &key, source::KEYWORD, now()).await;
    assert!(tx.opt_in_by_word(1, Channel::Sms, PHONE, hash(PHONE), "START", now() + 1).await.unwrap());
    assert!(!is_out(&mut tx, PHONE, now() + 1).await);
    revoke(&mut tx, &key, source::KEYWORD, now() + 2).await;
    revoke(&mut tx, &key, source::API, now() + 3).await;
    assert_eq!(sources(&mut tx, &[PHONE]).await, ["api"]);
    assert!(!tx.opt_in_by_word(1, Channel::Sms, PHONE, hash(PHONE), "START", now() + 4).await.unwrap());
    assert!(is_out(&mut tx, PHONE, now() + 4).await);
}

#[tokio::test]
async fn a_replace_of_an_opt_out_list_keeps_what_people_asked_for_and_so_does_its_undo() {
    let db = start().await;
    let mut tx = begin(&db).await;
    revoke(&mut tx, &PersonKey::Address(PHONE.into()), source::KEYWORD, now()).await;
    let (first, _) = import(&mut tx, "append", &[entry("+12125550101", "import")]).await;
    assert_eq!(first.state, "published");
    let (second, kept) = import(&mut tx, "replace", &[entry("+12125550102", "import")]).await;
    assert_eq!(kept, 1);
    assert_eq!(sources(&mut tx, &[PHONE, "+12125550101", "+12125550102"]).await, ["keyword", "import"]);
    assert_eq!(list(&mut tx).await.size, 2);
    // one more opt-out, then the replace is taken back
    revoke(&mut tx, &PersonKey::Address("+12125550103".into()), source::LINK, now()).await;
    assert!(tx.suppression_import_undo(&second, now()).await.unwrap());
    let undoing = tx.import_get(1, second.number).await.unwrap().unwrap();
    while tx.suppression_settle_step(&undoing, "failed", i64::MIN, 100, now()).await.unwrap().is_some() {}
    assert_eq!(
        sources(&mut tx, &[PHONE, "+12125550101", "+12125550102", "+12125550103"]).await,
        ["keyword", "import", "link"]
    );
    assert_eq!(list(&mut tx).await.size, 3);
    assert!(is_out(&mut tx, "+12125550101", now()).await, "a file's entry is a revocation");
    assert!(!is_out(&mut tx, "+12125550102", now()).await, "unless its import was undone");
}

#[tokio::test]
async fn an_update_cannot_end_an_opt_out_and_an_undo_cannot_take_one_away() {
    let db = start().await;
    let mut tx = begin(&db).await;
    revoke(&mut tx, &PersonKey::Address(PHONE.into()), source::KEYWORD, now()).await;
    let ending = SuppressionEntry { until_at: Some(now() + 1), ..entry(PHONE, "import") };
    import(&mut tx, "update", std::slice::from_ref(&ending)).await;
    let found = list(&mut tx).await;
    let present = tx.suppression_present(found.generation, &[ending]).await.unwrap();
    assert_eq!((present[0].until_at, present[0].source.as_str()), (None, "import,keyword"));
    // a file's entry, then the person's own word: the undo of the file leaves it
    let (file, _) = import(&mut tx, "append", &[entry("+12125550104", "import")]).await;
    revoke(&mut tx, &PersonKey::Address("+12125550104".into()), source::KEYWORD, now()).await;
    assert!(tx.suppression_import_undo(&file, now()).await.unwrap());
    let undoing = tx.import_get(1, file.number).await.unwrap().unwrap();
    let mut after = i64::MIN;
    while let Some(next) = tx.suppression_settle_step(&undoing, "failed", after, 100, now()).await.unwrap() {
        after = next;
    }
    assert_eq!(sources(&mut tx, &["+12125550104"]).await, ["import,keyword"]);
}

#[tokio::test]
async fn a_consent_from_a_file_that_is_dated_before_a_revocation_lifts_nothing() {
    let db = start().await;
    let mut tx = begin(&db).await;
    revoke(&mut tx, &PersonKey::Address(PHONE.into()), source::LINK, now()).await;
    let consent = |said_at| NewConsent {
        key_kind: KeyKind::Device,
        key_hash: hash(PHONE),
        key: PHONE.into(),
        kind: ConsentKind::ExpressWritten,
        revoked: false,
        channels: Vec::new(),
        scope: ConsentScope::All,
        said_at,
        received_at: now() + 10,
        effective_at: now() + 10,
        deadline: None,
        expires_at: None,
        source: "import".into(),
        words: None,
        evidence: None,
        import: 0,
        asked_for: None,
        lifts: true,
    };
    tx.consent_insert(1, &[consent(now() - 1)]).await.unwrap();
    assert!(is_out(&mut tx, PHONE, now() + 20).await);
    tx.consent_insert(1, &[NewConsent { lifts: false, ..consent(now() + 5) }]).await.unwrap();
    assert!(is_out(&mut tx, PHONE, now() + 20).await, "a later one that may not lift");
    tx.consent_insert(1, &[consent(now() + 5)]).await.unwrap();
    assert!(!is_out(&mut tx, PHONE, now() + 20).await);
}

#[tokio::test]
async fn an_erasure_takes_key_and_words_and_the_opt_out_still_holds() {
    let db = start().await;
    let mut tx = begin(&db).await;
    let key = PersonKey::Address(PHONE.into());
    revoke(&mut tx, &key, source::KEYWORD, now()).await;
    let person = tx.person_find(1, &key, &KEY).await.unwrap();
    let data = tx.person_export(&person).await.unwrap();
    assert_eq!(data.consents.len(), 1);
    assert_eq!(data.consents[0].words.as_deref(), Some("STOP"));
    tx.person_erase(&person, now()).await.unwrap();
    let left = tx.consents_of(1, &[hash(PHONE)], &[]).await.unwrap();
    assert_eq!((left.len(), left[0].key.as_str(), &left[0].words), (1, "", &None));
    assert!(is_out(&mut tx, PHONE, now()).await);
    assert!(tx.consents_of(2, &[hash(PHONE)], &[]).await.unwrap().is_empty(), "another tenant sees nothing");
}

#[tokio::test]
async fn a_revocation_that_came_to_us_late_is_shown_as_late() {
    let db = start().await;
    let mut tx = begin(&db).await;
    let weeks_ago = now() - 30 * 86_400_000_000;
    let revocation = Revocation {
        tenant: 1,
        key: &PersonKey::Address(PHONE.into()),
        hash: None,
        channels: &[Channel::Sms],
        scope: ConsentScope::All,
        reach: RevocationReach::AsSaid,
        said_at: weeks_ago,
        received_at: weeks_ago,
        source: source::API,
        words: None,
        evidence: Some("letter 17"),
    };
    tx.opt_out(&KEY, &revocation, &Uuid::now_v7, now()).await.unwrap();
    let late = tx.consent_late(1, 10).await.unwrap();
    assert_eq!(late.len(), 1);
    assert!(late[0].late_by().unwrap() > 10 * 86_400_000_000);
}

#[tokio::test]
async fn a_message_in_review_is_decided_once() {
    let db = start().await;
    let mut tx = begin(&db).await;
    let new = NewReview {
        channel: Channel::Sms.bit(),
        key_hash: hash(PHONE),
        key: PHONE,
        words: "not interested",
        language: "en",
        rule: 1,
        received_at: now(),
    };
    let id = tx.opt_out_review_insert(1, &new).await.unwrap();
    assert_eq!(tx.opt_out_review_page(1, "open", 0, 10).await.unwrap().len(), 1);
    assert_eq!(tx.opt_out_review_open(1, Channel::Sms.bit(), hash(PHONE), id).await.unwrap(), 0);
    assert!(tx.opt_out_review_decide(1, id, "released", "ann", Some("a question"), now()).await.unwrap());
    assert!(!tx.opt_out_review_decide(1, id, "confirmed", "bob", None, now()).await.unwrap());
    assert!(tx.opt_out_review_page(1, "open", 0, 10).await.unwrap().is_empty());
}
