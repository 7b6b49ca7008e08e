//! Holiday calendars: explicit dated lists, by the names that legal rules use. `docs/holidays.md` says where the
//! shipped ones come from.
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

macro_rules! holiday_files {
    ($($name:literal),*) => {
        /// The files of holidays that are part of the program, each a name and its text.
        pub const HOLIDAY_FILES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../data/compliance/holidays/", $name)))),*];
    };
}
holiday_files!("calendars.tsv", "au.tsv", "ca.tsv", "eu.tsv", "gb.tsv", "nz.tsv", "us.tsv");

/// Calendars by name. Outside the days that a calendar covers it is not known which days are holidays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calendars {
    by_name: BTreeMap<String, Calendar>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Calendar {
    /// The first and the last day that the list covers.
    from: Date,
    till: Date,
    /// Sorted.
    days: Vec<(Date, String)>,
    /// Those of them that no second source confirms; sorted.
    doubtful: Vec<Date>,
}

/// A line of a file.
enum Row<'a> {
    /// From when until when a calendar's list is complete.
    Covers(&'a str, Date, Date),
    /// A holiday, and whether no second source confirms it.
    Day(&'a str, Date, &'a str, bool),
}

/// Calendars as they are read: the days that are covered in so many words, and the holidays.
type Found = BTreeMap<String, (Option<(Date, Date)>, Vec<(Date, String, bool)>)>;

impl Calendars {
    /// Those that are part of the program.
    pub fn shipped() -> Result<Self, CalendarError> {
        Self::parse(HOLIDAY_FILES.iter().copied())
    }

    /// Reads rows of `calendar<TAB>date<TAB>name`, with `<TAB>low` behind a day that no second source confirms, and of `calendar<TAB>first day<TAB>last day<TAB>days in
    /// lieu<TAB>law`; `#` begins a comment. Files add to one another. A calendar without a row of the second kind
    /// covers the whole years from its first to its last date.
    pub fn parse<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, CalendarError> {
        let mut found = Found::new();
        for (file, text) in files {
            for (number, row) in text.lines().enumerate().filter(|(_, row)| !row.is_empty() && !row.starts_with('#')) {
                let wrong = |detail: String| CalendarError { file: file.to_owned(), line: number + 1, detail };
                match read_row(row).map_err(wrong)? {
                    Row::Covers(name, from, till) => found.entry(name.to_owned()).or_default().0 = Some((from, till)),
                    Row::Day(name, date, title, low) => {
                        found.entry(name.to_owned()).or_default().1.push((date, title.to_owned(), low));
                    }
                }
            }
        }
        let calendars = found.into_iter().filter_map(|(name, (covers, days))| Some((name, calendar(covers, days)?)));
        Ok(Self { by_name: calendars.collect() })
    }

    /// The days of a calendar, sorted; `None` for a name that nothing is known of.
    pub fn get(&self, name: &str) -> Option<&[(Date, String)]> {
        self.by_name.get(name).map(|calendar| calendar.days.as_slice())
    }

    /// The first and the last day that a calendar covers.
    pub fn coverage(&self, name: &str) -> Option<(Date, Date)> {
        self.by_name.get(name).map(|calendar| (calendar.from, calendar.till))
    }

    /// Whether it is known if a day is a holiday of a calendar.
    pub fn covers(&self, name: &str, date: Date) -> bool {
        self.coverage(name).is_some_and(|(from, till)| from <= date && date <= till)
    }

    /// The holiday that a day is by a calendar.
    pub fn holiday(&self, name: &str, date: Date) -> Option<&str> {
        let days = self.get(name)?;
        let at = days.binary_search_by_key(&date, |(day, _)| *day).ok()?;
        Some(&days[at].1)
    }

    /// The holidays of a calendar that no second source confirms, sorted: our reading of the law alone has them.
    pub fn doubtful(&self, name: &str) -> &[Date] {
        self.by_name.get(name).map_or(&[], |calendar| calendar.doubtful.as_slice())
    }

