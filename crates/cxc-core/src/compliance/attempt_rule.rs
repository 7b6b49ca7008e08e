//! Attempt rules: at most so many attempts in a window, by person or by device.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::area::{Area, validate_area};
use super::contact_times::{validate_channels, validate_name};
use crate::channel::Channel;
use crate::enumerations::CallResult;
use crate::field_error::FieldError;

/// The results that a new rule counts. For a message, delivered (0) counts where Answer does.
pub const PRESELECTED_RESULTS: [CallResult; 12] = [
    CallResult::Busy,
    CallResult::NoAnswer,
    CallResult::AnsweringMachine,
    CallResult::Fax,
    CallResult::Overflowed,
    CallResult::Abandoned,
    CallResult::Dropped,
    CallResult::DroppedNoAnswer,
    CallResult::Silence,
    CallResult::Answer,
    CallResult::WrongParty,
    CallResult::WrongNumber,
];

/// The longest rolling window, in seconds: 400 days.
pub const MAX_WINDOW_SECONDS: u32 = 400 * 86_400;

/// Whose attempts a rule counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleScope {
    /// Those of every campaign.
    #[default]
    Tenant,
    /// Those of the campaign group that wants to attempt.
    CampaignGroup,
}

/// By what a rule counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CountBy {
    /// Attempts on the same person, on any device. Without a client id, those on the device.
    #[default]
    ClientId,
    /// Attempts on the same device, whoever's it is.
    Device,
    /// Attempts on the same person on the same device.
    Pair,
}

/// The window in which attempts are counted: the callee's day, or so many seconds back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttemptWindow {
    /// Since the callee's midnight; with several zones, the earliest of their midnights.
    #[serde(default)]
    pub today: bool,
    /// The last so many seconds. An attempt exactly as old as that no longer counts.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 34560000)]
    pub seconds: Option<u32>,
}

/// At most so many attempts in a window. An attempt under way or in doubt counts whatever becomes of it;
/// one that is known never to have left does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttemptRule {
    /// What people call the rule.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub name: String,
    /// It holds for every campaign; otherwise only for those that name it.
    #[serde(default)]
    pub required: bool,
    /// 1 is the highest: its reason is reported first.
    #[serde(default = "one")]
    #[schema(default = 1, minimum = 1, maximum = 1000)]
    pub priority: u16,
    /// Whose attempts count.
    #[serde(default)]
    pub scope: RuleScope,
    /// The most attempts in a window.
    #[schema(minimum = 1, maximum = 10000)]
    pub max_attempts: u32,
    /// Where attempts count.
    pub window: AttemptWindow,
    /// The numbers of the call results that count; left out, the twelve usual ones. Where both this and
    /// `dispositions` are empty every attempt counts.
    #[serde(default = "preselected")]
    pub results: Vec<i16>,
    /// The dispositions that count, besides the results.
    #[serde(default)]
    pub dispositions: Vec<String>,
    /// By what it counts.
    #[serde(default)]
    pub count_by: CountBy,
    /// The channels for which it holds and whose attempts count; empty for all.
    #[serde(default)]
    pub channels: Vec<Channel>,
    /// Of the attempts that went out only those to people who may have been there count; left out, those to anywhere.
    /// An attempt of which no place is known counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub to: Option<AttemptPlace>,
    /// Of the attempts that came in only those from people who may have been there count; left out, those from
    /// anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub from: Option<AttemptPlace>,
    /// The same place for `to` and `from` as one text, `US` or `US-FL`: how rules of before name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 6)]
    pub location: Option<String>,
}

/// Where the person of an earlier attempt may have been: in a country, or in a region of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttemptPlace {
    /// The country, by its two capital letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 2, max_length = 2)]
    pub country: Option<String>,
    /// The state, province or region: `FL` with its country, or `US-FL` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 6)]
    pub state: Option<String>,
}

impl AttemptPlace {
    pub(super) fn area(&self) -> Area {
        Area::of(self.country.as_deref(), self.state.as_deref())
    }

    fn errors(&self, at: &str) -> Vec<FieldError> {
        let mut wrong = Vec::new();
        if self.country.is_none() && self.state.is_none() {
            wrong.push(FieldError::new(
                "",
                "required",
                "name a country or a state, or leave the place out for anywhere",
            ));
        }
        validate_area(self.country.as_deref(), self.state.as_deref(), &mut wrong);
        let own = |error: FieldError| {
            let pointer = error.pointer.replace("/region", "/state");
            FieldError { pointer, ..error }.under(at)
        };
        wrong.into_iter().map(own).collect()
    }
}

fn one() -> u16 {
    1
}

fn preselected() -> Vec<i16> {
    PRESELECTED_RESULTS.map(CallResult::code).to_vec()
}

