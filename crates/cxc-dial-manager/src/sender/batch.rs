//! One transaction of a sender: results of messages that left, and durable attempts of those about to leave.
//! Writing both together costs one commit a batch; the attempts are durable before anything is sent.
use std::collections::{BTreeMap, HashMap, HashSet};

use cxc_core::Micros;
use cxc_core::record::{Reason, RecordStatus};
use cxc_store::attempt::{AttemptUpdate, NewAttempt};
use cxc_store::counter::Deltas;
use cxc_store::judge::{Case, Judge, OverCap};
use cxc_store::lease::Lease;
use cxc_store::outgoing::Outgoing;
use cxc_store::record::{Record, RecordChange};
use cxc_store::{Db, Engine, StoreError, Tx};

use super::evidence::{EvidenceWriter, Explained};
use super::plan::Plans;
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
    /// Why records move that were judged.
    #[expect(clippy::vec_box, reason = "each is handed on in the box in which it was made")]
    pub explained: Vec<Box<Explained>>,
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
        self.explained.extend(other.explained);
        self.new.extend(other.new);
    }

    /// Writes the batch under the sender's lease and answers the messages that may leave now. On an
    /// error nothing was written, unless the database vanished during the commit: see [`Batch::settle`].
    pub async fn write(&self, to: &mut Writer<'_>, now: Micros) -> Result<HashSet<i64>, StoreError> {
        if to.db.engine() == Engine::Postgres && self.write_at_once(to, now).await? {
            return Ok(self.new.iter().map(|p| p.attempt.id).collect());
        }
        self.write_by_steps(to, now).await
    }

    /// The usual case by one statement, or by two where caps are counted in between. False, and nothing written, if
    /// anything is not as it was when it was read.
    async fn write_at_once(&self, to: &mut Writer<'_>, now: Micros) -> Result<bool, StoreError> {
        let attempts: Vec<NewAttempt> = self.new.iter().map(|p| p.attempt.clone()).collect();
        let changes: Vec<RecordChange> = self.changes.iter().cloned().chain(self.new.iter().map(start)).collect();
        let batch = Outgoing {
            lease: to.lease,
            tenant: to.plans.tenant,
            shard: to.plans.number,
            results: &self.updates,
            ended: &self.ended,
            attempts: &attempts,
            changes: &changes,
            now,
        };
        let mut tx = to.db.begin().await?;
        let is_written = if self.new.iter().any(|p| p.contact.is_some()) {
            tx.outgoing_begin(&batch).await?
                && to.over_cap(&mut tx, &self.new, now).await?.is_empty()
                && tx.outgoing_finish(&batch).await?
        } else {
            tx.outgoing_write(&batch).await?
        };
        if !is_written {
            tx.rollback().await?;
            return Ok(false);
        }
        to.explain(&mut tx, self, &self.new.iter().collect::<Vec<_>>(), now).await?;
        tx.commit().await?;
        to.evidence.committed(to.plans);
        Ok(true)
    }

    async fn write_by_steps(&self, to: &mut Writer<'_>, now: Micros) -> Result<HashSet<i64>, StoreError> {
        let tenant = to.plans.tenant;
        let mut tx = to.db.begin().await?;
        tx.lease_check(to.lease).await?;
        let mut deltas = Deltas::default();
        tx.attempt_update(tenant, &self.updates).await?;
        let (ids, keys): (Vec<_>, Vec<_>) = self.ended.iter().copied().unzip();
        tx.in_flight_delete(tenant, &ids, &keys).await?;

        let attempts: Vec<NewAttempt> = self.new.iter().map(|p| p.attempt.clone()).collect();
        let free: HashSet<i64> = tx.in_flight_insert(&attempts).await?.into_iter().collect();
        let marked = self.new.iter().filter(|p| free.contains(&p.attempt.id));
        // nobody else can contact these people from here on: what is counted now holds
        let over = to.over_cap(&mut tx, marked, now).await?;
        let may_go = |p: &&Prepared| free.contains(&p.attempt.id) && !over.contains_key(&p.attempt.id);
        let change = |p: &Prepared| match over.get(&p.attempt.id) {
            Some(cap) => held_by_cap(&p.record, cap),
            None if free.contains(&p.attempt.id) => start(p),
            None => wait(&p.record, now),
        };
        let changes: Vec<RecordChange> = self.changes.iter().cloned().chain(self.new.iter().map(change)).collect();
        let applied: HashSet<(i64, i64)> =
            tx.record_apply(&changes, to.lease.token, now, &mut deltas).await?.into_iter().collect();
        // a record that somebody else moved meanwhile (cancelled, erased) is not contacted
        let is_applied = |p: &&Prepared| applied.contains(&(p.record.grp, p.record.id));
        let go: Vec<&Prepared> = self.new.iter().filter(may_go).filter(is_applied).collect();
        let going: Vec<NewAttempt> = go.iter().map(|p| p.attempt.clone()).collect();
        let going_ids: HashSet<i64> = going.iter().map(|a| a.id).collect();
        let stays = |p: &&Prepared| free.contains(&p.attempt.id) && !going_ids.contains(&p.attempt.id);
        let (ids, keys): (Vec<_>, Vec<_>) = self.new.iter().filter(stays).map(|p| (p.attempt.id, p.keys())).unzip();
        tx.in_flight_delete(tenant, &ids, &keys).await?;
        tx.attempt_insert(&going).await?;
        to.explain(&mut tx, self, &go, now).await?;
        tx.record_counters_add(to.plans.number, &deltas).await?;
        tx.commit().await?;
        to.evidence.committed(to.plans);
        Ok(going_ids)
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

/// Where and under what a batch is written.
pub struct Writer<'a> {
    /// The database.
    pub db: &'a Db,
    /// The sender's lease.
    pub lease: &'a Lease,
    /// The account with its groups.
    pub plans: &'a Plans,
    /// Who counts once more what caps allow.
    pub judge: &'a mut Judge,
    /// Who keeps why.
    pub evidence: &'a mut EvidenceWriter,
}

