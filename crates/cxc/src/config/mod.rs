//! The configuration: `cxc.toml`, then `CXC_*`, then flags, as typed values before anything starts.
mod cdp_ng;
mod settings;
mod show;
mod sources;
mod value;
mod voice;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::component::{Component, INTERNAL_PORT};

pub use cdp_ng::CdpNg;
pub use show::{check, without_password};
pub use sources::{Flags, Origin, load, unknown_variables};
pub use voice::Voice;

/// Everything that can be configured.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder of the embedded store, of uploads and of rejected lines.
    pub data_dir: PathBuf,
    /// The address under which people reach us.
    pub public_url: Option<String>,
    /// Where and how the database is reached.
    pub database: Database,
    /// Where we listen.
    pub http: Http,
    /// Each component's own ports, and where it runs if elsewhere.
    pub components: BTreeMap<Component, Place>,
    /// What is logged, and how.
    pub log: Log,
    /// How long a shutdown may take.
    pub shutdown_grace: Duration,
    /// How long the lease of a channel account's sender lives.
    pub sender_lease: Duration,
    /// The most attempts of a channel account that are open at a time: what a crash can leave in doubt.
    pub sender_open_attempts: usize,
    /// What calls are placed with.
    pub voice: Voice,
    /// Sign-in, sessions, tokens.
    pub access: Access,
    /// What one client may ask for.
    pub limits: Limits,
    /// The data that compliance decides with.
    pub compliance_data: ComplianceData,
    /// Networks that are not public and that requests to services of tenants may reach.
    pub outbound_networks: Vec<cxc_server::outbound::Network>,
    /// Networks that are not public and that channel accounts may connect to.
    pub channel_networks: Vec<cxc_server::outbound::Network>,
    /// Authorities whose certificates services of tenants may show, besides those of the machine.
    pub outbound_ca: Option<OutboundCa>,
}

/// A file of certificates, and what it held at the start.
#[derive(Debug, Clone)]
pub struct OutboundCa {
    /// The file.
    pub path: PathBuf,
    /// Its certificates.
    pub roots: cxc_server::outbound::Roots,
}

/// The data that compliance decides with.
#[derive(Debug, Clone, Default)]
pub struct ComplianceData {
    /// A zoneinfo folder in place of the time zones that are compiled in.
    pub tzdb_directory: Option<PathBuf>,
    /// Whether mobile numbers may be in outlying places of a few hundred people too.
    pub outlying_zones: bool,
    /// The provider of compliance data.
    pub cdp_ng: CdpNg,
}

/// Where and how the database is reached.
#[derive(Debug, Clone)]
pub struct Database {
    /// `sqlite:FILE` or `postgres://...`; the file `cxc.db` of the data folder if not given.
    pub url: Option<String>,
    /// The most connections of this process.
    pub max_connections: u32,
    /// How long to wait for one.
    pub acquire_timeout: Duration,
}

/// Where we listen.
#[derive(Debug, Clone)]
pub struct Http {
    /// The address of the public API.
    pub address: IpAddr,
    /// Its port; 0 takes any free one.
    pub port: u16,
    /// The address of the internal backend and of components that run by themselves.
    pub internal_address: IpAddr,
    /// Whether the internal backend has a port of its own; without it the public port serves it.
    pub internal: bool,
    /// The port of the internal backend.
    pub internal_port: u16,
    /// The address of the metrics ports.
    pub metrics_address: IpAddr,
    /// Whether `X-Forwarded-*` comes from our own proxy.
    pub trust_forwarded: bool,
}

/// A component's own ports, and where it runs if elsewhere.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its HTTP port where it runs by itself.
    pub port: u16,
    /// The port of its metrics.
    pub metrics_port: u16,
    /// Where it is reached when it does not run in this process.
    pub url: Option<String>,
}

/// What is logged, and how.
#[derive(Debug, Clone)]
pub struct Log {
    /// A level, or directives such as `info,cxc_store=debug`.
    pub level: String,
    /// JSON instead of text.
    pub json: bool,
    /// The folder of log files, if there are to be any.
    pub dir: Option<PathBuf>,
}

