//! Reading the embedded tables.
use std::collections::{HashMap, HashSet};

use super::{Country, Location, LocationSource, Name};

/// An embedded table that can't be read: a fault of the build.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the embedded table {table} can't be read")]
pub struct TableError {
    /// The table's file name.
    pub table: &'static str,
    /// The line, from 1.
    pub line: usize,
}

/// An embedded table: tab-separated columns below a line of explanation.
pub(super) struct Table {
    pub name: &'static str,
    pub text: &'static str,
}

pub(super) const PLACES: Table = Table { name: "places.tsv", text: include_str!("../../data/location/places.tsv") };
pub(super) const PHONES: Table = Table { name: "phone.tsv", text: include_str!("../../data/location/phone.tsv") };
pub(super) const POSTAL: Table = Table { name: "postal.tsv", text: include_str!("../../data/location/postal.tsv") };
pub(super) const REGIONS: Table = Table { name: "region.tsv", text: include_str!("../../data/location/region.tsv") };
pub(super) const COUNTRIES: Table =
    Table { name: "country.tsv", text: include_str!("../../data/location/country.tsv") };

impl Table {
    /// Hands every row of N columns to a function; nothing from it is a fault of the row.
    pub fn each<const N: usize>(&self, mut row: impl FnMut([&'static str; N]) -> Option<()>) -> Result<(), TableError> {
        for (at, line) in self.text.lines().enumerate() {
            let columns = || -> Option<[&'static str; N]> { line.split('\t').collect::<Vec<_>>().try_into().ok() };
            if !line.starts_with('#') && columns().and_then(&mut row).is_none() {
                return Err(TableError { table: self.name, line: at + 1 });
            }
        }
        Ok(())
    }
}

/// Every place that a table can answer, as a location of each source.
pub(super) struct Places {
    pub by_prefix: Vec<Location>,
    pub by_postal: Vec<Location>,
    pub explicit: Vec<Location>,
}

impl Places {
    pub fn read() -> Result<Self, TableError> {
        let mut names = HashSet::new();
        let mut by_prefix = Vec::new();
        PLACES.each(|[country, regions, zones]| {
            let country = if country.is_empty() { None } else { Some(Country::from_code(country)?) };
            let [regions, zones] = [regions, zones].map(|list| shared(list, &mut names));
            by_prefix.push(Location::new(LocationSource::Prefix, country, regions, zones));
            Some(())
        })?;
        let as_source = |source| by_prefix.iter().map(|place: &Location| place.with_source(source)).collect();
        let (by_postal, explicit) = (as_source(LocationSource::Postal), as_source(LocationSource::Explicit));
        Ok(Self { by_prefix, by_postal, explicit })
    }

    /// The number of a place, if there is such a place.
    pub fn number(&self, text: &str) -> Option<u16> {
        text.parse().ok().filter(|n| usize::from(*n) < self.explicit.len())
    }
}

fn shared(list: &str, names: &mut HashSet<Name>) -> Vec<Name> {
    let mut share = |name: &str| {
        names.get(name).cloned().unwrap_or_else(|| {
            let new = Name::from(name);
            names.insert(new.clone());
            new
        })
    };
    list.split(',').filter(|name| !name.is_empty()).map(&mut share).collect()
}

/// A country's place, and whether its zones differ.
pub(super) type Countries = HashMap<Country, (u16, bool)>;

pub(super) fn countries(places: &Places) -> Result<Countries, TableError> {
    let mut found = Countries::new();
    COUNTRIES.each(|[country, zones, place]| {
        let many = match zones {
            "many" => true,
            "one" => false,
            _ => return None,
        };
        found.insert(Country::from_code(country)?, (places.number(place)?, many));
        Some(())
    })?;
    Ok(found)
}
