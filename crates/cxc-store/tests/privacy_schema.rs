//! Every table that keeps a person's keyed hash is exported and erased with the person, or stands here with the reason
//! why not. A new table fails these tests until somebody has decided.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use cxc_core::channel::Channel;
use cxc_core::compliance::PersonFlag;
use cxc_core::consent::{ConsentScope, RevocationReach};
use cxc_core::hash::HashKey;
use cxc_store::attempt::{AttemptUpdate, NewAttempt};
use cxc_store::attempt_subject::NewSubject;
use cxc_store::consent::KeyKind;
use cxc_store::contact::{Contact, Device, FullContact};
use cxc_store::declared_time::NewDeclared;
use cxc_store::evidence::{Appending, Decision, DeviceSeal, EvidenceChain, Indexed, RulesUsed};
use cxc_store::number_answer::StoredAnswer;
use cxc_store::opt_out::{Revocation, source};
use cxc_store::opt_out_review::NewReview;
use cxc_store::person_flag::StoredFlag;
use cxc_store::privacy::{Erasure, PersonKey};
use cxc_store::{Db, Tx, on};
use cxc_test::{TestDb, begun};
use serde_json::json;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

const KEY: HashKey = HashKey([7; 16]);
const NOW: i64 = 1_700_000_000_000_000;
const PHONE: &str = "+12125550123";
const CLIENT: &str = "C-mark-client";

/// Columns that hold a keyed hash and stay as they are, with the reason. Everything else is erased.
const KEPT: &[(&str, &str, &str)] = &[
    ("consent", "key_hash", "an opt-out must hold after the person is erased"),
    ("suppression_entry", "key_hash", "an opt-out must hold after the person is erased"),
    ("opt_out_review", "key_hash", "what may be an opt-out holds until somebody has decided"),
    ("person_flag", "key_hash", "a bankruptcy or a request to cease must hold after the person is erased"),
    ("declared_time", "key_hash", "inconvenient times must hold after the person is erased"),
    (
        "evidence_subject",
        "key_hash",
        "decisions are kept as the law wants; the sealed device beside them that names the person goes",
    ),
    ("record", "dedupe_hash", "who was loaded once into a group is not loaded again by another list"),
    ("record_dedupe", "dedupe_hash", "the same, as an index"),
    ("attempt", "device_hash", "a call that was made counts against the person's caps until no rule looks back so far"),
    ("attempt", "client_hash", "the same"),
    ("attempt_subject", "key_hash", "the same"),
    ("in_flight", "device_hash", "gone with the end of the attempt; one under way is erased when its result has come"),
    ("in_flight", "client_hash", "the same"),
    ("suppression_change", "key_hash", "gone once campaign groups show the change, and what it is about holds on"),
];

/// Where a table's data is in the export: a text that this test puts there. Tables without one say why.
const EXPORTED: &[(&str, Result<&str, &str>)] = &[
    ("contact", Ok("mark-first-name")),
    ("contact_key", Err("an index of contact")),
    ("device", Ok(PHONE)),
    ("device_address", Err("an index of device")),
    ("suppression_entry", Ok("opted out")),
    ("record", Err("exported by its contact, not by this hash")),
    ("record_dedupe", Err("an index of record")),
    ("attempt", Ok("mark-detail")),
    ("attempt_subject", Err("keyed hashes of the attempts that are exported; nothing in words")),
    ("in_flight", Err("keyed hashes of the attempts that are exported; nothing in words")),
    ("inbound_message", Ok("mark-kind")),
    ("suppression_change", Err("a keyed hash of an entry that is exported; nothing in words")),
    ("number_answer", Ok("mark-source")),
    ("evidence_subject", Ok("mark-request")),
    ("consent", Ok("mark-words")),
    ("opt_out_review", Ok("mark-review")),
    ("person_flag", Ok("mark-flag")),
    ("declared_time", Ok("mark-times")),
    ("privacy_request", Err("asks for this very export or for the erasure, for 30 days")),
];

fn hash(text: &str) -> i64 {
    KEY.hash(1, text)
}

/// Every column that holds a keyed hash of a person: (table, column). Partitions count as their table.
async fn hash_columns(tx: &mut Tx) -> Vec<(String, String)> {
    const LITE: &str = "SELECT m.name, p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p
        WHERE m.type = 'table' AND p.name LIKE '%\\_hash' ESCAPE '\\' ORDER BY 1, 2";
    const PG: &str = "SELECT c.table_name::text, c.column_name::text FROM information_schema.columns c
        WHERE c.table_schema = current_schema() AND c.table_name <> 'attempt_known' AND c.column_name LIKE '%\\_hash'
          AND c.table_name NOT IN (SELECT i.inhrelid::regclass::text FROM pg_inherits i) ORDER BY 1, 2";
    let sql = tx.choose(PG, LITE);
    let found: Vec<(String, String)> = on!(tx, conn => sqlx::query_as(sql).fetch_all(conn).await.unwrap());
    // what signs people in is no keyed hash of a person who is contacted
    found.into_iter().filter(|(_, column)| !matches!(column.as_str(), "token_hash" | "secret_hash")).collect()
}

