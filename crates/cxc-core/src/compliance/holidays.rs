//! Holiday calendars: explicit dated lists, by the names that legal rules use.
use std::collections::BTreeMap;

use jiff::civil::Date;

/// A holiday file that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}: {detail}")]
pub struct CalendarError {
    /// Which file.
    pub file: String,
    /// Which line of it, from 1.
    pub line: usize,
    /// What is wrong and what is right.
    pub detail: String,
}

/// Calendars by name. A calendar covers the years from its first to its last date: outside them it is not known
/// which days are holidays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calendars {
    by_name: BTreeMap<String, Vec<(Date, String)>>,
}

impl Calendars {
    /// Reads rows of `calendar<TAB>date<TAB>name`; `#` begins a comment. Files add to one another.
    pub fn parse<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, CalendarError> {
        let mut by_name: BTreeMap<String, Vec<(Date, String)>> = BTreeMap::new();
        for (file, text) in files {
            for (number, row) in text.lines().enumerate().filter(|(_, row)| !row.is_empty() && !row.starts_with('#')) {
                let wrong = |detail: String| CalendarError { file: file.to_owned(), line: number + 1, detail };
                let (calendar, date, name) = read_row(row).map_err(wrong)?;
                by_name.entry(calendar.to_owned()).or_default().push((date, name.to_owned()));
            }
        }
        for days in by_name.values_mut() {
            days.sort();
            days.dedup_by_key(|(date, _)| *date);
        }
        Ok(Self { by_name })
    }

    /// The days of a calendar, sorted; `None` for a name that nothing is known of.
    pub fn get(&self, name: &str) -> Option<&[(Date, String)]> {
        self.by_name.get(name).map(Vec::as_slice)
    }

    /// The first and the last year that a calendar covers.
    pub fn years(&self, name: &str) -> Option<(i16, i16)> {
        let days = self.get(name)?;
        Some((days.first()?.0.year(), days.last()?.0.year()))
    }

    /// The names of all calendars.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }
}

fn read_row(row: &str) -> Result<(&str, Date, &str), String> {
    let mut fields = row.split('\t');
    let (Some(calendar), Some(date), Some(name), None) = (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err("a row is a calendar, a date and a name with tabs between".to_owned());
    };
    if calendar.is_empty() || calendar.contains(' ') {
        return Err(format!("a calendar is named like US-AL, not \"{calendar}\""));
    }
    let date = date.parse().map_err(|_| format!("a date is written 2026-12-25, not \"{date}\""))?;
    Ok((calendar, date, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_sorted_and_a_calendar_covers_its_years() {
        let text = "# a comment\nUS-AL\t2027-07-05\tIndependence Day\nUS-AL\t2026-12-25\tChristmas Day\n";
        let calendars = Calendars::parse([("al.tsv", text)]).unwrap();
        assert_eq!(calendars.get("US-AL").unwrap()[0].1, "Christmas Day");
        assert_eq!(calendars.years("US-AL"), Some((2026, 2027)));
        assert_eq!(calendars.get("US-XX"), None);
    }

    #[test]
    fn a_row_that_is_wrong_is_refused_with_its_line() {
        for row in ["US-AL 2026-12-25 x", "US-AL\t2026-13-25\tx", "\t2026-12-25\tx", "US-AL\t2026-12-25\tx\ty"] {
            let error = Calendars::parse([("al.tsv", &*format!("# first\n{row}\n"))]).unwrap_err();
            assert_eq!((error.line, &*error.file), (2, "al.tsv"), "{row}");
        }
    }
}
