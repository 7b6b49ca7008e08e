//! Contact times: on which hours of which weekdays the people of a country or region may be contacted.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::area::{Area, validate_area};
use super::wall_time::{DayWindow, validate_day};
use crate::channel::Channel;
use crate::field_error::FieldError;
use crate::written_reason::WrittenReason;

/// The hours in which people may be contacted, by weekday, on the clocks of every zone in which they may be.
/// Among the required rules of a channel those of the person's region win over those of its country, and these over
/// those for everywhere; several of one rank hold together. Where none holds, the hours of the law do, and where no law
/// says hours, 08:00-21:00. A rule that is not required only narrows what holds without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContactTimes {
    /// What people call the rule.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub name: String,
    /// The two letters of the country; without it the rule holds everywhere.
    #[serde(default)]
    #[schema(pattern = "^[A-Z]{2}$")]
    pub country: Option<String>,
    /// The state or province, `FL` or `US-FL`.
    #[serde(default)]
    pub region: Option<String>,
    /// The windows of the seven weekdays, Monday first; a day without windows is closed.
    #[schema(min_items = 7, max_items = 7)]
    pub weekdays: Vec<Vec<DayWindow>>,
    /// The channels for which it holds; empty for all.
    #[serde(default)]
    pub channels: Vec<Channel>,
    /// It holds for every campaign; otherwise only for those that name it.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub required: bool,
    /// Why people may be contacted before 08:00 or after 21:00, the shipped contact times. A required rule that is open then
    /// needs one; the audit log keeps it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 2000)]
    pub reason: String,
}

fn yes() -> bool {
    true
}

impl ContactTimes {
    /// The rule that is shipped: 08:00-21:00 on every day, everywhere, on every channel.
    pub fn shipped() -> Self {
        Self::every_day("Shipped contact times", USUAL)
    }

    /// A required rule of one window on every day, everywhere, on every channel.
    pub fn every_day(name: &str, window: DayWindow) -> Self {
        Self {
            name: name.to_owned(),
            country: None,
            region: None,
            weekdays: vec![vec![window]; 7],
            channels: Vec::new(),
            required: true,
            reason: String::new(),
        }
    }

    /// What it lacks to be stored: a reason, if it holds in place of the shipped times and opens hours that these forbid.
    pub fn unexplained(&self) -> Option<FieldError> {
        let beyond = |window: &DayWindow| window.from < USUAL.from || window.till > USUAL.till;
        let lacks =
            self.required && WrittenReason::of_law(&self.reason).is_err() && self.weekdays.iter().flatten().any(beyond);
        let detail =
            "this opens hours outside the shipped contact times, 08:00 to 21:00: say why, the audit log keeps it";
        lacks.then(|| FieldError::new("/reason", "required", detail))
    }

    /// What it says in vain: hours that are open never, or, of a rule that only narrows, always.
    pub fn idle(&self) -> Option<FieldError> {
        let is_all = |day: &Vec<DayWindow>| matches!(day[..], [window] if window == DayWindow::ALL_DAY);
        let detail = if self.weekdays.len() == 7 && self.weekdays.iter().all(Vec::is_empty) {
            "these hours are open at no time, so nobody would be contacted: name the windows of at least one day. To contact \
             nobody at a place is a location rule, to contact nobody at all the stop switch"
        } else if !self.required && self.weekdays.iter().all(is_all) {
            "a rule that is not required only narrows, and these hours are open all week: name shorter windows, or leave \
             the rule out"
        } else {
            return None;
        };
        Some(FieldError::new("/weekdays", "idle", detail))
    }

    /// Everything that is wrong with it; empty if it can be used.
    pub fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        validate_name(&self.name, &mut errors);
        validate_area(self.country.as_deref(), self.region.as_deref(), &mut errors);
        if self.weekdays.len() != 7 {
            errors.push(FieldError::new(
                "/weekdays",
                "seven_days",
                "weekdays are seven lists of windows, Monday first",
            ));
        }
        for (i, day) in self.weekdays.iter().take(7).enumerate() {
            validate_day(day, &format!("/weekdays/{i}"), &mut errors);
        }
        validate_channels(&self.channels, &mut errors);
        if self.reason.chars().count() > MAX_REASON {
            errors.push(FieldError::new("/reason", "too_long", format!("at most {MAX_REASON} characters")));
        }
        errors
    }

    pub(super) fn area(&self) -> Area {
        Area::of(self.country.as_deref(), self.region.as_deref())
    }
}