    /// The first and the last year that a calendar covers.
    pub fn years(&self, name: &str) -> Option<(i16, i16)> {
        self.coverage(name).map(|(from, till)| (from.year(), till.year()))
    }

    /// The names of all calendars.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }
}

/// A calendar; none without a day and without coverage.
fn calendar(covers: Option<(Date, Date)>, mut days: Vec<(Date, String, bool)>) -> Option<Calendar> {
    days.sort();
    days.dedup_by_key(|(date, ..)| *date);
    let doubtful = days.iter().filter(|(.., low)| *low).map(|(date, ..)| *date).collect();
    let days: Vec<(Date, String)> = days.into_iter().map(|(date, title, _)| (date, title)).collect();
    let (from, till) = match covers {
        Some(covers) => covers,
        None => (days.first()?.0.first_of_year(), days.last()?.0.last_of_year()),
    };
    Some(Calendar { from, till, days, doubtful })
}

fn read_row(row: &str) -> Result<Row<'_>, String> {
    let fields: Vec<&str> = row.split('\t').collect();
    match fields[..] {
        [calendar, day, name] => Ok(Row::Day(read_name(calendar)?, read_date(day)?, name, false)),
        [calendar, day, name, "low"] => Ok(Row::Day(read_name(calendar)?, read_date(day)?, name, true)),
        [calendar, from, till, _, _] => {
            let (from, till) = (read_date(from)?, read_date(till)?);
            if till < from {
                return Err(format!("a list that begins on {from} can't end on {till}"));
            }
            Ok(Row::Covers(read_name(calendar)?, from, till))
        }
        _ => Err("a row is a calendar, a date, a name and, where it is so, low, with tabs between".to_owned()),
    }
}

fn read_name(calendar: &str) -> Result<&str, String> {
    if calendar.is_empty() || calendar.contains(' ') {
        return Err(format!("a calendar is named like US-AL, not \"{calendar}\""));
    }
    Ok(calendar)
}

