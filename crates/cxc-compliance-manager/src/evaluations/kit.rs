//! What evaluations are made with: the data that is part of the program, read once.
use std::sync::Arc;

use anyhow::Context;
use cxc_core::compliance::legal::{LegalRules, SHIPPED_FILES};
use cxc_core::compliance::{Calendars, DataVersions, HOLIDAY_FILES, Zones};
use cxc_core::location::{LiveTables, LocationTables};
use cxc_core::phone::PhoneParser;

/// Phones, places, time zones, holidays and the shipped law. Cheap to clone.
#[derive(Clone)]
pub struct Kit {
    /// The time zone database.
    pub zones: Zones,
    /// Reads phone numbers.
    pub phones: Arc<PhoneParser>,
    /// The tables in use, which find places.
    pub tables: LiveTables,
    /// The lists of holidays.
    pub calendars: Arc<Calendars>,
    /// The legal rules that are shipped.
    pub laws: Arc<LegalRules>,
    /// The versions of all this.
    pub versions: Arc<DataVersions>,
}

impl std::fmt::Debug for Kit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kit({:?})", self.zones)
    }
}

impl Kit {
    /// With what other components of the process share.
    pub fn new(zones: Zones, phones: Arc<PhoneParser>, tables: LiveTables) -> anyhow::Result<Self> {
        let calendars = Calendars::shipped().context("the lists of holidays")?;
        let laws = LegalRules::shipped(&zones, &calendars).context("the shipped legal rules")?;
        let versions = DataVersions::of(&zones, HOLIDAY_FILES, &SHIPPED_FILES);
        let (calendars, laws, versions) = (Arc::new(calendars), Arc::new(laws), Arc::new(versions));
        Ok(Self { zones, phones, tables, calendars, laws, versions })
    }

    /// What is embedded in the program.
    pub fn embedded() -> anyhow::Result<Self> {
        Self::new(Zones::bundled(), Arc::new(PhoneParser::new()?), LiveTables::new(LocationTables::embedded()?))
    }
}
