//! The compliance data provider, both ends: the client that downloads generations and puts them in use, and the
//! server that publishes a signed folder. `docs/compliance-data.md` describes what travels between them.
pub mod client;
mod gzip;
mod live;
pub mod provider;

pub use live::{InUse, LiveData, Source};
