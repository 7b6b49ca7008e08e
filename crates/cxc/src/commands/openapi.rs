//! `cxc openapi`: the description of the API, as it is served and checked in.
use std::collections::BTreeMap;
use std::sync::Arc;

use cxc_core::hash::HashKey;
use cxc_server::rule_data::RuleData;
use cxc_server::{App, ServerConfig, SystemClock, openapi};
use cxc_store::{Db, DbOptions};

use crate::component::Component;
use crate::config::Config;
use crate::failure::Failure;
use crate::services::{self, Shared};
use crate::terminal;

/// Prints it. No database is needed, and none is touched.
pub async fn run(config: &Config) -> Result<(), Failure> {
    let db = Db::connect(&DbOptions::new("sqlite::memory:")).await?;
    let app = App::new(db, Arc::new(SystemClock), HashKey([0; 16]), ServerConfig::default(), RuleData::default());
    let shared = Shared::new(config)?;
    let mut all = BTreeMap::new();
    for component in Component::ALL {
        all.insert(component, services::build(component, &app, &shared, config)?.into_parts());
    }
    terminal::write(&openapi::text(&services::describe(&all))?)
}
