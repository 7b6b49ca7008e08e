//! What the rules of every tenant stand on: the shipped legal rules, the holiday calendars and the time zones. Read
//! once at start.
use std::sync::{Arc, OnceLock};

use cxc_core::Micros;
use cxc_core::compliance::legal::LegalRules;
use cxc_core::compliance::{Calendars, DataFault, DataVersions, HOLIDAY_FILES, RuleDocuments, Zones};
use cxc_core::location::LiveTables;
use cxc_store::evidence::{DataSnapshot, RuleSnapshot};
use cxc_store::{Db, StoreError, Tx};

/// The shipped legal rules, calendars and time zones. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RuleData {
    /// The legal rules.
    pub packs: Arc<LegalRules>,
    /// The holiday calendars.
    pub calendars: Arc<Calendars>,
    /// The time zone database of the process: that of the configuration, else the bundled one.
    pub zones: Zones,
    /// The tables of places in use, of which decisions name the versions; `None` for those that are compiled in.
    pub tables: Option<LiveTables>,
    /// What is wrong with them: nobody is contacted then.
    pub faults: Vec<DataFault>,
    /// The legal rules as decisions keep them: see [`RuleData::packs_snapshot`].
    pub kept: Arc<OnceLock<Arc<RuleSnapshot>>>,
}

/// No legal rules and no calendars; the bundled zones.
impl Default for RuleData {
    fn default() -> Self {
        Self {
            packs: Arc::default(),
            calendars: Arc::default(),
            zones: Zones::bundled(),
            tables: None,
            faults: Vec::new(),
            kept: Arc::default(),
        }
    }
}

impl RuleData {
    /// What is shipped. A file that is wrong stops the start.
    pub fn shipped(zones: &Zones) -> anyhow::Result<Self> {
        let calendars = Calendars::shipped()?;
        let packs = LegalRules::shipped(zones, &calendars)?;
        let (packs, calendars, zones) = (Arc::new(packs), Arc::new(calendars), zones.clone());
        Ok(Self { packs, calendars, zones, tables: None, faults: Vec::new(), kept: Arc::default() })
    }

    /// The same; places are found with these tables.
    #[must_use]
    pub fn with_tables(self, tables: LiveTables) -> Self {
        Self { tables: Some(tables), ..self }
    }

    /// The legal rules as decisions keep them: one text for the whole process, made at its first use.
    pub fn packs_snapshot(&self) -> Result<Arc<RuleSnapshot>, StoreError> {
        if let Some(kept) = self.kept.get() {
            return Ok(Arc::clone(kept));
        }
        let made = Arc::new(RuleSnapshot::of_packs(&self.packs)?);
        Ok(Arc::clone(self.kept.get_or_init(|| made)))
    }

    /// Keeps the time zones and holidays, so that decisions can be made again after an update. Call it before the first
    /// decision, and now and then while they are used; where they are kept already, it is only noted that they are in
    /// use.
    pub async fn keep(&self, db: &Db, now: Micros) -> Result<(), StoreError> {
        let versions = DataVersions::of(&self.zones, HOLIDAY_FILES, &[]);
        let zones = || DataSnapshot::new("tzdb", &versions.tzdb.version, self.zones.files());
        let holidays = || {
            let files = HOLIDAY_FILES.iter().map(|(name, text)| (*name, text.as_bytes()));
            DataSnapshot::new("holidays", &versions.holidays.version, files)
        };
        let mut tx = db.begin().await?;
        if !tx.data_snapshot_use("tzdb", &versions.tzdb.sha256, now).await? {
            tx.data_snapshot_put(&zones(), now).await?;
        }
        if !tx.data_snapshot_use("holidays", &versions.holidays.sha256, now).await? {
            tx.data_snapshot_put(&holidays(), now).await?;
        }
        tx.commit().await
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