impl AttemptRule {
    /// Everything that is wrong with it; empty if it can be used.
    pub fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        validate_name(&self.name, &mut errors);
        if !(1..=1000).contains(&self.priority) {
            errors.push(FieldError::new("/priority", "range", "a priority is 1 (highest) to 1000"));
        }
        if !(1..=10_000).contains(&self.max_attempts) {
            errors.push(FieldError::new("/maxAttempts", "range", "the most attempts are 1 to 10000"));
        }
        self.validate_window(&mut errors);
        for (i, code) in self.results.iter().enumerate() {
            if CallResult::from_code(*code).is_none() {
                errors.push(FieldError::new(format!("/results/{i}"), "call_result", "a call result is 0 to 53"));
            }
        }
        validate_dispositions(&self.dispositions, &mut errors);
        validate_channels(&self.channels, &mut errors);
        for (name, place) in [("to", &self.to), ("from", &self.from)] {
            errors.extend(place.iter().flat_map(|place| place.errors(&format!("/{name}"))));
        }
        if self.location.is_some() && (self.to.is_some() || self.from.is_some()) {
            let detail = "location stands for to and from together: name either it or them";
            errors.push(FieldError::new("/location", "one_of", detail));
        }
        if let Some(location) = self.location.as_deref() {
            let (country, region) = location.split_once('-').map_or((location, None), |(c, r)| (c, Some(r)));
            let mut wrong = Vec::new();
            validate_area(Some(country), region, &mut wrong);
            if !wrong.is_empty() {
                let detail = "a location is a country or a region, as in US or US-FL";
                errors.push(FieldError::new("/location", "location", detail));
            }
        }
        errors
    }

    fn validate_window(&self, errors: &mut Vec<FieldError>) {
        match (self.window.today, self.window.seconds) {
            (true, None) => {}
            (false, Some(seconds)) if (1..=MAX_WINDOW_SECONDS).contains(&seconds) => {}
            (false, Some(_)) => {
                errors.push(FieldError::new("/window/seconds", "range", "a window is 1 second to 400 days"));
            }
            _ => errors.push(FieldError::new("/window", "one_of", "a window is either today or a number of seconds")),
        }
    }
}

fn validate_dispositions(dispositions: &[String], errors: &mut Vec<FieldError>) {
    if dispositions.len() > 200 {
        errors.push(FieldError::new("/dispositions", "too_many", "a rule names at most 200 dispositions"));
    }
    for (i, text) in dispositions.iter().enumerate().take(200) {
        if text.is_empty() || text.len() > 64 {
            let detail = "a disposition code has 1 to 64 bytes";
            errors.push(FieldError::new(format!("/dispositions/{i}"), "disposition", detail));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> AttemptRule {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_new_rule_counts_the_twelve_usual_results() {
        let rule = parse(r#"{"maxAttempts":3,"window":{"today":true}}"#);
        assert_eq!(rule.results, [6, 7, 9, 17, 20, 21, 26, 27, 32, 33, 40, 53]);
        assert_eq!((rule.priority, rule.scope, rule.count_by), (1, RuleScope::Tenant, CountBy::ClientId));
        assert!(rule.validate().is_empty());
    }

    #[test]
    fn a_window_is_today_or_seconds_and_not_both() {
        for window in [r#"{}"#, r#"{"today":true,"seconds":5}"#, r#"{"seconds":0}"#, r#"{"seconds":40000000}"#] {
            let rule = parse(&format!(r#"{{"maxAttempts":1,"window":{window}}}"#));
            assert_eq!(rule.validate().len(), 1, "{window}");
        }
    }

    #[test]
    fn a_result_that_does_not_exist_is_refused() {
        let rule = parse(r#"{"maxAttempts":1,"window":{"today":true},"results":[6,54]}"#);
        assert_eq!(rule.validate()[0].pointer, "/results/1");
    }

    #[test]
    fn the_place_of_earlier_attempts_is_a_country_or_a_state_and_named_once() {
        let errors = |place: &str| {
            let rule = parse(&format!(r#"{{"maxAttempts":1,"window":{{"today":true}},{place}}}"#));
            rule.validate().into_iter().map(|e| e.pointer).collect::<Vec<_>>()
        };
        assert!(errors(r#""to":{"country":"US","state":"FL"},"from":{"state":"US-TX"}"#).is_empty());
        assert!(errors(r#""location":"US-FL""#).is_empty());
        assert_eq!(errors(r#""to":{}"#), ["/to"]);
        assert_eq!(errors(r#""from":{"state":"FL"}"#), ["/from/country"]);
        assert_eq!(errors(r#""to":{"country":"us"}"#), ["/to/country"]);
        assert_eq!(errors(r#""from":{"country":"US","state":"Florida"}"#), ["/from/state"]);
        assert_eq!(errors(r#""to":{"country":"US"},"location":"US""#), ["/location"]);
    }

    #[test]
    fn a_limit_of_none_is_refused() {
        let rule = parse(r#"{"maxAttempts":0,"window":{"today":true}}"#);
        assert_eq!(rule.validate()[0].pointer, "/maxAttempts");
    }
}
