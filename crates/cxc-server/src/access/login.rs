//! `/auth/login`, `/auth/logout`, `/auth/session`: sessions of people.
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cookie::{Cookie, SameSite};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{session, throttle, token};
use crate::App;
use crate::app::time_text;
use crate::audit::Entry;
use crate::document::{self, Stored};
use crate::error::{ApiError, Code};
use crate::extract::ApiJson;
use crate::http::RequestInfo;
use crate::principal::{ActorKind, Principal, public, signed_in};
use crate::resources::users::User;
use crate::scope::{Scope, Scopes};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(public(routes!(login)))
        .routes(signed_in(routes!(get_session)))
        .routes(signed_in(routes!(logout)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    /// The tenant's domain, a backslash and the user's name.
    #[schema(example = "acme\\maria", max_length = 300)]
    username: String,
    /// The password.
    #[schema(max_length = 1024, format = Password, write_only)]
    password: String,
}

/// A session of the user interface.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionView {
    /// The user.
    user_id: Uuid,
    /// The user's name.
    username: String,
    /// The tenant.
    tenant_id: Uuid,
    /// The tenant's short name.
    tenant: String,
    /// What the user may do.
    scopes: Vec<Scope>,
    /// To be sent as `X-CSRF-Token` with every request but GET.
    csrf_token: String,
    /// When the session ends at the latest.
    #[schema(format = DateTime)]
    expires_at: String,
    /// After so many seconds without a request it ends too.
    idle_seconds: u64,
}

/// Sign in with a password. Sets the cookie `cxc_session`.
#[utoipa::path(post, path = "/auth/login", tag = "Sign-in", operation_id = "login", request_body = Login,
    responses((status = OK, body = SessionView), ApiError))]
async fn login(
    State(app): State<App>,
    Extension(info): Extension<RequestInfo>,
    ApiJson(login): ApiJson<Login>,
) -> Result<Response, ApiError> {
    if login.username.len() > 600 || login.password.len() > 4096 {
        return Err(refused());
    }
    let counted = throttle::count(&app, &login.username, &info.address).await?;
    let found = find(&app, &login.username).await?;
    let hash = found.as_ref().and_then(|f| f.hash.clone());
    let right = app.passwords.verify(&login.password, hash).await?;
    let Some(found) = found else {
        tracing::info!("a sign-in to an unknown tenant was refused");
        return Err(refused());
    };
    let mut principal = found.principal(&info);
    let mut tx = app.db.begin().await?;
    if !right || !found.may_sign_in() {
        let entry = Entry::new("sign_in_refused", "user");
        let entry = match &found.user {
            Some(user) => entry.of(user.id, &user.name),
            None => entry.named(&found.typed),
        };
        entry.write(&app, &mut tx, &principal).await?;
        tx.commit().await?;
        tracing::info!(tenant = principal.tenant, user = %principal.id, "a sign-in was refused");
        return Err(refused());
    }
    counted.forgive(&mut tx).await?;
    let (text, hash) = token::new_token()?;
    let now = app.now();
    let expires = now + i64::try_from(app.config.session_absolute.as_micros()).unwrap_or(i64::MAX / 2);
    tx.session_insert(principal.tenant, principal.id, &hash, now, expires).await?;
    Entry::new("sign_in", "user").of(principal.id, &principal.name).write(&app, &mut tx, &principal).await?;
    principal.scopes = session::scopes_of_user(&mut tx, principal.tenant, principal.id).await?;
    tx.commit().await?;
    tracing::info!(tenant = principal.tenant, user = %principal.id, "signed in");
    let view = describe(&app, &principal, &hash, expires);
    let cookie = cookie(&app, text, app.config.session_absolute.as_secs());
    Ok((StatusCode::OK, [(header::SET_COOKIE, cookie?)], ApiJson(view)).into_response())
}

/// The same for every reason, so that nobody learns which users exist.
fn refused() -> ApiError {
    ApiError::new(Code::Unauthenticated, "user name or password is wrong; a user name is domain\\user")
}

/// A tenant that was named, and its user if there is one of the name that was typed.
struct Found {
    tenant: cxc_store::tenant::Tenant,
    user: Option<Stored<User>>,
    typed: String,
    hash: Option<String>,
}

