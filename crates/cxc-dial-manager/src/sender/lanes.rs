//! The lanes of an account: while one batch is being written, the next is gathered and begins. Each lane has its
//! own share of the open attempts, its own evidence chain and its own shard of the counters, so they wait for nothing of
//! each other's.
use std::collections::{HashMap, HashSet};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use cxc_core::Micros;
use cxc_store::StoreError;
use cxc_store::lease::Lease;
use cxc_store::record::RecordChange;
use tokio::task::JoinSet;

use super::SenderContext;
use super::account::SenderError;
use super::evidence::Explained;
use super::limits::Limits;
use super::outbox::Outbox;
use super::plan::Plans;
use super::prepare::Prepared;
use super::queue::Queue;
use crate::channel::Carrier;

/// Two batches at a time: one more would wait for the same processors.
const LANES: usize = 2;
/// A batch begins with so many in a hundred of a lane's share: small ones cost more each ...
const WORTH_PERCENT: usize = 40;
/// ... unless so few of the account's are left under way that its carrier will soon have nothing to do ...
const IDLE_PERCENT: usize = 25;
/// ... or the first of them has waited so long.
const WORTH_WAITING: Micros = 20_000;

/// So much of what an account sends may be open: twice what a batch and its answers take. A crash leaves it in doubt.
const OPEN_MICROS: usize = 80_000;
/// At least so many messages may be open, however slow the account is.
const LEAST_OPEN: usize = 50;
/// How often the account's speed is looked at.
const LOOK: Micros = 100_000;

type Written = (Outbox, Result<Vec<i64>, StoreError>);

/// What is under way for an account.
pub struct Lanes {
    idle: Vec<Outbox>,
    writing: JoinSet<Written>,
    /// The records of the batches that are being written, by lane.
    held: HashMap<usize, HashSet<(i64, i64)>>,
    /// Records that move, for the next lane that is free.
    changes: Vec<RecordChange>,
    #[expect(clippy::vec_box, reason = "each is handed on in the box in which it was made")]
    explained: Vec<Box<Explained>>,
    speed: Speed,
    most_open: usize,
    /// How many may be open in each lane, where that does not hang on the speed.
    fixed: Option<usize>,
    /// Since when messages that may leave wait for more of them.
    ready_since: Option<Micros>,
}

/// How fast an account sends.
#[derive(Default)]
struct Speed {
    answers: usize,
    since: Micros,
    /// Messages a second.
    rate: usize,
}

impl Speed {
    /// Looks anew if it is time.
    fn look(&mut self, now: Micros) {
        let elapsed = now - self.since;
        // a clock that was set back begins anew
        if (0..LOOK).contains(&elapsed) {
            return;
        }
        let rate = usize::try_from(elapsed).map_or(0, |elapsed| self.answers * 1_000_000 / elapsed.max(1));
        *self = Self { answers: 0, since: now, rate: usize::midpoint(self.rate, rate) };
    }

    /// How many messages may be open at this speed.
    fn open(&self, most: usize) -> usize {
        (self.rate * OPEN_MICROS / 1_000_000).clamp(LEAST_OPEN.min(most), most)
    }
}

impl Lanes {
    /// Nothing is under way.
    pub fn new(context: &SenderContext, carrier: &Arc<dyn Carrier>, account: i64) -> Self {
        let most_open = context.app.config.sender_open_attempts;
        let fixed = carrier.most_open();
        let share = fixed.unwrap_or(LEAST_OPEN.min(most_open).div_ceil(LANES));
        let lane = |number| Outbox::new(context.clone(), Arc::clone(carrier), account, (number, share));
        let idle = (0..LANES).map(lane).collect();
        let (writing, held) = (JoinSet::new(), HashMap::new());
        let speed = Speed { since: context.now(), ..Speed::default() };
        Self {
            idle,
            writing,
            held,
            changes: Vec::new(),
            explained: Vec::new(),
            speed,
            most_open,
            fixed,
            ready_since: None,
        }
    }

    /// Whether anything is under way.
    pub fn is_busy(&self) -> bool {
        !self.writing.is_empty() || !self.changes.is_empty() || self.idle.iter().any(Outbox::is_busy)
    }

    /// Whether a lane could let a message go now.
    pub fn has_room(&self) -> bool {
        self.idle.iter().any(|lane| lane.room() > 0)
    }

    /// How long what is gathered may still wait; `None` if nothing is.
    pub fn patience(&self) -> Option<Duration> {
        self.idle.iter().filter_map(Outbox::patience).min()
    }

    /// Records that move without being contacted, and why.
    #[expect(clippy::vec_box, reason = "each is handed on in the box in which it was made")]
    pub fn add_changes(&mut self, changes: Vec<RecordChange>, explained: Vec<Box<Explained>>) {
        self.changes.extend(changes);
        self.explained.extend(explained);
        if let Some(lane) = self.idle.first_mut() {
            lane.add_changes(std::mem::take(&mut self.changes), std::mem::take(&mut self.explained));
        }
    }

    /// The records whose change waits to be written or is being written: the store still shows where they stood before.
    pub fn changing(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        let waiting = self.changes.iter().map(|change| (change.grp, change.id));
        self.idle.iter().flat_map(Outbox::changing).chain(self.held.values().flatten().copied()).chain(waiting)
    }