/// Sign-in, sessions, tokens.
#[derive(Debug, Clone)]
pub struct Access {
    /// A session ends after so long without a request.
    pub session_idle: Duration,
    /// A session ends so long after its sign-in.
    pub session_absolute: Duration,
    /// A bearer token lives so long.
    pub token_life: Duration,
    /// Bad passwords before a user name is locked.
    pub failures_per_user: i64,
    /// Bad passwords before a network address is locked.
    pub failures_per_address: i64,
    /// The window in which bad passwords are counted, and the length of the lock.
    pub failure_window: Duration,
}

/// What one client may ask for.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Requests per second and client; 0 switches the limit off.
    pub requests_per_second: u32,
    /// Requests at once.
    pub burst: u32,
    /// The largest JSON body, in bytes.
    pub body_bytes: usize,
}

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

impl Default for Config {
    fn default() -> Self {
        let place = |c: Component| Place { port: c.default_port(), metrics_port: c.default_metrics_port(), url: None };
        Self {
            data_dir: PathBuf::from("./cxc-data"),
            public_url: None,
            database: Database { url: None, max_connections: 12, acquire_timeout: Duration::from_secs(10) },
            http: Http {
                address: LOOPBACK,
                port: Component::ApiAggregator.default_port(),
                internal_address: LOOPBACK,
                internal: true,
                internal_port: INTERNAL_PORT,
                metrics_address: LOOPBACK,
                trust_forwarded: false,
            },
            components: Component::ALL.into_iter().map(|c| (c, place(c))).collect(),
            log: Log { level: "info".into(), json: false, dir: None },
            shutdown_grace: Duration::from_secs(30),
            sender_lease: Duration::from_secs(15),
            sender_open_attempts: 800,
            voice: Voice::default(),
            access: Access {
                session_idle: Duration::from_secs(30 * 60),
                session_absolute: Duration::from_secs(12 * 3600),
                token_life: Duration::from_secs(3600),
                failures_per_user: 5,
                failures_per_address: 25,
                failure_window: Duration::from_secs(15 * 60),
            },
            limits: Limits { requests_per_second: 50, burst: 100, body_bytes: 5 * 1024 * 1024 },
            compliance_data: ComplianceData::default(),
            outbound_networks: Vec::new(),
            channel_networks: cxc_server::outbound::Network::loopback(),
            outbound_ca: None,
        }
    }
}

impl Config {
    /// The database's address, configured or the embedded store of the data folder.
    pub fn database_url(&self) -> String {
        let embedded = || format!("sqlite:{}", self.data_dir.join("cxc.db").display());
        self.database.url.clone().unwrap_or_else(embedded)
    }

    /// Where recordings of calls lie.
    pub fn recordings(&self) -> PathBuf {
        self.voice.recordings.clone().unwrap_or_else(|| self.data_dir.join("recordings"))
    }

    /// The file of the embedded store, if the database is one.
    pub fn embedded_file(&self) -> Option<PathBuf> {
        self.database_url().strip_prefix("sqlite:").map(|path| PathBuf::from(path.trim_start_matches("//")))
    }

    /// Where the public API listens.
    pub fn public_at(&self) -> SocketAddr {
        (self.http.address, self.http.port).into()
    }

    /// Where the internal backend listens.
    pub fn internal_at(&self) -> SocketAddr {
        (self.http.internal_address, self.http.internal_port).into()
    }

    /// Where a component's metrics are served.
    pub fn metrics_at(&self, component: Component) -> SocketAddr {
        (self.http.metrics_address, self.place(component).metrics_port).into()
    }

    /// Where a component listens that runs without the API aggregator.
    pub fn component_at(&self, component: Component) -> SocketAddr {
        (self.http.internal_address, self.place(component).port).into()
    }

    /// A component's own ports and address.
    pub fn place(&self, component: Component) -> Place {
        let usual =
            || Place { port: component.default_port(), metrics_port: component.default_metrics_port(), url: None };
        self.components.get(&component).cloned().unwrap_or_else(usual)
    }
}
