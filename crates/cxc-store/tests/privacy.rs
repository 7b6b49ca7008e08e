//! One person's data: found by client id or address, exported, erased, with suppression that still holds.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on fails")]
use std::collections::HashMap;
use std::sync::Arc;

use cxc_core::channel::Channel;
use cxc_core::compliance::PersonFlag;
use cxc_core::hash::HashKey;
use cxc_core::record::{Reason, RecordStatus};
use cxc_store::attempt::{AttemptUpdate, NewAttempt};
use cxc_store::consent::KeyKind;
use cxc_store::contact::{Contact, Device, FullContact};
use cxc_store::evidence::{Appending, Decision, DeviceSeal, EvidenceChain, Indexed};
use cxc_store::list::ContactList;
use cxc_store::person_flag::StoredFlag;
use cxc_store::privacy::{Erased, Erasure, PersonKey};
use cxc_store::suppression::{DEVICE, NewSuppressionList, SuppressionEntry};
use cxc_store::{Db, Engine, installation};
use cxc_test::{TestDb, begun};
use serde_json::json;
use uuid::Uuid;

const NOW: i64 = 1_700_000_000_000_000;
const MONTH: i64 = 202_311;
const KEY: HashKey = HashKey([7; 16]);
const PHONE: &str = "+12125550123";

fn hash(text: &str) -> i64 {
    KEY.hash(1, text)
}

