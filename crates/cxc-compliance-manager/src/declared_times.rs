//! `/compliance/declared-times`: when people said that contacts are convenient.
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cxc_core::compliance::SaidTimes;
use cxc_core::compliance::legal::WeekHours;
use cxc_server::app::time_text;
use cxc_server::audit::Entry;
use cxc_server::{ApiError, ApiJson, ApiPath, ApiQuery, App, Code, Principal, Scope, require};
use cxc_store::Tx;
use cxc_store::declared_time::{MOST_DECLARED, NewDeclared, StoredDeclared};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::consents::ledger::instant;
use crate::consents::person::{self, EntryKey, PersonAsked};

/// The routes, below the base path.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(require(Scope::ComplianceRead, routes!(list)))
        .routes(require(Scope::ComplianceWrite, routes!(add)))
        // who ends one lets contacts through
        .routes(require(Scope::ComplianceRequired, routes!(end)))
}

/// What a person said of convenient times.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeclaredView {
    /// Its number.
    id: String,
    /// The convenient hours.
    hours: WeekHours,
    /// What the tenant wants to remember of it.
    #[schema(required)]
    note: Option<String>,
    /// When the person said so.
    #[schema(format = DateTime)]
    said_at: String,
    /// When it was recorded.
    #[schema(format = DateTime)]
    added_at: String,
    /// By whom.
    added_by: String,
    /// Since when it holds no more.
    #[schema(format = DateTime, required)]
    ended_at: Option<String>,
    /// Who ended it.
    #[schema(required)]
    ended_by: Option<String>,
    /// Why.
    #[schema(required)]
    end_reason: Option<String>,
}

impl From<StoredDeclared> for DeclaredView {
    fn from(s: StoredDeclared) -> Self {
        Self {
            id: s.id.to_string(),
            hours: s.hours().clone(),
            note: s.note,
            said_at: time_text(s.said_at),
            added_at: time_text(s.added_at),
            added_by: s.added_by,
            ended_at: s.ended_at.map(time_text),
            ended_by: s.ended_by,
            end_reason: s.end_reason,
        }
    }
}

/// What a person said of convenient times, oldest first. All that did not end holds together.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeclaredTimesList)]
pub(crate) struct DeclaredList {
    items: Vec<DeclaredView>,
}

/// List what a person or device said of convenient times, also what was ended
#[utoipa::path(get, path = "/compliance/declared-times", tag = "Compliance", operation_id = "listDeclaredTimes",
    params(PersonAsked), responses((status = OK, body = DeclaredList), ApiError))]
async fn list(
    State(app): State<App>,
    principal: Principal,
    ApiQuery(who): ApiQuery<PersonAsked>,
) -> Result<Response, ApiError> {
    let key = who.key(&app, principal.tenant)?;
    let found = of(&mut app.db.read().await?, principal.tenant, &key).await?;
    Ok(ApiJson(DeclaredList { items: found.into_iter().map(DeclaredView::from).collect() }).into_response())
}

async fn of(tx: &mut Tx, tenant: i64, key: &EntryKey) -> Result<Vec<StoredDeclared>, ApiError> {
    let (devices, clients) = key.hashes();
    let mut found = tx.declared_all(tenant, &devices, &clients).await?;
    found.retain(|said| key.is_of(&said.key));
    Ok(found)
}

/// What a person says of convenient times.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DeclaredInput {
    /// A phone number with its country, or an email address; or else `clientId`.
    #[serde(default)]
    #[schema(max_length = 256)]
    device: Option<String>,
    /// A client id.
    #[serde(default)]
    #[schema(max_length = 64)]
    client_id: Option<String>,
    /// When contacts are convenient, or when they are not.
    times: SaidTimes,
    /// When the person said so; now if not given.
    #[serde(default)]
    #[schema(format = DateTime)]
    at: Option<String>,
    /// What you want to remember of it.
    #[serde(default)]
    #[schema(max_length = 1000)]
    note: Option<String>,
}

