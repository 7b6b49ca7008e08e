//! Where a contact may be, from what its line says; and locations as the numbers of this import.
use std::collections::HashMap;

use cxc_core::location::{Country, Location, LocationSource, LocationTables};

/// The most combinations that are remembered.
const MOST_COMBINED: usize = 20_000;

/// Locations by their place in this import, from 1; 0 is none. The store's numbers are found later, many at once.
#[derive(Default)]
pub struct PlaceNumbers {
    numbers: HashMap<Location, i64>,
    fresh: Vec<Location>,
}

impl PlaceNumbers {
    /// The number of a location.
    pub fn number(&mut self, location: &Location) -> i64 {
        if let Some(&known) = self.numbers.get(location) {
            return known;
        }
        let number = i64::try_from(self.numbers.len()).unwrap_or(0) + 1;
        self.numbers.insert(location.clone(), number);
        self.fresh.push(location.clone());
        number
    }

    /// The locations that are new since the last call, in the order of their numbers.
    pub fn take_fresh(&mut self) -> Vec<Location> {
        std::mem::take(&mut self.fresh)
    }
}

/// What a line says of where its contact is. Empty texts say nothing.
pub struct Told<'a> {
    /// The explicit zone.
    pub zone: Option<Location>,
    /// The country that the line gives.
    pub country: Option<Country>,
    /// The country by which postal code and state are read.
    pub home: Option<Country>,
    /// The postal code.
    pub postal: &'a str,
    /// The state.
    pub state: &'a str,
}

/// Finds the locations of contacts.
#[derive(Default)]
pub struct ContactPlaces {
    combined: HashMap<[Option<Location>; 3], Location>,
}

impl ContactPlaces {
    /// Where a contact may be: its explicit zone together with that of its postal code, else that of its
    /// postal code, else those of its state, else that of its country if it has one zone. A postal code
    /// that is not known makes it unmappable unless a zone is given; what is absent says nothing.
    pub fn find(&mut self, tables: &LocationTables, told: Told<'_>) -> Option<Location> {
        let postal = told.home.filter(|_| !told.postal.is_empty()).map(|c| tables.of_postal(c, told.postal));
        let state = told.home.filter(|_| !told.state.is_empty()).map(|c| tables.of_region(c, told.state));
        let state = state.filter(|s| !s.is_unmappable());
        match (&told.zone, &postal, &state) {
            (None, None, None) => {
                told.country.map(|c| tables.of_country(c)).filter(|location| location.zones().len() == 1)
            }
            (Some(one), None, None) | (None, Some(one), None) | (None, None, Some(one)) => Some(one.clone()),
            _ => Some(self.combine([told.zone, postal, state])),
        }
    }

    fn combine(&mut self, parts: [Option<Location>; 3]) -> Location {
        if let Some(known) = self.combined.get(&parts) {
            return known.clone();
        }
        if self.combined.len() >= MOST_COMBINED {
            self.combined.clear();
        }
        let [zone, postal, state] = &parts;
        let mut zones = Vec::new();
        for part in [zone, postal].into_iter().flatten() {
            zones.extend_from_slice(part.zones());
        }
        // the zones of a whole state say less than a zone or a postal code
        if zone.is_none() && postal.is_none() {
            zones.extend_from_slice(state.as_ref().map_or(&[], |s| s.zones()));
        }
        let regions = [postal, state].into_iter().flatten().flat_map(|p| p.regions().iter().cloned()).collect();
        let source = if zone.is_some() { LocationSource::Explicit } else { LocationSource::Postal };
        let country = [postal, state, zone].into_iter().flatten().find_map(Location::country);
        let location = Location::new(source, country, regions, zones);
        self.combined.insert(parts, location.clone());
        location
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(zone: &str, country: &str, postal: &str, state: &str) -> Option<String> {
        let tables = LocationTables::embedded().unwrap();
        let country = Country::from_code(country);
        let zone = (!zone.is_empty()).then(|| tables.of_zone(zone).unwrap());
        let told = Told { zone, country, home: country, postal, state };
        ContactPlaces::default().find(&tables, told).map(|l| l.key().to_owned())
    }

    #[test]
    fn the_most_precise_word_decides_and_conflicts_add_zones() {
        assert_eq!(find("", "US", "75201", ""), Some("p|US|US-TX|America/Chicago".into()));
        assert_eq!(find("America/Denver", "US", "", ""), Some("e|||America/Denver".into()));
        let both = find("America/New_York", "US", "75201", "TX").unwrap();
        assert_eq!(both, "e|US|US-TX|America/Chicago,America/New_York");
        assert!(find("", "US", "", "TX").unwrap().contains("America/Chicago"));
    }

    #[test]
    fn what_is_absent_says_nothing_and_what_is_unknown_restricts() {
        assert_eq!(find("", "", "", ""), None);
        assert_eq!(find("", "US", "", ""), None);
        assert_eq!(find("", "DE", "", ""), Some("e|DE||Europe/Berlin".into()));
        assert!(find("", "US", "no code", "").unwrap().starts_with("u|US"));
        assert!(find("Europe/Paris", "US", "no code", "").unwrap().contains("Europe/Paris"));
    }

    #[test]
    fn numbers_run_from_one_and_new_locations_are_told_once() {
        let mut numbers = PlaceNumbers::default();
        let (a, b) = (Location::unmappable(None), Location::unmappable(Some(Country::US)));
        assert_eq!([numbers.number(&a), numbers.number(&b), numbers.number(&a)], [1, 2, 1]);
        assert_eq!(numbers.take_fresh(), [a, b.clone()]);
        assert_eq!(numbers.number(&b), 2);
        assert!(numbers.take_fresh().is_empty());
    }
}
