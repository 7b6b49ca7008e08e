//! What can be done to a list: import, export, undo; and what was imported.
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use cxc_core::kind;
use cxc_core::location::Country;
use cxc_core::selection::SelectionRule;
use cxc_server::audit::Entry;
use cxc_server::document::{self, Cursor, CursorKey, Page};
use cxc_server::resources::JobView;
use cxc_server::resources::settings::chosen_country;
use cxc_server::{ApiError, ApiJson, ApiPath, ApiQuery, App, Code, Principal, Scope};
use cxc_store::Tx;
use cxc_store::import::ListImport;
use cxc_store::job::NewJob;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::io::ReaderStream;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::consents::CONSENT_EXPORT;
use crate::documents::{DataMapping, Specification};
use crate::export::{ExportSettings, export_name};
use crate::file::{FileError, HeaderOption};
use crate::import::{Dedupe, ImportMode, ImportOutcome, ImportSettings, suppression_undoable, undoable};
use crate::jobs::{
    ImportPayload, KINDS, LIST_EXPORT, LIST_IMPORT, LIST_RELOCATE, LIST_UNDO, SUPPRESSION_EXPORT, SUPPRESSION_IMPORT,
    SUPPRESSION_UNDO, Source,
};
use crate::relocate::RelocateSettings;
use crate::upload_store::UploadStore;
use crate::{Folders, uploads};

/// Jobs of one tenant that run or wait at most.
const MOST_JOBS: i64 = 10;

/// How an upload is imported.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ImportAsked {
    /// The file: a complete upload.
    upload: Uuid,
    /// What happens to what the list has.
    #[serde(default)]
    mode: ImportMode,
    /// In update mode: lines with a new key are rejected.
    #[serde(default)]
    update_only: bool,
    /// By what lines are duplicates of each other.
    #[serde(default)]
    dedupe: Dedupe,
    /// A data mapping; found out from the file where neither it nor a specification is given.
    #[serde(default)]
    mapping: Option<Uuid>,
    /// A specification, instead of a mapping.
    #[serde(default)]
    specification: Option<Uuid>,
    /// Lines that this rule does not take are filtered.
    #[serde(default)]
    selection_rule: Option<Uuid>,
    /// The country of numbers without one; that of the list when absent.
    #[serde(default)]
    #[schema(max_length = 2)]
    default_country: Option<String>,
    /// The encoding; detected when absent.
    #[serde(default)]
    #[schema(max_length = 40)]
    encoding: Option<String>,
    /// The sign between columns, or `tab`; detected when absent.
    #[serde(default)]
    #[schema(max_length = 4)]
    delimiter: Option<String>,
    /// Whether the first line names the columns.
    #[serde(default)]
    header: HeaderOption,
    /// Whether each contact keeps its line.
    #[serde(default)]
    keep_original: bool,
}

/// Which contacts are exported.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct ExportAsked {
    /// Only those that this rule takes.
    selection_rule: Option<Uuid>,
}

impl ImportAsked {
    async fn settings(
        &self,
        app: &App,
        uploads: &UploadStore,
        tenant: i64,
        country: Option<String>,
    ) -> Result<ImportSettings, ApiError> {
        let known = uploads::complete(app, uploads, tenant, self.upload).await?;
        let country = match self.default_country.clone().or(country) {
            Some(country) => Some(country),
            None => chosen_country(&mut app.db.read().await?, tenant).await?,
        };
        if country.as_deref().is_some_and(|code| Country::from_code(code).is_none()) {
            let text = "a country is two letters of ISO 3166-1, such as US";
            return Err(ApiError::invalid("/defaultCountry", "bad_country", text));
        }
        let mut tx = app.db.read().await?;
        let missing = |pointer: &str| ApiError::invalid(pointer, "not_found", "there is no such object");
        let mapping = match self.mapping {
            Some(id) => {
                let found = document::get::<DataMapping>(&mut tx, tenant, id).await?;
                Some(found.ok_or_else(|| missing("/mapping"))?.body.0)
            }
            None => None,
        };
        let specification = match self.specification {
            Some(id) => {
                let found = document::get::<Specification>(&mut tx, tenant, id).await?;
                Some(found.ok_or_else(|| missing("/specification"))?.body.text)
            }
            None => None,
        };
        let settings = ImportSettings {
            file_name: known.file_name,
            mode: self.mode,
            update_only: self.update_only,
            dedupe: self.dedupe,
            default_country: country,
            mapping,
            specification,
            rule: rule(&mut tx, tenant, self.selection_rule).await?,
            encoding: self.encoding.clone(),
            delimiter: self.delimiter.clone(),
            header: self.header,
            keep_original: self.keep_original,
        };
        readable(&settings)?;
        Ok(settings)
    }
}

/// Refuses what no file could be read with, before a job is queued that fails for it.
pub(crate) fn readable(settings: &ImportSettings) -> Result<(), ApiError> {
    if settings.update_only && settings.mode != ImportMode::Update {
        let text = "updateOnly is for the mode update: the other modes take lines with new keys";
        return Err(ApiError::invalid("/updateOnly", "invalid", text));
    }
    let at = |own: bool, pointer: &'static str| if own { pointer } else { "/mapping" };
    let delimiter = at(settings.delimiter.is_some(), "/delimiter");
    let options = settings.read_options().map_err(|e| ApiError::invalid(delimiter, e.code(), e.to_string()))?;
    options.check().map_err(|e| {
        let pointer = match e {
            FileError::UnknownEncoding(_) => at(settings.encoding.is_some(), "/encoding"),
            _ => delimiter,
        };
        ApiError::invalid(pointer, e.code(), e.to_string())
    })
}

