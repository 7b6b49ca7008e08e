//! The legal rules that every tenant's rules stand on, kept once: a later program ships others.
use cxc_core::compliance::legal::{LegalRule, LegalRules};
use serde::{Deserialize, Serialize};

use super::snapshot::RuleSnapshot;
use crate::{StoreError, Tx};

/// Whose snapshot they are: no tenant's.
pub const PACKS: i64 = 0;

#[derive(Serialize)]
struct Packs<'a> {
    sha256: &'a str,
    rules: Vec<&'a LegalRule>,
}

#[derive(Deserialize)]
struct KeptPacks {
    sha256: String,
    rules: Vec<LegalRule>,
}

impl RuleSnapshot {
    /// Legal rules as they were read, with the hash of their files.
    pub fn of_packs(packs: &LegalRules) -> Result<Self, StoreError> {
        let rules = packs.all().iter().map(|rule| &**rule).collect();
        Self::of(0, &Packs { sha256: packs.sha256(), rules })
    }
}

impl Tx {
    /// The legal rules that a decision names as its `rules`.
    pub async fn legal_packs_kept(&mut self, key: &str) -> Result<Option<LegalRules>, StoreError> {
        let Some(kept) = self.rule_snapshot_get(PACKS, 0, key).await? else { return Ok(None) };
        let kept: KeptPacks = serde_json::from_str(&kept.body)?;
        Ok(Some(LegalRules::kept(kept.rules, kept.sha256)))
    }
}
