//! The rules of one place under one rule set: its hours, and the legal rules that are judged there.
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::area::Area;
use super::calendar::{Track, local_date, timestamp};
use super::day_plan::DayPlan;
use super::declared::DeclaredTimes;
use super::documents::RuleRef;
use super::edition::Edition;
use super::fallback::{Fallback, fallback};
use super::interval::{Interval, intersect};
use super::law::{Act, Clocks, Holding, LawRule, Profile, closing_day, declared_plan, is_uncovered};
use super::legal::RuleBody;
use super::place::Place;
use super::rule_set::{CompiledHours, RuleSet};
use super::verdict::{Failure, RuleKind};
use crate::Micros;
use crate::record::Reason;

/// A day, in microseconds.
pub(super) const DAY: Micros = 86_400_000_000;

/// How far ahead of an instant its windows are told, whatever is known beyond.
pub(super) const TOLD: Micros = 8 * DAY;

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

/// The hours of one rule on the clocks that it is read on.
#[derive(Debug)]
pub(super) struct Hours {
    pub rule: RuleRef,
    pub kind: RuleKind,
    pub advisory: bool,
    pub zones: Vec<TimeZone>,
    pub plan: Arc<DayPlan>,
    /// The legal rule that says them, as an index.
    law: Option<usize>,
}

/// Everything that holds at a place.
#[derive(Debug)]
pub(super) struct Program {
    /// The zones on whose clocks the rules are read.
    pub zones: Vec<TimeZone>,
    /// Whether those are the person's; otherwise no zone is known, and the unmapped window's stands in.
    pub mapped: bool,
    pub blocked: bool,
    /// Every rule that has hours: dates before times.
    pub hours: Vec<Hours>,
    /// The legal rules that are judged by facts, as indices.
    pub judged: Vec<usize>,
    /// The legal caps and cool-downs, as indices, by priority.
    pub counted: Vec<usize>,
    /// The legal rules that nobody decided about, as indices.
    pub unanswered: Vec<usize>,
    /// What becomes of the shipped contact times.
    pub fallback: Fallback,
    edition: Edition,
    guard: Micros,
}

impl Program {
    pub fn new(rules: &RuleSet, profile: &Profile<'_>, place: &Place, declared: Option<&DeclaredTimes>) -> Self {
        let channel = profile.channel;
        let mapped = !place.zones.is_empty();
        let zones = if mapped { place.zones.clone() } else { vec![rules.unmapped_zone.clone()] };
        let mut program = Self {
            zones,
            mapped,
            blocked: place.blocked,
            hours: Vec::new(),
            judged: Vec::new(),
            counted: Vec::new(),
            unanswered: Vec::new(),
            fallback: Fallback::Holds,
            edition: profile.edition,
            guard: rules.guard,
        };
        for date in rules.dates_for(&place.areas) {
            program.add_tool(&date, RuleKind::ContactDate);
        }
        let (own, without) = rules.times_for(channel, &place.areas);
        for times in own {
            program.add_tool(&times, RuleKind::ContactTimes);
        }
        program.add_fallback(rules, profile, &without);
        let tools = program.hours.len();
        let mut declared_rule = None;
        for (index, law) in rules.law.rules.iter().enumerate() {
            if law.holding != Holding::Dormant && profile.is_met(&law.legal) && law.is_law_in(place) {
                program.add_law(index, law, profile, place);
                if matches!(law.legal.kind, RuleBody::DeclaredTimes {}) {
                    declared_rule = Some(law.rule.clone());
                }
            }
        }
        // where no hours hold at all, no zone needs to be known
        let any_hour = rules.open_everywhere(channel) || program.is_emergency_at_any_hour();
        if place.restricted && !(any_hour && program.hours.len() == tools) {
            let zones = vec![rules.unmapped_zone.clone()];
            program.add(RuleRef::new("unmapped_window", 0), RuleKind::ContactTimes, zones, rules.unmapped_plan());
        }
        if let Some(declared) = declared.filter(|_| program.fallback != Fallback::Emergency) {
            let rule = declared_rule.unwrap_or_else(|| RuleRef::new("declared_times", 0));
            let zones = program.zones.clone();
            program.add(rule, RuleKind::ContactTimes, zones, declared_plan(&declared.hours));
        }
        program.hours.sort_by_key(|h| h.kind);
        program.counted.sort_by_key(|i| match &rules.law.rules[*i].act {
            Act::Cap(cap) => cap.priority,
            _ => 0,
        });
        program
    }

