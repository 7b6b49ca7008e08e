//! `cxc up`: the components of this process, from their ports to their end.
mod compose;
mod listen;
mod paths;
mod proxy;
mod readiness;
pub mod signals;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use axum::Router;
use cxc_server::service::{Parts, serve_within};
use cxc_server::{App, SystemClock, health, metrics, openapi, provision};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::readiness::Readiness;
use crate::component::Component;
use crate::config::{self, Config};
use crate::failure::Failure;
use crate::server_config;
use crate::services::{self, Shared};
use crate::store::{self, Store};

/// How long open connections may last after a shutdown began: event streams never end by themselves.
const CONNECTIONS_END: Duration = Duration::from_secs(2);

/// Runs the components until a signal or a failure.
pub async fn run(config: &Config, here: &[Component], ports: Ports) -> Result<(), Failure> {
    run_with(config, here, ports, |_, _| async { Ok(()) }).await
}

/// Runs the components with some more work beside them.
pub async fn run_with<W, F>(config: &Config, here: &[Component], ports: Ports, work: W) -> Result<(), Failure>
where
    W: FnOnce(App, CancellationToken) -> F,
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    for name in config::unknown_variables(std::env::vars()) {
        tracing::warn!("{name} is no setting: docs/configuration.md lists them");
    }
    let stop = CancellationToken::new();
    signals::watch(stop.clone())?;
    let Store { db, hash_key, .. } = &store::open(config).await?;
    store::make_private_folders(&config.data_dir).map_err(Failure::start)?;
    let (version, database) = (env!("CARGO_PKG_VERSION"), config::without_password(&config.database_url()));
    tracing::info!(version, engine = ?db.engine(), database, "starting");
    let clock = Arc::new(SystemClock);
    let shared = Shared::new(config).map_err(Failure::start)?;
    let server = server_config::of(config, ports.public_port());
    let rules = services::rule_data(&shared.zones)?.with_tables(shared.live.tables.clone());
    let app = App::new(db.clone(), clock, *hash_key, server, rules);
    provision::installation(&app).await.map_err(Failure::start)?;
    // decisions name them: what is named is there
    app.rules.keep(&app.db, app.now()).await.map_err(Failure::start)?;
    let mut tasks = Tasks { stop: stop.clone(), set: JoinSet::new() };
    // what was downloaded before the last end is in use from the first request on
    shared.live.take_over(&app.db).await.map_err(Failure::start)?;
    start(config, &app, here, ports, &shared, &mut tasks)?;
    tasks.work("compliance data", Arc::clone(&shared.live).follow(app.db.clone(), stop.clone()));
    tasks.work("the command's own work", work(app.clone(), stop.clone()));
    let ended = tasks.end(config.shutdown_grace).await;
    db.close().await;
    match &ended {
        Ok(()) => tracing::info!("stopped"),
        Err(failure) => tracing::error!("stopped: {failure}"),
    }
    ended
}

/// The ports of this process, all open.
pub struct Ports {
    public: Option<TcpListener>,
    internal: Option<TcpListener>,
    own: BTreeMap<Component, TcpListener>,
    metrics: BTreeMap<Component, TcpListener>,
}

impl Ports {
    /// With the API aggregator: the public port, and the internal one unless it is switched off. Without it each component has its own.
    /// The metrics of each component always have theirs.
    pub async fn open(config: &Config, here: &[Component]) -> Result<Self, Failure> {
        let mut ports = Ports { public: None, internal: None, own: BTreeMap::new(), metrics: BTreeMap::new() };
        if here.contains(&Component::ApiAggregator) {
            ports.public = Some(listen::bind(config.public_at(), "public API", "http.port").await?);
            if config.http.internal {
                let at = config.internal_at();
                ports.internal = Some(listen::bind(at, "internal backend", "http.internal_port").await?);
            }
        } else {
            for component in here {
                let key = format!("component.{component}.port");
                let port = listen::bind(config.component_at(*component), component.name(), &key).await?;
                ports.own.insert(*component, port);
            }
        }
        if let Some(at) = config.voice.inbound_listen.filter(|_| here.contains(&Component::Dialer)) {
            listen::is_free(at, "calls to caller ids", "voice.inbound_listen")?;
        }
        for component in here {
            let key = format!("component.{component}.metrics_port");
            let what = format!("metrics of {component}");
            ports.metrics.insert(*component, listen::bind(config.metrics_at(*component), &what, &key).await?);
        }
        Ok(ports)
    }

