//! Loads lists of numbers: millions of lines into a compressed set, in bounded memory.
pub(crate) mod api;
mod columns;
mod load;
mod settings;

pub use columns::Columns;
pub use load::{activate, run_load};
pub use settings::{LoadMode, LoadPayload, LoadSettings, NumberVersion};
