//! Of which country a state is that somebody writes: its law must not be lost by a spelling, or because the phone is of
//! another country.
use crate::compliance::whole_country;
use crate::contact::Told;
use crate::location::{Country, LocationTables};

/// Why a state can't be read; the text says what is right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateProblem {
    /// The country whose states these should be does not have it.
    #[error("{0} has no such state: it is known by its code or name, such as FL or Florida; or leave it out")]
    NotOf(Country),
    /// No country whose states are known has it.
    #[error("a state is known by its code or name, such as US-FL or Florida, and by its country; or leave it out")]
    Unknown,
    /// Several countries have, or may have, one.
    #[error("several countries may have such a state: tell the country, too, or write it as US-WA")]
    OfSeveral,
}

impl Told<'_> {
    /// The country by which postal code and state are read: that of the state, where one is told. A country that is told
    /// decides. Else a state is of the country that it names itself (`US-FL`), of the phone's where that knows it, or of
    /// the only one that has it; of several, that of the time zone.
    pub fn country_of_state(&self, tables: &LocationTables) -> Result<Option<Country>, StateProblem> {
        let state = self.state.trim();
        if state.is_empty() {
            return Ok(self.home);
        }
        let has = |country: &Country| tables.region_code(*country, state).is_some();
        let named = named(tables, state);
        if let Some(told) = self.country {
            let told = whole(told);
            let is_of_another = named.is_some_and(|named| named != told) || !self.may_be_part_of(tables, told);
            return if has(&told) || !is_of_another { Ok(Some(told)) } else { Err(StateProblem::NotOf(told)) };
        }
        if let Some(named) = named {
            return if has(&named) { Ok(Some(named)) } else { Err(StateProblem::NotOf(named)) };
        }
        let home = self.home.map(whole);
        if let Some(home) = home.filter(has) {
            return Ok(Some(home));
        }
        let mut may_be = tables.countries_of_region(state);
        let is_known = !may_be.is_empty();
        // one whose states are not known may have any
        may_be.extend(home.filter(|home| !tables.lists_regions(*home)));
        if may_be.len() > 1 {
            may_be.retain(|country| self.is_zone_of(tables, *country));
        }
        match may_be[..] {
            [one] => Ok(Some(one)),
            [] if !is_known => Err(StateProblem::Unknown),
            _ => Err(StateProblem::OfSeveral),
        }
    }

    /// Whether a name that is no region of a country may be a place in it all the same: where its regions are not known, and
    /// where addresses tell counties or districts, which are parts of its regions. One that another country has is its.
    fn may_be_part_of(&self, tables: &LocationTables, country: Country) -> bool {
        let state = self.state.trim();
        // the codes of British counties are as long as those of regions elsewhere
        let is_elsewhere = || state.len() != 3 && !tables.countries_of_region(state).is_empty();
        !tables.lists_regions(country) || tells_counties(country) && !is_elsewhere()
    }

    fn is_zone_of(&self, tables: &LocationTables, country: Country) -> bool {
        let of_country = tables.of_country(country);
        self.zone.as_ref().is_some_and(|zone| zone.zones().iter().any(|zone| of_country.zones().contains(zone)))
    }
}

/// Whether people give a county or a district where others give the state: addresses there tell none, and no law of the
/// country is that of a county.
fn tells_counties(country: Country) -> bool {
    [Country::GB, Country::NZ].contains(&country)
}

/// The country whose states are known and that a state names itself, as `US-FL` does.
fn named(tables: &LocationTables, state: &str) -> Option<Country> {
    let (prefix, _) = state.split_once('-')?;
    Country::from_code(&prefix.to_ascii_uppercase()).filter(|country| tables.lists_regions(*country))
}

