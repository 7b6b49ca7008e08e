//! Attempts of a month lie in a partition of their own, on the engine that has partitions.
#![expect(clippy::unwrap_used, reason = "a test that finds something else than it expects has failed")]
use cxc_core::channel::Channel;
use cxc_store::attempt::NewAttempt;
use cxc_store::{Db, on};
use cxc_test::{TestDb, begun};

const NOV_2026: i64 = 1_794_000_000_000_000;

fn attempt(month: i64, id: i64) -> NewAttempt {
    NewAttempt {
        tenant: 7,
        month,
        id,
        grp: 1,
        record: id,
        list: 1,
        contact: id,
        account: 1,
        epoch: 1,
        channel: Channel::Sms.bit(),
        position: 1,
        device_hash: id,
        client_hash: None,
        location: 0,
        rule_set: 1,
        regions: None,
        started_at: NOV_2026,
    }
}

async fn insert(db: &Db, attempts: &[NewAttempt]) {
    let mut tx = db.begin().await.unwrap();
    tx.attempt_insert(&begun(attempts)).await.unwrap();
    tx.commit().await.unwrap();
}

/// In which tables how many attempts lie.
async fn tables(db: &Db) -> Vec<(String, i64)> {
    const SQL: &str = "SELECT CAST(tableoid AS regclass)::text, count(*) FROM attempt GROUP BY 1 ORDER BY 1";
    let Db::Postgres(pool) = db else { return Vec::new() };
    sqlx::query_as(SQL).fetch_all(pool).await.unwrap()
}

#[tokio::test]
async fn a_month_has_its_partition_before_it_begins() {
    let db = TestDb::start().await.unwrap();
    db.attempt_partitions(NOV_2026).await.unwrap();
    db.attempt_partitions(NOV_2026).await.unwrap();
    insert(&db, &[attempt(202_611, 1), attempt(202_612, 2), attempt(202_701, 3), attempt(202_702, 4)]).await;
    let mut tx = db.read().await.unwrap();
    let all: i64 =
        on!(&mut tx, conn => sqlx::query_scalar("SELECT count(*) FROM attempt").fetch_one(conn).await.unwrap());
    assert_eq!(all, 4);
    if matches!(&*db, Db::Postgres(_)) {
        let names = ["attempt_202611", "attempt_202612", "attempt_202701", "attempt_default"];
        assert_eq!(tables(&db).await, names.map(|name| (name.to_owned(), 1)));
    }
}

#[tokio::test]
async fn attempts_of_a_month_without_a_partition_move_when_it_gets_one() {
    let db = TestDb::start().await.unwrap();
    let early: Vec<NewAttempt> = (1..=50).map(|id| attempt(202_611, id)).collect();
    insert(&db, &early).await;
    db.attempt_partitions(NOV_2026).await.unwrap();
    insert(&db, &[attempt(202_611, 51)]).await;
    let mut tx = db.read().await.unwrap();
    let all: i64 =
        on!(&mut tx, conn => sqlx::query_scalar("SELECT count(*) FROM attempt").fetch_one(conn).await.unwrap());
    assert_eq!(all, 51);
    if matches!(&*db, Db::Postgres(_)) {
        assert_eq!(tables(&db).await, [("attempt_202611".to_owned(), 51)]);
    }
}
