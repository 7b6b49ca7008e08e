//! Whether a location rule stands in the way of an attempt.
use std::sync::Arc;

use super::area::{Area, post_of};
use super::documents::RuleRef;
use super::edition::Edition;
use super::location_rule::{LocationEffect, LocationRule, MatchOn, RuleLocation};
use super::place::{Part, PartOrigin, names};
use super::rule_set::channel_bits;
use super::zones::Zones;
use crate::channel::Channel;
use crate::device::LineType;

/// A location rule, compiled.
#[derive(Debug)]
pub(super) struct CompiledLocationRule {
    pub rule: RuleRef,
    channels: i16,
    match_on: MatchOn,
    effect: LocationEffect,
    wireless_only: bool,
    do_not_call_only: bool,
    places: Vec<CompiledPlace>,
}

#[derive(Debug)]
struct CompiledPlace {
    area: Area,
    area_code: Option<Box<str>>,
    postal: Option<(Box<str>, bool)>,
    /// The names of the zone, in lower case: its own and those of the same data.
    zone: Option<Arc<[Box<str>]>>,
}

/// What the rules look at: the parts of the locations, and what is known besides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whereabouts<'a> {
    pub channel: Channel,
    pub parts: &'a [Part<'a>],
    pub area_code: &'a str,
    pub postal: &'a str,
    pub line_type: LineType,
    /// Whether the number is on the national do-not-call list; `None` if that is not known.
    pub do_not_call: Option<bool>,
}

/// Why a rule stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hindrance {
    /// It is, or may be, in a place that is blocked.
    Blocked(Fit),
    /// It is not for certain in a place that is allowed.
    NotAllowed(Fit),
    /// Whether the number is on the national list is not known.
    ListUnknown,
}

impl Hindrance {
    pub fn detail(self) -> &'static str {
        match self {
            Self::Blocked(Fit::Maybe) => "the location is not known well enough to tell it from one that is blocked",
            Self::Blocked(_) => "the location is blocked",
            Self::NotAllowed(Fit::Maybe) => "the location is not known well enough to tell that it is allowed",
            Self::NotAllowed(_) => "the location is not among those that are allowed",
            Self::ListUnknown => "whether the number is on the national do-not-call list is not known",
        }
    }
}

/// Whether somebody is in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    No,
    Maybe,
    Yes,
}

impl CompiledLocationRule {
    pub fn new(rule: &RuleRef, body: &LocationRule, zones: &Zones, edition: Edition) -> Self {
        Self {
            rule: rule.clone(),
            channels: channel_bits(&body.channels),
            match_on: body.match_on,
            effect: body.effect,
            wireless_only: body.wireless_only,
            do_not_call_only: body.do_not_call_only,
            places: body.locations.iter().map(|place| CompiledPlace::new(place, zones, edition)).collect(),
        }
    }

    /// Whether an attempt on this channel is bound by the rule.
    pub fn holds_for(&self, channel: Channel) -> bool {
        self.channels & channel.bit() != 0
    }

    /// Why it stands in the way, if it does.
    pub fn hindrance(&self, at: &Whereabouts<'_>) -> Option<Hindrance> {
        if !self.holds_for(at.channel) || !self.concerns_line(at) {
            return None;
        }
        let fit = self.fit(at);
        let hindrance = match self.effect {
            LocationEffect::Block if fit > Fit::No => Hindrance::Blocked(fit),
            LocationEffect::AllowOnly if fit < Fit::Yes => Hindrance::NotAllowed(fit),
            _ => return None,
        };
        match (self.do_not_call_only, at.do_not_call) {
            (true, Some(false)) => None,
            (true, None) => Some(Hindrance::ListUnknown),
            _ => Some(hindrance),
        }
    }

    /// How well the places fit all the candidates together: each may be where the person is.
    fn fit(&self, at: &Whereabouts<'_>) -> Fit {
        let side = self.side(at);
        let fit = |c: Candidate<'_>| self.places.iter().map(|place| place.fit(at, c)).max().unwrap_or(Fit::No);
        let parts = at.parts.iter().filter(|p| side.takes(p) && is_known(p));
        of_candidates(parts.flat_map(candidates).map(fit)).unwrap_or_else(|| fit(Candidate::default()))
    }

