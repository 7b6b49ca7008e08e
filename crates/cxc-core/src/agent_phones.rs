//! Whether the phones of a group's agents are kept, or called for each call.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::field_error::FieldError;

/// When the phones of agents are called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhoneMode {
    /// Once; they stay connected while the group is loaded.
    #[default]
    Kept,
    /// For each call, before the person is called; they are hung up after the talk.
    PerCall,
}

/// How the phones of agents are called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AgentPhones {
    /// When.
    pub mode: PhoneMode,
    /// How long one rings that is called for each call, seconds, 5 to 60. Who does not answer is not ready.
    #[schema(minimum = 5, maximum = 60)]
    pub ring_seconds: u32,
}

impl Default for AgentPhones {
    fn default() -> Self {
        Self { mode: PhoneMode::Kept, ring_seconds: 20 }
    }
}

impl AgentPhones {
    /// How long a phone rings for a call, seconds; none where it is kept.
    pub fn ring(&self) -> Option<u32> {
        (self.mode == PhoneMode::PerCall).then_some(self.ring_seconds)
    }

    /// What is wrong, with pointers below `at`.
    pub(crate) fn problems(&self, at: &str) -> Vec<FieldError> {
        let detail = "the phone of an agent rings for 5 to 60 seconds";
        let problem = || FieldError::new(format!("{at}/ringSeconds"), "out_of_range", detail);
        (!(5..=60).contains(&self.ring_seconds)).then(problem).into_iter().collect()
    }
}
