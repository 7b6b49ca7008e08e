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

    /// What it says in vain: of lines and area codes where no call or SMS is made, and postal codes that no country of
    /// theirs has. A rule about them would concern nobody.
    pub fn idle(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let is_of_phones = self.channels.is_empty() || self.channels.iter().any(|channel| *channel != Channel::Email);
        let detail = "an email address has no line and no number: name voice or sms in `channels`, or leave this out";
        for (is_set, pointer) in [(self.wireless_only, "/wirelessOnly"), (self.do_not_call_only, "/doNotCallOnly")] {
            if is_set && !is_of_phones {
                errors.push(FieldError::new(pointer, "idle", detail));
            }
        }
        for (i, place) in
            self.locations.iter().enumerate().take(MAX_PLACES).filter(|(_, place)| place.errors().is_empty())
        {
            if place.area_code.is_some() && !is_of_phones {
                errors.push(FieldError::new(format!("/locations/{i}/areaCode"), "idle", detail));
            }
            let form =
                place.country.as_deref().zip(place.postal_code.as_deref()).and_then(|(c, code)| other_form(c, code));
            if let Some(form) = form {
                errors.push(FieldError::new(format!("/locations/{i}/postalCode"), "postal_code", form));
            }
        }
        errors
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

/// What the codes of a country look like, if this one, or its beginning, can be none of them.
fn other_form(country: &str, code: &str) -> Option<&'static str> {
    let is_beginning = code.ends_with('*');
    let plain: Vec<u8> = code.bytes().filter(u8::is_ascii_alphanumeric).collect();
    let digits = |lengths: &[usize]| {
        let most = lengths.iter().max().copied().unwrap_or_default();
        let fits = if is_beginning { plain.len() <= most } else { lengths.contains(&plain.len()) };
        fits && plain.iter().all(u8::is_ascii_digit)
    };
    let turns = |(at, b): (usize, &u8)| if at % 2 == 0 { b.is_ascii_alphabetic() } else { b.is_ascii_digit() };
    let (fits, form) = match country {
        "US" => (digits(&[5, 9]), "a ZIP is five or nine digits, as in 90210; `902*` is its beginning"),
        "AU" | "NZ" => {
            (digits(&[4]), "a postal code of this country is four digits, as in 2000; `20*` is its beginning")
        }
        "CA" => {
            let fits =
                plain.iter().enumerate().all(turns) && if is_beginning { plain.len() <= 6 } else { plain.len() == 6 };
            (
                fits,
                "a Canadian postal code is letter, digit, letter, digit, letter, digit, as in K1A 0B1; `K1A*` is its beginning",
            )
        }
        "GB" => (
            plain.first().is_some_and(u8::is_ascii_alphabetic) && plain.len() <= 7,
            "a British postal code begins with a letter and has at most seven letters and digits, as in SW1A 1AA; `SW1*` is its beginning",
        ),
        _ => return None,
    };
    (!fits).then_some(form)
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
    fn what_concerns_nobody_is_found() {
        let idle = |text: &str| -> Vec<String> {
            let rule: LocationRule = serde_json::from_str(text).unwrap();
            assert_eq!(rule.validate(), []);
            rule.idle().into_iter().map(|e| e.pointer).collect()
        };
        let on = |channels: &str, more: &str| {
            format!(r#"{{"channels":{channels},"locations":[{{"country":"US","areaCode":"212"}}],{more}}}"#)
        };
        let only = r#""wirelessOnly":true,"doNotCallOnly":true"#;
        assert!(idle(&on("[]", only)).is_empty() && idle(&on(r#"["sms","email"]"#, only)).is_empty());
        let pointers = ["/wirelessOnly", "/doNotCallOnly", "/locations/0/areaCode"];
        assert_eq!(idle(&on(r#"["email"]"#, only)), pointers);
        let codes = |country: &str, code: &str| {
            idle(&format!(r#"{{"matchOn":"contact","locations":[{{"country":"{country}","postalCode":"{code}"}}]}}"#))
                .len()
        };
        for (country, right, wrong) in [
            ("US", ["90210", "90210-1234", "902*"], ["K1A*", "9021", "9021012345*"]),
            ("AU", ["2000", "20*", "0872"], ["200", "20000", "2O*"]),
            ("CA", ["K1A 0B1", "k1a*", "K*"], ["K1A", "90*", "KK*"]),
            ("GB", ["SW1A 1AA", "SW1*", "M1"], ["1SW", "90*", "SW1A 1AAX"]),
            ("FR", ["97400", "974*", "x"], ["", "", ""]),
        ] {
            assert!(right.iter().all(|code| codes(country, code) == 0), "{country}");
            assert!(wrong.iter().filter(|code| !code.is_empty()).all(|code| codes(country, code) == 1), "{country}");
        }
    }

    #[test]
    fn a_device_has_no_postal_code_and_a_contact_no_area_code() {
        assert_eq!(errors(r#"{"locations":[{"country":"US","postalCode":"90210"}]}"#), ["/locations/0/postalCode"]);
        let text = r#"{"matchOn":"contact","locations":[{"country":"US","areaCode":"212"}]}"#;
        assert_eq!(errors(text), ["/locations/0/areaCode"]);
    }
}
