//! A part of a location, owned: what the tables tell of a contact and its devices, as every check takes it.
use serde::{Deserialize, Serialize};

use super::custom_zones::CustomZones;
use super::law::region_of_territory;
use super::place::{Part, PartKind, PartOrigin};
use crate::location::{Location, LocationSource};

/// A part of a location, owned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptPart {
    /// What it comes from.
    pub kind: PartKind,
    /// Of what it is.
    pub origin: PartOrigin,
    /// The country.
    pub country: Box<str>,
    /// The regions.
    pub regions: Box<str>,
    /// The zones.
    pub zones: Box<str>,
}

impl KeptPart {
    /// A part that a location tells. A territory of the United States is a region of them, also where no region is told.
    pub fn of(location: &Location, kind: PartKind, origin: PartOrigin) -> Self {
        let country = location.country().map(|c| c.to_string()).unwrap_or_default();
        let told = location.regions().join(",");
        let regions = region_of_territory(&country).filter(|_| told.is_empty()).map_or(told, str::to_owned);
        let kind = match location.source() {
            LocationSource::Postal => PartKind::Postal,
            // something was given for the contact and nothing is known of it: a postal code
            LocationSource::Unmappable if kind == PartKind::Explicit && location.is_unmappable() => PartKind::Postal,
            _ => kind,
        };
        Self {
            kind,
            origin,
            country: country.into(),
            regions: regions.into(),
            zones: location.zones().join(",").into(),
        }
    }

    /// What a contact's words tell, and beside a zone the postal code of which nothing is known.
    pub fn of_contact(location: &Location) -> impl Iterator<Item = Self> + use<> {
        let is_beside = location.source() == LocationSource::Unmappable && !location.is_unmappable();
        let own = |location: &Location| Self::of(location, PartKind::Explicit, PartOrigin::Contact);
        let unknown = is_beside.then(|| own(&Location::unmappable(location.country())));
        std::iter::once(own(location)).chain(unknown)
    }

    /// Where a phone is: by the numbering plan and by the zones that the tenant gave its numbers.
    pub fn of_phone(
        plan: Option<&Location>,
        own: &CustomZones,
        (country, area_code): (Option<&str>, &str),
        origin: PartOrigin,
    ) -> Option<Self> {
        let plan = plan.map(|location| Self::of(location, PartKind::Phone, origin));
        let Some(country) = country.filter(|_| !own.is_empty()) else { return plan };
        let known = plan.as_ref().map(|part| part.zones.to_string()).unwrap_or_default();
        let zones = own.apply(country, area_code, &known);
        if *zones == *known {
            return plan;
        }
        let regions = region_of_territory(country).unwrap_or_default();
        let unplaced = || Self {
            kind: PartKind::Phone,
            origin,
            country: country.into(),
            regions: regions.into(),
            zones: Box::default(),
        };
        Some(Self { zones: zones.into_owned().into(), ..plan.unwrap_or_else(unplaced) })
    }

    /// As the check takes it. What is kept is not read anew, so that a decision of the past stays what it was.
    pub fn part(&self) -> Part<'_> {
        Part::new(self.kind, &self.country, &self.regions, &self.zones).of(self.origin)
    }

    /// The regions of some parts, as attempts keep them: each once, separated by commas, empty where none is known.
    pub fn regions(parts: &[Self]) -> String {
        let mut regions: Vec<&str> = parts.iter().flat_map(|part| part.regions.split(',')).collect();
        regions.retain(|region| !region.is_empty());
        regions.sort_unstable();
        regions.dedup();
        regions.join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::location::Country;

    #[test]
    fn a_territory_of_the_united_states_is_a_region_of_them_also_where_only_its_code_is_told() {
        let told = |country: &str| {
            let location = Location::in_country(Country::from_code(country).unwrap());
            KeptPart::of_contact(&location).next().unwrap().regions
        };
        assert_eq!([told("PR"), told("GU"), told("US"), told("MX")].map(String::from), ["US-PR", "US-GU", "", ""]);
    }
}
