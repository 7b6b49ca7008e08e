//! Custom rules: a tenant's own condition for an attempt, in the Common Expression Language.
mod bounds;
mod expression;
mod inputs;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::contact_times::{validate_channels, validate_name};
use super::documents::RuleRef;
use super::rule_set::channel_bits;
use crate::Micros;
use crate::channel::Channel;
use crate::field_error::FieldError;

pub use bounds::MAX_EXPRESSION;
pub(super) use expression::Count;
pub use expression::{CustomExpression, Trial};
pub use inputs::Columns;
pub(super) use inputs::{CustomInputs, Tick};

/// A condition that must hold for an attempt to be made. It is true or false of a contact, the device and
/// the moment; an error, and anything that is not true or false, counts as no. With several time zones it must
/// hold in each. It is judged right before an attempt; while an audience is computed, it excludes those for whom it
/// can hold at no moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CustomRule {
    /// What people call the rule.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub name: String,
    /// It holds for every campaign; otherwise only for those that name it.
    #[serde(default)]
    pub required: bool,
    /// The condition, as in `c_other1 != "VIP" && attempts_on_device(86400) < 2`.
    #[schema(min_length = 1, max_length = 2000)]
    pub expression: String,
    /// The channels for which it holds; empty for all.
    #[serde(default)]
    pub channels: Vec<Channel>,
}

impl CustomRule {
    /// What is wrong with a condition that never changes its answer: it lets everybody pass, or nobody.
    pub fn idle(&self) -> Option<FieldError> {
        let channels = if self.channels.is_empty() { &Channel::ALL[..] } else { &self.channels };
        let always = match CustomExpression::compile(&self.expression).ok()?.constant(channels)? {
            Ok(true) => {
                "true, so that it holds nobody back: compare something of the contact, or leave the rule out".to_owned()
            }
            Ok(false) => NOBODY.replace('$', "false"),
            Err(error) => NOBODY.replace('$', &format!("an error ({error})")),
        };
        Some(FieldError::new("/expression", "idle", format!("whomever it is asked about, this is {always}")))
    }

    /// Everything that is wrong with it; empty if it can be used.
    pub fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        validate_name(&self.name, &mut errors);
        validate_channels(&self.channels, &mut errors);
        if let Err(detail) = CustomExpression::compile(&self.expression) {
            errors.push(FieldError::new("/expression", "expression", detail));
        }
        errors
    }
}

/// Of a condition that is never true.
const NOBODY: &str = "$, so that nobody would be contacted: compare something of the contact; to contact nobody at all is \
                      the stop switch";

/// A custom rule, compiled.
#[derive(Debug)]
pub(super) struct CompiledCustomRule {
    pub rule: RuleRef,
    pub expression: CustomExpression,
    channels: i16,
}

impl CompiledCustomRule {
    /// The compiled rule, or why it can't be.
    pub fn new(rule: &RuleRef, body: &CustomRule) -> Result<Self, String> {
        let expression = CustomExpression::compile(&body.expression)?;
        Ok(Self { rule: rule.clone(), expression, channels: channel_bits(&body.channels) })
    }

    /// Whether an attempt on this channel is bound by the rule.
    pub fn holds_for(&self, channel: Channel) -> bool {
        self.channels & channel.bit() != 0
    }

    /// How far back it counts attempts, if it counts any.
    pub fn reach(&self) -> Option<Micros> {
        self.expression.counts().iter().map(|count| i64::from(count.seconds()) * 1_000_000).max()
    }
}

#[cfg(test)]
mod tests;