    /// The port by which people reach this process.
    fn public_port(&self) -> Option<u16> {
        self.public.as_ref().and_then(|listener| listener.local_addr().ok()).map(|at| at.port())
    }
}

fn start(
    config: &Config,
    app: &App,
    here: &[Component],
    ports: Ports,
    shared: &Shared,
    tasks: &mut Tasks,
) -> Result<(), Failure> {
    // the description and the proxy need the paths of every component, also of those that run elsewhere
    let built = if ports.public.is_some() { &Component::ALL[..] } else { here };
    let mut all: BTreeMap<Component, Parts> = BTreeMap::new();
    for component in built {
        let service =
            services::build(*component, app, shared, config).with_context(|| format!("{component} can't start"));
        all.insert(*component, service.map_err(Failure::start)?.into_parts());
    }
    if let Some(listener) = ports.public {
        let readiness = Readiness::start(config, app, here).map_err(Failure::start)?;
        tasks.work("the look at the components", readiness.watch(tasks.stop.clone()));
        let described = services::describe(&all);
        let router = compose::public(config, app, &all, here).map_err(Failure::start)?;
        let explorer = openapi::router(&described).map_err(Failure::start)?;
        tasks.serve("the public API", listener, router.merge(explorer));
    }
    if let Some(listener) = ports.internal {
        tasks.serve("the internal backend", listener, compose::internal(app, &all, here));
    }
    for (component, listener) in ports.own {
        let router = compose::components(app, &all, &[component], true).map_err(Failure::start)?;
        tasks.serve(component.name(), listener, router);
    }
    for (component, listener) in ports.metrics {
        let Some(parts) = all.get_mut(&component) else { continue };
        let router = metrics::router(parts.app.metrics.clone()).merge(health::router(&parts.app));
        tasks.serve_metrics(component, listener, router);
        for work in parts.work.drain(..) {
            let stop = tasks.stop.clone();
            tasks.work(component.name(), work(stop));
        }
    }
    Ok(())
}

/// Everything that runs. The first to end, well or not, ends the others.
struct Tasks {
    stop: CancellationToken,
    set: JoinSet<anyhow::Result<()>>,
}

impl Tasks {
    fn serve(&mut self, what: &'static str, listener: TcpListener, router: Router) {
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%address, "listening: {what}");
        }
        let served = serve_within(listener, router, self.stop.clone(), CONNECTIONS_END);
        self.set.spawn(async move { served.await.with_context(|| format!("{what} failed")) });
    }

    /// Each component has a port of its metrics, so this is told once of each.
    fn serve_metrics(&mut self, of: Component, listener: TcpListener, router: Router) {
        if let Ok(address) = listener.local_addr() {
            tracing::info!(component = of.name(), metrics = %address, "a component starts");
        }
        let served = serve_within(listener, router, self.stop.clone(), CONNECTIONS_END);
        self.set.spawn(async move { served.await.with_context(|| format!("the metrics of {of} failed")) });
    }

    fn work(&mut self, what: &'static str, work: impl Future<Output = anyhow::Result<()>> + Send + 'static) {
        self.set.spawn(async move { work.await.with_context(|| format!("{what} failed")) });
    }

    /// Waits for a signal or a failure, then for the work under way.
    async fn end(mut self, grace: Duration) -> Result<(), Failure> {
        let failed = loop {
            tokio::select! {
                () = self.stop.cancelled() => break Ok(()),
                Some(ended) = self.set.join_next() => match ended {
                    // background work may have nothing to do; the ports stay open
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => break Err(Failure::from(error)),
                    Err(panic) => break Err(Failure::from(anyhow!("a component failed: {panic}"))),
                },
            }
        };
        self.stop.cancel();
        let drained = async { while self.set.join_next().await.is_some() {} };
        match (tokio::time::timeout(grace, drained).await, failed) {
            (_, Err(failure)) => Err(failure),
            (Ok(()), Ok(())) => Ok(()),
            (Err(_), Ok(())) => Err(Failure::refused(format!(
                "work under way did not end within {} s; it is taken up again at the next start",
                grace.as_secs()
            ))),
        }
    }
}
