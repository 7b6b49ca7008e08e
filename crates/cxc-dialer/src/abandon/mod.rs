//! The limit of abandoned calls: the policies of places, and the ledger that is held against them.
mod ledger;
mod policy;

pub use ledger::{Ledger, Ledgers, Snapshot};
pub use policy::{AbandonPolicy, Denominator, Place, StartPoint, Window};
