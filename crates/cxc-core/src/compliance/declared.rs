//! The times at which a person said that contacts are convenient.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::legal::WeekHours;
use super::wall_time::{DayWindow, WallTime};

/// What a person said about convenient times. It narrows every window and widens none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeclaredTimes {
    /// The convenient hours, on the clocks of every zone in which the person may be.
    pub hours: WeekHours,
    /// When it was said.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
}

impl DeclaredTimes {
    /// Everything that a person said, taken together: convenient is what no statement excludes. `None` if nothing was
    /// said.
    pub fn all(said: impl IntoIterator<Item = Self>) -> Option<Self> {
        said.into_iter().reduce(|a, b| Self { hours: a.hours.intersect(&b.hours), at: a.at.max(b.at) })
    }
}

/// How people put it: "not before ten, not on Fridays".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SaidTimes {
    /// The convenient hours by weekday; a day that is not named is closed.
    pub hours: Option<WeekHours>,
    /// Not before this time of day.
    pub not_before: Option<WallTime>,
    /// Not from this time of day on.
    pub not_after: Option<WallTime>,
    /// Not on these weekdays: `mon` to `sun`.
    #[schema(max_items = 7)]
    pub not_on: Vec<String>,
}

impl SaidTimes {
    /// The hours that are left. Says what is wrong: nothing said, an unknown day, or nothing left.
    pub fn hours(&self) -> Result<WeekHours, String> {
        if *self == Self::default() {
            return Err("say when: hours, notBefore, notAfter or notOn".into());
        }
        let (from, till) =
            (self.not_before.unwrap_or(WallTime::MIDNIGHT), self.not_after.unwrap_or(WallTime::END_OF_DAY));
        let mut days: [Vec<DayWindow>; 7] = Default::default();
        if from < till {
            days.fill(vec![DayWindow { from, till }]);
        }
        for name in &self.not_on {
            let day =
                WeekHours::day_index(name).ok_or_else(|| format!("a day is one of mon to sun, found {name:?}"))?;
            days[day].clear();
        }
        let asked = WeekHours(days);
        let left = self.hours.as_ref().map_or_else(|| asked.clone(), |hours| hours.intersect(&asked));
        if left.is_closed() {
            return Err("no hour is left: who wants no contact at all has opted out, so revoke instead".into());
        }
        Ok(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(json: &str) -> Result<WeekHours, String> {
        serde_json::from_str::<SaidTimes>(json).map_err(|e| e.to_string())?.hours()
    }

    #[test]
    fn what_people_say_becomes_the_hours_that_are_left() {
        let want: WeekHours = serde_json::from_str(r#"{"mon-thu":"10:00-24:00","sat-sun":"10:00-24:00"}"#).unwrap();
        assert_eq!(hours(r#"{"notBefore":"10:00","notOn":["fri"]}"#).unwrap(), want);
        let want: WeekHours = serde_json::from_str(r#"{"mon":"09:00-12:00"}"#).unwrap();
        assert_eq!(hours(r#"{"hours":{"mon-tue":"08:00-12:00"},"notBefore":"09:00","notOn":["tue"]}"#).unwrap(), want);
    }

    #[test]
    fn what_says_nothing_or_leaves_nothing_is_refused() {
        for (json, says) in [
            ("{}", "say when"),
            (r#"{"notOn":["friday"]}"#, "mon to sun"),
            (r#"{"notBefore":"18:00","notAfter":"09:00"}"#, "no hour is left"),
            (r#"{"hours":{"mon":"08:00-12:00"},"notOn":["mon"]}"#, "no hour is left"),
        ] {
            let error = hours(json).unwrap_err();
            assert!(error.contains(says), "{json}: {error}");
        }
    }

    #[test]
    fn statements_together_leave_what_none_excludes() {
        let said = |json: &str, at: &str| DeclaredTimes { hours: hours(json).unwrap(), at: at.parse().ok() };
        let all = DeclaredTimes::all([
            said(r#"{"notBefore":"10:00"}"#, "2026-01-01T00:00:00Z"),
            said(r#"{"notOn":["fri"]}"#, "2026-02-01T00:00:00Z"),
        ]);
        let all = all.unwrap();
        assert_eq!(all.hours, hours(r#"{"notBefore":"10:00","notOn":["fri"]}"#).unwrap());
        assert_eq!(all.at, "2026-02-01T00:00:00Z".parse().ok());
        assert_eq!(DeclaredTimes::all([]), None);
    }
}