async fn find(app: &App, username: &str) -> Result<Option<Found>, ApiError> {
    let Some((domain, name)) = username.split_once('\\') else { return Ok(None) };
    if username.contains('\0') {
        return Ok(None);
    }
    let mut tx = app.db.read().await?;
    let Some(tenant) = tx.tenant_by_domain(domain.trim()).await? else { return Ok(None) };
    let user = document::find::<User>(&mut tx, tenant.no, name.trim()).await?;
    let hash = match &user {
        Some(user) => tx.user_password_get(tenant.no, user.id).await?,
        None => None,
    };
    let typed = name.trim().chars().take(100).collect();
    Ok(Some(Found { tenant, user, typed, hash }))
}

impl Found {
    fn may_sign_in(&self) -> bool {
        self.tenant.enabled && self.user.as_ref().is_some_and(|u| u.body.enabled)
    }

    fn principal(&self, info: &RequestInfo) -> Principal {
        Principal {
            tenant: self.tenant.no,
            tenant_id: self.tenant.id,
            tenant_name: self.tenant.short_name.clone(),
            ccid: self.tenant.ccid.clone(),
            kind: ActorKind::User,
            id: self.user.as_ref().map(|u| u.id).unwrap_or_default(),
            name: self.user.as_ref().map_or_else(|| self.typed.clone(), |u| u.name.clone()),
            scopes: Scopes::default(),
            address: info.address.clone(),
            request_id: info.request_id.clone(),
            session: None,
        }
    }
}

/// The session of the cookie, with the CSRF token that unsafe methods need.
#[utoipa::path(get, path = "/auth/session", tag = "Sign-in", operation_id = "getSession",
    responses((status = OK, body = SessionView), ApiError))]
async fn get_session(State(app): State<App>, principal: Principal) -> Result<Response, ApiError> {
    let (hash, expires) = own_session(&app, &principal).await?;
    let view = describe(&app, &principal, &hash, expires);
    Ok(([(header::CACHE_CONTROL, "no-store")], ApiJson(view)).into_response())
}

async fn own_session(app: &App, principal: &Principal) -> Result<([u8; 32], i64), ApiError> {
    let none = || ApiError::new(Code::Forbidden, "only a session has this, not a bearer token");
    let hash = principal.session.ok_or_else(none)?;
    let mut tx = app.db.read().await?;
    let expires = tx.session_get(&hash).await?.ok_or_else(none)?.expires_at;
    Ok((hash, expires))
}

fn describe(app: &App, principal: &Principal, hash: &[u8; 32], expires: i64) -> SessionView {
    SessionView {
        user_id: principal.id,
        username: principal.name.clone(),
        tenant_id: principal.tenant_id,
        tenant: principal.tenant_name.clone(),
        scopes: principal.scopes.iter().collect(),
        csrf_token: token::csrf(app.hash_key, hash),
        expires_at: time_text(expires),
        idle_seconds: app.config.session_idle.as_secs(),
    }
}

/// Sign out.
#[utoipa::path(post, path = "/auth/logout", tag = "Sign-in", operation_id = "logout",
    responses((status = NO_CONTENT, description = "Signed out."), ApiError))]
async fn logout(State(app): State<App>, principal: Principal) -> Result<Response, ApiError> {
    let (hash, _) = own_session(&app, &principal).await?;
    let mut tx = app.db.begin().await?;
    tx.session_delete(&hash).await?;
    Entry::new("sign_out", "user").of(principal.id, &principal.name).write(&app, &mut tx, &principal).await?;
    tx.commit().await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie(&app, String::new(), 0)?)]).into_response())
}

fn cookie(app: &App, value: String, seconds: u64) -> Result<HeaderValue, ApiError> {
    let cookie = Cookie::build((session::COOKIE, value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(app.config.public_base_url.starts_with("https:"))
        .max_age(cookie::time::Duration::seconds(i64::try_from(seconds).unwrap_or(0)))
        .build();
    HeaderValue::from_str(&cookie.to_string()).map_err(ApiError::internal)
}
