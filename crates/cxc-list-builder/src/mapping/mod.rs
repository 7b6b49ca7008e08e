//! Which column of a file feeds which field.
//!
//! A `Plan` is made from a file's header and first records: by a data-mapping document, by an `.spc`
//! specification, or by the names and contents of the columns. Applied to a record it gives a
//! `MappedRow` that borrows everything. Values are trimmed and held to their limits here; whether a
//! device, a country or a zone is a good one is for the core to say.

mod by_content;
mod by_document;
mod by_header;
mod by_specification;
mod consent_field;
mod document;
mod draft;
mod error;
mod plan;
mod row;
mod specification;
mod target;
mod value;

pub use consent_field::ConsentField;
pub use document::{ColumnMapping, ColumnRef, DataMapping, MappingKind};
pub use error::MappingError;
pub use plan::{Mapping, Plan, PlannedColumn, Purpose, Why, header_key};
pub use row::{ConsentCell, MappedDevice, MappedRow};
pub use specification::Specification;
pub use target::Target;
