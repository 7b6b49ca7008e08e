//! What a check answers.
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::documents::RuleRef;
use crate::record::Reason;

/// What may be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It may be attempted until, exclusively, `not_after`.
    Allow,
    /// Not now; ask again at `not_before`.
    Defer,
    /// Not now and not later: the record is finished.
    Deny,
    /// It could not be decided, so no. Ask again at `not_before`; no retry is used up.
    Error,
}

/// The kinds of rule, in the order in which they are judged and reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleKind {
    /// The tenant stopped everything.
    StopSwitch,
    /// A rule can't be read.
    UnreadableRule,
    /// Data that a rule needs is missing, stale or too old.
    DataState,
    /// A suppression list, a number list or an opt-out.
    Suppression,
    /// A consent that the law asks for, or another fact of the person that it looks at.
    ConsentGate,
    /// A holiday or other special day.
    ContactDate,
    /// Contact times, also the shipped ones and the unmapped window.
    ContactTimes,
    /// A location rule.
    LocationRule,
    /// An attempt rule, a legal cap or a cool-down.
    AttemptRule,
    /// A custom rule.
    CustomRule,
    /// An external rule.
    ExternalRule,
    /// A rate limit.
    RateLimit,
    /// A legal rule about how a campaign is run: abandoned calls, ring time, recording, content.
    Campaign,
    /// No moment within the search is legal.
    Horizon,
}

/// The id by which decisions name the stop switch.
pub const STOP_SWITCH: &str = "stop_switch";

/// One rule that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Which rule, in which version.
    pub rule: RuleRef,
    /// What kind of rule it is.
    pub kind: RuleKind,
    /// The code that a record keeps.
    pub code: Reason,
    /// What was counted, where the rule counts.
    pub observed: Option<i64>,
    /// How much is allowed, where the rule counts. A cool-down: how many days it lasts.
    pub limit: Option<i64>,
    /// An attempt rule: since when attempts count. A cool-down: when the conversation or refusal was that began it. A
    /// window: when it opens next.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub window_start: Option<Timestamp>,
    /// An attempt rule or a cool-down: when it lets the next attempt pass. A window: when it then closes. A suppression: its end.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub window_end: Option<Timestamp>,
    /// What a person may want to know besides.
    pub detail: Option<String>,
}

impl Failure {
    pub(super) fn new(rule: &RuleRef, kind: RuleKind, code: Reason) -> Self {
        Self {
            rule: rule.clone(),
            kind,
            code,
            observed: None,
            limit: None,
            window_start: None,
            window_end: None,
            detail: None,
        }
    }

    /// What the rule does to the attempt by itself: an undecided case is asked about again, a bar ends the record,
    /// everything else waits.
    pub fn effect(&self) -> Decision {
        use Reason::*;
        match self.code {
            _ if self.kind == RuleKind::StopSwitch => Decision::Defer,
            Suppressed | OptedOut | ConsentMissing | LegalBlock | LocationRule | Blocked | ForbiddenNumber
            | NeverOpen => Decision::Deny,
            code if code.is_undecided() => Decision::Error,
            _ => Decision::Defer,
        }
    }

    pub(super) fn because(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

/// The answer to "may this attempt be made now?".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// Whether it may.
    pub decision: Decision,
    /// Every rule that stands in the way, in the order of [`RuleKind`], attempt rules by priority. Empty if allowed.
    pub reasons: Vec<Failure>,
    /// What advisory rules say; it stands in nobody's way.
    pub warnings: Vec<Failure>,
    /// Deferred: the earliest instant that is legal as things stand. Error: when to ask again.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub not_before: Option<Timestamp>,
    /// Allowed: until when, exclusively; the guard is taken off.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub not_after: Option<Timestamp>,
    /// Allowed: the legal end of the open window, exclusively.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub window_end: Option<Timestamp>,
}

impl Verdict {
    /// How long to wait after a check that could not be made, in seconds.
    pub const RETRY_SECONDS: i64 = 300;

    /// Whether it may be attempted now.
    pub fn is_allowed(&self) -> bool {
        self.decision == Decision::Allow
    }

    /// The one code that the record keeps: the first rule that decided. `None` if allowed.
    pub fn code(&self) -> Reason {
        let deciding = |f: &&Failure| match self.decision {
            Decision::Deny | Decision::Error => f.effect() == self.decision,
            Decision::Allow | Decision::Defer => true,
        };
        self.reasons.iter().find(deciding).or(self.reasons.first()).map_or(Reason::None, |f| f.code)
    }

    /// The reasons as text that is the same, byte for byte, whenever the same decision is made again.
    pub fn reasons_text(&self) -> String {
        serde_json::to_string(&self.reasons).unwrap_or_default()
    }

    /// The verdict where no rule set is loaded, or the check itself is out of reach: nobody is contacted.
    pub fn unavailable(now: Timestamp, detail: &str) -> Self {
        let rule = RuleRef::new("compliance", 0);
        Self {
            decision: Decision::Error,
            reasons: vec![Failure::new(&rule, RuleKind::UnreadableRule, Reason::ComplianceUnavailable).because(detail)],
            warnings: Vec::new(),
            not_before: Some(retry_at(now)),
            not_after: None,
            window_end: None,
        }
    }
}

/// When to ask again after a check that could not be made.
pub(super) fn retry_at(now: Timestamp) -> Timestamp {
    now.saturating_add(jiff::SignedDuration::from_secs(Verdict::RETRY_SECONDS)).unwrap_or(Timestamp::MAX)
}