/// Record what a person says of convenient times
///
/// It narrows every window from the next check on, on the clocks of every zone in which the person may be, until it is
/// ended.
#[utoipa::path(post, path = "/compliance/declared-times", tag = "Compliance", operation_id = "addDeclaredTimes",
    request_body = DeclaredInput, responses((status = CREATED, body = DeclaredView), ApiError))]
async fn add(
    State(app): State<App>,
    principal: Principal,
    ApiJson(input): ApiJson<DeclaredInput>,
) -> Result<Response, ApiError> {
    let key = EntryKey::read(&app, principal.tenant, input.device.as_deref(), input.client_id.as_deref())?;
    let hours = input.times.hours().map_err(|detail| ApiError::invalid("/times", "bad_value", detail))?;
    let note = person::note(input.note.as_deref())?;
    let now = app.now();
    let future =
        || ApiError::invalid("/at", "bad_value", "an instant is RFC 3339, and what a person said is of the past");
    let said_at = input.at.as_deref().map(|text| instant(text).filter(|at| *at <= now).ok_or_else(future));
    let said_at = said_at.transpose()?.unwrap_or(now);
    let mut tx = app.db.begin().await?;
    let found = of(&mut tx, principal.tenant, &key).await?;
    if found.iter().filter(|said| said.ended_at.is_none()).count() >= MOST_DECLARED {
        let detail = format!("{MOST_DECLARED} statements of this person stand already: end some first");
        return Err(ApiError::new(Code::TooManyItems, detail));
    }
    let new = NewDeclared {
        key_kind: key.kind,
        key_hash: key.hash,
        key: &key.text,
        hours: &hours,
        note: note.as_deref(),
        said_at,
        added_at: now,
        added_by: &principal.name,
    };
    let id = tx.declared_add(principal.tenant, &new).await?;
    let entry = Entry::new("add", "declared_time").named(&id.to_string());
    entry.changed(None, Some(json!({ "hours": hours }))).write(&app, &mut tx, &principal).await?;
    let added = of(&mut tx, principal.tenant, &key).await?.into_iter().find(|said| said.id == id);
    tx.commit().await?;
    let added = added.ok_or_else(|| ApiError::internal(anyhow::anyhow!("a statement that was recorded is gone")))?;
    Ok((StatusCode::CREATED, ApiJson(DeclaredView::from(added))).into_response())
}

/// Whose statement is ended, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DeclaredEnd {
    /// A phone number with its country, or an email address; or else `clientId`.
    #[serde(default)]
    #[schema(max_length = 256)]
    device: Option<String>,
    /// A client id.
    #[serde(default)]
    #[schema(max_length = 64)]
    client_id: Option<String>,
    /// Why it holds no more.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// End what a person said of convenient times, with the reason
#[utoipa::path(post, path = "/compliance/declared-times/{id}/actions/end", tag = "Compliance",
    operation_id = "endDeclaredTimes", params(("id" = i64, Path)), request_body = DeclaredEnd,
    responses((status = NO_CONTENT), ApiError))]
async fn end(
    State(app): State<App>,
    principal: Principal,
    ApiPath(id): ApiPath<i64>,
    ApiJson(asked): ApiJson<DeclaredEnd>,
) -> Result<Response, ApiError> {
    let key = EntryKey::read(&app, principal.tenant, asked.device.as_deref(), asked.client_id.as_deref())?;
    let reason = person::reason(&asked.reason)?;
    let by = (principal.name.as_str(), reason.as_str());
    let mut tx = app.db.begin().await?;
    if !tx.declared_end(principal.tenant, (key.kind, key.hash), id, by, app.now()).await? {
        return Err(ApiError::not_found("statement of the person that stands"));
    }
    let entry = Entry::new("end", "declared_time").named(&id.to_string());
    entry.changed(None, Some(json!({ "reason": reason }))).write(&app, &mut tx, &principal).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
