//! One transaction of a sender: results of messages that left, and durable attempts of those about to leave.
//! Writing both together costs one commit a batch; the attempts are durable before anything is sent.
use std::collections::HashSet;

use cxc_core::Micros;
use cxc_core::record::{Reason, RecordStatus};
use cxc_store::attempt::{AttemptUpdate, NewAttempt};
use cxc_store::counter::Deltas;
use cxc_store::lease::Lease;
use cxc_store::record::{Record, RecordChange};
use cxc_store::{Db, StoreError};

use super::prepare::Prepared;

/// How long a record waits while another group or batch contacts the same person.
const IN_FLIGHT_WAIT: Micros = 5_000_000;

/// What one transaction writes. Everything in it belongs to one tenant.
#[derive(Default)]
pub struct Batch {
    /// Records that move, because of a result or of a rule.
    pub changes: Vec<RecordChange>,
    /// Results of attempts.
    pub updates: Vec<AttemptUpdate>,
    /// Attempts that are over, with the keys under which they were in flight.
    pub ended: Vec<(i64, (i64, Option<i64>))>,
    /// Messages about to leave.
    pub new: Vec<Prepared>,
}

impl Batch {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.updates.is_empty() && self.new.is_empty()
    }

    /// Adds what another batch holds.
    pub fn append(&mut self, other: Batch) {
        self.changes.extend(other.changes);
        self.updates.extend(other.updates);
        self.ended.extend(other.ended);
        self.new.extend(other.new);
    }

    /// Writes the batch under the sender's lease and answers the messages that may leave now. On an
    /// error nothing was written, unless the database vanished during the commit: see [`Batch::settle`].
    pub async fn write(
        &self,
        db: &Db,
        lease: &Lease,
        tenant: i64,
        shard: i64,
        now: Micros,
    ) -> Result<HashSet<i64>, StoreError> {
        let mut tx = db.begin().await?;
        tx.lease_check(lease).await?;
        let mut deltas = Deltas::default();
        tx.attempt_update(tenant, &self.updates).await?;
        let (ids, keys): (Vec<_>, Vec<_>) = self.ended.iter().copied().unzip();
        tx.in_flight_delete(tenant, &ids, &keys).await?;

        let attempts: Vec<NewAttempt> = self.new.iter().map(|p| p.attempt.clone()).collect();
        let free: HashSet<i64> = tx.in_flight_insert(&attempts).await?.into_iter().collect();
        let mut changes = self.changes.clone();
        changes.extend(
            self.new.iter().map(|p| if free.contains(&p.attempt.id) { start(p) } else { wait(&p.record, now) }),
        );
        let applied: HashSet<(i64, i64)> =
            tx.record_apply(&changes, lease.token, now, &mut deltas).await?.into_iter().collect();
        // a record that somebody else moved meanwhile (cancelled, erased) is not contacted
        let (go, gone): (Vec<&Prepared>, Vec<&Prepared>) = self
            .new
            .iter()
            .filter(|p| free.contains(&p.attempt.id))
            .partition(|p| applied.contains(&(p.record.grp, p.record.id)));
        let (ids, keys): (Vec<_>, Vec<_>) = gone.iter().map(|p| (p.attempt.id, p.keys())).unzip();
        tx.in_flight_delete(tenant, &ids, &keys).await?;
        let going: Vec<NewAttempt> = go.iter().map(|p| p.attempt.clone()).collect();
        tx.attempt_insert(&going).await?;
        tx.record_counters_add(shard, &deltas).await?;
        tx.commit().await?;
        Ok(going.into_iter().map(|a| a.id).collect())
    }

    /// After a commit whose answer was lost: which messages may leave, if it did happen.
    pub async fn settle(&self, db: &Db, tenant: i64) -> Result<Option<HashSet<i64>>, StoreError> {
        let ids: Vec<(i64, i64)> = self.new.iter().map(|p| (p.attempt.month, p.attempt.id)).collect();
        if ids.is_empty() {
            return Ok(None);
        }
        let mut tx = db.read().await?;
        let found: HashSet<i64> = tx.attempt_existing(tenant, &ids).await?.into_iter().collect();
        Ok((!found.is_empty()).then_some(found))
    }
}

fn start(prepared: &Prepared) -> RecordChange {
    RecordChange {
        device: prepared.attempt.position,
        attempts: prepared.record.attempts.saturating_add(1),
        attempt: Some(prepared.attempt.id),
        ..RecordChange::of(&prepared.record, RecordStatus::InProgress, Reason::None, 0)
    }
}

fn wait(record: &Record, now: Micros) -> RecordChange {
    RecordChange::of(record, RecordStatus::Ready, Reason::InFlightElsewhere, now + IN_FLIGHT_WAIT)
}
