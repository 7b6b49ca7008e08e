//! The hours of a week as lawyers write them: `{ "mon-fri" = "09:00-21:30", "sat-sun" = "10:00-18:00" }`.
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};

use super::super::wall_time::{DayWindow, MAX_WINDOWS_A_DAY, WallTime};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The open hours of the seven weekdays, Monday first. A day that is not named is closed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct WeekHours(pub [Vec<DayWindow>; 7]);

impl WeekHours {
    /// The hours that both weeks have open; of a day that would have more windows than a day can have, the first ones.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let day = |i: usize| {
            let pairs = self.0[i].iter().flat_map(|a| other.0[i].iter().map(move |b| (a, b)));
            let windows = pairs.map(|(a, b)| DayWindow { from: a.from.max(b.from), till: a.till.min(b.till) });
            windows.filter(|w| w.from < w.till).take(MAX_WINDOWS_A_DAY).collect()
        };
        Self(std::array::from_fn(day))
    }

    /// The place of a weekday by its short name: `mon` is 0.
    pub fn day_index(name: &str) -> Option<usize> {
        DAYS.iter().position(|day| *day == name)
    }

    /// Whether some day is open round the clock.
    pub fn leaves_a_day_open(&self) -> bool {
        self.0.iter().any(|day| day.as_slice() == [DayWindow::ALL_DAY])
    }

    /// Whether no day has an open hour.
    pub fn is_closed(&self) -> bool {
        self.0.iter().all(Vec::is_empty)
    }
}

/// The windows of one day, as text: `"10:00-13:00, 14:00-20:00"`, or `"closed"`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct DayHours(pub Vec<DayWindow>);

impl DayHours {
    /// Reads `10:00-13:00, 14:00-20:00` or `closed`. The error says what is right.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim() == "closed" {
            return Ok(Self::default());
        }
        let windows: Result<Vec<_>, _> = text.split(',').map(|window| parse_window(window.trim())).collect();
        let mut windows = windows?;
        windows.sort_unstable();
        if windows.len() > MAX_WINDOWS_A_DAY {
            return Err(format!("a day has at most {MAX_WINDOWS_A_DAY} windows, not {}", windows.len()));
        }
        if let Some(pair) = windows.windows(2).find(|pair| pair[1].from < pair[0].till) {
            return Err(format!("the windows of one day do not overlap, as {} does with the next", show(&pair[0])));
        }
        Ok(Self(windows))
    }
}

fn parse_window(text: &str) -> Result<DayWindow, String> {
    let wrong = || format!("hours are written 08:00-21:00, or closed, not \"{text}\"");
    let (from, till) = text.split_once('-').ok_or_else(wrong)?;
    let from = WallTime::parse(from.trim()).ok_or_else(wrong)?;
    let till = WallTime::parse(till.trim()).ok_or_else(wrong)?;
    if from >= till {
        return Err(format!("a window closes after it opens and ends at 24:00 at the latest, unlike \"{text}\""));
    }
    Ok(DayWindow { from, till })
}

fn show(window: &DayWindow) -> String {
    format!("{}-{}", window.from, window.till)
}

impl fmt::Display for DayHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("closed");
        }
        f.write_str(&self.0.iter().map(show).collect::<Vec<_>>().join(", "))
    }
}

/// The weekdays of a key: `mon`, `mon-fri`, `daily`.
fn days_of(key: &str) -> Option<std::ops::RangeInclusive<usize>> {
    let day = |name: &str| DAYS.iter().position(|d| *d == name);
    match key.split_once('-') {
        _ if key == "daily" => Some(0..=6),
        None => day(key).map(|d| d..=d),
        Some((first, last)) => Some(day(first)?..=day(last)?).filter(|days| !days.is_empty()),
    }
}

struct WeekVisitor;

impl<'de> Visitor<'de> for WeekVisitor {
    type Value = WeekHours;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hours by weekday, as in { mon-fri = \"09:00-21:30\", sat = \"10:00-18:00\" }")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<WeekHours, A::Error> {
        let mut week: [Option<Vec<DayWindow>>; 7] = Default::default();
        while let Some((key, hours)) = map.next_entry::<String, DayHours>()? {
            let wrong = || A::Error::custom(format!("a day is mon to sun, mon-fri or daily, not \"{key}\""));
            for day in days_of(&key).ok_or_else(wrong)? {
                if week[day].replace(hours.0.clone()).is_some() {
                    return Err(A::Error::custom(format!("{} is named twice", DAYS[day])));
                }
            }
        }
        Ok(WeekHours(week.map(Option::unwrap_or_default)))
    }
}

impl<'de> Deserialize<'de> for WeekHours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(WeekVisitor)
    }
}

impl Serialize for WeekHours {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(7))?;
        for (name, day) in DAYS.iter().zip(&self.0) {
            map.serialize_entry(name, &DayHours(day.clone()))?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for DayHours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

impl Serialize for DayHours {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl utoipa::PartialSchema for DayHours {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("Windows of one day, or closed"))
            .examples(["10:00-13:00, 14:00-20:00"])
            .into()
    }
}

impl ToSchema for DayHours {}

impl utoipa::PartialSchema for WeekHours {
    fn schema() -> RefOr<Schema> {
        let example: BTreeMap<&str, &str> = [("mon-fri", "09:00-21:30"), ("sat-sun", "10:00-18:00")].into();
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("Hours by weekday (mon to sun, a range such as mon-fri, or daily); others are closed"))
            .additional_properties(Some(<DayHours as utoipa::PartialSchema>::schema()))
            .examples([serde_json::json!(example)])
            .into()
    }
}

impl ToSchema for WeekHours {}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<WeekHours, String> {
        serde_json::from_str(text).map_err(|e| e.to_string())
    }

    #[test]
    fn hours_are_read_as_they_are_written_and_survive_the_wire() {
        let week = read(r#"{"mon-fri":"10:00-13:00, 14:00-20:00","sat":"closed"}"#).unwrap();
        assert_eq!((week.0[0].len(), week.0[4].len(), week.0[5].len(), week.0[6].len()), (2, 2, 0, 0));
        let again = serde_json::to_string(&week).unwrap();
        assert_eq!(read(&again).unwrap(), week);
    }

    #[test]
    fn two_weeks_have_in_common_what_both_have_open() {
        let mornings = read(r#"{"mon-fri":"08:00-12:00"}"#).unwrap();
        let late = read(r#"{"daily":"10:00-18:00"}"#).unwrap();
        assert_eq!(mornings.intersect(&late), read(r#"{"mon-fri":"10:00-12:00"}"#).unwrap());
        let weekend = read(r#"{"sat-sun":"10:00-18:00"}"#).unwrap();
        assert!(mornings.intersect(&weekend).is_closed() && !late.is_closed());
    }

    #[test]
    fn what_is_not_possible_is_refused_with_what_is_right() {
        for (text, says) in [
            (r#"{"mon":"21:00-08:00"}"#, "closes after it opens"),
            (r#"{"mon":"08:00-25:00"}"#, "hours are written"),
            (r#"{"mon":"8-21"}"#, "hours are written"),
            (r#"{"monday":"08:00-21:00"}"#, "a day is mon to sun"),
            (r#"{"fri-mon":"08:00-21:00"}"#, "a day is mon to sun"),
            (r#"{"mon-fri":"08:00-21:00","wed":"closed"}"#, "wed is named twice"),
            (r#"{"mon":"08:00-12:00, 11:00-21:00"}"#, "do not overlap"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
