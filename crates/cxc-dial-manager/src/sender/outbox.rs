//! What is under way: attempts that are written, messages that were let go, results that wait to be written.
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use cxc_store::StoreError;
use cxc_store::judge::Judge;
use cxc_store::lease::Lease;
use cxc_store::record::RecordChange;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::SenderContext;
use super::batch::{Batch, Writer};
use super::evidence::{EvidenceWriter, Explained};
use super::outcome::Flight;
use super::plan::Plans;
use super::prepare::Prepared;
use crate::channel::{Carrier, Outcome};

/// Results are gathered until there are so many in a hundred of the attempts that may be open ...
const ENOUGH_PERCENT: usize = 40;
/// ... or the first of them has waited so long: what is let go meanwhile is not held up by it.
const PATIENCE: Duration = Duration::from_millis(20);
/// How long messages under way are waited for when the sender stops.
const DRAIN: Duration = Duration::from_secs(20);

/// What is under way.
pub struct Outbox {
    context: SenderContext,
    /// Which lane of its account it is.
    number: usize,
    /// How many attempts may be open in it.
    share: usize,
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
    pub fn new(
        context: SenderContext,
        carrier: Arc<dyn Carrier>,
        account: i64,
        (number, share): (usize, usize),
    ) -> Self {
        let judge = context.judge();
        // random bits of the id are a chain of its own
        let chain = context.app.ids.next().as_u128() as u32;
        let evidence = EvidenceWriter::new(Arc::clone(&context.evidence), chain);
        Self {
            context,
            number,
            share,
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

    /// Which lane it is.
    pub fn number(&self) -> usize {
        self.number
    }

    /// So many attempts may be open in this lane from now on.
    pub fn set_share(&mut self, share: usize) {
        self.share = share;
    }

    /// How many more messages may be let go with the next write.
    pub fn room(&self) -> usize {
        self.share.saturating_sub(self.sends.len())
    }

    /// How many messages are with the carrier.
    pub fn under_way(&self) -> usize {
        self.sends.len()
    }

    /// How much waits to be written.
    fn gathered(&self) -> usize {
        self.batch.made.len().max(self.batch.changes.len())
    }

    /// Whether a batch may have been written: nothing may leave before that is known.
    pub fn is_unsure(&self) -> bool {
        self.unsure.is_some()
    }

    /// Whether anything is under way.
    pub fn is_busy(&self) -> bool {
        !self.sends.is_empty() || !self.batch.is_empty() || self.unsure.is_some()
    }

    /// Whether enough is gathered, or has waited long enough.
    pub fn is_time_to_write(&self) -> bool {
        self.is_unsure()
            || self.gathered() >= self.share * ENOUGH_PERCENT / 100
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

    /// Takes the carrier's answers that are there and tells how many. The task is woken by the next.
    pub fn poll_answers(&mut self, cx: &mut Context<'_>, plans: &Plans) -> Result<usize, JoinError> {
        let mut answers = 0;
        while let Poll::Ready(Some(answer)) = self.sends.poll_join_next(cx) {
            self.take(answer?, plans);
            answers += 1;
        }
        Ok(answers)
    }

    fn take(&mut self, (attempt, outcome): (i64, Outcome), plans: &Plans) {
        let Some(flight) = self.flights.remove(&attempt) else { return };
        let seconds = (self.context.now() - flight.attempt.started_at) as f64 / 1_000_000.0;
        self.context.metrics.answered(plans.channel, &plans.labels, &outcome, seconds);
        flight.settle(&outcome, plans, self.context.now(), &mut self.batch);
        self.first.get_or_insert_with(Instant::now);
    }

    /// Writes results and the attempts of these messages, and lets those go. Answers the groups of messages that do not
    /// leave, one for each. Nothing may leave while it [`Outbox::is_unsure`].
    pub async fn write(
        mut self,
        lease: Lease,
        plans: Arc<Plans>,
        new: Vec<Prepared>,
    ) -> (Self, Result<Vec<i64>, StoreError>) {
        let result = self.write_under(&lease, &plans, new).await;
        (self, result)
    }

    async fn write_under(&mut self, lease: &Lease, plans: &Plans, new: Vec<Prepared>) -> Result<Vec<i64>, StoreError> {
        let mut staying = self.make_sure(lease).await?;
        let now = self.context.now();
        self.batch.new = new;
        if self.batch.is_empty() {
            return Ok(staying);
        }
        self.batch.new.iter_mut().for_each(|prepared| prepared.begin(now));
        // a shard of the counters of its own: two lanes do not wait for each other there
        let shard = if self.number == 0 { plans.number } else { -plans.number };
        let (judge, evidence) = (&mut self.judge, &mut self.evidence);
        let mut to = Writer { db: &self.context.app.db, lease, plans, shard, judge, evidence };
        match self.batch.write(&mut to, now).await {
            Ok(go) => {
                self.context.metrics.wrote(plans.channel, &plans.labels, go.len());
                let written = std::mem::take(&mut self.batch);
                self.first = None;
                staying.extend(self.let_go(written.new, &go));
                Ok(staying)
            }
            Err(error) => {
                // the commit may have happened: find out before anything is done again
                self.unsure = Some(std::mem::take(&mut self.batch));
                Err(error)
            }
        }
    }

    async fn make_sure(&mut self, lease: &Lease) -> Result<Vec<i64>, StoreError> {
        let Some(unsure) = &self.unsure else { return Ok(Vec::new()) };
        let found = unsure.settle(&self.context.app.db, lease, self.account).await?;
        let Some(mut unsure) = self.unsure.take() else { return Ok(Vec::new()) };
        if let Some(go) = found {
            return Ok(self.let_go(unsure.new, &go));
        }
        // not written. Results are written again, which does no harm if they were; what was about to
        // leave is still ready in the store and is checked anew
        let staying = std::mem::take(&mut unsure.new).iter().map(|prepared| prepared.record.grp).collect();
        unsure.append(std::mem::take(&mut self.batch));
        self.batch = unsure;
        self.first.get_or_insert_with(Instant::now);
        Ok(staying)
    }

    fn let_go(&mut self, new: Vec<Prepared>, go: &HashSet<i64>) -> Vec<i64> {
        let mut staying = Vec::new();
        for prepared in new {
            if !go.contains(&prepared.attempt.id) {
                staying.push(prepared.record.grp);
                continue;
            }
            let (message, flight) = prepared.depart();
            let id = message.attempt;
            self.flights.insert(id, flight);
            let carrier = Arc::clone(&self.carrier);
            self.sends.spawn(async move { (id, carrier.send(message).await) });
        }
        staying
    }

    /// Waits, within bounds, for what is under way. What has not answered by then is in doubt. All of it has to be
    /// written then.
    pub async fn drain(&mut self, plans: &Plans) -> Result<(), JoinError> {
        let deadline = Instant::now() + DRAIN;
        while let Ok(Some(answer)) = tokio::time::timeout_at(deadline, self.sends.join_next()).await {
            self.take(answer?, plans);
        }
        let unanswered: Vec<i64> = self.flights.keys().copied().collect();
        for attempt in unanswered {
            self.take((attempt, Outcome::InDoubt { detail: "no answer before the sender stopped".into() }), plans);
        }
        Ok(())
    }
}
