//! The check that comes before every attempt.
use jiff::Timestamp;

use super::attempts::today;
use super::cache::{IntervalCache, PlaceId, SEARCH_DAYS};
use super::calendar::timestamp;
use super::documents::RuleRef;
use super::program::{DAY, OpenWindow};
use super::request::{AttemptRequest, Facts, SuppressedBy, SuppressionHit};
use super::rule_set::RuleSet;
use super::verdict::{Decision, Failure, RuleKind, Verdict, retry_at};
use crate::Micros;
use crate::record::Reason;

/// Whether an attempt may be made at `now`; every rule that stands in the way, and the earliest legal instant.
///
/// Pure: the cache holds only what follows from the rules and the zones. Nothing is allocated for an allowed
/// attempt from a place that the cache knows.
pub fn check(
    rules: &RuleSet,
    cache: &mut IntervalCache,
    request: &AttemptRequest<'_>,
    facts: &Facts<'_>,
    now: Timestamp,
) -> Verdict {
    let place = cache.place(rules, request.channel, request.parts);
    let mut case = Case { rules, cache, request, facts, place, now: now.as_microsecond(), failures: Vec::new() };
    case.stop_switch();
    case.unreadable_rules();
    case.suppression(now);
    let open = case.windows();
    case.location_rules();
    case.attempt_rules();
    case.custom_rules();
    case.external_rules();
    case.verdict(open, now)
}

struct Case<'a> {
    rules: &'a RuleSet,
    cache: &'a mut IntervalCache,
    request: &'a AttemptRequest<'a>,
    facts: &'a Facts<'a>,
    place: PlaceId,
    now: Micros,
    failures: Vec<Failure>,
}

