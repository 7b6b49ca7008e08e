//! Caps: at most so many attempts in a window, by a tool's rule or by law.
use jiff::tz::TimeZone;

use super::area::Area;
use super::attempt_rule::{AttemptPlace, AttemptRule, CountBy, RuleScope};
use super::calendar::{day_start_after, timestamp};
use super::count_filter::{CountFilter, KeyScope, Keys, result_bits};
use super::documents::RuleRef;
use super::edition::Edition;
use super::legal::{AttemptCap, CapLevel, CapScope, CapWindow, CountDirection, CountKind, OnViolation};
use super::request::{AttemptRequest, PastAttempt};
use super::rule_set::channel_bits;
use super::verdict::{Failure, RuleKind};
use crate::Micros;
use crate::channel::Channel;
use crate::record::Reason;

const HOUR: Micros = 3_600_000_000;

/// A window that never ends.
const EVER: Micros = i64::MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Window {
    LocalDays(u16),
    Rolling(Micros),
    Ever,
}

/// A cap, compiled.
#[derive(Debug)]
pub(super) struct CompiledCap {
    pub rule: RuleRef,
    pub priority: u16,
    pub on_violation: OnViolation,
    /// The channels that are bound by it, as bits.
    pub binds: i16,
    pub keys: Keys,
    pub filter: CountFilter,
    max: usize,
    pub window: Window,
}

/// On whose clocks a day begins: the zones in which the person may be, or none that is known.
pub(super) type DayZones<'a> = Option<&'a [TimeZone]>;

impl CompiledCap {
    /// A tool's rule.
    pub fn of_tool(rule: &RuleRef, body: &AttemptRule, edition: Edition) -> Self {
        let channels = channel_bits(&body.channels);
        let scope = match body.count_by {
            CountBy::ClientId => KeyScope::Client,
            CountBy::Device => KeyScope::Legal(CapScope::Device),
            CountBy::Pair => KeyScope::Pair,
        };
        let own_group = body.scope == RuleScope::CampaignGroup;
        let both = || body.location.as_deref().map(Area::of_text);
        Self {
            rule: rule.clone(),
            priority: body.priority,
            on_violation: OnViolation::Defer,
            binds: channels,
            keys: Keys { scope, group_by: Vec::new(), own_group },
            filter: CountFilter {
                channels,
                purposes: Vec::new(),
                direction: CountDirection::Both,
                count: CountKind::Attempts,
                results: result_bits(&body.results),
                dispositions: body.dispositions.clone(),
                exclude: Vec::new(),
                to: body.to.as_ref().map(AttemptPlace::area).or_else(&both).map(|area| area.meant(edition)),
                from: body.from.as_ref().map(AttemptPlace::area).or_else(&both).map(|area| area.meant(edition)),
            },
            max: usize::try_from(body.max_attempts).unwrap_or(usize::MAX),
            window: body.window.seconds.map_or(Window::LocalDays(1), |s| Window::Rolling(i64::from(s) * 1_000_000)),
        }
    }

    /// A legal cap.
    pub fn of_law(rule: &RuleRef, binds: i16, body: &AttemptCap, edition: Edition) -> Self {
        let place = || body.location.as_deref().map(|text| Area::of_text(text).meant(edition));
        Self {
            rule: rule.clone(),
            priority: body.priority,
            on_violation: body.on_violation,
            binds,
            keys: Keys {
                scope: KeyScope::Legal(body.scope),
                group_by: body.group_by.clone(),
                own_group: body.level == CapLevel::Group || body.window == CapWindow::Campaign,
            },
            filter: CountFilter {
                channels: channel_bits(&body.channels),
                purposes: body.purposes.clone(),
                direction: body.direction,
                count: body.count,
                results: result_bits(&body.results),
                dispositions: body.dispositions.clone(),
                exclude: body.exclude.clone(),
                to: place(),
                from: place(),
            },
            max: usize::try_from(body.max).unwrap_or(usize::MAX),
            window: match body.window {
                CapWindow::RollingHours(hours) => Window::Rolling(i64::from(hours) * HOUR),
                CapWindow::LocalDays(days) => Window::LocalDays(days),
                CapWindow::Campaign | CapWindow::Lifetime => Window::Ever,
            },
        }
    }

    /// Whether an attempt on this channel is bound by the rule.
    pub fn holds_for(&self, channel: Channel) -> bool {
        self.binds & channel.bit() != 0
    }

    /// How far back it counts at most.
    pub fn reach(&self) -> Micros {
        match self.window {
            Window::LocalDays(days) => days_reach(days),
            Window::Rolling(length) => length,
            Window::Ever => EVER,
        }
    }

    /// The first instant whose attempts count at `at`, given where the days of its window began.
    pub fn since(&self, days_began: impl FnOnce(u16) -> Micros, at: Micros) -> Micros {
        match self.window {
            Window::LocalDays(days) => days_began(days),
            // an attempt exactly as old as the window has expired
            Window::Rolling(length) => at.saturating_sub(length).saturating_add(1),
            Window::Ever => jiff::Timestamp::MIN.as_microsecond(),
        }
    }