#[tokio::test]
async fn every_table_with_a_persons_hash_is_listed_here() {
    let db = TestDb::start().await.unwrap();
    let mut tx = db.read().await.unwrap();
    let found: BTreeSet<String> = hash_columns(&mut tx).await.into_iter().map(|(table, _)| table).collect();
    let listed: BTreeSet<String> = EXPORTED.iter().map(|(table, _)| (*table).to_owned()).collect();
    let new: Vec<&String> = found.difference(&listed).collect();
    assert!(new.is_empty(), "tables that keep a person's hash: say how they are exported and erased: {new:?}");
    let gone: Vec<&String> = listed.difference(&found).collect();
    assert!(gone.is_empty(), "listed tables without a person's hash: {gone:?}");
}

/// A person in every table.
async fn fill(db: &Db) {
    let mut tx = db.begin().await.unwrap();
    let tenant = "INSERT INTO tenant (no, id, short_name, customer_name, domain, ccid, version, created_at, created_by, updated_at, updated_by)
        VALUES (1, $1, 'a', 'a', 'a', 'a', 1, 0, '', 0, '')";
    on!(&mut tx, conn => sqlx::query(tenant).bind(Uuid::from_u128(77)).execute(conn).await.unwrap().rows_affected());
    contact(&mut tx).await;
    attempts(&mut tx).await;
    let revocation = Revocation {
        tenant: 1,
        key: &PersonKey::Address(PHONE.into()),
        hash: None,
        channels: &[Channel::Sms],
        scope: ConsentScope::All,
        reach: RevocationReach::AsSaid,
        said_at: NOW,
        received_at: NOW,
        source: source::KEYWORD,
        words: Some("mark-words"),
        evidence: None,
    };
    tx.opt_out(&KEY, &revocation, &Uuid::now_v7, NOW).await.unwrap();
    let review = NewReview {
        channel: Channel::Sms.bit(),
        key_hash: hash(PHONE),
        key: PHONE,
        words: "mark-review",
        language: "en",
        rule: 1,
        received_at: NOW,
    };
    tx.opt_out_review_insert(1, &review).await.unwrap();
    let mut flag = StoredFlag::new(KeyKind::Client, hash(CLIENT), CLIENT, PersonFlag::Cease);
    flag.note = Some("mark-flag".into());
    tx.person_flag_add(1, &flag).await.unwrap();
    let hours = serde_json::from_value(json!({ "mon": "09:00-12:00" })).unwrap();
    let times = NewDeclared {
        key_kind: KeyKind::Device,
        key_hash: hash(PHONE),
        key: PHONE,
        hours: &hours,
        note: Some("mark-times"),
        said_at: NOW,
        added_at: NOW,
        added_by: "test",
    };
    tx.declared_add(1, &times).await.unwrap();
    let answer = StoredAnswer {
        device_hash: hash(PHONE),
        number: PHONE.into(),
        queried_at: NOW,
        consent_at: Some(NOW),
        answer: "no".into(),
        line_type: None,
        ported_at: None,
        source: "mark-source".into(),
    };
    tx.number_answers_put(1, &[answer]).await.unwrap();
    tx.commit().await.unwrap();
    decision(db).await;
}

async fn contact(tx: &mut Tx) {
    let device = Device {
        contact: 7,
        position: 1,
        kind: 1,
        address: PHONE.into(),
        address_hash: hash(PHONE),
        ..Device::default()
    };
    let contact = Contact {
        id: 7,
        key_hash: hash(CLIENT),
        client_id: Some(CLIENT.into()),
        first_name: Some("mark-first-name".into()),
        ..Contact::default()
    };
    let id = Uuid::from_u128(5);
    tx.contact_list_insert(1, id).await.unwrap();
    let list = tx.contact_list_get(1, id).await.unwrap().unwrap();
    tx.contacts_insert(list.generation, &[FullContact { contact, devices: vec![device] }]).await.unwrap();
    tx.contact_list_count(list.number, 1, 1, 1_000).await.unwrap();
    const RECORD: &str = "INSERT INTO record_dedupe (grp, dedupe_hash, id) VALUES (1, $1, 7)";
    on!(tx, conn => sqlx::query(RECORD).bind(hash(PHONE)).execute(conn).await.unwrap().rows_affected());
}

