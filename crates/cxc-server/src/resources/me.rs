//! `/me`: who I am, and what I may change about myself.
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::users::User;
use crate::access::{password, throttle};
use crate::audit::Entry;
use crate::document;
use crate::error::{ApiError, Code};
use crate::extract::ApiJson;
use crate::principal::{ActorKind, Principal, signed_in};
use crate::{App, Scope};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(signed_in(routes!(get_me))).routes(signed_in(routes!(update_me)))
}

/// Who asks.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Me {
    /// The user or the API client.
    id: Uuid,
    /// `user` or `api_client`.
    kind: &'static str,
    /// Its name.
    name: String,
    /// The person's name; empty for programs.
    full_name: String,
    /// The person's mail address; empty for programs.
    email: String,
    /// The language of the user interface; empty for the tenant's.
    locale: String,
    /// The tenant.
    tenant: MyTenant,
    /// The roles, for people.
    roles: Vec<Uuid>,
    /// What it may do.
    scopes: Vec<Scope>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MyTenant {
    /// The id.
    id: Uuid,
    /// The short name.
    short_name: String,
    /// The contact centre id.
    ccid: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MePatch {
    /// My name.
    #[schema(nullable = false, max_length = 200)]
    full_name: Option<String>,
    /// My mail address.
    #[schema(nullable = false, max_length = 320)]
    email: Option<String>,
    /// The language of the user interface.
    #[schema(nullable = false, max_length = 20)]
    locale: Option<String>,
    /// Needed to change the password.
    #[schema(nullable = false, write_only, max_length = 256)]
    current_password: Option<String>,
    /// My new password; my other sessions end.
    #[schema(nullable = false, write_only, min_length = 10, max_length = 256)]
    password: Option<String>,
}

/// Who I am and what I may do.
#[utoipa::path(get, path = "/me", tag = "Sign-in", operation_id = "getMe", responses((status = OK, body = Me), ApiError))]
async fn get_me(State(app): State<App>, principal: Principal) -> Result<Response, ApiError> {
    let mut tx = app.db.read().await?;
    let user = match principal.kind {
        ActorKind::User => document::get::<User>(&mut tx, principal.tenant, principal.id).await?,
        _ => None,
    };
    Ok(ApiJson(describe(&principal, user.map(|u| u.body))).into_response())
}

fn describe(principal: &Principal, user: Option<User>) -> Me {
    let (full_name, email, locale, roles) =
        user.map_or_else(Default::default, |u| (u.full_name, u.email, u.locale, u.roles));
    Me {
        id: principal.id,
        kind: principal.kind.as_str(),
        name: principal.name.clone(),
        full_name,
        email,
        locale,
        tenant: MyTenant {
            id: principal.tenant_id,
            short_name: principal.tenant_name.clone(),
            ccid: principal.ccid.clone(),
        },
        roles,
        scopes: principal.scopes.iter().collect(),
    }
}

/// Change my name, mail address, language or password.
#[utoipa::path(patch, path = "/me", tag = "Sign-in", operation_id = "updateMe", request_body = MePatch,
    responses((status = OK, body = Me), ApiError))]
async fn update_me(
    State(app): State<App>,
    principal: Principal,
    ApiJson(patch): ApiJson<MePatch>,
) -> Result<Response, ApiError> {
    if principal.kind != ActorKind::User {
        return Err(ApiError::new(
            Code::Forbidden,
            "only people change themselves; an API client is changed by its tenant's users",
        ));
    }
    let new_hash = new_password(&app, &principal, &patch).await?;
    let mut tx = app.db.begin().await?;
    let before = document::get::<User>(&mut tx, principal.tenant, principal.id)
        .await?
        .ok_or_else(|| ApiError::not_found("user"))?;
    let mut body = before.body.clone();
    body.full_name = patch.full_name.unwrap_or(body.full_name);
    body.email = patch.email.unwrap_or(body.email);
    body.locale = patch.locale.unwrap_or(body.locale);
    body.password_hash = new_hash;
    let changed_password = body.password_hash.is_some();
    let draft = document::Draft { name: before.name.clone(), description: before.description.clone(), body };
    let (after, _) = document::update_in(&app, &mut tx, &principal, &before, draft).await?;
    if changed_password {
        Entry::new("change_password", "user").of(after.id, &after.name).write(&app, &mut tx, &principal).await?;
    }
    tx.commit().await?;
    Ok(ApiJson(describe(&principal, Some(after.body))).into_response())
}

/// The hash of the new password, when one is asked for and the old one is right.
async fn new_password(app: &App, principal: &Principal, patch: &MePatch) -> Result<Option<String>, ApiError> {
    let Some(new) = &patch.password else { return Ok(None) };
    if let Some(weakness) = password::weakness(new) {
        return Err(ApiError::invalid("/password", "weak", weakness));
    }
    let mut tx = app.db.read().await?;
    let hash = tx.user_password_get(principal.tenant, principal.id).await?;
    drop(tx);
    let counted = throttle::count(app, &format!("me:{}", principal.id), &principal.address).await?;
    let current = patch.current_password.clone().unwrap_or_default();
    if !app.passwords.verify(&current, hash).await? {
        return Err(ApiError::invalid("/currentPassword", "wrong", "the current password is wrong"));
    }
    let mut tx = app.db.begin().await?;
    counted.forgive(&mut tx).await?;
    tx.commit().await?;
    Ok(Some(app.passwords.hash(new).await?))
}
