//! What can be done to a list: import, export, undo, relocate.
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use cxc_core::kind;
use cxc_core::written_reason::WrittenReason;
use cxc_server::resources::JobView;
use cxc_server::{ApiError, ApiJson, ApiPath, App, Principal, Scope};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::asked::{ImportAsked, rule};
use crate::export::ExportSettings;
use crate::import::{ImportOutcome, ImportSettings, suppression_undoable, undoable};
use crate::jobs::{
    ImportPayload, LIST_EXPORT, LIST_IMPORT, LIST_RELOCATE, LIST_UNDO, SUPPRESSION_EXPORT, SUPPRESSION_IMPORT,
    SUPPRESSION_UNDO, Source,
};
use crate::queue::{json, queue, queue_noted, target};
use crate::relocate::RelocateSettings;
use crate::upload_store::UploadStore;

/// Which contacts are exported.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct ExportAsked {
    /// Only those that this rule takes.
    selection_rule: Option<Uuid>,
}

/// Import an upload into a contact list.
///
/// A mapping with `consentKind` and its like brings consents and opt-outs into the ledger; it needs `compliance:write`.
#[utoipa::path(post, path = "/lists/{id}/actions/import", tag = "Lists", operation_id = "importList",
    params(("id" = Uuid, Path)), request_body = ImportAsked, responses((status = ACCEPTED, body = JobView), ApiError))]
pub(crate) async fn import_list(
    State(app): State<App>,
    Extension(uploads): Extension<UploadStore>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    ApiJson(asked): ApiJson<ImportAsked>,
) -> Result<Response, ApiError> {
    let target = target(&app, principal.tenant, kind::CONTACT_LIST, id).await?;
    let country = target.body["country"].as_str().map(str::to_owned);
    let settings = asked.settings(&app, &uploads, principal.tenant, country).await?;
    if settings.brings_consents().map_err(|e| ApiError::invalid("/mapping", e.code(), e.to_string()))? {
        principal.need(Scope::ComplianceWrite)?;
    }
    let note = import_note(&settings);
    let payload = ImportPayload { source: Source::Upload(asked.upload), settings };
    queue_noted(&app, &principal, &target, LIST_IMPORT, "import", json(payload)?, Some(note)).await
}

/// Import an upload into a suppression list.
#[utoipa::path(post, path = "/suppression-lists/{id}/actions/import", tag = "Suppression", operation_id = "importSuppressionList",
    params(("id" = Uuid, Path)), request_body = ImportAsked, responses((status = ACCEPTED, body = JobView), ApiError))]
pub(crate) async fn import_suppression(
    State(app): State<App>,
    Extension(uploads): Extension<UploadStore>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    ApiJson(asked): ApiJson<ImportAsked>,
) -> Result<Response, ApiError> {
    let target = target(&app, principal.tenant, kind::SUPPRESSION_LIST, id).await?;
    if target.body["required"].as_bool() == Some(true) {
        principal.need(Scope::ComplianceRequired)?;
    }
    let settings = asked.settings(&app, &uploads, principal.tenant, None).await?;
    let note = import_note(&settings);
    let payload = ImportPayload { source: Source::Upload(asked.upload), settings };
    queue_noted(&app, &principal, &target, SUPPRESSION_IMPORT, "import", json(payload)?, Some(note)).await
}

/// What the audit log keeps of an import that is asked for; what came of it is noted when it is published.
fn import_note(settings: &ImportSettings) -> Value {
    serde_json::json!({ "fileName": settings.file_name, "mode": settings.mode.as_str() })
}

/// Export a contact list as CSV. The result names where the file can be fetched.
#[utoipa::path(post, path = "/lists/{id}/actions/export", tag = "Lists", operation_id = "exportList",
    params(("id" = Uuid, Path)), request_body = ExportAsked, responses((status = ACCEPTED, body = JobView), ApiError))]
pub(crate) async fn export_list(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    ApiJson(asked): ApiJson<ExportAsked>,
) -> Result<Response, ApiError> {
    let target = target(&app, principal.tenant, kind::CONTACT_LIST, id).await?;
    let rule = rule(&mut app.db.read().await?, principal.tenant, asked.selection_rule).await?;
    queue(&app, &principal, &target, LIST_EXPORT, "export", json(ExportSettings { rule })?).await
}

/// Export a suppression list as CSV. The result names where the file can be fetched.
#[utoipa::path(post, path = "/suppression-lists/{id}/actions/export", tag = "Suppression",
    operation_id = "exportSuppressionList", params(("id" = Uuid, Path)),
    responses((status = ACCEPTED, body = JobView), ApiError))]
