//! `/compliance/person-flags`: what is known of people that forbids contacts for some purposes.
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cxc_core::compliance::PersonFlag;
use cxc_server::app::time_text;
use cxc_server::audit::Entry;
use cxc_server::{ApiError, ApiJson, ApiQuery, App, Principal, Scope, require};
use cxc_store::consent::KeyKind;
use cxc_store::person_flag::StoredFlag;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::consents::ledger::bounded;
use crate::consents::person;

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

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FlagsOf {
    /// A phone number with its country, or an email address.
    #[param(nullable = false)]
    device: Option<String>,
    /// A client id.
    #[param(nullable = false)]
    client_id: Option<String>,
}

/// List what forbids contacts with a person or device
#[utoipa::path(get, path = "/compliance/person-flags", tag = "Compliance", operation_id = "listPersonFlags",
    params(FlagsOf), responses((status = OK, body = PersonFlags), ApiError))]
async fn list(
    State(app): State<App>,
    principal: Principal,
    ApiQuery(who): ApiQuery<FlagsOf>,
) -> Result<Response, ApiError> {
    let key = person::read("", who.device.as_deref(), who.client_id.as_deref())?;
    let (kind, text, hash) = person::hashed(&app.hash_key, principal.tenant, &key);
    let (devices, clients) = match kind {
        KeyKind::Device => (vec![hash], vec![]),
        KeyKind::Client => (vec![], vec![hash]),
    };
    let mut tx = app.db.read().await?;
    let mut found = tx.person_flags_of(principal.tenant, &devices, &clients).await?;
    found.retain(|flag| flag.key.is_empty() || flag.key == text);
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
    let key = person::read("", input.device.as_deref(), input.client_id.as_deref())?;
    let too_long = || ApiError::invalid("/note", "bad_value", "a note has at most 1,000 characters");
    let note = input.note.as_deref().map(|text| bounded(text, 0, 1_000).ok_or_else(too_long)).transpose()?;
    let (kind, text, hash) = person::hashed(&app.hash_key, principal.tenant, &key);
    let mut new = StoredFlag::new(kind, hash, &text, input.flag);
    new.note = note.filter(|note| !note.is_empty());
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
    let key = person::read("", asked.device.as_deref(), asked.client_id.as_deref())?;
    let reason = bounded(&asked.reason, 1, 500);
    let reason = reason.ok_or_else(|| ApiError::invalid("/reason", "required", "say why, in 1 to 500 characters"))?;
    let (kind, _, hash) = person::hashed(&app.hash_key, principal.tenant, &key);
    let mut tx = app.db.begin().await?;
    if !tx.person_flag_remove(principal.tenant, kind, hash, asked.flag).await? {
        return Err(ApiError::not_found("flag of the person"));
    }
    let (before, after) = (json!({ "flag": asked.flag }), json!({ "reason": reason }));
    Entry::new("remove", "person_flag").changed(Some(before), Some(after)).write(&app, &mut tx, &principal).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
