//! Where a person may be: the candidate zones and areas of a contact and of the device to be used.
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::area::Area;
use super::country_zones::country_zones;
use super::edition::Edition;
use super::law::{belongs_to, law_besides};
use super::unmapped::{OnUnmapped, OnUnmappedPhone, Sources, UnmappedPolicy};
use super::zones::Zones;

/// What a part of a location comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartKind {
    /// What the list says of the contact or device: a zone, region or country. A country alone restricts to when it is day in
    /// all of it, unless another part tells a zone there; the United States and Canada, which have states, restrict nothing.
    Explicit,
    /// A postal code.
    Postal,
    /// A phone number to be judged, usually the one to be used.
    Phone,
}

/// Whose location a part tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartOrigin {
    /// The contact's.
    Contact,
    /// That of the device to be used.
    Device,
    /// That of another device of the contact.
    OtherDevice,
}

/// A part of a location that is present. What is absent is left out. Its sets are text as it is stored:
/// names separated by spaces, commas, semicolons or bars, in any order; empty where nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// What it comes from.
    pub kind: PartKind,
    /// Whose location it tells.
    pub origin: PartOrigin,
    /// The country by its two letters.
    pub country: &'a str,
    /// The regions in which it may lie, `US-FL` or, with the country, `FL`.
    pub regions: &'a str,
    /// The IANA zones in which it may lie.
    pub zones: &'a str,
}

impl<'a> Part<'a> {
    /// A part: a phone is that of the device to be used, everything else the contact's.
    pub fn new(kind: PartKind, country: &'a str, regions: &'a str, zones: &'a str) -> Self {
        let origin = if kind == PartKind::Phone { PartOrigin::Device } else { PartOrigin::Contact };
        Self { kind, origin, country, regions, zones }
    }

    /// The same part of another's location.
    pub fn of(self, origin: PartOrigin) -> Self {
        Self { origin, ..self }
    }
}

/// What the parts of a location come to.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    /// The union of the zones.
    pub zones: Vec<TimeZone>,
    /// The zones of the best known part: explicit before postal before phone.
    pub primary: Vec<TimeZone>,
    /// The regions, and the countries of parts without one; `Any` where nothing is known.
    pub areas: Vec<Area>,
    /// Only the unmapped window is left.
    pub restricted: bool,
    /// Not to be contacted.
    pub blocked: bool,
    seen: Vec<String>,
    best: Option<PartKind>,
}

/// Splits a set that is written as text.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', ',', ';', '|']).filter(|name| !name.is_empty())
}

/// Whether a part is looked at under a policy of sources.
pub(super) fn is_used(part: &Part<'_>, parts: &[Part<'_>], sources: Sources, database: &Zones) -> bool {
    let of_contact = part.origin == PartOrigin::Contact;
    match sources {
        Sources::ContactAndDevice => part.origin != PartOrigin::OtherDevice,
        Sources::AllDevices => true,
        Sources::Device => part.origin == PartOrigin::Device,
        Sources::Contact => of_contact,
        Sources::ContactThenDevice => {
            let tells = |p: &Part<'_>| names(p.zones).any(|name| database.get(name).is_some());
            let contact_tells = parts.iter().any(|p| p.origin == PartOrigin::Contact && tells(p));
            if contact_tells { of_contact } else { part.origin == PartOrigin::Device }
        }
    }
}

/// Whether the law of where a part lies holds. The policy of sources picks by whose clocks the hours are read. The law of the
/// number that is called and of every place that is told of the contact holds whatever it says.
fn tells_law(part: &Part<'_>, parts: &[Part<'_>], sources: Sources, database: &Zones, edition: Edition) -> bool {
    match edition {
        Edition::First => is_used(part, parts, sources, database),
        Edition::Second | Edition::Third => part.origin != PartOrigin::OtherDevice || sources == Sources::AllDevices,
    }
}

