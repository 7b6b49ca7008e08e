//! The tables, read once, and their look-ups.
use std::collections::HashMap;
use std::fmt;

use super::country::fold;
use super::postal::{self, PostalTable};
use super::read::{self, Countries, PHONES, Places, REGIONS, TableError};
use super::trie::DigitTrie;
use super::{Country, Location, LocationSource, Name};
use crate::compliance::{DataVersion, Zones};
use crate::device::LineType;
use crate::phone::PhoneNumber;

/// An IANA name that the time zone database does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time zone is an IANA name such as America/Chicago")]
pub struct UnknownZone;

/// Calling codes whose mobile numbers have area codes: North America, Mexico, Argentina, Brazil, Indonesia.
const MOBILE_AREA_CODES: [&str; 5] = ["1", "52", "54", "55", "62"];

/// The zone of Great Britain.
const BRITAIN: &str = "Europe/London";
/// The name that CLDR has for a zone of which nothing is known: no database holds it, so who may be there is contacted in the
/// hours of those of whom no zone is known.
const NOWHERE: &str = "Etc/Unknown";

/// The releases of rows that are not those compiled in: kept with the tables, so that a decision names what it used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableReleases {
    /// Leading digits of phones.
    pub phone: Option<DataVersion>,
    /// Postal codes.
    pub postal: Option<DataVersion>,
}

/// Every table of places (about 1 MB, read in a few milliseconds). Made once at start and handed down.
pub struct LocationTables {
    pub(super) places: Places,
    pub(super) phones: DigitTrie,
    pub(super) postal: PostalTable,
    pub(super) regions: HashMap<(Country, String), u16>,
    somewhere: HashMap<Country, Location>,
    pub(super) countries: Countries,
    pub(super) zones: HashMap<String, Location>,
    outlying: bool,
    releases: TableReleases,
}

/// Zones that the tables name and a time zone database does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the time zone database lacks {} of the zones where people may be, such as {}", .0.len(), .0.first().map_or("", |name| &**name))]
pub struct MissingZones(pub Vec<Name>);

impl fmt::Debug for LocationTables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocationTables({} places)", self.places.explicit.len())
    }
}

impl LocationTables {
    /// Reads the tables that are part of the program.
    pub fn embedded() -> Result<Self, TableError> {
        let places = Places::read()?;
        let mut phones = DigitTrie::new();
        PHONES.each(|[prefix, place]| phones.insert(prefix, places.number(place)?))?;
        let mut regions = HashMap::new();
        REGIONS.each(|[country, code, name, place]| {
            let country = Country::from_code(country)?;
            for text in [code, name] {
                regions.insert((country, fold(text)?), places.number(place)?);
            }
            Some(())
        })?;
        let countries = read::countries(&places)?;
        let postal = PostalTable::read(&places)?;
        let zones = zones(&Zones::bundled());
        let somewhere = somewhere(&places, &regions, &countries);
        Ok(Self {
            places,
            phones,
            postal,
            regions,
            somewhere,
            countries,
            zones,
            outlying: false,
            releases: TableReleases::default(),
        })
    }

    /// The same tables with the names of another time zone database, which must hold every zone of theirs.
    pub fn with_zones(mut self, database: &Zones) -> Result<Self, MissingZones> {
        let names = self.places.explicit.iter().flat_map(Location::zones);
        let mut missing: Vec<Name> = names.filter(|name| database.get(name).is_none()).cloned().collect();
        missing.sort_unstable();
        missing.dedup();
        if !missing.is_empty() {
            return Err(MissingZones(missing));
        }
        self.zones = zones(database);
        Ok(self)
    }

    /// Whether a number of which only the country is known may be in an outlying place of a few hundred people too,
    /// such as Lord Howe Island or Chatham. Without it those count for their own exchanges only.
    pub fn with_outlying_zones(mut self, outlying: bool) -> Self {
        self.outlying = outlying;
        self
    }

    /// The same tables, said to be of these releases.
    pub fn with_releases(mut self, releases: TableReleases) -> Self {
        self.releases = releases;
        self
    }

    /// The releases of rows that are not those compiled in.
    pub fn releases(&self) -> &TableReleases {
        &self.releases
    }

    /// Where a phone may be, by its leading digits. A mobile or internet number, and one of unknown type,
    /// may be anywhere in its country unless mobile numbers have area codes there. A number without a place
    /// (freephone, premium, shared cost, personal) in a country whose zones differ is unmappable.
    pub fn of_phone(&self, number: &PhoneNumber, line_type: LineType) -> Location {
        let digits = number.digits();
        let Some((whole, part)) = self.phones.shortest_and_longest(digits) else {
            return Location::unmappable(None);
        };
        let [whole, part] = [whole, part].map(|place| &self.places.by_prefix[usize::from(place)]);
        let Some(country) = part.country() else {
            return part.clone();
        };
        match line_type {
            _ if !self.zones_differ(country) => part.clone(),
            LineType::TollFree | LineType::Premium | LineType::SharedCost | LineType::Other => {
                Location::unmappable(Some(country))
            }
            LineType::Fixed | LineType::FixedOrMobile => part.clone(),
            LineType::Mobile if MOBILE_AREA_CODES.iter().any(|code| digits.starts_with(code)) => part.clone(),
            LineType::Unknown | LineType::Mobile | LineType::Voip
                if !self.outlying && whole.country() == Some(country) =>
            {
                whole.clone()
            }
            LineType::Unknown | LineType::Mobile | LineType::Voip => {
                self.of_country(country).with_source(LocationSource::Prefix)
            }
        }
    }

