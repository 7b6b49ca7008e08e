//! A rendered message.
use std::sync::Arc;

use cxc_core::Micros;
use cxc_dialer::engine::RecordingSpec;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// What the person is to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A text message.
    Sms(SmsBody),
    /// An email message.
    Email(Box<EmailBody>),
    /// A telephone call.
    Call(CallBody),
}

/// What a call is placed with, beside whom it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallBody {
    /// The campaign group whose agents take it.
    pub group: i64,
    /// The record in it.
    pub record: i64,
    /// It may not be placed at or after this instant.
    pub not_after: Micros,
    /// Whether it is recorded.
    pub recording: Option<RecordingSpec>,
    /// What its agent sees of the person.
    pub person: Arc<ScreenPop>,
}

/// What an agent sees of the person of a call.
#[derive(Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScreenPop {
    /// The record's number in its group; empty of a person who called in and is no record of it.
    pub record_id: String,
    /// The customer's own key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Given and family name, or the company.
    pub name: String,
    /// The other columns of the contact.
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
    /// Its telephone numbers, in their order.
    pub numbers: Vec<PersonNumber>,
    /// The position of the number that was dialed, or by which the person called in.
    pub dialed: i16,
    /// Attempts for this record before this one.
    pub attempts_before: i16,
}

/// A number of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonNumber {
    /// Its position in the contact.
    pub position: i16,
    /// The number, E.164.
    pub number: String,
}

/// A rendered text message.
#[derive(Clone, PartialEq, Eq)]
pub struct SmsBody {
    /// The text, any Unicode. The carrier chooses the alphabet and splits it.
    pub text: String,
    /// How many segments the text takes, for cost and statistics.
    pub parts: u16,
}

/// A rendered email message. No field may hold a line break but `html` and `text`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct EmailBody {
    /// The sender's display name, may be empty.
    pub from_name: String,
    /// Where answers go, if not to the sender.
    pub reply_to: Option<String>,
    /// The subject line.
    pub subject: String,
    /// Shown by mail programs beside the subject; hidden text at the top of the HTML. May be empty.
    pub preheader: String,
    /// The HTML part; empty for a message of text only.
    pub html: String,
    /// The plain text part.
    pub text: String,
    /// Further headers, for example `List-Unsubscribe`.
    pub headers: Vec<(String, String)>,
}

// bodies are personal data: they never reach a log through Debug
impl std::fmt::Debug for ScreenPop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScreenPop").field("record_id", &self.record_id).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for SmsBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SmsBody({} bytes, {} parts)", self.text.len(), self.parts)
    }
}

impl std::fmt::Debug for EmailBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EmailBody({} bytes of html, {} of text)", self.html.len(), self.text.len())
    }
}