impl Place {
    /// Judges the parts by steps 1 to 5 of the compliance design, section 4.
    pub fn judge(parts: &[Part<'_>], policy: &UnmappedPolicy, database: &Zones, edition: Edition) -> Self {
        let mut place = Place::default();
        let used: Vec<&Part<'_>> = parts.iter().filter(|p| is_used(p, parts, policy.sources, database)).collect();
        let mut unmapped_phones = Vec::new();
        let mut mapped_phones = 0;
        for part in &used {
            let mapped = place.add_zones(part, database);
            match part.kind {
                PartKind::Phone if mapped => mapped_phones += 1,
                PartKind::Phone => unmapped_phones.push(part),
                PartKind::Postal if !mapped => place.unmapped(policy.postal, part, policy, database),
                PartKind::Postal | PartKind::Explicit => {}
            }
        }
        for part in parts.iter().filter(|part| tells_law(part, parts, policy.sources, database, edition)) {
            place.add_areas(part, edition);
        }
        for part in unmapped_phones {
            let beside_mapped = mapped_phones > 0;
            let judged = match policy.phone {
                OnUnmappedPhone::IgnoreBesideMapped if beside_mapped => OnUnmapped::Ignore,
                OnUnmappedPhone::IgnoreBesideMapped | OnUnmappedPhone::Restrict => OnUnmapped::Restrict,
                OnUnmappedPhone::Ignore => OnUnmapped::Ignore,
                OnUnmappedPhone::TenantDefaultZone => OnUnmapped::TenantDefaultZone,
                OnUnmappedPhone::CountryIntersection => OnUnmapped::CountryIntersection,
                OnUnmappedPhone::Block => OnUnmapped::Block,
            };
            place.unmapped(judged, part, policy, database);
        }
        for part in used.iter().filter(|part| abroad(part) && !is_told(part, &used, edition)) {
            place.add_country(part, database);
        }
        place.restricted |= place.zones.is_empty();
        if place.areas.is_empty() {
            place.areas.push(Area::Any);
        }
        place
    }

    /// Adds the zones of a part; whether it tells any.
    fn add_zones(&mut self, part: &Part<'_>, database: &Zones) -> bool {
        let mut mapped = false;
        for name in names(part.zones) {
            // a zone that nobody knows may be anywhere
            let Some(zone) = database.get(name) else {
                self.restricted = true;
                continue;
            };
            mapped = true;
            if self.best.is_none_or(|best| part.kind < best) {
                self.best = Some(part.kind);
                self.primary.clear();
            }
            if self.best == Some(part.kind) && !self.primary.contains(&zone) {
                self.primary.push(zone.clone());
            }
            self.add_zone(name, zone);
        }
        mapped
    }

    fn add_zone(&mut self, name: &str, zone: TimeZone) {
        if !self.seen.iter().any(|seen| seen == name) {
            self.seen.push(name.to_owned());
            self.zones.push(zone);
        }
    }

    /// Judges a part that is present and tells no zone.
    fn unmapped(&mut self, judged: OnUnmapped, part: &Part<'_>, policy: &UnmappedPolicy, database: &Zones) {
        match judged {
            OnUnmapped::Ignore => {}
            OnUnmapped::Block => self.blocked = true,
            OnUnmapped::TenantDefaultZone => {
                match policy.default_zone.as_deref().map(|name| (name, database.get(name))) {
                    Some((name, Some(zone))) => self.add_zone(name, zone),
                    _ => self.restricted = true,
                }
            }
            OnUnmapped::CountryIntersection => self.add_country(part, database),
            // the unmapped window is American: elsewhere all zones of the country say when it is day
            OnUnmapped::Restrict if abroad(part) => self.add_country(part, database),
            OnUnmapped::Restrict => self.restricted = true,
        }
    }

    fn add_country(&mut self, part: &Part<'_>, database: &Zones) {
        let mut any = false;
        for country in names(part.country) {
            for name in country_zones(country) {
                if let Some(zone) = database.get(name) {
                    any = true;
                    self.add_zone(name, zone);
                }
            }
        }
        self.restricted |= !any;
    }

    /// A part without a region may lie in any region of its country, so the country itself is a candidate.
    fn add_areas(&mut self, part: &Part<'_>, edition: Edition) {
        let country = names(part.country).next();
        let mut any = false;
        for region in names(part.regions) {
            any = true;
            self.add_area(Area::of(country, Some(region)));
        }
        if !any {
            for country in names(part.country) {
                self.add_area(Area::of(Some(country), None).meant(edition));
            }
        }
        let besides = |country| law_besides(country).filter(|_| edition.is_third());
        for country in names(part.country).filter_map(besides) {
            self.add_area(Area::of(Some(country), None));
        }
    }

    fn add_area(&mut self, area: Area) {
        if !self.areas.contains(&area) {
            self.areas.push(area);
        }
    }
}

/// Whether zones of a part's country, or of a territory of it, are told, by itself or by another part.
fn is_told(part: &Part<'_>, parts: &[&Part<'_>], edition: Edition) -> bool {
    let belongs = |own: &str, country: &str| {
        edition.is_third() && belongs_to(own).is_some_and(|whole| whole.eq_ignore_ascii_case(country))
    };
    let is_of = |other: &Part<'_>, country: &str| {
        names(other.country).any(|own| own.eq_ignore_ascii_case(country) || belongs(own, country))
    };
    names(part.country)
        .all(|country| parts.iter().any(|other| names(other.zones).next().is_some() && is_of(other, country)))
}

