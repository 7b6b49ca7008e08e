//! What tools that are asked beforehand answered: the check itself asks nobody.
use super::documents::RuleRef;

/// What an external rule answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExternalOutcome {
    /// Contact.
    Pass,
    /// Do not contact; what it said.
    Block(String),
    /// It did not answer, or not in time: not contacted. Why.
    Unavailable(String),
}

/// The answer of one external rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalAnswer {
    /// Which rule.
    pub rule: RuleRef,
    /// What it answered.
    pub outcome: ExternalOutcome,
}

/// The answers for one attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolAnswers {
    /// Those of the external rules, in their order. A rule that holds and is not here denies.
    pub external: Vec<ExternalAnswer>,
}

impl ToolAnswers {
    /// No tool was asked.
    pub const NONE: ToolAnswers = ToolAnswers { external: Vec::new() };
}

/// [`ToolAnswers::NONE`] where a reference is wanted.
pub(super) static NONE: ToolAnswers = ToolAnswers::NONE;
