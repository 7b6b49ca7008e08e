//! Contact lists: contents, imports that become visible at once, undo, garbage.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on fails")]
use cxc_store::contact::{Contact, Device, FullContact};
use cxc_store::import::{ContactsChange, ImportCounts, ListImport, NewImport};
use cxc_store::import_undo::Undo;
use cxc_store::list::{ContactList, ListAccess};
use cxc_store::{Db, Tx};
use cxc_test::TestDb;
use serde_json::Value;
use uuid::Uuid;

const NOW: i64 = 1_700_000_000_000_000;

fn contact(id: i64, name: &str) -> FullContact {
    let device = |position: i16, address: String| Device {
        contact: id,
        position,
        kind: 1,
        address_hash: hash(&address),
        address,
        ..Device::default()
    };
    FullContact {
        contact: Contact {
            id,
            key_hash: hash(name),
            client_id: Some(name.into()),
            custom: Some(r#"{"c_other1":"x"}"#.into()),
            ..Contact::default()
        },
        devices: vec![device(1, format!("+1212555{id:04}")), device(3, format!("+1213555{id:04}"))],
    }
}

fn hash(text: &str) -> i64 {
    cxc_core::hash::HashKey([7; 16]).hash(1, text)
}

async fn new_list(db: &Db) -> ContactList {
    let mut tx = db.begin().await.unwrap();
    let id = Uuid::from_u128(u128::from_le_bytes(std::array::from_fn(|i| i as u8)) ^ u128::from(rand(&mut tx).await));
    tx.contact_list_insert(1, id).await.unwrap();
    let list = tx.contact_list_get(1, id).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    list
}

async fn rand(tx: &mut Tx) -> u32 {
    u32::try_from(tx.id_block_take(cxc_store::id_block::Numbered::Event, 1).await.unwrap()).unwrap()
}

async fn reload(db: &Db, list: &ContactList) -> ContactList {
    db.read().await.unwrap().contact_list_get(1, list.id).await.unwrap().unwrap()
}

async fn begin(db: &Db, list: &ContactList, mode: &str) -> ListImport {
    let mut tx = db.begin().await.unwrap();
    let new = NewImport { job: Uuid::nil(), mode, file_name: "a.csv", now: NOW };
    let import = tx.import_begin(list, &new).await.unwrap();
    tx.commit().await.unwrap();
    import
}

async fn publish(db: &Db, import: &ListImport, visible_to: i64, contacts: i64, devices: i64) {
    let counts = ImportCounts { lines: contacts, imported: contacts, devices, ..ImportCounts::default() };
    let change = ContactsChange { visible_to, contacts, devices };
    let mut tx = db.begin().await.unwrap();
    tx.import_publish(import, change, &counts, &Value::Null, NOW + 1).await.unwrap();
    tx.commit().await.unwrap();
}

async fn insert(db: &Db, generation: i64, contacts: &[FullContact]) {
    let mut tx = db.begin().await.unwrap();
    tx.contacts_insert(generation, contacts).await.unwrap();
    tx.commit().await.unwrap();
}

async fn names(db: &Db, list: &ContactList) -> Vec<(i64, String)> {
    let list = reload(db, list).await;
    let page = db.read().await.unwrap().contact_page(&list, 0, 100).await.unwrap();
    page.into_iter().map(|c| (c.contact.id, c.contact.client_id.unwrap())).collect()
}

async fn settle(db: &Db, list: &ContactList) {
    let mut tx = db.begin().await.unwrap();
    while let Some(import) = tx.import_unsettled("contacts", list.number).await.unwrap() {
        while !tx.import_settle_step(&import, "cancelled", 2, NOW + 2).await.unwrap() {}
    }
    tx.commit().await.unwrap();
}

async fn undo(db: &Db, list: &ContactList) {
    let mut tx = db.begin().await.unwrap();
    let list = tx.contact_list_get(1, list.id).await.unwrap().unwrap();
    let Undo::Possible(import) = tx.import_undoable(&list, NOW + 5).await.unwrap() else { panic!("it can be undone") };
    let added = tx.import_range_count(&import).await.unwrap();
    assert!(tx.import_undo(&list, &import, added, NOW + 5).await.unwrap());
    tx.commit().await.unwrap();
    settle(db, &list).await;
}

async fn filled(db: &Db) -> ContactList {
    let list = new_list(db).await;
    let import = begin(db, &list, "append").await;
    insert(db, list.generation, &[contact(1, "a"), contact(2, "b"), contact(3, "c")]).await;
    publish(db, &import, 3, 3, 6).await;
    reload(db, &list).await
}

#[tokio::test]
async fn an_import_is_visible_once_it_is_published() {
    let db = TestDb::start().await.unwrap();
    let list = new_list(&db).await;
    let import = begin(&db, &list, "append").await;
    insert(&db, list.generation, &[contact(1, "a"), contact(2, "b")]).await;
    assert!(names(&db, &list).await.is_empty());
    publish(&db, &import, 2, 2, 4).await;
    let list = reload(&db, &list).await;
    assert_eq!((list.contacts, list.devices, list.changes), (2, 4, 1));
    let mut tx = db.read().await.unwrap();
    assert_eq!(tx.contact_get(&list, 2).await.unwrap(), Some(contact(2, "b")));
    assert_eq!(tx.contact_get(&list, 3).await.unwrap(), None);
    let found = tx.contacts_of_lists(1, &[(list.number, 1), (list.number, 9)]).await.unwrap();
    assert_eq!(found, [(list.number, contact(1, "a"))]);
    assert!(tx.contacts_of_lists(2, &[(list.number, 1)]).await.unwrap().is_empty(), "another tenant");
}

#[tokio::test]
async fn contacts_are_found_by_key_and_by_address_until_they_are_removed() {
    let db = TestDb::start().await.unwrap();
    let list = filled(&db).await;
    let mut tx = db.begin().await.unwrap();
    let found = tx.contact_keys(list.generation, &[hash("b"), hash("nobody")]).await.unwrap();
    assert_eq!(found.iter().map(|k| (k.id, k.address.as_deref())).collect::<Vec<_>>(), [(2, Some("+12125550002"))]);
    let found = tx.contact_addresses(list.generation, &[hash("+12135550003")]).await.unwrap();
    assert_eq!(found.iter().map(|a| a.contact).collect::<Vec<_>>(), [3]);
    assert_eq!(tx.contacts_remove(list.generation, &[2, 3]).await.unwrap(), (2, 4));
    assert!(tx.contact_keys(list.generation, &[hash("b")]).await.unwrap().is_empty());
    assert!(tx.contact_addresses(list.generation, &[hash("+12135550003")]).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_undone_append_takes_its_contacts_back_and_leaves_later_ones() {
    let db = TestDb::start().await.unwrap();
    let list = filled(&db).await;
    let import = begin(&db, &list, "append").await;
    insert(&db, list.generation, &[contact(10, "x"), contact(11, "y"), contact(12, "z")]).await;
    publish(&db, &import, 12, 3, 6).await;
    let mut tx = db.begin().await.unwrap();
    tx.contacts_insert(list.generation, &[contact(20, "by hand")]).await.unwrap();
    tx.contacts_remove(list.generation, &[11]).await.unwrap();
    tx.contact_list_count(list.number, 0, 0, 20).await.unwrap();
    tx.commit().await.unwrap();
    undo(&db, &list).await;
    let kept: Vec<i64> = names(&db, &list).await.iter().map(|n| n.0).collect();
    assert_eq!(kept, [1, 2, 3, 20]);
    let after = reload(&db, &list).await;
    assert_eq!((after.contacts, after.devices), (4, 8));
    let mut tx = db.read().await.unwrap();
    assert!(matches!(tx.import_undoable(&after, NOW + 9).await.unwrap(), Undo::Nothing));
}

#[tokio::test]
async fn an_undone_replace_brings_the_old_contents_back() {
    let db = TestDb::start().await.unwrap();
    let list = filled(&db).await;
    let import = begin(&db, &list, "replace").await;
    insert(&db, import.generation, &[contact(2, "b"), contact(30, "new")]).await;
    assert_eq!(names(&db, &list).await.len(), 3, "the old contents stand until the swap");
    publish(&db, &import, 30, 2, 4).await;
    assert_eq!(names(&db, &list).await, [(2, "b".into()), (30, "new".into())]);
    undo(&db, &list).await;
    assert_eq!(names(&db, &list).await, [(1, "a".into()), (2, "b".into()), (3, "c".into())]);
    let mut tx = db.begin().await.unwrap();
    while tx.garbage_step(NOW + 10, 1).await.unwrap() {}
    assert!(tx.contacts_of(import.generation, &[2, 30]).await.unwrap().is_empty());
    assert_eq!(tx.contacts_of(list.generation, &[1, 2, 3]).await.unwrap().len(), 3);
}

#[tokio::test]
async fn an_undone_update_restores_what_was_before() {
    let db = TestDb::start().await.unwrap();
    let list = filled(&db).await;
    let import = begin(&db, &list, "update").await;
    let mut changed = contact(2, "b");
    changed.contact.first_name = Some("Changed".into());
    changed.devices.pop();
    let mut tx = db.begin().await.unwrap();
    tx.contact_before_insert(import.number, &[contact(2, "b")]).await.unwrap();
    tx.contacts_remove(list.generation, &[2]).await.unwrap();
    tx.contacts_insert(list.generation, &[changed, contact(40, "new")]).await.unwrap();
    assert_eq!(tx.contact_before_ids(import.number, &[1, 2]).await.unwrap(), [2]);
    tx.commit().await.unwrap();
    publish(&db, &import, 40, 1, 1).await;
    undo(&db, &list).await;
    let after = reload(&db, &list).await;
    assert_eq!((after.contacts, after.devices), (3, 6));
    let mut tx = db.begin().await.unwrap();
    assert_eq!(tx.contacts_of(list.generation, &[2, 40]).await.unwrap(), [contact(2, "b")]);
}

#[tokio::test]
async fn a_half_done_import_is_taken_back_and_keeps_others_out_until_then() {
    let db = TestDb::start().await.unwrap();
    let list = filled(&db).await;
    for mode in ["append", "replace"] {
        let import = begin(&db, &list, mode).await;
        insert(&db, import.generation, &[contact(50, "half"), contact(51, "done")]).await;
        let mut tx = db.begin().await.unwrap();
        assert!(matches!(tx.contact_list_edit(1, list.id).await.unwrap(), Some(ListAccess::Busy(_))));
        tx.commit().await.unwrap();
        settle(&db, &list).await;
        let mut tx = db.begin().await.unwrap();
        assert!(matches!(tx.contact_list_edit(1, list.id).await.unwrap(), Some(ListAccess::Free(_))));
        while tx.garbage_step(NOW + 10, 1).await.unwrap() {}
        assert!(tx.contacts_of(import.generation, &[50, 51]).await.unwrap().is_empty());
        assert_eq!(tx.import_get(1, import.number).await.unwrap().unwrap().state, "cancelled");
        tx.commit().await.unwrap();
        assert_eq!(names(&db, &list).await.len(), 3);
    }
}

#[tokio::test]
async fn a_deleted_list_is_gone_at_once_and_from_the_disk_later() {
    let db = TestDb::start().await.unwrap();
    let list = filled(&db).await;
    let mut tx = db.begin().await.unwrap();
    assert!(!tx.contact_list_delete(2, list.id, NOW).await.unwrap(), "another tenant");
    assert!(tx.contact_list_delete(1, list.id, NOW).await.unwrap());
    assert!(tx.contact_list_get(1, list.id).await.unwrap().is_none());
    assert_eq!(tx.contacts_of(list.generation, &[1]).await.unwrap().len(), 1);
    while tx.garbage_step(NOW + 1, 1).await.unwrap() {}
    assert!(tx.contacts_of(list.generation, &[1, 2, 3]).await.unwrap().is_empty());
    assert!(tx.contact_keys(list.generation, &[hash("a")]).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_attempted_contact_blocks_the_undo() {
    let db = TestDb::start().await.unwrap();
    let list = filled(&db).await;
    let mut tx = db.begin().await.unwrap();
    let insert_group =
        "INSERT INTO campaign_group (number, tenant, id, channel, state, changed_at) VALUES (5, 1, $1, 2, 'active', 0)";
    cxc_store::on!(&mut tx, conn => sqlx::query(insert_group).bind(Uuid::from_u128(5)).execute(conn).await.unwrap().rows_affected());
    let insert_record = "INSERT INTO record (grp, id, list, status, reason, priority, due, device, attempts, retries, epoch, changed_at, last_attempt, attempted_at)
        VALUES (5, 2, $1, 3, 0, 0, 0, 1, 1, 0, 0, 0, 180085, $2)";
    cxc_store::on!(&mut tx, conn => sqlx::query(insert_record).bind(list.number).bind(NOW + 3).execute(conn).await.unwrap().rows_affected());
    assert!(matches!(tx.import_undoable(&list, NOW + 5).await.unwrap(), Undo::Attempted));
    assert!(matches!(tx.import_undoable(&list, NOW + 8 * 24 * 3600 * 1_000_000).await.unwrap(), Undo::TooLate));
}