    /// When an attempt made at `attempt` no longer counts.
    fn until(&self, zones: DayZones<'_>, attempt: Micros) -> Micros {
        match self.window {
            Window::Rolling(length) => attempt.saturating_add(length),
            Window::LocalDays(days) => day_after(zones, attempt, days),
            Window::Ever => EVER,
        }
    }

    /// The attempts that count since an instant; of several accounts or debts, those on one.
    pub fn counted<'a>(
        &'a self,
        request: &'a AttemptRequest<'_>,
        past: &'a [PastAttempt],
        since: Micros,
        one: Option<i64>,
    ) -> impl Iterator<Item = &'a PastAttempt> {
        past.iter()
            .filter(move |p| p.at.as_microsecond() >= since && self.filter.counts(p) && self.keys.same(request, p, one))
    }

    /// `None` if one more attempt may be made at `at`; otherwise what was counted since `since` and when the next
    /// may be made. Of several accounts or debts the fullest binds.
    pub fn exceeded(
        &self,
        request: &AttemptRequest<'_>,
        past: &[PastAttempt],
        zones: DayZones<'_>,
        since: Micros,
        at: Micros,
    ) -> Option<Exceeded> {
        let each = self.each(request);
        if each.is_empty() {
            return self.exceeded_by(request, past, zones, since, at, None);
        }
        let each = each.iter();
        each.filter_map(|one| self.exceeded_by(request, past, zones, since, at, Some(*one)))
            .max_by_key(|e| (e.free_at, e.observed))
    }

    fn exceeded_by(
        &self,
        request: &AttemptRequest<'_>,
        past: &[PastAttempt],
        zones: DayZones<'_>,
        since: Micros,
        at: Micros,
        one: Option<i64>,
    ) -> Option<Exceeded> {
        let observed = self.counted(request, past, since, one).count();
        if observed < self.max {
            return None;
        }
        let mut times: Vec<_> = self.counted(request, past, since, one).map(|p| p.at.as_microsecond()).collect();
        times.sort_unstable();
        // so many of the oldest must leave the window that one more fits
        let last_to_leave = times.get(observed - self.max).copied().unwrap_or(at);
        Some(Exceeded { observed, since, free_at: self.until(zones, last_to_leave).max(at.saturating_add(1)), one })
    }

    /// How many attempts it allows.
    pub fn max(&self) -> usize {
        self.max
    }

    /// The accounts or debts that are counted each by itself, or none.
    pub fn each<'a>(&self, request: &AttemptRequest<'a>) -> &'a [i64] {
        self.keys.each(request)
    }

    pub fn failure(&self, exceeded: &Exceeded) -> Failure {
        let code = if self.on_violation == OnViolation::Suppress { Reason::Blocked } else { Reason::AttemptRule };
        let mut failure = Failure::new(&self.rule, RuleKind::AttemptRule, code);
        failure.observed = i64::try_from(exceeded.observed).ok();
        failure.limit = i64::try_from(self.max).ok();
        failure.window_start = Some(timestamp(exceeded.since));
        failure.window_end = (exceeded.free_at != EVER).then(|| timestamp(exceeded.free_at));
        failure
    }
}

/// A rule that allows no further attempt now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exceeded {
    pub observed: usize,
    pub since: Micros,
    /// When one more attempt fits.
    pub free_at: Micros,
    /// The account or debt that binds, where each is counted by itself.
    pub one: Option<i64>,
}

/// So many local days reach back that far at most: a day more for the clocks and the date line, and an hour.
pub(super) fn days_reach(days: u16) -> Micros {
    (i64::from(days) + 1) * 24 * HOUR + HOUR
}

/// Where no zone is known a local day may have begun 25 hours ago.
fn unmapped_days(days: u16) -> Micros {
    i64::from(days) * 24 * HOUR + HOUR
}

/// When the first of the last so many days began, the day of `at` included: at the earliest midnight of the zones.
pub(super) fn days_began(zones: DayZones<'_>, at: Micros, days: u16) -> Micros {
    let unmapped = at.saturating_sub(unmapped_days(days)).saturating_add(1);
    let back = 1 - i32::from(days);
    zones.and_then(|zones| zones.iter().map(|zone| day_start_after(zone, at, back)).min()).unwrap_or(unmapped)
}

/// When the day comes that is so many days after that of `at`, in every zone.
pub(super) fn day_after(zones: DayZones<'_>, at: Micros, days: u16) -> Micros {
    let unmapped = at.saturating_add(unmapped_days(days));
    let zones = zones.into_iter().flatten();
    zones.map(|zone| day_start_after(zone, at, i32::from(days))).max().unwrap_or(unmapped)
}

/// Until when the day of `at` stays the same in every zone, exclusively.
pub(super) fn today_lasts(zones: &[TimeZone], at: Micros) -> Micros {
    zones.iter().map(|zone| day_start_after(zone, at, 1)).min().unwrap_or(at)
}
