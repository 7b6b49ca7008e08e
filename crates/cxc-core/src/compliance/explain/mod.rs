//! Why a decision is as it is: every part of the location, every rule, every count, as steps and in sentences.
mod build;
mod writer;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::cache::IntervalCache;
use super::check::check;
use super::documents::RuleRef;
use super::request::{AttemptRequest, Facts};
use super::rule_set::RuleSet;
use super::verdict::{Decision, Verdict};

/// How a rule stands to an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It lets the attempt pass.
    Passes,
    /// It stands in the way.
    Bars,
    /// It warns.
    Warns,
    /// It is off.
    Off,
    /// It is waived: the tenant answers for that.
    Waived,
    /// It is about other attempts: another channel, purpose or kind of person.
    NotAbout,
    /// It is law elsewhere.
    Elsewhere,
    /// It is not in force at this instant.
    NotInForce,
    /// It is judged right before an attempt only, or is about how the campaign is run.
    NotJudged,
}

/// A stretch in which a rule is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenStretch {
    /// It opens, or it was open when the explanation begins.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// It closes, exclusively, or the explanation ends.
    #[schema(value_type = String, format = DateTime)]
    pub till: Timestamp,
}

/// One step of an explanation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "step", rename_all = "snake_case", rename_all_fields = "camelCase")]
#[schema(as = ExplanationStep)]
pub enum Step {
    /// A part of the location.
    Part {
        /// `explicit`, `postal` or `prefix`; `unmappable` where it tells no zone.
        tier: &'static str,
        /// `contact`, `device` or `other_device`.
        origin: &'static str,
        /// The zones that it tells.
        zones: Vec<String>,
        /// The regions that it tells.
        regions: Vec<String>,
        /// Whether the tenant's policy looks at it.
        used: bool,
        /// The same in words.
        sentence: String,
    },
    /// What the parts come to.
    Place {
        /// On whose clocks hours are read.
        zones: Vec<String>,
        /// Whose laws hold.
        areas: Vec<String>,
        /// Only the unmapped window is left.
        restricted: bool,
        /// The same in words.
        sentence: String,
    },
    /// What time it is in a zone.
    Clock {
        /// The zone.
        zone: String,
        /// The local time there, without an offset.
        local: String,
        /// The same in words.
        sentence: String,
    },
    /// What the ledger of consents comes to.
    Consent {
        /// The best consent that holds.
        state: super::legal::ConsentState,
        /// A consent to be called back is known.
        callback: bool,
        /// The same in words.
        sentence: String,
    },
    /// A rule that has hours.
    Hours {
        /// Which rule.
        rule: RuleRef,
        /// How it stands.
        standing: Standing,
        /// On whose clocks it is read.
        zones: Vec<String>,
        /// When it is open in the two days that follow.
        open: Vec<OpenStretch>,
        /// The same in words.
        sentence: String,
    },
    /// A rule that counts attempts.
    Count {
        /// Which rule.
        rule: RuleRef,
        /// How it stands.
        standing: Standing,
        /// What was counted; `None` where the attempts are not known.
        observed: Option<i64>,
        /// How much is allowed.
        limit: i64,
        /// Since when attempts count.
        #[schema(value_type = String, format = DateTime)]
        since: Timestamp,
        /// The numbers of the attempts that count, as texts: they have 64 bits.
        #[serde(serialize_with = "as_texts")]
        #[schema(value_type = Vec<String>)]
        attempts: Vec<i64>,
        /// The same in words.
        sentence: String,
    },
    /// Another rule: a legal one, a list, a tool's.
    Rule {
        /// Which rule.
        rule: RuleRef,
        /// What kind of rule it is.
        kind: String,
        /// How it stands.
        standing: Standing,
        /// The same in words.
        sentence: String,
    },
    /// What all that comes to.
    Outcome {
        /// The decision.
        decision: Decision,
        /// The same in words.
        sentence: String,
    },
}

fn as_texts<S: Serializer>(numbers: &[i64], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(numbers.iter().map(ToString::to_string))
}

impl Step {
    /// The step in words.
    pub fn sentence(&self) -> &str {
        match self {
            Self::Part { sentence, .. }
            | Self::Place { sentence, .. }
            | Self::Clock { sentence, .. }
            | Self::Consent { sentence, .. }
            | Self::Hours { sentence, .. }
            | Self::Count { sentence, .. }
            | Self::Rule { sentence, .. }
            | Self::Outcome { sentence, .. } => sentence,
        }
    }

    /// The rule that it is about, if it is about one.
    pub fn rule(&self) -> Option<&RuleRef> {
        match self {
            Self::Hours { rule, .. } | Self::Count { rule, .. } | Self::Rule { rule, .. } => Some(rule),
            Self::Part { .. } | Self::Place { .. } | Self::Clock { .. } | Self::Consent { .. } => None,
            Self::Outcome { .. } => None,
        }
    }
}

/// A decision with its steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// What [`check`] says.
    pub verdict: Verdict,
    /// How it comes to that.
    pub steps: Vec<Step>,
}

/// The verdict of [`check`] with everything that led to it. Legal rules of countries in which the person can't be
/// are left out.
pub fn explain(
    rules: &RuleSet,
    cache: &mut IntervalCache,
    request: &AttemptRequest<'_>,
    facts: &Facts<'_>,
    now: Timestamp,
) -> Explanation {
    let verdict = check(rules, cache, request, facts, now);
    let steps = build::steps(rules, cache, request, facts, now, &verdict);
    Explanation { verdict, steps }
}
