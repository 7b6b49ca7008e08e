//! The steps of an explanation.
use jiff::Timestamp;

use super::super::attempts::CompiledCap;
use super::super::cache::IntervalCache;
use super::super::calendar::timestamp;
use super::super::check::Case;
use super::super::documents::RuleRef;
use super::super::interval::Interval;
use super::super::law::{Act, Holding, LawRule};
use super::super::legal::ConsentState;
use super::super::place::{Part, PartKind, PartOrigin, Place, is_used, names};
use super::super::program::{DAY, Hours};
use super::super::request::{AttemptRequest, Facts};
use super::super::rule_set::RuleSet;
use super::super::verdict::{Decision, Failure, Verdict};
use super::{OpenStretch, Standing, Step};
use crate::Micros;

/// How far ahead the hours of rules are told.
const AHEAD: Micros = 2 * DAY;

pub(super) fn steps(
    rules: &RuleSet,
    cache: &mut IntervalCache,
    request: &AttemptRequest<'_>,
    facts: &Facts<'_>,
    now: Timestamp,
    verdict: &Verdict,
) -> Vec<Step> {
    let place = Place::judge(request.parts, &rules.unmapped, cache.zones());
    let mut steps: Vec<Step> = request.parts.iter().map(|part| part_step(part, request.parts, rules, cache)).collect();
    steps.push(place_step(&place));
    let case = Case::new(rules, cache, request, facts, now);
    steps.push(consent_step(&case, facts));
    let writer = Writer { verdict, now: now.as_microsecond() };
    steps.extend(writer.others(rules));
    steps.extend(writer.hours(&case));
    for cap in rules.attempts.iter().filter(|cap| cap.holds_for(request.channel)) {
        steps.push(writer.count(&case, cap));
    }
    for law in &rules.law.rules {
        if let Some(step) = writer.law(&case, law, &place) {
            steps.push(step);
        }
    }
    steps.push(writer.outcome());
    steps
}

fn list(items: &[String]) -> String {
    if items.is_empty() { "nothing".to_owned() } else { items.join(", ") }
}

fn part_step(part: &Part<'_>, parts: &[Part<'_>], rules: &RuleSet, cache: &IntervalCache) -> Step {
    let used = is_used(part, parts, rules.unmapped.sources, cache.zones());
    let owned = |text: &str| names(text).map(str::to_owned).collect::<Vec<_>>();
    let (zones, regions) = (owned(part.zones), owned(part.regions));
    let (tier, what) = match part.kind {
        PartKind::Explicit => ("explicit", "what the list says"),
        PartKind::Postal => ("postal", "the postal code"),
        PartKind::Phone => ("phone", "the phone number"),
    };
    let (origin, whose) = match part.origin {
        PartOrigin::Contact => ("contact", "of the contact"),
        PartOrigin::Device => ("device", "of the device to be used"),
        PartOrigin::OtherDevice => ("other_device", "of another device"),
    };
    let ignored = if used { "" } else { "; the policy of sources leaves it out" };
    let sentence =
        format!("{what} {whose} tells the zones {} and the regions {}{ignored}", list(&zones), list(&regions));
    Step::Part { tier, origin, zones, regions, used, sentence }
}

fn place_step(place: &Place) -> Step {
    let zones: Vec<String> = place.zones.iter().map(zone_name).collect();
    let areas: Vec<String> = place.areas.iter().map(ToString::to_string).collect();
    let left = match (place.blocked, place.restricted) {
        (true, _) => "; the tenant contacts nobody whose zone is not known",
        (false, true) => "; only the unmapped window is left",
        (false, false) => "",
    };
    let sentence = format!("the person may be in the zones {} and in {}{left}", list(&zones), list(&areas));
    Step::Place { zones, areas, restricted: place.restricted, sentence }
}

fn zone_name(zone: &jiff::tz::TimeZone) -> String {
    zone.iana_name().unwrap_or("an unnamed zone").to_owned()
}

fn consent_step(case: &Case<'_>, facts: &Facts<'_>) -> Step {
    let state = case.consents.state();
    let words = match state {
        ConsentState::Revoked => "the person opted out",
        ConsentState::None => "no consent is known",
        ConsentState::Implied => "an implied consent holds",
        ConsentState::Express => "an express consent holds",
        ConsentState::ExpressWritten => "an express written consent holds",
    };
    let unread = if facts.consents.is_none() { "; the ledger could not be read" } else { "" };
    Step::Consent { state, callback: case.consents.callback.is_some(), sentence: format!("{words}{unread}") }
}

