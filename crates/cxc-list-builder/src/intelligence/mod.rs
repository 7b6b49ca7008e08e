//! Number intelligence: whether a number was reassigned since a date, its line type, when it was ported. Answers come
//! from a file that a source delivered or from a source over HTTP, and are kept with the date of the query.
pub(crate) mod again;
pub(crate) mod api;
mod file;
mod http;
mod job;
mod source;

use async_trait::async_trait;
use cxc_core::compliance::ReassignedAnswer;
use cxc_core::device::LineType;
use cxc_core::number_set::name_of;
use cxc_core::phone::PhoneNumber;
use cxc_server::App;
use cxc_store::number_answer::StoredAnswer;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

pub use again::{ANSWERS_AGAIN, Again, ask_again, look};
pub use api::{AnswerView, answers_on};
pub use file::BatchFile;
pub use http::{HttpOptions, HttpSource};
pub use job::{ANSWERS_LOAD, ANSWERS_QUERY, AnswersPayload, QueryPayload, consent_day, load_answers, query_answers};
pub use source::NumberSource;

/// What is asked of a source: was the number given to somebody else since that day?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// The number.
    pub number: PhoneNumber,
    /// The day of the consent.
    pub consent_on: Date,
}

/// What a source said of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberAnswer {
    /// The number.
    pub number: PhoneNumber,
    /// When the source was asked.
    pub queried_at: Timestamp,
    /// The day that it was asked about.
    pub consent_on: Date,
    /// Whether the number was reassigned since.
    pub answer: ReassignedAnswer,
    /// What its line is, where the source says it.
    pub line_type: Option<LineType>,
    /// When it was ported last, where the source says it.
    pub ported_on: Option<Date>,
}

/// A source of answers.
#[async_trait]
pub trait NumberIntelligence: Send + Sync {
    /// Its name, kept with its answers.
    fn name(&self) -> &str;

    /// Answers what it can of some questions. A number without an answer stays without one: the rule that needs it
    /// says whether that allows or denies.
    async fn ask(&self, questions: &[Question]) -> Result<Vec<NumberAnswer>, IntelligenceError>;
}

/// Why a source gave no answers.
#[derive(Debug, thiserror::Error)]
pub enum IntelligenceError {
    /// It can't be reached, or not in time.
    #[error("the source can't be reached: {0}")]
    Unreachable(String),
    /// It refuses.
    #[error("the source answers with status {0}")]
    Status(u16),
    /// It answers what is no answer.
    #[error("the source's answer is refused: {0}")]
    Answer(String),
}

impl NumberAnswer {
    /// As it is stored for a tenant.
    pub fn stored(&self, app: &App, tenant: i64, source: &str) -> StoredAnswer {
        StoredAnswer {
            device_hash: app.hash_key.hash(tenant, self.number.as_str()),
            number: self.number.to_string(),
            queried_at: self.queried_at.as_microsecond(),
            consent_at: Some(midnight(self.consent_on)),
            answer: name_of(self.answer).into(),
            line_type: self.line_type.and_then(line_type_name),
            ported_at: self.ported_on.map(midnight),
            source: source.into(),
        }
    }
}

fn line_type_name(line_type: LineType) -> Option<String> {
    let name = match line_type {
        LineType::Mobile => "mobile",
        LineType::Fixed => "fixed",
        LineType::Voip => "voip",
        LineType::TollFree => "toll_free",
        _ => return None,
    };
    Some(name.into())
}

/// The beginning of a day, UTC, in microseconds.
fn midnight(day: Date) -> i64 {
    day.to_zoned(TimeZone::UTC).map_or(0, |at| at.timestamp().as_microsecond())
}
