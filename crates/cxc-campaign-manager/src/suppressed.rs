//! Records follow suppression: who is suppressed after a group was loaded is shown as such at once, not when its
//! record comes to its turn, and who is suppressed no longer is readmitted. Senders do not depend on it: they judge again
//! before every attempt.
//!
//! The records are changed, set by set, and not explained anew by whoever reads them: an accounting that explains would
//! have to look at the whole audience, and accounting never does (decision 3). What it costs depends on how the change
//! came. Entries by hand, opt-outs and entries that end name their keys: the few contacts that have one are found by
//! index, however long the list and the audience are. A file, a changed list or a list of numbers may hold a hundred
//! million keys: then the people who still wait are walked over, 2,000 at a time, and looked up in it. So the cost is
//! bounded by the audience and never by the list, and nothing waits for it: it is done behind the writer's back.
use std::sync::Arc;
use std::time::Duration;

use cxc_core::compliance::{IntervalCache, Zones};
use cxc_core::record::{Reason, RecordStatus};
use cxc_server::App;
use cxc_server::job_runner::JobError;
use cxc_store::group::GroupRow;
use cxc_store::judge::Judge;
use cxc_store::location::Locations;
use cxc_store::number_list::INSTALLATION;
use cxc_store::record::Record;
use cxc_store::suppression_change::{Changed, SuppressionChange};
use cxc_store::{StoreError, Tx};
use tokio_util::sync::CancellationToken;

use crate::preload::reconsider::Again;
use crate::preload::waiting::{in_sending, left_out};
use crate::preload::{Audience, Guard, LoadResult, Run, is_worked_on};
use crate::turn::Turn;

const TICK: Duration = Duration::from_millis(200);
/// Changes that are shown together.
const CHANGES: i64 = 1_000;
/// When somebody is looked at again who is being sent to, in microseconds.
const AGAIN: i64 = 2_000_000;
/// Records of a transaction.
const SLICE: i64 = 2_000;
/// Excluded records that lie further apart than this are judged apart: who is selected is read by ranges.
const APART: i64 = 10_000;

/// Shows changes of suppression until told to stop; one process at a time does, under a lease.
pub async fn follow(app: App, zones: Zones, locations: Arc<Locations>, stop: CancellationToken) -> anyhow::Result<()> {
    let mut follower = Follower::new(app, zones, locations);
    while !stop.is_cancelled() {
        match stop.run_until_cancelled(follower.step()).await {
            None => break,
            Some(Ok(true)) => continue,
            Some(Ok(false)) => {}
            Some(Err(error)) => tracing::warn!(%error, "changes of suppression can't be shown"),
        }
        stop.run_until_cancelled(tokio::time::sleep(TICK)).await;
    }
    follower.turn.release().await;
    Ok(())
}

