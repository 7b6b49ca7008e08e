//! Wall-clock times of day and the windows between them.
use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};

use crate::field_error::FieldError;

/// The most windows that one day can have.
pub const MAX_WINDOWS_A_DAY: usize = 8;

/// A time of day on a wall clock in minutes after midnight, `00:00` to `24:00` (the end of the day).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(u16);

impl WallTime {
    /// The start of the day.
    pub const MIDNIGHT: WallTime = WallTime(0);
    /// The end of the day.
    pub const END_OF_DAY: WallTime = WallTime(1440);

    /// A time of day from its hour (0 to 24) and minute; `None` beyond 24:00.
    pub const fn new(hour: u16, minute: u16) -> Option<Self> {
        if hour > 24 || minute > 59 || (hour == 24 && minute > 0) {
            return None;
        }
        Some(Self(hour * 60 + minute))
    }

    /// Minutes after midnight, 0 to 1440.
    pub const fn minutes(self) -> u16 {
        self.0
    }

    /// A time of day from `HH:MM`; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: &[u8; 5] = text.as_bytes().try_into().ok()?;
        let digit = |i: usize| bytes[i].is_ascii_digit().then(|| u16::from(bytes[i] - b'0'));
        if bytes[2] != b':' {
            return None;
        }
        Self::new(digit(0)? * 10 + digit(1)?, digit(3)? * 10 + digit(4)?)
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl Serialize for WallTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WallTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("a time of day is HH:MM, 00:00 to 24:00"))
    }
}

impl utoipa::PartialSchema for WallTime {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A time of day, HH:MM; 24:00 is the end of the day"))
            .pattern(Some("^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"))
            .examples(["08:00"])
            .into()
    }
}

impl ToSchema for WallTime {}

/// A window of one day: open from `from` until, exclusively, `till`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DayWindow {
    /// It opens.
    pub from: WallTime,
    /// It closes; `24:00` is the end of the day.
    pub till: WallTime,
}

impl DayWindow {
    /// The whole day.
    pub const ALL_DAY: DayWindow = DayWindow { from: WallTime::MIDNIGHT, till: WallTime::END_OF_DAY };

    /// A window between two times in minutes after midnight (at most 1440).
    pub const fn minutes(from: u16, till: u16) -> Self {
        Self { from: WallTime(cap_minutes(from)), till: WallTime(cap_minutes(till)) }
    }
}

const fn cap_minutes(minutes: u16) -> u16 {
    if minutes > 1440 { 1440 } else { minutes }
}

/// What is wrong with the windows of one day, at `pointer`.
pub(super) fn validate_day(windows: &[DayWindow], pointer: &str, errors: &mut Vec<FieldError>) {
    if windows.len() > MAX_WINDOWS_A_DAY {
        let detail = format!("a day has at most {MAX_WINDOWS_A_DAY} windows");
        errors.push(FieldError::new(pointer, "too_many", detail));
        return;
    }
    for (i, window) in windows.iter().enumerate() {
        if window.from >= window.till {
            let detail = "a window closes after it opens; over midnight it is two windows, until 24:00 and from 00:00";
            errors.push(FieldError::new(format!("{pointer}/{i}/till"), "not_after_from", detail));
        }
        let overlaps = |other: &&DayWindow| other.from < window.till && window.from < other.till;
        if windows[..i].iter().any(|other| overlaps(&other)) {
            let detail = "the windows of one day do not overlap";
            errors.push(FieldError::new(format!("{pointer}/{i}"), "overlap", detail));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_read_strictly_and_written_back() {
        for text in ["00:00", "08:05", "23:59", "24:00"] {
            assert_eq!(WallTime::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "8:00", "24:01", "25:00", "12:60", "12-30", "+1:00", "12:3a", "12:300", "１2:00"] {
            assert_eq!(WallTime::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_window_that_closes_before_it_opens_is_refused() {
        let mut errors = Vec::new();
        validate_day(&[DayWindow::minutes(600, 600)], "/weekdays/0", &mut errors);
        assert_eq!(errors[0].pointer, "/weekdays/0/0/till");
    }

    #[test]
    fn windows_of_one_day_may_touch_but_not_overlap() {
        let mut errors = Vec::new();
        validate_day(&[DayWindow::minutes(600, 700), DayWindow::minutes(700, 800)], "", &mut errors);
        assert!(errors.is_empty());
        validate_day(&[DayWindow::minutes(600, 700), DayWindow::minutes(0, 601)], "", &mut errors);
        assert_eq!(errors[0].code, "overlap");
    }
}
