//! `/prompts`: what calls say. A prompt is known by its name; its audio is uploaded, converted and kept in the database.
mod audio;
mod users;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Extension;
use cxc_core::call_prompts::is_prompt_name;
use cxc_core::field_error::FieldError;
use cxc_core::kind;
use cxc_server::app::time_text;
use cxc_server::document::{Extras, Removal, Write};
use cxc_server::{ApiError, App, Document, Scope, crud, require};
use cxc_store::object_query::{ObjectField, ObjectQuery};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use users::refuse_if_used;

/// The most prompts of a tenant.
const MOST: i64 = 1_000;
/// The longest text, characters.
const TEXT_LIMIT: usize = 10_000;
/// Uploads that are converted at once.
const CONVERTED_AT_ONCE: usize = 2;

/// What calls say. Its name is that by which scripts and settings play it: 1 to 64 letters, digits, `_` or `-`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Prompt {
    /// The language that is spoken, as in BCP 47, such as `en-US`.
    #[schema(pattern = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", max_length = 35)]
    pub language: String,
    /// What is said, for people who read: up to 10,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 10_000)]
    pub text: Option<String>,
}

/// What is known of its audio.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromptExtra {
    /// The audio that was uploaded; none before that.
    #[schema(required)]
    pub audio: Option<PromptAudio>,
}

/// An audio as it is kept: a WAV file of one channel, 8,000 samples a second and 16 bits.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromptAudio {
    /// 1 and one more with each upload.
    #[schema(minimum = 1)]
    pub version: i64,
    /// How long it is, seconds.
    pub seconds: f64,
    /// The size of its file.
    #[schema(minimum = 0)]
    pub bytes: i64,
    /// What was uploaded, such as `PCM, 16 bits, stereo, 44100 Hz`.
    pub source: String,
    /// When.
    #[schema(format = DateTime)]
    pub uploaded_at: String,
    /// By whom.
    pub uploaded_by: String,
}

impl From<cxc_store::prompt::PromptAudio> for PromptAudio {
    fn from(audio: cxc_store::prompt::PromptAudio) -> Self {
        Self {
            version: audio.version,
            seconds: seconds(audio.milliseconds),
            bytes: audio.bytes,
            source: audio.source,
            uploaded_at: time_text(audio.uploaded_at),
            uploaded_by: audio.uploaded_by,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a prompt has far less than 2^53 milliseconds")]
fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1_000.0
}

/// Whether it looks like a tag of BCP 47.
fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let first = parts
        .next()
        .is_some_and(|first| (2..=8).contains(&first.len()) && first.bytes().all(|byte| byte.is_ascii_alphabetic()));
    first
        && tag.len() <= 35
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

impl Document for Prompt {
    const KIND: &'static str = kind::PROMPT;
    const NOUN: &'static str = "prompt";
    const PATH: &'static str = "/prompts";
    const TAG: &'static str = "Content";
    const READ: Scope = Scope::ContentRead;
    const WRITE: Scope = Scope::ContentWrite;
    const FILTERS: &'static [ObjectField] = &[ObjectField::Text("language")];
    const NAME_MAX: usize = 64;
    type Extra = PromptExtra;

    fn validate(&self) -> Vec<FieldError> {
        let mut problems = Vec::new();
        if !is_language(&self.language) {
            let detail = "a language is a tag of BCP 47, such as en or en-US";
            problems.push(FieldError::new("/language", "bad_language", detail));
        }
        if self.text.as_ref().is_some_and(|text| text.chars().count() > TEXT_LIMIT) {
            problems.push(FieldError::new("/text", "too_long", "a text has at most 10000 characters"));
        }
        problems
    }

    async fn before_write(write: &mut Write<'_, Self>) -> Result<(), ApiError> {
        let (tenant, name) = (write.principal.tenant, &write.after.name);
        if !is_prompt_name(name) {
            let detail = "a prompt is named by 1 to 64 letters, digits, _ or -";
            return Err(ApiError::invalid("/name", "bad_name", detail));
        }
        match write.before {
            Some(before) if before.name != *name => refuse_if_used(write.tx, tenant, &before.name).await,
            Some(_) => Ok(()),
            None if write.tx.object_count(tenant, Self::KIND, &ObjectQuery::default(), MOST).await? >= MOST => {
                Err(ApiError::invalid("", "too_many", "a tenant has at most 1000 prompts: delete some first"))
            }
            None => Ok(()),
        }
    }

    async fn before_delete(removal: &mut Removal<'_, Self>) -> Result<(), ApiError> {
        refuse_if_used(removal.tx, removal.principal.tenant, &removal.document.name).await
    }

    async fn extra(extras: &mut Extras<'_, Self>) -> Result<Vec<PromptExtra>, ApiError> {
        let known = match extras.documents {
            [one] => extras.tx.prompt_audio_get(extras.tenant, one.id).await?.into_iter().collect(),
            _ => extras.tx.prompt_audio_all(extras.tenant).await?,
        };
        let mut audio: HashMap<_, _> = known.into_iter().map(|audio| (audio.id, audio)).collect();
        Ok(extras
            .documents
            .iter()
            .map(|prompt| PromptExtra { audio: audio.remove(&prompt.id).map(PromptAudio::from) })
            .collect())
    }
}

/// The routes, below the base path.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(crud::<Prompt>())
        .routes(require(Scope::ContentWrite, routes!(audio::upload)))
        .routes(require(Scope::ContentRead, routes!(audio::download)))
        .layer(Extension(Arc::new(Semaphore::new(CONVERTED_AT_ONCE))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_a_tag() {
        assert!(["en", "en-US", "de-CH-1996", "zh-Hant-TW"].into_iter().all(is_language));
        assert!(["", "e", "english language", "en_US", "en-", "en-US-", "12"].into_iter().all(|tag| !is_language(tag)));
    }
}
