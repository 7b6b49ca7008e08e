//! The steps of a decision in words: where the person may be, what time it is there, what stands in the way.
use std::collections::BTreeSet;

use cxc_core::compliance::{Decision, Failure, PartKind, PartOrigin, RuleKind, Verdict, Zones};
use cxc_core::record::Reason;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::resolve::{KnownPart, Question};

/// What a step is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Something that tells where the person may be.
    Part,
    /// All zones and regions in which the person may be.
    Place,
    /// The local time in a zone.
    Clock,
    /// A rule that stands in the way.
    Rule,
    /// What an advisory rule says.
    Warning,
    /// The decision.
    Decision,
}

/// A step of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EvaluationStep)]
pub struct Step {
    /// What it is about.
    pub kind: StepKind,
    /// In a sentence.
    pub text: String,
    /// The rule, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What a part was learnt from: `explicit`, `postal`, `prefix` or `unmappable`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<&'static str>,
    /// The zones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<String>,
    /// The regions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// The earliest moment after which it no longer stands in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub earliest: Option<Timestamp>,
}

impl Step {
    fn new(kind: StepKind, text: String) -> Self {
        Self { kind, text, rule: None, tier: None, zones: Vec::new(), regions: Vec::new(), earliest: None }
    }
}

/// The steps of a verdict on a question.
pub fn steps(zones: &Zones, question: &Question, verdict: &Verdict) -> Vec<Step> {
    let mut steps: Vec<Step> = question.parts.iter().map(part).collect();
    steps.push(place(&question.parts));
    steps.extend(clocks(zones, question));
    steps.extend(verdict.reasons.iter().map(|failure| rule(failure, StepKind::Rule)));
    steps.extend(verdict.warnings.iter().map(|failure| rule(failure, StepKind::Warning)));
    steps.push(decision(verdict));
    steps
}

fn list(text: &str) -> Vec<String> {
    text.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn part(part: &KnownPart) -> Step {
    let (zones, regions) = (list(&part.zones), list(&part.regions));
    let whose = match part.origin {
        PartOrigin::Contact => "the contact",
        PartOrigin::Device => "the device to be used",
        PartOrigin::OtherDevice => "another device",
    };
    let tier = match part.kind {
        _ if zones.is_empty() => "unmappable",
        PartKind::Explicit => "explicit",
        PartKind::Postal => "postal",
        PartKind::Phone => "prefix",
    };
    let tells = if zones.is_empty() { "tells no time zone".to_owned() } else { format!("tells {}", zones.join(", ")) };
    let within = if regions.is_empty() { String::new() } else { format!(" in {}", regions.join(", ")) };
    let text = format!("Of {whose}, {} {tells}{within}.", part.said);
    Step { tier: Some(tier), zones, regions, ..Step::new(StepKind::Part, text) }
}

fn place(parts: &[KnownPart]) -> Step {
    let all = |of: fn(&KnownPart) -> &str| -> Vec<String> {
        parts.iter().flat_map(|part| list(of(part))).collect::<BTreeSet<_>>().into_iter().collect()
    };
    let (zones, regions) = (all(|part| &part.zones), all(|part| &part.regions));
    let text = if zones.is_empty() {
        "Nothing tells where the person is.".to_owned()
    } else {
        format!("So the person may be in {}; a moment must be right in all of them.", zones.join(", "))
    };
    Step { zones, regions, ..Step::new(StepKind::Place, text) }
}

fn clocks(zones: &Zones, question: &Question) -> Vec<Step> {
    let names: BTreeSet<String> = question.parts.iter().flat_map(|part| list(&part.zones)).collect();
    let clock = |name: &String| {
        let local = question.at.to_zoned(zones.get(name)?);
        let text = format!("At {} it is {} in {name}.", question.at, local.strftime("%A %Y-%m-%d %H:%M:%S"));
        Some(Step { zones: vec![name.clone()], ..Step::new(StepKind::Clock, text) })
    };
    names.iter().filter_map(clock).collect()
}

fn rule(failure: &Failure, kind: StepKind) -> Step {
    let earliest = match failure.kind {
        RuleKind::ContactTimes | RuleKind::ContactDate => failure.window_start,
        _ => failure.window_end,
    };
    let mut text = format!("{} {}", name(failure), said(failure));
    if let Some(detail) = failure.detail.as_deref().filter(|detail| !text.contains(detail)) {
        text.push_str(&format!(" ({detail})"));
    }
    if let Some(earliest) = earliest {
        text.push_str(&format!("; it no longer does from {earliest}"));
    }
    text.push('.');
    let rule = format!("{}@{}", failure.rule.id, failure.rule.version);
    Step { rule: Some(rule), earliest, ..Step::new(kind, text) }
}

fn name(failure: &Failure) -> String {
    let kind = serde_json::to_value(failure.kind).ok().and_then(|kind| kind.as_str().map(|k| k.replace('_', " ")));
    format!("The {} rule {} (version {})", kind.unwrap_or_default(), failure.rule.id, failure.rule.version)
}

fn said(failure: &Failure) -> String {
    match (failure.observed, failure.limit) {
        (Some(observed), Some(limit)) => format!("counts {observed} where at most {limit} are allowed"),
        _ if failure.code == Reason::ComplianceUnavailable => "can't be judged, so nobody is contacted".to_owned(),
        _ => "stands in the way".to_owned(),
    }
}

fn decision(verdict: &Verdict) -> Step {
    let text = match (verdict.decision, verdict.not_after, verdict.not_before) {
        (Decision::Allow, Some(until), _) => format!("Allowed until {until}."),
        (Decision::Allow, None, _) => "Allowed.".to_owned(),
        (Decision::Defer, _, Some(from)) => format!("Not now; the earliest legal moment is {from}."),
        (Decision::Defer, _, None) => "Not now.".to_owned(),
        (Decision::Deny, ..) => "Not allowed, now or later.".to_owned(),
        (Decision::Error, _, again) => {
            let again = again.map(|at| format!("; ask again at {at}")).unwrap_or_default();
            format!("It could not be decided, so no{again}.")
        }
    };
    Step { earliest: verdict.not_before, ..Step::new(StepKind::Decision, text) }
}
