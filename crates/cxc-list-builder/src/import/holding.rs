//! The lease of a list: one import or undo of it at a time.
use cxc_server::job_runner::{JobControl, JobError};
use cxc_server::{ApiError, Code};
use cxc_store::list::{LIST_LEASE, lease_name};

use super::run::ImportContext;
use super::write::HeldLease;

/// Goes on unless the work is to stop. What an earlier try of a job left is taken back also where the job was cancelled since.
fn go_on(control: &JobControl) -> Result<(), JobError> {
    match control.check() {
        Err(JobError::Cancelled) if control.job().tries > 1 => Ok(()),
        other => other,
    }
}

/// Takes the lease of a list, waiting a little for one whose holder has just vanished.
pub(crate) async fn take_lease(
    context: &ImportContext,
    kind: &str,
    number: i64,
    control: &JobControl,
) -> Result<HeldLease, JobError> {
    let job = control.job();
    // a later try of the same job is another holder: the first may still be writing
    let holder = format!("{}:{}", job.id, job.lease_token);
    let mut left = LIST_LEASE;
    for _ in 0..150 {
        go_on(control)?;
        let mut tx = context.app.db.begin().await?;
        let lease = tx.list_lease(kind, number, &holder).await?;
        let other = tx.lease_held(&lease_name(kind, number)).await?;
        tx.commit().await?;
        match lease {
            Some(lease) => return Ok(HeldLease::new(lease)),
            // only an earlier try of this job is worth waiting for: its lease runs out
            None if other.as_ref().is_none_or(|(other, _)| other.starts_with(&job.id.to_string())) => {
                tokio::time::sleep(std::time::Duration::from_millis(250)).await;
            }
            None => {
                left = other.map_or(left, |(_, left)| left);
                break;
            }
        }
    }
    let seconds = (left + 999_999) / 1_000_000;
    let detail = format!(
        "another import or undo of this list is under way; try again when it has ended, or, if it was interrupted, in \
         {seconds} seconds"
    );
    Err(ApiError::new(Code::ListImporting, detail).into())
}

/// Gives a list's lease back; one that can't be given back runs out.
pub(crate) async fn release(context: &ImportContext, lease: &HeldLease) {
    let release = async {
        let mut tx = context.app.db.begin().await?;
        tx.lease_release(lease.lease()).await?;
        tx.commit().await
    };
    if let Err(error) = release.await {
        tracing::warn!(%error, "a list's lease could not be given back; it runs out by itself");
    }
}