pub(crate) async fn export_suppression(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Response, ApiError> {
    let target = target(&app, principal.tenant, kind::SUPPRESSION_LIST, id).await?;
    queue(&app, &principal, &target, SUPPRESSION_EXPORT, "export", Value::Null).await
}

/// Why an import is undone.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct UndoAsked {
    /// Why. The undo of an import that brought opt-outs needs one.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// What the audit log keeps of an undo. The error: whoever asks may not take opt-outs back, or does not say why.
pub(crate) fn undo_note(
    principal: &Principal,
    asked: Option<ApiJson<UndoAsked>>,
    opt_outs: u64,
) -> Result<Option<Value>, ApiError> {
    let reason = asked.and_then(|ApiJson(asked)| asked.reason).unwrap_or_default();
    if opt_outs > 0 {
        principal.need(Scope::ComplianceRequired)?;
    } else if reason.is_empty() {
        return Ok(None);
    }
    let written = WrittenReason::parse(&reason).map_err(|error| {
        let detail = format!("the import brought {opt_outs} opt-outs, and its undo is kept with its reason: {error}");
        ApiError::invalid("/reason", "required", detail)
    })?;
    Ok(Some(serde_json::json!({ "reason": written.as_str(), "optOuts": opt_outs })))
}

/// Undo the latest import of a contact list.
///
/// Of one that brought opt-outs it needs `compliance:required` and a reason.
#[utoipa::path(post, path = "/lists/{id}/actions/undo", tag = "Lists", operation_id = "undoListImport",
    params(("id" = Uuid, Path)), request_body = Option<UndoAsked>, responses((status = ACCEPTED, body = JobView), ApiError))]
pub(crate) async fn undo_list(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    asked: Option<ApiJson<UndoAsked>>,
) -> Result<Response, ApiError> {
    let target = target(&app, principal.tenant, kind::CONTACT_LIST, id).await?;
    let import = undoable(&app.db, principal.tenant, id, app.now()).await?;
    let note = undo_note(&principal, asked, ImportOutcome::of(&import).consents.opt_outs)?;
    queue_noted(&app, &principal, &target, LIST_UNDO, "undo_import", Value::Null, note).await
}

/// How a list is looked through.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct RelocateAsked {
    /// Only count what would change.
    dry_run: bool,
}

/// Find the places of a list's contacts anew, with the compliance data in use. The job's result has the counts.
#[utoipa::path(post, path = "/lists/{id}/actions/relocate", tag = "Lists", operation_id = "relocateList",
    params(("id" = Uuid, Path)), request_body = RelocateAsked, responses((status = ACCEPTED, body = JobView), ApiError))]
pub(crate) async fn relocate_list(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    ApiJson(asked): ApiJson<RelocateAsked>,
) -> Result<Response, ApiError> {
    let target = target(&app, principal.tenant, kind::CONTACT_LIST, id).await?;
    let settings = RelocateSettings { dry_run: asked.dry_run };
    queue(&app, &principal, &target, LIST_RELOCATE, "relocate", json(settings)?).await
}

/// Undo the latest import of a suppression list.
///
/// Of a list that collects opt-outs it needs `compliance:required` and a reason.
#[utoipa::path(post, path = "/suppression-lists/{id}/actions/undo", tag = "Suppression",
    operation_id = "undoSuppressionImport", params(("id" = Uuid, Path)), request_body = Option<UndoAsked>,
    responses((status = ACCEPTED, body = JobView), ApiError))]
pub(crate) async fn undo_suppression(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
    asked: Option<ApiJson<UndoAsked>>,
) -> Result<Response, ApiError> {
    let target = target(&app, principal.tenant, kind::SUPPRESSION_LIST, id).await?;
    if target.body["required"].as_bool() == Some(true) {
        principal.need(Scope::ComplianceRequired)?;
    }
    let mut tx = app.db.read().await?;
    let row = tx.suppression_list_get(principal.tenant, id).await?;
    let row = row.ok_or_else(|| ApiError::not_found("suppression list"))?;
    let import = suppression_undoable(&mut tx, &row, app.now()).await?;
    drop(tx);
    let brought = if row.opt_outs { import.counts.imported + import.counts.updated } else { 0 };
    let note = undo_note(&principal, asked, u64::try_from(brought).unwrap_or(0))?;
    queue_noted(&app, &principal, &target, SUPPRESSION_UNDO, "undo_import", Value::Null, note).await
}