/// Whether a part names a country outside the United States and Canada, and no other.
fn abroad(part: &Part<'_>) -> bool {
    let mut countries = names(part.country).peekable();
    countries.peek().is_some() && countries.all(|c| !c.eq_ignore_ascii_case("US") && !c.eq_ignore_ascii_case("CA"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part<'a>(kind: PartKind, country: &'a str, regions: &'a str, zones: &'a str) -> Part<'a> {
        Part::new(kind, country, regions, zones)
    }

    fn judge(parts: &[Part<'_>]) -> Place {
        under(parts, &UnmappedPolicy::default())
    }

    fn under(parts: &[Part<'_>], policy: &UnmappedPolicy) -> Place {
        Place::judge(parts, policy, &Zones::bundled(), Edition::CURRENT)
    }

    #[test]
    fn zones_and_regions_of_all_parts_are_united() {
        let place = judge(&[
            part(PartKind::Postal, "US", "US-KY", "America/New_York America/Chicago"),
            part(PartKind::Phone, "US", "CA", "America/Los_Angeles|America/Chicago"),
        ]);
        assert_eq!(place.zones.len(), 3);
        assert_eq!(place.areas, [Area::of(None, Some("US-KY")), Area::of(Some("US"), Some("CA"))]);
        assert!(!place.restricted);
    }

    #[test]
    fn nothing_known_restricts() {
        assert!(judge(&[]).restricted);
        assert!(judge(&[part(PartKind::Explicit, "US", "", "")]).restricted);
    }

    #[test]
    fn an_unmappable_postal_code_restricts_beside_a_mapped_phone() {
        let phone = part(PartKind::Phone, "US", "", "America/Denver");
        assert!(judge(&[phone, part(PartKind::Postal, "US", "", "")]).restricted);
        assert!(!judge(&[phone]).restricted);
    }

    #[test]
    fn an_unmappable_phone_restricts_unless_another_phone_is_mapped() {
        let toll_free = part(PartKind::Phone, "US", "", "");
        let zone = part(PartKind::Explicit, "US", "", "America/Denver");
        assert!(judge(&[zone, toll_free]).restricted);
        assert!(!judge(&[zone, toll_free, part(PartKind::Phone, "US", "", "America/Denver")]).restricted);
    }

    #[test]
    fn a_country_abroad_is_read_on_its_own_clocks() {
        let australia = part(PartKind::Explicit, "AU", "", "");
        let name = |place: &Place, zone: &str| place.seen.iter().any(|seen| seen == zone);
        let alone = judge(&[australia]);
        assert!(!alone.restricted && name(&alone, "Australia/Sydney") && name(&alone, "Australia/Perth"));
        let elsewhere = judge(&[australia, part(PartKind::Phone, "US", "NY", "America/New_York")]);
        assert!(name(&elsewhere, "Australia/Perth") && name(&elsewhere, "America/New_York"));
        let told = judge(&[australia, part(PartKind::Phone, "AU", "", "Australia/Sydney")]);
        assert_eq!(told.zones.len(), 1, "the phone says where in the country");
        let unmapped = judge(&[australia, part(PartKind::Phone, "US", "", "")]);
        assert!(unmapped.restricted && name(&unmapped, "Australia/Perth"));
    }

    #[test]
    fn a_phone_in_a_territory_says_where_in_the_told_country_a_person_is() {
        let told = |country, phone| [part(PartKind::Explicit, country, "", ""), phone];
        for (country, own, zone) in
            [("FR", "PF", "Pacific/Tahiti"), ("AU", "CX", "Indian/Christmas"), ("DK", "GL", "America/Nuuk")]
        {
            let parts = told(country, part(PartKind::Phone, own, "", zone));
            let place = judge(&parts);
            assert_eq!((place.seen.as_slice(), place.restricted), ([zone.to_owned()].as_slice(), false), "{own}");
            assert!(place.areas.contains(&Area::of(Some(country), None)), "the told country's law stays");
            // a decision of before is made again as it was
            let before = Place::judge(&parts, &UnmappedPolicy::default(), &Zones::bundled(), Edition::Second);
            assert!(before.zones.len() > 1, "{own}");
        }
        let elsewhere = judge(&told("FR", part(PartKind::Phone, "GL", "", "America/Nuuk")));
        assert_eq!(elsewhere.zones.len(), 2, "Greenland is not in France");
    }

    #[test]
    fn on_islands_with_numbers_of_a_country_its_law_holds_too() {
        for (island, zone, country) in
            [("JE", "Europe/Jersey", "GB"), ("IM", "Europe/Isle_of_Man", "GB"), ("NF", "Pacific/Norfolk", "AU")]
        {
            let parts = [part(PartKind::Phone, island, "", zone)];
            let (own, besides) = (Area::of(Some(island), None), Area::of(Some(country), None));
            assert_eq!(judge(&parts).areas, [own.clone(), besides], "{island}");
            let before = Place::judge(&parts, &UnmappedPolicy::default(), &Zones::bundled(), Edition::Second);
            assert_eq!(before.areas, [own]);
        }
    }

    #[test]
    fn a_zone_that_nobody_knows_restricts() {
        let place = judge(&[part(PartKind::Explicit, "US", "", "America/Denver Mars/Olympus")]);
        assert!(place.restricted && place.zones.len() == 1);
    }

    #[test]
    fn a_part_without_a_region_keeps_its_country_as_a_candidate() {
        let place = judge(&[
            part(PartKind::Explicit, "US", "", "America/New_York"),
            part(PartKind::Phone, "US", "FL", "America/New_York"),
        ]);
        assert_eq!(place.areas.len(), 2);
    }

    #[test]
    fn a_policy_may_ignore_or_block_but_never_widen_what_nothing_maps() {
        let mut policy =
            UnmappedPolicy { postal: OnUnmapped::Ignore, phone: OnUnmappedPhone::Ignore, ..Default::default() };
        let parts = [part(PartKind::Postal, "", "", ""), part(PartKind::Phone, "", "", "")];
        assert!(under(&parts, &policy).restricted);
        policy.phone = OnUnmappedPhone::Block;
        assert!(under(&parts, &policy).blocked);
    }

    #[test]
    fn the_policy_of_sources_says_whose_clocks_count_and_the_law_of_all_of_them_holds() {
        let parts = [
            part(PartKind::Explicit, "US", "US-CA", "America/Los_Angeles"),
            part(PartKind::Phone, "US", "US-NY", "America/New_York"),
            part(PartKind::Phone, "US", "US-TX", "America/Chicago").of(PartOrigin::OtherDevice),
        ];
        for (sources, zones, areas) in [
            (Sources::ContactAndDevice, 2, 2),
            (Sources::AllDevices, 3, 3),
            (Sources::Device, 1, 2),
            (Sources::Contact, 1, 2),
            (Sources::ContactThenDevice, 1, 2),
        ] {
            let policy = UnmappedPolicy { sources, ..UnmappedPolicy::default() };
            let place = under(&parts, &policy);
            assert_eq!((place.zones.len(), place.areas.len()), (zones, areas), "{sources:?}");
            // a decision of before is made again as it was
            let before = Place::judge(&parts, &policy, &Zones::bundled(), Edition::First);
            assert_eq!((before.zones.len(), before.areas.len()), (zones, zones), "{sources:?}");
        }
        // a zone alone tells no country, and the number that is called does
        let policy = UnmappedPolicy { sources: Sources::Contact, ..UnmappedPolicy::default() };
        let place = under(&[part(PartKind::Explicit, "", "", "Europe/London"), parts[1]], &policy);
        assert_eq!((place.zones.len(), place.areas), (1, vec![Area::of(None, Some("US-NY"))]));
        let policy = UnmappedPolicy { sources: Sources::ContactThenDevice, ..UnmappedPolicy::default() };
        let silent = [part(PartKind::Explicit, "US", "", ""), parts[1]];
        assert_eq!(under(&silent, &policy).zones.len(), 1);
    }

    #[test]
    fn the_zones_of_the_best_known_part_are_primary() {
        let place = judge(&[
            part(PartKind::Phone, "US", "", "America/Chicago"),
            part(PartKind::Postal, "US", "", "America/New_York"),
        ]);
        assert_eq!(place.primary, [Zones::bundled().get("America/New_York").unwrap()]);
    }

    #[test]
    fn an_override_takes_the_zone_of_the_tenant_or_all_zones_of_the_country() {
        let toll_free = [part(PartKind::Phone, "US", "", "")];
        let mut policy = UnmappedPolicy { phone: OnUnmappedPhone::TenantDefaultZone, ..UnmappedPolicy::default() };
        assert!(under(&toll_free, &policy).restricted);
        policy.default_zone = Some("America/Denver".to_owned());
        let place = under(&toll_free, &policy);
        assert!(!place.restricted && place.zones.len() == 1);
        policy.phone = OnUnmappedPhone::CountryIntersection;
        let place = under(&toll_free, &policy);
        assert!(!place.restricted && place.zones.len() == 5);
    }

    #[test]
    fn outside_north_america_an_unmappable_phone_may_be_in_any_zone_of_its_country() {
        let place = judge(&[part(PartKind::Phone, "AU", "", "")]);
        assert!(!place.restricted && place.zones.len() > 5);
        assert!(judge(&[part(PartKind::Phone, "CA", "", "")]).restricted);
    }
}
