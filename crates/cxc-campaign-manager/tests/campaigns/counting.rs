//! Counters equal a count of the records, whatever happens to them.
use cxc_core::record::{Reason, RecordStatus};
use cxc_store::counter::Deltas;
use cxc_store::record::RecordChange;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::support::{Campaigns, people};

const WAITS: [Reason; 4] = [Reason::None, Reason::ContactTimes, Reason::Retry, Reason::InFlightElsewhere];
const EXCLUSIONS: [Reason; 3] = [Reason::Suppressed, Reason::Cancelled, Reason::ContentError];

/// Which record, where to, with which reason, result and minutes from now, written by whom.
fn changes() -> impl Strategy<Value = Vec<(usize, RecordStatus, usize, Option<i16>, i64, i64)>> {
    let status = prop::sample::select(RecordStatus::ALL.to_vec());
    let one = (
        0_usize..60,
        status,
        0_usize..4,
        prop::option::of(prop::sample::select(vec![0_i16, 3, 53])),
        0_i64..90,
        0_i64..3,
    );
    prop::collection::vec(one, 1..40)
}

#[tokio::test]
async fn counters_equal_the_records_after_any_changes_by_any_writers() {
    let c = Campaigns::start().await;
    let list = c.list(people("30", 60)).await;
    let group = c.group("one").await;
    group.set_lists(&[&list]).await;
    group.load().await;
    let mut runner = TestRunner::deterministic();
    for round in 0..30 {
        let drawn = changes().new_tree(&mut runner).unwrap().current();
        let records = group.records().await;
        let now = c.app.app.now();
        let mut tx = c.app.app.db.begin().await.unwrap();
        for shard in 0..3 {
            // the same record may be named twice, and by a writer who saw it before it moved
            let own = drawn.iter().filter(|d| d.5 == shard);
            let mut named = std::collections::HashSet::new();
            let changes: Vec<RecordChange> = own
                .filter(|d| named.insert(d.0))
                .map(|(at, status, reason, result, minutes, _)| {
                    let reason = match status {
                        RecordStatus::Ready => WAITS[*reason],
                        RecordStatus::Excluded => EXCLUSIONS[reason % 3],
                        _ => Reason::None,
                    };
                    let due = if reason == Reason::None { 0 } else { now + minutes * 37_000_001 };
                    RecordChange { result: *result, ..RecordChange::of(&records[*at], *status, reason, due) }
                })
                .collect();
            let mut deltas = Deltas::default();
            tx.record_apply(&changes, 1, now, &mut deltas).await.unwrap();
            tx.record_counters_add(shard, &deltas).await.unwrap();
        }
        tx.commit().await.unwrap();
        assert_eq!(group.accounting().await["audience"], 60, "round {round}");
        c.app.clock.advance(std::time::Duration::from_secs(61));
        if round % 5 == 4 {
            let mut tx = c.app.app.db.begin().await.unwrap();
            tx.record_counters_fold(group.number).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(group.accounting().await["audience"], 60, "folded in round {round}");
        }
    }
    let mut tx = c.app.app.db.begin().await.unwrap();
    tx.record_counters_fold(group.number).await.unwrap();
    assert_eq!(tx.record_counters_fold(group.number).await.unwrap(), 0);
    let buckets = tx.record_counters(group.number).await.unwrap();
    assert!(buckets.iter().all(|(_, n)| *n > 0), "{buckets:?}");
}
