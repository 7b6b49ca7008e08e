//! How well each component is, as `/versions` shows it: looked at over and over.
use std::time::Duration;

use cxc_server::App;
use cxc_server::health::{Component as Shown, Health};
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::proxy;
use crate::component::Component;
use crate::config::Config;

const LOOK_EVERY: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(2);

/// Looks after the components of the platform.
pub struct Readiness {
    app: App,
    components: Vec<(Component, Where)>,
    client: reqwest::Client,
}

enum Where {
    Here,
    At(String),
    Unknown,
}

impl Readiness {
    /// Of all components, those of this process and those elsewhere. Reports them at once: those here have started.
    pub fn start(config: &Config, app: &App, here: &[Component]) -> anyhow::Result<Self> {
        let place = |component: Component| match config.place(component).url {
            _ if here.contains(&component) => Where::Here,
            Some(url) => Where::At(url),
            None => Where::Unknown,
        };
        let components: Vec<_> = Component::ALL.into_iter().map(|component| (component, place(component))).collect();
        let readiness = Self { app: app.clone(), components, client: proxy::client()? };
        for (component, place) in &readiness.components {
            match place {
                Where::Here => readiness.report(*component, Health::Green, ""),
                Where::At(_) => readiness.report(*component, Health::Yellow, "not asked yet"),
                Where::Unknown => readiness.report_unknown(*component),
            }
        }
        Ok(readiness)
    }

    /// Looks until told to stop.
    pub async fn watch(self, stop: CancellationToken) -> anyhow::Result<()> {
        loop {
            self.look().await;
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn look(&self) {
        let database = tokio::time::timeout(PATIENCE, self.app.db.ping()).await;
        let answers = matches!(database, Ok(Ok(())));
        let looks = self.components.iter().map(async |(component, place)| match place {
            Where::Here if answers => self.report(*component, Health::Green, ""),
            Where::Here => self.report(*component, Health::Red, "the database does not answer"),
            Where::At(url) => match self.ask(url).await {
                Ok(()) => self.report(*component, Health::Green, ""),
                Err(why) => self.report(*component, Health::Red, why),
            },
            Where::Unknown => self.report_unknown(*component),
        });
        join_all(looks).await;
    }

    async fn ask(&self, url: &str) -> Result<(), &'static str> {
        let url = format!("{}/health/ready", url.trim_end_matches('/'));
        let answer = self.client.get(url).timeout(PATIENCE).send().await.map_err(|_| "it does not answer")?;
        if answer.status().is_success() { Ok(()) } else { Err("it is not ready") }
    }

    fn report_unknown(&self, component: Component) {
        let detail = format!("it does not run here, and component.{component}.url is not set");
        self.report(component, Health::NotConfigured, &detail);
    }

    fn report(&self, component: Component, health: Health, detail: &str) {
        let config = &self.app.config;
        self.app.components.report(Shown {
            name: component.name().to_owned(),
            version: config.version.clone(),
            build: config.build.clone(),
            health,
            detail: detail.to_owned(),
        });
    }
}
