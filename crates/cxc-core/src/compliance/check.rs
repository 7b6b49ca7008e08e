//! The check that comes before every attempt.
mod counting;
mod known;

use jiff::{SignedDuration, Timestamp};

use super::cache::{IntervalCache, PlaceId, SEARCH_DAYS};
use super::calendar::timestamp;
use super::documents::RuleRef;
use super::law::{Asked, LawRule, Profile, callback_opened_by, judge, relationship};
use super::legal::RuleBody;
use super::program::{DAY, OpenWindow, TOLD};
use super::request::{AttemptRequest, Facts, SuppressedBy, SuppressionHit};
use super::rule_set::RuleSet;
use super::verdict::{Decision, Failure, RuleKind, STOP_SWITCH, Verdict, retry_at};
use crate::Micros;
use crate::consent::{ConsentQuestion, Standing};
use crate::device::LineType;
use crate::record::Reason;

/// How far a clock may be behind the newest attempt or opt-out that is known.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(1);

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
    Case::new(rules, cache, request, facts, now).decide()
}

/// One check while it is made.
pub(super) struct Case<'a> {
    pub rules: &'a RuleSet,
    pub cache: &'a mut IntervalCache,
    pub request: &'a AttemptRequest<'a>,
    pub facts: &'a Facts<'a>,
    pub consents: Standing<'a>,
    /// When a consent to be called back opens hours that are closed otherwise.
    pub asked_time: Option<(Micros, Micros)>,
    pub profile: Profile<'a>,
    pub place: PlaceId,
    pub now: Micros,
    failures: Vec<Failure>,
    warnings: Vec<Failure>,
}

impl<'a> Case<'a> {
    pub fn new(
        rules: &'a RuleSet,
        cache: &'a mut IntervalCache,
        request: &'a AttemptRequest<'a>,
        facts: &'a Facts<'a>,
        now: Timestamp,
    ) -> Self {
        let asked = ConsentQuestion {
            channel: request.channel,
            topic: request.subject.topic.as_deref(),
            brand: request.subject.brand.as_deref(),
            reach: rules.law.reach(request, now.as_microsecond()),
        };
        let consents = Standing::of(facts.consents.unwrap_or_default(), &asked, now);
        let asked_time = consents.callback.and_then(|given| callback_opened_by(given, request.edition, rules.guard));
        let is_asked_time = |at: Micros| asked_time.is_some_and(|(from, till)| from <= at && at < till);
        let profile = Profile {
            edition: request.edition,
            channel: request.channel,
            subject: request.subject,
            line: line_type(rules, request, facts, now),
            consent: consents.state(),
            callback: is_asked_time(now.as_microsecond()),
            relationship: Some(relationship(request.subject, &consents, now)),
        };
        let place = cache.place_of(rules, &profile, request.parts, request.declared);
        let now = now.as_microsecond();
        let (failures, warnings) = (Vec::new(), Vec::new());
        Self { rules, cache, request, facts, consents, asked_time, profile, place, now, failures, warnings }
    }

    pub fn decide(mut self) -> Verdict {
        let now = timestamp(self.now);
        self.stop_switch();
        self.unreadable_rules();
        self.data_state(now);
        self.suppression(now);
        self.law(now);
        let open = self.windows();
        self.rules.tools.judge_location(self.request, self.facts, &mut self.failures);
        self.attempt_rules();
        let zones = self.cache.day_zones(self.place).unwrap_or_default();
        self.rules.tools.judge_custom(self.request, self.facts, zones, self.now, &mut self.failures);
        self.rules.tools.judge_external(self.request, self.facts, &mut self.failures);
        if self.failures.len() > 1 {
            self.failures.sort_by_key(|f| f.kind);
        }
        self.verdict(open, now)
    }

