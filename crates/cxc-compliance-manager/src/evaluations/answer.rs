//! What an evaluation answers.
use cxc_core::compliance::campaign::CampaignFinding;
use cxc_core::compliance::{CallDuties, DataVersions, Decision, Explanation, Failure, Step};
use cxc_core::record::Reason;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::hold::Hold;

/// Whether the person may be contacted at the moment, and every step that led there.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EvaluationAnswer {
    /// Whether the attempt may be made.
    pub decision: Decision,
    /// The code of the first rule that decided; null if allowed.
    #[schema(required)]
    pub code: Option<Reason>,
    /// The moment that was asked about.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What holds everybody now, whatever the rules say: a clock that was set back. A decision about a moment at which it
    /// holds says so, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub hold: Option<Hold>,
    /// Every rule that stands in the way.
    pub reasons: Vec<Failure>,
    /// What advisory rules say.
    pub warnings: Vec<Failure>,
    /// The earliest legal moment, or when to ask again.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub not_before: Option<Timestamp>,
    /// Allowed: until when, exclusively; the guard is taken off.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub not_after: Option<Timestamp>,
    /// Allowed: the legal end of the open window.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub window_end: Option<Timestamp>,
    /// What a call must keep to.
    #[serde(flatten)]
    pub duties: CallDuties,
    /// What the rules about campaigns say of one that is run as the question tells.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub campaign: Vec<CampaignFinding>,
    /// Every step, in order.
    pub steps: Vec<Step>,
    /// The version of the rules.
    pub rule_set_version: i64,
    /// The versions of the data.
    pub data_versions: DataVersions,
    /// When it was evaluated.
    #[schema(value_type = String, format = DateTime)]
    pub evaluated_at: Timestamp,
}

impl EvaluationAnswer {
    /// A decision with its steps.
    pub fn of(
        Explanation { verdict, steps }: Explanation,
        at: Timestamp,
        now: Timestamp,
        version: i64,
        data: &DataVersions,
    ) -> Self {
        let code = (!verdict.is_allowed()).then(|| verdict.code());
        Self {
            decision: verdict.decision,
            code,
            at,
            hold: None,
            reasons: verdict.reasons,
            warnings: verdict.warnings,
            not_before: verdict.not_before,
            not_after: verdict.not_after,
            window_end: verdict.window_end,
            duties: CallDuties::default(),
            campaign: Vec::new(),
            steps,
            rule_set_version: version,
            data_versions: data.clone(),
            evaluated_at: now,
        }
    }

    /// The steps as sentences, one a line, and what holds everybody.
    pub fn sentences(&self) -> String {
        let hold = self.hold.iter().map(|hold| hold.detail.as_str());
        self.steps.iter().map(Step::sentence).chain(hold).map(|sentence| format!("{sentence}\n")).collect()
    }
}
