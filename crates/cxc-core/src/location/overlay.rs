//! Rows of single countries in the place of the embedded ones.
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::country::fold;
use super::read::{PHONES, POSTAL, REGIONS, TableError};
use super::trie::DigitTrie;
use super::{Country, Location, LocationSource, LocationTables, Name};
use crate::compliance::whole_country;

/// A place that leading characters tell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlaceRow {
    /// Leading digits of a phone with its calling code, or leading characters of a postal code.
    pub key: String,
    /// The regions it may be in, such as `US-TX`.
    pub regions: Vec<Name>,
    /// The zones it may be in.
    pub zones: Vec<Name>,
}

/// A region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RegionRow {
    /// Its code within the country, such as `TX`.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its zones.
    pub zones: Vec<Name>,
}

/// What is known of a country; nothing leaves the embedded rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CountryRows {
    /// Leading digits of phones.
    pub phones: Option<Vec<PlaceRow>>,
    /// Regions.
    pub regions: Option<Vec<RegionRow>>,
    /// Leading characters of postal codes.
    pub postal: Option<Vec<PlaceRow>>,
}

/// Rows that can't take the place of the embedded ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRows {
    /// A fault of the build.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A row says something that can't be.
    #[error("the row {key} of {country}: {detail}")]
    Row {
        /// The country.
        country: Country,
        /// Its first column, cut.
        key: String,
        /// What is wrong.
        detail: &'static str,
    },
}

const FULL: &str = "there are more different places or prefixes than 65000";

impl LocationTables {
    /// The embedded rows of a country.
    pub fn rows_of(&self, country: Country) -> Result<CountryRows, TableError> {
        let place = |key: &str, place: &str| {
            let location = &self.places.explicit[usize::from(self.places.number(place)?)];
            let row = PlaceRow { key: key.into(), regions: location.regions().into(), zones: location.zones().into() };
            Some((location.country(), row))
        };
        let (mut phones, mut regions, mut postal) = (Vec::new(), Vec::new(), Vec::new());
        PHONES.each(|[prefix, number]| {
            let (of, row) = place(prefix, number)?;
            phones.extend(Some(row).filter(|_| of == Some(country)));
            Some(())
        })?;
        REGIONS.each(|[of, code, name, number]| {
            let row = || Some(RegionRow { code: code.into(), name: name.into(), zones: place(code, number)?.1.zones });
            if of == country.as_str() {
                regions.push(row()?);
            }
            Some(())
        })?;
        POSTAL.each(|[of, prefix, number]| {
            if of == country.as_str() {
                postal.push(place(prefix, number)?.1);
            }
            Some(())
        })?;
        let some = |rows: Vec<PlaceRow>| Some(rows).filter(|rows| !rows.is_empty());
        Ok(CountryRows {
            phones: some(phones),
            regions: Some(regions).filter(|rows| !rows.is_empty()),
            postal: some(postal),
        })
    }

    /// These tables with the rows of some countries in the place of the embedded ones. Every zone must be one of the
    /// time zone database.
    pub fn with_rows(mut self, rows: &BTreeMap<Country, CountryRows>) -> Result<Self, BadRows> {
        let mut interned = HashMap::new();
        self.put_phones(rows, &mut interned)?;
        for (country, of) in rows {
            if let Some(rows) = &of.regions {
                self.put_regions(*country, rows, &mut interned)?;
            }
            if let Some(rows) = &of.postal {
                self.postal.remove(*country);
                for row in rows {
                    let place = self.place(*country, &row.key, &row.regions, &row.zones, &mut interned)?;
                    let put = self.postal.put(*country, &row.key, place);
                    put.ok_or_else(|| bad(*country, &row.key, "a pattern is one to five capitals and digits"))?;
                }
            }
        }
        Ok(self)
    }

    fn put_phones(&mut self, rows: &BTreeMap<Country, CountryRows>, interned: &mut Interned) -> Result<(), BadRows> {
        let replaced = |country| rows.get(&country).is_some_and(|rows| rows.phones.is_some());
        let mut phones = DigitTrie::new();
        PHONES.each(|[prefix, place]| {
            let place = self.places.number(place)?;
            let country = self.places.explicit[usize::from(place)].country();
            if country.is_some_and(replaced) { Some(()) } else { phones.insert(prefix, place) }
        })?;
        for (country, row) in rows.iter().flat_map(|(c, of)| of.phones.iter().flatten().map(move |row| (*c, row))) {
            if self.is_of_another(country, &row.key) {
                return Err(bad(country, &row.key, "the file of a country has numbers of that country only"));
            }
            let place = self.place(country, &row.key, &row.regions, &row.zones, interned)?;
            if row.key.is_empty() || row.key.len() > 15 || !row.key.bytes().all(|b| b.is_ascii_digit()) {
                return Err(bad(country, &row.key, "a prefix is 1 to 15 digits"));
            }
            phones.insert(&row.key, place).ok_or_else(|| bad(country, &row.key, FULL))?;
        }
        self.phones = phones;
        Ok(())
    }