/// The shipped contact times of a day.
const USUAL: DayWindow = DayWindow::minutes(8 * 60, 21 * 60);
/// The longest name of a rule, in characters.
const MAX_NAME: usize = 255;
/// The longest reason, in characters.
pub(super) const MAX_REASON: usize = WrittenReason::MOST_OF_LAW;

pub(super) fn validate_name(name: &str, errors: &mut Vec<FieldError>) {
    if name.chars().count() > MAX_NAME {
        errors.push(FieldError::new("/name", "too_long", format!("a name has at most {MAX_NAME} characters")));
    }
}

pub(super) fn validate_channels(channels: &[Channel], errors: &mut Vec<FieldError>) {
    for (i, channel) in channels.iter().enumerate() {
        if channels[..i].contains(channel) {
            errors.push(FieldError::new(format!("/channels/{i}"), "duplicate", "a channel is named once"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_rule_is_valid_and_survives_the_wire() {
        let rule = ContactTimes::shipped();
        assert!(rule.validate().is_empty());
        let text = serde_json::to_string(&rule).unwrap();
        assert!(text.contains(r#"{"from":"08:00","till":"21:00"}"#), "{text}");
        assert_eq!(serde_json::from_str::<ContactTimes>(&text).unwrap(), rule);
    }

    #[test]
    fn a_rule_holds_for_every_campaign_unless_it_says_otherwise() {
        let rule: ContactTimes = serde_json::from_str(r#"{"weekdays":[[],[],[],[],[],[],[]]}"#).unwrap();
        assert!(rule.required && rule.channels.is_empty());
    }

    #[test]
    fn a_required_rule_beyond_the_shipped_hours_needs_a_reason() {
        let rule = |from: u16, till: u16| ContactTimes::every_day("x", DayWindow::minutes(from * 60, till * 60));
        assert_eq!(rule(8, 21).unexplained(), None);
        for wide in [rule(0, 24), rule(7, 20), rule(9, 22)] {
            assert_eq!(wide.unexplained().unwrap().pointer, "/reason");
            // what was stored before still holds
            assert!(wide.validate().is_empty());
            assert_eq!(ContactTimes { reason: "a load test".to_owned(), ..wide.clone() }.unexplained(), None);
            assert_eq!(ContactTimes { required: false, ..wide }.unexplained(), None, "it only narrows");
        }
    }

    #[test]
    fn hours_that_never_open_and_those_that_narrow_nothing_are_idle() {
        let rule = |required: bool, week: &str| -> ContactTimes {
            serde_json::from_str(&format!(r#"{{"required":{required},"weekdays":[{week}]}}"#)).unwrap()
        };
        let (none, all) = (["[]"; 7].join(","), [r#"[{"from":"00:00","till":"24:00"}]"#; 7].join(","));
        let one = format!(r#"{},[{{"from":"09:00","till":"10:00"}}]"#, ["[]"; 6].join(","));
        for (rule, idle) in [
            (rule(true, &none), true),
            (rule(false, &none), true),
            (rule(false, &all), true),
            (rule(true, &all), false),
            (rule(true, &one), false),
            (rule(false, &one), false),
        ] {
            assert_eq!(rule.idle().map(|e| e.pointer), idle.then(|| "/weekdays".to_owned()), "{rule:?}");
            assert!(rule.validate().is_empty(), "one that was stored before is read");
        }
    }

    #[test]
    fn an_unknown_member_is_refused() {
        assert!(serde_json::from_str::<ContactTimes>(r#"{"weekdays":[],"hours":[]}"#).is_err());
    }

    #[test]
    fn every_error_is_reported_at_its_place() {
        let text = r#"{"country":"us","weekdays":[[{"from":"10:00","till":"09:00"}]],"channels":["sms","sms"]}"#;
        let rule: ContactTimes = serde_json::from_str(text).unwrap();
        let pointers: Vec<_> = rule.validate().into_iter().map(|e| e.pointer).collect();
        assert_eq!(pointers, ["/country", "/weekdays", "/weekdays/0/0/till", "/channels/1"]);
    }
}
