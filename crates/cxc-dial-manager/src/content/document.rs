//! The document of a content, as people edit it.
use std::collections::BTreeMap;

use cxc_core::channel::Channel;
use cxc_core::field_error::FieldError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::compiled::CompiledContent;
use super::validate;

/// Whether a content has one template or several to choose from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContentKind {
    /// One template.
    #[default]
    Alert,
    /// The first template is the default, others are chosen by an expression: not yet available.
    Variable,
}

/// What a content is for: marketing has duties.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContentClass {
    /// Advertising: email needs an unsubscribe link and the sender's postal address.
    #[default]
    Marketing,
    /// About a matter that the person is party to.
    Transactional,
}

impl ContentClass {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Marketing => "marketing",
            Self::Transactional => "transactional",
        }
    }
}

/// One wording. `{{ first_name }}` places a field, `{{ first_name | default("customer") }}` a field that may be
/// empty; `{% if %}`, `{% elif %}`, `{% else %}`, `{% endif %}` choose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Template {
    /// The text of an SMS, or the plain text of an email; of an email it is derived from the HTML if empty.
    #[serde(default)]
    pub body: String,
    /// The subject line of an email.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// What mail programs show beside the subject.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub preheader: String,
    /// The HTML of an email; field values are escaped.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub html: String,
    /// When this wording is used (kind `variable`): not yet available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
}

/// A content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Content {
    /// `sms` or `email`.
    pub channel: Channel,
    /// One template or several.
    #[serde(default)]
    pub kind: ContentKind,
    /// Marketing unless said otherwise.
    #[serde(default)]
    pub class: ContentClass,
    /// The wordings: one.
    #[schema(min_items = 1, max_items = 20)]
    pub templates: Vec<Template>,
    /// The sender's display name in email; the account's if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_name: Option<String>,
    /// Where answers to email go; the account's if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// The answer to HELP (SMS): names the sender, the contact and how to stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help_text: Option<String>,
    /// The one confirmation of an opt-out (SMS).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opt_out_text: Option<String>,
    /// SMS: collapses spaces and maps needless symbols to plain ones, so that fewer segments are needed.
    #[serde(default = "yes")]
    pub smart_filter: bool,
    /// SMS: a message that needs more parts than this is not sent. Carriers charge each part.
    #[serde(default = "usual_parts")]
    #[schema(minimum = 1, maximum = 255)]
    pub max_parts: u16,
    /// What stands for an empty field, by placeholder.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub defaults: BTreeMap<String, String>,
}

fn yes() -> bool {
    true
}

/// Longer than any message that people write, and far from what a mistake makes.
fn usual_parts() -> u16 {
    10
}

impl Content {
    /// Everything that is wrong with the document; empty if it can be used.
    pub fn validate(&self) -> Vec<FieldError> {
        validate::problems(self)
    }

    /// Ready for rendering. Fails with what [`Content::validate`] finds.
    pub fn compile(&self) -> Result<CompiledContent, Vec<FieldError>> {
        let problems = self.validate();
        if !problems.is_empty() {
            return Err(problems);
        }
        CompiledContent::new(self)
    }
}
