//! Questions without a reservation: one reading transaction for all that come at the same time.
use std::collections::HashMap;

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

    async fn check(&mut self, asks: &[Ask]) -> Result<Vec<Outcome>, StoreError> {
        let at = self.app.now();
        let now = self.app.clock.now();
        let mut tx = self.app.db.read().await?;
        let mut outcomes: Vec<Option<Outcome>> = asks.iter().map(|_| None).collect();
        for (tenant, places) in by_tenant(asks) {
            let of_tenant: Vec<&Ask> = places.iter().map(|i| &asks[*i]).collect();
            let facts =
                BatchFacts::gather(&mut tx, &self.app.numbers, self.cache.zones(), tenant, &of_tenant, at).await?;
            let marks = held(&mut tx, tenant, &of_tenant).await?;
            for (place, ask) in places.iter().zip(of_tenant) {
                let (verdict, _) = facts.judge(ask, &mut self.cache, now, false);
                outcomes[*place] = Some(Outcome { held: held_for(&marks, ask), ..Outcome::of(verdict, at) });
            }
        }
        Ok(outcomes.into_iter().flatten().collect())
    }
}

impl Work for Checker {
    type Job = Ask;
    type Answer = Outcome;

    async fn run(&mut self, jobs: Vec<Ask>) -> Vec<Outcome> {
        match self.check(&jobs).await {
            Ok(outcomes) if outcomes.len() == jobs.len() => outcomes,
            Ok(_) => unavailable(&self.app, jobs.len(), "the check lost a question"),
            Err(error) => {
                tracing::error!("validations could not be checked: {error}");
                unavailable(&self.app, jobs.len(), "the history of attempts is not available")
            }
        }
    }
}

/// The answers when nothing could be found out: nobody is contacted.
pub(super) fn unavailable(app: &App, count: usize, why: &str) -> Vec<Outcome> {
    let now: Timestamp = app.clock.now();
    (0..count).map(|_| Outcome::of(Verdict::unavailable(now, why), now.as_microsecond())).collect()
}

/// The places of each tenant's questions.
pub(super) fn by_tenant(asks: &[Ask]) -> Vec<(i64, Vec<usize>)> {
    let mut places: HashMap<i64, Vec<usize>> = HashMap::new();
    for (i, ask) in asks.iter().enumerate() {
        places.entry(ask.tenant.tenant).or_default().push(i);
    }
    let mut places: Vec<_> = places.into_iter().collect();
    places.sort_unstable_by_key(|(tenant, _)| *tenant);
    places
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
