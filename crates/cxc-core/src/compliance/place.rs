//! Where a person may be: the candidate zones and areas of a contact and of the device to be used.
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::area::Area;
use super::wall_time::DayWindow;
use super::zones::Zones;

/// What a part of a location comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PartKind {
    /// What the list says of the contact or device: a zone, region or country. Without a zone it restricts nothing.
    Explicit,
    /// A postal code.
    Postal,
    /// A phone number to be judged, usually the one to be used.
    Phone,
}

/// Whose location a part tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

/// What to do where a postal code tells no zone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnUnmapped {
    /// Contact only in the unmapped window.
    #[default]
    Restrict,
    /// Decide by the other parts.
    Ignore,
    /// Do not contact.
    Block,
}

/// What to do where a phone tells no zone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnUnmappedPhone {
    /// Restrict unless another phone tells its zone.
    #[default]
    IgnoreBesideMapped,
    /// Contact only in the unmapped window.
    Restrict,
    /// Decide by the other parts.
    Ignore,
    /// Do not contact.
    Block,
}

/// What holds for people whose zone is not known, or not in full.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UnmappedPolicy {
    /// Postal codes without a zone.
    #[serde(default)]
    pub postal: OnUnmapped,
    /// Phones without a zone.
    #[serde(default)]
    pub phone: OnUnmappedPhone,
    /// The only hours of every day, by the clocks of `zone`.
    #[serde(default = "unmapped_window")]
    pub window: DayWindow,
    /// The zone of the window.
    #[serde(default = "unmapped_zone")]
    pub zone: String,
}

fn unmapped_window() -> DayWindow {
    DayWindow::minutes(14 * 60, 20 * 60)
}

fn unmapped_zone() -> String {
    "America/New_York".to_owned()
}

impl Default for UnmappedPolicy {
    /// 14:00-20:00 in New York: inside the usual hours from Newfoundland to Hawaii.
    fn default() -> Self {
        Self {
            postal: OnUnmapped::default(),
            phone: OnUnmappedPhone::default(),
            window: unmapped_window(),
            zone: unmapped_zone(),
        }
    }
}

/// What the parts of a location come to.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The union of the zones.
    pub zones: Vec<TimeZone>,
    /// The regions, and the countries of parts without one; `Any` where nothing is known.
    pub areas: Vec<Area>,
    /// Only the unmapped window is left.
    pub restricted: bool,
    /// Not to be contacted.
    pub blocked: bool,
}

/// Splits a set that is written as text.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', ',', ';', '|']).filter(|name| !name.is_empty())
}

impl Place {
    /// Judges the parts by steps 3 to 5 of the compliance design, section 4.
    pub fn judge(parts: &[Part<'_>], policy: &UnmappedPolicy, database: &Zones) -> Self {
        let mut place = Place { zones: Vec::new(), areas: Vec::new(), restricted: false, blocked: false };
        let mut seen: Vec<&str> = Vec::new();
        let (mut phones, mut mapped_phones) = (0, 0);
        for part in parts {
            let mut mapped = false;
            for name in names(part.zones) {
                match database.get(name) {
                    Some(zone) => {
                        mapped = true;
                        if !seen.contains(&name) {
                            seen.push(name);
                            place.zones.push(zone);
                        }
                    }
                    // a zone that nobody knows may be anywhere
                    None => place.restricted = true,
                }
            }
            match part.kind {
                PartKind::Phone => (phones, mapped_phones) = (phones + 1, mapped_phones + usize::from(mapped)),
                PartKind::Postal if !mapped => place.unmapped_postal(policy.postal),
                PartKind::Postal | PartKind::Explicit => {}
            }
            place.add_areas(part);
        }
        if mapped_phones < phones {
            place.unmapped_phone(policy.phone, mapped_phones > 0);
        }
        place.restricted |= place.zones.is_empty();
        if place.areas.is_empty() {
            place.areas.push(Area::Any);
        }
        place
    }

    fn unmapped_postal(&mut self, policy: OnUnmapped) {
        self.restricted |= policy == OnUnmapped::Restrict;
        self.blocked |= policy == OnUnmapped::Block;
    }

    fn unmapped_phone(&mut self, policy: OnUnmappedPhone, beside_mapped: bool) {
        match policy {
            OnUnmappedPhone::IgnoreBesideMapped => self.restricted |= !beside_mapped,
            OnUnmappedPhone::Restrict => self.restricted = true,
            OnUnmappedPhone::Ignore => {}
            OnUnmappedPhone::Block => self.blocked = true,
        }
    }

    /// A part without a region may lie in any region of its country, so the country itself is a candidate.
    fn add_areas(&mut self, part: &Part<'_>) {
        let country = names(part.country).next();
        let mut any = false;
        for region in names(part.regions) {
            any = true;
            self.add_area(Area::of(country, Some(region)));
        }
        if !any {
            for country in names(part.country) {
                self.add_area(Area::of(Some(country), None));
            }
        }
    }

    fn add_area(&mut self, area: Area) {
        if !self.areas.contains(&area) {
            self.areas.push(area);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part<'a>(kind: PartKind, country: &'a str, regions: &'a str, zones: &'a str) -> Part<'a> {
        Part::new(kind, country, regions, zones)
    }

    fn judge(parts: &[Part<'_>]) -> Place {
        Place::judge(parts, &UnmappedPolicy::default(), &Zones::bundled())
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
        assert!(Place::judge(&parts, &policy, &Zones::bundled()).restricted);
        policy.phone = OnUnmappedPhone::Block;
        assert!(Place::judge(&parts, &policy, &Zones::bundled()).blocked);
    }
}
