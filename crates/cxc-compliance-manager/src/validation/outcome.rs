//! What a validation comes to, before it is put into words for either protocol.
use cxc_core::compliance::{CallDuties, Decision, Failure, Verdict};
use cxc_store::evidence::EvidenceId;
use serde_json::{Map, Value};

/// A person or device that is being contacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// The final result of the attempt before is not stored yet.
    HistoryPending,
    /// Another group or batch is at it.
    InFlightElsewhere,
    /// The id stands for another attempt, or for one that is over.
    GuidUsed,
}

impl Held {
    /// That with this code.
    pub fn of(code: &str) -> Option<Self> {
        [Self::HistoryPending, Self::InFlightElsewhere, Self::GuidUsed].into_iter().find(|held| held.code() == code)
    }

    /// The code as it travels.
    pub fn code(self) -> &'static str {
        match self {
            Self::HistoryPending => "history_pending",
            Self::InFlightElsewhere => "in_flight_elsewhere",
            Self::GuidUsed => "guid_used",
        }
    }

    /// For people, of a decision that was made.
    pub fn past(self) -> &'static str {
        match self {
            Self::HistoryPending => {
                "the final result of the attempt before on this device or person was not stored yet"
            }
            Self::InFlightElsewhere => "another group or batch was contacting this device or person",
            Self::GuidUsed => "the id of the attempt stood for another attempt, or for one that was over",
        }
    }

    /// For people.
    pub fn detail(self) -> &'static str {
        match self {
            Self::HistoryPending => "the final result of the attempt before on this device or person is not stored yet",
            Self::InFlightElsewhere => "another group or batch is contacting this device or person now",
            Self::GuidUsed => {
                "this id stands for an attempt already that is over or is on another device or person: report that one, \
                 and ask about a new attempt with a new id"
            }
        }
    }
}

/// What a validation comes to.
pub struct Outcome {
    /// The check's verdict.
    pub verdict: Verdict,
    /// Who stands in the way besides.
    pub held: Option<Held>,
    /// The reservation: month, attempt and when it expires, microseconds.
    pub reservation: Option<(i64, i64, i64)>,
    /// Where the decision is kept.
    pub evidence: Option<EvidenceId>,
    /// When it was judged, microseconds.
    pub at: i64,
    /// What it must keep to, if it is a call.
    pub duties: CallDuties,
    /// The lists of numbers that were asked, with their versions; empty where none is loaded.
    pub dnc: String,
    /// What external rules answered besides: fields that change, or the result of a refusal.
    pub fields: Map<String, Value>,
}

impl Outcome {
    /// Only a verdict.
    pub fn of(verdict: Verdict, at: i64) -> Self {
        Self {
            verdict,
            held: None,
            reservation: None,
            evidence: None,
            at,
            duties: CallDuties::default(),
            dnc: String::new(),
            fields: Map::new(),
        }
    }

    /// Whether the attempt may be made.
    pub fn is_allowed(&self) -> bool {
        self.verdict.is_allowed() && self.held.is_none()
    }

    /// The decision: a mark in the way is a deferral, and an id that is used up never becomes free.
    pub fn decision(&self) -> Decision {
        match (self.verdict.decision, self.held) {
            (_, Some(Held::GuidUsed)) => Decision::Deny,
            (Decision::Allow, Some(_)) => Decision::Defer,
            (decision, _) => decision,
        }
    }

    /// The code of the first rule that decided.
    pub fn code(&self) -> String {
        match self.held {
            Some(held) if held == Held::GuidUsed || matches!(self.decision(), Decision::Defer) => {
                held.code().to_owned()
            }
            _ => super::ask::word(&self.verdict.code()).unwrap_or_default(),
        }
    }

    /// The rule that decided.
    pub fn deciding(&self) -> Option<&Failure> {
        let code = self.verdict.code();
        self.verdict.reasons.iter().find(|r| r.code == code).or(self.verdict.reasons.first())
    }
}