    /// Whether the numbers with these leading digits are those of another country, by what is known of the numbering plan.
    fn is_of_another(&self, country: Country, digits: &str) -> bool {
        let known = self.phones.longest(digits).and_then(|place| self.places.by_prefix[usize::from(place)].country());
        known.is_some_and(|known| known != country && whole_country(known.as_str()) != country.as_str())
    }

    fn put_regions(&mut self, country: Country, rows: &[RegionRow], interned: &mut Interned) -> Result<(), BadRows> {
        // territories are regions of the country and countries of their own: what was left out of its zones stays out
        let known: BTreeSet<Name> = self.zones_of_regions(country);
        self.regions.retain(|(of, _), _| *of != country);
        let mut zones: BTreeSet<Name> = BTreeSet::new();
        for row in rows {
            let region: Name = format!("{country}-{}", row.code).into();
            let place = self.place(country, &row.code, &[region], &row.zones, interned)?;
            zones.extend(row.zones.iter().filter(|zone| !known.contains(*zone)).cloned());
            for text in [&row.code, &row.name] {
                let folded = fold(text).filter(|folded| !folded.is_empty());
                let folded = folded.ok_or_else(|| bad(country, &row.code, "a name has letters, at most 100 bytes"))?;
                self.regions.insert((country, folded), place);
            }
        }
        self.widen(country, zones, interned)
    }

    fn zones_of_regions(&self, country: Country) -> BTreeSet<Name> {
        let places = self.regions.iter().filter(|((of, _), _)| *of == country).map(|(_, place)| usize::from(*place));
        places.flat_map(|place| self.places.explicit[place].zones().iter().cloned()).collect()
    }

    /// Adds zones of regions to those of the whole country; none is ever taken away.
    fn widen(&mut self, country: Country, mut zones: BTreeSet<Name>, interned: &mut Interned) -> Result<(), BadRows> {
        let known = self.of_country(country);
        if zones.iter().all(|zone| known.zones().contains(zone)) {
            return Ok(());
        }
        zones.extend(known.zones().iter().cloned());
        let zones: Vec<Name> = zones.into_iter().collect();
        let place = self.place(country, "", known.regions(), &zones, interned)?;
        self.countries.insert(country, (place, zones.len() > 1));
        Ok(())
    }

    /// The number of a place, made when it is new.
    fn place(
        &mut self,
        country: Country,
        key: &str,
        regions: &[Name],
        zones: &[Name],
        interned: &mut Interned,
    ) -> Result<u16, BadRows> {
        if !zones.iter().all(|zone| self.is_zone(zone)) {
            return Err(bad(country, key, "a zone is not in the time zone database"));
        }
        if !regions.iter().all(|region| is_region(region)) {
            return Err(bad(
                country,
                key,
                "a region is a country, a hyphen and 1 to 3 letters or digits, such as US-TX",
            ));
        }
        let new = Location::new(LocationSource::Explicit, Some(country), regions.into(), zones.into());
        if let Some(place) = interned.get(new.key()) {
            return Ok(*place);
        }
        let place = u16::try_from(self.places.explicit.len()).ok().filter(|n| *n < 65_000);
        let place = place.ok_or_else(|| bad(country, key, FULL))?;
        interned.insert(new.key().to_owned(), place);
        self.places.by_prefix.push(new.with_source(LocationSource::Prefix));
        self.places.by_postal.push(new.with_source(LocationSource::Postal));
        self.places.explicit.push(new);
        Ok(place)
    }

    /// Whether a name is a zone's of the database, as it is written there.
    fn is_zone(&self, name: &str) -> bool {
        let known = self.zones.get(&name.to_ascii_lowercase());
        known.is_some_and(|location| location.zones().iter().any(|zone| **zone == *name))
    }
}

/// New places by their canonical text.
type Interned = HashMap<String, u16>;

fn bad(country: Country, key: &str, detail: &'static str) -> BadRows {
    BadRows::Row { country, key: key.chars().take(20).collect(), detail }
}