    fn stop_switch(&mut self) {
        if let Some(reason) = &self.rules.stop_switch {
            let rule = RuleRef::new(STOP_SWITCH, self.rules.version());
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

    /// What is wrong with the data that every decision needs, the clock included.
    fn data_state(&mut self, now: Timestamp) {
        for fault in self.rules.data_faults.iter().chain(self.facts.data_faults) {
            let failure = Failure::new(&fault.data, RuleKind::DataState, fault.code);
            self.failures.push(failure.because(fault.detail.as_str()));
        }
        let is_ahead = |at: Timestamp| at.duration_since(now) > CLOCK_SKEW;
        if self.facts.attempts.unwrap_or_default().iter().any(|attempt| is_ahead(attempt.at)) {
            self.unavailable("clock", RuleKind::DataState, "the clock is behind the newest attempt: it was set back");
        } else if self.facts.consents.unwrap_or_default().iter().any(|event| event.revoked && is_ahead(event.at)) {
            // it would not count as said yet
            self.unavailable("clock", RuleKind::DataState, "the clock is behind the newest opt-out: it was set back");
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
        self.own_number_lists();
        // who is in danger is warned whatever was said before
        let warned = self.request.subject.purpose == super::subject::Purpose::Emergency;
        if let Some(revocation) = self.consents.opted_out.filter(|_| !warned) {
            let rule = RuleRef::new("opt_out", 0);
            let mut failure = Failure::new(&rule, RuleKind::Suppression, Reason::OptedOut);
            failure.window_start = Some(revocation.at);
            let mut told = format!("opted out through {}", revocation.source);
            if self.request.edition.is_third() {
                told.push_str(&format!(" at {}", revocation.at));
            }
            if !revocation.on(self.request.channel)
                && let Some(law) = self.rules.law.widening(self.request, self.now).last()
            {
                told.push_str(" on another channel, and by ");
                told.push_str(&law.rule.id);
                told.push_str(" that ends this one, too");
            }
            self.failures.push(failure.because(told));
        }
    }

    /// A customer's own number lists bind without a legal rule.
    fn own_number_lists(&mut self) {
        let Some(numbers) = self.facts.numbers else { return };
        for (index, list) in numbers.lists.iter().enumerate().filter(|(_, list)| list.own) {
            let why_not = list.state.why_not();
            let rule = || RuleRef::new(std::sync::Arc::clone(&list.name), i64::from(why_not.is_none()));
            if let Some(why_not) = why_not {
                let failure = Failure::new(&rule(), RuleKind::DataState, Reason::DataMissing);
                self.failures.push(failure.because(format!("the number list {why_not}")));
            } else if numbers.holding.iter().any(|hit| hit.list == index) {
                let failure = Failure::new(&rule(), RuleKind::Suppression, Reason::Suppressed);
                self.failures.push(failure.because("by device"));
            }
        }
    }

    /// The legal rules that nobody decided about, and those that look at facts.
    fn law(&mut self, now: Timestamp) {
        let rules = self.rules;
        let Ok(program) = self.cache.program(self.place) else { return };
        for law in program.unanswered.iter().filter_map(|i| rules.law.rules.get(*i)).filter(|r| r.in_force(self.now)) {
            let failure = Failure::new(&law.rule, unanswered_kind(law), Reason::RuleUnanswered);
            self.failures.push(failure.because("the rule is neither turned on nor waived"));
        }
        let asked = Asked { request: self.request, facts: self.facts, consents: &self.consents, now };
        for law in program.judged.iter().filter_map(|i| rules.law.rules.get(*i)).filter(|r| r.in_force(self.now)) {
            if let Some(found) = judge(law, &asked) {
                let failure = Failure::new(&law.rule, found.kind, found.code).because(found.detail);
                if law.legal.advisory { self.warnings.push(failure) } else { self.failures.push(failure) }
            }
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
        let (Ok(program), Ok(intervals)) = (self.cache.program(self.place), self.cache.intervals(self.place)) else {
            return window;
        };
        if window.is_none_or(|w| w.open > self.now) {
            let closed = program.closed_rules(self.rules, intervals, self.now, false);
            if closed.is_empty() {
                // together they leave less than the guard
                let rule = RuleRef::new("contact_times", self.rules.version());
                self.failures.push(Failure::new(&rule, RuleKind::ContactTimes, Reason::ContactTimes));
            }
            self.failures.extend(closed);
        }
        if program.has_advice() {
            self.warnings.extend(program.closed_rules(self.rules, intervals, self.now, true));
        }
        window
    }

    fn unavailable(&mut self, rule: &str, kind: RuleKind, detail: &str) {
        let rule = RuleRef::new(rule, self.rules.version());
        self.failures.push(Failure::new(&rule, kind, Reason::ComplianceUnavailable).because(detail));
    }

    fn verdict(mut self, open: Option<OpenWindow>, now: Timestamp) -> Verdict {
        let has = |decision: Decision| self.failures.iter().any(|f| f.effect() == decision);
        let stopped = self.rules.stop_switch.is_some();
        let (mut not_before, mut not_after, mut window_end) = (None, None, None);
        let decision = if has(Decision::Deny) {
            Decision::Deny
        } else if has(Decision::Error) {
            not_before = Some(retry_at(now));
            Decision::Error
        } else if stopped {
            not_before = Some(retry_at(now));
            Decision::Defer
        } else if let (true, Some(window)) = (self.failures.is_empty(), open) {
            // what is known beyond depends on what was asked before
            let told = self.now.saturating_add(TOLD);
            not_after = Some(timestamp(window.not_after.min(told).min(self.known_until())));
            window_end = Some(timestamp(window.window_end.min(told).min(self.asked_end())));
            Decision::Allow
        } else if let Some(earliest) = self.earliest() {
            not_before = Some(timestamp(earliest));
            Decision::Defer
        } else if let Some(failure) = self.runs_out() {
            self.failures.push(failure);
            not_before = Some(retry_at(now));
            Decision::Error
        } else {
            let rule = RuleRef::new("never_open", self.rules.version());
            let failure = Failure::new(&rule, RuleKind::Horizon, Reason::NeverOpen);
            self.failures.push(failure.because(format!("nothing is legal within {SEARCH_DAYS} days")));
            Decision::Deny
        };
        Verdict { decision, reasons: self.failures, warnings: self.warnings, not_before, not_after, window_end }
    }

    /// The rule whose holiday calendar ends before anything opens: what comes after it is not known to be closed.
    fn runs_out(&mut self) -> Option<Failure> {
        let horizon = self.now.saturating_add(SEARCH_DAYS * DAY);
        self.cache.program(self.place).ok()?.runs_out(horizon)
    }

    /// The end of the time for which the person asked, where that is what opens the hours.
    fn asked_end(&self) -> Micros {
        let is_asked = self.profile.callback && !self.request.edition.is_first();
        let till = self.asked_time.filter(|_| is_asked).map(|(_, till)| till.saturating_add(self.rules.guard));
        till.unwrap_or(Micros::MAX)
    }
}

/// The line by number intelligence, else as the subject says; a number that was just ported is still fixed where a
/// rule says so.
fn line_type(rules: &RuleSet, request: &AttemptRequest<'_>, facts: &Facts<'_>, now: Timestamp) -> LineType {
    let known = facts.intelligence;
    let line = known.and_then(|k| k.line_type).unwrap_or(request.subject.line_type);
    let grace = i64::from(rules.law.port_grace_days);
    let Some(ported) = known.and_then(|k| k.ported_on).filter(|_| grace > 0) else { return line };
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let days = today.duration_since(ported).as_hours() / 24;
    if (0..grace).contains(&days) { LineType::Fixed } else { line }
}

/// Where an unanswered rule is reported: with those of its kind.
fn unanswered_kind(law: &LawRule) -> RuleKind {
    match &law.legal.kind {
        RuleBody::Window(_) => RuleKind::ContactTimes,
        RuleBody::BlackoutDate(_) => RuleKind::ContactDate,
        RuleBody::AttemptCap(_) | RuleBody::Cooldown(_) => RuleKind::AttemptRule,
        RuleBody::Suppression(_) | RuleBody::ScrubAge(_) => RuleKind::Suppression,
        _ => RuleKind::ConsentGate,
    }
}