impl Writer<'_> {
    /// Keeps why records move and why these messages leave.
    async fn explain(&mut self, tx: &mut Tx, batch: &Batch, go: &[&Prepared], now: Micros) -> Result<(), StoreError> {
        let explained = batch.explained.iter().map(|e| &**e).chain(go.iter().map(|p| &*p.explained));
        self.evidence.append(tx, self.plans, now, &explained.collect::<Vec<_>>()).await
    }

    /// Which of these messages, all of them marked, are over a cap by now.
    async fn over_cap<'p>(
        &mut self,
        tx: &mut Tx,
        marked: impl IntoIterator<Item = &'p Prepared>,
        now: Micros,
    ) -> Result<HashMap<i64, OverCap>, StoreError> {
        let mut by_group: BTreeMap<i64, Vec<(i64, Case<'p>)>> = BTreeMap::new();
        for prepared in marked {
            let Some(contact) = &prepared.contact else { continue };
            let case = Case { contact, device: prepared.attempt.position, record: Some(&prepared.record) };
            by_group.entry(prepared.record.grp).or_default().push((prepared.attempt.id, case));
        }
        let mut over = HashMap::new();
        for (grp, cases) in by_group {
            let (ids, cases): (Vec<i64>, Vec<Case<'p>>) = cases.into_iter().unzip();
            let Some(plan) = self.plans.group(grp) else {
                // nobody knows its rules any more
                over.extend(ids.into_iter().map(|id| (id, OverCap::unknown(now))));
                continue;
            };
            let found = self.judge.over_cap(tx, &plan.scope(self.plans), &cases, now).await?;
            over.extend(ids.into_iter().zip(found).filter_map(|(id, cap)| Some((id, cap?))));
        }
        Ok(over)
    }
}

fn held_by_cap(record: &Record, cap: &OverCap) -> RecordChange {
    let cause = (!cap.cause.is_empty()).then(|| cap.cause.clone());
    RecordChange { cause, ..RecordChange::of(record, RecordStatus::Ready, Reason::AttemptRule, cap.due) }
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
