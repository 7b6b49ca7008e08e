//! What a person writes of a contact, as it is kept: devices normalised, places found. Imports and single edits
//! do it alike.
use std::collections::HashMap;

use crate::device::{DeviceKind, LineType};
use crate::email::EmailAddress;
use crate::location::{Country, Location, LocationSource, LocationTables};
use crate::phone::PhoneParser;

/// The most combinations of places that are remembered.
const MOST_COMBINED: usize = 20_000;

/// A device as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedDevice {
    /// Phone or email.
    pub kind: DeviceKind,
    /// E.164, or the email address in its own case.
    pub address: String,
    /// What is known of the line.
    pub line_type: LineType,
    /// Extension to be dialled after the number.
    pub extension: Option<String>,
    /// The country of a phone.
    pub country: Option<Country>,
    /// The area code of a phone that has one.
    pub area_code: Option<String>,
    /// Where a phone may be; nothing for email.
    pub place: Option<Location>,
}

impl CheckedDevice {
    /// Reads a device. `kind` is what it is said to be; an `@` makes it an email address whatever is said.
    /// Numbers without a country code are those of `country`. The error says what would be right.
    pub fn read(
        phones: &PhoneParser,
        tables: &LocationTables,
        text: &str,
        kind: Option<DeviceKind>,
        country: Option<Country>,
    ) -> Result<Self, String> {
        let no_number = kind == Some(DeviceKind::Email) && !text.bytes().any(|b| b.is_ascii_digit());
        if text.contains('@') || no_number {
            let address = EmailAddress::parse(text).map_err(|e| e.to_string())?;
            return Ok(Self {
                kind: DeviceKind::Email,
                address: address.as_str().to_owned(),
                line_type: LineType::Unknown,
                extension: None,
                country: None,
                area_code: None,
                place: None,
            });
        }
        let phone = phones.parse(text, country).map_err(|e| e.to_string())?;
        Ok(Self {
            kind: DeviceKind::Phone,
            address: phone.number.as_str().to_owned(),
            line_type: phone.line_type,
            extension: phone.extension.as_deref().map(str::to_owned),
            country: Some(phone.country),
            area_code: phone.area_code().map(str::to_owned),
            place: Some(tables.of_phone(&phone.number, phone.line_type)),
        })
    }
}

/// An address as it is compared and hashed: email addresses in lower case.
pub fn address_text(address: &str) -> std::borrow::Cow<'_, str> {
    if address.bytes().any(|b| b.is_ascii_uppercase()) { address.to_ascii_lowercase().into() } else { address.into() }
}

/// The text that tells a contact from others of its list: its client id, else its first device.
pub fn key_text<'a>(client_id: Option<&'a str>, first_address: Option<&'a str>) -> std::borrow::Cow<'a, str> {
    match (client_id, first_address) {
        (Some(id), _) => id.into(),
        (None, Some(address)) => address_text(address),
        (None, None) => "".into(),
    }
}

/// A state's short code, such as `TX` for `Texas` or `US-TX`; nothing where the country does not know it.
pub fn state_code(tables: &LocationTables, country: Option<Country>, state: &str) -> Option<String> {
    let code = tables.region_code(country?, state)?;
    code.get(3..).map(str::to_owned)
}

/// What is said of where a contact is. Empty texts say nothing. See also [`Told::country_of_state`].
pub struct Told<'a> {
    /// The explicit zone.
    pub zone: Option<Location>,
    /// The country that is given.
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
    combined: HashMap<([Option<Location>; 3], Option<Country>), Location>,
    countries: HashMap<Country, Location>,
}

impl ContactPlaces {
    /// Where a contact may be: its explicit zone together with that of its postal code, else that of its
    /// postal code, else those of its state, else that of its country if it has one zone; in its country in any case. A postal code
    /// that is not known makes it unmappable, with the zone that is given; a state that is not known, such
    /// as a British county, may be any of its country, unless a postal code says where it is. What is absent says nothing.
    pub fn find(&mut self, tables: &LocationTables, told: Told<'_>) -> Option<Location> {
        let home = told.country_of_state(tables).unwrap_or(told.home);
        let postal = home.filter(|_| !told.postal.is_empty()).map(|c| tables.of_postal(c, told.postal));
        let is_placed = postal.as_ref().is_some_and(|p| !p.is_unmappable());
        let of_state = home.filter(|_| !told.state.is_empty());
        let state = of_state.and_then(|c| match tables.region_code(c, told.state) {
            None if tables.lists_regions(c) => (!is_placed).then(|| tables.somewhere_in(c)),
            _ => Some(tables.of_region(c, told.state)).filter(|found| !found.is_unmappable()),
        });
        match (&told.zone, &postal, &state) {
            (None, None, None) => told.country.map(|country| self.anywhere(tables, country)),
            (Some(one), None, None) if told.country.is_none() => Some(one.clone()),
            (None, Some(one), None) | (None, None, Some(one)) => Some(one.clone()),
            _ => Some(self.combine(([told.zone, postal, state], told.country))),
        }
    }