fn is_region(region: &str) -> bool {
    let Some((country, own)) = region.split_once('-') else { return false };
    Country::from_code(country).is_some_and(|found| found.as_str() == country)
        && (1..=3).contains(&own.len())
        && own.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::LineType;
    use crate::phone::PhoneNumber;

    fn embedded() -> LocationTables {
        LocationTables::embedded().unwrap()
    }

    fn all() -> BTreeMap<Country, CountryRows> {
        let countries = [Country::US, Country::CA, Country::GB, Country::AU, Country::NZ];
        countries.into_iter().map(|country| (country, embedded().rows_of(country).unwrap())).collect()
    }

    fn row(key: &str, region: &str, zone: &str) -> PlaceRow {
        let list = |text: &str| if text.is_empty() { vec![] } else { vec![Name::from(text)] };
        PlaceRow { key: key.into(), regions: list(region), zones: list(zone) }
    }

    #[test]
    fn the_embedded_rows_in_their_own_place_change_no_answer() {
        let (before, after) = (embedded(), embedded().with_rows(&all()).unwrap());
        let mut compared = 0;
        for rows in all().into_values() {
            for row in rows.phones.unwrap() {
                let number = format!("+{}", &format!("{}55501000000", row.key)[..11]);
                let Ok(number) = PhoneNumber::parse(&number) else { continue };
                for line_type in [LineType::FixedOrMobile, LineType::Mobile, LineType::TollFree] {
                    let [a, b] = [&before, &after].map(|tables| tables.of_phone(&number, line_type));
                    assert_eq!(a, b, "{number:?}");
                    compared += 1;
                }
            }
        }
        assert!(compared > 5_000, "{compared}");
        for (country, codes) in [
            (Country::US, &["90210", "83501", "00901"][..]),
            (Country::CA, &["A0P 1A0", "V1G"]),
            (Country::GB, &["SW1A 1AA", "CH1"]),
            (Country::AU, &["2880", "0872"]),
            (Country::NZ, &["8942"]),
        ] {
            for code in codes {
                assert_eq!(before.of_postal(country, code), after.of_postal(country, code), "{code}");
            }
        }
        for state in ["TX", "Texas", "US-GU"] {
            assert_eq!(before.of_region(Country::US, state), after.of_region(Country::US, state));
        }
        assert_eq!(before.of_country(Country::US), after.of_country(Country::US));
    }

    #[test]
    fn rows_of_a_country_take_the_place_of_its_own_only() {
        let rows = CountryRows {
            phones: Some(vec![row("1", "", "America/New_York"), row("1212", "US-NY", "America/Chicago")]),
            postal: Some(vec![row("9", "US-CA", "America/Denver")]),
            regions: Some(vec![RegionRow {
                code: "TX".into(),
                name: "Texas".into(),
                zones: vec!["America/Denver".into()],
            }]),
        };
        let tables = embedded().with_rows(&[(Country::US, rows)].into()).unwrap();
        let at = |number| tables.of_phone(&PhoneNumber::parse(number).unwrap(), LineType::FixedOrMobile);
        assert_eq!(at("+12125550100").key(), "x|US|US-NY|America/Chicago");
        assert_eq!(at("+13105550100").key(), "x|US||America/New_York", "what a country no longer lists is gone");
        assert_eq!(at("+14165550100").key(), "x|CA|CA-ON|America/Toronto");
        assert_eq!(tables.of_postal(Country::US, "90210").key(), "p|US|US-CA|America/Denver");
        assert!(tables.of_postal(Country::US, "10001").is_unmappable());
        assert_eq!(tables.of_region(Country::US, "texas").key(), "e|US|US-TX|America/Denver");
        assert_eq!(tables.of_country(Country::US), embedded().of_country(Country::US), "a country is never narrowed");
    }

    #[test]
    fn a_row_that_can_not_be_is_refused_by_its_country_and_key() {
        let problem = |phones: Vec<PlaceRow>| {
            let rows = CountryRows { phones: Some(phones), ..CountryRows::default() };
            embedded().with_rows(&[(Country::US, rows)].into()).err().map(|error| error.to_string())
        };
        let with = |phones| problem(phones).unwrap();
        assert_eq!(
            with(vec![row("1", "", "Mars/Olympus")]),
            "the row 1 of US: a zone is not in the time zone database"
        );
        assert!(with(vec![row("1", "", "america/new_york")]).contains("time zone database"));
        assert!(with(vec![row("1", "Texas", "UTC")]).contains("a region is"));
        for other in ["33", "442071", "1416", "1"] {
            let rows = vec![row("1212", "US-NY", "America/New_York"), row(other, "", "America/New_York")];
            let of_another = problem(rows).is_some_and(|text| text.contains("numbers of that country only"));
            assert_eq!(of_another, other != "1", "{other}");
        }
        assert!(with(vec![row("12a", "", "UTC")]).contains("a prefix is"));
        let many = (0..70_000).map(|n| row(&format!("1212{n:06}"), "", "UTC")).collect();
        assert!(with(many).contains("more different places or prefixes"));
    }
}
