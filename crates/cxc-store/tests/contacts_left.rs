//! Who was attempted and left its list: named in results for as long as an attempt tells of it, and erased with the person.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]
use cxc_core::hash::HashKey;
use cxc_store::attempt::{AttemptUpdate, NewAttempt};
use cxc_store::contact::{Contact, Device, FullContact};
use cxc_store::import::{ContactsChange, ImportCounts, NewImport, UNDO_TIME};
use cxc_store::list::ContactList;
use cxc_store::privacy::{Erasure, PersonKey};
use cxc_store::{Db, on};
use cxc_test::{TestDb, begun};
use serde_json::Value;
use uuid::Uuid;

const KEY: HashKey = HashKey([7; 16]);
const NOW: i64 = 1_700_000_000_000_000;
const MONTH: i64 = 202_311;

fn hash(text: &str) -> i64 {
    KEY.hash(1, text)
}

fn phone(id: i64) -> String {
    format!("+1212555{id:04}")
}

fn contact(id: i64) -> FullContact {
    let client = format!("C-{id}");
    let (key_hash, first_name) = (hash(&client), Some("Ann".to_owned()));
    let device = Device {
        contact: id,
        position: 1,
        kind: 1,
        address: phone(id),
        address_hash: hash(&phone(id)),
        ..Device::default()
    };
    let contact = Contact { id, key_hash, client_id: Some(client), first_name, ..Contact::default() };
    FullContact { contact, devices: vec![device] }
}

/// Contacts 1 to 4 of a list; a group attempted 1, 2 and 3.
async fn world(db: &Db) -> ContactList {
    let mut tx = db.begin().await.unwrap();
    let id = Uuid::from_u128(5);
    tx.contact_list_insert(1, id).await.unwrap();
    let list = tx.contact_list_get(1, id).await.unwrap().unwrap();
    let contacts: Vec<FullContact> = (1..=4).map(contact).collect();
    tx.contacts_insert(list.generation, &contacts).await.unwrap();
    tx.contact_list_count(list.number, 4, 4, 4).await.unwrap();
    let grp = tx.group_insert(1, Uuid::from_u128(6), 2, 0, NOW).await.unwrap();
    for id in 1..=4_i64 {
        const RECORD: &str =
            "INSERT INTO record (grp, id, list, status, reason, priority, due, device, attempts, retries,
            epoch, changed_at) VALUES ($1, $2, $3, 3, 0, 2, 0, 1, $4, 0, 0, 0)";
        let attempts = i16::from(id < 4);
        on!(&mut tx, conn => sqlx::query(RECORD).bind(grp).bind(id).bind(list.number).bind(attempts).execute(conn).await
            .unwrap().rows_affected());
    }
    for id in 1..=3 {
        let new = NewAttempt {
            tenant: 1,
            month: MONTH,
            id,
            grp,
            record: id,
            list: list.number,
            contact: id,
            account: 1,
            epoch: 1,
            channel: 2,
            position: 1,
            device_hash: hash(&phone(id)),
            client_hash: Some(hash(&format!("C-{id}"))),
            location: 0,
            rule_set: 1,
            regions: None,
            started_at: NOW,
        };
        let ended = AttemptUpdate {
            month: MONTH,
            id,
            state: 3,
            result: Some(0),
            provider_id: None,
            detail: None,
            finished_at: Some(NOW),
        };
        tx.attempt_insert(&begun(&[new])).await.unwrap();
        tx.attempt_update(1, &[ended]).await.unwrap();
    }
    tx.commit().await.unwrap();
    list
}

/// The client ids and phones of those who left.
async fn left(db: &Db, list: &ContactList) -> Vec<String> {
    let found = db.read().await.unwrap().contacts_left(1, list.number, &[1, 2, 3, 4]).await.unwrap();
    assert!(found.iter().all(|c| c.contact.first_name.is_none()), "only what names them is kept");
    found.iter().map(|c| format!("{} {}", c.contact.client_id.as_deref().unwrap(), c.devices[0].address)).collect()
}

