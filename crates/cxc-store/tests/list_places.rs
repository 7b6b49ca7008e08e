//! Where the people of a list are: counted over all of it, kept until it changes.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]
use std::time::Instant;

use cxc_store::list::ContactList;
use cxc_store::list_places::{PlaceCount, WORTH_KEEPING, keep_list_places};
use cxc_store::{Db, StoreError, Tx, on};
use cxc_test::TestDb;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

/// Contacts `from` to `to` with a device each: every tenth has a second one; 612 places.
async fn fill(tx: &mut Tx, generation: i64, from: i64, to: i64) -> Result<(), StoreError> {
    let numbers = tx.choose(
        "SELECT n FROM generate_series($2::bigint, $3::bigint) AS n",
        "WITH RECURSIVE s(n) AS (SELECT $2 UNION ALL SELECT n + 1 FROM s WHERE n < $3) SELECT n FROM s",
    );
    let contacts = format!(
        "INSERT INTO contact (generation, id, key_hash, client_id, first_name, last_name, custom, location)
         SELECT $1, n, n, 'C-' || n, 'Given', 'Family', '{{\"c_other1\":\"something of a customer\"}}', n % 612 FROM ({numbers}) AS s"
    );
    let device = |position: i16, every: i64| {
        format!(
            "INSERT INTO device (generation, contact, position, kind, address, address_hash, line_type, location)
             SELECT $1, n, {position}, 1, '+1212' || n, n, n % 3, (n * 7) % 612 FROM ({numbers}) AS s WHERE n % {every} = 0"
        )
    };
    for sql in [contacts, device(1, 1), device(2, 10)] {
        on!(tx, conn => sqlx::query(AssertSqlSafe(sql)).bind(generation).bind(from).bind(to).execute(conn).await?.rows_affected());
    }
    Ok(())
}

async fn list(db: &Db, contacts: i64) -> ContactList {
    let id = Uuid::from_u128(7);
    let mut tx = db.begin().await.unwrap();
    tx.contact_list_insert(1, id).await.unwrap();
    let list = tx.contact_list_get(1, id).await.unwrap().unwrap();
    fill(&mut tx, list.generation, 1, contacts).await.unwrap();
    // contacts beyond are of an import that was not published
    fill(&mut tx, list.generation, contacts + 1, contacts + 50).await.unwrap();
    tx.contact_list_count(list.number, contacts, contacts + contacts / 10, contacts).await.unwrap();
    tx.commit().await.unwrap();
    reload(db).await
}

async fn reload(db: &Db) -> ContactList {
    db.read().await.unwrap().contact_list_get(1, Uuid::from_u128(7)).await.unwrap().unwrap()
}

fn sum(places: &[PlaceCount], kind: i16) -> i64 {
    places.iter().filter(|p| p.kind == kind).map(|p| p.count).sum()
}

#[tokio::test]
async fn every_visible_contact_and_device_is_counted_by_kind_line_and_place() {
    let db = TestDb::start().await.unwrap();
    let list = list(db.db(), 6_120).await;
    let places = db.db().read().await.unwrap().list_places(&list).await.unwrap();
    assert_eq!((sum(&places, 0), sum(&places, 1)), (6_120, 6_732));
    assert_eq!(places.iter().filter(|p| p.kind == 0 && p.count == 10).count(), 612);
    let lines: Vec<i16> = places.iter().filter(|p| p.kind == 1).map(|p| p.line_type).collect();
    assert!([0, 1, 2].iter().all(|line| lines.contains(line)));
}

#[tokio::test]
async fn what_was_counted_is_kept_until_the_list_changes() {
    let db = TestDb::start().await.unwrap();
    let db = db.db();
    list(db, 1_000).await;
    // one that is large by its row
    let mut tx = db.begin().await.unwrap();
    let row = tx.contact_list_get(1, Uuid::from_u128(7)).await.unwrap().unwrap();
    tx.contact_list_count(row.number, WORTH_KEEPING, 0, 0).await.unwrap();
    tx.commit().await.unwrap();
    let large = reload(db).await;
    assert_eq!(db.read().await.unwrap().list_places_due().await.unwrap(), Some(large.clone()));
    keep_list_places(db, &large).await.unwrap();
    assert_eq!(db.read().await.unwrap().list_places_due().await.unwrap(), None);
    let before = db.read().await.unwrap().list_places(&large).await.unwrap();
    assert_eq!(sum(&before, 0), 1_000);
    // a short edit that makes ten more visible: the list is counted again
    let mut tx = db.begin().await.unwrap();
    tx.contact_list_count(large.number, 10, 11, 1_010).await.unwrap();
    tx.commit().await.unwrap();
    let changed = reload(db).await;
    assert_eq!(sum(&db.read().await.unwrap().list_places(&changed).await.unwrap(), 0), 1_010);
    assert_eq!(db.read().await.unwrap().list_places_due().await.unwrap(), Some(changed.clone()));
    // who kept an older state late does not undo a newer one
    keep_list_places(db, &changed).await.unwrap();
    keep_list_places(db, &large).await.unwrap();
    assert_eq!(db.read().await.unwrap().list_places_due().await.unwrap(), None);
    let mut tx = db.begin().await.unwrap();
    assert!(tx.contact_list_delete(1, changed.id, 0).await.unwrap());
    tx.commit().await.unwrap();
}

/// The figures of `docs/compliance-tools.md`.
#[tokio::test]
#[ignore = "writes a million contacts; run it with --ignored --nocapture for the figures"]
async fn a_million_contacts_are_counted_in_one_pass() {
    let db = TestDb::start().await.unwrap();
    let db = db.db();
    let list = list(db, 1_000_000).await;
    let since = Instant::now();
    keep_list_places(db, &list).await.unwrap();
    let counted = since.elapsed();
    let since = Instant::now();
    let places = db.read().await.unwrap().list_places(&list).await.unwrap();
    println!("{:?}: {} rows counted in {counted:?}, read in {:?}", db.engine(), places.len(), since.elapsed());
    assert_eq!((sum(&places, 0), sum(&places, 1)), (1_000_000, 1_100_000));
    assert!(counted.as_secs() < 30 && since.elapsed().as_millis() < 500);
}