async fn attempts(tx: &mut Tx) {
    let new = NewAttempt {
        tenant: 1,
        month: 202_311,
        id: 31,
        grp: 1,
        record: 7,
        list: 1,
        contact: 7,
        account: 1,
        epoch: 1,
        channel: 2,
        position: 1,
        device_hash: hash(PHONE),
        client_hash: Some(hash(CLIENT)),
        location: 0,
        rule_set: 1,
        regions: None,
        started_at: NOW,
    };
    let ended = AttemptUpdate {
        month: 202_311,
        id: 31,
        state: 3,
        result: Some(0),
        provider_id: Some("mark-provider".into()),
        detail: Some("mark-detail".into()),
        finished_at: Some(NOW),
    };
    tx.attempt_insert(&begun(&[new])).await.unwrap();
    tx.attempt_update(1, &[ended]).await.unwrap();
    let subject = NewSubject { kind: 3, key: hash(CLIENT), started_at: NOW, month: 202_311, attempt: 31 };
    tx.attempt_subject_insert(1, &[subject]).await.unwrap();
    tx.inbound_insert(1, 1, Channel::Sms, "in-1", hash(PHONE), "mark-kind", NOW).await.unwrap();
}

async fn decision(db: &Db) {
    let decision = Decision {
        at: NOW,
        grp: 1,
        channel: Channel::Sms,
        device: hash(PHONE),
        client: Some(hash(CLIENT)),
        attempt: None,
        request_id: Some("mark-request".into()),
        campaign_id: None,
        trace: None,
        held: None,
        rules: Arc::new(RulesUsed::default()),
        data: Arc::default(),
        software: "0".into(),
        inputs: json!({}),
        verdict: json!({}),
        columns: None,
    };
    let mut chain = EvidenceChain::new(5);
    let mut tx = db.begin().await.unwrap();
    let seal = DeviceSeal::new(&KEY).unwrap();
    let to = Appending { chain: &mut chain, seal: &seal, tenant: 1, now: NOW, indexed: Indexed::Itself };
    tx.evidence_append(to, &[&decision], &HashMap::from([(hash(PHONE), PHONE)])).await.unwrap();
    tx.commit().await.unwrap();
}

/// How many rows of a table have the person's hash in a column.
async fn count(tx: &mut Tx, table: &str, column: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table} WHERE {column} IN ($1, $2)");
    on!(tx, conn => sqlx::query_scalar(AssertSqlSafe(sql)).bind(hash(PHONE)).bind(hash(CLIENT)).fetch_one(conn).await.unwrap())
}

#[tokio::test]
async fn what_is_kept_of_a_person_is_exported_and_an_erasure_leaves_only_what_must_hold() {
    let db = TestDb::start().await.unwrap();
    fill(&db).await;
    let mut tx = db.begin().await.unwrap();
    let columns = hash_columns(&mut tx).await;
    for (table, marker) in EXPORTED {
        let of_table: Vec<&str> = columns.iter().filter(|c| c.0 == *table).map(|c| c.1.as_str()).collect();
        let mut rows = 0;
        for column in of_table {
            rows += count(&mut tx, table, column).await;
        }
        // what has no words of its own may be left out here
        assert!(rows > 0 || marker.is_err(), "this test fills {table}");
    }
    let person = tx.person_find(1, &PersonKey::Address(PHONE.into()), &KEY).await.unwrap();
    let data = serde_json::to_string(&tx.person_export(&person).await.unwrap()).unwrap();
    for (table, marker) in EXPORTED {
        if let Ok(marker) = marker {
            assert!(data.contains(marker), "{table} is exported: {marker}");
        }
    }
    let Erasure::Done(_) = tx.person_erase(&person, NOW).await.unwrap() else { panic!("no list is busy") };
    for (table, column) in &columns {
        let is_kept = KEPT.iter().any(|(t, c, reason)| t == table && c == column && !reason.is_empty());
        let left = count(&mut tx, table, column).await;
        assert!(left == 0 || is_kept, "{table}.{column} is erased, or stands in KEPT with the reason");
    }
    for (table, column) in texts(&mut tx).await {
        let of_text = tx.choose(format!("{column}::text"), column.clone());
        let sql = format!(
            "SELECT count(*) FROM {table} WHERE {of_text} LIKE '%{PHONE}%' OR {of_text} LIKE '%C-mark-client%'"
        );
        let left: i64 = on!(&mut tx, conn => sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(conn).await.unwrap());
        assert_eq!(left, 0, "{table}.{column} still names the person");
    }
}

/// Every column of text or JSON.
async fn texts(tx: &mut Tx) -> Vec<(String, String)> {
    const LITE: &str = "SELECT m.name, p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p
        WHERE m.type = 'table' AND p.type = 'TEXT' AND m.name NOT LIKE 'sqlite%'";
    const PG: &str = "SELECT c.table_name::text, quote_ident(c.column_name::text) FROM information_schema.columns c
        JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
        WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND c.data_type IN ('text', 'jsonb')";
    let sql = tx.choose(PG, LITE);
    on!(tx, conn => sqlx::query_as(sql).fetch_all(conn).await.unwrap())
}
