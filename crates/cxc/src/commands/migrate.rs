//! `cxc migrate`.
use crate::config::{Config, without_password};
use crate::failure::Failure;
use crate::{store, terminal};

/// Brings the database's schema up to date.
pub async fn run(config: &Config) -> Result<(), Failure> {
    let store = store::open(config).await?;
    store.db.close().await;
    terminal::say(&format!("{} is up to date", without_password(&config.database_url())))
}
