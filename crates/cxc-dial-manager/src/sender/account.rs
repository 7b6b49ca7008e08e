//! The sender of one channel account: one actor under a fenced lease. It prepares messages, writes their
//! attempts, sends them, and writes what became of them. At most `sending.open_attempts` are open at a time.
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use cxc_core::Micros;
use cxc_store::StoreError;
use cxc_store::lease::Lease;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::lanes::{Go, Lanes};
use super::limits::Limits;
use super::plan::Plans;
use super::prepare::{Preparation, Preparer, Wishes};
use super::queue::Queue;
use super::{SenderContext, housekeeping, inbound, recover, status};
use crate::channel::{Carrier, CarrierStatus, InboundEvent};

/// Plans (groups, rules, content) are read anew so often: an edit binds within this time.
const REPLAN: Duration = Duration::from_millis(500);
/// Nothing to do: look again after this time.
const IDLE: Duration = Duration::from_millis(200);
const DATABASE_PAUSE: Duration = Duration::from_millis(500);
const INBOUND_BATCH: usize = 200;

/// Why a sender ended.
#[derive(Debug, thiserror::Error)]
pub enum SenderError {
    /// The store failed in a way that waiting does not mend.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A task of the sender failed.
    #[error("a task of the sender failed: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// What an account's sender is started with.
pub struct AccountStart {
    /// Under which it works.
    pub lease: Lease,
    /// The way out.
    pub carrier: Arc<dyn Carrier>,
    /// What comes in.
    pub inbound: mpsc::Receiver<InboundEvent>,
    /// What is known of the account and its groups.
    pub plans: Plans,
}

type Preparing = JoinHandle<(Preparer, Result<Preparation, StoreError>)>;

/// The actor's state.
pub struct AccountSender {
    context: SenderContext,
    lease: Lease,
    carrier: Arc<dyn Carrier>,
    inbound: mpsc::Receiver<InboundEvent>,
    plans: Arc<Plans>,
    planned_at: Instant,
    renewed_at: Instant,
    kept_at: Instant,
    preparer: Option<Preparer>,
    preparing: Option<Preparing>,
    queue: Queue,
    limits: Limits,
    lanes: Lanes,
    inbox: Vec<InboundEvent>,
    /// Groups whose prepared messages were thrown away since the last fetch.
    lost: HashSet<i64>,
    may_send: bool,
}

impl AccountSender {
    /// An actor that has not begun.
    pub fn new(context: SenderContext, start: AccountStart) -> Self {
        let plans = Arc::new(start.plans);
        let limits = Limits::new(plans.rate_per_second(), context.now());
        Self {
            preparer: Some(Preparer::new(context.clone(), start.lease.token)),
            lanes: Lanes::new(&context, &start.carrier, plans.number),
            context,
            lease: start.lease,
            carrier: start.carrier,
            inbound: start.inbound,
            plans,
            planned_at: Instant::now().checked_sub(REPLAN).unwrap_or_else(Instant::now),
            renewed_at: Instant::now(),
            kept_at: Instant::now(),
            preparing: None,
            queue: Queue::default(),
            limits,
            inbox: Vec::new(),
            lost: HashSet::new(),
            may_send: false,
        }
    }

    /// Works until it is told to stop, or its lease is lost, or its account has nothing left to do.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), SenderError> {
        recover::orphans_in_doubt(&self.context, &self.plans, &self.lease).await?;
        let ended = self.work(&stop).await;
        if ended.is_ok() {
            self.carrier.wind_down();
            self.lanes.drain(&self.lease, &self.plans, &mut self.limits).await?;
            let mut tx = self.context.app.db.begin().await?;
            tx.lease_release(&self.lease).await?;
            tx.commit().await?;
        }
        self.carrier.close().await;
        ended
    }

