//! Attempts that need not be kept: slice by slice, and on PostgreSQL whole months.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]
use cxc_core::attempt::AttemptState;
use cxc_store::attempt::{AttemptUpdate, NewAttempt, month_of};
use cxc_store::attempt_retain::{AttemptSlice, Removal};
use cxc_store::{Db, Engine, on};
use cxc_test::{TestDb, begun};

const TENANT: i64 = 7;
/// The tenth of each month of 2020, noon.
const JANUARY: i64 = 1_578_657_600_000_000;
const FEBRUARY: i64 = 1_581_336_000_000_000;
const MARCH: i64 = 1_583_841_600_000_000;

fn attempt(id: i64, at: i64) -> NewAttempt {
    NewAttempt {
        tenant: TENANT,
        month: month_of(at),
        id,
        grp: 1,
        record: id,
        list: 1,
        contact: id,
        account: 1,
        epoch: 1,
        channel: 1,
        position: 1,
        device_hash: id,
        client_hash: None,
        location: 0,
        rule_set: 1,
        regions: None,
        started_at: at,
    }
}

/// Writes attempts, which end unless they are to stay open.
async fn write(db: &Db, ids: std::ops::Range<i64>, at: i64, is_open: bool) {
    let attempts: Vec<NewAttempt> = ids.clone().map(|id| attempt(id, at)).collect();
    let ended = ids.map(|id| AttemptUpdate {
        month: month_of(at),
        id,
        state: AttemptState::Final.code(),
        result: Some(6),
        provider_id: None,
        detail: None,
        finished_at: Some(at),
    });
    let mut tx = db.begin().await.unwrap();
    tx.attempt_insert(&begun(&attempts)).await.unwrap();
    if !is_open {
        tx.attempt_update(TENANT, &ended.collect::<Vec<_>>()).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn left(db: &Db) -> Vec<i64> {
    let mut tx = db.read().await.unwrap();
    on!(&mut tx, conn => sqlx::query_scalar("SELECT id FROM attempt ORDER BY id").fetch_all(conn).await.unwrap())
}

#[tokio::test]
async fn a_month_goes_slice_by_slice_and_what_is_open_or_young_stays() {
    let db = TestDb::start().await.unwrap();
    write(&db, 1..20, JANUARY, false).await;
    write(&db, 20..22, JANUARY, true).await;
    write(&db, 22..26, JANUARY + 1_000_000, false).await;
    write(&db, 30..32, MARCH, false).await;
    let mut tx = db.begin().await.unwrap();
    assert_eq!(tx.attempt_oldest_month(TENANT, 0).await.unwrap(), Some(202_001));
    assert_eq!(tx.attempt_oldest_month(TENANT, 202_002).await.unwrap(), Some(202_003));
    assert_eq!(tx.attempt_oldest_month(TENANT + 1, 0).await.unwrap(), None);
    let before = JANUARY + 1_000_000;
    let mut after = 0;
    let mut slices = Vec::new();
    loop {
        let slice = tx.attempt_expire(TENANT, 202_001, (before, after), 10, Removal::Rows).await.unwrap();
        slices.push(slice.removed);
        let Some(last) = slice.last else { break };
        after = last;
    }
    assert_eq!(slices, [10, 9, 0]);
    let theirs = tx.attempt_expire(TENANT + 1, 202_003, (i64::MAX, 0), 10, Removal::Rows).await.unwrap();
    assert_eq!(theirs, AttemptSlice::default());
    tx.commit().await.unwrap();
    assert_eq!(left(&db).await, [20, 21, 22, 23, 24, 25, 30, 31]);
}

#[tokio::test]
async fn a_month_of_its_own_goes_whole_once_nothing_of_it_is_open() {
    let db = TestDb::start().await.unwrap();
    db.attempt_partitions(JANUARY).await.unwrap();
    write(&db, 1..5, JANUARY, false).await;
    write(&db, 5..6, FEBRUARY, true).await;
    write(&db, 6..9, MARCH, false).await;
    let mut tx = db.begin().await.unwrap();
    let slice = tx.attempt_expire(TENANT, 202_001, (i64::MAX, 0), 100, Removal::Besides).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((slice.removed, left(&db).await.len()), (4, 8), "they go with their month");
    if db.engine() == Engine::Sqlite {
        assert_eq!(db.attempt_months(202_003).await.unwrap(), Vec::<i64>::new());
        assert!(!db.attempt_month_drop(202_001).await.unwrap());
        return;
    }
    assert_eq!(db.attempt_months(202_003).await.unwrap(), [202_001, 202_002]);
    assert!(db.attempt_month_drop(202_001).await.unwrap());
    assert!(!db.attempt_month_drop(202_002).await.unwrap(), "an attempt is under way");
    assert_eq!(db.attempt_months(202_003).await.unwrap(), [202_002]);
    assert_eq!(left(&db).await, [5, 6, 7, 8]);
    // others that use the table are not waited for
    let mut tx = db.begin().await.unwrap();
    on!(&mut tx, conn => sqlx::query_scalar::<_, i64>("SELECT count(*) FROM attempt").fetch_one(conn).await.unwrap());
    assert!(!db.attempt_month_drop(202_003).await.unwrap());
    tx.rollback().await.unwrap();
    assert!(db.attempt_month_drop(202_003).await.unwrap());
}