async fn rule(tx: &mut Tx, tenant: i64, id: Option<Uuid>) -> Result<Option<SelectionRule>, ApiError> {
    let Some(id) = id else { return Ok(None) };
    let missing = || ApiError::invalid("/selectionRule", "not_found", "there is no such selection rule");
    let object = tx.object_get(tenant, kind::SELECTION_RULE, id).await?.ok_or_else(missing)?;
    serde_json::from_value(object.body.0).map(Some).map_err(ApiError::internal)
}

/// A list of either kind: what is audited, and what its documents say.
pub(crate) struct Target {
    pub kind: &'static str,
    pub id: Uuid,
    pub name: String,
    pub body: Value,
}

pub(crate) async fn target(app: &App, tenant: i64, kind: &'static str, id: Uuid) -> Result<Target, ApiError> {
    let object = app.db.read().await?.object_get(tenant, kind, id).await?;
    let noun = match kind {
        kind::CONTACT_LIST => "contact list",
        kind::NUMBER_LIST => "number list",
        kind::NUMBER_SOURCE => "number source",
        _ => "suppression list",
    };
    let object = object.ok_or_else(|| ApiError::not_found(noun))?;
    Ok(Target { kind, id, name: object.name, body: object.body.0 })
}

pub(crate) async fn queue(
    app: &App,
    principal: &Principal,
    target: &Target,
    job: &'static str,
    action: &'static str,
    payload: Value,
) -> Result<Response, ApiError> {
    queue_noted(app, principal, target, job, action, payload, None).await
}

/// The same, with what the audit log keeps of it.
pub(crate) async fn queue_noted(
    app: &App,
    principal: &Principal,
    target: &Target,
    job: &'static str,
    action: &'static str,
    payload: Value,
    note: Option<Value>,
) -> Result<Response, ApiError> {
    let mut tx = app.db.begin().await?;
    let mut open = 0;
    for kind in KINDS {
        open += tx.job_open_count(principal.tenant, kind).await?;
    }
    if open >= MOST_JOBS {
        return Err(ApiError::new(Code::RateLimited, "ten imports and exports run or wait already").retry_after(10));
    }
    let new = NewJob {
        id: app.ids.next(),
        tenant: principal.tenant,
        kind: job,
        subject: Some(target.id),
        payload,
        run_at: app.now(),
        created_by: principal.name.clone(),
        created_at: app.now(),
    };
    tx.job_insert(&new).await?;
    Entry::new(action, target.kind)
        .of(target.id, &target.name)
        .changed(None, note)
        .write(app, &mut tx, principal)
        .await?;
    let job = tx.job_get(principal.tenant, new.id).await?;
    tx.commit().await?;
    let job = job.ok_or_else(|| ApiError::internal(anyhow::anyhow!("a queued job is gone")))?;
    Ok(JobView::from(job).accepted())
}

pub(crate) fn json(value: impl Serialize) -> Result<Value, ApiError> {
    serde_json::to_value(value).map_err(ApiError::internal)
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
    let payload = ImportPayload { source: Source::Upload(asked.upload), settings };
    queue(&app, &principal, &target, LIST_IMPORT, "import", json(payload)?).await
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
    let payload = ImportPayload { source: Source::Upload(asked.upload), settings };
    queue(&app, &principal, &target, SUPPRESSION_IMPORT, "import", json(payload)?).await
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
    import: &ListImport,
) -> Result<Option<Value>, ApiError> {
    let opt_outs = ImportOutcome::of(import).consents.opt_outs;
    let reason = asked.and_then(|ApiJson(asked)| asked.reason).unwrap_or_default();
    let reason = reason.trim();
    if opt_outs > 0 {
        principal.need(Scope::ComplianceRequired)?;
    }
    if (opt_outs > 0 && reason.is_empty()) || reason.chars().count() > 500 {
        let detail = format!("the import brought {opt_outs} opt-outs: say why they are undone, in 1 to 500 characters");
        return Err(ApiError::invalid("/reason", "required", detail));
    }
    Ok((opt_outs > 0 || !reason.is_empty()).then(|| serde_json::json!({ "reason": reason, "optOuts": opt_outs })))
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
    let note = undo_note(&principal, asked, &import)?;
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
#[utoipa::path(post, path = "/suppression-lists/{id}/actions/undo", tag = "Suppression",
    operation_id = "undoSuppressionImport", params(("id" = Uuid, Path)),
    responses((status = ACCEPTED, body = JobView), ApiError))]
pub(crate) async fn undo_suppression(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Response, ApiError> {
    let target = target(&app, principal.tenant, kind::SUPPRESSION_LIST, id).await?;
    if target.body["required"].as_bool() == Some(true) {
        principal.need(Scope::ComplianceRequired)?;
    }
    let mut tx = app.db.read().await?;
    let row = tx.suppression_list_get(principal.tenant, id).await?;
    let row = row.ok_or_else(|| ApiError::not_found("suppression list"))?;
    suppression_undoable(tx.import_latest("suppression", row.number).await?, app.now())?;
    drop(tx);
    queue(&app, &principal, &target, SUPPRESSION_UNDO, "undo_import", Value::Null).await
}

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
    let mut tx = app.db.read().await?;
    let list = tx.contact_list_get(principal.tenant, id).await?.ok_or_else(missing)?;
    let number: i64 = import.parse().map_err(|_| missing())?;
    let import = tx.import_get(principal.tenant, number).await?;
    let import = import.filter(|i| i.list == list.number && i.kind == "contacts").ok_or_else(missing)?;
    let name = ImportOutcome::of(&import).rejects_file.ok_or_else(missing)?;
    download(folders.rejects.join(&name), &name).await
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
