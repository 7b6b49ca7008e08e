//! The import of contact lists.
//!
//! Three stages, each with a bounded queue before it: `reading` maps and checks records on a thread of its own,
//! `intake` tells new contacts from known ones and accounts for every line, `write` sends them to the store. The
//! rows become visible by one last statement; `settle` takes back what did not get so far.

mod ending;
mod holding;
mod index_run;
mod intake;
mod key_filter;
mod lookup;
mod merge;
mod noted;
mod opening;
mod outcome;
mod places;
mod reading;
mod recent;
mod run;
mod settings;
mod settle;
mod stop;
mod suppression;
mod undo;
mod undone;
mod unit;
mod validate;
mod verdict;
mod warnings;
mod write;

pub(crate) use ending::{keep_rejects, rejects_file};
pub(crate) use holding::{release, take_lease};
pub(crate) use opening::{Opened, open};
pub(crate) use settle::{count_reject, take_back};
pub(crate) use stop::{Stop, nothing_taken};
pub(crate) use warnings::Warnings;

pub use ending::{rejects_name, warnings_name};
pub use outcome::{Detail, ImportOutcome};
pub use run::{ImportContext, run_import};
pub use settings::{Dedupe, ImportMode, ImportSettings};
pub use settle::settle_list;
pub use suppression::{run_suppression_import, run_suppression_undo, suppression_undoable};
pub use undo::{run_undo, undoable};
pub use validate::Checkers;
pub use warnings::{WARNING_COLUMNS, Warning, WarningKind};
pub use write::{HeldLease, Progress};