    async fn work(&mut self, stop: &CancellationToken) -> Result<(), SenderError> {
        while !stop.is_cancelled() {
            let turn = match self.round().await {
                // what was prepared meanwhile fails like the round itself
                Ok(true) => self.wait(stop).await.map(|()| true),
                other => other,
            };
            match turn {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(SenderError::Store(error)) if error.is_unavailable() || error.is_conflict() => {
                    tracing::warn!(account = self.plans.number, %error, "sending waits for the database");
                    tokio::time::sleep(DATABASE_PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// One turn: read plans if it is time, prepare ahead, write what there is, let go what may go.
    async fn round(&mut self) -> Result<bool, SenderError> {
        self.renew().await?;
        if self.planned_at.elapsed() >= REPLAN && !self.replan().await? {
            return Ok(false);
        }
        if self.kept_at.elapsed() >= housekeeping::EVERY {
            housekeeping::finish_overdue(&self.context, &self.plans, &self.lease).await?;
            self.kept_at = Instant::now();
        }
        if !self.inbox.is_empty() {
            inbound::handle(&self.context, &self.plans, &self.lease, &mut self.inbox, self.carrier.as_ref()).await?;
        }
        let now = self.context.now();
        self.lost.extend(self.queue.drop_stale(&self.plans.running(), now));
        self.may_send = self.is_open(now);
        self.prepare(now);
        let go = Go { may_send: self.may_send, now };
        self.lanes.begin((&self.lease, &self.plans), &mut self.queue, &mut self.limits, go);
        Ok(true)
    }

    fn is_open(&mut self, now: Micros) -> bool {
        let status = self.carrier.status();
        let open = match &status {
            CarrierStatus::Connected => true,
            CarrierStatus::Throttled { until } => *until <= now,
            CarrierStatus::Connecting | CarrierStatus::Down { .. } | CarrierStatus::Closed => false,
        };
        if !open {
            for grp in self.plans.running() {
                self.limits.held(grp, status::label(&status));
            }
        }
        open
    }

    /// Begins to prepare messages where the queue runs low, on a task of its own.
    fn prepare(&mut self, now: Micros) {
        let Some(mut preparer) = self.preparer.take() else { return };
        self.lost.extend(self.limits.gave_back());
        preparer.start_again(&std::mem::take(&mut self.lost));
        let wanted: Vec<(i64, usize)> = if self.may_send {
            let queue = &self.queue;
            let running = self.plans.running();
            let worth = |grp: i64| (grp, self.limits.worth_preparing(grp, queue.len_of(grp), now));
            running.into_iter().map(worth).filter(|(_, n)| *n > 0).collect()
        } else {
            Vec::new()
        };
        if !preparer.is_due(now) {
            self.preparer = Some(preparer);
            return;
        }
        let running = || self.may_send.then(|| self.plans.running()).into_iter().flatten();
        let named = self.limits.named(running());
        let previews = self.limits.sought(running(), now);
        if wanted.is_empty() && named.is_empty() && previews.is_empty() {
            self.preparer = Some(preparer);
            return;
        }
        let mut held: HashSet<(i64, i64)> = self.queue.records();
        held.extend(self.lanes.changing());
        held.extend(self.limits.held_by_agents());
        let (plans, wishes) = (Arc::clone(&self.plans), Wishes { paced: wanted, named, previews });
        self.preparing = Some(tokio::spawn(async move {
            let found = preparer.prepare(&plans, &wishes, &held).await;
            (preparer, found)
        }));
    }

    async fn wait(&mut self, stop: &CancellationToken) -> Result<(), SenderError> {
        let idle = match self.lanes.patience() {
            Some(patience) => patience,
            // only an answer or a connection makes room
            None if !self.lanes.has_room() || !self.may_send => IDLE,
            None => self.limits.pause(self.queue.groups(), self.context.now(), IDLE),
        };
        let preparing = &mut self.preparing;
        let prepared = async {
            match preparing {
                Some(task) => task.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            done = prepared => {
                self.preparing = None;
                let (preparer, found) = done?;
                self.preparer = Some(preparer);
                let found = found?;
                self.lanes.add_changes(found.changes, found.explained);
                self.queue.extend(found.ready);
                found.named.iter().for_each(|p| self.limits.looked_at(p.record.grp, p.record.id, None));
                self.queue.extend_named(found.named);
                for (grp, record, refusal) in found.refused {
                    self.limits.looked_at(grp, record, Some(refusal));
                }
                for (grp, offer) in found.offers {
                    if let Some(demand) = self.limits.demand(grp) {
                        demand.offer(offer);
                    }
                }
                for (grp, record) in found.rested {
                    if let Some(demand) = self.limits.demand(grp) {
                        demand.rested(record);
                    }
                }
            }
            done = self.lanes.moved(&self.plans, &mut self.limits) => done?,
            Some(event) = self.inbound.recv() => {
                self.inbox.push(event);
                while self.inbox.len() < INBOUND_BATCH && let Ok(event) = self.inbound.try_recv() {
                    self.inbox.push(event);
                }
            }
            () = self.carrier.asked() => {}
            () = tokio::time::sleep(idle) => {}
        }
        Ok(())
    }

    async fn renew(&mut self) -> Result<(), SenderError> {
        let life = self.context.lease();
        if self.renewed_at.elapsed() < life / 3 {
            return Ok(());
        }
        let mut tx = self.context.app.db.begin().await?;
        let renewed = tx.lease_acquire(&self.lease.name, &self.lease.holder, self.context.lease_micros()).await?;
        tx.commit().await?;
        match renewed {
            // the holder is ours alone. One token further: ours had run out while the database was away, and
            // nobody had it in between
            Some(lease) if lease.token - self.lease.token <= 1 => {
                self.lease = lease;
                self.renewed_at = Instant::now();
            }
            _ => return Err(StoreError::LeaseLost(self.lease.name.clone()).into()),
        }
        Ok(())
    }

    /// Reads groups, rules and content anew. False when the account has nothing left to do.
    async fn replan(&mut self) -> Result<bool, SenderError> {
        let Some(plans) = self.plans.reload(&self.context).await? else { return Ok(false) };
        self.carrier.set_groups(&plans.groups).await;
        let rates = plans.rates(self.carrier.as_ref());
        self.limits.set_rates(plans.rate_per_second(), rates, self.context.now());
        status::report(&self.context, &plans, &mut self.limits, self.carrier.as_ref()).await?;
        self.plans = Arc::new(plans);
        self.planned_at = Instant::now();
        Ok(self.plans.is_wanted || self.lanes.is_busy())
    }
}