    fn add(&mut self, rule: RuleRef, kind: RuleKind, zones: Vec<TimeZone>, plan: DayPlan) {
        self.hours.push(Hours { rule, kind, advisory: false, zones, plan: Arc::new(plan), law: None });
    }

    /// The shipped contact times, on the days on which nobody else says hours.
    fn add_fallback(&mut self, rules: &RuleSet, profile: &Profile<'_>, areas: &[&Area]) {
        let (fallback, stretches) = fallback(rules, profile, areas);
        self.fallback = fallback;
        let plan = &rules.shipped.plan;
        for (from, until) in stretches {
            let bounded = from > Date::MIN || until < Date::MAX;
            let plan = if bounded { Arc::new(DayPlan::clone(plan).within(from, until)) } else { Arc::clone(plan) };
            let (rule, zones) = (rules.shipped.rule.clone(), self.zones.clone());
            self.hours.push(Hours { rule, kind: RuleKind::ContactTimes, advisory: false, zones, plan, law: None });
        }
    }

    /// Whether a danger is warned of and the tenant has no hours for that.
    fn is_emergency_at_any_hour(&self) -> bool {
        self.fallback == Fallback::Emergency && !self.hours.iter().any(|h| h.kind == RuleKind::ContactTimes)
    }

    fn add_tool(&mut self, tool: &CompiledHours, kind: RuleKind) {
        let (zones, plan) = (self.zones.clone(), Arc::clone(&tool.plan));
        self.hours.push(Hours { rule: tool.rule.clone(), kind, advisory: false, zones, plan, law: None });
    }

    fn add_law(&mut self, index: usize, law: &LawRule, profile: &Profile<'_>, place: &Place) {
        if law.holding == Holding::Unanswered {
            if !law.legal.advisory {
                self.unanswered.push(index);
            }
            return;
        }
        match &law.act {
            Act::Hours(plan, clocks) => {
                let overridden =
                    matches!(&law.legal.kind, RuleBody::Window(w) if w.callback_overrides && profile.callback);
                if overridden {
                    return;
                }
                let blackout = matches!(law.legal.kind, RuleBody::BlackoutDate(_));
                let zones = match clocks {
                    Clocks::All => self.zones.clone(),
                    Clocks::Primary if place.primary.is_empty() => self.zones.clone(),
                    Clocks::Primary => place.primary.clone(),
                    Clocks::Fixed(zones) => zones.clone(),
                    Clocks::AllAnd(zones) => self.zones.iter().chain(zones).cloned().collect(),
                };
                self.hours.push(Hours {
                    rule: law.rule.clone(),
                    kind: if blackout { RuleKind::ContactDate } else { RuleKind::ContactTimes },
                    advisory: law.legal.advisory,
                    zones,
                    plan: Arc::clone(plan),
                    law: Some(index),
                });
            }
            Act::Cap(_) | Act::Cooldown(_) => self.counted.push(index),
            Act::Other if matches!(law.legal.kind, RuleBody::Harassment(_)) => self.counted.push(index),
            Act::Other => self.judged.push(index),
        }
    }

    /// When each rule of `hours` is open between `from` and `till`.
    pub fn intervals(&self, from: Micros, till: Micros) -> Vec<Vec<Interval>> {
        self.hours.iter().map(|hours| hours.instants(from, till)).collect()
    }

    /// The windows that are open at some instant from `from` until `till`, in order, from the hours of every rule.
    /// The guard is taken off once, after everything is intersected and joined.
    pub fn windows(&self, intervals: &[Vec<Interval>], from: Micros, till: Micros, known: Micros) -> Vec<OpenWindow> {
        let everything = vec![Interval { open: from, close: known.max(from) }];
        let binding = self.hours.iter().zip(intervals).filter(|(hours, _)| !hours.advisory);
        let mut open = binding.fold(everything, |open, (_, set)| intersect(&open, set));
        open.retain(|i| i.open < till && i.open < i.close - self.guard);
        let window = |i: Interval| OpenWindow { open: i.open, not_after: i.close - self.guard, window_end: i.close };
        open.into_iter().map(window).collect()
    }