    /// Begins to write where there is enough, or where something has waited long enough.
    pub fn begin(&mut self, (lease, plans): (&Lease, &Arc<Plans>), queue: &mut Queue, limits: &mut Limits, go: Go) {
        self.speed.look(go.now);
        let share = self.fixed.unwrap_or_else(|| self.speed.open(self.most_open).div_ceil(LANES));
        for _ in 0..self.idle.len() {
            let mut lane = self.idle.remove(0);
            lane.set_share(share);
            let room = if go.may_send && !lane.is_unsure() { lane.room() } else { 0 };
            let ready = room.min(queue.ready(limits, go.now));
            if !self.is_worth_beginning(ready, &lane, share, go.now) && !lane.is_time_to_write() {
                self.idle.push(lane);
                continue;
            }
            let new = if room > 0 { queue.pop(limits, room, go.now) } else { Vec::new() };
            if new.is_empty() && !lane.is_time_to_write() {
                self.idle.push(lane);
                continue;
            }
            self.write(lane, lease, plans, new);
        }
    }

    /// Whether so many messages are worth a batch of their own, or must not wait for more.
    fn is_worth_beginning(&mut self, ready: usize, lane: &Outbox, share: usize, now: Micros) -> bool {
        if ready == 0 {
            return false;
        }
        let since = *self.ready_since.get_or_insert(now);
        let under_way = self.idle.iter().map(Outbox::under_way).sum::<usize>() + lane.under_way();
        let runs_dry = self.writing.is_empty() && under_way <= share * IDLE_PERCENT / 100;
        // a clock that was set back is no reason to wait
        runs_dry || ready >= share * WORTH_PERCENT / 100 || !(0..WORTH_WAITING).contains(&(now - since))
    }

    fn write(&mut self, lane: Outbox, lease: &Lease, plans: &Arc<Plans>, new: Vec<Prepared>) {
        let records = new.iter().map(|p| (p.record.grp, p.record.id));
        self.held.insert(lane.number(), lane.changing().chain(records).collect());
        self.ready_since = None;
        self.writing.spawn(lane.write(lease.clone(), Arc::clone(plans), new));
    }

    /// Waits for carriers' answers and takes those that are there, or for a batch to be written. Pending while nothing is
    /// under way.
    pub async fn moved(&mut self, plans: &Plans, limits: &mut Limits) -> Result<(), SenderError> {
        let (idle, writing, speed) = (&mut self.idle, &mut self.writing, &mut self.speed);
        let done = poll_fn(|cx| {
            if let Poll::Ready(Some(done)) = writing.poll_join_next(cx) {
                return Poll::Ready(done.map(Some));
            }
            let mut answers = 0;
            for lane in idle.iter_mut() {
                answers += lane.poll_answers(cx, plans)?;
            }
            speed.answers += answers;
            if answers > 0 { Poll::Ready(Ok(None)) } else { Poll::Pending }
        });
        match done.await? {
            Some(done) => self.written(done, limits),
            None => Ok(()),
        }
    }

    fn written(&mut self, (mut lane, result): Written, limits: &mut Limits) -> Result<(), SenderError> {
        self.held.remove(&lane.number());
        lane.add_changes(std::mem::take(&mut self.changes), std::mem::take(&mut self.explained));
        self.idle.push(lane);
        result?.into_iter().for_each(|grp| limits.give_back(grp));
        Ok(())
    }

    /// Waits, within bounds, for what is under way and writes all results. What has not answered by then is in doubt.
    pub async fn drain(&mut self, lease: &Lease, plans: &Arc<Plans>, limits: &mut Limits) -> Result<(), SenderError> {
        let mut failed = Ok(());
        while let Some(done) = self.writing.join_next().await {
            failed = failed.and(self.written(done?, limits));
        }
        for mut lane in std::mem::take(&mut self.idle) {
            lane.add_changes(std::mem::take(&mut self.changes), std::mem::take(&mut self.explained));
            lane.drain(plans).await?;
            let (lane, result) = lane.write(lease.clone(), Arc::clone(plans), Vec::new()).await;
            self.idle.push(lane);
            failed = failed.and(result.map(drop).map_err(Into::into));
        }
        failed
    }
}

/// What may happen in a turn.
#[derive(Clone, Copy)]
pub struct Go {
    /// Whether messages may leave.
    pub may_send: bool,
    /// Now.
    pub now: Micros,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_account_has_few_messages_open_and_a_fast_one_as_many_as_it_may() {
        let mut speed = Speed::default();
        assert_eq!(speed.open(800), 50);
        assert_eq!(speed.open(10), 10);
        for second in 1..=20 {
            speed.answers += 10_000;
            speed.look(second * 1_000_000);
        }
        assert!((9_900..=10_000).contains(&speed.rate), "{}", speed.rate);
        assert!((792..=800).contains(&speed.open(1_000)), "{}", speed.open(1_000));
        assert_eq!(speed.open(200), 200);
        // nothing happens too soon, and a clock set back is a new beginning
        speed.look(20_050_000);
        assert_eq!(speed.since, 20_000_000);
        speed.look(5_000_000);
        assert_eq!((speed.since, speed.answers), (5_000_000, 0));
    }
}
