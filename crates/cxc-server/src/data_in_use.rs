//! The versions of the data that decisions are made with: of the tables that are in use at that moment, not of those
//! of the start.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use cxc_core::compliance::{DataVersions, HOLIDAY_FILES, Zones};
use cxc_core::location::{LiveTables, LocationTables};
use cxc_store::evidence::RuleSnapshot;

/// The versions of data by name, each with the hash of what was read.
pub type Versions = BTreeMap<String, String>;

/// Names the versions. Tables are swapped seldom, so what was found last is kept.
pub struct DataInUse {
    embedded: Arc<Versions>,
    tables: Option<LiveTables>,
    last: Mutex<Option<(Weak<LocationTables>, Arc<Versions>)>>,
}

impl DataInUse {
    /// With a time zone database, a version of the program, its legal rules, and the tables of places that are swapped
    /// while they are used; without these what is compiled in.
    pub fn new(zones: &Zones, software: &str, packs: &RuleSnapshot, tables: Option<LiveTables>) -> Self {
        Self { embedded: Arc::new(embedded(zones, software, packs)), tables, last: Mutex::default() }
    }

    /// The versions with the tables that are in use now.
    pub fn versions(&self) -> Arc<Versions> {
        match &self.tables {
            Some(tables) => self.of(&tables.current()),
            None => Arc::clone(&self.embedded),
        }
    }

    /// The versions with these tables: those that places were found with.
    pub fn of(&self, tables: &Arc<LocationTables>) -> Arc<Versions> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, versions)) = last.as_ref()
            && of.ptr_eq(&Arc::downgrade(tables))
        {
            return Arc::clone(versions);
        }
        let mut versions = Versions::clone(&self.embedded);
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

fn embedded(zones: &Zones, software: &str, packs: &RuleSnapshot) -> Versions {
    let data = DataVersions::of(zones, HOLIDAY_FILES, &[]);
    let named = [("tzdb", data.tzdb), ("phone", data.phone), ("postal", data.postal), ("holidays", data.holidays)];
    let mut versions: Versions =
        named.map(|(name, data)| (name.to_owned(), format!("{} sha256:{}", data.version, data.sha256))).into();
    versions.insert("rules".to_owned(), packs.key());
    versions.insert("software".to_owned(), software.to_owned());
    versions
}

#[cfg(test)]
mod tests {
    use cxc_core::compliance::DataVersion;
    use cxc_core::compliance::legal::LegalRules;
    use cxc_core::location::TableReleases;

    use super::*;

    #[test]
    fn the_versions_are_those_of_the_tables_in_use_and_not_of_the_start() {
        let tables = || LocationTables::embedded().unwrap();
        let live = LiveTables::new(tables());
        let packs = RuleSnapshot::of_packs(&LegalRules::default()).unwrap();
        let data = DataInUse::new(&Zones::bundled(), "1.2.3", &packs, Some(live.clone()));
        let before = data.versions();
        assert!(Arc::ptr_eq(&before, &data.versions()), "nothing is made again while nothing changed");
        let newer = DataVersion { version: "2026-11".into(), sha256: "abc".into() };
        let old = live.current();
        live.swap(tables().with_releases(TableReleases { phone: Some(newer), postal: None }));
        let after = data.versions();
        assert_eq!(after["phone"], "2026-11 sha256:abc");
        assert_eq!((&after["postal"], &after["tzdb"]), (&before["postal"], &before["tzdb"]));
        assert_eq!(data.of(&old)["phone"], before["phone"], "a look-up names the tables that it used");
        let fixed = DataInUse::new(&Zones::bundled(), "1.2.3", &packs, None);
        assert_eq!(fixed.versions(), before);
    }
}
