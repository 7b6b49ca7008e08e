//! The lease of a list: one import or undo of it at a time.
use cxc_server::job_runner::{JobControl, JobError};
use cxc_server::{ApiError, Code};

use super::run::ImportContext;
use super::write::HeldLease;

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
    for _ in 0..150 {
        control.check()?;
        let mut tx = context.app.db.begin().await?;
        let lease = tx.list_lease(kind, number, &holder).await?;
        let other = tx.lease_holder(&cxc_store::list::lease_name(kind, number)).await?;
        tx.commit().await?;
        match lease {
            Some(lease) => return Ok(HeldLease::new(lease)),
            // only an earlier try of this job is worth waiting for: its lease runs out
            None if other.is_none_or(|other| other.starts_with(&job.id.to_string())) => {
                tokio::time::sleep(std::time::Duration::from_millis(250)).await;
            }
            None => break,
        }
    }
    Err(ApiError::new(
        Code::ListImporting,
        "another import or undo of this list is under way; try again when it has ended",
    )
    .into())
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
