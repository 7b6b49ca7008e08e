//! What a sender does now and then: accepted messages whose receipt never came are finished.
use std::time::Duration;

use cxc_core::enumerations::CallResult;
use cxc_store::StoreError;
use cxc_store::lease::Lease;

use super::SenderContext;
use super::inbound::apply;
use super::plan::Plans;

/// How often it is done.
pub const EVERY: Duration = Duration::from_secs(5);
const SLICE: i64 = 200;

/// Finishes accepted messages whose receipt is overdue: the carrier took them, so they count as sent.
pub async fn finish_overdue(context: &SenderContext, plans: &Plans, lease: &Lease) -> Result<(), StoreError> {
    let now = context.now();
    let before = now - i64::from(plans.account.receipt_timeout_seconds) * 1_000_000;
    loop {
        let overdue = context.app.db.read().await?.attempt_unreceipted(plans.number, before, SLICE).await?;
        if overdue.is_empty() {
            return Ok(());
        }
        let settled: Vec<_> = overdue.into_iter().map(|attempt| (attempt, CallResult::Ok, String::new())).collect();
        let mut tx = context.app.db.begin().await?;
        tx.lease_check(lease).await?;
        apply(&mut tx, plans, lease, &settled, now).await?;
        tx.commit().await?;
    }
}
