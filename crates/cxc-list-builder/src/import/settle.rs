//! Takes back what a cancelled, failed or crashed import did, and what an undo asks for: in small steps, so
//! that others can write in between.
use cxc_store::consent::CONSENTS;
use cxc_store::import::ListImport;
use cxc_store::{Db, StoreError};

use super::write::HeldLease;

/// Contacts of a step: some tens of milliseconds.
const STEP: i64 = 1_000;

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
            Some(import) => settle(db, lease, &import, ended, now).await?,
            None => return Ok(()),
        }
    }
}

async fn settle(db: &Db, lease: &mut HeldLease, import: &ListImport, ended: &str, now: i64) -> Result<(), StoreError> {
    let mut after = i64::MIN;
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
    }
}
