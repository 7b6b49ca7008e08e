//! Finding out who asks: from the session cookie or the bearer token, once per request.
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cookie::Cookie;
use cxc_core::TenantNo;
use cxc_store::Tx;
use uuid::Uuid;

use super::token;
use crate::App;
use crate::document::Document;
use crate::error::{ApiError, Code};
use crate::http::RequestInfo;
use crate::principal::{ActorKind, Identity, Principal};
use crate::resources::api_clients::ApiClient;
use crate::resources::roles::Role;
use crate::resources::users::User;
use crate::scope::Scopes;

/// The name of the session cookie.
pub(super) const COOKIE: &str = "cxc_session";
const TOUCH_AFTER: i64 = 60 * 1_000_000;

/// The middleware: leaves an `Identity` for routes and handlers. Only a database that fails ends the request here.
pub(crate) async fn identify(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let info = request.extensions().get::<RequestInfo>().cloned().unwrap_or_default();
    let found = match (bearer(request.headers()), session_token(request.headers())) {
        (Some(text), _) => by_bearer(&app, &text, &info).await,
        (None, Some(text)) => by_session(&app, &text, &info, request.method(), request.headers()).await,
        (None, None) => Ok(Identity::Nobody),
    };
    match found {
        Ok(identity) => {
            request.extensions_mut().insert(identity);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

pub(super) fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

fn session_token(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    let mut ours = cookies.flat_map(Cookie::split_parse).filter_map(Result::ok).filter(|c| c.name() == COOKIE);
    ours.next().map(|c| c.value().to_owned()).filter(|v| !v.is_empty())
}

pub(super) async fn by_bearer(app: &App, text: &str, info: &RequestInfo) -> Result<Identity, ApiError> {
    let mut tx = app.db.read().await?;
    let Some(row) = tx.access_token_get(&token::hash(text)).await? else {
        return Ok(Identity::Refused(Code::Unauthenticated, "the bearer token is not known"));
    };
    if row.expires_at <= app.now() {
        return Ok(Identity::Refused(Code::TokenExpired, "the bearer token has expired: get a new one"));
    }
    let client: ApiClient = serde_json::from_value(row.client_body).map_err(ApiError::internal)?;
    if !client.enabled || !row.tenant_enabled {
        return Ok(Identity::Refused(Code::Unauthenticated, "the API client is disabled"));
    }
    let granted: Scopes = row.scopes.split(' ').filter_map(|s| s.parse().ok()).collect();
    Ok(Identity::Known(Arc::new(Principal {
        tenant: row.tenant,
        tenant_id: row.tenant_id,
        tenant_name: row.tenant_name,
        ccid: row.ccid,
        kind: ActorKind::ApiClient,
        id: row.client_id,
        name: row.client_name,
        // what was taken from the client since the token was made no longer holds
        scopes: granted.within(client.granted(row.tenant)),
        address: info.address.clone(),
        request_id: info.request_id.clone(),
        session: None,
    })))
}

async fn by_session(
    app: &App,
    text: &str,
    info: &RequestInfo,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Identity, ApiError> {
    let (hash, now) = (token::hash(text), app.now());
    let mut tx = app.db.read().await?;
    let Some(row) = tx.session_get(&hash).await? else {
        return Ok(Identity::Refused(Code::Unauthenticated, "the session has ended: sign in again"));
    };
    let idle = i64::try_from(app.config.session_idle.as_micros()).unwrap_or(i64::MAX);
    if row.expires_at <= now || now - row.seen_at >= idle {
        return Ok(Identity::Refused(Code::TokenExpired, "the session has expired: sign in again"));
    }
    let user: User = serde_json::from_value(row.user_body).map_err(ApiError::internal)?;
    if !user.enabled || !row.tenant_enabled {
        return Ok(Identity::Refused(Code::Unauthenticated, "the user is disabled"));
    }
    if !method.is_safe() {
        let sent = headers.get("x-csrf-token").and_then(|v| v.to_str().ok()).unwrap_or_default();
        if !token::same(sent, &token::csrf(app.hash_key, &hash)) {
            return Ok(Identity::Refused(Code::CsrfFailed, "send the token of GET /auth/session as X-CSRF-Token"));
        }
    }
    let scopes = scopes_of_user(&mut tx, row.tenant, row.user_id).await?;
    drop(tx);
    if now - row.seen_at >= TOUCH_AFTER.min(idle / 4) {
        let mut tx = app.db.begin().await?;
        tx.session_touch(&hash, now).await?;
        tx.commit().await?;
    }
    Ok(Identity::Known(Arc::new(Principal {
        tenant: row.tenant,
        tenant_id: row.tenant_id,
        tenant_name: row.tenant_name,
        ccid: row.ccid,
        kind: ActorKind::User,
        id: row.user_id,
        name: row.user_name,
        scopes,
        address: info.address.clone(),
        request_id: info.request_id.clone(),
        session: Some(hash),
    })))
}

/// What a user's roles allow together.
pub async fn scopes_of_user(tx: &mut Tx, tenant: TenantNo, user: Uuid) -> Result<Scopes, ApiError> {
    let roles = tx.object_referred(tenant, user, Role::KIND).await?;
    let mut scopes = Scopes::default();
    for role in roles {
        let role: Role = serde_json::from_value(role.body.0).map_err(ApiError::internal)?;
        scopes = scopes.and(role.granted(tenant));
    }
    Ok(scopes)
}
