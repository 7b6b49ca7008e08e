//! Wall-clock windows of one zone as instants.
use std::sync::Arc;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Span, Timestamp};

use super::day_plan::DayPlan;
use super::interval::{Interval, push};
use super::wall_time::{DayWindow, WallTime};
use crate::Micros;

/// The windows of the seven weekdays, Monday first, each day a set of intervals in minutes.
pub(super) type Week = [Vec<Interval>; 7];

/// The most minutes of a day on a wall clock.
const DAY_MINUTES: i64 = WallTime::END_OF_DAY.minutes() as i64;

/// The windows of a day as a set.
pub(super) fn day(windows: &[DayWindow]) -> Vec<Interval> {
    let minutes = |w: &DayWindow| Interval { open: i64::from(w.from.minutes()), close: i64::from(w.till.minutes()) };
    super::interval::merged(windows.iter().map(minutes).collect())
}

/// A week of the same day.
pub(super) fn every_day(window: DayWindow) -> Week {
    std::array::from_fn(|_| day(&[window]))
}

/// Whether a week is open all the time.
pub(super) fn always_open(week: &Week) -> bool {
    week.iter().all(|day| matches!(day[..], [Interval { open: 0, close: DAY_MINUTES }]))
}

/// A plan on the clocks of one zone.
#[derive(Debug, Clone)]
pub(super) struct Track {
    pub zone: TimeZone,
    pub plan: Arc<DayPlan>,
}

impl Track {
    /// The instants between `from` and `till` at which this zone's clocks stand inside the windows.
    ///
    /// Windows that meet at midnight are joined on the wall clock, before they become instants, so that a clock
    /// change at midnight does not cut a day that is open round the clock.
    pub fn instants(&self, from: Micros, till: Micros) -> Vec<Interval> {
        if self.plan.is_always_open() {
            return if from < till { vec![Interval { open: from, close: till }] } else { Vec::new() };
        }
        let first = local_date(&self.zone, from).saturating_sub(Span::new().days(1));
        let last = local_date(&self.zone, till).saturating_add(Span::new().days(1));
        let origin = first.to_datetime(Time::midnight());
        let mut set = Vec::new();
        for span in self.wall_spans(first, last) {
            let edge = |minutes: i64| origin.saturating_add(SignedDuration::from_mins(minutes));
            push(
                &mut set,
                Interval {
                    open: opening(&self.zone, edge(span.open)).max(from),
                    close: closing(&self.zone, edge(span.close)).min(till),
                },
            );
        }
        set
    }

    /// The windows of the dates `first` to `last`, in minutes after the midnight of the first.
    fn wall_spans(&self, first: Date, last: Date) -> Vec<Interval> {
        let mut spans = Vec::new();
        let mut date = first;
        for number in 0i64.. {
            let base = number * DAY_MINUTES;
            for hours in self.plan.hours(date).iter() {
                push(&mut spans, Interval { open: base + hours.open, close: base + hours.close });
            }
            match date.tomorrow() {
                Ok(next) if next <= last => date = next,
                _ => break,
            }
        }
        spans
    }
}

/// The instant at which an opening wall time comes: the later of two, the transition where there is none.
fn opening(zone: &TimeZone, wall: DateTime) -> Micros {
    instant(zone, wall, true)
}

/// The instant at which a closing wall time comes: the earlier of two, the transition where there is none.
pub(super) fn closing(zone: &TimeZone, wall: DateTime) -> Micros {
    instant(zone, wall, false)
}

fn instant(zone: &TimeZone, wall: DateTime, later: bool) -> Micros {
    let at = |offset: jiff::tz::Offset| {
        // beyond the calendar's end there is nothing to be open for
        let edge = if later { Timestamp::MAX } else { Timestamp::MIN };
        offset.to_timestamp(wall).unwrap_or(edge).as_microsecond()
    };
    match zone.to_ambiguous_timestamp(wall).offset() {
        AmbiguousOffset::Unambiguous { offset } => at(offset),
        AmbiguousOffset::Fold { before, after } => at(if later { after } else { before }),
        AmbiguousOffset::Gap { before, after } => transition(zone, at(after), at(before)),
    }
}

