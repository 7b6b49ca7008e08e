//! The hours of a legal rule as a plan of days.
use jiff::ToSpan;
use jiff::civil::Date;

use super::super::calendar::day;
use super::super::day_plan::{DateHours, DayPlan, one_a_date};
use super::super::holidays::Calendars;
use super::super::interval::{Interval, intersect};
use super::super::legal::{BlackoutBody, DateRange, LegalRule, Narrowing, RuleBody, WeekHours, WindowBody};

/// The most days of one range.
const MAX_RANGE: usize = 800;

/// The plan of a window or blackout; `None` for other kinds.
pub(in super::super) fn plan(rule: &LegalRule, narrow: Option<&Narrowing>, calendars: &Calendars) -> Option<DayPlan> {
    let mut plan = match &rule.kind {
        RuleBody::Window(body) => window_plan(body, calendars),
        RuleBody::BlackoutDate(body) => blackout_plan(body, calendars),
        _ => return None,
    };
    if let Some(narrow) = narrow {
        narrow_plan(&mut plan, narrow);
    }
    (plan.from, plan.until) = (rule.effective_from, rule.effective_until);
    Some(plan)
}

fn window_plan(body: &WindowBody, calendars: &Calendars) -> DayPlan {
    let week = std::array::from_fn(|i| day(&body.hours.0[i]));
    let mut plan = DayPlan::of_week(week);
    plan.covered = covered(&body.holidays, calendars);
    plan.doubtful = doubtful(&body.holidays, calendars);
    let holidays = dates_of(&body.holidays, calendars);
    let holiday_hours = day(&body.holiday_hours.0);
    if let Some(eve) = &body.eve_hours {
        let eve = day(&eve.0);
        for before in holidays.iter().filter_map(|date| date.yesterday().ok()) {
            // a day that is closed stays closed before a holiday
            if !holidays.contains(&before) && !plan.hours(before).is_empty() {
                plan.replaced.push((before, eve.clone()));
            }
        }
        // no list tells whether the day after the last one is a holiday
        plan.narrowed.extend(plan.covered.map(|(_, last)| (last, eve)));
    }
    plan.replaced.extend(holidays.into_iter().map(|date| (date, holiday_hours.clone())));
    plan.replaced = one_a_date(plan.replaced);
    plan
}

fn blackout_plan(body: &BlackoutBody, calendars: &Calendars) -> DayPlan {
    let mut dates = dates_of(&body.holidays, calendars);
    dates.extend(body.dates.iter().flat_map(days_of));
    let mut plan = DayPlan::of_dates(closed(dates));
    plan.covered = covered(&body.holidays, calendars);
    plan.doubtful = doubtful(&body.holidays, calendars);
    plan
}

fn narrow_plan(plan: &mut DayPlan, narrow: &Narrowing) {
    if let Some(hours) = &narrow.hours {
        let narrower: [Vec<Interval>; 7] = std::array::from_fn(|i| day(&hours.0[i]));
        for (day, narrower) in plan.week.iter_mut().zip(&narrower) {
            *day = intersect(day, narrower);
        }
        for (date, hours) in &mut plan.replaced {
            let weekday = usize::from(date.weekday().to_monday_zero_offset().unsigned_abs());
            *hours = intersect(hours, &narrower[weekday]);
        }
    }
    let mut narrowed = std::mem::take(&mut plan.narrowed);
    narrowed.extend(closed(narrow.dates.iter().flat_map(days_of).collect()));
    plan.narrowed = one_a_date(narrowed);
}

fn closed(dates: Vec<Date>) -> DateHours {
    dates.into_iter().map(|date| (date, Vec::new())).collect()
}

fn days_of(range: &DateRange) -> impl Iterator<Item = Date> {
    let last = range.last;
    range.first.series(1.day()).take_while(move |date| *date <= last).take(MAX_RANGE)
}

fn dates_of(names: &[String], calendars: &Calendars) -> Vec<Date> {
    let mut dates: Vec<Date> =
        names.iter().filter_map(|name| calendars.get(name)).flatten().map(|(date, _)| *date).collect();
    dates.sort_unstable();
    dates.dedup();
    dates
}

/// The days that only calendars have that no second source confirms.
fn doubtful(names: &[String], calendars: &Calendars) -> Vec<Date> {
    let is_sure = |date: &Date| {
        names
            .iter()
            .any(|n| calendars.holiday(n, *date).is_some() && calendars.doubtful(n).binary_search(date).is_err())
    };
    let mut days: Vec<Date> = names.iter().flat_map(|name| calendars.doubtful(name)).copied().collect();
    days.retain(|date| !is_sure(date));
    days.sort_unstable();
    days.dedup();
    days
}

/// The days that every calendar covers; `None` where none is named.
fn covered(names: &[String], calendars: &Calendars) -> Option<(Date, Date)> {
    let spans = names.iter().filter_map(|name| calendars.coverage(name));
    spans.reduce(|a, b| (a.0.max(b.0), a.1.min(b.1)))
}

/// The hours that a person declared convenient.
pub(in super::super) fn declared_plan(hours: &WeekHours) -> DayPlan {
    DayPlan::of_week(std::array::from_fn(|i| day(&hours.0[i])))
}

/// Whether a day lies outside what the calendars of a plan cover: that is no legal ban, but data that is missing.
pub(in super::super) fn is_uncovered(plan: &DayPlan, date: Date) -> bool {
    plan.covered.is_some_and(|(first, last)| date < first || last < date)
        && plan.from.is_none_or(|from| from <= date)
        && plan.until.is_none_or(|until| date < until)
}
