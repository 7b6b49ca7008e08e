//! `/prompts/{id}/audio`: upload, and download of what was made of it.
use std::sync::Arc;

use axum::Extension;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cxc_server::audit::Entry;
use cxc_server::document::get;
use cxc_server::{ApiError, ApiJson, ApiPath, App, Code, Document, Principal};
use cxc_sip::media::Speech;
use cxc_store::prompt::PromptAudio as Kept;
use serde_json::json;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{Prompt, PromptAudio};

/// The largest file that is taken, bytes.
const LARGEST: usize = 20 << 20;

/// Upload the audio of a prompt, in the place of what it had
///
/// A WAV file: PCM of 8, 16, 24 or 32 bits, float, A-law or µ-law, 8,000 to 192,000 samples a second, 1 to 8 channels, which are
/// mixed. At most 20 MB and 600 seconds. It is converted to one channel of 8,000 samples a second. Calls that begin from then on
/// play it.
#[utoipa::path(put, path = "/prompts/{id}/audio", tag = "Content", operation_id = "uploadPromptAudio",
    params(("id" = Uuid, Path)), request_body(content = Vec<u8>, content_type = "audio/wav"),
    responses((status = OK, body = PromptAudio), ApiError))]
pub(super) async fn upload(
    State(app): State<App>,
    Extension(turns): Extension<Arc<Semaphore>>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    body: Body,
) -> Result<Response, ApiError> {
    existing(&app, &principal, id).await?;
    let too_large = |_| ApiError::new(Code::BodyTooLarge, "the audio of a prompt has at most 20 MB");
    let file = to_bytes(body, LARGEST).await.map_err(too_large)?;
    let turn = turns.acquire_owned().await.map_err(ApiError::internal)?;
    let (speech, wav) = convert(file).await?;
    drop(turn);
    let (milliseconds, bytes) = (speech.milliseconds(), wav.len() as u64);
    let kept = Kept {
        id,
        version: 0,
        milliseconds: i64::try_from(milliseconds).map_err(ApiError::internal)?,
        bytes: i64::try_from(bytes).map_err(ApiError::internal)?,
        source: speech.form.to_string(),
        uploaded_at: app.now(),
        uploaded_by: principal.name.clone(),
    };
    Ok(ApiJson(PromptAudio::from(keep(&app, &principal, kept, &wav).await?)).into_response())
}

/// The recording, and its file.
async fn convert(file: Bytes) -> Result<(Speech, Vec<u8>), ApiError> {
    let converting = tokio::task::spawn_blocking(move || {
        let speech = Speech::from_wav(&file)?;
        speech.to_wav().map(|wav| (speech, wav))
    });
    let converted = converting.await.map_err(ApiError::internal)?;
    converted.map_err(|error| ApiError::invalid("", "bad_audio", error.to_string()))
}

/// Writes it down, and who did it.
async fn keep(app: &App, principal: &Principal, mut kept: Kept, wav: &[u8]) -> Result<Kept, ApiError> {
    let (tenant, id) = (principal.tenant, kept.id);
    let mut tx = app.db.begin().await?;
    // it may have gone while the file came
    let prompt = get::<Prompt>(&mut tx, tenant, id).await?.ok_or_else(|| ApiError::not_found(Prompt::NOUN))?;
    let before = tx.prompt_audio_get(tenant, id).await?;
    kept.version = tx.prompt_audio_put(tenant, &kept, wav).await?;
    let facts = |audio: &Kept| json!({"version": audio.version, "source": audio.source, "bytes": audio.bytes});
    let entry = Entry::new("upload", Prompt::KIND).of(id, &prompt.name);
    entry.changed(before.as_ref().map(facts), Some(facts(&kept))).write(app, &mut tx, principal).await?;
    tx.commit().await?;
    Ok(kept)
}

/// The audio of a prompt as calls play it: a WAV file
#[utoipa::path(get, path = "/prompts/{id}/audio", tag = "Content", operation_id = "getPromptAudio",
    params(("id" = Uuid, Path)), responses((status = OK, content_type = "audio/wav", body = Vec<u8>), ApiError))]
pub(super) async fn download(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let name = existing(&app, &principal, id).await?;
    let mut tx = app.db.read().await?;
    let kept = tx.prompt_audio_get(principal.tenant, id).await?;
    let tag = kept.map(|kept| etag(kept.version)).transpose()?;
    let is_known = |tag: &HeaderValue| headers.get(header::IF_NONE_MATCH) == Some(tag);
    if let Some(tag) = tag.filter(is_known) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let file = tx.prompt_audio_file(principal.tenant, id).await?;
    let (version, file) = file.ok_or_else(|| ApiError::not_found("audio of this prompt: upload it first"))?;
    // a name has no characters that mean anything here
    let named = HeaderValue::from_str(&format!("inline; filename=\"{name}.wav\"")).map_err(ApiError::internal)?;
    let kind = HeaderValue::from_static("audio/wav");
    let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, named), (header::ETAG, etag(version)?)];
    Ok((headers, file).into_response())
}

fn etag(version: i64) -> Result<HeaderValue, ApiError> {
    HeaderValue::from_str(&format!("\"{version}\"")).map_err(ApiError::internal)
}

/// The name of a prompt of the principal's tenant.
async fn existing(app: &App, principal: &Principal, id: Uuid) -> Result<String, ApiError> {
    let prompt = get::<Prompt>(&mut app.db.read().await?, principal.tenant, id).await?;
    Ok(prompt.ok_or_else(|| ApiError::not_found(Prompt::NOUN))?.name)
}
