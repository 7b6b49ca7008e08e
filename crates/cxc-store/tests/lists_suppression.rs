//! Suppression lists and interned places.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]
use cxc_core::channel::Channel;
use cxc_core::location::{Country, Location, LocationSource};
use cxc_store::import::{ImportCounts, NewImport};
use cxc_store::location::Locations;
use cxc_store::suppression::{CLIENT_ID, DEVICE, NewSuppressionList, SuppressionEntry, SuppressionList};
use cxc_store::{Db, Tx};
use cxc_test::TestDb;
use serde_json::Value;
use uuid::Uuid;

const NOW: i64 = 1_700_000_000_000_000;

fn entry(key: &str) -> SuppressionEntry {
    SuppressionEntry {
        key_hash: hash(key),
        key: key.into(),
        from_at: None,
        until_at: None,
        reason: None,
        source: "api".into(),
        added_at: NOW,
    }
}

fn hash(text: &str) -> i64 {
    cxc_core::hash::HashKey([7; 16]).hash(1, text)
}

async fn new_list(tx: &mut Tx, id: u128, kind: &'static str, required: bool) -> SuppressionList {
    let id = Uuid::from_u128(id);
    let new = NewSuppressionList {
        id,
        kind,
        channels: Channel::Sms.bit(),
        required,
        expires_at: None,
        role: None,
        opt_outs: false,
    };
    assert!(tx.suppression_list_insert(1, &new).await.unwrap());
    tx.suppression_list_get(1, id).await.unwrap().unwrap()
}

async fn sized(db: &Db, list: &SuppressionList) -> SuppressionList {
    db.read().await.unwrap().suppression_list_get(1, list.id).await.unwrap().unwrap()
}

async fn hit(tx: &mut Tx, lists: &[SuppressionList], devices: &[&str], clients: &[&str], now: i64) -> Vec<String> {
    let hashes = |keys: &[&str]| keys.iter().map(|k| hash(k)).collect::<Vec<_>>();
    let hits = tx.suppression_hits(lists, &hashes(devices), &hashes(clients), now).await.unwrap();
    let mut keys: Vec<String> = hits.into_iter().map(|h| h.key).collect();
    keys.sort();
    keys
}

