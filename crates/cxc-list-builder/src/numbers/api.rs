//! What can be done to a list of numbers: load a file, activate a version, see versions and rejected lines.
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cxc_core::kind;
use cxc_server::document::Page;
use cxc_server::resources::JobView;
use cxc_server::{ApiError, ApiJson, ApiPath, App, Principal};
use cxc_store::number_activation::Overrides;
use cxc_store::number_list::LOAD_JOB;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::load;
use super::settings::{LoadMode, LoadPayload, LoadSettings, NumberVersion};
use crate::file::HeaderOption;
use crate::imports::download;
use crate::jobs::Source;
use crate::queue::{json, queue, target};
use crate::upload_store::UploadStore;
use crate::{Folders, uploads};

/// How an upload is loaded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LoadAsked {
    /// The file: a complete upload.
    upload: Uuid,
    /// What it is to the numbers that the list has.
    #[serde(default)]
    mode: LoadMode,
    /// When its numbers are of, RFC 3339: the day of the register, not of the load. Scrub age is counted from it.
    #[schema(format = DateTime)]
    as_of: String,
    /// The column of the number: its name, or its place from 1. Found out when absent.
    #[serde(default)]
    #[schema(max_length = 200)]
    number_column: Option<String>,
    /// The column of the area code, where numbers are split.
    #[serde(default)]
    #[schema(max_length = 200)]
    area_code_column: Option<String>,
    /// Whether the first line names the columns.
    #[serde(default)]
    header: HeaderOption,
    /// Whether the version is asked as soon as it is loaded and right.
    #[serde(default = "yes")]
    #[schema(default = true)]
    activate: bool,
    /// Whether it is activated however many numbers it holds.
    #[serde(default)]
    #[schema(default = false)]
    force: bool,
    /// Whether it is activated though the active version is of a later moment.
    #[serde(default)]
    #[schema(default = false)]
    allow_older: bool,
}

fn yes() -> bool {
    true
}

/// Reads when the numbers of a file are of: not in the future, since age is counted from it.
pub(crate) fn as_of(text: &str, now: i64) -> Result<i64, String> {
    let wrong = || "an instant is RFC 3339, such as 2026-03-02T09:00:00Z".to_owned();
    let at = text.parse::<Timestamp>().map_err(|_| wrong())?.as_microsecond();
    if at > now { Err("the numbers of a file can't be of the future".into()) } else { Ok(at) }
}

/// Load an upload as a new version of a list of numbers.
#[utoipa::path(post, path = "/compliance/number-lists/{id}/actions/load", tag = "Compliance", operation_id = "loadNumberList",
    params(("id" = Uuid, Path)), request_body = LoadAsked, responses((status = ACCEPTED, body = JobView), ApiError))]
pub(crate) async fn load(
    State(app): State<App>,
    Extension(store): Extension<UploadStore>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    ApiJson(asked): ApiJson<LoadAsked>,
) -> Result<Response, ApiError> {
    let target = target(&app, principal.tenant, kind::NUMBER_LIST, id).await?;
    let found = uploads::existing(&app, &store, principal.tenant, asked.upload).await?;
    let (known, offset) = found.ok_or_else(|| ApiError::invalid("/upload", "not_found", "there is no such upload"))?;
    if known.size.is_some_and(|size| size != offset) {
        return Err(ApiError::invalid("/upload", "incomplete", "the upload is not complete: send the rest of it"));
    }
    let settings = LoadSettings {
        file_name: known.file_name,
        mode: asked.mode,
        as_of: as_of(&asked.as_of, app.now()).map_err(|text| ApiError::invalid("/asOf", "invalid", text))?,
        number_column: asked.number_column,
        area_code_column: asked.area_code_column,
        header: asked.header,
        activate: asked.activate,
        force: asked.force,
        allow_older: asked.allow_older,
    };
    let payload = LoadPayload { source: Source::Upload(asked.upload), settings };
    queue(&app, &principal, &target, LOAD_JOB, "load", json(payload)?).await
}

/// A version that is to be asked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ActivateAsked {
    /// Which; one of before takes the list back to it.
    #[schema(minimum = 1)]
    version: i64,
    /// However many numbers it holds.
    #[serde(default)]
    #[schema(default = false)]
    force: bool,
    /// Though the active version is of a later moment. One that was active before may be gone back to without it.
    #[serde(default)]
    #[schema(default = false)]
    allow_older: bool,
}

/// Activate a version of a list of numbers, or go back to one of before.
#[utoipa::path(post, path = "/compliance/number-lists/{id}/actions/activate", tag = "Compliance",
    operation_id = "activateNumberList", params(("id" = Uuid, Path)), request_body = ActivateAsked,
    responses((status = OK, body = NumberVersion), ApiError))]
pub(crate) async fn activate(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    ApiJson(asked): ApiJson<ActivateAsked>,
) -> Result<Response, ApiError> {
    let overrides = Overrides { count: asked.force, older: asked.allow_older };
    let done = load::activate(&app, &principal, id, asked.version, overrides).await?;
    Ok(ApiJson(done).into_response())
}

/// List the versions of a list of numbers, newest first.
#[utoipa::path(get, path = "/compliance/number-lists/{id}/versions", tag = "Compliance", operation_id = "listNumberListVersions",
    params(("id" = Uuid, Path)), responses((status = OK, body = Page<NumberVersion>), ApiError))]
pub(crate) async fn versions(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Response, ApiError> {
    let mut tx = app.db.read().await?;
    let row = tx.number_list_get(principal.tenant, id).await?.ok_or_else(|| ApiError::not_found("number list"))?;
    let found = tx.number_list_versions(row.number).await?;
    Ok(ApiJson(Page::new(found.into_iter().map(NumberVersion::from).collect(), None)).into_response())
}

/// Get the rejected lines of a version as CSV.
#[utoipa::path(get, path = "/compliance/number-lists/{id}/versions/{version}/rejects", tag = "Compliance",
    operation_id = "getNumberListRejects", params(("id" = Uuid, Path), ("version" = i64, Path)),
    responses((status = OK, body = String, content_type = "text/csv"), ApiError))]
pub(crate) async fn rejects(
    State(app): State<App>,
    Extension(folders): Extension<Folders>,
    principal: Principal,
    ApiPath((id, version)): ApiPath<(Uuid, i64)>,
) -> Result<Response, ApiError> {
    let mut tx = app.db.read().await?;
    let row = tx.number_list_get(principal.tenant, id).await?.ok_or_else(|| ApiError::not_found("number list"))?;
    let found = tx.number_list_version(row.number, version).await?;
    let name = found.and_then(|v| v.rejects_file).ok_or_else(|| ApiError::not_found("file of rejected lines"))?;
    drop(tx);
    download(folders.rejects.join(name), "rejects.csv").await
}