    /// The one region of a phone, such as `US-TX`; nothing where it may be in several or none is known.
    pub fn region_of_phone(&self, number: &PhoneNumber) -> Option<Name> {
        match self.places.by_prefix[usize::from(self.phones.longest(number.digits())?)].regions() {
            [region] => Some(region.clone()),
            _ => None,
        }
    }

    /// Where a postal code may be. Outside the five countries that have tables, and overseas France, every code is its
    /// country's one zone; a code that is not known is unmappable.
    pub fn of_postal(&self, country: Country, postal: &str) -> Location {
        if country == Country::GB
            && let Some(abroad) = self.british_abroad(postal)
        {
            return abroad;
        }
        if let Some(place) = self.postal.find(country, postal) {
            return self.places.by_postal[usize::from(place)].clone();
        }
        let tabled = matches!(country, Country::US | Country::CA | Country::GB | Country::AU | Country::NZ);
        match self.countries.get(&country) {
            Some((place, false)) if !tabled && !postal.trim().is_empty() => {
                self.places.by_postal[usize::from(*place)].clone()
            }
            _ => Location::unmappable(Some(country)),
        }
    }

    /// Where a British code without a place in Britain lies: the forces' anywhere, those of overseas territories there.
    fn british_abroad(&self, postal: &str) -> Option<Location> {
        let in_country = |code: &str| {
            let country = Country::from_code(code)?;
            Some(self.of_country(country).with_source(LocationSource::Postal))
        };
        match postal::british_abroad(postal)? {
            postal::Abroad::Territory(code) => in_country(code),
            postal::Abroad::Forces => {
                let zones = [BRITAIN, NOWHERE].map(Name::from).to_vec();
                Some(Location::new(LocationSource::Postal, Some(Country::GB), Vec::new(), zones))
            }
        }
    }

    /// The location of an IANA zone name of the database, in any case.
    pub fn of_zone(&self, name: &str) -> Result<Location, UnknownZone> {
        let name = name.trim();
        if name.len() > 64 {
            return Err(UnknownZone);
        }
        self.zones.get(&name.to_ascii_lowercase()).cloned().ok_or(UnknownZone)
    }

    /// Where a region may be, by its code (`TX`, `US-TX`) or English name. Of a country without a table
    /// the country's one zone is answered; what is not known is unmappable.
    pub fn of_region(&self, country: Country, state: &str) -> Location {
        if let Some(place) = self.region_place(country, state) {
            return self.places.explicit[usize::from(place)].clone();
        }
        match self.countries.get(&country) {
            Some((place, false)) => self.places.explicit[usize::from(*place)].clone(),
            _ => Location::unmappable(Some(country)),
        }
    }

    /// Somewhere in a country, in whatever region, where a region that is not known was told: under the law of each of its
    /// regions, and in its zone, if it has one alone.
    pub fn somewhere_in(&self, country: Country) -> Location {
        self.somewhere.get(&country).cloned().unwrap_or_else(|| Location::unmappable(Some(country)))
    }

    /// The ISO 3166-2 code of a region that is written as `TX`, `US-TX` or `Texas`.
    pub fn region_code(&self, country: Country, state: &str) -> Option<Name> {
        let place = self.region_place(country, state)?;
        self.places.explicit[usize::from(place)].regions().first().cloned()
    }

    /// Whether the regions of a country are known.
    pub fn lists_regions(&self, country: Country) -> bool {
        self.somewhere.contains_key(&country)
    }

    /// The countries of which somebody may mean a region by this code or name, of those whose regions are known.
    pub fn countries_of_region(&self, state: &str) -> Vec<Country> {
        let has = |country: &Country| self.region_place(*country, state).is_some();
        let mut countries: Vec<Country> = self.somewhere.keys().copied().filter(has).collect();
        countries.sort_unstable();
        countries
    }

    /// All zones of a country.
    pub fn of_country(&self, country: Country) -> Location {
        match self.countries.get(&country) {
            Some((place, _)) => self.places.explicit[usize::from(*place)].clone(),
            None => Location::unmappable(Some(country)),
        }
    }

    fn region_place(&self, country: Country, state: &str) -> Option<u16> {
        let state = state.trim();
        let own = match state.split_once('-') {
            Some((prefix, own)) if prefix.eq_ignore_ascii_case(country.as_str()) => own,
            _ => state,
        };
        let folded = fold(own)?;
        self.regions.get(&(country, folded)).copied()
    }

    fn zones_differ(&self, country: Country) -> bool {
        self.countries.get(&country).is_none_or(|(_, many)| *many)
    }
}

/// For each country with regions, all of them, and its zone where it has no other.
fn somewhere(
    places: &Places,
    regions: &HashMap<(Country, String), u16>,
    countries: &Countries,
) -> HashMap<Country, Location> {
    let mut all: HashMap<Country, Vec<Name>> = HashMap::new();
    for ((country, _), place) in regions {
        all.entry(*country).or_default().extend(places.explicit[usize::from(*place)].regions().iter().cloned());
    }
    let zones = |country: &Country| match countries.get(country) {
        Some((place, false)) => places.explicit[usize::from(*place)].zones().to_vec(),
        _ => Vec::new(),
    };
    let location = |(country, regions)| {
        // one without a zone is unmappable, whatever it was learnt from
        (country, Location::new(LocationSource::Explicit, Some(country), regions, zones(&country)))
    };
    all.into_iter().map(location).collect()
}

/// Every zone of the database, by its name in lower case. The system's database is never asked: it may be years old,
/// and a stale rule moves a lawful window by an hour.
fn zones(database: &Zones) -> HashMap<String, Location> {
    let location = |name: &str| Location::new(LocationSource::Explicit, None, Vec::new(), vec![Name::from(name)]);
    database.names().iter().map(|name| (name.to_ascii_lowercase(), location(name))).collect()
}
