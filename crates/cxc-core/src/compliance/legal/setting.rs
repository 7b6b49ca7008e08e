//! What a tenant decided about a shipped rule.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::RuleBody;
use super::narrowing::Narrowing;
use super::rule::{DefaultState, LegalRule};
use crate::field_error::FieldError;
use crate::written_reason::WrittenReason;

/// What a tenant decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettingState {
    /// The rule holds.
    On,
    /// It does not.
    Off,
    /// It does not, and the tenant answers for that.
    Waived,
}

/// A tenant's decision on a shipped rule.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LegalRuleSetting {
    /// The id of the rule, `US-TX-HOURS`.
    #[schema(max_length = 64)]
    pub rule: String,
    /// What was decided.
    pub state: SettingState,
    /// Why. Turning off or waiving needs one.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub reason: String,
    /// How the rule is narrowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub narrow: Option<Narrowing>,
    /// Who decided; kept by the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 255)]
    pub decided_by: Option<String>,
    /// When; kept by the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub decided_at: Option<Timestamp>,
}

impl LegalRuleSetting {
    /// By whom, when and why, in words.
    pub fn words(&self) -> String {
        let by = self.decided_by.as_deref().map(|name| format!(" by {name}")).unwrap_or_default();
        let at = self.decided_at.map(|at| format!(" on {}", at.strftime("%Y-%m-%d"))).unwrap_or_default();
        let why = if self.reason.is_empty() { String::new() } else { format!(": {}", self.reason) };
        format!("{by}{at}{why}")
    }

    /// What it says in vain of the rule in these versions.
    pub fn idle(&self, versions: &[&LegalRule]) -> Vec<FieldError> {
        let narrow = self.narrow.as_ref();
        let mut errors = narrow.map(|narrow| narrow.idle(versions)).unwrap_or_default();
        if self.state == SettingState::Off
            && !versions.is_empty()
            && versions.iter().all(|rule| rule.default == DefaultState::Ask)
        {
            let detail = "this rule is turned on or waived: it asks for one of both, and off would leave it unanswered";
            errors.push(FieldError::new("/state", "not_offered", detail));
        }
        let is_declared = |rule: &&LegalRule| matches!(&rule.kind, RuleBody::BlackoutDate(body) if body.waits());
        let undated = narrow.is_none_or(|narrow| narrow.dates.is_empty());
        if self.state == SettingState::On && undated && !versions.is_empty() && versions.iter().all(is_declared) {
            let detail = "an emergency is declared by its days, and closes none without: name them, as in \
                          [{\"first\": \"2026-12-01\", \"last\": \"2026-12-03\"}]. To end one, take the decision back (DELETE) or set \
                          the rule off";
            errors.push(FieldError::new("/narrow/dates", "required", detail));
        }
        errors
    }

    /// Everything that is wrong with it by itself; empty if it can be used.
    pub fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if self.rule.is_empty() || self.rule.len() > 64 {
            errors.push(FieldError::new("/rule", "rule", "a rule is named by its id of 1 to 64 letters"));
        }
        if self.state != SettingState::On && self.reason.is_empty() {
            errors.push(FieldError::new("/reason", "required", "turning off or waiving a legal rule needs a reason"));
        } else if !self.reason.is_empty()
            && let Err(error) = WrittenReason::of_law(&self.reason)
        {
            errors.push(FieldError::new("/reason", "invalid", error.to_string()));
        }
        if self.state != SettingState::On && self.narrow.is_some() {
            errors.push(FieldError::new("/narrow", "state", "a rule that is off can't be narrowed"));
        }
        if let Some(narrow) = &self.narrow {
            narrow.validate(&mut errors);
        }
        errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_tells_by_whom_when_and_why() {
        let json = r#"{"rule":"US-RND","state":"waived","reason":"asked elsewhere","decidedBy":"Ann","decidedAt":"2026-11-29T23:00:00Z"}"#;
        let setting: LegalRuleSetting = serde_json::from_str(json).unwrap();
        assert_eq!(setting.words(), " by Ann on 2026-11-29: asked elsewhere");
        assert_eq!(serde_json::to_string(&setting).unwrap(), json);
    }
}