fn named(ids: &[i64]) -> Vec<String> {
    ids.iter().map(|id| format!("C-{id} {}", phone(*id))).collect()
}

async fn look_through(db: &Db) {
    let mut place = (0, 0);
    loop {
        let mut tx = db.begin().await.unwrap();
        let next = tx.contacts_left_forget(place, 1).await.unwrap();
        tx.commit().await.unwrap();
        match next {
            Some(next) => place = next,
            None => return,
        }
    }
}

#[tokio::test]
async fn who_was_attempted_and_deleted_is_named_until_no_attempt_tells_of_it_and_erased_with_the_person() {
    let db = TestDb::start().await.unwrap();
    let list = world(&db).await;
    let mut tx = db.begin().await.unwrap();
    for ids in [vec![1, 2], vec![3, 4]] {
        tx.contacts_leave(1, list.number, list.generation, &ids).await.unwrap();
        tx.contacts_remove(list.generation, &ids).await.unwrap();
    }
    tx.commit().await.unwrap();
    // the fourth was never attempted
    assert_eq!(left(&db, &list).await, named(&[1, 2, 3]));
    look_through(&db).await;
    assert_eq!(left(&db, &list).await, named(&[1, 2, 3]));

    let mut tx = db.begin().await.unwrap();
    let person = tx.person_find(1, &PersonKey::Address(phone(1)), &KEY).await.unwrap();
    assert_eq!(
        person.client_ids.iter().map(|id| id.0.as_str()).collect::<Vec<_>>(),
        ["C-1"],
        "it is found by its phone"
    );
    let Erasure::Done(_) = tx.person_erase(&person, NOW).await.unwrap() else { panic!("no list is busy") };
    tx.commit().await.unwrap();
    assert_eq!(left(&db, &list).await, named(&[2, 3]));

    let mut tx = db.begin().await.unwrap();
    const OVER: &str = "DELETE FROM attempt WHERE id = 2";
    on!(&mut tx, conn => sqlx::query(OVER).execute(conn).await.unwrap().rows_affected());
    tx.commit().await.unwrap();
    look_through(&db).await;
    assert_eq!(left(&db, &list).await, named(&[3]));

    let mut tx = db.begin().await.unwrap();
    assert!(tx.contact_list_delete(1, list.id, NOW).await.unwrap());
    while tx.garbage_step(NOW + 1, 10).await.unwrap() {}
    let contacts: i64 =
        on!(&mut tx, conn => sqlx::query_scalar("SELECT count(*) FROM contact").fetch_one(conn).await.unwrap());
    assert_eq!(contacts, 0, "they go with their list");
}

#[tokio::test]
async fn who_was_attempted_is_named_after_the_contents_of_before_have_left_the_disk() {
    let db = TestDb::start().await.unwrap();
    let list = world(&db).await;
    let mut tx = db.begin().await.unwrap();
    let new = NewImport { job: Uuid::nil(), mode: "replace", file_name: "a.csv", now: NOW };
    let import = tx.import_begin(&list, &new).await.unwrap();
    // the first recurs and keeps its id
    tx.contacts_insert(import.generation, &[contact(1)]).await.unwrap();
    let counts = ImportCounts { lines: 1, imported: 1, devices: 1, ..ImportCounts::default() };
    let change = ContactsChange { visible_to: 4, contacts: 1, devices: 1 };
    tx.import_publish(&import, change, &counts, &Value::Null, NOW).await.unwrap();
    tx.commit().await.unwrap();
    let step = async |now: i64| {
        let mut tx = db.begin().await.unwrap();
        while tx.garbage_step(now, 2).await.unwrap() {}
        tx.commit().await.unwrap();
    };
    step(NOW + 1).await;
    assert!(left(&db, &list).await.is_empty(), "an undo may want them back");
    step(NOW + UNDO_TIME + 1).await;
    assert_eq!(left(&db, &list).await, named(&[2, 3]));
    let gone = db.read().await.unwrap().contacts_of(list.generation, &[1, 2, 3, 4]).await.unwrap();
    assert!(gone.is_empty());
}
