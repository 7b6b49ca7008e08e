//! What the rules of every tenant stand on: the shipped legal rules, the holiday calendars and the time zones. Read
//! once at start.
use std::collections::BTreeMap;
use std::sync::Arc;

use cxc_core::compliance::legal::LegalRules;
use cxc_core::compliance::{Calendars, DataFault, DataVersions, HOLIDAY_FILES, RuleDocuments, Zones};
use cxc_store::evidence::RuleSnapshot;
use cxc_store::{StoreError, Tx};

/// The shipped legal rules, calendars and time zones. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RuleData {
    /// The legal rules.
    pub packs: Arc<LegalRules>,
    /// The holiday calendars.
    pub calendars: Arc<Calendars>,
    /// The time zone database of the process: that of the configuration, else the bundled one.
    pub zones: Zones,
    /// What is wrong with them: nobody is contacted then.
    pub faults: Vec<DataFault>,
}

/// No legal rules and no calendars; the bundled zones.
impl Default for RuleData {
    fn default() -> Self {
        Self { packs: Arc::default(), calendars: Arc::default(), zones: Zones::bundled(), faults: Vec::new() }
    }
}

impl RuleData {
    /// What is shipped. A file that is wrong stops the start.
    pub fn shipped(zones: &Zones) -> anyhow::Result<Self> {
        let calendars = Calendars::shipped()?;
        let packs = LegalRules::shipped(zones, &calendars)?;
        let (packs, calendars, zones) = (Arc::new(packs), Arc::new(calendars), zones.clone());
        Ok(Self { packs, calendars, zones, faults: Vec::new() })
    }

    /// A tenant's rules together with what they stand on.
    pub async fn documents(&self, tx: &mut Tx, tenant: i64) -> Result<RuleDocuments, StoreError> {
        let documents = tx.rule_documents(tenant).await?;
        Ok(RuleDocuments {
            legal_packs: Arc::clone(&self.packs),
            calendars: Arc::clone(&self.calendars),
            data_faults: self.faults.clone(),
            ..documents
        })
    }
}

/// The versions of the data that decisions are made with, by name, each with the hash of what was read.
pub fn data_versions(zones: &Zones, software: &str, packs: &RuleSnapshot) -> BTreeMap<String, String> {
    let data = DataVersions::of(zones, HOLIDAY_FILES, &[]);
    let named = [("tzdb", data.tzdb), ("phone", data.phone), ("postal", data.postal), ("holidays", data.holidays)];
    let mut versions: BTreeMap<String, String> =
        named.map(|(name, data)| (name.to_owned(), format!("{} sha256:{}", data.version, data.sha256))).into();
    versions.insert("rules".to_owned(), packs.key());
    versions.insert("software".to_owned(), software.to_owned());
    versions
}
