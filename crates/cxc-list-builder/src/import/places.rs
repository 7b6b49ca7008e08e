//! Locations as the numbers of this import.
use std::collections::HashMap;

use cxc_core::location::Location;

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

#[cfg(test)]
mod tests {
    use cxc_core::location::Country;

    use super::*;

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
