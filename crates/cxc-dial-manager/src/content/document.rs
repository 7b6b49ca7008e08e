//! Contents as documents: what is said, in which channel, and of which class.
use cxc_core::channel::Channel;
use cxc_core::field_error::FieldError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::compiled::CompiledContent;

/// The longest text message template, in characters.
pub const MAX_TEXT: usize = 5_000;
/// The longest HTML template, in bytes.
pub const MAX_HTML: usize = 1_000_000;

/// The channel of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContentChannel {
    /// Text messages.
    Sms,
    /// Email.
    Email,
}

impl ContentChannel {
    /// As the rest of the product names it.
    pub fn channel(self) -> Channel {
        match self {
            Self::Sms => Channel::Sms,
            Self::Email => Channel::Email,
        }
    }
}

/// How the template is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContentKind {
    /// One template for everybody.
    #[default]
    Alert,
    /// The first template whose expression is true; not available yet.
    Variable,
}

/// Why a message is sent: marketing asks for more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContentClass {
    /// Advertising: email must offer to unsubscribe and name the sender's postal address.
    #[default]
    Marketing,
    /// About something that the person ordered or has.
    Transactional,
}

/// What is sent to one person. Placeholders are `{{ first_name }}`, `{{ c_other1 | default("there") }}`,
/// `{{ unsubscribe_url }}`; a field that is empty and has no default ends the record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MessageTemplate {
    /// The text message, or the plain text of an email; derived from `html` if left out.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 100_000)]
    pub body: String,
    /// The subject of an email.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 500)]
    pub subject: String,
    /// Shown by mail programs beside the subject.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 500)]
    pub preheader: String,
    /// The HTML of an email.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 1_000_000)]
    pub html: String,
}

/// A content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContentBody {
    /// Fixed when it is made.
    pub channel: ContentChannel,
    /// How the template is chosen.
    #[serde(default)]
    pub kind: ContentKind,
    /// Why it is sent.
    #[serde(default)]
    pub class: ContentClass,
    /// One template.
    #[schema(min_items = 1, max_items = 1)]
    pub templates: Vec<MessageTemplate>,
    /// What a person who asks for help is answered by SMS.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 5_000)]
    pub help_text: String,
    /// What a person who opts out is answered by SMS.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 5_000)]
    pub opt_out_text: String,
    /// Replace needless symbols and collapse spaces in text messages, so that they take fewer parts.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub smart_filter: bool,
}

fn yes() -> bool {
    true
}

impl ContentBody {
    /// Everything that is wrong with it; empty if it can be sent.
    pub fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if self.kind == ContentKind::Variable {
            errors.push(FieldError::new("/kind", "not_available", "contents with several templates can't be sent by this version"));
        }
        let [template] = self.templates.as_slice() else {
            errors.push(FieldError::new("/templates", "count", "a content has exactly one template"));
            return errors;
        };
        match self.channel {
            ContentChannel::Sms => check_sms(template, &mut errors),
            ContentChannel::Email => check_email(template, self.class, &mut errors),
        }
        for (text, pointer) in [(&self.help_text, "/helpText"), (&self.opt_out_text, "/optOutText")] {
            if text.chars().count() > MAX_TEXT {
                errors.push(FieldError::new(pointer, "too_long", "an answer has at most 5,000 characters"));
            }
        }
        if errors.is_empty()
            && let Err(error) = CompiledContent::compile(self, self.channel.channel())
        {
            errors.push(FieldError::new("/templates/0", "bad_template", error.to_string()));
        }
        errors
    }
}

fn check_sms(template: &MessageTemplate, errors: &mut Vec<FieldError>) {
    if template.body.trim().is_empty() || template.body.chars().count() > MAX_TEXT {
        errors.push(FieldError::new("/templates/0/body", "required", "a text message has 1 to 5,000 characters"));
    }
    if !template.html.is_empty() || !template.subject.is_empty() || !template.preheader.is_empty() {
        errors.push(FieldError::new("/templates/0", "not_for_sms", "subject, preheader and html are for email only"));
    }
}

fn check_email(template: &MessageTemplate, class: ContentClass, errors: &mut Vec<FieldError>) {
    let subject = template.subject.trim();
    if subject.is_empty() || subject.chars().count() > 500 || subject.contains(['\r', '\n']) {
        errors.push(FieldError::new("/templates/0/subject", "required", "a subject is one line of 1 to 500 characters"));
    }
    if template.preheader.chars().count() > 500 || template.preheader.contains(['\r', '\n']) {
        errors.push(FieldError::new("/templates/0/preheader", "too_long", "a preheader is one line of at most 500 characters"));
    }
    if template.html.trim().is_empty() && template.body.trim().is_empty() {
        errors.push(FieldError::new("/templates/0/html", "required", "an email has html, a plain text body, or both"));
    }
    if template.html.len() > MAX_HTML || template.body.len() > MAX_HTML / 10 {
        errors.push(FieldError::new("/templates/0/html", "too_long", "html has at most 1,000,000 bytes, a text body 100,000"));
    }
    let parts = [&template.html, &template.body];
    let missing = parts.iter().any(|part| !part.is_empty() && !part.contains("unsubscribe_url"));
    if class == ContentClass::Marketing && missing {
        let detail = "marketing email offers to unsubscribe: put {{ unsubscribe_url }} into html and body, or make it transactional";
        errors.push(FieldError::new("/templates/0/html", "unsubscribe_missing", detail));
    }
}