    /// A rule whose holiday calendar does not reach an instant.
    pub fn runs_out(&self, at: Micros) -> Option<Failure> {
        let hours = self.hours.iter().find(|hours| !hours.advisory && hours.uncovered(at))?;
        let failure = Failure::new(&hours.rule, RuleKind::DataState, Reason::DataMissing);
        Some(failure.because("its holiday calendar ends before anything opens"))
    }

    /// Every rule that is closed at `now`, dates before times; advisory ones apart.
    pub fn closed_rules(
        &self,
        rules: &RuleSet,
        intervals: &[Vec<Interval>],
        now: Micros,
        advisory: bool,
    ) -> Vec<Failure> {
        let chosen = self.hours.iter().zip(intervals).filter(|(hours, _)| hours.advisory == advisory);
        chosen.filter_map(|(hours, set)| self.closed(rules, hours, set, now)).collect()
    }

    /// Whether an advisory rule is closed at `now`.
    pub fn has_advice(&self) -> bool {
        self.hours.iter().any(|hours| hours.advisory)
    }

    /// Why a rule is closed at `now`, if it is: outside its hours, or in the guard before their end.
    fn closed(&self, rules: &RuleSet, hours: &Hours, set: &[Interval], now: Micros) -> Option<Failure> {
        let at = set.partition_point(|i| i.close <= now);
        if set.get(at).is_some_and(|i| i.open <= now && now < i.close - self.guard) {
            return None;
        }
        let mut failure = match hours.uncovered(now) {
            true => Failure::new(&hours.rule, RuleKind::DataState, Reason::DataMissing)
                .because("its holiday calendar does not reach this day"),
            false if hours.kind == RuleKind::ContactDate => Failure::new(&hours.rule, hours.kind, Reason::ContactDate),
            false => Failure::new(&hours.rule, hours.kind, Reason::ContactTimes),
        };
        if failure.code != Reason::DataMissing
            && let Some(why) = self.special_day(rules, hours, now)
        {
            failure = failure.because(why);
        }
        let next = set[at..].iter().find(|i| i.open > now && i.open < now + TOLD);
        failure.window_start = next.map(|i| timestamp(i.open));
        failure.window_end = next.map(|i| timestamp(i.close.min(now + TOLD)));
        Some(failure)
    }
}

impl Program {
    /// What is special about the day on which a rule is closed.
    fn special_day(&self, rules: &RuleSet, hours: &Hours, now: Micros) -> Option<String> {
        let doubtful = hours.is_doubtful(now);
        if !self.edition.is_third() {
            return doubtful.then(|| {
                "a holiday by our reading of the law, which no second source confirms (confidence low)".to_owned()
            });
        }
        let law = hours.law.and_then(|index| rules.law.rules.get(index));
        let mut dates = hours.zones.iter().map(|zone| local_date(zone, now));
        let day = match law {
            Some(law) => dates.find_map(|date| closing_day(law, &rules.calendars, date)),
            None if hours.kind == RuleKind::ContactDate => {
                let named = dates.find(|date| hours.plan.narrowed.iter().any(|(own, _)| own == date));
                named.map(|date| format!("{date} is a contact date of the tenant's own"))
            }
            None => None,
        }?;
        let doubt =
            if doubtful { ", by our reading of the law: no second source confirms it (confidence low)" } else { "" };
        Some(format!("{day}{doubt}"))
    }
}

impl Hours {
    /// When it is open on all its clocks.
    fn instants(&self, from: Micros, till: Micros) -> Vec<Interval> {
        let everything = vec![Interval { open: from, close: till.max(from) }];
        self.zones.iter().fold(everything, |open, zone| {
            let track = Track { zone: zone.clone(), plan: Arc::clone(&self.plan) };
            if open.is_empty() { open } else { intersect(&open, &track.instants(from, till)) }
        })
    }

    /// Whether it holds on some clock at an instant.
    pub fn is_in_force(&self, at: Micros) -> bool {
        self.zones.iter().any(|zone| self.plan.is_in_force(local_date(zone, at)))
    }

    /// Whether it is, on one of its clocks, a holiday that no second source confirms.
    fn is_doubtful(&self, now: Micros) -> bool {
        let is_one = |zone: &TimeZone| self.plan.doubtful.binary_search(&local_date(zone, now)).is_ok();
        !self.plan.doubtful.is_empty() && self.zones.iter().any(is_one)
    }

    fn uncovered(&self, now: Micros) -> bool {
        self.plan.covered.is_some() && self.zones.iter().any(|zone| is_uncovered(&self.plan, local_date(zone, now)))
    }
}
