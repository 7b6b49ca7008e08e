//! What tools that are asked beforehand answered: the check itself asks nobody.
use serde::{Deserialize, Serialize};

use super::documents::RuleRef;

/// What an external rule answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExternalOutcome {
    /// Contact.
    Pass,
    /// Do not contact; what it said.
    Block(String),
    /// It did not answer, or not in time: not contacted. Why.
    Unavailable(String),
}

/// The answer of one external rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalAnswer {
    /// Which rule.
    pub rule: RuleRef,
    /// What it answered.
    pub outcome: ExternalOutcome,
}

/// The answers for one attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolAnswers {
    /// Whether an audience is computed and nothing is about to be attempted. A custom rule then bars whom it bars
    /// at every moment, whatever the time of day and the attempts by then. External rules are not judged: they
    /// are not asked about people whom nobody is about to contact.
    pub at_load: bool,
    /// Those of the external rules, in their order. A rule that holds and is not here denies.
    pub external: Vec<ExternalAnswer>,
}

impl ToolAnswers {
    /// No tool was asked.
    pub const NONE: ToolAnswers = ToolAnswers { at_load: false, external: Vec::new() };
    /// An audience is computed: no service is asked.
    pub const AT_LOAD: ToolAnswers = ToolAnswers { at_load: true, external: Vec::new() };
}

/// [`ToolAnswers::NONE`] where a reference is wanted.
pub(super) static NONE: ToolAnswers = ToolAnswers::NONE;

impl ToolAnswers {
    /// What a rule answered; `None` if it was not asked.
    pub fn of(&self, rule: &RuleRef) -> Option<&ExternalOutcome> {
        self.external.iter().find(|answer| answer.rule == *rule).map(|answer| &answer.outcome)
    }
}
