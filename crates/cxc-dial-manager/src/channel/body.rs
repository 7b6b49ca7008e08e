//! A rendered message.
use cxc_core::Micros;
use cxc_dialer::engine::RecordingSpec;

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
    /// It may not be placed at or after this instant.
    pub not_after: Micros,
    /// Whether it is recorded.
    pub recording: Option<RecordingSpec>,
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
