//! Contact dates: holidays and other special days of a country or region.
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::area::{Area, validate_area};
use super::contact_times::validate_name;
use super::wall_time::{DayWindow, validate_day};
use crate::field_error::FieldError;

/// A day on which the people of a country or region are not contacted, or only in a window. It counts by the
/// local date of every zone in which a person may be, and narrows the contact times: it never widens them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContactDates {
    /// What people call the day.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub name: String,
    /// The two letters of the country; without it the day is special everywhere.
    #[serde(default)]
    #[schema(pattern = "^[A-Z]{2}$")]
    pub country: Option<String>,
    /// The state or province, `FL` or `US-FL`.
    #[serde(default)]
    pub region: Option<String>,
    /// The local date.
    #[schema(value_type = String, format = Date, example = "2026-12-25")]
    pub date: Date,
    /// The only hours of that day; `null` blocks the day.
    #[serde(default)]
    pub window: Option<DayWindow>,
}

impl ContactDates {
    /// Everything that is wrong with it; empty if it can be used.
    pub fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        validate_name(&self.name, &mut errors);
        validate_area(self.country.as_deref(), self.region.as_deref(), &mut errors);
        if !(1970..=2200).contains(&self.date.year()) {
            errors.push(FieldError::new("/date", "date", "a date lies between 1970 and 2200"));
        }
        let mut of_window = Vec::new();
        validate_day(self.window.as_slice(), "", &mut of_window);
        // the only window has no index
        errors.extend(of_window.into_iter().map(|e| FieldError { pointer: "/window/till".to_owned(), ..e }));
        errors
    }

    /// What it says in vain from a day on: a date that is over, or a window of the whole day.
    pub fn idle(&self, from: Date) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if self.date < from {
            let detail = format!("{} is over everywhere: name a day from {from} on", self.date);
            errors.push(FieldError::new("/date", "idle", detail));
        }
        if self.window == Some(DayWindow::ALL_DAY) {
            let detail =
                "a window of the whole day narrows nothing: name a shorter one, or leave it out to close the day";
            errors.push(FieldError::new("/window", "idle", detail));
        }
        errors
    }

    pub(super) fn area(&self) -> Area {
        Area::of(self.country.as_deref(), self.region.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_without_a_window_is_blocked() {
        let rule: ContactDates = serde_json::from_str(r#"{"country":"US","date":"2026-12-25"}"#).unwrap();
        assert_eq!(rule.window, None);
        assert!(rule.validate().is_empty());
    }

    #[test]
    fn a_day_that_is_over_and_a_window_of_all_of_it_are_idle() {
        let idle = |text: &str| -> Vec<String> {
            let rule: ContactDates = serde_json::from_str(text).unwrap();
            assert!(rule.validate().is_empty());
            rule.idle("2026-12-25".parse().unwrap()).into_iter().map(|e| e.pointer).collect()
        };
        assert!(idle(r#"{"date":"2026-12-25"}"#).is_empty());
        assert_eq!(idle(r#"{"date":"2026-12-24"}"#), ["/date"]);
        assert_eq!(idle(r#"{"date":"2026-12-25","window":{"from":"00:00","till":"24:00"}}"#), ["/window"]);
    }

    #[test]
    fn a_date_that_does_not_exist_is_refused() {
        assert!(serde_json::from_str::<ContactDates>(r#"{"date":"2026-02-30"}"#).is_err());
    }

    #[test]
    fn a_window_that_closes_before_it_opens_is_refused() {
        let text = r#"{"date":"2026-12-24","window":{"from":"12:00","till":"09:00"}}"#;
        let rule: ContactDates = serde_json::from_str(text).unwrap();
        assert_eq!(rule.validate()[0].pointer, "/window/till");
    }
}