fn read_date(date: &str) -> Result<Date, String> {
    date.parse().map_err(|_| format!("a date is written 2026-12-25, not \"{date}\""))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn shipped() -> Calendars {
        Calendars::shipped().unwrap()
    }

    #[test]
    fn days_are_sorted_and_a_calendar_covers_its_years() {
        let text = "# a comment\nUS-AL\t2027-07-05\tIndependence Day\nUS-AL\t2026-12-25\tChristmas Day\n";
        let calendars = Calendars::parse([("al.tsv", text)]).unwrap();
        assert_eq!(calendars.get("US-AL").unwrap()[0].1, "Christmas Day");
        assert_eq!(calendars.years("US-AL"), Some((2026, 2027)));
        assert!(calendars.covers("US-AL", date(2027, 12, 31)) && !calendars.covers("US-AL", date(2028, 1, 1)));
        assert_eq!(calendars.get("US-XX"), None);
    }

    #[test]
    fn a_list_covers_no_more_than_it_says() {
        let text = "X\t2026-01-01\t2026-06-30\tnone\tan act\nX\t2026-12-25\tChristmas Day\n";
        let calendars = Calendars::parse([("x.tsv", text)]).unwrap();
        assert!(calendars.covers("X", date(2026, 6, 30)) && !calendars.covers("X", date(2026, 7, 1)));
        assert!(!calendars.covers("Y", date(2026, 6, 30)));
    }

    #[test]
    fn a_row_that_is_wrong_is_refused_with_its_line() {
        for row in [
            "US-AL 2026-12-25 x",
            "US-AL\t2026-13-25\tx",
            "\t2026-12-25\tx",
            "US-AL\t2026-12-25\tx\ty",
            "US-AL\t2026-12-25\t2025-12-25\tx\ty",
        ] {
            let error = Calendars::parse([("al.tsv", &*format!("# first\n{row}\n"))]).unwrap_err();
            assert_eq!((error.line, &*error.file), (2, "al.tsv"), "{row}");
        }
    }

    #[test]
    fn every_shipped_calendar_covers_2025_to_2030_and_has_days_in_each_year() {
        let calendars = shipped();
        assert_eq!(calendars.names().count(), 40);
        for name in calendars.names() {
            assert_eq!(calendars.coverage(name), Some((date(2025, 1, 1), date(2030, 12, 31))), "{name}");
            for year in 2025..=2030 {
                let days = calendars.get(name).unwrap().iter().filter(|(day, _)| day.year() == year).count();
                assert!((5..=24).contains(&days), "{name} {year}: {days}");
            }
            assert!(calendars.holiday(name, date(2026, 12, 25)).is_some(), "{name}");
        }
    }

    #[test]
    fn days_that_only_our_reading_of_the_law_has_say_so() {
        let calendars = shipped();
        let is_low = |name, year, month, day| calendars.doubtful(name).contains(&date(year, month, day));
        assert!(is_low("US-LA", 2026, 1, 8) && is_low("US-AL", 2026, 2, 17) && is_low("US-RI", 2026, 11, 3));
        assert!(!is_low("US-LA", 2026, 12, 25) && !is_low("US-LA", 2026, 2, 17) && !is_low("US-UT", 2026, 7, 24));
        let low: usize = calendars.names().map(|name| calendars.doubtful(name).len()).sum();
        let all: usize = calendars.names().map(|name| calendars.get(name).unwrap().len()).sum();
        assert!(low * 4 < all, "{low} of {all}");
        assert!(calendars.doubtful("US").is_empty() && calendars.doubtful("GB-ENG").is_empty());
    }

    #[test]
    fn each_state_moves_its_holidays_by_its_own_rule() {
        let calendars = shipped();
        let day = |calendar, year, month, day| calendars.holiday(calendar, date(year, month, day)).is_some();
        // Independence Day 2026 is a Saturday, that of 2027 a Sunday
        assert!(day("US-AL", 2026, 7, 3) && day("US-AL", 2026, 7, 4) && day("US-AL", 2027, 7, 5));
        assert!(!day("US-MS", 2026, 7, 3) && day("US-MS", 2026, 7, 4) && day("US-MS", 2027, 7, 5));
        assert!(!day("US-PA", 2026, 7, 3) && day("US-RI", 2027, 7, 5) && day("US-UT", 2026, 7, 3));
        assert_eq!(calendars.holiday("US-LA", date(2026, 2, 17)), Some("Mardi Gras"));
        assert_eq!(calendars.holiday("US-UT", date(2026, 7, 24)), Some("Pioneer Day"));
        assert!(day("US-UT", 2026, 6, 15), "Utah keeps Juneteenth on its Monday");
        assert!(day("US-NE", 2026, 4, 24) && day("US-RI", 2026, 8, 10));
    }

    #[test]
    fn the_days_of_other_countries_are_those_of_their_acts() {
        let calendars = shipped();
        let day = |calendar, year, month, day| calendars.holiday(calendar, date(year, month, day)).is_some();
        assert!(day("AU", 2026, 4, 25) && !day("AU", 2026, 4, 27) && day("AU-NSW", 2026, 4, 27));
        assert!(day("AU", 2026, 12, 28) && day("AU-VIC", 2026, 11, 3) && !day("AU-NSW", 2026, 11, 3));
        assert!(day("NZ", 2026, 7, 10) && day("NZ", 2026, 4, 27) && day("NZ", 2028, 1, 4));
        assert!(day("GB-SCT", 2026, 6, 15) && !day("GB-SCT", 2026, 4, 6) && day("GB-ENG", 2026, 4, 6));
        assert!(day("GB-NIR", 2026, 7, 13) && day("CA-QC", 2026, 6, 24) && !day("CA-ON", 2026, 6, 24));
        assert!(day("FR", 2026, 7, 14) && day("ES", 2026, 10, 12) && day("DE", 2026, 10, 3));
        assert!(!day("IT", 2025, 10, 4) && day("IT", 2026, 10, 4));
    }
}
