//! Who waits because of a rule that may no longer hold: an edit that allows more reaches those who wait already.
use std::collections::HashMap;

use cxc_core::record::{Reason, RecordStatus};
use cxc_server::job_runner::JobError;
use cxc_store::contact::FullContact;
use cxc_store::counter::Deltas;
use cxc_store::judge::{Case, Finding, Judge};
use cxc_store::record::{Record, RecordChange};
use cxc_store::{StoreError, Tx};

use super::slice::{SHARD, device_of};
use super::{LoadResult, Run};

const SLICE: i64 = 2_000;
/// Waits that compliance ordered; the others are a treatment's, a carrier's or a person's.
const BY_RULES: [Reason; 9] = [
    Reason::ContactTimes,
    Reason::ContactDate,
    Reason::AttemptRule,
    Reason::CoolDown,
    Reason::ComplianceUnavailable,
    Reason::DataMissing,
    Reason::DataStale,
    Reason::RuleUnanswered,
    Reason::TzdbTooOld,
];

/// Judges again who waits because of a rule. Whoever may be contacted now is due at once, who would now be left out
/// is, and the others wait as the rules say now.
pub async fn waiting(run: &Run<'_>, judge: &mut Judge, result: &mut LoadResult) -> Result<(), JobError> {
    let (grp, now) = (run.audience.row.number, run.app.now());
    let counters = run.app.db.read().await?.record_counters(grp).await?;
    let any = |reason: &&Reason| {
        counters.iter().any(|(bucket, n)| bucket.waits(now) && bucket.code == reason.code() && *n > 0)
    };
    for reason in BY_RULES.iter().filter(any) {
        let mut after = 0;
        loop {
            run.guard.check()?;
            let mut tx = run.app.db.read().await?;
            let ready = Some(RecordStatus::Ready.code());
            let page = tx.record_page(grp, ready, Some(reason.code()), after, SLICE).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            let is_ours = |r: &&Record| r.due > now && run.audience.list(r.list).is_some();
            let waiting: Vec<&Record> = page.iter().filter(is_ours).collect();
            let found = findings(run, &mut tx, judge, &waiting).await?;
            let changed =
                found.into_iter().filter_map(|(record, contact, finding)| change(record, &contact, finding, now));
            let changes: Vec<RecordChange> = changed.collect();
            drop(tx);
            write(run, &changes, result).await?;
        }
    }
    Ok(())
}

/// What is found of the contacts of records by now; of those that have left their lists nothing.
async fn findings<'r>(
    run: &Run<'_>,
    tx: &mut Tx,
    judge: &mut Judge,
    records: &[&'r Record],
) -> Result<Vec<(&'r Record, FullContact, Finding)>, StoreError> {
    let keys: Vec<(i64, i64)> = records.iter().map(|r| (r.list, r.id)).collect();
    let found = tx.contacts_of_lists(run.audience.row.tenant, &keys).await?;
    let mut contacts: HashMap<i64, FullContact> = found.into_iter().map(|(_, c)| (c.contact.id, c)).collect();
    let pairs: Vec<(&'r Record, FullContact)> =
        records.iter().filter_map(|record| Some((*record, contacts.remove(&record.id)?))).collect();
    let cases: Vec<Case<'_>> =
        pairs.iter().map(|(record, contact)| Case { contact, device: record.device, record: Some(record) }).collect();
    let findings = judge.judge_through(tx, &run.audience.scope(), &cases, run.app.now()).await?;
    Ok(pairs.into_iter().zip(findings).map(|((record, contact), finding)| (record, contact, finding)).collect())
}

/// Which of these records, that wait or are ready, are left out by now.
pub(crate) async fn left_out(
    run: &Run<'_>,
    tx: &mut Tx,
    judge: &mut Judge,
    page: &[Record],
) -> Result<Vec<RecordChange>, StoreError> {
    let open = |r: &&Record| r.status == RecordStatus::Ready.code() && run.audience.list(r.list).is_some();
    let open: Vec<&Record> = page.iter().filter(open).collect();
    let found = findings(run, tx, judge, &open).await?;
    let out = |(record, _, finding): (&Record, FullContact, Finding)| match finding {
        Finding::Exclude { reason, cause } => Some(excluded(record, reason, cause)),
        _ => None,
    };
    Ok(found.into_iter().filter_map(out).collect())
}

/// The devices of the people to whom a record is being sent, and who would be left out by now: a retry would wait for
/// nothing.
pub(crate) async fn in_sending(
    run: &Run<'_>,
    tx: &mut Tx,
    judge: &mut Judge,
    page: &[Record],
) -> Result<Vec<i64>, StoreError> {
    let sending = |r: &&Record| r.status == RecordStatus::InProgress.code() && run.audience.list(r.list).is_some();
    let sending: Vec<&Record> = page.iter().filter(sending).collect();
    let found = findings(run, tx, judge, &sending).await?;
    let out = found.into_iter().filter(|(.., finding)| matches!(finding, Finding::Exclude { .. }));
    Ok(out.flat_map(|(_, contact, _)| contact.devices.into_iter().map(|device| device.address_hash)).collect())
}

fn excluded(record: &Record, reason: Reason, cause: Option<String>) -> RecordChange {
    RecordChange { cause, ..RecordChange::of(record, RecordStatus::Excluded, reason, 0) }
}

fn change(record: &Record, contact: &FullContact, finding: Finding, now: i64) -> Option<RecordChange> {
    let device = device_of(contact, &finding).map_or(record.device, |(position, _)| position);
    let to = |reason, due, cause| {
        let change = RecordChange::of(record, RecordStatus::Ready, reason, due);
        Some(RecordChange { device, cause, ..change })
    };
    match finding {
        Finding::Allow(_) => to(Reason::None, now, None),
        Finding::Exclude { reason, cause } => Some(excluded(record, reason, cause)),
        // what can't be judged now either is asked again when it was to be
        Finding::Wait { reason: Reason::ComplianceUnavailable, .. } => None,
        Finding::Wait { reason, due, cause, .. } => {
            let same = reason.code() == record.reason && due == record.due && cause == record.cause;
            if same { None } else { to(reason, due, cause) }
        }
    }
}

async fn write(run: &Run<'_>, changes: &[RecordChange], result: &mut LoadResult) -> Result<(), JobError> {
    if changes.is_empty() {
        return Ok(());
    }
    let now = run.app.now();
    let mut deltas = Deltas::default();
    let mut tx = run.app.db.begin_relaxed().await?;
    let done = tx.record_apply(changes, 0, now, &mut deltas).await?;
    run.hold(&mut tx, now).await?;
    tx.record_counters_add(SHARD, &deltas).await?;
    tx.commit().await?;
    result.moved += i64::try_from(done.len()).unwrap_or(0);
    Ok(())
}
