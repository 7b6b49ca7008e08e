//! Records, attempts and counters: the tables of a running campaign, on both engines.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]
use std::collections::HashSet;

use cxc_core::compliance::Purpose;
use cxc_core::record::{Reason, RecordStatus};
use cxc_store::attempt::{AttemptOutcome, AttemptUpdate, NewAttempt, month_of};
use cxc_store::attempt_subject::HistoryKeys;
use cxc_store::counter::{Bucket, Deltas};
use cxc_store::id_block::{IdBlocks, Numbered};
use cxc_store::lease::Lease;
use cxc_store::outgoing::{Begin, Outgoing};
use cxc_store::record::{FetchKey, RECORD, Record, RecordChange};
use cxc_store::{Engine, StoreError, Tx};
use cxc_test::TestDb;
use uuid::Uuid;

const NOW: i64 = 1_772_442_000_000_000;

async fn with_records(count: i64) -> TestDb {
    let db = TestDb::start().await.unwrap();
    let mut buffer = db.bulk(&RECORD);
    for id in 1..=count {
        buffer.int(7).int(id).int(3).int(1).int(0).int(2).int(0).int(1).int(0).int(0).int(0);
        buffer.null().null().int(NOW).end_row();
    }
    let mut tx = db.begin().await.unwrap();
    tx.bulk_write(buffer).await.unwrap();
    let mut deltas = Deltas::default();
    deltas.add(7, Bucket::of(RecordStatus::Ready, Reason::None, 0, None), count);
    tx.record_counters_add(0, &deltas).await.unwrap();
    tx.commit().await.unwrap();
    db
}

fn attempt(id: i64, record: i64, device: i64, client: Option<i64>) -> NewAttempt {
    NewAttempt {
        tenant: 1,
        month: month_of(NOW),
        id,
        grp: 7,
        record,
        list: 3,
        contact: record,
        account: 9,
        epoch: 1,
        channel: 2,
        position: 1,
        device_hash: device,
        client_hash: client,
        location: 0,
        rule_set: 0,
        regions: None,
        started_at: NOW,
    }
}

#[tokio::test]
async fn a_fetch_goes_on_where_the_last_one_left_off() {
    let db = with_records(1_234).await;
    let mut tx = db.read().await.unwrap();
    let (mut key, mut seen) = (FetchKey::default(), Vec::new());
    loop {
        let page = tx.record_fetch(7, 3, (NOW, 0), &mut key, false, 200).await.unwrap();
        seen.extend(page.iter().map(|r| r.id));
        if page.len() < 200 {
            break;
        }
    }
    assert_eq!(seen, (1..=1_234).collect::<Vec<_>>());
    let newest = tx.record_fetch(7, 3, (NOW, 0), &mut FetchKey::default(), true, 2).await.unwrap();
    assert_eq!(newest.iter().map(|r| r.id).collect::<Vec<_>>(), [1_234, 1_233]);
}

