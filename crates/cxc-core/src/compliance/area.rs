//! Where a rule holds: everywhere, in a country or in a region.
use std::fmt;

use super::edition::Edition;
use super::law::region_of_territory;
use crate::field_error::FieldError;
use crate::location::Country;

/// Rows of country, region and name, of the countries whose regions are told apart.
const REGIONS: &str = include_str!("../../data/location/region.tsv");

/// Countries to which the post of another gives codes: a rule about a code may name either.
const POSTS: [(&str, &[&str]); 2] =
    [("FR", &["BL", "GF", "GP", "MF", "MQ", "NC", "PF", "PM", "RE", "TF", "WF", "YT"]), ("GB", &["GG", "IM", "JE"])];

/// Whose post serves a country.
pub(super) fn post_of(country: &str) -> String {
    let country = country.to_ascii_uppercase();
    let served = POSTS.iter().find(|(_, served)| served.contains(&country.as_str()));
    served.map_or(country, |(post, _)| (*post).to_owned())
}

/// Where a rule holds. A region is written as ISO 3166-2 does, `US-FL`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Area {
    /// Everywhere.
    Any,
    /// In a country, by its two letters.
    Country(Box<str>),
    /// In a region, `US-FL`.
    Region(Box<str>),
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Area::Any => f.write_str("anywhere"),
            Area::Country(name) | Area::Region(name) => f.write_str(name),
        }
    }
}

impl Area {
    /// The area of a rule's country and region members. `US` with `FL` and `US-FL` alone mean the same.
    pub(super) fn of(country: Option<&str>, region: Option<&str>) -> Self {
        match (country, region) {
            (_, Some(region)) if region.contains('-') => Area::Region(upper(region)),
            (Some(country), Some(region)) => Area::Region(upper(&format!("{country}-{region}"))),
            (Some(country), None) => Area::Country(upper(country)),
            (None, _) => Area::Any,
        }
    }

    /// The area of a text: `US` or `US-FL`.
    pub(super) fn of_text(text: &str) -> Self {
        if text.contains('-') { Area::of(None, Some(text)) } else { Area::of(Some(text), None) }
    }

    /// The area as a rule means it: the code of a territory of the United States is a region of them, since numbers and
    /// addresses there are judged as such.
    pub(super) fn meant(self, edition: Edition) -> Self {
        let region = match &self {
            Area::Country(code) if edition.is_third() => region_of_territory(code),
            _ => None,
        };
        region.map_or(self, |region| Area::Region(region.into()))
    }

    /// Whether a place that is written as text, `US-FL`, is in this area.
    pub(super) fn holds_text(&self, place: &str) -> bool {
        match self {
            Area::Any => true,
            Area::Country(own) => country_of(place).eq_ignore_ascii_case(own),
            Area::Region(own) => place.eq_ignore_ascii_case(own),
        }
    }

    /// The country, where it has one.
    pub(super) fn country(&self) -> Option<&str> {
        match self {
            Area::Any => None,
            Area::Country(own) => Some(own),
            Area::Region(own) => Some(country_of(own)),
        }
    }

    /// Whether a contact that may be in `candidate` is in this area.
    pub(super) fn holds(&self, candidate: &Area) -> bool {
        match (self, candidate) {
            (Area::Any, _) => true,
            (Area::Country(own), Area::Country(other)) => own == other,
            (Area::Country(own), Area::Region(other)) => country_of(other) == &**own,
            (Area::Region(own), Area::Region(other)) => own == other,
            _ => false,
        }
    }
}

impl Area {
    /// Whether somebody who may be in any of these candidates may be in this area. Where only a region's country is
    /// known, the region may be any of it.
    pub(super) fn may_hold(&self, candidates: &[Area]) -> bool {
        let is_untold = || {
            let mut of_country = candidates.iter().filter(|c| c.country() == self.country()).peekable();
            of_country.peek().is_some() && of_country.all(|c| matches!(c, Area::Country(_)))
        };
        candidates.iter().any(|c| self.holds(c)) || (matches!(self, Area::Region(_)) && is_untold())
    }
}

fn upper(text: &str) -> Box<str> {
    text.to_ascii_uppercase().into_boxed_str()
}

fn country_of(region: &str) -> &str {
    region.split_once('-').map_or(region, |(country, _)| country)
}

/// The codes of a country's regions, without repetition; none for a country whose regions are not told apart.
fn regions_of(country: &str) -> Vec<&'static str> {
    let row = |line: &'static str| {
        let mut columns = line.split('\t');
        (columns.next() == Some(country)).then(|| columns.next()).flatten()
    };
    let mut regions: Vec<_> = REGIONS.lines().filter_map(row).collect();
    regions.dedup();
    regions
}

/// Whether a region is one of its country, as far as the country's regions are known.
fn may_be_region(country: &str, region: &str) -> bool {
    let known = regions_of(country);
    known.is_empty() || known.iter().any(|own| own.eq_ignore_ascii_case(region))
}

