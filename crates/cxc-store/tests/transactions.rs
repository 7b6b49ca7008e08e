//! Transactions that are given up half way leave nothing behind, and the file of the embedded store is private.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use cxc_store::{Db, DbOptions, Engine, Tx, on};
use cxc_test::{Database, TestDb};

/// Writes on one connection; fails in a transaction that only reads.
async fn write(tx: &mut Tx, number: i64) {
    const SQL: &str = "INSERT INTO location (number, key) VALUES ($1, $2)";
    on!(tx, conn => sqlx::query(SQL).bind(number).bind(format!("k{number}")).execute(conn).await.map(drop).unwrap());
}

/// Makes all connections work at once, and looks at what they have written.
async fn every_connection_writes(db: &Db, round: i64) {
    let at_once: i64 = if db.engine() == Engine::Postgres { 4 } else { 1 };
    let first = round * 10;
    let mut open = Vec::new();
    for _ in 0..at_once {
        open.push(db.begin().await.unwrap());
    }
    for (number, mut tx) in (first..).zip(open) {
        write(&mut tx, number).await;
        tx.commit().await.unwrap();
    }
    const COUNT: &str = "SELECT count(*) FROM location WHERE number >= $1";
    let mut tx = db.read().await.unwrap();
    let found: i64 = on!(&mut tx, conn => sqlx::query_scalar(COUNT).bind(first).fetch_one(conn).await.unwrap());
    assert_eq!(found, at_once, "round {round}");
}

#[tokio::test]
async fn a_begin_that_is_dropped_leaves_no_transaction_open() {
    let test = TestDb::start().await.unwrap();
    let db = Db::connect(&DbOptions { max_connections: 4, ..DbOptions::new(test.url()) }).await.unwrap();
    for round in 0..40_u32 {
        for n in 0..12_u32 {
            let patience = Duration::from_micros(u64::from((round * 37 + n * 53) % 500));
            let given_up = tokio::time::timeout(patience, async {
                if n % 3 == 0 { db.begin().await.map(drop) } else { db.read().await.map(drop) }
            });
            // it may be done by then: both are fine
            drop(given_up.await);
        }
        every_connection_writes(&db, i64::from(round)).await;
    }
}

#[tokio::test]
async fn a_new_embedded_store_is_for_its_owner_only() {
    let database = Database::empty_on(Engine::Sqlite).unwrap();
    let folder = Path::new(database.url().trim_start_matches("sqlite:")).parent().unwrap();
    // as one that was made before, for all to read
    std::fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    let db = Db::open(&DbOptions::new(database.url())).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    write(&mut tx, 1).await;
    tx.commit().await.unwrap();
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", entry.file_name());
        files += 1;
    }
    // the store, its journal and the index of that
    assert_eq!(files, 3);
}
