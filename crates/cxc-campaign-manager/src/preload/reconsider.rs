//! Exclusions of an earlier load that may no longer hold: a suppression entry was taken away, a device added.
use std::collections::HashMap;

use cxc_core::record::{Reason, RecordStatus};
use cxc_server::App;
use cxc_server::job_runner::{JobControl, JobError};
use cxc_store::contact::FullContact;
use cxc_store::counter::Deltas;
use cxc_store::judge::{Case, Finding, Judge};
use cxc_store::record::{Record, RecordChange};

use super::slice::scope;
use super::{Audience, LoadResult};

const SHARD: i64 = 0;
const SLICE: i64 = 2_000;

/// Exclusions that depend on data which may have changed. The rest were decided once and for all.
const RECONSIDERED: [Reason; 5] =
    [Reason::Suppressed, Reason::NoDevice, Reason::NeverOpen, Reason::LocationRule, Reason::ForbiddenNumber];

/// Judges such records again and readmits those that may be contacted.
pub async fn excluded(
    app: &App,
    audience: &Audience,
    judge: &mut Judge,
    control: &JobControl,
    result: &mut LoadResult,
) -> Result<(), JobError> {
    if audience.row.loads == 0 {
        return Ok(());
    }
    for reason in RECONSIDERED {
        let mut after = 0;
        loop {
            control.check()?;
            let mut tx = app.db.read().await?;
            let status = Some(RecordStatus::Excluded.code());
            let page = tx.record_page(audience.row.number, status, Some(reason.code()), after, SLICE).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            let keys: Vec<(i64, i64)> = page.iter().map(|r| (r.list, r.contact)).collect();
            let contacts: HashMap<i64, FullContact> =
                tx.contacts_of_lists(audience.row.tenant, &keys).await?.into_iter().map(|(_, c)| (c.contact.id, c)).collect();
            let pairs: Vec<(&Record, &FullContact)> = page.iter().filter_map(|r| contacts.get(&r.contact).map(|c| (r, c))).collect();
            let cases: Vec<Case<'_>> = pairs.iter().map(|(_, contact)| Case { contact, device: 0 }).collect();
            let findings = judge.judge(&mut tx, &scope(audience), &cases, app.now()).await?;
            drop(tx);
            let changes: Vec<RecordChange> = pairs.iter().zip(findings).filter_map(|((record, _), f)| readmit(record, f)).collect();
            let mut tx = app.db.begin_relaxed().await?;
            let mut deltas = Deltas::default();
            let done = tx.record_apply(&changes, 0, app.now(), &mut deltas).await?;
            tx.record_counters_add(SHARD, &deltas).await?;
            tx.commit().await?;
            result.readmitted += i64::try_from(done.len()).unwrap_or(0);
        }
    }
    Ok(())
}

fn readmit(record: &Record, finding: Finding) -> Option<RecordChange> {
    let (reason, due) = match finding {
        Finding::Exclude { .. } => return None,
        Finding::Allow(_) => (Reason::None, 0),
        Finding::Wait { reason, due, .. } => (reason, due),
    };
    // the device is chosen anew when it is fetched
    Some(RecordChange { device: 0, ..RecordChange::of(record, RecordStatus::Ready, reason, due) })
}
