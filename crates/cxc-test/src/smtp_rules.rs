//! What a recording SMTP server is told to do, and what it records.
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What the sink took from one message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Received {
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// The Message-ID header with its angle brackets.
    pub message_id: Option<String>,
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub rcpt: Vec<String>,
    /// The size in bytes.
    pub size: u64,
    /// Whether the session was encrypted.
    pub tls: bool,
    /// Who signed in.
    pub user: Option<String>,
    /// The headers in their order.
    pub headers: Vec<(String, String)>,
    /// The whole message, if the sink keeps bodies.
    pub source: Option<String>,
}

impl Received {
    /// The first header of a name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// When a rule answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The recipient is named.
    Rcpt,
    /// The message is complete; it is not recorded.
    Data,
    /// The message is complete and recorded, whatever the sender is told.
    Recorded,
}

/// An answer other than 250.
#[derive(Debug, Clone, Serialize)]
pub struct Rule {
    stage: Stage,
    recipient: String,
    answer: String,
    times: Option<u32>,
}

impl Rule {
    /// Answers recipients that match a pattern of `*` and `?` with a text such as `451 4.7.1 later`.
    pub fn answer(stage: Stage, recipient: &str, answer: &str) -> Self {
        Self { stage, recipient: recipient.to_lowercase(), answer: answer.to_owned(), times: None }
    }

    /// Closes the connection without an answer.
    pub fn hang_up(stage: Stage, recipient: &str) -> Self {
        Self::answer(stage, recipient, "hang up")
    }

    /// Only so often per recipient.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }
}

/// How a sink behaves.
#[derive(Debug, Clone, Default)]
pub struct SmtpOptions {
    /// Answers by recipient, the first match counts.
    pub rules: Vec<Rule>,
    /// How long each message takes.
    pub delay: Duration,
    /// Whether [`Received::source`] is filled.
    pub keep_bodies: bool,
    /// STARTTLS is required, with a certificate for `localhost` that [`crate::SmtpSink::certificate`] names.
    pub starttls: bool,
    /// Signing in with this name and password is required.
    pub login: Option<(String, String)>,
}
