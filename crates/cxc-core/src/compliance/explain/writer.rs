//! Steps about rules, written against a verdict.
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::attempts::CompiledCap;
use super::super::calendar::timestamp;
use super::super::campaign::Enforcer;
use super::super::check::Case;
use super::super::documents::RuleRef;
use super::super::fallback::Fallback;
use super::super::interval::Interval;
use super::super::law::{Act, Holding, LawRule};
use super::super::legal::SettingState;
use super::super::place::Place;
use super::super::program::{DAY, Hours};
use super::super::request::{AttemptRequest, Facts};
use super::super::rule_set::RuleSet;
use super::super::verdict::{Decision, Failure, RuleKind, Verdict};
use super::{OpenStretch, Standing, Step};
use crate::Micros;

/// How far ahead the hours of rules are told.
const AHEAD: Micros = 2 * DAY;

/// The kind as it is written elsewhere, such as `custom_rule`.
pub(super) fn kind_name(kind: RuleKind) -> String {
    let written = serde_json::to_value(kind).ok();
    written.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

pub(super) fn list(items: &[String]) -> String {
    if items.is_empty() { "nothing".to_owned() } else { items.join(", ") }
}

pub(super) fn zone_name(zone: &TimeZone) -> String {
    zone.iana_name().unwrap_or("an unnamed zone").to_owned()
}

/// A rule that has neither hours nor counts.
fn rule_step(rule: &RuleRef, kind: RuleKind, failure: Option<&Failure>, standing: Standing) -> Step {
    let sentence = match (standing, failure) {
        (Standing::NotJudged, _) => format!("{} is judged right before an attempt, not here", rule.id),
        (Standing::Passes, _) => format!("{} lets it pass", rule.id),
        (_, Some(Failure { detail: Some(detail), .. })) => format!("{} bars: {detail}", rule.id),
        _ => format!("{} bars: it holds", rule.id),
    };
    Step::Rule { rule: rule.clone(), kind: kind_name(kind), standing, sentence }
}

/// Why the shipped contact times do not hold, if so.
fn unneeded(case: &Case<'_>, fallback: &Fallback) -> Option<Step> {
    let rule = &case.rules.shipped.rule;
    let why = match fallback {
        Fallback::Holds => return None,
        Fallback::Emergency => {
            "a danger to health or safety is warned of at any hour: no law's hours, no convenient times and no usual \
             hours hold, only contact times of the tenant's own"
                .to_owned()
        }
        Fallback::Law(laws) => {
            let names: Vec<String> = laws.iter().map(|law| law.id.to_string()).collect();
            format!("the hours of the law bind in their place, by {}", names.join(", "))
        }
    };
    let sentence = format!("{} gives way: {why}", rule.id);
    Some(Step::Rule {
        rule: rule.clone(),
        kind: kind_name(RuleKind::ContactTimes),
        standing: Standing::NotAbout,
        sentence,
    })
}

/// Writes steps against a verdict.
pub(super) struct Writer<'a> {
    pub verdict: &'a Verdict,
    pub now: Micros,
}

