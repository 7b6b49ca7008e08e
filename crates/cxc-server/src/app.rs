//! What a handler may reach. Passed as axum state; there are no globals.
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cxc_core::Micros;
use cxc_core::hash::HashKey;
use cxc_store::Db;
use cxc_store::number_lists::NumberLists;
use jiff::Timestamp;
use uuid::Uuid;

use crate::access::password::Passwords;
use crate::health::Components;
use crate::metrics::Metrics;
use crate::outbound::{Network, Outbound, Reach, Roots};
use crate::rule_data::RuleData;

/// What a handler may reach. Cheap to clone; each component has its own with its own metrics.
#[derive(Clone)]
pub struct App {
    /// The open database.
    pub db: Db,
    /// The only source of the current time.
    pub clock: Arc<dyn Clock>,
    /// Makes the ids of objects.
    pub ids: Ids,
    /// The installation's secret: keyed hashes, cursors, CSRF tokens.
    pub hash_key: HashKey,
    /// What the server is told by the configuration.
    pub config: Arc<ServerConfig>,
    /// The metrics of this component.
    pub metrics: Arc<Metrics>,
    /// Hashes and verifies passwords away from the async threads.
    pub passwords: Passwords,
    /// The components that this process knows of, for `/versions`.
    pub components: Components,
    /// Sends requests to services that tenants name.
    pub outbound: Outbound,
    /// Where channel accounts may connect to.
    pub channel_reach: Reach,
    /// The shipped legal rules and what else the rules of tenants stand on.
    pub rules: RuleData,
    /// The lists of numbers that this process holds, shared by all its components.
    pub numbers: NumberLists,
}

impl App {
    /// An application on an open database, with empty metrics. The rules are asked for so that none is without them.
    pub fn new(db: Db, clock: Arc<dyn Clock>, hash_key: HashKey, config: ServerConfig, rules: RuleData) -> Self {
        Self {
            numbers: NumberLists::new(db.clone(), config.number_cache.clone()),
            db,
            ids: Ids::new(clock.clone()),
            clock,
            hash_key,
            passwords: Passwords::new(config.password_cost, config.password_threads),
            rules,
            outbound: Outbound::new(&config.outbound_networks).trusting(config.outbound_roots.clone()),
            channel_reach: Reach::new(&config.channel_networks),
            config: Arc::new(config),
            metrics: Arc::new(Metrics::new()),
            components: Components::default(),
        }
    }

    /// The same application for another component: everything shared but the metrics.
    #[must_use]
    pub fn for_component(&self) -> Self {
        Self { metrics: Arc::new(Metrics::new()), ..self.clone() }
    }

    /// Now, as it is stored.
    pub fn now(&self) -> Micros {
        self.clock.now().as_microsecond()
    }
}