/// What is wrong with a rule's country and region members.
pub(super) fn validate_area(country: Option<&str>, region: Option<&str>, errors: &mut Vec<FieldError>) {
    let letters = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase());
    let subdivision = |text: &str| (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
    if country.is_some_and(|c| !letters(c)) {
        errors.push(FieldError::new("/country", "country", "a country is two capital letters, as in US"));
    } else if let Some(country) = country.filter(|c| Country::from_code(c).is_none()) {
        let detail = format!("{country} is the code of no country: name one of ISO 3166-1, as in US or GB");
        errors.push(FieldError::new("/country", "country", detail));
    }
    let Some(region) = region else { return };
    let (prefix, own) = region.split_once('-').map_or((None, region), |(prefix, own)| (Some(prefix), own));
    if !subdivision(own) || prefix.is_some_and(|p| !letters(p)) {
        errors.push(FieldError::new(
            "/region",
            "region",
            "a region is the code of a state or province, as in FL or US-FL",
        ));
    } else if prefix.is_none() && country.is_none() {
        errors.push(FieldError::new("/country", "required", "a region needs its country"));
    } else if prefix.is_some() && country.is_some() && prefix != country {
        errors.push(FieldError::new("/region", "region", "a region lies in its country"));
    } else if prefix.is_some_and(|p| country.is_none() && Country::from_code(p).is_none()) {
        let detail = format!("{region} is in no country: it begins with a code of ISO 3166-1, as in US-FL");
        errors.push(FieldError::new("/region", "region", detail));
    } else if let Some(of) = prefix.or(country).filter(|of| !may_be_region(of, own)) {
        let detail = format!("{of} has no region {own}: its regions are {}", regions_of(of).join(", "));
        errors.push(FieldError::new("/region", "region", detail));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(country: Option<&str>, region: Option<&str>) -> Vec<&'static str> {
        let mut errors = Vec::new();
        validate_area(country, region, &mut errors);
        errors.iter().map(|e| e.code).collect()
    }

    #[test]
    fn a_region_may_be_written_with_or_without_its_country() {
        assert_eq!(Area::of(Some("US"), Some("FL")), Area::of(None, Some("US-FL")));
        assert_eq!(Area::of(Some("US"), Some("FL")), Area::of(Some("US"), Some("US-fl")));
    }

    #[test]
    fn a_country_holds_its_regions_and_a_region_does_not_hold_its_country() {
        let florida = Area::of(Some("US"), Some("FL"));
        let states = Area::of(Some("US"), None);
        assert!(states.holds(&florida) && Area::Any.holds(&florida) && florida.holds(&florida));
        assert!(!florida.holds(&states) && !states.holds(&Area::Any));
        assert!(!Area::of(Some("CA"), None).holds(&florida));
    }

    #[test]
    fn where_only_a_country_is_known_the_region_may_be_any_of_it() {
        let [florida, texas, ontario] = ["US-FL", "US-TX", "CA-ON"].map(Area::of_text);
        let [states, canada] = ["US", "CA"].map(Area::of_text);
        let alone = [states.clone()];
        assert!(florida.may_hold(&alone) && florida.may_hold(&[canada.clone(), states.clone()]));
        assert!(!florida.may_hold(&[states.clone(), texas]) && !ontario.may_hold(&alone));
        assert!(!florida.may_hold(&[Area::Any]) && !florida.may_hold(&[]));
        assert!(Area::Any.may_hold(&alone) && states.may_hold(&[florida]) && !states.may_hold(&[canada]));
    }

    #[test]
    fn an_area_that_is_none_is_refused() {
        assert!(errors(Some("US"), Some("FL")).is_empty() && errors(None, Some("US-FL")).is_empty());
        assert_eq!(errors(None, Some("FL")), ["required"]);
        assert_eq!(errors(Some("usa"), None), ["country"]);
        assert_eq!(errors(Some("US"), Some("CA-ON")), ["region"]);
        assert_eq!(errors(Some("US"), Some("Flor ida")), ["region"]);
        // what would match nobody
        assert_eq!(errors(Some("ZZ"), None), ["country"]);
        assert_eq!(errors(None, Some("ZZ-FL")), ["region"]);
        for (country, region) in [("US", "ZZ"), ("CA", "FL"), ("GB", "LND"), ("AU", "ON"), ("NZ", "XX")] {
            assert_eq!(errors(Some(country), Some(region)), ["region"], "{country}");
            assert_eq!(errors(None, Some(&format!("{country}-{region}"))), ["region"], "{country}");
        }
        assert!(errors(Some("US"), Some("fl")).is_empty() && errors(Some("GB"), Some("SCT")).is_empty());
        assert!(errors(Some("DE"), Some("BY")).is_empty(), "its regions are not told apart");
    }
}
