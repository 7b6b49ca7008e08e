//! Which day closes hours, or changes them: a holiday by its name and its calendar, a day that a rule or a tenant names.
use jiff::civil::Date;

use super::super::holidays::Calendars;
use super::super::legal::{DateRange, RuleBody};
use super::LawRule;

/// What a date is to the hours of a rule, in words; `None` for an ordinary day.
pub(in super::super) fn closing_day(law: &LawRule, calendars: &Calendars, date: Date) -> Option<String> {
    let declared = law.narrow.iter().flat_map(|narrow| &narrow.dates).find(|range| holds(range, date));
    if let Some(range) = declared {
        return Some(format!("{date} is one of the days that were declared, {}", words(range)));
    }
    match &law.legal.kind {
        RuleBody::Window(body) => {
            let weekday = usize::from(date.weekday().to_monday_zero_offset().unsigned_abs());
            // a day that is closed stays closed before a holiday
            let is_open = body.hours.0.get(weekday).is_some_and(|hours| !hours.is_empty());
            let eve = || {
                let next = date.tomorrow().ok().filter(|_| is_open && body.eve_hours.is_some())?;
                Some(format!("{date} is the day before {}", holiday(&body.holidays, calendars, next)?))
            };
            let own = holiday(&body.holidays, calendars, date).map(|name| format!("{date} is {name}"));
            own.or_else(eve)
        }
        RuleBody::BlackoutDate(body) => {
            let named = body.dates.iter().find(|range| holds(range, date));
            let named = named.map(|range| format!("{date} is one of the days that the rule names, {}", words(range)));
            let own = || Some(format!("{date} is {}", holiday(&body.holidays, calendars, date)?));
            named.or_else(own)
        }
        _ => None,
    }
}

/// The holiday that a day is, with the calendars that have it: `Christmas Day (holiday calendar AU)`.
fn holiday(names: &[String], calendars: &Calendars, date: Date) -> Option<String> {
    let mut found = names.iter().filter_map(|name| Some((name.as_str(), calendars.holiday(name, date)?)));
    let (first, title) = found.next()?;
    let others: String = found.map(|(name, _)| format!(", {name}")).collect();
    Some(format!("{title} (holiday calendar {first}{others})"))
}

fn holds(range: &DateRange, date: Date) -> bool {
    range.first <= date && date <= range.last
}

fn words(range: &DateRange) -> String {
    if range.first == range.last { range.first.to_string() } else { format!("{} to {}", range.first, range.last) }
}