    fn concerns_line(&self, at: &Whereabouts<'_>) -> bool {
        let is_phone = at.channel != Channel::Email;
        (!self.wireless_only || (is_phone && may_be_wireless(at.line_type))) && (!self.do_not_call_only || is_phone)
    }

    /// Whose parts are looked at.
    fn side(&self, at: &Whereabouts<'_>) -> Side {
        let has = |side: Side| at.parts.iter().any(|part| side.takes(part) && is_known(part));
        match self.match_on {
            MatchOn::Device if at.channel == Channel::Email && has(Side::Contact) => Side::Contact,
            MatchOn::Contact if !has(Side::Contact) => Side::Device,
            MatchOn::Device => Side::Device,
            MatchOn::Contact => Side::Contact,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Device,
    Contact,
}

impl Side {
    fn takes(self, part: &Part<'_>) -> bool {
        let own = match self {
            Side::Device => PartOrigin::Device,
            Side::Contact => PartOrigin::Contact,
        };
        part.origin == own
    }
}

/// Nothing in a North American number tells a fixed line from a mobile phone, so that both may be wireless.
fn may_be_wireless(line: LineType) -> bool {
    matches!(line, LineType::Unknown | LineType::Mobile | LineType::FixedOrMobile | LineType::Other)
}

fn is_known(part: &Part<'_>) -> bool {
    !part.country.is_empty() || !part.regions.is_empty() || !part.zones.is_empty()
}

impl CompiledPlace {
    fn new(place: &RuleLocation, zones: &Zones, edition: Edition) -> Self {
        let postal = place.postal_code.as_deref().map(|code| match code.strip_suffix('*') {
            Some(beginning) => (plain_postal(beginning).into(), true),
            None => (plain_postal(code).into(), false),
        });
        Self {
            area: Area::of(place.country.as_deref(), place.state.as_deref()).meant(edition),
            area_code: place.area_code.as_deref().map(Into::into),
            postal,
            zone: place.time_zone.as_deref().map(|zone| zones.aliases(zone).unwrap_or_else(|| [zone.into()].into())),
        }
    }

    fn fit(&self, at: &Whereabouts<'_>, candidate: Candidate<'_>) -> Fit {
        let mut fit = self.area_fit(candidate);
        if let Some(zone) = &self.zone {
            let is_it = |name: &str| zone.iter().any(|own| own.eq_ignore_ascii_case(name));
            fit = fit.min(candidate.zone.map_or(Fit::Maybe, |name| yes(is_it(name))));
        }
        if let Some(code) = &self.area_code {
            // a number without an area code, such as a mobile of Great Britain, is known to have none
            fit = fit.min(yes(at.area_code == &**code));
        }
        if let Some((code, is_beginning)) = &self.postal {
            let own = plain_postal(at.postal);
            let fits = if *is_beginning { own.starts_with(&**code) } else { own == **code };
            fit = fit.min(if own.is_empty() { Fit::Maybe } else { yes(fits) });
        }
        fit
    }

    fn area_fit(&self, candidate: Candidate<'_>) -> Fit {
        match (&self.area, candidate.country, candidate.region) {
            (Area::Any, ..) => Fit::Yes,
            (area, country, Some(region)) => yes(area.holds(&Area::of(country, Some(region)))),
            (_, None, None) => Fit::Maybe,
            (Area::Country(own), Some(country), None) => {
                let is_by_post = self.postal.is_some() && post_of(own) == post_of(country);
                yes(own.eq_ignore_ascii_case(country) || is_by_post)
            }
            // somewhere in the country of the state
            (Area::Region(own), Some(country), None) if own.starts_with(&country.to_ascii_uppercase()) => Fit::Maybe,
            (Area::Region(_), Some(_), None) => Fit::No,
        }
    }
}

/// One of the places in which somebody may be.
#[derive(Debug, Clone, Copy, Default)]
struct Candidate<'a> {
    country: Option<&'a str>,
    region: Option<&'a str>,
    zone: Option<&'a str>,
}

/// Every region of a part with every zone of it.
fn candidates<'a>(part: &Part<'a>) -> impl Iterator<Item = Candidate<'a>> {
    let country = names(part.country).next();
    let zones = part.zones;
    or_unknown(part.regions)
        .flat_map(move |region| or_unknown(zones).map(move |zone| Candidate { country, region, zone }))
}

/// The names of a set; a single unknown one where it is empty.
fn or_unknown(set: &str) -> impl Iterator<Item = Option<&str>> {
    let is_empty = names(set).next().is_none();
    names(set).map(Some).chain(is_empty.then_some(None))
}

