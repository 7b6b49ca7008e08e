//! Patterns of calls that a court may call harassment. They warn and deny nothing.
use super::attempts::{DayZones, day_after, days_began};
use super::calendar::{day_start_after, timestamp};
use super::count_filter::same_person;
use super::documents::RuleRef;
use super::legal::Harassment;
use super::request::{AttemptRequest, Direction, PastAttempt};
use super::verdict::{Failure, RuleKind};
use crate::Micros;
use crate::attempt::AttemptState;
use crate::channel::Channel;
use crate::record::Reason;

/// The warnings for one more call to a person.
pub(super) fn warnings(
    rule: &RuleRef,
    body: &Harassment,
    request: &AttemptRequest<'_>,
    past: &[PastAttempt],
    zones: DayZones<'_>,
    now: Micros,
) -> impl Iterator<Item = Failure> + use<> {
    let since = days_began(zones, now, body.days);
    let is_call = |p: &&PastAttempt| {
        let when = p.at.as_microsecond();
        p.channel == Channel::Voice
            && p.direction == Direction::Out
            && p.state != AttemptState::NotSent
            && (since..=now).contains(&when)
            && same_person(request, p)
    };
    let calls = || past.iter().filter(is_call).map(|p| p.at.as_microsecond());
    let warning = |observed: usize, limit: u16, detail: &str| {
        let mut failure = Failure::new(rule, RuleKind::AttemptRule, Reason::AttemptRule).because(detail);
        failure.observed = i64::try_from(observed).ok();
        failure.limit = Some(i64::from(limit));
        failure
    };
    let gap = Micros::from(body.gap_minutes) * 60_000_000;
    let close = calls().max().filter(|last| now - last < gap).map(|last| {
        let minutes = usize::try_from((now - last) / 60_000_000).unwrap_or(0);
        let mut failure = warning(minutes, body.gap_minutes, "close: fewer minutes than this after the last call");
        failure.window_end = Some(timestamp(last + gap));
        failure
    });
    let fullest = calls().map(|at| on_the_day_of(at, &calls(), zones)).max().unwrap_or(0);
    let concentrated = (fullest > usize::from(body.daily_max))
        .then(|| warning(fullest, body.daily_max, "concentrated: more calls than this on one day"));
    let total = calls().count();
    let aggregate = (total > usize::from(body.aggregate_max))
        .then(|| warning(total, body.aggregate_max, "aggregate: more calls than this over all debts"));
    [close, concentrated, aggregate].into_iter().flatten()
}

/// How many calls fall on the day of one of them, in the zone where that is most.
fn on_the_day_of(at: Micros, calls: &(impl Iterator<Item = Micros> + Clone), zones: DayZones<'_>) -> usize {
    let count = |from: Micros, till: Micros| calls.clone().filter(|call| (from..till).contains(call)).count();
    let Some(zones) = zones else { return count(days_began(None, at, 1), day_after(None, at, 1)) };
    zones.iter().map(|zone| count(day_start_after(zone, at, 0), day_start_after(zone, at, 1))).max().unwrap_or(0)
}