#[tokio::test]
async fn a_retry_that_falls_due_goes_before_what_was_never_attempted() {
    let db = with_records(500).await;
    let mut tx = db.begin().await.unwrap();
    let mut key = FetchKey::default();
    let page = tx.record_fetch(7, 3, (NOW, 0), &mut key, false, 100).await.unwrap();
    let (soon, later) = (NOW + 1_000_000, NOW + 2_000_000);
    let retry = |i: usize, due| RecordChange {
        attempts: 1,
        ..RecordChange::of(&page[i], RecordStatus::Ready, Reason::Retry, due)
    };
    // the last was put off before any attempt: when it is due it does not wait for all who were never looked at
    let put_off = RecordChange::of(&page[2], RecordStatus::Ready, Reason::ContactTimes, soon);
    let changes = [retry(0, later), retry(1, soon), put_off];
    assert_eq!(tx.record_apply(&changes, 5, NOW, &mut Deltas::default()).await.unwrap().len(), 3);
    // not due yet: the walk goes on where it was
    let page = tx.record_fetch(7, 3, (NOW, 0), &mut key, false, 100).await.unwrap();
    assert_eq!(page.first().unwrap().id, 101);
    let page = tx.record_fetch(7, 3, (later, 0), &mut key, false, 100).await.unwrap();
    assert_eq!(
        page.iter().take(5).map(|r| r.id).collect::<Vec<_>>(),
        [2, 1, 3, 201, 202],
        "retries by their due times first"
    );
    let mut seen = Vec::new();
    for _ in 0..3 {
        let page = tx.record_fetch(7, 3, (later, 0), &mut key, false, 100).await.unwrap();
        seen.extend(page.iter().filter(|r| r.priority == 2).map(|r| r.id));
    }
    assert_eq!((seen.first(), seen.last()), (Some(&298), Some(&500)), "nothing was passed over");
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_callback_waits_for_its_agent_and_after_a_grace_for_anybody() {
    let db = with_records(3).await;
    let (ann, bob) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let mut tx = db.begin().await.unwrap();
    let page = tx.record_fetch(7, 3, (NOW, 0), &mut FetchKey::default(), false, 10).await.unwrap();
    let call_back = |i: usize, user: Uuid| RecordChange {
        cause: Some(user.to_string()),
        ..RecordChange::of(&page[i], RecordStatus::Ready, Reason::PersonalCallback, NOW + 60)
    };
    let changes = [call_back(0, ann), call_back(1, bob)];
    assert_eq!(tx.record_apply(&changes, 5, NOW, &mut Deltas::default()).await.unwrap().len(), 2);
    let due = async |tx: &mut Tx, users: &[Uuid], now| -> Vec<i64> {
        tx.record_personal(7, users, now, 10).await.unwrap().iter().map(|r| r.id).collect()
    };
    assert!(due(&mut tx, &[ann], NOW + 59).await.is_empty() && due(&mut tx, &[], NOW + 60).await.is_empty());
    assert_eq!(
        (due(&mut tx, &[ann], NOW + 60).await, due(&mut tx, &[bob, ann], NOW + 60).await),
        (vec![1], vec![1, 2])
    );
    for (passed, ready) in [(60, vec![3]), (89, vec![3]), (90, vec![1, 2, 3])] {
        let now = (NOW + passed, 30);
        let found = tx.record_fetch(7, 3, now, &mut FetchKey::default(), false, 10).await.unwrap();
        assert_eq!(found.iter().map(|r| r.id).collect::<Vec<_>>(), ready);
    }
    // a time that the rules forbid puts it off for the same agent
    let put_off = |record: &Record| RecordChange::put_off(record, Reason::ContactTimes, NOW + 500, None);
    let first = tx.record_get(7, 1).await.unwrap().unwrap();
    assert_eq!((first.agent(), put_off(&first).cause), (Some(&*ann.to_string()), Some(ann.to_string())));
    let third = tx.record_get(7, 3).await.unwrap().unwrap();
    assert_eq!((third.agent(), put_off(&third).reason), (None, Reason::ContactTimes.code()));
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_change_applies_once_and_the_counters_follow() {
    let db = with_records(10).await;
    let mut tx = db.begin().await.unwrap();
    let page = tx.record_fetch(7, 3, (NOW, 0), &mut FetchKey::default(), false, 4).await.unwrap();
    let later = NOW + 3_600_000_000;
    let changes: Vec<_> =
        page.iter().map(|r| RecordChange::of(r, RecordStatus::Ready, Reason::ContactTimes, later)).collect();
    let mut deltas = Deltas::default();
    let done = tx.record_apply(&changes[..1], 5, NOW, &mut deltas).await.unwrap();
    assert_eq!(done, [(7, 1)]);
    let gone: Vec<_> = page[1..]
        .iter()
        .map(|r| RecordChange { from: 3, ..RecordChange::of(r, RecordStatus::Done, Reason::None, 0) })
        .collect();
    assert!(
        tx.record_apply(&gone, 5, NOW, &mut deltas).await.unwrap().is_empty(),
        "a record that stands elsewhere is left alone"
    );
    tx.record_counters_add(9, &deltas).await.unwrap();
    let counters = tx.record_counters(7).await.unwrap();
    let waiting = Bucket::of(RecordStatus::Ready, Reason::ContactTimes, later, None);
    assert_eq!(counters, [(Bucket::of(RecordStatus::Ready, Reason::None, 0, None), 9), (waiting, 1)]);
    assert_eq!(tx.record_fetch(7, 3, (NOW, 0), &mut FetchKey::default(), false, 100).await.unwrap().len(), 9);
    assert_eq!(tx.record_fetch(7, 3, (later, 0), &mut FetchKey::default(), false, 100).await.unwrap().len(), 10);
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn of_two_changes_of_one_record_the_later_holds_and_is_counted_once() {
    let db = with_records(3).await;
    let mut tx = db.begin().await.unwrap();
    let page = tx.record_fetch(7, 3, (NOW, 0), &mut FetchKey::default(), false, 1).await.unwrap();
    let change = |reason| RecordChange::of(&page[0], RecordStatus::Ready, reason, NOW + 1);
    let changes = [change(Reason::ContactDate), change(Reason::ContactTimes)];
    let mut deltas = Deltas::default();
    assert_eq!(tx.record_apply(&changes, 5, NOW, &mut deltas).await.unwrap(), [(7, 1)]);
    assert_eq!(tx.record_get(7, 1).await.unwrap().unwrap().reason, Reason::ContactTimes.code());
    // what was judged by an older look at the record comes too late
    assert!(tx.record_apply(&changes, 5, NOW, &mut deltas).await.unwrap().is_empty());
    tx.record_counters_add(9, &deltas).await.unwrap();
    let waiting = Bucket::of(RecordStatus::Ready, Reason::ContactTimes, NOW + 1, None);
    let ready = Bucket::of(RecordStatus::Ready, Reason::None, 0, None);
    assert_eq!(tx.record_counters(7).await.unwrap(), [(ready, 2), (waiting, 1)]);
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_person_in_flight_is_nobody_elses() {
    let db = TestDb::start().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let first = [attempt(1, 1, 11, Some(100)), attempt(2, 2, 12, None), attempt(3, 3, 11, None)];
    let free: HashSet<i64> = tx.in_flight_insert(&first).await.unwrap().into_iter().collect();
    assert_eq!(free, HashSet::from([1, 2]), "two rows of one batch with the same device");
    // another device of the same person: nothing of it is left behind
    assert!(tx.in_flight_insert(&[attempt(4, 4, 13, Some(100))]).await.unwrap().is_empty());
    assert_eq!(tx.in_flight_insert(&[attempt(5, 5, 13, None)]).await.unwrap(), [5]);
    tx.in_flight_delete(&[1], &[(11, Some(100))]).await.unwrap();
    assert_eq!(tx.in_flight_insert(&[attempt(6, 6, 11, Some(100))]).await.unwrap(), [6]);
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn an_attempt_is_found_by_its_carriers_id_and_counts_unless_it_never_left() {
    let db = TestDb::start().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let new = [attempt(1, 1, 11, Some(100)), attempt(2, 2, 12, None), attempt(3, 3, 13, None)];
    tx.in_flight_insert(&new).await.unwrap();
    let made = |place: usize, state, provider: Option<&str>| {
        let provider_id = provider.map(Into::into);
        let purpose = Some(Purpose::Collections);
        new[place].clone().made(AttemptOutcome { state, provider_id, purpose, ..AttemptOutcome::default() })
    };
    let answered = [made(0, 2, Some("abc")), made(1, 5, None)];
    tx.attempt_insert(&answered).await.unwrap();
    tx.attempt_insert(&answered).await.unwrap();
    tx.in_flight_delete(&[1, 2], &[(11, Some(100)), (12, None)]).await.unwrap();
    assert_eq!(tx.attempt_by_provider(9, &["abc", "xyz"]).await.unwrap().iter().map(|a| a.id).collect::<Vec<_>>(), [1]);
    let orphans = tx.in_flight_orphans(9, 2, 10).await.unwrap();
    assert_eq!(orphans.iter().map(|a| (a.id, a.keys())).collect::<Vec<_>>(), [(3, (13, None))]);
    assert!(tx.in_flight_orphans(9, 1, 10).await.unwrap().is_empty(), "an epoch's own attempts are no orphans");
    let under_way = tx.attempt_of_device(1, 13, 10).await.unwrap();
    assert_eq!(under_way.iter().map(|a| (a.id, a.state)).collect::<Vec<_>>(), [(3, 1)]);
    let keys = HistoryKeys { devices: vec![11, 12, 13], clients: vec![100], subjects: Vec::new() };
    let history = tx.attempt_history_wide(1, &keys, NOW - 1).await.unwrap();
    let devices: HashSet<i64> = history.iter().map(|a| a.device_hash).collect();
    assert_eq!(devices, HashSet::from([11]), "one that never left does not count, one under way is marked");
    assert_eq!(history[0].purpose.as_deref(), Some("collections"));
    assert_eq!(tx.in_flight_existing(9, &[3, 77]).await.unwrap(), [3]);
    assert!(tx.attempt_any_open(9).await.unwrap());
    tx.in_flight_delete(&[3], &[(13, None)]).await.unwrap();
    assert_eq!(tx.attempt_unreceipted(9, NOW + 1, 10).await.unwrap().iter().map(|a| a.id).collect::<Vec<_>>(), [1]);
    assert!(tx.attempt_any_open(9).await.unwrap(), "a receipt is awaited");
    let done = AttemptUpdate {
        month: month_of(NOW),
        id: 1,
        state: 3,
        result: None,
        provider_id: None,
        detail: None,
        finished_at: Some(NOW + 1),
    };
    tx.attempt_update(1, &[done]).await.unwrap();
    assert!(!tx.attempt_any_open(9).await.unwrap());
    let again = tx.attempt_by_provider(9, &["abc"]).await.unwrap();
    assert_eq!(again[0].state, 3, "a receipt that is brought twice finds its attempt");
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn an_answer_to_a_person_is_under_way_and_keeps_nobody_from_them() {
    let db = TestDb::start().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let answer = NewAttempt { grp: 0, record: 0, ..attempt(1, 0, 11, None) };
    assert_eq!(tx.in_flight_insert(&[answer, attempt(2, 2, 11, None)]).await.unwrap(), [1, 2]);
    let orphans = tx.in_flight_orphans(9, 2, 10).await.unwrap();
    let answers: Vec<_> = orphans.iter().filter(|a| a.is_answer()).map(|a| (a.id, a.keys())).collect();
    assert_eq!((orphans.len(), answers), (2, vec![(1, (11, None))]));
    tx.in_flight_delete_answers(1, &[1]).await.unwrap();
    assert_eq!(tx.in_flight_orphans(9, 2, 10).await.unwrap().iter().map(|a| a.id).collect::<Vec<_>>(), [2]);
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_batch_is_written_by_one_statement_only_where_nobody_interfered() {
    let db = with_records(4).await;
    let mut tx = db.begin().await.unwrap();
    let lease = tx.lease_acquire("sender:9", "a", 60_000_000).await.unwrap().unwrap();
    let page = tx.record_fetch(7, 3, (NOW, 0), &mut FetchKey::default(), false, 4).await.unwrap();
    tx.commit().await.unwrap();
    let new: Vec<NewAttempt> = page.iter().map(|r| attempt(r.id, r.id, 10 + r.id, Some(100 + r.id))).collect();
    let begins: Vec<Begin<'_>> = new.iter().zip(&page).map(|(attempt, record)| Begin { attempt, record }).collect();
    let none: &[RecordChange] = &[];
    let batch = |lease, begins, changes| Outgoing { lease, shard: 9, made: &[], begins, changes, now: NOW };
    let mut tx = db.begin().await.unwrap();
    if tx.engine() == Engine::Sqlite {
        assert!(!tx.outgoing_write(&batch(&lease, &begins[..2], none)).await.unwrap());
        return;
    }
    assert!(tx.outgoing_write(&batch(&lease, &begins[..2], none)).await.unwrap());
    tx.commit().await.unwrap();
    let sent = db.read().await.unwrap().record_get(7, 1).await.unwrap().unwrap();
    assert_eq!((sent.status, sent.attempts, sent.last_attempt), (RecordStatus::InProgress.code(), 1, Some(1)));
    assert_eq!(sent.attempted_at, Some(NOW), "the number of an attempt is no time");
    let purpose = Some(Purpose::Survey);
    let result = AttemptOutcome { state: 3, result: Some(0), purpose, ..AttemptOutcome::default() };
    let made = [new[0].clone().made(result.clone())];
    let other = Lease { token: lease.token + 1, ..lease.clone() };
    let taken = NewAttempt { id: 30, ..attempt(3, 3, 12, None) };
    let of_another = NewAttempt { account: 10, ..attempt(31, 4, 14, None) };
    let begin = |attempt| [Begin { attempt, record: &page[2] }];
    let done = RecordChange { result: Some(0), ..RecordChange::of(&sent, RecordStatus::Done, Reason::None, 0) };
    let twice = [begins[2].change()];
    let moved = [Begin { attempt: &new[2], record: &page[1] }];
    let never_made = [new[3].clone().made(result)];
    let of_two = [begins[2], Begin { attempt: &of_another, record: &page[3] }];
    let taken = begin(&taken);
    for (batch, why) in [
        (batch(&other, &begins[2..3], none), "the lease is another's"),
        (batch(&lease, &taken, none), "the device is in flight"),
        (batch(&lease, &moved, none), "the record has moved"),
        (batch(&lease, &begins[2..3], &twice), "a record changes twice"),
        (batch(&lease, &of_two, none), "two accounts"),
        (Outgoing { made: &never_made, ..batch(&lease, &begins[2..3], none) }, "an attempt is not under way"),
    ] {
        let mut tx = db.begin().await.unwrap();
        assert!(!tx.outgoing_write(&batch).await.unwrap(), "{why}");
        tx.rollback().await.unwrap();
    }
    let mut tx = db.begin().await.unwrap();
    let changes = [done];
    assert!(tx.outgoing_write(&Outgoing { made: &made, ..batch(&lease, &begins[2..3], &changes) }).await.unwrap());
    tx.commit().await.unwrap();
    let mut tx = db.read().await.unwrap();
    let kept = tx.attempt_of_device(1, 11, 10).await.unwrap();
    assert_eq!(kept.iter().map(|a| (a.id, a.state, a.client_hash)).collect::<Vec<_>>(), [(1, 3, Some(101))]);
    let keys = HistoryKeys { devices: vec![11], ..HistoryKeys::default() };
    let counted = tx.attempt_history_wide(1, &keys, NOW - 1).await.unwrap();
    assert_eq!(counted.iter().map(|a| a.purpose.as_deref()).collect::<Vec<_>>(), [Some("survey")]);
    drop(tx);
    let mut tx = db.read().await.unwrap();
    assert_eq!(tx.record_counters(7).await.unwrap(), tx.record_recount(7).await.unwrap());
    let open = tx.in_flight_orphans(9, 2, 10).await.unwrap();
    assert_eq!(open.iter().map(|a| a.id).collect::<HashSet<_>>(), HashSet::from([2, 3]));
}

#[tokio::test]
async fn a_lease_has_one_holder_and_a_lost_one_is_noticed() {
    let db = TestDb::start().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let mine = tx.lease_acquire("sender:1", "a", 60_000_000).await.unwrap().unwrap();
    assert!(tx.lease_acquire("sender:1", "b", 60_000_000).await.unwrap().is_none());
    let again = tx.lease_acquire("sender:1", "a", 60_000_000).await.unwrap().unwrap();
    assert_eq!(again.token, mine.token, "a renewal keeps the token");
    tx.lease_check(&mine).await.unwrap();
    tx.lease_release(&mine).await.unwrap();
    let theirs = tx.lease_acquire("sender:1", "b", 60_000_000).await.unwrap().unwrap();
    assert!(theirs.token > mine.token);
    assert!(matches!(tx.lease_check(&mine).await, Err(StoreError::LeaseLost(_))));
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn ids_of_two_workers_never_meet() {
    let db = TestDb::start().await.unwrap();
    let (mut a, mut b) = (IdBlocks::new(Numbered::Attempt, 10), IdBlocks::new(Numbered::Attempt, 10));
    let mut seen = HashSet::new();
    for _ in 0..20 {
        for first in [a.take(&db, 3).await.unwrap(), b.take(&db, 4).await.unwrap()] {
            assert!(seen.insert(first));
        }
    }
}

#[tokio::test]
async fn what_is_being_written_under_a_lease_is_waited_for() {
    let db = TestDb::start().await.unwrap();
    if db.engine() != Engine::Postgres {
        return; // SQLite has one writer
    }
    let mut tx = db.begin().await.unwrap();
    let lease = tx.lease_acquire("sender:9", "a", 60_000_000).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let mut writer = db.begin().await.unwrap();
    writer.lease_check(&lease).await.unwrap();
    writer.in_flight_insert(&[attempt(1, 1, 11, None)]).await.unwrap();
    let look = async {
        let mut tx = db.begin().await.unwrap();
        tx.lease_await_writers(&lease).await.unwrap();
        tx.in_flight_existing(9, &[1]).await.unwrap()
    };
    let commit = async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        writer.commit().await.unwrap();
    };
    assert_eq!(tokio::join!(look, commit).0, [1]);
}