fn yes(fits: bool) -> Fit {
    if fits { Fit::Yes } else { Fit::No }
}

/// All of several places fit, some do, or none does.
fn of_candidates(fits: impl Iterator<Item = Fit>) -> Option<Fit> {
    fits.fold(None, |seen, fit| match seen {
        Some(before) if before != fit => Some(Fit::Maybe),
        _ => Some(fit),
    })
}

/// A postal code without blanks and hyphens, in capital letters.
fn plain_postal(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::place::PartKind;
    use super::*;

    const FLORIDA: Part<'_> = Part {
        kind: PartKind::Phone,
        origin: PartOrigin::Device,
        country: "US",
        regions: "US-FL",
        zones: "America/New_York America/Chicago",
    };
    const TOLL_FREE: Part<'_> = Part { regions: "", zones: "", ..FLORIDA };
    const TEXAN: Part<'_> = Part {
        kind: PartKind::Postal,
        origin: PartOrigin::Contact,
        country: "US",
        regions: "US-TX",
        zones: "America/Chicago",
    };

    fn at<'a>(parts: &'a [Part<'a>]) -> Whereabouts<'a> {
        Whereabouts {
            channel: Channel::Sms,
            parts,
            area_code: "305",
            postal: "78701",
            line_type: LineType::FixedOrMobile,
            do_not_call: Some(false),
        }
    }

    fn rule(text: &str) -> CompiledLocationRule {
        let body: LocationRule = serde_json::from_str(text).unwrap();
        assert_eq!(body.validate(), []);
        CompiledLocationRule::new(&RuleRef::new("r", 1), &body, &Zones::bundled(), Edition::CURRENT)
    }

    fn blocks(text: &str, at: &Whereabouts<'_>) -> bool {
        rule(text).hindrance(at).is_some()
    }

    #[test]
    fn a_device_in_a_blocked_state_is_held_back() {
        let florida = r#"{"locations":[{"country":"US","state":"FL"}]}"#;
        assert!(blocks(florida, &at(&[FLORIDA])));
        assert!(!blocks(florida, &at(&[Part { regions: "US-GA", ..FLORIDA }])));
        assert!(blocks(florida, &at(&[Part { regions: "US-GA,US-FL", ..FLORIDA }])), "it may be there");
        assert!(!blocks(florida, &at(&[Part { regions: "", country: "CA", ..FLORIDA }])));
    }

    #[test]
    fn a_code_of_the_french_or_british_post_is_found_where_it_is_another_country() {
        let rule = |country: &str, code: &str| {
            format!(r#"{{"matchOn":"contact","locations":[{{"country":"{country}","postalCode":"{code}"}}]}}"#)
        };
        let part = |country| Part { country, regions: "", zones: "Indian/Reunion", ..TEXAN };
        for (told, lies, code, own) in
            [("FR", "RE", "974*", "97400"), ("RE", "RE", "974*", "97400"), ("GB", "JE", "JE*", "JE2 3AB")]
        {
            let parts = [part(lies)];
            let at = Whereabouts { postal: own, ..at(&parts) };
            assert!(blocks(&rule(told, code), &at), "{told} {code}");
            assert!(!blocks(&rule(told, "9"), &at) && !blocks(&rule("ES", code), &at));
            let whole = format!(r#"{{"matchOn":"contact","locations":[{{"country":"{told}"}}]}}"#);
            assert_eq!(blocks(&whole, &at), told == lies, "a whole country is that country");
        }
    }

    #[test]
    fn a_state_that_is_not_known_may_be_the_blocked_one() {
        let found = rule(r#"{"locations":[{"state":"US-FL"}]}"#).hindrance(&at(&[TOLL_FREE]));
        assert_eq!(found, Some(Hindrance::Blocked(Fit::Maybe)));
        assert!(!blocks(r#"{"locations":[{"country":"GB"}]}"#, &at(&[TOLL_FREE])));
        assert!(blocks(r#"{"locations":[{"country":"GB"}]}"#, &at(&[])), "nothing is known");
    }

    #[test]
    fn allow_only_wants_certainty() {
        let states = r#"{"effect":"allow_only","locations":[{"state":"US-FL"},{"state":"US-GA"}]}"#;
        assert!(!blocks(states, &at(&[FLORIDA])));
        assert!(blocks(states, &at(&[TOLL_FREE])));
        assert!(blocks(states, &at(&[Part { regions: "US-FL,US-AL", ..FLORIDA }])));
        assert!(blocks(states, &at(&[])));
        assert!(!blocks(states, &at(&[Part { regions: "US-FL,US-GA", ..FLORIDA }])), "wherever it is, it is allowed");
    }

    #[test]
    fn contact_and_device_are_told_apart() {
        let parts = [TEXAN, FLORIDA];
        let texas = |on: &str| format!(r#"{{"matchOn":"{on}","locations":[{{"state":"US-TX"}}]}}"#);
        assert!(blocks(&texas("contact"), &at(&parts)));
        assert!(!blocks(&texas("device"), &at(&parts)));
        assert!(!blocks(&texas("contact"), &at(&[FLORIDA])), "without a place of its own the device's is taken");
        assert!(blocks(r#"{"matchOn":"contact","locations":[{"state":"US-FL"}]}"#, &at(&[FLORIDA])));
        let email = Whereabouts { channel: Channel::Email, ..at(&parts[..1]) };
        assert!(blocks(&texas("device"), &email), "an email address lies where its contact does");
    }

    #[test]
    fn area_codes_postal_codes_and_zones_are_compared() {
        assert!(blocks(r#"{"locations":[{"country":"US","areaCode":"305"}]}"#, &at(&[FLORIDA])));
        assert!(!blocks(r#"{"locations":[{"country":"US","areaCode":"786"}]}"#, &at(&[FLORIDA])));
        assert!(!blocks(r#"{"locations":[{"country":"CA","areaCode":"305"}]}"#, &at(&[FLORIDA])));
        let postal =
            |code: &str| format!(r#"{{"matchOn":"contact","locations":[{{"country":"US","postalCode":"{code}"}}]}}"#);
        assert!(blocks(&postal("787*"), &at(&[TEXAN])) && blocks(&postal("78701"), &at(&[TEXAN])));
        assert!(!blocks(&postal("7870"), &at(&[TEXAN])));
        let zone = |zone: &str| format!(r#"{{"locations":[{{"timeZone":"{zone}"}}]}}"#);
        assert!(
            blocks(&zone("America/Chicago"), &at(&[FLORIDA])) && blocks(&zone("america/chicago"), &at(&[TOLL_FREE]))
        );
        assert!(!blocks(&zone("America/Denver"), &at(&[FLORIDA])));
        // a zone has several names
        let linked = Part { zones: "US/Eastern", ..FLORIDA };
        assert!(blocks(&zone("America/New_York"), &at(&[linked])) && blocks(&zone("EST5EDT"), &at(&[linked])));
        assert!(blocks(&zone("US/Eastern"), &at(&[Part { zones: "America/New_York", ..FLORIDA }])));
        assert!(!blocks(&zone("America/Toronto"), &at(&[linked])));
    }

    #[test]
    fn a_line_of_unknown_type_counts_as_wireless_and_a_fixed_one_does_not() {
        let wireless = r#"{"wirelessOnly":true,"locations":[{"anywhere":true}]}"#;
        for (line, held) in [
            (LineType::Unknown, true),
            (LineType::FixedOrMobile, true),
            (LineType::Mobile, true),
            (LineType::Fixed, false),
            (LineType::TollFree, false),
        ] {
            assert_eq!(blocks(wireless, &Whereabouts { line_type: line, ..at(&[FLORIDA]) }), held, "{line:?}");
        }
        assert!(!blocks(wireless, &Whereabouts { channel: Channel::Email, ..at(&[FLORIDA]) }));
    }

    #[test]
    fn a_national_list_that_is_not_known_holds_back() {
        let listed = r#"{"doNotCallOnly":true,"locations":[{"country":"US"}]}"#;
        let with = |known| Whereabouts { do_not_call: known, ..at(&[FLORIDA]) };
        assert_eq!(rule(listed).hindrance(&with(None)), Some(Hindrance::ListUnknown));
        assert!(blocks(listed, &with(Some(true))) && !blocks(listed, &with(Some(false))));
        let elsewhere = r#"{"doNotCallOnly":true,"locations":[{"country":"CA"}]}"#;
        assert!(!blocks(elsewhere, &with(None)), "a rule for elsewhere needs no list");
    }
}
