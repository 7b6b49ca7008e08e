//! Where somebody may be: the answer of every look-up.
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Country;

/// A zone's or region's name, shared.
pub type Name = Arc<str>;

/// What a location was learnt from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(i16)]
pub enum LocationSource {
    /// A zone or region that was given in so many words.
    Explicit = 1,
    /// A postal code with its country.
    Postal = 2,
    /// The leading digits of a phone number.
    Prefix = 3,
    /// A tenant's own map of zones.
    Custom = 4,
    /// Something was given and nothing is known of where it is. There may be zones all the same: a zone that was given
    /// beside a postal code of which nothing is known.
    Unmappable = 5,
    /// A country that was given, and nothing else: its law holds, and in which of its zones somebody is, others tell.
    Country = 6,
}

impl LocationSource {
    const ALL: [Self; 6] = [Self::Explicit, Self::Postal, Self::Prefix, Self::Custom, Self::Unmappable, Self::Country];

    /// The stored number.
    pub fn code(self) -> i16 {
        self as i16
    }

    /// The source of a stored number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.code() == code)
    }

    fn letter(self) -> char {
        match self {
            Self::Explicit => 'e',
            Self::Postal => 'p',
            Self::Prefix => 'x',
            Self::Custom => 'c',
            Self::Unmappable => 'u',
            Self::Country => 'n',
        }
    }

    fn from_letter(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| text.len() == 1 && text.starts_with(source.letter()))
    }
}

/// Every region and zone that somebody may be in. A handle: cloning costs a counter, and two
/// are compared by their text.
#[derive(Clone)]
pub struct Location(Arc<Inner>);

struct Inner {
    country: Option<Country>,
    regions: Vec<Name>,
    zones: Vec<Name>,
    source: LocationSource,
    key: String,
}

/// A text that is no key of a location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a location key is source|country|regions|zones, such as x|US|US-TX|America/Chicago")]
pub struct BadLocationKey;

/// The longest key that is read.
const MAX_KEY: usize = 4096;

impl Location {
    /// A location of these parts, which are sorted and freed of repetition. Without a zone it is unmappable, unless no more
    /// than a country was given.
    pub fn new(source: LocationSource, country: Option<Country>, mut regions: Vec<Name>, mut zones: Vec<Name>) -> Self {
        regions.sort_unstable();
        regions.dedup();
        zones.sort_unstable();
        zones.dedup();
        let source = match source {
            LocationSource::Country => source,
            _ if zones.is_empty() => LocationSource::Unmappable,
            _ => source,
        };
        let key = format!(
            "{}|{}|{}|{}",
            source.letter(),
            country.as_ref().map_or("", Country::as_str),
            regions.join(","),
            zones.join(",")
        );
        Self(Arc::new(Inner { country, regions, zones, source, key }))
    }

    /// Somewhere in a country that was given.
    pub fn in_country(country: Country) -> Self {
        Self::new(LocationSource::Country, Some(country), Vec::new(), Vec::new())
    }

    /// A location of which at most the country is known.
    pub fn unmappable(country: Option<Country>) -> Self {
        Self::new(LocationSource::Unmappable, country, Vec::new(), Vec::new())
    }

    /// The country, where it is known.
    pub fn country(&self) -> Option<Country> {
        self.0.country
    }

    /// ISO 3166-2 codes of every region it may be, such as `US-TX`, sorted. Empty where only the country is known.
    pub fn regions(&self) -> &[Name] {
        &self.0.regions
    }

    /// IANA names of every zone that is known, sorted. Empty only if it is unmappable.
    pub fn zones(&self) -> &[Name] {
        &self.0.zones
    }

    /// What it was learnt from.
    pub fn source(&self) -> LocationSource {
        self.0.source
    }

    /// Whether no zone is known.
    pub fn is_unmappable(&self) -> bool {
        self.0.zones.is_empty()
    }

    /// The canonical text, such as `x|US|US-TX|America/Chicago`: equal texts are equal locations.
    pub fn key(&self) -> &str {
        &self.0.key
    }

    /// The location of a canonical text; names are taken as they stand.
    pub fn parse_key(key: &str) -> Result<Self, BadLocationKey> {
        if key.len() > MAX_KEY {
            return Err(BadLocationKey);
        }
        let parts: Vec<&str> = key.split('|').collect();
        let [source, country, regions, zones] = parts[..] else {
            return Err(BadLocationKey);
        };
        let source = LocationSource::from_letter(source).ok_or(BadLocationKey)?;
        let country = match country {
            "" => None,
            code => Some(Country::from_code(code).ok_or(BadLocationKey)?),
        };
        let read = Self::new(source, country, names(regions), names(zones));
        if read.key() == key { Ok(read) } else { Err(BadLocationKey) }
    }

    /// The same places, learnt from another source.
    pub fn with_source(&self, source: LocationSource) -> Self {
        Self::new(source, self.0.country, self.0.regions.clone(), self.0.zones.clone())
    }
}

fn names(list: &str) -> Vec<Name> {
    list.split(',').filter(|name| !name.is_empty()).map(Name::from).collect()
}

impl PartialEq for Location {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.key == other.0.key
    }
}

impl Eq for Location {}

impl Hash for Location {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.key.hash(state);
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({})", self.0.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_canonical_and_reads_back() {
        let zones = vec!["America/Denver".into(), "America/Chicago".into(), "America/Denver".into()];
        let location = Location::new(LocationSource::Prefix, Some(Country::US), vec!["US-SD".into()], zones);
        assert_eq!(location.key(), "x|US|US-SD|America/Chicago,America/Denver");
        let read = Location::parse_key(location.key()).unwrap();
        assert_eq!(read, location);
        assert_eq!(read.zones(), location.zones());
        assert_eq!(Location::parse_key(Location::unmappable(None).key()).unwrap(), Location::unmappable(None));
        let beside = Location::parse_key("u|US||America/Denver").unwrap();
        assert_eq!((beside.source(), beside.is_unmappable()), (LocationSource::Unmappable, false));
    }

    #[test]
    fn a_location_without_zones_is_unmappable_whatever_its_source() {
        let location = Location::new(LocationSource::Postal, Some(Country::CA), vec![], vec![]);
        assert_eq!((location.source(), location.key()), (LocationSource::Unmappable, "u|CA||"));
    }

    #[test]
    fn a_text_that_is_no_key_is_refused() {
        for text in ["", "x", "x|US|", "y|US||UTC", "x|QQ||UTC", "x|US||UTC|", "x|US||b,a", "x|US||", "ee|||UTC"] {
            assert_eq!(Location::parse_key(text), Err(BadLocationKey), "{text}");
        }
    }

    #[test]
    fn sources_keep_their_stored_numbers() {
        assert_eq!(LocationSource::ALL.map(LocationSource::code), [1, 2, 3, 4, 5, 6]);
        assert_eq!(LocationSource::from_code(3), Some(LocationSource::Prefix));
        assert_eq!(LocationSource::from_code(0), None);
    }
}
