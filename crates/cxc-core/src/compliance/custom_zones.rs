//! Custom time zones: a tenant's own map from country and area codes to a zone.
use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::area::validate_area;
use super::contact_times::{MAX_REASON, validate_name};
use super::country_zones::clocks_differ;
use super::zones::{Zones, unknown_zone};
use crate::field_error::FieldError;
use crate::location::Country;
use crate::phone::{area_code_problem, tells_no_place};
use crate::written_reason::WrittenReason;

/// The most area codes that one entry names.
pub const MAX_AREA_CODES: usize = 1000;

/// What an entry does with the zones that the numbering plan tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ZoneEffect {
    /// The entry's zone stands beside them: the rules must be open in all.
    #[default]
    Add,
    /// The entry's zone stands in their place, so that people may be contacted at hours that the others forbid.
    Replace,
}

/// A zone in which the phones of a country and some area codes may be, besides those that the numbering plan tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CustomTimeZone {
    /// What people call the entry.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub name: String,
    /// The two letters of the country.
    #[schema(pattern = "^[A-Z]{2}$")]
    pub country: String,
    /// The area codes; empty for every number of the country that no other entry names.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub area_codes: Vec<String>,
    /// The IANA time zone.
    pub timezone: String,
    /// What it does with the zones that are known already.
    #[serde(default)]
    pub effect: ZoneEffect,
    /// Why the zones that are known already do not hold. An entry that replaces them, or that gives a zone to numbers of which
    /// none is known, needs one; the audit log keeps it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 2000)]
    pub reason: String,
}

impl CustomTimeZone {
    /// Everything that is wrong with it by itself; empty if it can be used. See also [`CustomTimeZone::zone_errors`].
    pub fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        validate_name(&self.name, &mut errors);
        validate_area(Some(&self.country), None, &mut errors);
        if self.reason.chars().count() > MAX_REASON {
            errors.push(FieldError::new("/reason", "too_long", format!("at most {MAX_REASON} characters")));
        }
        if self.area_codes.len() > MAX_AREA_CODES {
            let detail = format!("an entry names at most {MAX_AREA_CODES} area codes");
            errors.push(FieldError::new("/areaCodes", "too_many", detail));
        }
        for (i, code) in self.area_codes.iter().enumerate().take(MAX_AREA_CODES) {
            if !is_area_code(code) {
                let detail = "an area code is 1 to 6 digits without a leading 0 or +, as in 212";
                errors.push(FieldError::new(format!("/areaCodes/{i}"), "area_code", detail));
            } else if self.area_codes[..i].contains(code) {
                errors.push(FieldError::new(format!("/areaCodes/{i}"), "duplicate", "an area code is named once"));
            }
        }
        errors
    }

    /// What it lacks to be stored: a reason, if it replaces zones, or gives one to numbers that have none and are held to the
    /// hours of people who may be anywhere.
    pub fn unexplained(&self) -> Option<FieldError> {
        if self.has_reason() {
            return None;
        }
        let detail = match self.effect {
            ZoneEffect::Replace => "the known zones forbid".to_owned(),
            ZoneEffect::Add => format!("are closed to {}, which tell of no place", self.unplaced()?),
        };
        let detail = format!("this lets people be contacted at hours that {detail}: say why, the audit log keeps it");
        Some(FieldError::new("/reason", "required", detail))
    }

    /// Numbers that the numbering plan gives no zone and the entry does, in words; nothing if there are none.
    fn unplaced(&self) -> Option<String> {
        // a country that is none is refused for that
        Country::from_code(&self.country).filter(|country| country.as_str() == self.country)?;
        if !clocks_differ(&self.country) {
            return None;
        }
        if self.area_codes.is_empty() {
            return Some(format!("some numbers of {}, such as freephone numbers", self.country));
        }
        let code = self.area_codes.iter().find(|code| tells_no_place(&self.country, code))?;
        Some(format!("numbers of the area code {code}"))
    }

    fn has_reason(&self) -> bool {
        WrittenReason::of_law(&self.reason).is_ok()
    }

    /// Its area codes that no number has: an entry about them would concern nobody.
    pub fn idle_area_codes(&self) -> Vec<FieldError> {
        let named = self.area_codes.iter().enumerate().take(MAX_AREA_CODES);
        let named = named.filter(|(_, code)| is_area_code(code));
        let problem = |(i, code): (usize, &String)| {
            let problem = area_code_problem(&self.country, code)?;
            Some(FieldError::new(format!("/areaCodes/{i}"), "area_code", problem))
        };
        named.filter_map(problem).collect()
    }

    /// Whether its zone stands in the place of the others. Without a reason it stands beside them, as of an entry that was
    /// stored when none was asked for.
    fn replaces(&self) -> bool {
        self.effect == ZoneEffect::Replace && self.has_reason()
    }

    /// What is wrong with its zone by the database in use; empty if that knows it.
    pub fn zone_errors(&self, zones: &Zones) -> Vec<FieldError> {
        unknown_zone("/timezone", &self.timezone, zones).into_iter().collect()
    }
}

fn is_area_code(code: &str) -> bool {
    (1..=6).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit())
}

/// The custom time zones of a tenant, ready to be looked up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CustomZones {
    /// Sorted.
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    country: Box<str>,
    /// Empty for the country's other numbers.
    code: Box<str>,
    zone: Box<str>,
    replaces: bool,
}