/// The United States for their territories, which are states as far as the law goes.
fn whole(country: Country) -> Country {
    if whole_country(country.as_str()) == Country::US.as_str() { Country::US } else { country }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(country: &str, home: &str, zone: &str, state: &str) -> Result<String, StateProblem> {
        let tables = LocationTables::embedded().unwrap();
        let country = Country::from_code(country);
        let zone = (!zone.is_empty()).then(|| tables.of_zone(zone).unwrap());
        let told = Told { zone, country, home: country.or(Country::from_code(home)), postal: "", state };
        told.country_of_state(&tables).map(|found| found.map_or(String::new(), |country| country.to_string()))
    }

    #[test]
    fn a_state_says_its_country_where_only_one_has_it() {
        for state in ["US-FL", "us-fl", "FL", "Florida", " florida "] {
            assert_eq!(read("", "GB", "", state), Ok("US".into()), "{state}");
            assert_eq!(read("", "", "", state), Ok("US".into()), "{state}");
        }
        assert_eq!(read("", "GB", "", "Ontario"), Ok("CA".into()));
        assert_eq!(read("", "GB", "", "Scotland"), Ok("GB".into()));
        // the phone's country comes before others that have one of the name
        assert_eq!(read("", "AU", "", "WA"), Ok("AU".into()));
        assert_eq!(read("", "US", "", "WA"), Ok("US".into()));
        assert_eq!((read("", "DE", "", ""), read("", "DE", "", "Bayern")), (Ok("DE".into()), Ok("DE".into())));
    }

    #[test]
    fn a_time_zone_tells_one_of_several_and_without_it_nobody_guesses() {
        assert_eq!(read("", "GB", "", "WA"), Err(StateProblem::OfSeveral));
        assert_eq!(read("", "GB", "America/Los_Angeles", "WA"), Ok("US".into()));
        assert_eq!(read("", "GB", "Australia/Perth", "WA"), Ok("AU".into()));
        assert_eq!(read("", "GB", "Europe/London", "WA"), Err(StateProblem::OfSeveral));
        // Michigan, or Milan
        assert_eq!(read("", "IT", "", "MI"), Err(StateProblem::OfSeveral));
        assert_eq!(read("", "IT", "Europe/Rome", "MI"), Ok("IT".into()));
        assert_eq!(read("IT", "", "", "MI"), Ok("IT".into()));
    }

    #[test]
    fn a_state_that_its_country_does_not_have_is_refused() {
        let gb = Country::GB;
        for state in ["Florida", "FL", "US-FL", "Ontario"] {
            assert_eq!(read("GB", "", "", state), Err(StateProblem::NotOf(gb)), "{state}");
        }
        assert_eq!(read("US", "", "", "Flordia"), Err(StateProblem::NotOf(Country::US)));
        for home in ["GB", "US", ""] {
            assert_eq!(read("", home, "America/New_York", "Flordia"), Err(StateProblem::Unknown), "{home}");
        }
        assert_eq!(read("", "GB", "", "US-XX"), Err(StateProblem::NotOf(Country::US)));
        assert!(read("DE", "", "", "US-FL").is_err() && read("DE", "", "", "Bayern").is_ok());
    }

    #[test]
    fn a_county_or_a_district_is_somewhere_in_its_country() {
        for county in ["Kent", "Greater London", "GB-KEN", "KEN", "NTL", "scotland"] {
            assert_eq!(read("GB", "", "", county), Ok("GB".into()), "{county}");
        }
        assert_eq!(read("NZ", "", "", "Queenstown-Lakes"), Ok("NZ".into()));
        // states are told there, and one that is not known is a mistake
        for country in ["US", "CA", "AU"] {
            assert!(read(country, "", "", "Kent").is_err(), "{country}");
        }
    }

    #[test]
    fn a_territory_is_a_state_of_its_country() {
        for (country, home, state) in [("PR", "", "PR"), ("", "PR", "Puerto Rico"), ("", "PR", "FL"), ("US", "", "PR")]
        {
            assert_eq!(read(country, home, "", state), Ok("US".into()), "{country} {home} {state}");
        }
    }
}
