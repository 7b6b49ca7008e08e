//! The steps of an explanation.
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::area::Area;
use super::super::cache::IntervalCache;
use super::super::check::Case;
use super::super::documents::RuleRef;
use super::super::legal::ConsentState;
use super::super::place::{Part, PartKind, PartOrigin, Place, is_used, names};
use super::super::request::{AttemptRequest, Facts};
use super::super::rule_set::RuleSet;
use super::super::verdict::{RuleKind, Verdict};
use super::writer::{Writer, kind_name, list, zone_name};
use super::{Standing, Step};

pub(super) fn steps(
    rules: &RuleSet,
    cache: &mut IntervalCache,
    request: &AttemptRequest<'_>,
    facts: &Facts<'_>,
    now: Timestamp,
    verdict: &Verdict,
) -> Vec<Step> {
    let place = Place::judge(request.parts, &rules.unmapped, cache.zones(), request.edition);
    let mut steps: Vec<Step> = request.parts.iter().map(|part| part_step(part, request.parts, rules, cache)).collect();
    steps.push(place_step(&place));
    steps.extend(place.zones.iter().map(|zone| clock_step(zone, now)));
    let case = Case::new(rules, cache, request, facts, now);
    steps.push(consent_step(&case, facts));
    let writer = Writer { verdict, now: now.as_microsecond() };
    let mut judged = writer.hours(&case);
    judged.extend(rules.attempts.iter().filter(|c| c.holds_for(request.channel)).map(|cap| writer.count(&case, cap)));
    judged.extend(rules.law.rules.iter().filter_map(|law| writer.law(&case, law, &place)));
    judged.extend(writer.tools(rules, request, facts));
    steps.extend(writer.others(&judged));
    if !verdict.reasons.iter().any(|f| f.kind == RuleKind::Suppression) {
        steps.push(not_suppressed());
    }
    steps.append(&mut judged);
    steps.push(writer.outcome());
    steps
}

fn clock_step(zone: &TimeZone, now: Timestamp) -> Step {
    let (name, local) = (zone_name(zone), zone.to_datetime(now));
    let sentence = format!("at {now} it is {} in {name}", local.strftime("%A %Y-%m-%d %H:%M:%S"));
    Step::Clock { zone: name, local: local.to_string(), sentence }
}

fn not_suppressed() -> Step {
    let sentence = "no suppression list, no own number list and no opt-out holds the device or the person".to_owned();
    let rule = RuleRef::new("suppression", 0);
    Step::Rule { rule, kind: kind_name(RuleKind::Suppression), standing: Standing::Passes, sentence }
}

fn part_step(part: &Part<'_>, parts: &[Part<'_>], rules: &RuleSet, cache: &IntervalCache) -> Step {
    let used = is_used(part, parts, rules.unmapped.sources, cache.zones());
    let owned = |text: &str| names(text).map(str::to_owned).collect::<Vec<_>>();
    let (zones, regions) = (owned(part.zones), owned(part.regions));
    let (tier, what) = match part.kind {
        PartKind::Explicit => ("explicit", "what the list says"),
        PartKind::Postal => ("postal", "the postal code"),
        PartKind::Phone => ("prefix", "the phone number"),
    };
    // a state or a country that is told beside a zone or a postal code says whose laws hold
    let tier = if zones.is_empty() && part.kind != PartKind::Explicit { "unmappable" } else { tier };
    let (origin, whose) = match part.origin {
        PartOrigin::Contact => ("contact", "of the contact"),
        PartOrigin::Device => ("device", "of the device to be used"),
        PartOrigin::OtherDevice => ("other_device", "of another device"),
    };
    let ignored = if used { "" } else { "; the policy of sources leaves its clocks out" };
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
    let law =
        if place.areas.contains(&Area::Any) { "in any country".to_owned() } else { format!("in {}", list(&areas)) };
    let clocks =
        if zones.is_empty() { "in no zone that is known".to_owned() } else { format!("in the zones {}", list(&zones)) };
    let sentence = format!("the person may be {clocks} and {law}{left}");
    Step::Place { zones, areas, restricted: place.restricted, sentence }
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
    let asked = case.consents.callback.and_then(|given| given.asked_for);
    let asked = asked.map(|time| format!("; the person asked to be called back from {} to {}", time.from, time.till));
    let sentence = format!("{words}{}{unread}", asked.unwrap_or_default());
    Step::Consent { state, callback: case.consents.callback.is_some(), sentence }
}
