//! What a lost sender left behind: attempts that may or may not have left are shown in doubt, never repeated.
use cxc_core::attempt::AttemptState;
use cxc_core::record::{Reason, RecordStatus};
use cxc_store::StoreError;
use cxc_store::attempt::{AttemptOutcome, MadeAttempt, NewAttempt};
use cxc_store::counter::Deltas;
use cxc_store::lease::Lease;
use cxc_store::record::{Record, RecordChange};

use super::SenderContext;
use super::plan::Plans;

const SLICE: i64 = 200;

/// Marks what earlier epochs left under way as in doubt; their people are free to be contacted by others.
pub async fn orphans_in_doubt(context: &SenderContext, plans: &Plans, lease: &Lease) -> Result<u64, StoreError> {
    let mut count = 0;
    loop {
        let mut tx = context.app.db.begin().await?;
        tx.lease_check(lease).await?;
        let orphans = tx.in_flight_orphans(plans.number, lease.token, SLICE).await?;
        if orphans.is_empty() {
            break;
        }
        let now = context.now();
        let (answers, sent): (Vec<_>, Vec<_>) = orphans.iter().partition(|a| a.is_answer());
        let (ids, keys): (Vec<_>, Vec<_>) = sent.iter().map(|a| (a.id, a.keys())).unzip();
        tx.in_flight_delete(&ids, &keys).await?;
        tx.in_flight_delete_answers(plans.tenant, &answers.iter().map(|a| a.id).collect::<Vec<_>>()).await?;
        let made: Vec<MadeAttempt> = orphans.iter().map(|a| in_doubt(a, now)).collect();
        tx.attempt_insert(&made).await?;
        let mut deltas = Deltas::default();
        let mut changes = Vec::with_capacity(orphans.len());
        for (grp, records) in by_group(&orphans) {
            for record in tx.record_get_many(grp, &records).await? {
                changes.extend(doubt_record(&record));
            }
        }
        tx.record_apply(&changes, lease.token, now, &mut deltas).await?;
        tx.record_counters_add(plans.number, &deltas).await?;
        tx.commit().await?;
        count += u64::try_from(orphans.len()).unwrap_or(0);
    }
    if count > 0 {
        tracing::warn!(account = plans.number, count, "attempts of a lost sender are in doubt");
    }
    Ok(count)
}

fn in_doubt(attempt: &NewAttempt, now: i64) -> MadeAttempt {
    let outcome = AttemptOutcome {
        state: AttemptState::InDoubt.code(),
        detail: Some("its sender was lost before the answer was stored".into()),
        finished_at: Some(now),
        ..AttemptOutcome::default()
    };
    attempt.clone().made(outcome)
}

fn doubt_record(record: &Record) -> Option<RecordChange> {
    (record.status == RecordStatus::InProgress.code())
        .then(|| RecordChange::of(record, RecordStatus::InDoubt, Reason::None, 0))
}

fn by_group(attempts: &[NewAttempt]) -> Vec<(i64, Vec<i64>)> {
    let mut groups = std::collections::BTreeMap::<i64, Vec<i64>>::new();
    for attempt in attempts.iter().filter(|a| !a.is_answer()) {
        groups.entry(attempt.grp).or_default().push(attempt.record);
    }
    groups.into_iter().collect()
}