fn contact(id: i64, client_id: &str, addresses: &[&str]) -> FullContact {
    let device = |(n, address): (usize, &&str)| Device {
        contact: id,
        position: i16::try_from(n + 1).unwrap(),
        kind: if address.starts_with('+') { 1 } else { 2 },
        address: (*address).into(),
        address_hash: hash(&address.to_lowercase()),
        ..Device::default()
    };
    FullContact {
        contact: Contact {
            id,
            key_hash: hash(client_id),
            client_id: Some(client_id.into()),
            first_name: Some("Ann".into()),
            custom: Some(r#"{"c_other1":"blue"}"#.into()),
            ..Contact::default()
        },
        devices: addresses.iter().enumerate().map(device).collect(),
    }
}

async fn list_of(db: &Db, number: u128, contacts: &[FullContact]) -> ContactList {
    let mut tx = db.begin().await.unwrap();
    let id = Uuid::from_u128(number);
    tx.contact_list_insert(1, id).await.unwrap();
    let list = tx.contact_list_get(1, id).await.unwrap().unwrap();
    tx.contacts_insert(list.generation, contacts).await.unwrap();
    let devices: usize = contacts.iter().map(|c| c.devices.len()).sum();
    let count = |n: usize| i64::try_from(n).unwrap();
    tx.contact_list_count(list.number, count(contacts.len()), count(devices), 1000).await.unwrap();
    tx.commit().await.unwrap();
    list
}

fn attempt(id: i64, contact: i64, address: &str, client_id: &str) -> NewAttempt {
    NewAttempt {
        tenant: 1,
        month: MONTH,
        id,
        grp: 1,
        record: contact,
        list: 1,
        contact,
        account: 1,
        epoch: 1,
        channel: 2,
        position: 1,
        device_hash: hash(address),
        client_hash: Some(hash(client_id)),
        location: 0,
        rule_set: 1,
        regions: None,
        started_at: NOW,
    }
}

async fn final_attempts(db: &Db, attempts: &[NewAttempt]) {
    let ended = |a: &NewAttempt| AttemptUpdate {
        month: MONTH,
        id: a.id,
        state: 3,
        result: Some(0),
        provider_id: Some("p1".into()),
        detail: Some("delivered".into()),
        finished_at: Some(NOW),
    };
    let updates: Vec<AttemptUpdate> = attempts.iter().map(ended).collect();
    let mut tx = db.begin().await.unwrap();
    tx.attempt_insert(&begun(attempts)).await.unwrap();
    tx.attempt_update(1, &updates).await.unwrap();
    tx.commit().await.unwrap();
}

async fn suppress(db: &Db, key: &str) {
    let mut tx = db.begin().await.unwrap();
    let new = NewSuppressionList {
        id: Uuid::from_u128(99),
        kind: DEVICE,
        channels: 7,
        required: true,
        expires_at: None,
        role: None,
        opt_outs: false,
    };
    tx.suppression_list_insert(1, &new).await.unwrap();
    let list = tx.suppression_list_get(1, new.id).await.unwrap().unwrap();
    let entry = SuppressionEntry {
        key_hash: hash(key),
        key: key.into(),
        from_at: None,
        until_at: None,
        reason: Some("asked by Ann".into()),
        source: "api".into(),
        added_at: NOW,
    };
    tx.suppression_add(&list, &[entry], 0).await.unwrap();
    tx.commit().await.unwrap();
}

async fn export(db: &Db, key: &PersonKey) -> serde_json::Value {
    let mut tx = db.read().await.unwrap();
    let person = tx.person_find(1, key, &KEY).await.unwrap();
    serde_json::to_value(tx.person_export(&person).await.unwrap()).unwrap()
}

async fn erase(db: &Db, key: &PersonKey) -> Erased {
    let mut tx = db.begin().await.unwrap();
    let person = tx.person_find(1, key, &KEY).await.unwrap();
    let Erasure::Done(erased) = tx.person_erase(&person, NOW).await.unwrap() else { panic!("no list is busy") };
    tx.commit().await.unwrap();
    erased
}

/// Whether a text stands anywhere in the files of an embedded store.
fn in_files(url: &str, text: &str) -> bool {
    let path = url.trim_start_matches("sqlite:");
    ["", "-wal"].iter().any(|tail| {
        let bytes = std::fs::read(format!("{path}{tail}")).unwrap_or_default();
        bytes.windows(text.len()).any(|at| at == text.as_bytes())
    })
}

#[tokio::test]
async fn what_was_erased_is_in_no_file_any_more() {
    let db = TestDb::start_on(Engine::Sqlite).await.unwrap();
    let (client, address) = ("C-31337-secret", "ann.erased@example.com");
    // lists of several pages, filled in another order than that of the keys: pages are split and merged
    for number in 1..4_u32 {
        let mut contacts: Vec<FullContact> = (0..3000)
            .map(|n| contact(n * 7919 % 3001 + 10_000, &format!("C-{n}"), &[&format!("u{n}@example.com")]))
            .collect();
        contacts.push(contact(i64::from(number) * 3000, client, &[address, "+12125550199"]));
        contacts.rotate_left(1000 * usize::try_from(number).unwrap() / 2);
        list_of(&db, u128::from(number), &contacts).await;
    }
    suppress(&db, address).await;
    assert!(in_files(db.url(), address) && in_files(db.url(), client));
    let erased = erase(&db, &PersonKey::Address(address.into())).await;
    assert_eq!((erased.contacts, erased.devices, erased.suppression), (3, 6, 1));
    assert!(db.empty_journal().await.unwrap());
    for text in [address, client, "+12125550199", "asked by Ann"] {
        assert!(!in_files(db.url(), text), "{text}");
    }
    // others stay
    assert!(in_files(db.url(), "u2999@example.com"));
}

#[tokio::test]
async fn a_person_is_found_by_any_of_the_keys_in_every_list() {
    let db = TestDb::start().await.unwrap();
    list_of(&db, 1, &[contact(1, "C-1", &[PHONE, "Ann@Example.com"]), contact(2, "C-2", &["+12125550150"])]).await;
    list_of(&db, 2, &[contact(3, "C-1", &["ann.work@example.com"])]).await;
    for key in [PersonKey::ClientId("C-1".into()), PersonKey::Address("ann@example.com".into())] {
        let data = export(&db, &key).await;
        let clients: Vec<&str> =
            data["contacts"].as_array().unwrap().iter().map(|c| c["clientId"].as_str().unwrap()).collect();
        assert_eq!(clients, ["C-1", "C-1"], "{key:?}");
        assert_eq!(data["addresses"].as_array().unwrap().len(), 3, "{data}");
        assert_eq!(data["contacts"][0]["custom"]["c_other1"], "blue");
    }
    let nobody = export(&db, &PersonKey::Address("nobody@example.com".into())).await;
    assert_eq!(nobody["contacts"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn an_erased_person_leaves_statistics_and_a_suppression_that_holds() {
    let db = TestDb::start().await.unwrap();
    let list = list_of(&db, 1, &[contact(1, "C-1", &[PHONE]), contact(2, "C-2", &["+12125550150"])]).await;
    suppress(&db, PHONE).await;
    final_attempts(&db, &[attempt(1, 1, PHONE, "C-1"), attempt(2, 2, "+12125550150", "C-2")]).await;

    let erased = erase(&db, &PersonKey::ClientId("C-1".into())).await;
    assert_eq!((erased.contacts, erased.devices, erased.attempts, erased.suppression), (1, 1, 1, 1));

    let after = export(&db, &PersonKey::Address(PHONE.into())).await;
    for (what, left) in [("contacts", 0), ("attempts", 0), ("suppression", 1)] {
        assert_eq!(after[what].as_array().unwrap().len(), left, "{what}: {after}");
    }
    assert_eq!(after["suppression"][0]["value"], "");
    assert!(after["suppression"][0]["reason"].is_null());

    let mut tx = db.read().await.unwrap();
    let lists = tx.suppression_lists(1).await.unwrap();
    assert_eq!(
        tx.suppression_hits(&lists, &[hash(PHONE)], &[], NOW).await.unwrap().len(),
        1,
        "suppression still holds"
    );
    let list = tx.contact_list_get(1, list.id).await.unwrap().unwrap();
    assert_eq!((list.contacts, list.devices), (1, 1));
    drop(tx);
    let other = export(&db, &PersonKey::ClientId("C-2".into())).await;
    assert_eq!((other["contacts"].as_array().unwrap().len(), other["attempts"].as_array().unwrap().len()), (1, 1));
}

#[tokio::test]
async fn erasing_again_finds_nothing_more() {
    let db = TestDb::start().await.unwrap();
    list_of(&db, 1, &[contact(1, "C-1", &[PHONE])]).await;
    suppress(&db, PHONE).await;
    erase(&db, &PersonKey::Address(PHONE.into())).await;
    assert_eq!(erase(&db, &PersonKey::Address(PHONE.into())).await, Erased::default());
}

#[tokio::test]
async fn an_attempt_whose_result_is_awaited_is_told_and_erased_later() {
    let db = TestDb::start().await.unwrap();
    list_of(&db, 1, &[contact(1, "C-1", &[PHONE])]).await;
    let mut tx = db.begin().await.unwrap();
    tx.attempt_insert(&begun(&[attempt(1, 1, PHONE, "C-1")])).await.unwrap();
    tx.commit().await.unwrap();
    let erased = erase(&db, &PersonKey::Address(PHONE.into())).await;
    assert_eq!((erased.attempts, erased.open_attempts), (0, 1));
}

#[tokio::test]
async fn a_shared_phone_does_not_take_another_persons_history() {
    let db = TestDb::start().await.unwrap();
    list_of(&db, 1, &[contact(1, "C-1", &[PHONE]), contact(2, "C-2", &[PHONE])]).await;
    final_attempts(&db, &[attempt(1, 1, PHONE, "C-1"), attempt(2, 2, PHONE, "C-2")]).await;
    assert_eq!(erase(&db, &PersonKey::ClientId("C-1".into())).await.attempts, 1);
    let other = export(&db, &PersonKey::ClientId("C-2".into())).await;
    assert_eq!(other["attempts"].as_array().unwrap().len(), 1);
}

/// A decision about somebody on a device, as a validation keeps it.
fn decision(client: Option<&str>, device: &str) -> Decision {
    Decision {
        at: NOW,
        grp: 0,
        channel: Channel::Voice,
        device: hash(device),
        client: client.map(hash),
        attempt: None,
        request_id: None,
        campaign_id: None,
        trace: None,
        held: None,
        rules: Arc::default(),
        data: Arc::default(),
        software: "0".into(),
        inputs: json!({}),
        verdict: json!({}),
        columns: None,
    }
}

#[tokio::test]
async fn a_person_whom_no_list_has_is_exported_and_erased_by_the_devices_of_decisions() {
    let db = TestDb::start().await.unwrap();
    let (other, shared) = ("+12125550999", "+12125550777");
    let kept = [(Some("C-9"), PHONE), (Some("C-8"), other), (Some("C-9"), shared), (Some("C-8"), shared)];
    let decisions = kept.map(|(client, device)| decision(client, device));
    let addresses = [PHONE, other, shared].map(|text| (hash(text), text));
    let seal = DeviceSeal::new(&KEY).unwrap();
    let mut tx = db.begin().await.unwrap();
    let to =
        Appending { chain: &mut EvidenceChain::new(5), seal: &seal, tenant: 1, now: NOW, indexed: Indexed::Itself };
    let appended = tx.evidence_append(to, &decisions.each_ref(), &HashMap::from(addresses)).await.unwrap();
    let flag = StoredFlag::new(KeyKind::Device, hash(PHONE), PHONE, PersonFlag::Cease);
    tx.person_flag_add(1, &flag).await.unwrap();
    tx.commit().await.unwrap();
    let key = PersonKey::ClientId("C-9".into());
    let data = export(&db, &key).await;
    assert_eq!(data["addresses"], json!([PHONE, shared]));
    assert_eq!((data["decisions"].as_array().unwrap().len(), &data["flags"][0]["value"]), (2, &json!(PHONE)));
    let erased = erase(&db, &key).await;
    assert_eq!((erased.notes, erased.decisions), (1, 2), "what is kept by the device goes, too");
    let mut tx = db.read().await.unwrap();
    let mut named = Vec::new();
    for id in &appended.ids {
        let found = tx.evidence_get(1, *id).await.unwrap().unwrap();
        named.push(found.personal(&seal, 1).unwrap().map(|personal| personal.device));
    }
    let texts = [None, Some(other), None, Some(shared)].map(|text| text.map(str::to_owned));
    assert_eq!(named, texts, "what was decided about another client stays");
    drop(tx);
    let left = export(&db, &key).await;
    assert_eq!((&left["addresses"], left["decisions"].as_array().unwrap().len()), (&json!([]), 2));
    assert!(!left.to_string().contains(PHONE));
}

#[tokio::test]
async fn a_record_that_was_ready_is_excluded_as_erased_and_counted_there() {
    let db = TestDb::start().await.unwrap();
    list_of(&db, 1, &[contact(1, "C-1", &[PHONE])]).await;
    let mut tx = db.begin().await.unwrap();
    let grp = tx.group_insert(1, Uuid::from_u128(5), 2, 1, NOW).await.unwrap();
    let mut rows = cxc_store::bulk::BulkBuffer::new(tx.engine(), &cxc_store::record::RECORD);
    // grp, id, list, status, reason, priority, due, device, attempts, retries, epoch, dedupe_hash, cause, changed_at
    for value in [grp, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0] {
        rows.int(value);
    }
    rows.int(0).opt_text(None).int(NOW).end_row();
    tx.bulk_write(rows).await.unwrap();
    tx.commit().await.unwrap();

    assert_eq!(erase(&db, &PersonKey::ClientId("C-1".into())).await.records, 1);
    let mut tx = db.read().await.unwrap();
    let record = tx.record_get(grp, 1).await.unwrap().unwrap();
    assert_eq!((record.status, record.reason), (RecordStatus::Excluded.code(), Reason::Erased.code()));
    let counted = tx.record_counters(grp).await.unwrap();
    assert!(counted.iter().any(|(b, n)| b.status == RecordStatus::Excluded.code() && *n == 1), "{counted:?}");
}

#[tokio::test]
async fn a_list_that_is_being_imported_is_not_erased_from() {
    let db = TestDb::start().await.unwrap();
    let list = list_of(&db, 1, &[contact(1, "C-1", &[PHONE])]).await;
    let mut tx = db.begin().await.unwrap();
    tx.list_lease("contacts", list.number, "importer").await.unwrap().unwrap();
    let person = tx.person_find(1, &PersonKey::ClientId("C-1".into()), &KEY).await.unwrap();
    assert!(matches!(tx.person_erase(&person, NOW).await.unwrap(), Erasure::Busy(n) if n == list.number));
    // who is not known yet may be in the file
    let person = tx.person_find(1, &PersonKey::ClientId("C-2".into()), &KEY).await.unwrap();
    assert!(matches!(tx.person_erase(&person, NOW).await.unwrap(), Erasure::Busy(n) if n == list.number));
    let other = tx.person_find(2, &PersonKey::ClientId("C-2".into()), &KEY).await.unwrap();
    assert!(matches!(tx.person_erase(&other, NOW).await.unwrap(), Erasure::Done(_)), "another tenant's");
}

#[tokio::test]
async fn the_hash_key_is_made_once_a_database() {
    let db = TestDb::start().await.unwrap();
    let first = installation::hash_key(&db, [1; 16]).await.unwrap();
    let second = installation::hash_key(&db, [2; 16]).await.unwrap();
    assert_eq!((first.0, second.0), ([1; 16], [1; 16]));
}
