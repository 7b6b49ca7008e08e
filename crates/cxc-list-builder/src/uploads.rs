//! `/uploads`: files on their way to an import. An upload that breaks off goes on where it stands.
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cxc_server::app::time_text;
use cxc_server::{ApiError, ApiJson, ApiPath, App, Code, Principal};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::upload_store::{Known, LIFE, UploadError, UploadStore};

/// An upload that begins.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewUpload {
    /// The name of the file, for people.
    #[schema(min_length = 1, max_length = 255)]
    file_name: String,
    /// Its size in bytes, where that is known.
    #[serde(default)]
    #[schema(minimum = 0)]
    size: Option<u64>,
    /// The SHA-256 of its bytes in hexadecimal digits.
    #[serde(default)]
    #[schema(pattern = "^[0-9A-Fa-f]{64}$")]
    sha256: Option<String>,
}

/// An upload.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Upload {
    /// The id.
    id: Uuid,
    /// The name of the file.
    file_name: String,
    /// Its size once it is complete, where that was said.
    #[schema(required)]
    size: Option<u64>,
    /// Bytes that have come: where to go on.
    offset: u64,
    /// The SHA-256 that was said.
    #[schema(required)]
    sha256: Option<String>,
    /// When it is removed.
    #[schema(format = DateTime)]
    expires_at: String,
}

impl Upload {
    fn of(known: Known, offset: u64) -> Self {
        Self {
            id: known.id,
            file_name: known.file_name,
            size: known.size,
            offset,
            sha256: known.sha256,
            expires_at: time_text(known.created_at + LIFE),
        }
    }
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Io(error) => ApiError::internal(error),
            UploadError::TooLarge => ApiError::new(Code::BodyTooLarge, error.to_string()),
            UploadError::Checksum => ApiError::invalid("/sha256", "checksum", error.to_string()),
            UploadError::Offset(_) => ApiError::invalid("/offset", "offset", error.to_string()),
            UploadError::Broken | UploadError::Length(_) => ApiError::new(Code::MalformedRequest, error.to_string()),
        }
    }
}

/// Begin an upload.
#[utoipa::path(post, path = "/uploads", tag = "Lists", operation_id = "createUpload", request_body = NewUpload,
    responses((status = CREATED, body = Upload), ApiError))]
pub(crate) async fn create(
    State(app): State<App>,
    Extension(uploads): Extension<UploadStore>,
    principal: Principal,
    ApiJson(new): ApiJson<NewUpload>,
) -> Result<Response, ApiError> {
    if new.file_name.trim().is_empty() || new.file_name.chars().count() > 255 {
        return Err(ApiError::invalid("/fileName", "length", "a file name has 1 to 255 characters"));
    }
    let hex = |sum: &String| sum.len() == 64 && sum.bytes().all(|b| b.is_ascii_hexdigit());
    if new.sha256.as_ref().is_some_and(|sum| !hex(sum)) {
        return Err(ApiError::invalid("/sha256", "invalid", "a SHA-256 is 64 hexadecimal digits"));
    }
    let known = Known {
        id: app.ids.next(),
        tenant: principal.tenant,
        file_name: new.file_name,
        size: new.size,
        sha256: new.sha256,
        created_at: app.now(),
    };
    uploads.create(&known).await?;
    let location = format!("{}/uploads/{}", cxc_server::BASE, known.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], ApiJson(Upload::of(known, 0))).into_response())
}

/// An upload of the principal's tenant that has not expired.
pub(crate) async fn existing(
    app: &App,
    uploads: &UploadStore,
    tenant: i64,
    id: Uuid,
) -> Result<Option<(Known, u64)>, ApiError> {
    let found = uploads.get(tenant, id).await.map_err(ApiError::internal)?;
    Ok(found.filter(|(known, _)| known.created_at + LIFE > app.now()))
}

/// An upload that is to be read: there and complete.
pub(crate) async fn complete(app: &App, uploads: &UploadStore, tenant: i64, id: Uuid) -> Result<Known, ApiError> {
    let found = existing(app, uploads, tenant, id).await?;
    let (known, offset) = found.ok_or_else(|| ApiError::invalid("/upload", "not_found", "there is no such upload"))?;
    if known.size.is_some_and(|size| size != offset) {
        return Err(ApiError::invalid("/upload", "incomplete", "the upload is not complete: send the rest of it"));
    }
    Ok(known)
}

/// Get an upload: how far it is.
#[utoipa::path(get, path = "/uploads/{id}", tag = "Lists", operation_id = "getUpload", params(("id" = Uuid, Path)),
    responses((status = OK, body = Upload), ApiError))]
pub(crate) async fn get(
    State(app): State<App>,
    Extension(uploads): Extension<UploadStore>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Response, ApiError> {
    let found = existing(&app, &uploads, principal.tenant, id).await?;
    let (known, offset) = found.ok_or_else(|| ApiError::not_found("upload"))?;
    Ok(ApiJson(Upload::of(known, offset)).into_response())
}

/// Send bytes of an upload. Without `Content-Range` they go on where it stands; `Content-Range: bytes 100-199/5000`
/// says where they belong.
#[utoipa::path(put, path = "/uploads/{id}", tag = "Lists", operation_id = "putUpload",
    params(("id" = Uuid, Path), ("Content-Range" = Option<String>, Header)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = OK, body = Upload), ApiError))]
pub(crate) async fn put(
    State(app): State<App>,
    Extension(uploads): Extension<UploadStore>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let found = existing(&app, &uploads, principal.tenant, id).await?;
    let (known, offset) = found.ok_or_else(|| ApiError::not_found("upload"))?;
    let malformed = |text: String| ApiError::new(Code::MalformedRequest, text);
    let expected = "a Content-Range is bytes FIRST-LAST/TOTAL or bytes FIRST-LAST/*";
    let range = match headers.get(header::CONTENT_RANGE) {
        None => None,
        Some(range) => Some(range.to_str().ok().and_then(Range::parse).ok_or_else(|| malformed(expected.to_owned()))?),
    };
    if let Some((total, size)) = range.as_ref().and_then(|range| range.total).zip(known.size)
        && total != size
    {
        return Err(malformed(format!("the Content-Range has {total} bytes in all and the upload {size}")));
    }
    let (from, length) = range.map_or((offset, None), |range| (range.first, Some(range.length)));
    let offset = uploads.append(&known, from, length, body.into_data_stream()).await?;
    Ok(ApiJson(Upload::of(known, offset)).into_response())
}

/// Which bytes of a file a request brings.
struct Range {
    first: u64,
    length: u64,
    total: Option<u64>,
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let (span, total) = text.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = span.split_once('-')?;
        let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        let total = if total.trim() == "*" { None } else { Some(total.trim().parse().ok()?) };
        Some(Self { first, length: last.checked_sub(first)?.checked_add(1)?, total })
    }
}

/// Give an upload up.
#[utoipa::path(delete, path = "/uploads/{id}", tag = "Lists", operation_id = "deleteUpload", params(("id" = Uuid, Path)),
    responses((status = NO_CONTENT), ApiError))]
pub(crate) async fn delete(
    State(app): State<App>,
    Extension(uploads): Extension<UploadStore>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Response, ApiError> {
    let found = existing(&app, &uploads, principal.tenant, id).await?;
    found.ok_or_else(|| ApiError::not_found("upload"))?;
    uploads.remove(id).await.map_err(ApiError::internal)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
