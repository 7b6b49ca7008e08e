//! Questions without a reservation: one reading for all that come at the same time.
use cxc_core::channel::Channel;
use cxc_core::compliance::{IntervalCache, Verdict};
use cxc_server::App;
use cxc_store::attempt::IN_FLIGHT_DEVICE;
use cxc_store::reservation::Held as Mark;
use cxc_store::{StoreError, Tx};
use jiff::Timestamp;

use super::ask::Ask;
use super::batcher::Work;
use super::facts::BatchFacts;
use super::outcome::{Held, Outcome};

/// Answers questions.
pub struct Checker {
    app: App,
    cache: IntervalCache,
}

impl Checker {
    /// A worker with its own cache of intervals.
    pub fn new(app: App, cache: IntervalCache) -> Self {
        Self { app, cache }
    }

    /// The answers to the questions of one tenant.
    async fn check(&mut self, tenant: i64, asks: &[Ask]) -> Result<Vec<Outcome>, StoreError> {
        let at = self.app.now();
        let now = Timestamp::from_microsecond(at).unwrap_or_default();
        let asks: Vec<&Ask> = asks.iter().collect();
        let (facts, marks) = BatchFacts::look(&self.app, self.cache.zones(), tenant, &asks, at).await?;
        facts.need_whole(&asks)?;
        let called = match persons(&asks).is_empty() {
            true => Vec::new(),
            false => self.app.db.read().await?.persons_called(tenant, &persons(&asks), at).await?,
        };
        let mut outcome = |ask: &Ask| {
            let (verdict, _) = facts.judge(ask, None, &mut self.cache, now, false);
            Outcome {
                held: held_for(&marks, ask).or_else(|| called_already(&called, ask)),
                dnc: facts.dnc(ask),
                ..Outcome::of(verdict, at)
            }
        };
        Ok(asks.into_iter().map(&mut outcome).collect())
    }
}

impl Work for Checker {
    type Job = Ask;
    type Answer = Outcome;

    fn owner(job: &Ask) -> i64 {
        job.tenant.tenant
    }

    async fn run(&mut self, jobs: &[Ask]) -> Option<Vec<Outcome>> {
        let tenant = jobs.first().map(Self::owner)?;
        match self.check(tenant, jobs).await {
            Ok(outcomes) => Some(outcomes),
            Err(error) if jobs.len() > 1 && !error.is_unavailable() => {
                tracing::warn!(jobs = jobs.len(), "validations could not be checked together: {error}");
                None
            }
            Err(error) => {
                tracing::error!("validations could not be checked: {error}");
                Some(unavailable(&self.app, jobs.len(), "the history of attempts is not available"))
            }
        }
    }
}

/// The answers when nothing could be found out: nobody is contacted.
pub(super) fn unavailable(app: &App, count: usize, why: &str) -> Vec<Outcome> {
    let now: Timestamp = app.clock.now();
    (0..count).map(|_| Outcome::of(Verdict::unavailable(now, why), now.as_microsecond())).collect()
}

/// The marks on the people and devices of a batch.
pub(super) async fn held(tx: &mut Tx, tenant: i64, asks: &[&Ask]) -> Result<Vec<Mark>, StoreError> {
    if asks.is_empty() {
        return Ok(Vec::new());
    }
    let devices: Vec<i64> = asks.iter().map(|a| a.device).collect();
    let clients: Vec<i64> = asks.iter().filter_map(|a| a.client).collect();
    tx.in_flight_held(tenant, &devices, &clients).await
}

/// The persons who would be called.
pub(super) fn persons(asks: &[&Ask]) -> Vec<i64> {
    let mut persons: Vec<i64> = asks.iter().filter(|a| a.channel == Channel::Voice).filter_map(|a| a.person).collect();
    persons.sort_unstable();
    persons.dedup();
    persons
}

/// Whether the person whom a call would reach is being called, on whatever device: one call to a person at a time.
pub(super) fn called_already(called: &[(i64, i64)], ask: &Ask) -> Option<Held> {
    let person = ask.person.filter(|_| ask.channel == Channel::Voice)?;
    called.iter().any(|(called, _)| *called == person).then_some(Held::HistoryPending)
}

/// What stands in the way of one.
pub(super) fn held_for(marks: &[Mark], ask: &Ask) -> Option<Held> {
    let own = |m: &&Mark| match m.kind {
        IN_FLIGHT_DEVICE => m.key_hash == ask.device,
        _ => Some(m.key_hash) == ask.client,
    };
    // an attempt that a dialer reports has its result to come; of others no report is awaited
    let of = |m: &Mark| if m.sequence.is_some() { Held::HistoryPending } else { Held::InFlightElsewhere };
    marks.iter().find(own).map(of)
}
