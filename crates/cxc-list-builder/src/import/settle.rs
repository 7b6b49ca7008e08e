//! Takes back what a cancelled, failed or crashed import did, and what an undo asks for: in small steps, so
//! that others can write in between.
use cxc_server::job_runner::JobError;
use cxc_store::consent::CONSENTS;
use cxc_store::import::{ImportCounts, ListImport};
use cxc_store::{Db, StoreError};

use super::outcome::Detail;
use super::run::ImportContext;
use super::write::HeldLease;
use crate::file::Reject;

/// Contacts of a step: some tens of milliseconds.
const STEP: i64 = 1_000;

/// Counts a line that was not taken.
pub(crate) fn count_reject(counts: &mut ImportCounts, reject: &Reject) {
    if reject.reason.is_duplicate() {
        counts.duplicate += 1;
    } else {
        counts.rejected += 1;
    }
}

/// Takes back what an import under this lease has written and notes why it ended; answers that. After the loss of the
/// lease or the database nothing is touched: whoever has the lease next does it.
pub(crate) async fn take_back(
    context: &ImportContext,
    import: &ListImport,
    stop: JobError,
    (counts, mut detail): (ImportCounts, Detail),
    lease: &mut HeldLease,
) -> JobError {
    if matches!(&stop, JobError::Store(e) if matches!(e, StoreError::LeaseLost(_)) || e.is_unavailable()) {
        return stop;
    }
    let app = &context.app;
    let ended = if matches!(stop, JobError::Cancelled | JobError::Stopping) { "cancelled" } else { "failed" };
    detail.error = Some(if let JobError::Internal(_) = stop { "internal error".into() } else { stop.to_string() });
    let note = async {
        settle_list(&app.db, lease, &import.kind, import.list, ended, app.now()).await?;
        let mut tx = app.db.begin().await?;
        tx.import_note(import.number, ended, &counts, &serde_json::to_value(&detail)?, app.now()).await?;
        tx.commit().await
    };
    match note.await {
        Ok(()) => stop,
        Err(error) => error.into(),
    }
}

/// Settles everything unsettled of a list whose lease is held. `ended` is the last state of imports that ran.
pub async fn settle_list(
    db: &Db,
    lease: &mut HeldLease,
    kind: &str,
    list: i64,
    ended: &str,
    now: i64,
) -> Result<(), StoreError> {
    loop {
        let import = db.read().await?.import_unsettled(kind, list).await?;
        match import {
            Some(import) => settle(db, lease, &import, ended, now, |_| ()).await?,
            None => return Ok(()),
        }
    }
}

/// Settles one import. `told` hears about how many contacts were gone over.
pub(crate) async fn settle(
    db: &Db,
    lease: &mut HeldLease,
    import: &ListImport,
    ended: &str,
    now: i64,
    told: impl Fn(i64),
) -> Result<(), StoreError> {
    let (mut after, mut steps) = (i64::MIN, 0);
    loop {
        lease.renew(db).await?;
        let mut tx = db.begin_relaxed().await?;
        tx.lease_check(lease.lease()).await?;
        let done = if import.kind == "suppression" {
            match tx.suppression_settle_step(import, ended, after, STEP, now).await? {
                Some(next) => {
                    after = next;
                    false
                }
                None => true,
            }
        } else if import.kind == CONSENTS {
            tx.consent_settle_step(import, ended, STEP, now).await?
        } else {
            tx.import_settle_step(import, ended, STEP, now).await?
        };
        tx.commit().await?;
        if done {
            return Ok(());
        }
        steps += 1;
        told(steps * STEP);
    }
}