impl Case<'_> {
    fn stop_switch(&mut self) {
        if let Some(reason) = &self.rules.stop_switch {
            let rule = RuleRef::new("stop_switch", self.rules.version());
            let failure = Failure::new(&rule, RuleKind::StopSwitch, Reason::ComplianceUnavailable);
            self.failures.push(failure.because(reason.as_str()));
        }
    }

    fn unreadable_rules(&mut self) {
        for (rule, detail) in &self.rules.unreadable {
            let failure = Failure::new(rule, RuleKind::UnreadableRule, Reason::ComplianceUnavailable);
            self.failures.push(failure.because(format!("the rule can't be read: {detail}")));
        }
    }

    fn suppression(&mut self, now: Timestamp) {
        let Some(hits) = self.facts.suppression else {
            return self.unavailable("suppression", RuleKind::Suppression, "the suppression lists are not loaded");
        };
        let holds = |hit: &&SuppressionHit| hit.from.is_none_or(|f| f <= now) && hit.until.is_none_or(|u| now < u);
        for hit in hits.iter().filter(holds) {
            let mut failure = Failure::new(&hit.list, RuleKind::Suppression, Reason::Suppressed);
            failure.window_start = hit.from;
            failure.window_end = hit.until;
            self.failures.push(failure.because(match hit.by {
                SuppressedBy::Device => "by device",
                SuppressedBy::ClientId => "by client id",
            }));
        }
    }

    /// The window that is open or opens next; the rules that are closed now are noted.
    fn windows(&mut self) -> Option<OpenWindow> {
        let window = match self.cache.window_from(self.place, self.now, self.now) {
            Ok(window) => window,
            Err(error) => {
                self.unavailable("unmapped_window", RuleKind::ContactTimes, &error.to_string());
                return None;
            }
        };
        if window.is_none_or(|w| w.open > self.now) {
            let closed = self.cache.program(self.place).map(|p| p.closed_rules(self.now)).unwrap_or_default();
            if closed.is_empty() {
                // together they leave less than the guard
                let rule = RuleRef::new("contact_times", self.rules.version());
                self.failures.push(Failure::new(&rule, RuleKind::ContactTimes, Reason::ContactTimes));
            }
            self.failures.extend(closed);
        }
        window
    }

    fn location_rules(&mut self) {
        self.rules.tools.judge_location(self.request, self.facts, &mut self.failures);
    }

    fn custom_rules(&mut self) {
        let zones = self.cache.day_zones(self.place).unwrap_or_default();
        self.rules.tools.judge_custom(self.request, self.facts, zones, self.now, &mut self.failures);
    }

    fn external_rules(&mut self) {
        self.rules.tools.judge_external(self.request, self.facts, &mut self.failures);
    }

    fn attempt_rules(&mut self) {
        let rules = self.rules;
        if rules.attempts.is_empty() {
            return;
        }
        let today = self.cache.today(self.place, self.now);
        let zones = self.cache.day_zones(self.place);
        for rule in rules.attempts.iter().filter(|r| r.holds_for(self.request.channel)) {
            let since = rule.since(today, self.now);
            let Some(past) = self.facts.attempts.filter(|_| self.facts.attempts_since.as_microsecond() <= since) else {
                let failure = Failure::new(&rule.rule, RuleKind::AttemptRule, Reason::ComplianceUnavailable);
                self.failures.push(failure.because("the attempts of its window are not known"));
                continue;
            };
            if let Some(exceeded) = rule.exceeded(self.request, past, zones, today, self.now) {
                self.failures.push(rule.failure(&exceeded));
            }
        }
    }

    fn unavailable(&mut self, rule: &str, kind: RuleKind, detail: &str) {
        let rule = RuleRef::new(rule, self.rules.version());
        self.failures.push(Failure::new(&rule, kind, Reason::ComplianceUnavailable).because(detail));
    }

    fn verdict(mut self, open: Option<OpenWindow>, now: Timestamp) -> Verdict {
        let has = |test: fn(&Failure) -> bool| self.failures.iter().any(test);
        let (mut not_before, mut not_after, mut window_end) = (None, None, None);
        let decision = if has(Failure::ends_the_record) {
            Decision::Deny
        } else if has(|f| f.code == Reason::ComplianceUnavailable && f.kind != RuleKind::StopSwitch) {
            not_before = Some(retry_at(now));
            Decision::Error
        } else if has(|f| f.kind == RuleKind::StopSwitch) {
            not_before = Some(retry_at(now));
            Decision::Defer
        } else if let (true, Some(window)) = (self.failures.is_empty(), open) {
            not_after = Some(timestamp(window.not_after));
            window_end = Some(timestamp(window.window_end));
            Decision::Allow
        } else if let Some(earliest) = self.earliest() {
            not_before = Some(timestamp(earliest));
            Decision::Defer
        } else {
            let rule = RuleRef::new("never_open", self.rules.version());
            let failure = Failure::new(&rule, RuleKind::Horizon, Reason::NeverOpen);
            self.failures.push(failure.because(format!("nothing is legal within {SEARCH_DAYS} days")));
            Decision::Deny
        };
        Verdict { decision, reasons: self.failures, warnings: Vec::new(), not_before, not_after, window_end }
    }

    /// The earliest instant after `now` that every window and attempt rule allows.
    fn earliest(&mut self) -> Option<Micros> {
        let limit = self.now.saturating_add(SEARCH_DAYS * DAY);
        let mut at = self.now;
        loop {
            at = self.cache.window_from(self.place, self.now, at).ok()??.open;
            let zones = self.cache.day_zones(self.place);
            let today = today(zones, at);
            let past = self.facts.attempts.unwrap_or_default();
            let rules = self.rules.attempts.iter().filter(|r| r.holds_for(self.request.channel));
            let free = rules.filter_map(|r| r.exceeded(self.request, past, zones, today, at)).map(|e| e.free_at).max();
            match free {
                None => return (at < limit).then_some(at),
                Some(free) if free < limit => at = free,
                Some(_) => return None,
            }
        }
    }
}
