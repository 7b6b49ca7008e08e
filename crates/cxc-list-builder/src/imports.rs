//! What was imported and exported: pages of imports, rejected lines, finished files.
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use cxc_server::document::{Cursor, CursorKey, Page};
use cxc_server::{ApiError, ApiJson, ApiPath, ApiQuery, App, Code, Principal, Scope};
use serde::Deserialize;
use tokio_util::io::ReaderStream;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::Folders;
use crate::consents::CONSENT_EXPORT;
use crate::export::export_name;
use crate::import::ImportOutcome;
use crate::jobs::{LIST_EXPORT, SUPPRESSION_EXPORT};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// How many at most; 50 by default.
    #[param(minimum = 1, maximum = 500, nullable = false)]
    limit: Option<i64>,
    /// Where to go on: `next` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// List the imports of a contact list, newest first.
#[utoipa::path(get, path = "/lists/{id}/imports", tag = "Lists", operation_id = "listImports",
    params(("id" = Uuid, Path), Asked), responses((status = OK, body = Page<ImportOutcome>), ApiError))]
pub(crate) async fn imports(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<Response, ApiError> {
    let list = app.db.read().await?.contact_list_get(principal.tenant, id).await?;
    let list = list.ok_or_else(|| ApiError::not_found("contact list"))?;
    let below = format!("{}/lists/{id}/imports", cxc_server::BASE);
    import_page(&app, principal.tenant, ("contacts", list.number), &asked, &below).await
}

/// A page of imports, newest first. `below` is where each has its rejects file.
pub(crate) async fn import_page(
    app: &App,
    tenant: i64,
    (kind, list): (&str, i64),
    asked: &Asked,
    below: &str,
) -> Result<Response, ApiError> {
    let limit = asked.limit.unwrap_or(50);
    if !(1..=500).contains(&limit) {
        return Err(ApiError::new(Code::BadFilter, "a limit is 1 to 500"));
    }
    let query = format!("{tenant} imports {below}");
    let before = match asked.cursor.as_deref() {
        None => i64::MAX,
        Some(text) => match Cursor::open(text, app.hash_key, &query, app.now())?.keys.first() {
            Some(CursorKey::Number(number)) => *number,
            _ => i64::MAX,
        },
    };
    let mut found = app.db.read().await?.import_page(tenant, kind, list, before, limit + 1).await?;
    let more = found.len() > usize::try_from(limit).unwrap_or(0);
    found.truncate(usize::try_from(limit).unwrap_or(0));
    let next = found.last().filter(|_| more).map(|last| {
        let cursor = Cursor { keys: vec![CursorKey::Number(last.number)], id: Uuid::nil(), made_at: app.now() };
        cursor.seal(app.hash_key, &query)
    });
    let items = found.iter().map(|import| {
        let mut outcome = ImportOutcome::of(import);
        outcome.rejects_file = outcome.rejects_file.map(|_| format!("{below}/{}/rejects", import.number));
        outcome.warnings_file = outcome.warnings_file.map(|_| format!("{below}/{}/warnings", import.number));
        outcome
    });
    Ok(ApiJson(Page::new(items.collect(), next)).into_response())
}

/// Fetch the lines that an import did not take, with the reasons.
#[utoipa::path(get, path = "/lists/{id}/imports/{importId}/rejects", tag = "Lists", operation_id = "getRejects",
    params(("id" = Uuid, Path), ("importId" = String, Path)),
    responses((status = OK, body = String, content_type = "text/csv"), ApiError))]
pub(crate) async fn rejects(
    State(app): State<App>,
    Extension(folders): Extension<Folders>,
    principal: Principal,
    ApiPath((id, import)): ApiPath<(Uuid, String)>,
) -> Result<Response, ApiError> {
    let missing = || ApiError::not_found("rejects file");
    let outcome = outcome(&app, principal.tenant, id, &import).await?.ok_or_else(missing)?;
    let name = outcome.rejects_file.ok_or_else(missing)?;
    download(folders.rejects.join(&name), &name).await
}

/// Fetch what an import left out of lines that it took, or changed in them: line, column, value and reason.
#[utoipa::path(get, path = "/lists/{id}/imports/{importId}/warnings", tag = "Lists", operation_id = "getImportWarnings",
    params(("id" = Uuid, Path), ("importId" = String, Path)),
    responses((status = OK, body = String, content_type = "text/csv"), ApiError))]
pub(crate) async fn warnings(
    State(app): State<App>,
    Extension(folders): Extension<Folders>,
    principal: Principal,
    ApiPath((id, import)): ApiPath<(Uuid, String)>,
) -> Result<Response, ApiError> {
    let missing = || ApiError::not_found("file of warnings");
    let outcome = outcome(&app, principal.tenant, id, &import).await?.ok_or_else(missing)?;
    let name = outcome.warnings_file.ok_or_else(missing)?;
    download(folders.rejects.join(&name), &name).await
}

/// The outcome of an import of a contact list, if it is one.
async fn outcome(app: &App, tenant: i64, list: Uuid, import: &str) -> Result<Option<ImportOutcome>, ApiError> {
    let mut tx = app.db.read().await?;
    let (Some(list), Ok(number)) = (tx.contact_list_get(tenant, list).await?, import.parse()) else { return Ok(None) };
    let found = tx.import_get(tenant, number).await?;
    Ok(found.filter(|i| i.list == list.number && i.kind == "contacts").as_ref().map(ImportOutcome::of))
}

/// Fetch an exported file.
#[utoipa::path(get, path = "/exports/{jobId}", tag = "Lists", operation_id = "getExport", params(("jobId" = Uuid, Path)),
    responses((status = OK, body = String, content_type = "text/csv"), ApiError))]
pub(crate) async fn export_file(
    State(app): State<App>,
    Extension(folders): Extension<Folders>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Response, ApiError> {
    let missing = || ApiError::not_found("export");
    let job = app.db.read().await?.job_get(principal.tenant, id).await?.ok_or_else(missing)?;
    match job.kind.as_str() {
        LIST_EXPORT => principal.need(Scope::ListsExport)?,
        SUPPRESSION_EXPORT => principal.need(Scope::SuppressionExport)?,
        CONSENT_EXPORT => principal.need(Scope::SuppressionExport)?,
        _ => return Err(missing()),
    }
    download(folders.exports.join(export_name(id)), "export.csv").await
}

pub(crate) async fn download(path: std::path::PathBuf, name: &str) -> Result<Response, ApiError> {
    let file = match tokio::fs::File::open(path).await {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(ApiError::not_found("file")),
        Err(error) => return Err(ApiError::internal(error)),
    };
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, Body::from_stream(ReaderStream::new(file))).into_response())
}