#[tokio::test]
async fn each_list_is_asked_for_keys_of_its_kind_within_their_times() {
    let db = TestDb::start().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let devices = new_list(&mut tx, 1, DEVICE, true).await;
    let clients = new_list(&mut tx, 2, CLIENT_ID, false).await;
    let timed = SuppressionEntry { from_at: Some(NOW), until_at: Some(NOW + 10), ..entry("+12125550101") };
    assert_eq!(tx.suppression_add(&devices, &[entry("+12125550100"), timed], 0).await.unwrap(), 2);
    assert_eq!(tx.suppression_add(&clients, &[entry("c-1"), entry("+12125550199")], 0).await.unwrap(), 2);
    let both = [devices.clone(), clients.clone()];
    let asked = ["+12125550100", "+12125550101", "+12125550199", "c-1"];
    assert_eq!(hit(&mut tx, &both, &asked, &["c-1"], NOW).await, ["+12125550100", "+12125550101", "c-1"]);
    assert_eq!(hit(&mut tx, &both, &asked, &[], NOW + 10).await, ["+12125550100"]);
    assert_eq!(hit(&mut tx, &both, &asked, &[], NOW - 1).await, ["+12125550100"]);
    assert!(hit(&mut tx, &[], &asked, &asked, NOW).await.is_empty());
    let lists = tx.suppression_applicable(1, &[], Channel::Sms, NOW).await.unwrap();
    assert_eq!(lists.iter().map(|l| l.number).collect::<Vec<_>>(), [devices.number]);
    assert_eq!(tx.suppression_applicable(1, &[clients.id], Channel::Sms, NOW).await.unwrap().len(), 2);
    assert!(tx.suppression_applicable(1, &[], Channel::Email, NOW).await.unwrap().is_empty());
    assert!(tx.suppression_applicable(2, &[], Channel::Sms, NOW).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_size_is_kept_whatever_is_added_twice_removed_or_expires() {
    let db = TestDb::start().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let list = new_list(&mut tx, 1, DEVICE, true).await;
    let ends = SuppressionEntry { until_at: Some(NOW + 5), ..entry("c") };
    assert_eq!(tx.suppression_add(&list, &[entry("a"), entry("b"), entry("a"), ends], 0).await.unwrap(), 3);
    assert_eq!(tx.suppression_add(&list, &[entry("a"), entry("d")], 0).await.unwrap(), 1);
    assert_eq!(tx.suppression_remove(&list, &[(hash("b"), "b".into()), (hash("x"), "x".into())]).await.unwrap(), 1);
    assert_eq!(tx.suppression_expire(NOW + 5, 100).await.unwrap(), 1);
    let first = tx.suppression_page(&list, None, 1).await.unwrap();
    let rest = tx.suppression_page(&list, Some((first[0].key_hash, &first[0].key)), 10).await.unwrap();
    assert_eq!((first.len(), rest.len()), (1, 1));
    tx.commit().await.unwrap();
    assert_eq!(sized(&db, &list).await.size, 2);
}

#[tokio::test]
async fn a_channel_has_one_opt_out_list_with_a_document() {
    let db = TestDb::start().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let tenant = "INSERT INTO tenant (no, id, short_name, customer_name, domain, ccid, version, created_at, created_by, updated_at, updated_by)
        VALUES (1, $1, 'a', 'a', 'a', 'a', 1, 0, '', 0, '')";
    cxc_store::on!(&mut tx, conn => sqlx::query(tenant).bind(Uuid::from_u128(77)).execute(conn).await.unwrap().rows_affected());
    let list = tx.suppression_opt_out_list(1, Channel::Sms, Uuid::from_u128(1), NOW).await.unwrap();
    let same = tx.suppression_opt_out_list(1, Channel::Sms, Uuid::from_u128(2), NOW).await.unwrap();
    let email = tx.suppression_opt_out_list(1, Channel::Email, Uuid::from_u128(3), NOW).await.unwrap();
    assert_eq!(list, same);
    assert_ne!(list.number, email.number);
    let document = tx.object_find(1, "suppression_list", "sms opt-outs").await.unwrap().unwrap();
    assert_eq!(document.id, list.id);
}

async fn settle(tx: &mut Tx, list: &SuppressionList) {
    while let Some(import) = tx.import_unsettled("suppression", list.number).await.unwrap() {
        let mut after = i64::MIN;
        while let Some(next) = tx.suppression_settle_step(&import, "cancelled", after, 1, NOW).await.unwrap() {
            after = next;
        }
    }
}

#[tokio::test]
async fn every_mode_of_import_can_be_undone() {
    let db = TestDb::start().await.unwrap();
    for (n, mode) in ["append", "update", "replace"].into_iter().enumerate() {
        let mut tx = db.begin().await.unwrap();
        let list = new_list(&mut tx, n as u128 + 1, DEVICE, true).await;
        let before = SuppressionEntry { until_at: Some(NOW + 99), ..entry("a") };
        tx.suppression_add(&list, &[before.clone(), entry("b")], 0).await.unwrap();
        let list = tx.suppression_list_get(1, list.id).await.unwrap().unwrap();
        let new = NewImport { job: Uuid::nil(), mode, file_name: "x", now: NOW };
        let import = tx.suppression_import_begin(&list, &new).await.unwrap();
        let rows = if mode == "append" { vec![entry("c")] } else { vec![entry("a"), entry("c")] };
        let added = tx.suppression_import_write(&import, &rows).await.unwrap();
        tx.suppression_import_publish(&import, added, &ImportCounts::default(), &Value::Null, NOW).await.unwrap();
        let now = tx.suppression_list_get(1, list.id).await.unwrap().unwrap();
        assert_eq!(now.size, if mode == "replace" { 2 } else { 3 }, "{mode}");
        let import = tx.import_latest("suppression", list.number).await.unwrap().unwrap();
        assert!(tx.suppression_import_undo(&import, NOW + 1).await.unwrap());
        settle(&mut tx, &list).await;
        let back = tx.suppression_list_get(1, list.id).await.unwrap().unwrap();
        assert_eq!((back.size, back.generation), (2, list.generation), "{mode}");
        let mut page = tx.suppression_page(&back, None, 10).await.unwrap();
        page.sort_by(|a, b| a.key.cmp(&b.key));
        assert_eq!(page, [before, entry("b")], "{mode}");
        while tx.suppression_garbage_step(NOW + 1, 1).await.unwrap() {}
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn places_keep_their_numbers() {
    let db = TestDb::start().await.unwrap();
    let texas =
        Location::new(LocationSource::Prefix, Some(Country::US), vec!["US-TX".into()], vec!["America/Chicago".into()]);
    let unknown = Location::unmappable(None);
    let first = Locations::new();
    let numbers = first.numbers(&db, &[texas.clone(), unknown.clone(), texas.clone()]).await.unwrap();
    assert_eq!(numbers[0], numbers[2]);
    assert_ne!(numbers[0], numbers[1]);
    let second = Locations::new();
    assert_eq!(second.numbers(&db, &[unknown.clone(), texas.clone()]).await.unwrap(), [numbers[1], numbers[0]]);
    let third = Locations::new();
    let mut tx = db.read().await.unwrap();
    let back = third.resolve(&mut tx, &[numbers[0], 0, 999, numbers[1]]).await.unwrap();
    assert_eq!((back.len(), &back[&numbers[0]], &back[&numbers[1]]), (2, &texas, &unknown));
}
