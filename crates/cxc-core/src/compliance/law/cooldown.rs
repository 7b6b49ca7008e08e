//! Cool-downs: no attempt for some time after an event.
use super::super::attempts::{DayZones, day_after, days_reach};
use super::super::calendar::timestamp;
use super::super::count_filter::{KeyScope, Keys};
use super::super::documents::RuleRef;
use super::super::legal::{Cooldown, CooldownEvent, DayBasis, Exclude};
use super::super::request::{AttemptRequest, PastAttempt};
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
    pub fn held(
        &self,
        request: &AttemptRequest<'_>,
        past: &[PastAttempt],
        zones: DayZones<'_>,
        at: Micros,
    ) -> Option<(Micros, Micros)> {
        let each = self.keys.each(request);
        let belongs = |p: &&PastAttempt| match each {
            [] => self.keys.same(request, p, None),
            each => each.iter().any(|one| self.keys.same(request, p, Some(*one))),
        };
        let latest = past.iter().filter(|p| self.is_event(p)).filter(belongs).map(|p| p.at.as_microsecond()).max()?;
        let free_at = if self.rolling {
            latest.saturating_add(i64::from(self.days) * DAY)
        } else {
            day_after(zones, latest, self.days)
        };
        (at < free_at).then_some((latest, free_at))
    }

    pub fn failure(&self, (event, free_at): (Micros, Micros)) -> Failure {
        let mut failure = Failure::new(&self.rule, RuleKind::AttemptRule, Reason::CoolDown);
        failure.window_start = Some(timestamp(event));
        failure.window_end = Some(timestamp(free_at));
        failure.because(match self.event {
            CooldownEvent::Conversation => "after a conversation",
            CooldownEvent::Refusal => "after a refusal",
            CooldownEvent::Abandoned => "after an abandoned call",
        })
    }
}