    fn anywhere(&mut self, tables: &LocationTables, country: Country) -> Location {
        let find = || {
            let found = tables.of_country(country);
            if found.zones().len() == 1 { found } else { Location::in_country(country) }
        };
        self.countries.entry(country).or_insert_with(find).clone()
    }

    fn combine(&mut self, parts: ([Option<Location>; 3], Option<Country>)) -> Location {
        if let Some(known) = self.combined.get(&parts) {
            return known.clone();
        }
        if self.combined.len() >= MOST_COMBINED {
            self.combined.clear();
        }
        let ([zone, postal, state], told) = &parts;
        let mut zones = Vec::new();
        for part in [zone, postal].into_iter().flatten() {
            zones.extend_from_slice(part.zones());
        }
        // the zones of a whole state say less than a zone or a postal code
        if zone.is_none() && postal.is_none() {
            zones.extend_from_slice(state.as_ref().map_or(&[], |s| s.zones()));
        }
        let regions = [postal, state].into_iter().flatten().flat_map(|p| p.regions().iter().cloned()).collect();
        let source = match (zone, postal) {
            // the code may lie where the zone is not: the rule for such codes restricts
            (_, Some(postal)) if postal.is_unmappable() => LocationSource::Unmappable,
            _ if state.as_ref().is_some_and(Location::is_unmappable) => LocationSource::Unmappable,
            (Some(_), _) => LocationSource::Explicit,
            (None, _) => LocationSource::Postal,
        };
        let country = [postal, state, zone].into_iter().flatten().find_map(Location::country).or(*told);
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
        assert_eq!(find("America/Denver", "US", "", ""), Some("e|US||America/Denver".into()));
        assert_eq!(find("America/Denver", "", "", ""), Some("e|||America/Denver".into()));
        let both = find("America/New_York", "US", "75201", "TX").unwrap();
        assert_eq!(both, "e|US|US-TX|America/Chicago,America/New_York");
        assert!(find("", "US", "", "TX").unwrap().contains("America/Chicago"));
    }

    #[test]
    fn what_is_absent_says_nothing_and_what_is_unknown_restricts() {
        assert_eq!(find("", "", "", ""), None);
        assert_eq!(find("", "US", "", ""), Some("n|US||".into()));
        assert_eq!(find("", "JP", "", ""), Some("e|JP||Asia/Tokyo".into()));
        assert!(find("", "US", "no code", "").unwrap().starts_with("u|US"));
        assert_eq!(find("Europe/Paris", "US", "no code", "TX"), Some("u|US|US-TX|Europe/Paris".into()));
        // whatever state is meant, its law holds
        let unknown = find("", "US", "", "Fla.").unwrap();
        assert!(unknown.starts_with("u|US|US-AK,US-AL,") && unknown.ends_with("US-WY|"), "{unknown}");
        let unknown = find("America/New_York", "US", "", "Fla.").unwrap();
        assert!(unknown.starts_with("u|US|US-AK,") && unknown.ends_with("|America/New_York"), "{unknown}");
        assert_eq!(find("", "US", "75201", "Tejas"), Some("p|US|US-TX|America/Chicago".into()));
        // a county may lie in any of the four nations, and its clocks are the same
        let kent = "e|GB|GB-ENG,GB-NIR,GB-SCT,GB-WLS|Europe/London".to_owned();
        assert_eq!((find("", "GB", "", "Kent"), find("", "GB", "", "Flordia")), (Some(kent.clone()), Some(kent)));
        assert_eq!(find("", "GB", "EH1 1YZ", "Lothian"), Some("p|GB|GB-SCT|Europe/London".into()));
        // a territory that the post takes for a part of the country
        assert_eq!(find("", "FR", "97400", ""), Some("p|RE||Indian/Reunion".into()));
        assert_eq!(find("", "FR", "97400", "La Réunion"), Some("p|RE||Indian/Reunion".into()));
        assert!(find("", "DE", "", "Bayern").unwrap().starts_with("e|DE|"));
    }
}
