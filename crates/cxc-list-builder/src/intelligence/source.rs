//! `/compliance/number-sources`: where number intelligence is asked over HTTP.
use std::time::Duration;

use cxc_core::field_error::FieldError;
use cxc_core::kind;
use cxc_core::number_set::ASK_AGAIN_DAYS;
use cxc_server::document::{NoExtra, Write};
use cxc_server::{ApiError, Document, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::HttpOptions;

/// A source over HTTP.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NumberSource {
    /// Where questions are posted.
    #[schema(max_length = 2000, pattern = "^https?://")]
    pub url: String,
    /// A bearer token. Never shown.
    #[serde(default)]
    #[schema(max_length = 4000)]
    pub token: Option<String>,
    /// The longest that an answer may take, in milliseconds.
    #[serde(default = "ten_seconds")]
    #[schema(default = 10_000, minimum = 100, maximum = 60_000)]
    pub timeout_ms: u64,
    /// Questions of a request.
    #[serde(default = "a_hundred")]
    #[schema(default = 100, minimum = 1, maximum = 1_000)]
    pub batch: usize,
    /// Answers that are older than so many days are asked for again, of numbers that a contact list has; `null` for
    /// never.
    #[serde(default = "ask_again")]
    #[schema(default = 45, minimum = 1, maximum = 365)]
    pub ask_again_days: Option<i64>,
}

fn ask_again() -> Option<i64> {
    Some(ASK_AGAIN_DAYS)
}

fn ten_seconds() -> u64 {
    10_000
}

fn a_hundred() -> usize {
    100
}

impl NumberSource {
    /// A source at an address, asked in the usual way.
    pub fn new(url: String, token: Option<String>) -> Self {
        Self { url, token, timeout_ms: ten_seconds(), batch: a_hundred(), ask_again_days: ask_again() }
    }

    /// How it is reached.
    pub fn options(&self) -> HttpOptions {
        let timeout = Duration::from_millis(self.timeout_ms);
        HttpOptions { url: self.url.clone(), token: self.token.clone(), timeout, batch: self.batch }
    }
}

impl Document for NumberSource {
    const KIND: &'static str = kind::NUMBER_SOURCE;
    const NOUN: &'static str = "number source";
    const PATH: &'static str = "/compliance/number-sources";
    const TAG: &'static str = "Compliance";
    const READ: Scope = Scope::ComplianceRead;
    const WRITE: Scope = Scope::ComplianceRequired;
    const SECRETS: &'static [&'static str] = &["/token"];
    type Extra = NoExtra;

    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let mut error = |pointer: &str, code, detail: &str| errors.push(FieldError::new(pointer, code, detail));
        let has_user =
            self.url.split_once("://").is_some_and(|(_, rest)| rest.split('/').next().unwrap_or("").contains('@'));
        let is_http = self.url.starts_with("https://") || self.url.starts_with("http://");
        if !is_http || has_user || self.url.len() > 2000 || reqwest::Url::parse(&self.url).is_err() {
            error("/url", "invalid", "an address is https://host/path, without a user or password in it");
        }
        if self.token.as_ref().is_some_and(|token| token.is_empty() || token.len() > 4000 || !token.is_ascii()) {
            error("/token", "invalid", "a token is 1 to 4000 ASCII characters");
        }
        if !(100..=60_000).contains(&self.timeout_ms) {
            error("/timeoutMs", "range", "a timeout is 100 to 60000 milliseconds");
        }
        if !(1..=1_000).contains(&self.batch) {
            error("/batch", "range", "a request has 1 to 1000 questions");
        }
        if self.ask_again_days.is_some_and(|days| !(1..=365).contains(&days)) {
            error("/askAgainDays", "range", "answers are asked for again after 1 to 365 days, or never: null");
        }
        errors
    }

    /// A token goes where it was given for, and elsewhere only when it is given again.
    async fn before_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        let Some(before) = write.before else { return Ok(()) };
        let (old, new) = (&before.body, &write.after.body);
        if new.token.is_some() && new.token == old.token && new.url != old.url {
            return Err(ApiError::invalid("/token", "required", "the address changes: give the token again"));
        }
        Ok(())
    }
}
