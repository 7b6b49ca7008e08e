//! Location rules: where an attempt may not be made, or where alone it may.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::area::validate_area;
use super::contact_times::{validate_channels, validate_name};
use super::zones::{Zones, unknown_zone};
use crate::channel::Channel;
use crate::field_error::FieldError;
use crate::phone::area_code_problem;

/// The most places that one rule names.
pub const MAX_PLACES: usize = 500;

/// Whose location a rule looks at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MatchOn {
    /// That of the device to be used. An email address lies nowhere: the contact's is taken for it.
    #[default]
    Device,
    /// That of the contact. Where nothing is known of it, the device's is taken.
    Contact,
}

/// What a rule does with its locations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LocationEffect {
    /// Nobody who may be in one of them is attempted.
    #[default]
    Block,
    /// Only those who are in one of them for certain are attempted.
    AllowOnly,
}

/// A place. All members that are given must agree; one that says `anywhere` has no other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RuleLocation {
    /// Everywhere, also where nothing is known.
    #[serde(default, skip_serializing_if = "is_false")]
    pub anywhere: bool,
    /// The two letters of a country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[A-Z]{2}$")]
    pub country: Option<String>,
    /// A state or province, `FL` or `US-FL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// An area code, of a device; it needs its country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[0-9]{1,6}$")]
    pub area_code: Option<String>,
    /// A postal code, of a contact; ended by `*` its beginning. It needs its country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 16)]
    pub postal_code: Option<String>,
    /// An IANA time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Where an attempt may not be made, or where alone it may. Location rules narrow; none widens another rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LocationRule {
    /// What people call the rule.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub name: String,
    /// It holds for every campaign; otherwise only for those that name it.
    #[serde(default)]
    pub required: bool,
    /// The places; one that fits is enough.
    #[schema(min_items = 1, max_items = 500)]
    pub locations: Vec<RuleLocation>,
    /// Whose location is looked at.
    #[serde(default)]
    pub match_on: MatchOn,
    /// It concerns only phones that are, or may be, wireless. A line whose type is not known may be.
    #[serde(default)]
    pub wireless_only: bool,
    /// It concerns only numbers on the national do-not-call list.
    #[serde(default)]
    pub do_not_call_only: bool,
    /// What it does.
    #[serde(default)]
    pub effect: LocationEffect,
    /// The channels for which it holds; empty for all.
    #[serde(default)]
    pub channels: Vec<Channel>,
}

impl LocationRule {
    /// Everything that is wrong with it by itself; empty if it can be used. See also [`LocationRule::zone_errors`].
    pub fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        validate_name(&self.name, &mut errors);
        validate_channels(&self.channels, &mut errors);
        if !(1..=MAX_PLACES).contains(&self.locations.len()) {
            let detail =
                format!("a location rule has 1 to {MAX_PLACES} locations; everywhere is {{\"anywhere\": true}}");
            errors.push(FieldError::new("/locations", "count", detail));
        }
        for (i, place) in self.locations.iter().enumerate().take(MAX_PLACES) {
            let at = format!("/locations/{i}");
            errors.extend(place.errors().into_iter().map(|e| e.under(&at)));
            if place.area_code.is_some() && self.match_on == MatchOn::Contact {
                let detail = "only a device has an area code: match on the device";
                errors.push(FieldError::new(format!("{at}/areaCode"), "match_on", detail));
            }
            if place.postal_code.is_some() && self.match_on == MatchOn::Device {
                let detail = "only a contact has a postal code: match on the contact";
                errors.push(FieldError::new(format!("{at}/postalCode"), "match_on", detail));
            }
        }
        errors
    }

    /// Its area codes that no number has: a rule about them would concern nobody.
    pub fn idle_area_codes(&self) -> Vec<FieldError> {
        let named = self.locations.iter().enumerate().take(MAX_PLACES);
        let problem = |(i, place): (usize, &RuleLocation)| {
            let problem = area_code_problem(place.country.as_deref()?, place.area_code.as_deref()?)?;
            Some(FieldError::new(format!("/locations/{i}/areaCode"), "area_code", problem))
        };
        // what has a wrong form is told by `validate`
        let is_formed = |place: &RuleLocation| place.errors().is_empty();
        named.filter(|(_, place)| is_formed(place)).filter_map(problem).collect()
    }

    /// What is wrong with its zones by the database in use; empty if that knows them.
    pub fn zone_errors(&self, zones: &Zones) -> Vec<FieldError> {
        let named = self.locations.iter().enumerate().take(MAX_PLACES);
        let named = named.filter_map(|(i, place)| Some((i, place.time_zone.as_deref()?)));
        named.filter_map(|(i, zone)| unknown_zone(&format!("/locations/{i}/timeZone"), zone, zones)).collect()
    }
}

