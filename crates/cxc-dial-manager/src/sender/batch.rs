//! One transaction of a sender: results of messages that left, and durable attempts of those about to leave.
//! Writing both together costs one commit a batch; the attempts are durable before anything is sent.
use std::collections::{BTreeMap, HashMap, HashSet};

use cxc_core::Micros;
use cxc_core::record::Reason;
use cxc_store::attempt::{MadeAttempt, NewAttempt};
use cxc_store::counter::Deltas;
use cxc_store::judge::{Case, Judge, OverCap};
use cxc_store::lease::Lease;
use cxc_store::outgoing::{Begin, Outgoing};
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
    /// Attempts whose answer is there.
    pub made: Vec<MadeAttempt>,
    /// Why records move that were judged.
    #[expect(clippy::vec_box, reason = "each is handed on in the box in which it was made")]
    pub explained: Vec<Box<Explained>>,
    /// Messages about to leave.
    pub new: Vec<Prepared>,
}

impl Batch {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.made.is_empty() && self.new.is_empty()
    }

    /// Adds what another batch holds.
    pub fn append(&mut self, other: Batch) {
        self.changes.extend(other.changes);
        self.made.extend(other.made);
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

    /// The usual case by one statement, or by some where caps are counted in between or more than blocks of evidence is
    /// to be kept. False, and nothing written, if anything is not as it was when it was read.
    async fn write_at_once(&self, to: &mut Writer<'_>, now: Micros) -> Result<bool, StoreError> {
        let begins: Vec<Begin<'_>> = self.new.iter().map(begin).collect();
        let (shard, made, changes) = (to.shard, &self.made, &self.changes);
        let batch = Outgoing { lease: to.lease, shard, made, begins: &begins, changes, now };
        let counts = self.new.iter().any(|p| p.contact.is_some());
        let explained = self.explained(self.new.iter());
        if !counts && let Some(packed) = to.evidence.pack(to.plans.tenant, now, &explained)? {
            let is_written = to.db.outgoing_alone(&batch, &packed).await?;
            if is_written {
                to.evidence.written(packed);
            }
            return Ok(is_written);
        }
        let mut tx = to.db.begin().await?;
        let is_written = if counts {
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
        to.evidence.append(&mut tx, to.plans.tenant, now, &explained).await?;
        tx.commit().await?;
        to.evidence.committed(to.plans.tenant, &explained);
        Ok(true)
    }

    /// Why records move and why these messages leave.
    fn explained<'b>(&'b self, go: impl Iterator<Item = &'b Prepared>) -> Vec<&'b Explained> {
        self.explained.iter().map(|e| &**e).chain(go.map(|p| &*p.explained)).collect()
    }

    async fn write_by_steps(&self, to: &mut Writer<'_>, now: Micros) -> Result<HashSet<i64>, StoreError> {
        let mut tx = to.db.begin().await?;
        tx.lease_check(to.lease).await?;
        let mut deltas = Deltas::default();
        tx.attempt_insert(&self.made).await?;
        let (ids, keys): (Vec<_>, Vec<_>) = self.made.iter().map(|m| (m.attempt.id, m.attempt.keys())).unzip();
        tx.in_flight_delete(&ids, &keys).await?;

        let attempts: Vec<NewAttempt> = self.new.iter().map(|p| p.attempt.clone()).collect();
        let free: HashSet<i64> = tx.in_flight_insert(&attempts).await?.into_iter().collect();
        let marked = self.new.iter().filter(|p| free.contains(&p.attempt.id));
        // nobody else can contact these people from here on: what is counted now holds
        let over = to.over_cap(&mut tx, marked, now).await?;
        let may_go = |p: &&Prepared| free.contains(&p.attempt.id) && !over.contains_key(&p.attempt.id);
        let change = |p: &Prepared| match over.get(&p.attempt.id) {
            Some(cap) => held_by_cap(&p.record, cap),
            None if free.contains(&p.attempt.id) => begin(p).change(),
            None => wait(&p.record, now),
        };
        let changes: Vec<RecordChange> = self.changes.iter().cloned().chain(self.new.iter().map(change)).collect();
        let applied: HashSet<(i64, i64)> =
            tx.record_apply(&changes, to.lease.token, now, &mut deltas).await?.into_iter().collect();
        // a record that somebody else moved meanwhile (cancelled, erased) is not contacted
        let is_applied = |p: &&Prepared| applied.contains(&(p.record.grp, p.record.id));
        let go: Vec<&Prepared> = self.new.iter().filter(may_go).filter(is_applied).collect();
        let going: HashSet<i64> = go.iter().map(|p| p.attempt.id).collect();
        let stays = |p: &&Prepared| free.contains(&p.attempt.id) && !going.contains(&p.attempt.id);
        let (ids, keys): (Vec<_>, Vec<_>) =
            self.new.iter().filter(stays).map(|p| (p.attempt.id, p.attempt.keys())).unzip();
        tx.in_flight_delete(&ids, &keys).await?;
        let explained = self.explained(go.into_iter());
        to.evidence.append(&mut tx, to.plans.tenant, now, &explained).await?;
        tx.record_counters_add(to.shard, &deltas).await?;
        tx.commit().await?;
        to.evidence.committed(to.plans.tenant, &explained);
        Ok(going)
    }

    /// After a commit whose answer was lost: which messages may leave, if it did happen.
    pub async fn settle(&self, db: &Db, lease: &Lease, account: i64) -> Result<Option<HashSet<i64>>, StoreError> {
        let ids: Vec<i64> = self.new.iter().map(|p| p.attempt.id).collect();
        if ids.is_empty() {
            return Ok(None);
        }
        let mut tx = db.begin().await?;
        tx.lease_await_writers(lease).await?;
        let found: HashSet<i64> = tx.in_flight_existing(account, &ids).await?.into_iter().collect();
        tx.rollback().await?;
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
    /// The writer's shard of the counters.
    pub shard: i64,
    /// Who counts once more what caps allow.
    pub judge: &'a mut Judge,
    /// Who keeps why.
    pub evidence: &'a mut EvidenceWriter,
}

impl Writer<'_> {
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
    RecordChange::put_off(record, Reason::AttemptRule, cap.due, cause)
}

fn begin(prepared: &Prepared) -> Begin<'_> {
    Begin { attempt: &prepared.attempt, record: &prepared.record }
}

fn wait(record: &Record, now: Micros) -> RecordChange {
    RecordChange::put_off(record, Reason::InFlightElsewhere, now + IN_FLIGHT_WAIT, None)
}
