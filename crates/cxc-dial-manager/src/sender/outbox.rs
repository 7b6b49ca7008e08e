//! What is under way: attempts that are written, messages that were let go, results that wait to be written.
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use cxc_core::Micros;
use cxc_store::StoreError;
use cxc_store::judge::Judge;
use cxc_store::lease::Lease;
use cxc_store::record::RecordChange;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::SenderContext;
use super::account::SenderError;
use super::batch::{Batch, Writer};
use super::evidence::{EvidenceWriter, Explained};
use super::limits::Limits;
use super::outcome::Flight;
use super::plan::Plans;
use super::prepare::Prepared;
use crate::channel::{Carrier, Outcome};

/// Results are gathered until there are so many in a hundred of the attempts that may be open ...
const ENOUGH_PERCENT: usize = 40;
/// ... or the first of them has waited so long.
const PATIENCE: Duration = Duration::from_millis(4);
/// How long messages under way are waited for when the sender stops.
const DRAIN: Duration = Duration::from_secs(20);

/// What is under way.
pub struct Outbox {
    context: SenderContext,
    lease: Lease,
    carrier: Arc<dyn Carrier>,
    account: i64,
    judge: Judge,
    evidence: EvidenceWriter,
    sends: JoinSet<(i64, Outcome)>,
    flights: HashMap<i64, Flight>,
    batch: Batch,
    first: Option<Instant>,
    /// A batch whose commit failed without an answer: it may have happened.
    unsure: Option<Batch>,
}

impl Outbox {
    /// Nothing is under way.
    pub fn new(context: SenderContext, lease: Lease, carrier: Arc<dyn Carrier>, account: i64) -> Self {
        let judge = context.judge();
        // random bits of the id are a chain of its own
        let chain = context.app.ids.next().as_u128() as u32;
        let evidence = EvidenceWriter::new(Arc::clone(&context.evidence), chain);
        Self {
            context,
            lease,
            carrier,
            account,
            judge,
            evidence,
            sends: JoinSet::new(),
            flights: HashMap::new(),
            batch: Batch::default(),
            first: None,
            unsure: None,
        }
    }

    /// The sender's lease has another token from now on.
    pub fn go_on_under(&mut self, lease: Lease) {
        self.lease = lease;
    }

    /// How many more messages may be let go with the next write.
    pub fn room(&self) -> usize {
        self.context.app.config.sender_open_attempts.saturating_sub(self.sends.len())
    }

    /// Whether anything is under way.
    pub fn is_busy(&self) -> bool {
        !self.sends.is_empty() || !self.batch.is_empty() || self.unsure.is_some()
    }

    /// Whether enough is gathered, or has waited long enough.
    pub fn is_time_to_write(&self) -> bool {
        let enough = self.context.app.config.sender_open_attempts * ENOUGH_PERCENT / 100;
        self.batch.made.len() >= enough
            || self.batch.changes.len() >= enough
            || self.first.is_some_and(|at| at.elapsed() >= PATIENCE)
    }

    /// How long what is gathered may still wait; `None` if nothing is.
    pub fn patience(&self) -> Option<Duration> {
        self.first.map(|at| PATIENCE.saturating_sub(at.elapsed()))
    }

    /// Records that move without being contacted, and why.
    #[expect(clippy::vec_box, reason = "each is handed on in the box in which it was made")]
    pub fn add_changes(&mut self, changes: Vec<RecordChange>, explained: Vec<Box<Explained>>) {
        if !changes.is_empty() {
            self.batch.changes.extend(changes);
            self.batch.explained.extend(explained);
            self.first.get_or_insert_with(Instant::now);
        }
    }

    /// The records whose change waits to be written: the store still shows where they stood before.
    pub fn changing(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        let unsure = self.unsure.iter().flat_map(|batch| &batch.changes);
        self.batch.changes.iter().chain(unsure).map(|change| (change.grp, change.id))
    }

