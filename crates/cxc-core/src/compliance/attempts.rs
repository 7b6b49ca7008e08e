//! Counting past attempts against the attempt rules.
use jiff::tz::TimeZone;

use super::attempt_rule::{AttemptRule, CountBy, RuleScope};
use super::calendar::{day_start, next_day_start, timestamp};
use super::documents::RuleRef;
use super::request::{AttemptRequest, PastAttempt};
use super::rule_set::channel_bits;
use super::verdict::{Failure, RuleKind};
use crate::Micros;
use crate::attempt::AttemptState;
use crate::channel::Channel;
use crate::enumerations::CallResult;
use crate::record::Reason;

const HOUR: Micros = 3_600_000_000;

/// A local day is at most 25 hours; where no zone is known, today reaches back that far.
const UNMAPPED_DAY: Micros = 25 * HOUR;

/// Two days: today began at most a day and a clock change ago, or, where the date line moved, two days.
const TODAY_REACH: Micros = 49 * HOUR;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Window {
    Today,
    Rolling(Micros),
}

/// An attempt rule, compiled.
#[derive(Debug)]
pub(super) struct CompiledAttemptRule {
    pub rule: RuleRef,
    pub priority: u16,
    own_group: bool,
    max: usize,
    window: Window,
    /// A bit for each call result that counts.
    results: u64,
    dispositions: Vec<String>,
    count_by: CountBy,
    channels: i16,
}

/// On whose clocks a day begins: the zones in which the person may be, or none that is known.
pub(super) type DayZones<'a> = Option<&'a [TimeZone]>;

impl CompiledAttemptRule {
    pub fn new(rule: &RuleRef, body: &AttemptRule) -> Self {
        let bit = |code: &i16| CallResult::from_code(*code).map_or(0, |r| 1u64 << r.code());
        Self {
            rule: rule.clone(),
            priority: body.priority,
            own_group: body.scope == RuleScope::CampaignGroup,
            max: usize::try_from(body.max_attempts).unwrap_or(usize::MAX),
            window: body.window.seconds.map_or(Window::Today, |s| Window::Rolling(i64::from(s) * 1_000_000)),
            results: body.results.iter().map(bit).fold(0, |bits, b| bits | b),
            dispositions: body.dispositions.clone(),
            count_by: body.count_by,
            channels: channel_bits(&body.channels),
        }
    }

    /// Whether an attempt on this channel is bound by the rule.
    pub fn holds_for(&self, channel: Channel) -> bool {
        self.channels & channel.bit() != 0
    }

    /// How far back it counts at most.
    pub fn reach(&self) -> Micros {
        match self.window {
            Window::Today => TODAY_REACH,
            Window::Rolling(length) => length,
        }
    }

    /// The first instant whose attempts count at `at`, on a day that began at `today`.
    pub fn since(&self, today: Micros, at: Micros) -> Micros {
        match self.window {
            Window::Today => today,
            // an attempt exactly as old as the window has expired
            Window::Rolling(length) => at.saturating_sub(length).saturating_add(1),
        }
    }

    /// When an attempt made at `attempt` no longer counts.
    fn until(&self, zones: DayZones<'_>, attempt: Micros) -> Micros {
        match (self.window, zones) {
            (Window::Rolling(length), _) => attempt + length,
            (Window::Today, None) => attempt + UNMAPPED_DAY,
            (Window::Today, Some(zones)) => {
                zones.iter().map(|z| next_day_start(z, attempt)).max().unwrap_or(attempt + UNMAPPED_DAY)
            }
        }
    }

    fn counts(&self, request: &AttemptRequest<'_>, past: &PastAttempt) -> bool {
        self.holds_for(past.channel)
            && (!self.own_group || past.group == request.group)
            && self.same(request, past)
            && self.counts_outcome(past)
    }

    fn same(&self, request: &AttemptRequest<'_>, past: &PastAttempt) -> bool {
        let device = past.device == request.device;
        let person = request.client.map_or(device, |client| past.client == Some(client));
        match self.count_by {
            CountBy::ClientId => person,
            CountBy::Device => device,
            CountBy::Pair => device && person,
        }
    }

    fn counts_outcome(&self, past: &PastAttempt) -> bool {
        if past.state == AttemptState::NotSent {
            return false;
        }
        let Some(result) = past.result.filter(|_| past.state == AttemptState::Final) else {
            return true;
        };
        if self.results == 0 && self.dispositions.is_empty() {
            return true;
        }
        let listed = |r: CallResult| self.results & (1 << r.code()) != 0;
        let delivered = past.channel != Channel::Voice && result == CallResult::Ok && listed(CallResult::Answer);
        listed(result)
            || delivered
            || past.disposition.as_deref().is_some_and(|code| self.dispositions.iter().any(|d| d == code))
    }

    /// `None` if one more attempt may be made at `at`, on a day that began at `today`; otherwise what was counted
    /// and when the next may be made.
    pub fn exceeded(
        &self,
        request: &AttemptRequest<'_>,
        past: &[PastAttempt],
        zones: DayZones<'_>,
        today: Micros,
        at: Micros,
    ) -> Option<Exceeded> {
        let since = self.since(today, at);
        let counting = || past.iter().filter(|p| p.at.as_microsecond() >= since && self.counts(request, p));
        let observed = counting().count();
        if observed < self.max {
            return None;
        }
        let mut times: Vec<_> = counting().map(|p| p.at.as_microsecond()).collect();
        times.sort_unstable();
        // so many of the oldest must leave the window that one more fits
        let last_to_leave = times.get(observed - self.max).copied().unwrap_or(at);
        Some(Exceeded { observed, since, free_at: self.until(zones, last_to_leave).max(at + 1) })
    }

    pub fn failure(&self, exceeded: &Exceeded) -> Failure {
        let mut failure = Failure::new(&self.rule, RuleKind::AttemptRule, Reason::AttemptRule);
        failure.observed = i64::try_from(exceeded.observed).ok();
        failure.limit = i64::try_from(self.max).ok();
        failure.window_start = Some(timestamp(exceeded.since));
        failure.window_end = Some(timestamp(exceeded.free_at));
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
}

/// When the day of `at` began: at the earliest midnight of the zones.
pub(super) fn today(zones: DayZones<'_>, at: Micros) -> Micros {
    let unmapped = at.saturating_sub(UNMAPPED_DAY).saturating_add(1);
    zones.and_then(|zones| zones.iter().map(|zone| day_start(zone, at)).min()).unwrap_or(unmapped)
}

/// Until when the day of `at` stays the same in every zone, exclusively.
pub(super) fn today_lasts(zones: &[TimeZone], at: Micros) -> Micros {
    zones.iter().map(|zone| next_day_start(zone, at)).min().unwrap_or(at)
}
