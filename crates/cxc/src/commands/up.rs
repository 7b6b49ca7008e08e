//! `cxc up`.
use cxc_server::logging::{self, LogOptions};

use crate::cli::Up;
use crate::component::Component;
use crate::config::Config;
use crate::failure::Failure;
use crate::up;

/// Runs the platform until it is told to end.
pub async fn run(config: &Config, asked: &Up) -> Result<(), Failure> {
    let log = LogOptions {
        level: config.log.level.clone(),
        json: config.log.json,
        folder: config.log.dir.clone(),
        stdout: true,
    };
    let _guards = logging::start(&log).map_err(Failure::start)?;
    up::run(config, &components(&asked.component)).await
}

/// Those that were named, once each, or all.
fn components(named: &[Component]) -> Vec<Component> {
    if named.is_empty() {
        return Component::ALL.to_vec();
    }
    Component::ALL.into_iter().filter(|component| named.contains(component)).collect()
}
