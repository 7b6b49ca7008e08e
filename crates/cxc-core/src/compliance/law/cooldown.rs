//! Cool-downs: no attempt for some time after an event.
use super::super::attempts::{DayZones, day_after, days_reach};
use super::super::calendar::timestamp;
use super::super::count_filter::{KeyScope, Keys};
use super::super::documents::RuleRef;
use super::super::edition::Edition;
use super::super::legal::{Cooldown, CooldownEvent, DayBasis, Exclude};
use super::super::request::{AttemptRequest, Direction, PastAttempt};
use super::super::rule_set::channel_bits;
use super::super::verdict::{Failure, RuleKind};
use crate::Micros;
use crate::enumerations::CallResult;
use crate::record::Reason;

const DAY: Micros = 86_400_000_000;

/// A cool-down, compiled.
#[derive(Debug)]
pub(in super::super) struct CompiledCooldown {
    pub rule: RuleRef,
    pub keys: Keys,
    pub exclude: Vec<Exclude>,
    event: CooldownEvent,
    channels: i16,
    /// The day, counted from that of the event, on which the next attempt may be made.
    days: u16,
    rolling: bool,
    /// How many days it lasts, as the rule says.
    lasts: u16,
    inclusive: bool,
}

/// The event that forbids an attempt.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Held<'a> {
    event: &'a PastAttempt,
    /// From when on it no longer does.
    pub free_at: Micros,
}

impl CompiledCooldown {
    pub fn new(rule: &RuleRef, basis: DayBasis, body: &Cooldown) -> Self {
        let rolling = basis == DayBasis::Rolling;
        let extra = u16::from(!rolling && !body.inclusive_day1);
        Self {
            rule: rule.clone(),
            keys: Keys { scope: KeyScope::Legal(body.scope), group_by: body.group_by.clone(), own_group: false },
            exclude: body.exclude.clone(),
            event: body.event,
            channels: channel_bits(&body.channels),
            days: body.days.saturating_add(extra),
            rolling,
            lasts: body.days,
            inclusive: body.inclusive_day1,
        }
    }

    /// How far back events matter.
    pub fn reach(&self) -> Micros {
        days_reach(self.days)
    }

    fn is_event(&self, past: &PastAttempt) -> bool {
        let happened = match self.event {
            CooldownEvent::Conversation => past.conversation,
            CooldownEvent::Refusal => past.refused,
            CooldownEvent::Abandoned => past.result == Some(CallResult::Abandoned),
        };
        happened && self.channels & past.channel.bit() != 0
    }

    /// The event that forbids an attempt at `at`, and when it no longer does. An event after `at` is looked at too:
    /// it may be that of a clock a moment ahead.
    pub fn held<'a>(
        &self,
        request: &AttemptRequest<'_>,
        past: &'a [PastAttempt],
        zones: DayZones<'_>,
        at: Micros,
    ) -> Option<Held<'a>> {
        let each = self.keys.each(request);
        let belongs = |p: &&PastAttempt| match each {
            [] => self.keys.same(request, p, None),
            each => each.iter().any(|one| self.keys.same(request, p, Some(*one))),
        };
        let event = past.iter().filter(|p| self.is_event(p)).filter(belongs).max_by_key(|p| (p.at, p.id))?;
        let latest = event.at.as_microsecond();
        let free_at = if self.rolling {
            latest.saturating_add(i64::from(self.days) * DAY)
        } else {
            day_after(zones, latest, self.days)
        };
        (at < free_at).then_some(Held { event, free_at })
    }

    /// Why an attempt waits. The instant of the event begins its window, and that from which on the next may be made ends it.
    pub fn failure(&self, Held { event, free_at }: Held<'_>, edition: Edition) -> Failure {
        let mut failure = Failure::new(&self.rule, RuleKind::AttemptRule, Reason::CoolDown);
        failure.window_start = Some(event.at);
        failure.window_end = Some(timestamp(free_at));
        let what = match self.event {
            CooldownEvent::Conversation => "after a conversation",
            CooldownEvent::Refusal => "after a refusal",
            CooldownEvent::Abandoned => "after an abandoned call",
        };
        if !edition.is_third() {
            return failure.because(what);
        }
        failure.limit = Some(i64::from(self.lasts));
        failure.because(format!(
            "{what}, {}: no attempt until {} ({})",
            which(event),
            timestamp(free_at),
            self.period()
        ))
    }

    fn period(&self) -> String {
        let days = if self.lasts == 1 { "1 day".to_owned() } else { format!("{} days", self.lasts) };
        match (self.rolling, self.inclusive) {
            (true, _) => format!("{days} of 24 hours"),
            (false, true) => format!("{days}, of which its own is the first"),
            (false, false) => format!("{days} after its own"),
        }
    }
}

/// Which attempt an event is: when, how, who began it, and its number, if it has one.
fn which(event: &PastAttempt) -> String {
    let channel = event.channel.as_str();
    let began = if event.direction == Direction::In { ", begun by the person" } else { "" };
    let number = if event.id == 0 { String::new() } else { format!(", attempt {}", event.id) };
    format!("{} by {channel}{began}{number}", event.at)
}
