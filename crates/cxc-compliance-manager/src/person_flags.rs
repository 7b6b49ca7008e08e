//! `/compliance/person-flags`: what is known of people that forbids contacts for some purposes.
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cxc_core::compliance::PersonFlag;
use cxc_server::app::time_text;
use cxc_server::audit::Entry;
use cxc_server::{ApiError, ApiJson, ApiQuery, App, Principal, Scope, require};
use cxc_store::person_flag::StoredFlag;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::consents::person::{self, EntryKey, PersonAsked};

/// The routes, below the base path.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(require(Scope::ComplianceRead, routes!(list)))
        .routes(require(Scope::ComplianceWrite, routes!(add)))
        // who takes one away lets contacts through
        .routes(require(Scope::ComplianceRequired, routes!(remove)))
}

/// A flag of a person.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PersonFlagView {
    /// What is known.
    flag: PersonFlag,
    /// What the tenant wants to remember of it.
    #[schema(required)]
    note: Option<String>,
    /// When it was recorded.
    #[schema(format = DateTime)]
    added_at: String,
    /// By whom.
    added_by: String,
}

impl From<StoredFlag> for PersonFlagView {
    fn from(stored: StoredFlag) -> Self {
        let (flag, added_at) = (stored.flag(), time_text(stored.added_at));
        Self { flag, note: stored.note, added_at, added_by: stored.added_by }
    }
}

/// The flags of a person.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PersonFlags {
    /// Each flag.
    items: Vec<PersonFlagView>,
}

/// List what forbids contacts with a person or device
#[utoipa::path(get, path = "/compliance/person-flags", tag = "Compliance", operation_id = "listPersonFlags",
    params(PersonAsked), responses((status = OK, body = PersonFlags), ApiError))]
async fn list(
    State(app): State<App>,
    principal: Principal,
    ApiQuery(who): ApiQuery<PersonAsked>,
) -> Result<Response, ApiError> {
    let key = who.key(&app, principal.tenant)?;
    let (devices, clients) = key.hashes();
    let mut tx = app.db.read().await?;
    let mut found = tx.person_flags_of(principal.tenant, &devices, &clients).await?;
    found.retain(|flag| key.is_of(&flag.key));
    Ok(ApiJson(PersonFlags { items: found.into_iter().map(PersonFlagView::from).collect() }).into_response())
}

/// A flag that is recorded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PersonFlagInput {
    /// A phone number with its country, or an email address; or else `clientId`.
    #[serde(default)]
    #[schema(max_length = 256)]
    device: Option<String>,
    /// A client id.
    #[serde(default)]
    #[schema(max_length = 64)]
    client_id: Option<String>,
    /// What is known.
    flag: PersonFlag,
    /// What you want to remember of it.
    #[serde(default)]
    #[schema(max_length = 1000)]
    note: Option<String>,
}

/// Record what forbids contacts with a person or device
///
/// It holds from the next check on. One that is recorded already stays as it is.
#[utoipa::path(post, path = "/compliance/person-flags", tag = "Compliance", operation_id = "addPersonFlag",
    request_body = PersonFlagInput, responses((status = CREATED, body = PersonFlagView), ApiError))]
async fn add(
    State(app): State<App>,
    principal: Principal,
    ApiJson(input): ApiJson<PersonFlagInput>,
) -> Result<Response, ApiError> {
    let key = EntryKey::read(&app, principal.tenant, input.device.as_deref(), input.client_id.as_deref())?;
    let mut new = StoredFlag::new(key.kind, key.hash, &key.text, input.flag);
    new.note = person::note(input.note.as_deref())?;
    new.added_at = app.now();
    new.added_by.clone_from(&principal.name);
    let mut tx = app.db.begin().await?;
    if tx.person_flag_add(principal.tenant, &new).await? {
        let after = json!({ "flag": input.flag });
        Entry::new("add", "person_flag").changed(None, Some(after)).write(&app, &mut tx, &principal).await?;
    }
    tx.commit().await?;
    Ok((StatusCode::CREATED, ApiJson(PersonFlagView::from(new))).into_response())
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FlagRemoved {
    /// A phone number with its country, or an email address.
    #[param(nullable = false)]
    device: Option<String>,
    /// A client id.
    #[param(nullable = false)]
    client_id: Option<String>,
    /// Which flag.
    flag: PersonFlag,
    /// Why it holds no more.
    #[param(min_length = 1, max_length = 500)]
    reason: String,
}

/// Take a flag of a person or device away, with the reason
#[utoipa::path(delete, path = "/compliance/person-flags", tag = "Compliance", operation_id = "removePersonFlag",
    params(FlagRemoved), responses((status = NO_CONTENT), ApiError))]
async fn remove(
    State(app): State<App>,
    principal: Principal,
    ApiQuery(asked): ApiQuery<FlagRemoved>,
) -> Result<Response, ApiError> {
    let key = EntryKey::read(&app, principal.tenant, asked.device.as_deref(), asked.client_id.as_deref())?;
    let reason = person::reason(&asked.reason)?;
    let mut tx = app.db.begin().await?;
    if !tx.person_flag_remove(principal.tenant, key.kind, key.hash, asked.flag).await? {
        return Err(ApiError::not_found("flag of the person"));
    }
    let (before, after) = (json!({ "flag": asked.flag }), json!({ "reason": reason }));
    Entry::new("remove", "person_flag").changed(Some(before), Some(after)).write(&app, &mut tx, &principal).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
