//! Pre-dial validation: may this attempt be made now? Single or in batches, in the terms of the platform or with a
//! record's properties, as a question only or together with a reservation.
mod ask;
mod batcher;
mod checker;
mod clock;
mod external;
mod facts;
pub mod limits;
mod outcome;
mod record;
mod reserver;
mod resolve;
mod routes;
mod rules;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use cxc_core::channel::Channel;
use cxc_core::compliance::{CallDuties, IntervalCache, KeptPart, Purpose, Reading, Verdict, Zones};
use cxc_core::location::{LiveTables, LocationTables};
use cxc_core::phone::PhoneParser;
use cxc_server::data_in_use::DataInUse;
use cxc_server::{ApiError, App};
use cxc_store::Engine;
use cxc_store::evidence::{DeviceSeal, EvidenceChain};

use self::ask::Ask;
use self::batcher::{Batcher, Bounds};
use self::checker::Checker;
use self::clock::ClockGuard;
use self::limits::Limits;
use self::outcome::Outcome;
use self::reserver::Reserver;
use self::rules::RuleBook;

pub(crate) use outcome::Held;
pub(crate) use record::Properties;
pub(crate) use routes::routes;

/// What validations read addresses and places with.
#[derive(Clone)]
pub struct Kit {
    /// The time-zone database.
    pub zones: Zones,
    /// Reads phone numbers.
    pub phones: Arc<PhoneParser>,
    /// Finds places.
    pub tables: LiveTables,
}

impl Kit {
    /// What is embedded in the program.
    pub fn embedded() -> anyhow::Result<Self> {
        Ok(Self {
            zones: Zones::bundled(),
            phones: PhoneParser::shared()?,
            tables: LiveTables::new(LocationTables::embedded()?),
        })
    }
}

/// Batches of questions: one after the other while they are small.
const QUESTIONS: Bounds = Bounds { batch: 500, room: 20_000, room_of_one: 10_000, alone: 32 };
/// Batches of reservations: one may begin while another waits for its commit.
const RESERVATIONS: Bounds = Bounds { alone: 0, ..QUESTIONS };

/// How long a decision may take: dialers wait for a quarter of a second, and who holds a connection for longer is
/// told that there is no answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// The validation service of this process.
pub struct Validator {
    app: App,
    kit: Kit,
    rules: Arc<RuleBook>,
    limits: Arc<Limits>,
    clock: Arc<ClockGuard>,
    data: Arc<DataInUse>,
    questions: Batcher<Checker>,
    reservations: Batcher<Reserver>,
}

impl Validator {
    /// A service with its workers.
    pub fn new(app: &App, kit: Kit) -> anyhow::Result<Self> {
        let seal = DeviceSeal::new(&app.hash_key)?;
        let packs = app.rules.packs_snapshot()?;
        let data = Arc::new(DataInUse::new(&kit.zones, &app.config.version, &packs, Some(kit.tables.clone())));
        // SQLite has one writer
        let writers = if app.db.engine() == Engine::Sqlite { 1 } else { 2 };
        let cache = || IntervalCache::new(kit.zones.clone(), IntervalCache::CAPACITY);
        let checkers = (0..2).map(|_| Checker::new(app.clone(), cache())).collect();
        let reservers = (0..writers)
            .map(|_| {
                let mut random = [0_u8; 4];
                getrandom::fill(&mut random).map_err(|e| anyhow::anyhow!("randomness: {e}"))?;
                let chain = EvidenceChain::new(u32::from_be_bytes(random));
                Ok(Reserver::new(app.clone(), cache(), chain, seal.clone(), Arc::clone(&packs)))
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Self {
            app: app.clone(),
            rules: Arc::new(RuleBook::new(app.clone(), kit.zones.clone())),
            limits: Arc::default(),
            clock: Arc::new(ClockGuard::new(app.clone())),
            data,
            questions: Batcher::new(checkers, QUESTIONS),
            reservations: Batcher::new(reservers, RESERVATIONS),
            kit,
        })
    }

    /// What phone numbers are read with.
    pub(crate) fn phones(&self) -> &PhoneParser {
        &self.kit.phones
    }

    /// The number of a group that a report names, if it is one of the tenant's, and what it is for.
    pub(crate) async fn group_reported(
        &self,
        tenant: &rules::TenantRules,
        group: Option<uuid::Uuid>,
        channel: Channel,
    ) -> Result<Option<(i64, Option<Purpose>)>, ApiError> {
        let Some(group) = group else { return Ok(None) };
        let found = self.rules.group(tenant, Some(group), channel).await?;
        Ok(found.map(|g| (g.number, g.subject.as_ref().map(|subject| subject.purpose))))
    }

    /// Decides questions: those without a reservation and evidence apart from those with.
    async fn decide(&self, mut asks: Vec<Ask>) -> Result<Vec<Outcome>, ApiError> {
        if let Some(why) = self.clock.fault().await {
            let now = self.app.clock.now();
            let refused = || Outcome::of(Verdict::unavailable(now, why), now.as_microsecond());
            return Ok(asks.iter().map(|_| refused()).collect());
        }
        self.ask_external(&mut asks).await?;
        let besides: Vec<_> = asks.iter_mut().map(|ask| (self.duties(ask), std::mem::take(&mut ask.fields))).collect();
        let writes = |ask: &Ask| ask.hold > 0 || ask.is_dial_time;
        let places: Vec<bool> = asks.iter().map(writes).collect();
        let (writing, reading): (Vec<Ask>, Vec<Ask>) = asks.into_iter().partition(writes);
        let (written, read) = tokio::join!(submit(&self.reservations, writing), submit(&self.questions, reading));
        let (mut written, mut read) = (written?.into_iter(), read?.into_iter());
        let mut outcomes: Vec<Outcome> =
            places.iter().filter_map(|writes| if *writes { written.next() } else { read.next() }).collect();
        outcomes.iter_mut().zip(besides).for_each(|(outcome, (duties, fields))| {
            (outcome.duties, outcome.fields) = (duties, fields);
        });
        if outcomes.len() == places.len() { Ok(outcomes) } else { Err(too_many()) }
    }

    /// What the attempt must keep to, if it is a call.
    fn duties(&self, ask: &Ask) -> CallDuties {
        if ask.channel != Channel::Voice {
            return CallDuties::default();
        }
        let parts: Vec<_> = ask.places.iter().map(KeptPart::part).collect();
        let at =
            ask.at.and_then(|at| jiff::Timestamp::from_microsecond(at).ok()).unwrap_or_else(|| self.app.clock.now());
        let reading = Reading { channel: ask.channel, subject: &ask.subject, parts: Some(&parts), at };
        ask.group.rules.call_duties(&reading, &self.kit.zones)
    }
}

async fn submit<W>(batcher: &Batcher<W>, asks: Vec<Ask>) -> Result<Vec<Outcome>, ApiError>
where
    W: batcher::Work<Job = Ask, Answer = Outcome>,
{
    if asks.is_empty() {
        return Ok(Vec::new());
    }
    let answers = tokio::time::timeout(ANSWERED_WITHIN, batcher.submit(asks)).await;
    // what is decided after all stands: a reservation that nobody heard of counts until it is given back
    answers.map_err(|_| too_late())?.ok_or_else(too_many)
}

fn too_late() -> ApiError {
    let text = "the database did not answer in time: nobody is contacted; ask again with the same attempt id";
    ApiError::new(cxc_server::Code::DependencyUnavailable, text).retry_after(1)
}

fn too_many() -> ApiError {
    let text = "more validations wait than can be answered in time";
    ApiError::new(cxc_server::Code::DependencyUnavailable, text).retry_after(1)
}