impl CustomZones {
    /// The map of these entries. Where two name the same numbers, both zones hold.
    pub fn new<'a>(entries: impl IntoIterator<Item = &'a CustomTimeZone>) -> Self {
        let mut all = Vec::new();
        for entry in entries {
            let row = |code: &str| Entry {
                country: entry.country.to_ascii_uppercase().into_boxed_str(),
                code: code.into(),
                zone: entry.timezone.as_str().into(),
                replaces: entry.replaces(),
            };
            match entry.area_codes.as_slice() {
                [] => all.push(row("")),
                codes => all.extend(codes.iter().map(|code| row(code))),
            }
        }
        all.sort_unstable();
        Self { entries: all }
    }

    /// Whether nothing is mapped.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The zones of a phone, whose numbering plan tells `zones`, names separated by commas.
    pub fn apply<'a>(&self, country: &str, area_code: &str, zones: &'a str) -> Cow<'a, str> {
        let found = match self.of(country, area_code) {
            [] => self.of(country, ""),
            found => found,
        };
        if found.is_empty() {
            return Cow::Borrowed(zones);
        }
        let mut own: Vec<&str> = Vec::new();
        let mut replaced = false;
        for entry in found {
            own.push(&entry.zone);
            replaced |= entry.replaces;
        }
        if !replaced {
            own.extend(zones.split(',').filter(|name| !name.is_empty()));
        }
        own.sort_unstable();
        own.dedup();
        Cow::Owned(own.join(","))
    }

    fn of(&self, country: &str, code: &str) -> &[Entry] {
        let first = self.entries.partition_point(|e| (&*e.country, &*e.code) < (country, code));
        let behind = self.entries.partition_point(|e| (&*e.country, &*e.code) <= (country, code));
        &self.entries[first..behind]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str) -> CustomTimeZone {
        serde_json::from_str(text).unwrap()
    }

    fn errors(text: &str) -> Vec<String> {
        entry(text).validate().into_iter().map(|e| e.pointer).collect()
    }

    #[test]
    fn an_entry_adds_its_zone_to_what_the_plan_tells() {
        let map = entry(r#"{"country":"US","areaCodes":["850"],"timezone":"America/Chicago"}"#);
        assert!(map.validate().is_empty());
        let zones = CustomZones::new([&map]);
        assert_eq!(zones.apply("US", "850", "America/New_York"), "America/Chicago,America/New_York");
        assert_eq!(zones.apply("US", "850", ""), "America/Chicago");
        assert_eq!(zones.apply("US", "305", "America/New_York"), "America/New_York");
        assert_eq!(zones.apply("CA", "850", ""), "");
    }

    #[test]
    fn an_entry_replaces_the_zones_of_the_plan_only_with_a_reason() {
        let text = r#"{"country":"US","areaCodes":["850"],"timezone":"America/Chicago","effect":"replace""#;
        let silent = format!("{text}}}");
        assert_eq!(entry(&silent).unexplained().unwrap().pointer, "/reason");
        let both = CustomZones::new([&entry(&silent)]);
        assert_eq!(both.apply("US", "850", "America/New_York"), "America/Chicago,America/New_York");
        let told = entry(&format!(r#"{text},"reason":"all of them are of Pensacola"}}"#));
        assert!(told.validate().is_empty() && told.unexplained().is_none());
        assert_eq!(CustomZones::new([&told]).apply("US", "850", "America/New_York"), "America/Chicago");
    }

    #[test]
    fn an_entry_gives_a_zone_to_numbers_that_tell_of_no_place_only_with_a_reason() {
        let lacks = |places: &str| {
            let silent = entry(&format!(r#"{{{places},"timezone":"America/New_York"}}"#)).unexplained();
            let told = entry(&format!(r#"{{{places},"timezone":"America/New_York","reason":"all call from there"}}"#));
            assert_eq!(told.unexplained(), None);
            silent.map(|error| error.detail)
        };
        assert!(lacks(r#""country":"US","areaCodes":["212","800"]"#).unwrap().contains("numbers of the area code 800"));
        assert!(lacks(r#""country":"US","areaCodes":["900"]"#).is_some());
        assert!(lacks(r#""country":"US""#).unwrap().contains("freephone"));
        assert!(lacks(r#""country":"AU""#).is_some());
        for known in
            [r#""country":"US","areaCodes":["212"]"#, r#""country":"GB""#, r#""country":"CA","areaCodes":["600"]"#]
        {
            assert_eq!(lacks(known), None, "{known}");
        }
    }

    #[test]
    fn an_area_code_wins_over_its_country_and_two_of_one_code_hold_together() {
        let maps = [
            entry(r#"{"country":"GB","timezone":"Europe/London"}"#),
            entry(r#"{"country":"GB","areaCodes":["1534"],"timezone":"Europe/Jersey"}"#),
            entry(r#"{"country":"GB","areaCodes":["1534"],"timezone":"Europe/Paris"}"#),
        ];
        let zones = CustomZones::new(&maps);
        assert_eq!(zones.apply("GB", "", "Asia/Tokyo"), "Asia/Tokyo,Europe/London");
        assert_eq!(zones.apply("GB", "20", ""), "Europe/London");
        assert_eq!(zones.apply("GB", "1534", ""), "Europe/Jersey,Europe/Paris");
    }

    #[test]
    fn a_wrong_entry_is_refused_at_its_place() {
        let text = r#"{"country":"us","areaCodes":["212","2a","212"],"timezone":"Mars/Olympus"}"#;
        assert_eq!(errors(text), ["/country", "/areaCodes/1", "/areaCodes/2"]);
        assert_eq!(entry(text).zone_errors(&Zones::bundled())[0].pointer, "/timezone");
    }
}