/// Writes steps against a verdict.
struct Writer<'a> {
    verdict: &'a Verdict,
    now: Micros,
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

    /// What stands in the way and is told by no other step: lists, switches, tools.
    fn others(&self, rules: &RuleSet) -> Vec<Step> {
        let of_law = |f: &Failure| rules.law.rules.iter().any(|law| law.rule == f.rule);
        let told = |f: &&Failure| f.window_start.is_none() && f.observed.is_none() && !of_law(f);
        self.verdict
            .reasons
            .iter()
            .filter(told)
            .map(|f| {
                let kind = serde_json::to_value(f.kind).ok().and_then(|v| v.as_str().map(str::to_owned));
                let sentence = format!("{} bars: {}", f.rule.id, f.detail.as_deref().unwrap_or("it holds"));
                Step::Rule { rule: f.rule.clone(), kind: kind.unwrap_or_default(), standing: Standing::Bars, sentence }
            })
            .collect()
    }

    fn hours(&self, case: &Case<'_>) -> Vec<Step> {
        let (Ok(program), Ok(intervals)) = (case.cache.program(case.place), case.cache.intervals(case.place)) else {
            return Vec::new();
        };
        // a place that nobody asked about yet has no intervals
        let computed = if intervals.len() == program.hours.len() {
            intervals.to_vec()
        } else {
            program.intervals(self.now, self.now.saturating_add(AHEAD))
        };
        program.hours.iter().zip(&computed).map(|(hours, set)| self.hours_of(hours, set)).collect()
    }

    fn hours_of(&self, hours: &Hours, set: &[Interval]) -> Step {
        let end = self.now.saturating_add(AHEAD);
        let near = set.iter().filter(|i| i.close > self.now && i.open < end);
        let open: Vec<OpenStretch> = near
            .map(|i| OpenStretch { from: timestamp(i.open.max(self.now)), till: timestamp(i.close.min(end)) })
            .collect();
        let zones: Vec<String> = hours.zones.iter().map(zone_name).collect();
        let (standing, _) = self.standing(&hours.rule);
        let when = match open.first() {
            Some(first) if first.from.as_microsecond() == self.now => format!("is open until {}", first.till),
            Some(first) => format!("is closed until {}", first.from),
            None => "is closed for two days".to_owned(),
        };
        let sentence = format!("{} on the clocks of {} {when}", hours.rule.id, list(&zones));
        Step::Hours { rule: hours.rule.clone(), standing, zones, open, sentence }
    }

    fn count(&self, case: &Case<'_>, cap: &CompiledCap) -> Step {
        let counted = case.counted(cap);
        let (standing, failure) = self.standing(&cap.rule);
        let observed = counted.attempts.as_ref().and_then(|a| i64::try_from(a.len()).ok());
        let limit = i64::try_from(cap.max()).unwrap_or(i64::MAX);
        let since = timestamp(counted.since);
        let free =
            failure.and_then(|f| f.window_end).map(|end| format!("; the next fits at {end}")).unwrap_or_default();
        let sentence = match observed {
            Some(observed) => {
                format!("{} counts {observed} attempts since {since} and allows {limit}{free}", cap.rule.id)
            }
            None => format!("{} can't count: the attempts since {since} are not known", cap.rule.id),
        };
        let attempts = counted.attempts.unwrap_or_default();
        Step::Count { rule: cap.rule.clone(), standing, observed, limit, since, attempts, sentence }
    }

    /// A legal rule that has no hours, or why one is not judged; `None` for one of another country.
    fn law(&self, case: &Case<'_>, law: &LawRule, place: &Place) -> Option<Step> {
        let here = law.is_law_in(place);
        if !here && !law.may_interest(place) {
            return None;
        }
        let (mut standing, failure) = self.standing(&law.rule);
        let id = &law.rule.id;
        let (not, why) = if law.holding == Holding::Dormant {
            (Some(Standing::Off), "is off")
        } else if !here {
            (Some(Standing::Elsewhere), "is law elsewhere")
        } else if !case.profile.is_met(&law.legal) {
            (Some(Standing::NotAbout), "is about other attempts")
        } else if !law.in_force(self.now) {
            (Some(Standing::NotInForce), "is not in force at this instant")
        } else {
            (None, "")
        };
        let citation = &law.legal.citation;
        let sentence = match (not, &law.act) {
            (Some(not), _) => {
                standing = not;
                format!("{id} {why} ({citation})")
            }
            (None, Act::Cap(cap)) => return Some(self.count(case, cap)),
            (None, Act::Hours(..)) => return None,
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

    fn outcome(&self) -> Step {
        let verdict = self.verdict;
        let at = |instant: Option<Timestamp>| instant.map_or_else(|| "no instant".to_owned(), |i| i.to_string());
        let sentence = match verdict.decision {
            Decision::Allow => format!("the contact may be attempted until {}", at(verdict.not_after)),
            Decision::Defer => format!("the contact waits; the earliest legal instant is {}", at(verdict.not_before)),
            Decision::Deny => "the contact is not made, now or later".to_owned(),
            Decision::Error => format!("it could not be decided, so no; asked again at {}", at(verdict.not_before)),
        };
        Step::Outcome { decision: verdict.decision, sentence }
    }
}