/// Shows what changed so far, for commands that work without a server. Where one runs, it may do it instead.
pub async fn catch_up(app: &App, zones: Zones) -> Result<(), JobError> {
    let mut follower = Follower::new(app.clone(), zones, Arc::new(Locations::new()));
    let done = loop {
        match follower.step().await {
            Ok(true) => {}
            Ok(false) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    follower.turn.release().await;
    done
}

struct Follower {
    app: App,
    zones: Zones,
    judge: Judge,
    turn: Turn,
}

/// Whom a change concerns.
enum Whom {
    /// Who has one of these devices or client ids.
    Keys { devices: Vec<i64>, clients: Vec<i64> },
    /// Everybody who waits.
    All,
}

impl Whom {
    /// The next changes that can be shown together, and whom they concern: those by key before those of whole lists.
    fn of(changes: &mut Vec<SuppressionChange>) -> Self {
        let is_key = |c: &SuppressionChange| matches!(c.what(), Changed::Device(_) | Changed::Client(_));
        if !changes.iter().any(is_key) {
            return Self::All;
        }
        changes.retain(is_key);
        let (mut devices, mut clients) = (Vec::new(), Vec::new());
        for change in changes {
            match change.what() {
                Changed::Client(hash) => clients.push(hash),
                Changed::Device(hash) => devices.push(hash),
                Changed::List(_) | Changed::Numbers(_) => {}
            }
        }
        Self::Keys { devices, clients }
    }
}

impl Follower {
    fn new(app: App, zones: Zones, locations: Arc<Locations>) -> Self {
        let cache = IntervalCache::new(zones.clone(), IntervalCache::CAPACITY);
        let judge = Judge::new(cache, locations, app.hash_key).with_numbers(app.numbers.clone());
        let turn = Turn::new(app.clone(), "campaign-suppression");
        Self { app, zones, judge, turn }
    }

    /// Shows some changes; whether there may be more that can be shown now.
    async fn step(&mut self) -> Result<bool, JobError> {
        let mut tx = self.app.db.read().await?;
        let mut changes = tx.suppression_changes(self.app.now(), CHANGES).await?;
        let Some(first) = changes.first().copied() else { return Ok(false) };
        let whom = Whom::of(&mut changes);
        let tenant = Some(first.tenant).filter(|tenant| *tenant != INSTALLATION);
        let groups = tx.groups_open_to_suppression(tenant).await?;
        let mut busy = false;
        for group in &groups {
            busy |= is_worked_on(&mut tx, group).await?;
        }
        drop(tx);
        // a load would be walked over in vain, and with it all the other groups again and again
        if !self.turn.is_ours().await? || (busy && matches!(whom, Whom::All)) {
            return Ok(false);
        }
        for group in groups {
            let (id, shown) = (group.id, self.show(group, &whom).await);
            match shown {
                Ok(()) => {}
                // a job or a sender is at the same records: once more at the next look
                Err(JobError::Cancelled) => busy = true,
                Err(JobError::Store(error)) if error.is_conflict() => busy = true,
                Err(JobError::Store(error)) if error.is_unavailable() => return Err(error.into()),
                // one group's trouble is not the others': its senders still ask before every attempt
                Err(error) => tracing::warn!(group = %id, %error, "a change of suppression can't be shown in a group"),
            }
        }
        if busy {
            return Ok(false);
        }
        let mut tx = self.app.db.begin_relaxed().await?;
        tx.suppression_changes_shown(&changes).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn show(&mut self, row: GroupRow, whom: &Whom) -> Result<(), JobError> {
        let (app, grp) = (self.app.clone(), row.number);
        app.numbers.prepare(row.tenant).await;
        let mut tx = app.db.read().await?;
        let Some(audience) = Audience::of(&app, &self.zones, &mut tx, row).await? else { return Ok(()) };
        let run = Run { app: &app, audience: &audience, guard: Guard::NoJob };
        match whom {
            Whom::Keys { devices, clients } => {
                let contacts = holders(&mut tx, &audience, devices, clients).await?;
                drop(tx);
                for ids in contacts.chunks(usize::try_from(SLICE).unwrap_or(1)) {
                    let mut tx = app.db.read().await?;
                    let mut page = tx.record_get_many(grp, ids).await?;
                    page.sort_unstable_by_key(|record| record.id);
                    self.page(&run, tx, &page).await?;
                }
            }
            Whom::All => {
                drop(tx);
                self.walk(&run, RecordStatus::Ready, None).await?;
                self.walk(&run, RecordStatus::InProgress, None).await?;
                self.walk(&run, RecordStatus::Excluded, Some(Reason::Suppressed)).await?;
            }
        }
        Ok(())
    }

    /// Goes through everybody who stands somewhere.
    async fn walk(&mut self, run: &Run<'_>, status: RecordStatus, reason: Option<Reason>) -> Result<(), JobError> {
        let (status, reason) = (Some(status.code()), reason.map(Reason::code));
        let mut after = 0;
        loop {
            let mut tx = run.app.db.read().await?;
            let page = tx.record_page(run.audience.row.number, status, reason, after, SLICE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id;
            self.page(run, tx, &page).await?;
        }
    }

    /// Judges records and changes those that stand otherwise now. Those that are being sent to belong to their sender:
    /// they are looked at again, so that one that then waits for a retry is shown as what it is.
    async fn page(&mut self, run: &Run<'_>, mut tx: Tx, page: &[Record]) -> Result<(), JobError> {
        let out = left_out(run, &mut tx, &mut self.judge, page).await?;
        let sending = in_sending(run, &mut tx, &mut self.judge, page).await?;
        let suppressed =
            |r: &&Record| (r.status, r.reason) == (RecordStatus::Excluded.code(), Reason::Suppressed.code());
        let suppressed: Vec<Record> = page.iter().filter(suppressed).cloned().collect();
        let mut all = vec![Again::default()];
        for near in suppressed.chunk_by(|a, b| b.id - a.id < APART) {
            all.push(Again::judge(run, &mut tx, &mut self.judge, near).await?);
        }
        all[0].and(out);
        drop(tx);
        for again in all {
            if !self.turn.is_ours().await? {
                return Err(JobError::Cancelled);
            }
            again.write(run, &mut LoadResult::default()).await?;
        }
        if !sending.is_empty() {
            let mut tx = run.app.db.begin_relaxed().await?;
            tx.suppression_look_again(run.audience.row.tenant, &sending, run.app.now() + AGAIN).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

/// The contacts of a group's lists that have one of these devices or client ids, by their hashes alone: they are judged.
async fn holders(tx: &mut Tx, audience: &Audience, devices: &[i64], clients: &[i64]) -> Result<Vec<i64>, StoreError> {
    let mut found = Vec::new();
    for part in &audience.lists {
        let generation = part.list.generation;
        if !devices.is_empty() {
            found.extend(tx.contact_addresses(generation, devices).await?.into_iter().map(|holder| holder.contact));
        }
        if !clients.is_empty() {
            found.extend(tx.contact_keys(generation, clients).await?.into_iter().map(|holder| holder.id));
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}
