//! The windows of one place under one rule set.
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::calendar::{Track, Week, every_day, week_intersect};
use super::documents::RuleRef;
use super::interval::{Interval, intersect};
use super::place::Place;
use super::rule_set::{CompiledDate, CompiledTimes, DateHours, RuleSet};
use super::verdict::{Failure, RuleKind};
use super::wall_time::DayWindow;
use crate::Micros;
use crate::channel::Channel;
use crate::record::Reason;

/// A day, in microseconds.
pub(super) const DAY: Micros = 86_400_000_000;

/// A stretch in which contacting is legal. All ends are exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenWindow {
    /// When it opens, or the start of the search if it was open then; microseconds since 1970.
    pub open: Micros,
    /// When contacting stops: the guard before the legal end.
    pub not_after: Micros,
    /// The legal end.
    pub window_end: Micros,
}

/// Everything that says when a place is open: its zones with the rules that hold for it.
#[derive(Debug)]
pub(super) struct Program {
    /// The zones on whose clocks the rules are read.
    pub zones: Vec<TimeZone>,
    /// Whether those are the person's; otherwise no zone is known, and the unmapped window's stands in.
    pub mapped: bool,
    pub blocked: bool,
    times: Vec<Arc<CompiledTimes>>,
    dates: Vec<Arc<CompiledDate>>,
    restriction: Option<Track>,
    tracks: Vec<Track>,
    guard: Micros,
}

impl Program {
    pub fn new(rules: &RuleSet, channel: Channel, place: Place) -> Self {
        let times = rules.times_for(channel, &place.areas);
        let dates = rules.dates_for(&place.areas);
        let week = times.iter().fold(every_day(DayWindow::ALL_DAY), |week, t| week_intersect(&week, &t.week));
        let restricted = place.restricted && !rules.open_everywhere(channel);
        let restriction = restricted.then(|| Track {
            zone: rules.unmapped_zone.clone(),
            week: Arc::new(rules.unmapped_week()),
            dates: Arc::default(),
        });
        let mapped = !place.zones.is_empty();
        let zones = if mapped { place.zones } else { vec![rules.unmapped_zone.clone()] };
        let (week, hours) = (Arc::new(week), all_hours(&dates));
        let track = |zone: &TimeZone| Track { zone: zone.clone(), week: Arc::clone(&week), dates: Arc::clone(&hours) };
        let tracks = zones.iter().map(track).chain(restriction.clone()).collect();
        Self { mapped, blocked: place.blocked, times, dates, restriction, tracks, guard: rules.guard, zones }
    }

    /// The windows that are open at some instant from `from` until `till`, in order. The guard is taken off once,
    /// after everything is intersected and joined.
    pub fn windows(&self, from: Micros, till: Micros) -> Vec<OpenWindow> {
        // a day further, so that no window ends where the search does
        let mut open = self.legal(&self.tracks, from, till.saturating_add(DAY));
        open.retain(|i| i.open < till && i.open < i.close - self.guard);
        let window = |i: Interval| OpenWindow { open: i.open, not_after: i.close - self.guard, window_end: i.close };
        open.into_iter().map(window).collect()
    }

    fn legal(&self, tracks: &[Track], from: Micros, till: Micros) -> Vec<Interval> {
        let everything = vec![Interval { open: from, close: till.max(from) }];
        tracks.iter().fold(everything, |open, track| {
            if open.is_empty() { open } else { intersect(&open, &track.instants(from, till)) }
        })
    }

    /// Every rule that is closed at `now`, dates before times.
    pub fn closed_rules(&self, now: Micros) -> Vec<Failure> {
        let zones = |week: &Arc<Week>, dates: &DateHours| -> Vec<Track> {
            let track =
                |zone: &TimeZone| Track { zone: zone.clone(), week: Arc::clone(week), dates: Arc::clone(dates) };
            self.zones.iter().map(track).collect()
        };
        let all_day = Arc::new(every_day(DayWindow::ALL_DAY));
        let mut failures = Vec::new();
        for date in &self.dates {
            let tracks = zones(&all_day, &date.hours);
            failures.extend(self.closed(&date.rule, RuleKind::ContactDate, Reason::ContactDate, &tracks, now));
        }
        for times in &self.times {
            let tracks = zones(&times.week, &Arc::default());
            failures.extend(self.closed(&times.rule, RuleKind::ContactTimes, Reason::ContactTimes, &tracks, now));
        }
        if let Some(track) = &self.restriction {
            let rule = RuleRef::new("unmapped_window", 0);
            let tracks = std::slice::from_ref(track);
            failures.extend(self.closed(&rule, RuleKind::ContactTimes, Reason::ContactTimes, tracks, now));
        }
        failures
    }

    /// Why a rule is closed at `now`, if it is: outside its hours, or in the guard before their end.
    fn closed(&self, rule: &RuleRef, kind: RuleKind, code: Reason, tracks: &[Track], now: Micros) -> Option<Failure> {
        let open = self.legal(tracks, now, now + 8 * DAY);
        if open.first().is_some_and(|i| i.open == now && now < i.close - self.guard) {
            return None;
        }
        let next = open.iter().find(|i| i.open > now);
        let mut failure = Failure::new(rule, kind, code);
        failure.window_start = next.map(|i| super::calendar::timestamp(i.open));
        failure.window_end = next.map(|i| super::calendar::timestamp(i.close));
        Some(failure)
    }
}

/// The hours of all special dates, sorted; those of one date together.
fn all_hours(dates: &[Arc<CompiledDate>]) -> DateHours {
    let mut hours: Vec<_> = dates.iter().flat_map(|d| d.hours.iter().cloned()).collect();
    hours.sort_by_key(|(date, _)| *date);
    hours.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 = intersect(&kept.1, &next.1);
        }
        same
    });
    hours.into()
}
