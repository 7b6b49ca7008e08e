//! The versions of the data that decisions are made with: of the tables that each used, not of those of the start.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use cxc_core::compliance::Zones;
use cxc_core::location::LocationTables;
use cxc_server::rule_data::data_versions;
use cxc_store::evidence::RuleSnapshot;

/// The versions of data, by name.
pub type Versions = BTreeMap<String, String>;

/// Names the versions. Tables are swapped seldom, so what was found last is kept.
pub struct DataBook {
    embedded: Versions,
    last: Mutex<Option<(Weak<LocationTables>, Arc<Versions>)>>,
}

impl DataBook {
    /// With a time-zone database, a version of the program and its legal rules.
    pub fn new(zones: &Zones, software: &str, packs: &RuleSnapshot) -> Self {
        Self { embedded: data_versions(zones, software, packs), last: Mutex::default() }
    }

    /// The versions with these tables, each with the hash of what was read.
    pub fn of(&self, tables: &Arc<LocationTables>) -> Arc<Versions> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, versions)) = last.as_ref()
            && of.ptr_eq(&Arc::downgrade(tables))
        {
            return Arc::clone(versions);
        }
        let mut versions = self.embedded.clone();
        for (name, data) in [("phone", &tables.releases().phone), ("postal", &tables.releases().postal)] {
            if let Some(data) = data {
                versions.insert(name.to_owned(), format!("{} sha256:{}", data.version, data.sha256));
            }
        }
        let versions = Arc::new(versions);
        *last = Some((Arc::downgrade(tables), Arc::clone(&versions)));
        versions
    }
}