impl Writer<'_> {
    fn standing(&self, rule: &RuleRef) -> (Standing, Option<&Failure>) {
        let found = |list: &'_ [Failure]| list.iter().position(|f| f.rule == *rule);
        match (found(&self.verdict.reasons), found(&self.verdict.warnings)) {
            (Some(at), _) => (Standing::Bars, self.verdict.reasons.get(at)),
            (None, Some(at)) => (Standing::Warns, self.verdict.warnings.get(at)),
            (None, None) => (Standing::Passes, None),
        }
    }

    /// What stands in the way and is told by no other step: lists, switches, data.
    pub fn others(&self, told: &[Step]) -> Vec<Step> {
        let untold = self.verdict.reasons.iter().filter(|f| !told.iter().any(|step| step.rule() == Some(&f.rule)));
        untold.map(|f| rule_step(&f.rule, f.kind, Some(f), Standing::Bars)).collect()
    }

    /// The rules of tools that neither have hours nor count, also those that let it pass.
    pub fn tools(&self, rules: &RuleSet, request: &AttemptRequest<'_>, facts: &Facts<'_>) -> Vec<Step> {
        let step = |(rule, kind, waits): (&RuleRef, RuleKind, bool)| {
            let (standing, failure) = self.standing(rule);
            // one that is asked right before an attempt only has not said anything yet
            let waits = waits && facts.tools.at_load && failure.is_none();
            rule_step(rule, kind, failure, if waits { Standing::NotJudged } else { standing })
        };
        rules.tools.held(request.channel).map(step).collect()
    }

    pub fn hours(&self, case: &Case<'_>) -> Vec<Step> {
        let (Ok(program), Ok(intervals)) = (case.cache.program(case.place), case.cache.intervals(case.place)) else {
            return Vec::new();
        };
        // a place that nobody asked about yet has no intervals
        let computed = if intervals.len() == program.hours.len() {
            intervals.to_vec()
        } else {
            program.intervals(self.now, self.now.saturating_add(AHEAD))
        };
        let near = [self.now, self.now.saturating_add(AHEAD)];
        let holding = program.hours.iter().zip(&computed).filter(|(h, _)| near.iter().any(|at| h.is_in_force(*at)));
        let mut steps: Vec<Step> = holding.map(|(hours, set)| self.hours_of(hours, set)).collect();
        if !steps.iter().any(|step| step.rule() == Some(&case.rules.shipped.rule)) {
            steps.extend(unneeded(case, &program.fallback));
        }
        steps
    }

    fn hours_of(&self, hours: &Hours, set: &[Interval]) -> Step {
        let end = self.now.saturating_add(AHEAD);
        let near = set.iter().filter(|i| i.close > self.now && i.open < end);
        let open: Vec<OpenStretch> = near
            .map(|i| OpenStretch { from: timestamp(i.open.max(self.now)), till: timestamp(i.close.min(end)) })
            .collect();
        let zones: Vec<String> = hours.zones.iter().map(zone_name).collect();
        let (standing, failure) = self.standing(&hours.rule);
        let opens = open.first().map(|first| first.from).or_else(|| failure.and_then(|f| f.window_start));
        let when = match (open.first(), opens) {
            (Some(first), _) if first.from.as_microsecond() == self.now => {
                let guarded = if failure.is_some() { ", and so shortly before that nothing is begun" } else { "" };
                format!("is open until {}{guarded}", first.till)
            }
            (_, Some(opens)) => format!("is closed until {opens}"),
            (_, None) => "is closed for two days".to_owned(),
        };
        let why = failure.and_then(|f| f.detail.as_deref()).map(|why| format!(": {why}")).unwrap_or_default();
        let sentence = format!("{} on the clocks of {} {when}{why}", hours.rule.id, list(&zones));
        Step::Hours { rule: hours.rule.clone(), standing, zones, open, sentence }
    }

    pub fn count(&self, case: &Case<'_>, cap: &CompiledCap) -> Step {
        let counted = case.counted(cap);
        let (standing, failure) = self.standing(&cap.rule);
        let observed = counted.attempts.as_ref().and_then(|a| i64::try_from(a.len()).ok());
        let limit = i64::try_from(cap.max()).unwrap_or(i64::MAX);
        let since = timestamp(counted.since);
        let free =
            failure.and_then(|f| f.window_end).map(|end| format!("; the next fits at {end}")).unwrap_or_default();
        let sentence = match observed {
            Some(observed) => {
                let attempts = if observed == 1 { "attempt" } else { "attempts" };
                format!("{} counts {observed} {attempts} since {since} and allows {limit}{free}", cap.rule.id)
            }
            None => format!("{} can't count: the attempts since {since} are not known", cap.rule.id),
        };
        let attempts = counted.attempts.unwrap_or_default();
        Step::Count { rule: cap.rule.clone(), standing, observed, limit, since, attempts, sentence }
    }

    /// A legal rule that has no hours, or why one is not judged; `None` for one of another country.
    pub fn law(&self, case: &Case<'_>, law: &LawRule, place: &Place) -> Option<Step> {
        let here = law.is_law_in(place);
        if !here && !law.may_interest(place) {
            return None;
        }
        let (mut standing, failure) = self.standing(&law.rule);
        let id = &law.rule.id;
        let (not, why) = if law.holding == Holding::Dormant {
            let waived = law.setting.as_ref().is_some_and(|s| s.state == SettingState::Waived);
            (Some(if waived { Standing::Waived } else { Standing::Off }), law.why_dormant())
        } else if !here {
            (Some(Standing::Elsewhere), "is law elsewhere".to_owned())
        } else if !case.profile.is_met(&law.legal) {
            (Some(Standing::NotAbout), "is about other attempts".to_owned())
        } else if !law.in_force(self.now) {
            (Some(Standing::NotInForce), "is not in force at this instant".to_owned())
        } else {
            (None, String::new())
        };
        let citation = &law.legal.citation;
        let sentence = match (not, &law.act) {
            (Some(not), _) => {
                standing = not;
                format!("{id} {why} ({citation})")
            }
            (None, Act::Cap(cap)) => return Some(self.count(case, cap)),
            (None, Act::Hours(..)) => return None,
            (None, _) if !law.legal.enforced_by().contains(&Enforcer::Check) => {
                standing = Standing::NotJudged;
                format!("{id} is about how the campaign is run, which no check of one contact judges ({citation})")
            }
            (None, _) => match failure {
                Some(failure) => {
                    let detail = failure.detail.as_deref().unwrap_or("it holds");
                    let verb = if standing == Standing::Warns { "warns" } else { "bars" };
                    format!("{id} {verb}: {detail} ({citation})")
                }
                None => format!("{id} lets it pass ({citation})"),
            },
        };
        Some(Step::Rule { rule: law.rule.clone(), kind: law.legal.kind.name().to_owned(), standing, sentence })
    }

    pub fn outcome(&self) -> Step {
        let verdict = self.verdict;
        let at = |instant: Option<Timestamp>| instant.map_or_else(|| "no instant".to_owned(), |i| i.to_string());
        let stopped = verdict.reasons.iter().find(|reason| reason.kind == RuleKind::StopSwitch);
        let sentence = match (verdict.decision, stopped) {
            // the instant is no legal one: nobody knows when it is switched off
            (Decision::Defer, Some(stop)) => format!(
                "everything is stopped ({}): the contact waits until the stop switch is off",
                stop.detail.as_deref().unwrap_or("no reason is kept")
            ),
            (Decision::Allow, _) => format!("the contact may be attempted until {}", at(verdict.not_after)),
            (Decision::Defer, None) => {
                format!("the contact waits; the earliest legal instant is {}", at(verdict.not_before))
            }
            (Decision::Deny, _) => "the contact is not made, now or later".to_owned(),
            (Decision::Error, _) => {
                format!("it could not be decided, so no; asked again at {}", at(verdict.not_before))
            }
        };
        Step::Outcome { decision: verdict.decision, sentence }
    }
}
