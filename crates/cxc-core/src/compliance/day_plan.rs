//! On which hours of which dates a rule is open, on any wall clock.
use std::borrow::Cow;

use jiff::civil::Date;

use super::calendar::{Week, always_open, every_day};
use super::interval::{Interval, intersect};
use super::wall_time::DayWindow;

/// The hours of single dates, sorted by date, one entry a date.
pub(super) type DateHours = Vec<(Date, Vec<Interval>)>;

/// The hours of a rule: a week, the dates that differ, and the stretch in which all that holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct DayPlan {
    pub week: Week,
    /// Dates whose hours stand in place of the weekday's.
    pub replaced: DateHours,
    /// Dates whose hours narrow the weekday's.
    pub narrowed: DateHours,
    /// The first day on which it holds; before it everything is open.
    pub from: Option<Date>,
    /// The day on which it no longer holds.
    pub until: Option<Date>,
    /// Outside these days it is not known which dates differ, so nothing is open.
    pub covered: Option<(Date, Date)>,
    /// Holidays among the dates that no second source confirms; sorted.
    pub doubtful: Vec<Date>,
}

impl DayPlan {
    /// The same week for ever.
    pub fn of_week(week: Week) -> Self {
        Self {
            week,
            replaced: Vec::new(),
            narrowed: Vec::new(),
            from: None,
            until: None,
            covered: None,
            doubtful: Vec::new(),
        }
    }

    /// Open but for some dates, on which only these hours are.
    pub fn of_dates(narrowed: DateHours) -> Self {
        Self { narrowed: one_a_date(narrowed), ..Self::of_week(every_day(DayWindow::ALL_DAY)) }
    }

    /// The same from a day until, exclusively, another.
    pub fn within(self, from: Date, until: Date) -> Self {
        Self { from: (from > Date::MIN).then_some(from), until: (until < Date::MAX).then_some(until), ..self }
    }

    /// Whether it holds on a date.
    pub fn is_in_force(&self, date: Date) -> bool {
        self.from.is_none_or(|from| from <= date) && self.until.is_none_or(|until| date < until)
    }

    /// Whether it is never closed.
    pub fn is_always_open(&self) -> bool {
        always_open(&self.week) && self.replaced.is_empty() && self.narrowed.is_empty() && self.covered.is_none()
    }

    /// The hours of a date.
    pub fn hours(&self, date: Date) -> Cow<'_, [Interval]> {
        if !self.is_in_force(date) {
            return Cow::Owned(super::calendar::day(&[DayWindow::ALL_DAY]));
        }
        if self.covered.is_some_and(|(first, last)| date < first || last < date) {
            return Cow::Borrowed(&[]);
        }
        let weekday = &self.week[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())];
        let hours = find(&self.replaced, date).unwrap_or(weekday);
        match find(&self.narrowed, date) {
            Some(narrower) => Cow::Owned(intersect(hours, narrower)),
            None => Cow::Borrowed(hours),
        }
    }
}

fn find(dates: &DateHours, date: Date) -> Option<&[Interval]> {
    dates.binary_search_by_key(&date, |(d, _)| *d).ok().map(|i| &dates[i].1[..])
}

/// Sorts by date; what is said of one date several times holds together.
pub(super) fn one_a_date(mut hours: DateHours) -> DateHours {
    hours.sort_by_key(|(date, _)| *date);
    hours.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 = intersect(&kept.1, &next.1);
        }
        same
    });
    hours
}
