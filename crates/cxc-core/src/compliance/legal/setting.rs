//! What a tenant decided about a shipped rule.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::DateRange;
use super::week_hours::WeekHours;
use crate::field_error::FieldError;

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

/// How a tenant narrows a rule. It can only narrow: hours are intersected, the smaller number of attempts and the
/// longer cool-down hold, days are added.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Narrowing {
    /// Hours within those of the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<WeekHours>,
    /// Fewer attempts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// A longer cool-down, in days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<u16>,
    /// A younger list, in days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_days: Option<u16>,
    /// Further days without contacts; this declares an emergency.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dates: Vec<DateRange>,
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
}

impl LegalRuleSetting {
    /// Everything that is wrong with it by itself; empty if it can be used.
    pub fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if self.rule.is_empty() || self.rule.len() > 64 {
            errors.push(FieldError::new("/rule", "rule", "a rule is named by its id of 1 to 64 letters"));
        }
        if self.state != SettingState::On && self.reason.trim().is_empty() {
            errors.push(FieldError::new("/reason", "required", "turning off or waiving a legal rule needs a reason"));
        }
        if self.reason.chars().count() > 2000 {
            errors.push(FieldError::new("/reason", "too_long", "a reason has at most 2000 characters"));
        }
        if self.state != SettingState::On && self.narrow.is_some() {
            errors.push(FieldError::new("/narrow", "state", "a rule that is off can't be narrowed"));
        }
        let narrow = self.narrow.as_ref();
        if narrow.is_some_and(|n| n.max == Some(0)) {
            errors.push(FieldError::new("/narrow/max", "range", "the most attempts are 1 to 10000"));
        }
        for (i, range) in narrow.iter().flat_map(|n| &n.dates).enumerate() {
            if range.first > range.last {
                let detail = "a range of days ends no earlier than it begins";
                errors.push(FieldError::new(format!("/narrow/dates/{i}"), "order", detail));
            }
        }
        errors
    }
}
