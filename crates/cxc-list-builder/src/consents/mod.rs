//! Consents and opt-outs from files: as columns of a contact import, or as a file of their own. A consent of a file lifts
//! no opt-out unless the tenant's policy lets files lift; an opt-out binds as soon as its batch is written.
pub(crate) mod api;
mod export;
mod job;
mod ledger;
mod line;

pub use export::export_consents;
pub use job::{
    CONSENT_EXPORT, CONSENT_IMPORT, CONSENT_UNDO, UndoPayload, consents_undoable, run_consent_import, run_consent_undo,
};
pub use ledger::{ConsentCounts, HELD_BACK, LedgerWriter};
pub use line::{LineDevice, Named, only_opt_outs, read};