/// The first instant after `low` at which the zone's offset is that of `high`. Between the two lies one transition.
fn transition(zone: &TimeZone, low: Micros, high: Micros) -> Micros {
    let offset = |at: Micros| zone.to_offset(timestamp(at));
    let after = offset(high);
    let (mut before, mut found) = (low.div_euclid(1_000_000), high.div_euclid(1_000_000));
    while before + 1 < found {
        let middle = before + (found - before) / 2;
        if offset(middle * 1_000_000) == after { found = middle } else { before = middle }
    }
    found * 1_000_000
}

/// The instant of microseconds since 1970, held inside the calendar.
pub(super) fn timestamp(at: Micros) -> Timestamp {
    Timestamp::from_microsecond(at).unwrap_or(if at < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// The date on a zone's clocks.
pub(super) fn local_date(zone: &TimeZone, at: Micros) -> Date {
    zone.to_datetime(timestamp(at)).date()
}

/// The instant at which the zone's day so many days after that of `at` begins.
pub(super) fn day_start_after(zone: &TimeZone, at: Micros, days: i32) -> Micros {
    let day = local_date(zone, at).saturating_add(Span::new().days(days));
    closing(zone, day.to_datetime(Time::midnight()))
}

#[cfg(test)]
mod tests {
    use super::super::zones::Zones;
    use super::*;

    fn day_start(zone: &TimeZone, at: Micros) -> Micros {
        day_start_after(zone, at, 0)
    }

    fn next_day_start(zone: &TimeZone, at: Micros) -> Micros {
        day_start_after(zone, at, 1)
    }

    fn at(text: &str) -> Micros {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    fn track(zone: &str, windows: &[(u16, u16)]) -> Track {
        let windows: Vec<_> = windows.iter().map(|(a, b)| DayWindow::minutes(*a, *b)).collect();
        let week = std::array::from_fn(|_| day(&windows));
        Track { zone: Zones::bundled().get(zone).unwrap(), plan: Arc::new(DayPlan::of_week(week)) }
    }

    fn instants(zone: &str, windows: &[(u16, u16)], from: &str, till: &str) -> Vec<(String, String)> {
        let text = |at: Micros| timestamp(at).to_string();
        let set = track(zone, windows).instants(at(from), at(till));
        set.into_iter().map(|i| (text(i.open), text(i.close))).collect()
    }

    fn one(zone: &str, windows: &[(u16, u16)], date: &str) -> Vec<(String, String)> {
        let next = date.parse::<Date>().unwrap().tomorrow().unwrap();
        instants(zone, windows, &format!("{date}T06:00:00Z"), &format!("{next}T06:00:00Z"))
    }

    #[test]
    fn the_published_windows_are_found() {
        // compliance design, section 8.3
        for (zone, window, date, open, close) in [
            ("America/New_York", (480, 1260), "2026-10-31", "2026-10-31T12:00:00Z", "2026-11-01T01:00:00Z"),
            ("America/New_York", (480, 1260), "2026-11-01", "2026-11-01T13:00:00Z", "2026-11-02T02:00:00Z"),
            ("America/New_York", (480, 1260), "2027-03-13", "2027-03-13T13:00:00Z", "2027-03-14T02:00:00Z"),
            ("America/New_York", (480, 1260), "2027-03-14", "2027-03-14T12:00:00Z", "2027-03-15T01:00:00Z"),
            ("America/Phoenix", (480, 1260), "2027-03-14", "2027-03-14T15:00:00Z", "2027-03-15T04:00:00Z"),
            ("America/St_Johns", (540, 1290), "2026-11-02", "2026-11-02T12:30:00Z", "2026-11-03T01:00:00Z"),
        ] {
            assert_eq!(one(zone, &[window], date), [(open.to_owned(), close.to_owned())], "{zone} {date}");
        }
    }

    #[test]
    fn an_edge_inside_a_gap_is_the_instant_of_the_transition() {
        // New York 2027-03-14: 02:00 becomes 03:00 at 07:00Z
        let gap = "2027-03-14T07:00:00Z".to_owned();
        let found = one("America/New_York", &[(150, 600)], "2027-03-14");
        assert_eq!(found[0].0, gap);
        let found = one("America/New_York", &[(60, 150)], "2027-03-14");
        assert_eq!(found[0].1, gap);
        // a window that does not exist that day is empty
        assert!(one("America/New_York", &[(130, 170)], "2027-03-14").is_empty());
    }

    #[test]
    fn in_an_overlap_a_window_opens_at_the_later_and_closes_at_the_earlier_instant() {
        // New York 2026-11-01: 01:30 comes at 05:30Z and at 06:30Z
        let opens = instants("America/New_York", &[(90, 600)], "2026-11-01T04:00:00Z", "2026-11-02T04:00:00Z");
        assert_eq!(opens[0].0, "2026-11-01T06:30:00Z");
        let closes = instants("America/New_York", &[(30, 90)], "2026-11-01T04:00:00Z", "2026-11-02T04:00:00Z");
        assert_eq!(closes, [("2026-11-01T04:30:00Z".to_owned(), "2026-11-01T05:30:00Z".to_owned())]);
    }

    #[test]
    fn lord_howe_moves_by_half_an_hour() {
        let found = instants("Australia/Lord_Howe", &[(480, 1260)], "2026-10-03T12:00:00Z", "2026-10-05T12:00:00Z");
        assert_eq!(found[0].0, "2026-10-03T21:00:00Z");
        let before = instants("Australia/Lord_Howe", &[(480, 1260)], "2026-10-02T12:00:00Z", "2026-10-03T12:00:00Z");
        assert_eq!(before[0].0, "2026-10-02T21:30:00Z");
    }

    #[test]
    fn both_sides_of_the_date_line_have_their_own_date() {
        let kiritimati = instants("Pacific/Kiritimati", &[(480, 1260)], "2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z");
        assert_eq!(kiritimati[1].0, "2026-12-01T18:00:00Z");
        let pago = instants("Pacific/Pago_Pago", &[(480, 1260)], "2026-12-01T10:00:00Z", "2026-12-02T00:00:00Z");
        assert_eq!(pago[0].0, "2026-12-01T19:00:00Z");
    }

    #[test]
    fn a_day_that_the_date_line_swallowed_has_no_window() {
        // Apia had no 2011-12-30
        let found = instants("Pacific/Apia", &[(480, 1260)], "2011-12-29T12:00:00Z", "2011-12-31T12:00:00Z");
        let opens: Vec<_> = found.iter().map(|(open, _)| open.as_str()).collect();
        assert_eq!(opens, ["2011-12-29T18:00:00Z", "2011-12-30T18:00:00Z"]);
    }

    #[test]
    fn a_day_open_round_the_clock_is_not_cut_by_a_clock_change_at_midnight() {
        // the Azores repeat the hour after midnight in October and skip it in March
        let mut slow = track("Atlantic/Azores", &[(0, 1440)]);
        let midnight: DateTime = "2026-10-25T00:00".parse().unwrap();
        assert_eq!(opening(&slow.zone, midnight) - closing(&slow.zone, midnight), 3_600_000_000);
        // Wednesday closed makes the slow path run
        Arc::make_mut(&mut slow.plan).week[2].clear();
        for (from, till) in
            [("2026-10-23T06:00:00Z", "2026-10-27T06:00:00Z"), ("2027-03-26T06:00:00Z", "2027-03-30T06:00:00Z")]
        {
            let set = slow.instants(at(from), at(till));
            assert_eq!(set, [Interval { open: at(from), close: at(till) }]);
        }
    }

    #[test]
    fn a_day_begins_at_its_first_midnight_or_at_the_transition_that_swallowed_it() {
        let zones = Zones::bundled();
        let azores = zones.get("Atlantic/Azores").unwrap();
        assert_eq!(day_start(&azores, at("2026-10-25T20:00:00Z")), at("2026-10-25T00:00:00Z"));
        assert_eq!(day_start(&azores, at("2027-03-28T20:00:00Z")), at("2027-03-28T01:00:00Z"));
        let beirut = zones.get("Asia/Beirut").unwrap();
        assert_eq!(next_day_start(&beirut, at("2026-03-28T12:00:00Z")), at("2026-03-28T22:00:00Z"));
    }

    #[test]
    fn the_ends_of_the_calendar_do_not_break_it() {
        let t = track("America/New_York", &[(480, 1260)]);
        let (min, max) = (Timestamp::MIN.as_microsecond(), Timestamp::MAX.as_microsecond());
        t.instants(min, min + 86_400_000_000);
        t.instants(max - 86_400_000_000, max);
        day_start(&t.zone, min);
        next_day_start(&t.zone, max);
    }
}