    /// Waits for the carrier's answers and takes those that are there. Pending while nothing is under way.
    pub async fn answered(&mut self, plans: &Plans) -> Result<(), SenderError> {
        let Some(first) = self.sends.join_next().await else { return std::future::pending().await };
        self.take(first?, plans);
        while let Some(next) = self.sends.try_join_next() {
            self.take(next?, plans);
        }
        Ok(())
    }

    fn take(&mut self, (attempt, outcome): (i64, Outcome), plans: &Plans) {
        let Some(flight) = self.flights.remove(&attempt) else { return };
        let seconds = (self.context.now() - flight.attempt.started_at) as f64 / 1_000_000.0;
        self.context.metrics.answered(plans.channel, &plans.labels, &outcome, seconds);
        flight.settle(&outcome, plans, self.context.now(), &mut self.batch);
        self.first.get_or_insert_with(Instant::now);
    }

    /// Writes results and the attempts of the messages that `choose` picks, and lets these go.
    pub async fn write(
        &mut self,
        plans: &Plans,
        limits: &mut Limits,
        choose: impl FnOnce(&mut Limits, Micros) -> Vec<Prepared>,
    ) -> Result<(), SenderError> {
        self.make_sure(limits).await?;
        let now = self.context.now();
        self.batch.new = choose(limits, now);
        if self.batch.is_empty() {
            return Ok(());
        }
        self.batch.new.iter_mut().for_each(|prepared| prepared.begin(now));
        let (judge, evidence) = (&mut self.judge, &mut self.evidence);
        let mut to = Writer { db: &self.context.app.db, lease: &self.lease, plans, judge, evidence };
        match self.batch.write(&mut to, now).await {
            Ok(go) => {
                self.context.metrics.wrote(plans.channel, &plans.labels, go.len());
                let written = std::mem::take(&mut self.batch);
                self.first = None;
                self.let_go(written.new, &go, limits);
                Ok(())
            }
            Err(error) => {
                // the commit may have happened: find out before anything is done again
                self.unsure = Some(std::mem::take(&mut self.batch));
                Err(error.into())
            }
        }
    }

    async fn make_sure(&mut self, limits: &mut Limits) -> Result<(), StoreError> {
        let Some(unsure) = &self.unsure else { return Ok(()) };
        let found = unsure.settle(&self.context.app.db, self.account).await?;
        let Some(mut unsure) = self.unsure.take() else { return Ok(()) };
        if let Some(go) = found {
            self.let_go(unsure.new, &go, limits);
            return Ok(());
        }
        // not written. Results are written again, which does no harm if they were; what was about to
        // leave is still ready in the store and is checked anew
        self.forget(std::mem::take(&mut unsure.new), limits);
        unsure.append(std::mem::take(&mut self.batch));
        self.batch = unsure;
        self.first.get_or_insert_with(Instant::now);
        Ok(())
    }

    fn forget(&mut self, new: Vec<Prepared>, limits: &mut Limits) {
        for prepared in new {
            limits.give_back(prepared.record.grp);
        }
    }

    fn let_go(&mut self, new: Vec<Prepared>, go: &HashSet<i64>, limits: &mut Limits) {
        for prepared in new {
            if !go.contains(&prepared.attempt.id) {
                limits.give_back(prepared.record.grp);
                continue;
            }
            let (message, flight) = prepared.depart();
            let id = message.attempt;
            self.flights.insert(id, flight);
            let carrier = Arc::clone(&self.carrier);
            self.sends.spawn(async move { (id, carrier.send(message).await) });
        }
    }

    /// Waits, within bounds, for what is under way and writes all results. What has not answered by then is in doubt.
    pub async fn drain(&mut self, plans: &Plans) -> Result<(), SenderError> {
        let deadline = Instant::now() + DRAIN;
        while !self.sends.is_empty() {
            if tokio::time::timeout_at(deadline, self.answered(plans)).await.is_err() {
                break;
            }
        }
        let unanswered: Vec<i64> = self.flights.keys().copied().collect();
        for attempt in unanswered {
            self.take((attempt, Outcome::InDoubt { detail: "no answer before the sender stopped".into() }), plans);
        }
        let mut limits = Limits::new(1.0, self.context.now());
        self.write(plans, &mut limits, |_, _| Vec::new()).await
    }
}
