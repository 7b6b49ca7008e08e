//! `/auth/token`: OAuth 2 client credentials (RFC 6749, section 4.4) for programs.
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{throttle, token};
use crate::App;
use crate::error::{ApiError, Code};
use crate::extract;
use crate::http::RequestInfo;
use crate::principal::public;
use crate::resources::api_clients::ApiClient;
use crate::scope::{Scope, Scopes};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(public(routes!(get_token)))
}

#[derive(Deserialize, ToSchema)]
struct TokenRequest {
    /// Always `client_credentials`.
    #[schema(pattern = "^client_credentials$")]
    grant_type: String,
    /// The API client, unless it is in the `Authorization` header.
    #[schema(nullable = false)]
    client_id: Option<String>,
    /// Its secret, unless it is in the `Authorization` header.
    #[schema(nullable = false, write_only)]
    client_secret: Option<String>,
    /// The scopes that are wanted, parted by spaces; all of the client's when left out.
    #[schema(nullable = false)]
    scope: Option<String>,
}

/// A bearer token.
#[derive(Serialize, ToSchema)]
struct TokenAnswer {
    /// To be sent as `Authorization: Bearer ...`.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// How many seconds it lives.
    expires_in: u64,
    /// The scopes that it has, parted by spaces.
    scope: String,
}

/// Get a bearer token for an API client.
#[utoipa::path(post, path = "/auth/token", tag = "Sign-in", operation_id = "getToken",
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = OK, body = TokenAnswer), ApiError))]
async fn get_token(
    State(app): State<App>,
    Extension(info): Extension<RequestInfo>,
    request: Request,
) -> Result<Response, ApiError> {
    let headers = request.headers().clone();
    let form = read_form(request, &app).await?;
    if form.grant_type != "client_credentials" {
        return Err(ApiError::invalid("/grant_type", "unsupported_grant_type", "the grant type is client_credentials"));
    }
    let (id, secret) = credentials(&headers, &form)?;
    let counted = throttle::count(&app, &id, &info.address).await?;
    let mut tx = app.db.read().await?;
    let row = match id.parse::<Uuid>() {
        Ok(id) => tx.api_client_find(id).await?,
        Err(_) => None,
    };
    drop(tx);
    let Some(row) = row else {
        tracing::info!("an unknown API client was refused a token");
        return Err(refused());
    };
    let client: ApiClient = serde_json::from_value(row.client_body).map_err(ApiError::internal)?;
    let right = bool::from(subtle::ConstantTimeEq::ct_eq(&token::hash(&secret)[..], &row.hash));
    if !right || !client.enabled || !row.tenant_enabled {
        tracing::info!(tenant = row.tenant, client = %row.client_id, "an API client was refused a token");
        return Err(refused());
    }
    let scopes = wanted(form.scope.as_deref(), client.granted(row.tenant))?;
    let names: Vec<&str> = scopes.iter().map(Scope::as_str).collect();
    let scope = names.join(" ");
    let (text, hash) = token::new_token()?;
    let (now, life) = (app.now(), app.config.token_life);
    let expires = now + i64::try_from(life.as_micros()).unwrap_or(i64::MAX / 2);
    let mut tx = app.db.begin().await?;
    counted.forgive(&mut tx).await?;
    tx.access_token_insert(row.tenant, row.client_id, &hash, &scope, now, expires).await?;
    tx.commit().await?;
    tracing::info!(tenant = row.tenant, client = %row.client_id, "an API client has a token");
    let answer = TokenAnswer { access_token: text, token_type: "Bearer", expires_in: life.as_secs(), scope };
    Ok((StatusCode::OK, [(header::CACHE_CONTROL, "no-store")], axum::Json(answer)).into_response())
}

fn refused() -> ApiError {
    ApiError::new(Code::Unauthenticated, "client id or secret is wrong")
}

async fn read_form(request: Request, app: &App) -> Result<TokenRequest, ApiError> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(ApiError::new(Code::UnsupportedMediaType, "the body is application/x-www-form-urlencoded"));
    }
    let bytes = extract::body_bytes(request, app).await?;
    let text = std::str::from_utf8(&bytes).map_err(|_| ApiError::new(Code::MalformedRequest, "the body is UTF-8"))?;
    extract::parse_query(text).map_err(|e| ApiError::new(Code::ValidationFailed, e.detail().to_owned()))
}

/// From the `Authorization: Basic` header or from the body, not from both.
fn credentials(headers: &HeaderMap, form: &TokenRequest) -> Result<(String, String), ApiError> {
    let basic = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.split_once(' '));
    let basic = basic.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic")).map(|(_, rest)| rest.trim());
    match (basic, &form.client_id, &form.client_secret) {
        (None, Some(id), Some(secret)) => Ok((id.clone(), secret.clone())),
        (Some(basic), None, None) => {
            let text = STANDARD.decode(basic).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let pair = text.as_deref().and_then(|t| t.split_once(':')).ok_or_else(refused)?;
            Ok((pair.0.to_owned(), pair.1.to_owned()))
        }
        _ => Err(ApiError::new(Code::Unauthenticated, "send the client's id and secret, in the header or in the body")),
    }
}

fn wanted(asked: Option<&str>, granted: Scopes) -> Result<Scopes, ApiError> {
    let Some(asked) = asked.map(str::trim).filter(|s| !s.is_empty()) else { return Ok(granted) };
    let scopes: Result<Scopes, _> = asked.split_ascii_whitespace().map(str::parse::<Scope>).collect();
    let scopes = scopes.map_err(|e| ApiError::invalid("/scope", "invalid_scope", e.to_string()))?;
    if scopes.within(granted) == scopes {
        return Ok(scopes);
    }
    Err(ApiError::invalid("/scope", "invalid_scope", "the API client does not have all of these scopes"))
}
