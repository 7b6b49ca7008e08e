//! What is asked of an import: the file, how it is read, which column is what.
use cxc_core::kind;
use cxc_core::location::Country;
use cxc_core::selection::SelectionRule;
use cxc_server::document;
use cxc_server::resources::settings::chosen_country;
use cxc_server::{ApiError, App};
use cxc_store::Tx;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::documents::{DataMapping, Specification};
use crate::file::{FileError, HeaderOption};
use crate::import::{Dedupe, ImportMode, ImportSettings};
use crate::mapping::DataMapping as Columns;
use crate::upload_store::UploadStore;
use crate::uploads;

/// How an upload is imported.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ImportAsked {
    /// The file: a complete upload.
    pub upload: Uuid,
    /// What happens to what the list has.
    #[serde(default)]
    pub mode: ImportMode,
    /// In update mode: lines with a new key are rejected.
    #[serde(default)]
    pub update_only: bool,
    /// By what lines are duplicates of each other.
    #[serde(default)]
    pub dedupe: Dedupe,
    /// A data mapping; found out from the file where neither it nor a specification is given.
    #[serde(default)]
    pub mapping: Option<Uuid>,
    /// A specification, instead of a mapping.
    #[serde(default)]
    pub specification: Option<Uuid>,
    /// Lines that this rule does not take are filtered.
    #[serde(default)]
    pub selection_rule: Option<Uuid>,
    /// The country of numbers without one; that of the list when absent.
    #[serde(default)]
    #[schema(max_length = 2)]
    pub default_country: Option<String>,
    /// The encoding; detected when absent.
    #[serde(default)]
    #[schema(max_length = 40)]
    pub encoding: Option<String>,
    /// The sign between columns, or `tab`; detected when absent.
    #[serde(default)]
    #[schema(max_length = 4)]
    pub delimiter: Option<String>,
    /// Whether the first line names the columns.
    #[serde(default)]
    pub header: HeaderOption,
    /// Whether each contact keeps its line.
    #[serde(default)]
    pub keep_original: bool,
}

impl ImportAsked {
    pub async fn settings(
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
        known_country(country.as_deref())?;
        let mut tx = app.db.read().await?;
        let (mapping, specification) = columns(&mut tx, tenant, self.mapping, self.specification).await?;
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

/// Refuses a country that is none.
pub(crate) fn known_country(country: Option<&str>) -> Result<(), ApiError> {
    match country.filter(|code| Country::from_code(code).is_none()) {
        None => Ok(()),
        Some(_) => {
            let text = "a country is two letters of ISO 3166-1, such as US";
            Err(ApiError::invalid("/defaultCountry", "bad_country", text))
        }
    }
}

/// The data mapping and the text of the specification of these ids.
pub(crate) async fn columns(
    tx: &mut Tx,
    tenant: i64,
    mapping: Option<Uuid>,
    specification: Option<Uuid>,
) -> Result<(Option<Columns>, Option<String>), ApiError> {
    let missing = |pointer: &str| ApiError::invalid(pointer, "not_found", "there is no such object");
    let mapping = match mapping {
        Some(id) => {
            let found = document::get::<DataMapping>(tx, tenant, id).await?;
            Some(found.ok_or_else(|| missing("/mapping"))?.body.0)
        }
        None => None,
    };
    let specification = match specification {
        Some(id) => {
            let found = document::get::<Specification>(tx, tenant, id).await?;
            Some(found.ok_or_else(|| missing("/specification"))?.body.text)
        }
        None => None,
    };
    Ok((mapping, specification))
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

/// The selection rule of an id.
pub(crate) async fn rule(tx: &mut Tx, tenant: i64, id: Option<Uuid>) -> Result<Option<SelectionRule>, ApiError> {
    let Some(id) = id else { return Ok(None) };
    let missing = || ApiError::invalid("/selectionRule", "not_found", "there is no such selection rule");
    let object = tx.object_get(tenant, kind::SELECTION_RULE, id).await?.ok_or_else(missing)?;
    serde_json::from_value(object.body.0).map(Some).map_err(ApiError::internal)
}