impl RuleLocation {
    fn errors(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let given = [&self.country, &self.state, &self.area_code, &self.postal_code, &self.time_zone];
        let is_narrower = given.iter().any(|member| member.is_some());
        if self.anywhere == is_narrower {
            let detail = "a location is either anywhere or names a country, state, areaCode, postalCode or timeZone";
            errors.push(FieldError::new("", "one_of", detail));
        }
        validate_area(self.country.as_deref(), self.state.as_deref(), &mut errors);
        for error in &mut errors {
            if error.pointer == "/region" {
                error.pointer = "/state".to_owned();
            }
        }
        let needs_country = |pointer, what: &str| {
            FieldError::new(pointer, "required", format!("{what} needs its country, in `country`"))
        };
        if let Some(code) = &self.area_code {
            if !(1..=6).contains(&code.len()) || !code.bytes().all(|b| b.is_ascii_digit()) {
                let detail = "an area code is 1 to 6 digits without a leading 0 or +, as in 212";
                errors.push(FieldError::new("/areaCode", "area_code", detail));
            } else if self.country.is_none() {
                errors.push(needs_country("/areaCode", "an area code"));
            }
        }
        if let Some(postal) = &self.postal_code {
            if !is_postal_pattern(postal) {
                let detail = "a postal code is up to 16 letters, digits, blanks and hyphens; `902*` is its beginning";
                errors.push(FieldError::new("/postalCode", "postal_code", detail));
            } else if self.country.is_none() {
                errors.push(needs_country("/postalCode", "a postal code"));
            }
        }
        errors
    }
}

fn is_postal_pattern(text: &str) -> bool {
    let code = text.strip_suffix('*').unwrap_or(text);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-');
    (1..=16).contains(&text.len()) && code.chars().all(plain) && code.chars().any(|c| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: &str) -> Vec<String> {
        let rule: LocationRule = serde_json::from_str(text).unwrap();
        rule.validate().into_iter().map(|e| e.pointer).collect()
    }

    #[test]
    fn a_place_is_anywhere_or_somewhere() {
        assert!(errors(r#"{"locations":[{"anywhere":true}]}"#).is_empty());
        assert!(errors(r#"{"locations":[{"country":"US","state":"FL"},{"state":"US-TX"}]}"#).is_empty());
        assert_eq!(errors(r#"{"locations":[{}]}"#), ["/locations/0"]);
        assert_eq!(errors(r#"{"locations":[{"anywhere":true,"country":"US"}]}"#), ["/locations/0"]);
        assert_eq!(errors(r#"{"locations":[]}"#), ["/locations"]);
    }

    #[test]
    fn a_wrong_member_is_refused_at_its_place() {
        assert_eq!(errors(r#"{"locations":[{"country":"us"}]}"#), ["/locations/0/country"]);
        assert_eq!(errors(r#"{"locations":[{"country":"US","state":"Florida"}]}"#), ["/locations/0/state"]);
        assert_eq!(errors(r#"{"locations":[{"areaCode":"212"}]}"#), ["/locations/0/areaCode"]);
        assert_eq!(errors(r#"{"locations":[{"country":"US","areaCode":"+21"}]}"#), ["/locations/0/areaCode"]);
        let mars: LocationRule = serde_json::from_str(r#"{"locations":[{"timeZone":"Mars/Olympus"}]}"#).unwrap();
        assert_eq!(mars.zone_errors(&Zones::bundled())[0].pointer, "/locations/0/timeZone");
        let on_contact = |place: &str| errors(&format!(r#"{{"matchOn":"contact","locations":[{place}]}}"#));
        assert_eq!(on_contact(r#"{"country":"US","postalCode":"*"}"#), ["/locations/0/postalCode"]);
        assert!(
            on_contact(r#"{"country":"GB","postalCode":"SW1A 1AA"},{"country":"US","postalCode":"902*"}"#).is_empty()
        );
    }

    #[test]
    fn a_device_has_no_postal_code_and_a_contact_no_area_code() {
        assert_eq!(errors(r#"{"locations":[{"country":"US","postalCode":"90210"}]}"#), ["/locations/0/postalCode"]);
        let text = r#"{"matchOn":"contact","locations":[{"country":"US","areaCode":"212"}]}"#;
        assert_eq!(errors(text), ["/locations/0/areaCode"]);
    }
}