/// What the server is told by the configuration. [`ServerConfig::default`] is for a desk.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The address under which people reach us, such as `https://cxc.example.com`. HTTPS makes cookies `Secure`.
    pub public_base_url: String,
    /// A session ends after so long without a request.
    pub session_idle: Duration,
    /// A session ends so long after its sign-in.
    pub session_absolute: Duration,
    /// A bearer token lives so long.
    pub token_life: Duration,
    /// Bad passwords in the window before a user name is locked.
    pub login_failures_per_user: i64,
    /// Bad passwords in the window before an address is locked.
    pub login_failures_per_address: i64,
    /// The window in which bad passwords are counted, and how long the lock holds.
    pub login_window: Duration,
    /// How expensive a password hash is.
    pub password_cost: PasswordCost,
    /// How many passwords are hashed at once.
    pub password_threads: usize,
    /// Requests per second and client; `None` switches the limit off.
    pub rate_limit: Option<RateLimit>,
    /// Whether `X-Forwarded-For` and `X-Forwarded-Proto` come from our own proxy.
    pub trust_forwarded: bool,
    /// The largest JSON body, in bytes.
    pub body_limit: usize,
    /// Where the bytes of lists of numbers are kept from one start to the next; nowhere if `None`.
    pub number_cache: Option<PathBuf>,
    /// The folder in which files beside the database lie: `rejects`, `exports`, `uploads`; nowhere if `None`.
    pub files: Option<PathBuf>,
    /// Where recordings of calls lie; nowhere if `None`.
    pub recordings: Option<PathBuf>,
    /// How long the lease of a channel account's sender lives; after a crash another one starts that much later.
    pub sender_lease: Duration,
    /// The most attempts of a channel account whose result is not yet in the store: what a crash can leave in doubt.
    pub sender_open_attempts: usize,
    /// Networks that are not public and that requests to services of tenants may reach all the same.
    pub outbound_networks: Vec<Network>,
    /// Networks that are not public and that channel accounts may connect to all the same.
    pub channel_networks: Vec<Network>,
    /// Authorities whose certificates services of tenants may show, besides those of the machine.
    pub outbound_roots: Roots,
    /// This program's version, and the commit it was built from.
    pub version: String,
    /// The build, if it is known.
    pub build: String,
}

/// A token bucket.
#[derive(Debug, Clone, Copy)]
pub struct RateLimit {
    /// Requests per second.
    pub per_second: u32,
    /// Requests at once.
    pub burst: u32,
}

/// The cost of a password hash (argon2id).
#[derive(Debug, Clone, Copy)]
pub struct PasswordCost {
    /// KiB of memory.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            public_base_url: "http://localhost:3000".into(),
            session_idle: Duration::from_secs(30 * 60),
            session_absolute: Duration::from_secs(12 * 3600),
            token_life: Duration::from_secs(3600),
            login_failures_per_user: 5,
            login_failures_per_address: 25,
            login_window: Duration::from_secs(15 * 60),
            // the second recommendation of the OWASP password sheet
            password_cost: PasswordCost { memory_kib: 19 * 1024, passes: 2 },
            password_threads: 2,
            rate_limit: Some(RateLimit { per_second: 50, burst: 100 }),
            trust_forwarded: false,
            body_limit: 5 * 1024 * 1024,
            number_cache: None,
            files: None,
            recordings: None,
            sender_lease: Duration::from_secs(15),
            sender_open_attempts: 800,
            outbound_networks: Vec::new(),
            channel_networks: Network::loopback(),
            outbound_roots: Roots::default(),
            version: env!("CARGO_PKG_VERSION").into(),
            build: String::new(),
        }
    }
}

/// The current time, handed down so that tests own it.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Whether it is a machine's own clock, which must agree with the database's.
    fn is_of_machine(&self) -> bool {
        false
    }
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that is handed down")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn is_of_machine(&self) -> bool {
        true
    }
}

/// Makes UUIDs of version 7: they sort by the moment they were made.
#[derive(Clone)]
pub struct Ids {
    clock: Arc<dyn Clock>,
    counter: Arc<AtomicU64>,
}

impl Ids {
    /// Ids whose time comes from this clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, counter: Arc::new(AtomicU64::new(0)) }
    }

    /// A new id. Ids of one process rise also within a millisecond, up to 4,096 of them.
    pub fn next(&self) -> Uuid {
        let mut random = [0_u8; 10];
        if getrandom::fill(&mut random).is_err() {
            // without randomness the counter alone still keeps ids of this process apart
            random[2..].copy_from_slice(&self.counter.load(Ordering::Relaxed).to_be_bytes());
        }
        let count = self.counter.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        random[0] = count[6] & 0x0f;
        random[1] = count[7];
        let millis = u64::try_from(self.clock.now().as_millisecond()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

/// An instant as the API writes it: RFC 3339 in UTC.
pub fn time_text(at: Micros) -> String {
    Timestamp::from_microsecond(at).map_or_else(|_| at.to_string(), |t| t.to_string())
}
