//! The part of the check that counts: caps and cool-downs, of tools and of the law, and when the last of them lets an
//! attempt pass.
use super::super::attempts::{CompiledCap, Exceeded, days_began};
use super::super::cache::SEARCH_DAYS;
use super::super::documents::RuleRef;
use super::super::harassment;
use super::super::law::{Act, LawRule, Profile, callback_holds};
use super::super::legal::{Exclude, OnViolation, RuleBody};
use super::super::program::DAY;
use super::super::request::PastAttempt;
use super::super::verdict::{Failure, RuleKind};
use super::Case;
use crate::Micros;
use crate::record::Reason;

/// What a cap counts.
pub(in super::super) struct Counted {
    pub since: Micros,
    /// The numbers of the attempts; `None` where the attempts are not known.
    pub attempts: Option<Vec<i64>>,
}

impl Case<'_> {
    /// Caps of tools by priority, then those of the law.
    pub(super) fn attempt_rules(&mut self) {
        let rules = self.rules;
        for rule in rules.attempts.iter().filter(|r| r.holds_for(self.request.channel)) {
            self.cap(rule, false);
        }
        let count = self.cache.program(self.place).map_or(0, |p| p.counted.len());
        for nth in 0..count {
            let index = self.cache.program(self.place).ok().and_then(|p| p.counted.get(nth).copied());
            let Some(law) = index.and_then(|i| rules.law.rules.get(i)).filter(|r| r.in_force(self.now)) else {
                continue;
            };
            match &law.act {
                Act::Cap(cap) => self.cap(cap, law.legal.advisory),
                Act::Cooldown(_) => self.cooldown(law),
                _ => self.patterns(law),
            }
        }
    }

    fn cap(&mut self, rule: &CompiledCap, advisory: bool) {
        let (cache, place, now) = (&mut *self.cache, self.place, self.now);
        let since = rule.since(|days| cache.days_began(place, now, days), now);
        let advisory = advisory || rule.on_violation == OnViolation::Warn;
        let Some(past) = self.facts.attempts.filter(|_| self.facts.attempts_since.as_microsecond() <= since) else {
            if !advisory {
                self.history_unknown(&rule.rule);
            }
            return;
        };
        let zones = self.cache.day_zones(self.place);
        let Some(exceeded) = rule.exceeded(self.request, past, zones, since, now) else { return };
        if self.is_under_callback(&rule.filter.exclude, now) {
            return;
        }
        let failure = rule.failure(&exceeded);
        if advisory { self.warnings.push(failure) } else { self.failures.push(failure) }
    }

    fn cooldown(&mut self, law: &LawRule) {
        let Act::Cooldown(cooldown) = &law.act else { return };
        let since = self.now.saturating_sub(cooldown.reach());
        let Some(past) = self.facts.attempts.filter(|_| self.facts.attempts_since.as_microsecond() <= since) else {
            return self.history_unknown(&law.rule);
        };
        let zones = self.cache.day_zones(self.place);
        let Some(held) = cooldown.held(self.request, past, zones, self.now) else { return };
        if self.is_under_callback(&cooldown.exclude, self.now) {
            return;
        }
        let failure = cooldown.failure(held, self.request.edition);
        if law.legal.advisory { self.warnings.push(failure) } else { self.failures.push(failure) }
    }

    fn patterns(&mut self, law: &LawRule) {
        let RuleBody::Harassment(body) = &law.legal.kind else { return };
        let zones = self.cache.day_zones(self.place);
        let past = self.facts.attempts.unwrap_or_default();
        self.warnings.extend(harassment::warnings(&law.rule, body, self.request, past, zones, self.now));
    }

    /// The attempts that a cap counts: of several accounts or debts, those on the fullest.
    pub fn counted(&self, cap: &CompiledCap) -> Counted {
        let zones = self.cache.day_zones(self.place);
        let since = cap.since(|days| days_began(zones, self.now, days), self.now);
        let known = self.facts.attempts.filter(|_| self.facts.attempts_since.as_microsecond() <= since);
        let ids = |past: &[PastAttempt], one| -> Vec<i64> {
            cap.counted(self.request, past, since, one).map(|p| p.id).collect()
        };
        let attempts = known.map(|past| {
            let each = cap.each(self.request).iter().map(|one| ids(past, Some(*one)));
            each.max_by_key(Vec::len).unwrap_or_else(|| ids(past, None))
        });
        Counted { since, attempts }
    }

    fn is_under_callback(&self, exclude: &[Exclude], at: Micros) -> bool {
        let Some(consent) = self.consents.callback.filter(|_| exclude.contains(&Exclude::ConsentedCallback)) else {
            return false;
        };
        let past = self.facts.attempts.unwrap_or_default();
        let zones = self.cache.day_zones(self.place);
        callback_holds(consent, self.rules.law.callback_days, self.request, past, zones, at)
    }

    fn history_unknown(&mut self, rule: &RuleRef) {
        let failure = Failure::new(rule, RuleKind::AttemptRule, Reason::ComplianceUnavailable);
        self.failures.push(failure.because("the attempts of its window are not known"));
    }

    /// The earliest instant after `now` that every window, cap and cool-down allows. The usual hours and the time for which
    /// the person asked are searched each by itself: what opens one of them does not open the other.
    pub(super) fn earliest(&mut self) -> Option<Micros> {
        let Some((from, till)) = self.asked_time.filter(|_| !self.request.edition.is_first()) else {
            return self.earliest_from(self.now);
        };
        self.look_at(false);
        let in_hours = self.earliest_from(self.now);
        self.look_at(true);
        let in_time = self.earliest_from(from.max(self.now)).filter(|at| *at < till);
        self.look_at(self.profile.callback);
        [in_hours, in_time].into_iter().flatten().min()
    }

    /// Takes the windows of the place as they are with or without the hours that a consent to be called back opens.
    fn look_at(&mut self, callback: bool) {
        let profile = Profile { callback, ..self.profile };
        self.place = self.cache.place_of(self.rules, &profile, self.request.parts, self.request.declared);
    }

    fn earliest_from(&mut self, mut at: Micros) -> Option<Micros> {
        let limit = self.now.saturating_add(SEARCH_DAYS * DAY);
        if at >= limit {
            return None;
        }
        loop {
            at = self.cache.window_from(self.place, self.now, at).ok()??.open;
            match self.counted_until(at) {
                None => return (at < limit).then_some(at),
                Some(free) if free < limit => at = free,
                Some(_) => return None,
            }
        }
    }

    /// When the last of the caps and cool-downs that forbid an attempt at `at` lets one pass.
    fn counted_until(&self, at: Micros) -> Option<Micros> {
        let zones = self.cache.day_zones(self.place);
        let past = self.facts.attempts.unwrap_or_default();
        let exceeded = |cap: &CompiledCap| -> Option<Exceeded> {
            let since = cap.since(|days| days_began(zones, at, days), at);
            let exceeded = cap.exceeded(self.request, past, zones, since, at);
            exceeded.filter(|_| !self.is_under_callback(&cap.filter.exclude, at))
        };
        let tools = self.rules.attempts.iter().filter(|r| r.holds_for(self.request.channel));
        let tools = tools.filter_map(&exceeded).map(|e| e.free_at);
        let counted = self.cache.program(self.place).map(|p| &p.counted[..]).unwrap_or_default();
        let law = counted.iter().filter_map(|i| self.rules.law.rules.get(*i));
        let law = law.filter(|r| r.in_force(at) && !r.legal.advisory);
        let law = law.filter_map(|rule| match &rule.act {
            Act::Cap(cap) if cap.on_violation != OnViolation::Warn => exceeded(cap).map(|e| e.free_at),
            Act::Cooldown(cooldown) => {
                let held = cooldown.held(self.request, past, zones, at).map(|held| held.free_at);
                held.filter(|_| !self.is_under_callback(&cooldown.exclude, at))
            }
            _ => None,
        });
        tools.chain(law).max()
    }
}
