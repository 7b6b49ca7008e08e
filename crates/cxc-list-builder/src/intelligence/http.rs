//! A source over HTTP: questions in batches, answers in time and of bounded size, or none.
//!
//! `POST url` with `{"queries": [{"number": "+12125550100", "consentDate": "2026-01-31"}]}`, answered by
//! `{"answers": [{"number": "+12125550100", "answer": "no", "lineType": "mobile", "portDate": "2025-05-01"}]}`.
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cxc_core::number_set::{answer_of, line_type_of};
use cxc_core::phone::PhoneNumber;
use cxc_server::app::Clock;
use cxc_server::outbound::{Outbound, OutboundError};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{IntelligenceError, NumberAnswer, NumberIntelligence, Question};

/// The most bytes of an answer.
const MOST_BYTES: usize = 4 << 20;
/// How often a source that is busy is asked again, and after how long at first.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(250);

/// How a source is reached.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Where questions go.
    pub url: String,
    /// Sent as a bearer token.
    pub token: Option<String>,
    /// The longest that an answer may take.
    pub timeout: Duration,
    /// Questions of a request.
    pub batch: usize,
}

/// A source over HTTP. Connections are kept, redirects are not followed.
pub struct HttpSource {
    name: String,
    outbound: Outbound,
    options: HttpOptions,
    clock: Arc<dyn Clock>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Query {
    number: PhoneNumber,
    consent_date: Date,
}

#[derive(Serialize)]
struct Queries {
    queries: Vec<Query>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    number: PhoneNumber,
    answer: String,
    #[serde(default)]
    line_type: Option<String>,
    #[serde(default)]
    port_date: Option<Date>,
}

#[derive(Deserialize)]
struct Answers {
    answers: Vec<Answer>,
}

impl HttpSource {
    /// A source that is asked through the guard of the installation: questions are personal data, and go to public
    /// addresses or to those that the operator allows.
    pub fn new(name: &str, options: HttpOptions, outbound: Outbound, clock: Arc<dyn Clock>) -> Self {
        Self { name: name.into(), outbound, options, clock }
    }

    async fn ask_some(&self, questions: &[Question]) -> Result<Vec<NumberAnswer>, IntelligenceError> {
        let asked = |q: &Question| Query { number: q.number, consent_date: q.consent_on };
        let body = Queries { queries: questions.iter().map(asked).collect() };
        let mut pause = PAUSE;
        for attempt in 1.. {
            match self.post(&body).await {
                Err(IntelligenceError::Status(429 | 502..=504)) if attempt < TRIES => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                answered => return self.understood(questions, &answered?),
            }
        }
        Ok(Vec::new())
    }

    async fn post(&self, body: &Queries) -> Result<String, IntelligenceError> {
        let json = serde_json::to_vec(body).map_err(|e| IntelligenceError::Answer(e.to_string()))?;
        let authorization =
            self.options.token.as_ref().map(|token| ("authorization".to_owned(), format!("Bearer {token}")));
        let headers = authorization.iter().map(|(name, value)| (name, value));
        let (url, timeout) = (&self.options.url, self.options.timeout);
        let answer = self.outbound.post_json_within(url, headers, json, timeout, MOST_BYTES).await;
        match answer.map_err(failure)? {
            answer if answer.status.is_success() => Ok(answer.body),
            answer => Err(IntelligenceError::Status(answer.status.as_u16())),
        }
    }

    /// The answers to what was asked; others are nobody's business.
    fn understood(&self, questions: &[Question], text: &str) -> Result<Vec<NumberAnswer>, IntelligenceError> {
        // the text of the error could hold a number
        let wrong = |e: serde_json::Error| {
            IntelligenceError::Answer(format!(
                "it is not of the form that is expected (line {}, column {})",
                e.line(),
                e.column()
            ))
        };
        let read: Answers = serde_json::from_str(text).map_err(wrong)?;
        let asked: HashMap<PhoneNumber, Date> = questions.iter().map(|q| (q.number, q.consent_on)).collect();
        let queried_at = self.clock.now();
        let mut found = Vec::with_capacity(read.answers.len().min(questions.len()));
        for one in read.answers {
            let Some(consent_on) = asked.get(&one.number) else { continue };
            let answer = answer_of(&one.answer)
                .ok_or_else(|| IntelligenceError::Answer("an answer is yes, no or no_data".into()))?;
            found.push(NumberAnswer {
                number: one.number,
                queried_at,
                consent_on: *consent_on,
                answer,
                line_type: one.line_type.as_deref().and_then(line_type_of),
                ported_on: one.port_date,
            });
        }
        Ok(found)
    }
}

#[async_trait]
impl NumberIntelligence for HttpSource {
    fn name(&self) -> &str {
        &self.name
    }

    async fn ask(&self, questions: &[Question]) -> Result<Vec<NumberAnswer>, IntelligenceError> {
        let mut found = Vec::with_capacity(questions.len());
        for some in questions.chunks(self.options.batch.max(1)) {
            found.append(&mut self.ask_some(some).await?);
        }
        Ok(found)
    }
}

/// Why a request failed, without its address, which may hold a secret.
fn failure(error: OutboundError) -> IntelligenceError {
    match error {
        OutboundError::TooLarge(most) => IntelligenceError::Answer(format!("it has more than {most} bytes")),
        OutboundError::Timeout(_) => IntelligenceError::Unreachable("it took too long".into()),
        other => IntelligenceError::Unreachable(other.to_string()),
    }
}
