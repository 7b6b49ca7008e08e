//! Writes what lines say into the ledger, in the transaction of the rest of their batch, and counts it.
use std::sync::{Mutex, PoisonError};

use cxc_server::App;
use cxc_store::consent::{ConsentLine, Fate};
use cxc_store::import::ListImport;
use cxc_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a consent that met an opt-out is told to have been, for people.
pub const HELD_BACK: &str = "the person has opted out: the consent is in the ledger, and the opt-out stands";

/// What an import brought into the ledger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsentCounts {
    /// Entries that give.
    pub consents: u64,
    /// Entries that revoke.
    pub opt_outs: u64,
    /// Lines whose consent met an opt-out that stands all the same: it is later, or no file may lift it.
    pub held_back: u64,
    /// The first of them.
    #[serde(skip)]
    pub first_held_back: Option<u64>,
}

/// Writes lines and counts what became of them.
pub struct LedgerWriter {
    app: App,
    counts: Mutex<ConsentCounts>,
}

impl LedgerWriter {
    /// A writer that has written nothing yet.
    pub fn new(app: &App) -> Self {
        Self { app: app.clone(), counts: Mutex::default() }
    }

    /// Writes some lines; answers what became of each. Costs nothing where there are none.
    pub async fn write(
        &self,
        tx: &mut Tx,
        import: &ListImport,
        lines: &[ConsentLine],
    ) -> Result<Vec<Fate>, StoreError> {
        if lines.is_empty() {
            return Ok(Vec::new());
        }
        let new_id = || self.app.ids.next();
        let fates = tx.consent_file_write(import, lines, &new_id, self.app.now()).await?;
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for (line, fate) in lines.iter().zip(&fates) {
            counts.consents += fate.consents as u64;
            counts.opt_outs += fate.opt_outs as u64;
            if fate.held_back {
                counts.held_back += 1;
                counts.first_held_back.get_or_insert(line.line);
            }
        }
        Ok(fates)
    }

    /// What was written.
    pub fn into_counts(self) -> ConsentCounts {
        self.counts.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
