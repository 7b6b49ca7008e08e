//! Where a phone number, a postal code or a zone's name may be: country, regions and time zones.
//!
//! The tables are written at development time by `scripts/data` and checked in under `data/`;
//! `docs/location-data.md` says where they come from. [`LocationTables::embedded`] reads them once,
//! and the value is handed down.
mod country;
mod country_table;
mod live;
mod overlay;
mod place;
mod postal;
mod read;
mod tables;
mod trie;

pub use country::{Country, UnknownCountry};
pub use live::LiveTables;
pub use overlay::{BadRows, CountryRows, PlaceRow, RegionRow};
pub use place::{BadLocationKey, Location, LocationSource, Name};
pub use read::TableError;
pub use tables::{LocationTables, MissingZones, TableReleases, UnknownZone};
pub(crate) use trie::DigitTrie;
