//! `cxc up`.
use cxc_server::logging::{self, LogOptions};

use crate::cli::Up;
use crate::component::Component;
use crate::config::Config;
use crate::failure::Failure;
use crate::{demo, store, terminal, up};

/// Runs the platform until it is told to end.
pub async fn run(config: &Config, asked: &Up) -> Result<(), Failure> {
    let here = if asked.demo { Component::ALL.to_vec() } else { components(&asked.component) };
    // first of all: one that is taken must leave nothing behind
    let ports = up::Ports::open(config, &here).await?;
    // the demonstration has the terminal for itself: its log goes to a file
    let folder = config.log.dir.clone().or_else(|| asked.demo.then(|| config.data_dir.join("logs")));
    let log = LogOptions { level: config.log.level.clone(), json: config.log.json, folder, stdout: !asked.demo };
    if let Some(store) = config.embedded_file().filter(|_| asked.demo) {
        store::make_folder(&store).map_err(Failure::start)?;
    }
    let _guards = logging::start(&log).map_err(Failure::start)?;
    if asked.demo {
        demo::make(config).await?;
        up::run_with(config, &here, ports, demo::run).await?;
        let _ = terminal::say("Ended; start again to go on");
        return Ok(());
    }
    up::run(config, &here, ports).await
}

/// Those that were named, once each, or all.
fn components(named: &[Component]) -> Vec<Component> {
    if named.is_empty() {
        return Component::ALL.to_vec();
    }
    Component::ALL.into_iter().filter(|component| named.contains(component)).collect()
}
