//! What a command works with: the database, the clock, the tenant that is meant.
use std::sync::Arc;

use cxc_core::compliance::Zones;
use cxc_server::principal::SYSTEM_TENANT;
use cxc_server::{App, SystemClock, provision};
use cxc_store::tenant::Tenant;

use crate::config::Config;
use crate::failure::Failure;
use crate::{server_config, services, store, tzdb};

/// An application without a server.
pub struct Desk {
    /// The application.
    pub app: App,
    /// The time zones of the configuration.
    pub zones: Zones,
    _store: store::Store,
}

impl Desk {
    /// Opens the configured database.
    pub async fn open(config: &Config) -> Result<Self, Failure> {
        let store = store::open(config).await?;
        let clock = Arc::new(SystemClock);
        let zones = tzdb::zones(config.compliance_data.tzdb_directory.as_deref()).map_err(Failure::start)?;
        let (server, rules) = (server_config::of(config, None), services::rule_data(&zones)?);
        let app = App::new(store.db.clone(), clock, store.hash_key, server, rules);
        provision::installation(&app).await.map_err(Failure::start)?;
        Ok(Self { app, zones, _store: store })
    }

    /// The same of a database that is there: whoever only reads makes none.
    pub async fn open_existing(config: &Config) -> Result<Self, Failure> {
        if let Some(file) = config.embedded_file().filter(|file| !file.exists()) {
            let text = "there is no database at $: name the folder of the installation by --data, or its configuration by --config";
            return Err(Failure::usage(text.replace('$', &file.display().to_string())));
        }
        Self::open(config).await
    }

    /// The tenant of a name, or the only one there is.
    pub async fn tenant(&self, name: Option<&str>) -> Result<Tenant, Failure> {
        let mut tx = self.app.db.read().await?;
        if let Some(name) = name {
            let found = tx.tenant_find(name).await?;
            return found.ok_or_else(|| Failure::usage(format!("there is no tenant {name}: see `cxc tenant list`")));
        }
        let mut all = tx.tenant_all().await?;
        all.retain(|tenant| tenant.no != SYSTEM_TENANT);
        match (all.pop(), all.is_empty()) {
            (Some(tenant), true) => Ok(tenant),
            (Some(_), false) => Err(Failure::usage("there are several tenants: name one by --tenant")),
            (None, _) => Err(Failure::usage("there is no tenant yet: `cxc tenant add NAME` makes one")),
        }
    }

    /// Ends the use of the database.
    pub async fn close(self) {
        self.app.db.close().await;
    }
}
