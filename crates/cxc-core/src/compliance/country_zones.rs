//! The zones of whole countries, from the location tables.
use super::place::names;

/// Rows of country, whether its zones differ, and the number of its place.
const COUNTRIES: &str = include_str!("../../data/location/country.tsv");

/// Rows of country, regions, zones; a place's number is its line's.
const PLACES: &str = include_str!("../../data/location/places.tsv");

/// The zones of the 48 contiguous states.
const CONTIGUOUS_STATES: &str = "America/New_York America/Chicago America/Denver America/Phoenix America/Los_Angeles";

/// The zones in which a number of a country may ring when nothing else is known. In the United States those of the
/// 48 states; research stations in Antarctica belong to no other country. Empty for a country without a place.
pub(super) fn country_zones(country: &str) -> impl Iterator<Item = &'static str> {
    let zones = if country.eq_ignore_ascii_case("US") { CONTIGUOUS_STATES } else { place_of(country).unwrap_or("") };
    let polar = country.eq_ignore_ascii_case("AQ");
    names(zones).filter(move |zone| polar || !zone.starts_with("Antarctica/"))
}

/// Whether the clocks of a country differ, so that a number that tells of no place has no zone. Also where nothing is known
/// of a country.
pub(super) fn clocks_differ(country: &str) -> bool {
    let row = COUNTRIES.lines().find(|row| row.get(..2).is_some_and(|code| code.eq_ignore_ascii_case(country)));
    row.is_none_or(|row| row.split('\t').nth(1) != Some("one"))
}

fn place_of(country: &str) -> Option<&'static str> {
    let row = COUNTRIES.lines().find(|row| row.get(..2).is_some_and(|code| code.eq_ignore_ascii_case(country)))?;
    let number: usize = row.rsplit('\t').next()?.parse().ok()?;
    PLACES.lines().filter(|row| !row.starts_with('#')).nth(number)?.rsplit('\t').next()
}

#[cfg(test)]
mod tests {
    use super::super::zones::Zones;
    use super::*;

    #[test]
    fn a_country_has_its_zones_and_all_of_them_are_known() {
        let zones = |country: &str| country_zones(country).collect::<Vec<_>>();
        assert_eq!(zones("gb"), ["Europe/London"]);
        assert_eq!(zones("US").len(), 5);
        assert!(zones("AU").contains(&"Australia/Perth") && !zones("AU").contains(&"Antarctica/Macquarie"));
        assert!(zones("XX").is_empty());
        assert_eq!(["GB", "US", "AU", "XX"].map(clocks_differ), [false, true, true, true]);
        let database = Zones::bundled();
        for row in COUNTRIES.lines().filter(|row| !row.starts_with('#')) {
            let found = zones(&row[..2]);
            assert!(found.iter().all(|zone| database.get(zone).is_some()), "{row}");
        }
    }
}
