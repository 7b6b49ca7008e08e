//! `/compliance/consents/actions` and `/compliance/consents/imports`: files of consents in, the ledger out.
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cxc_server::document::Page;
use cxc_server::resources::JobView;
use cxc_server::resources::settings::chosen_country;
use cxc_server::{ApiError, ApiJson, ApiPath, ApiQuery, App, Principal};
use cxc_store::consent::CONSENTS;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::job::{CONSENT_EXPORT, CONSENT_IMPORT, CONSENT_UNDO, UndoPayload, consents_undoable};
use crate::Folders;
use crate::actions::{UndoAsked, undo_note};
use crate::asked::{columns, known_country, readable};
use crate::file::HeaderOption;
use crate::import::{ImportOutcome, ImportSettings};
use crate::imports::{Asked, download, import_page};
use crate::jobs::{ImportPayload, Source};
use crate::queue::{Target, json, queue, queue_noted};
use crate::upload_store::UploadStore;
use crate::uploads;

const KIND: &str = "consent";

/// A file of consents and opt-outs.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ConsentFile {
    /// The file, a complete upload. Its headers say which column is what: device or client_id, consent_kind,
    /// consent_date, and if you like consent_source, consent_text, consent_evidence, consent_channels, consent_action,
    /// opt_out_date.
    upload: Uuid,
    /// A data mapping, where the headers do not say it.
    #[serde(default)]
    mapping: Option<Uuid>,
    /// A specification, instead of a mapping.
    #[serde(default)]
    specification: Option<Uuid>,
    /// The country of numbers without one; that of the tenant's settings when absent.
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
}

impl ConsentFile {
    async fn settings(&self, app: &App, uploads: &UploadStore, tenant: i64) -> Result<ImportSettings, ApiError> {
        let known = uploads::complete(app, uploads, tenant, self.upload).await?;
        known_country(self.default_country.as_deref())?;
        let mut tx = app.db.read().await?;
        let default_country = match self.default_country.clone() {
            Some(country) => Some(country),
            None => chosen_country(&mut tx, tenant).await?,
        };
        let (mapping, specification) = columns(&mut tx, tenant, self.mapping, self.specification).await?;
        let settings = ImportSettings {
            mapping,
            specification,
            file_name: known.file_name,
            default_country,
            encoding: self.encoding.clone(),
            delimiter: self.delimiter.clone(),
            header: self.header,
            ..ImportSettings::default()
        };
        readable(&settings)?;
        Ok(settings)
    }
}

/// Import a file of consents and opt-outs
///
/// Opt-outs bind as their lines are read, consents once the import has ended. No consent of a file lifts an opt-out
/// unless the consent policy says that files may.
#[utoipa::path(post, path = "/compliance/consents/actions/import", tag = "Compliance", operation_id = "importConsents",
    request_body = ConsentFile, responses((status = ACCEPTED, body = JobView), ApiError))]
pub(crate) async fn import(
    State(app): State<App>,
    Extension(uploads): Extension<UploadStore>,
    principal: Principal,
    ApiJson(asked): ApiJson<ConsentFile>,
) -> Result<Response, ApiError> {
    let settings = asked.settings(&app, &uploads, principal.tenant).await?;
    let target = target(asked.upload, &settings.file_name);
    let payload = ImportPayload { source: Source::Upload(asked.upload), settings };
    queue(&app, &principal, &target, CONSENT_IMPORT, "import", json(payload)?).await
}

/// Export the ledger of consents and opt-outs as CSV. The result names where the file can be fetched.
#[utoipa::path(post, path = "/compliance/consents/actions/export", tag = "Compliance", operation_id = "exportConsents",
    responses((status = ACCEPTED, body = JobView), ApiError))]
pub(crate) async fn export(State(app): State<App>, principal: Principal) -> Result<Response, ApiError> {
    queue(&app, &principal, &target(app.ids.next(), "ledger"), CONSENT_EXPORT, "export", Value::Null).await
}

/// List the imports of consents, newest first
#[utoipa::path(get, path = "/compliance/consents/imports", tag = "Compliance", operation_id = "listConsentImports",
    params(Asked), responses((status = OK, body = Page<ImportOutcome>), ApiError))]
pub(crate) async fn imports(
    State(app): State<App>,
    principal: Principal,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<Response, ApiError> {
    let below = format!("{}/compliance/consents/imports", cxc_server::BASE);
    import_page(&app, principal.tenant, (CONSENTS, principal.tenant), &asked, &below).await
}

/// Fetch the lines that an import of consents did not take, with the reasons
#[utoipa::path(get, path = "/compliance/consents/imports/{importId}/rejects", tag = "Compliance",
    operation_id = "getConsentRejects", params(("importId" = i64, Path)),
    responses((status = OK, body = String, content_type = "text/csv"), ApiError))]
pub(crate) async fn rejects(
    State(app): State<App>,
    Extension(folders): Extension<Folders>,
    principal: Principal,
    ApiPath(number): ApiPath<i64>,
) -> Result<Response, ApiError> {
    let missing = || ApiError::not_found("rejects file");
    let import = app.db.read().await?.import_get(principal.tenant, number).await?;
    let import = import.filter(|i| i.kind == CONSENTS).ok_or_else(missing)?;
    let name = ImportOutcome::of(&import).rejects_file.ok_or_else(missing)?;
    Ok(download(folders.rejects.join(&name), &name).await?.into_response())
}

/// Undo an import of consents
///
/// What it brought counts no more. Of one that brought opt-outs it needs `compliance:required` and a reason.
#[utoipa::path(post, path = "/compliance/consents/imports/{importId}/actions/undo", tag = "Compliance",
    operation_id = "undoConsentImport", params(("importId" = i64, Path)), request_body = Option<UndoAsked>,
    responses((status = ACCEPTED, body = JobView), ApiError))]
pub(crate) async fn undo(
    State(app): State<App>,
    principal: Principal,
    ApiPath(number): ApiPath<i64>,
    asked: Option<ApiJson<UndoAsked>>,
) -> Result<Response, ApiError> {
    let found = app.db.read().await?.import_get(principal.tenant, number).await?;
    let import = consents_undoable(found, app.now())?;
    let note = undo_note(&principal, asked, ImportOutcome::of(&import).consents.opt_outs)?;
    let target = target(import.job, &import.file_name);
    let payload = json(UndoPayload { import: number })?;
    queue_noted(&app, &principal, &target, CONSENT_UNDO, "undo_import", payload, note).await
}

fn target(id: Uuid, name: &str) -> Target {
    Target { kind: KIND, id, name: name.to_owned(), body: Value::Null }
}
