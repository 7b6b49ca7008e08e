//! The layers that every request goes through, from the outside in: request id, panic guard, fallbacks,
//! body limit, who asks, rate limit, idempotency keys.
use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, OriginalUri, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument as _;

use crate::App;
use crate::access;
use crate::error::{self, ApiError, Code};
use crate::principal::Identity;
use crate::{audit, idempotency, rate_limit};

/// What is known of a request before anybody looks at it.
#[derive(Debug, Clone, Default)]
pub struct RequestInfo {
    /// The id of the request: accepted or made, answered, logged and put in every error.
    pub request_id: String,
    /// The network address that it comes from; empty when that is not known.
    pub address: String,
}

/// Finishes a router of API routes: everything from the request id to idempotency keys.
pub fn finish(app: &App, routes: Router<App>) -> Router {
    let limit = rate_limit::Limiter::new(app.config.rate_limit);
    let known = routes
        .layer(from_fn_with_state(app.clone(), idempotency::replay))
        .layer(from_fn_with_state(limit, rate_limit::limit))
        .layer(from_fn_with_state(app.clone(), note_refusal))
        .layer(from_fn_with_state(app.clone(), access::identify));
    outside(app, known).with_state(app.clone())
}

/// Finishes a router that has its own way of telling who asks, such as the internal backend API.
pub fn finish_without_access(app: &App, routes: Router<App>) -> Router {
    outside(app, routes).with_state(app.clone())
}

fn outside(app: &App, routes: Router<App>) -> Router<App> {
    routes
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        // as one layer around shared parts: a router clones each of its layers for each request
        .layer((
            from_fn_with_state(Arc::new(app.clone()), request_id),
            CatchPanicLayer::custom(panicked),
            DefaultBodyLimit::max(app.config.body_limit),
        ))
}

/// Gives the requests of a router ids where that was not done further in: of those that are passed on, say.
pub fn with_request_ids(app: &App, router: Router) -> Router {
    router.layer(from_fn_with_state(Arc::new(app.clone()), request_id))
}

/// Whether a request comes from a page of this server, or from no page at all. Browsers send cookies with a WebSocket of
/// anybody's page, and say whose page it is.
pub fn is_of_own_page(app: &App, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let of_host = origin.split_once("://").is_some_and(|(_, of)| Some(of) == host);
    of_host || origin == app.config.public_base_url.trim_end_matches('/')
}

async fn not_found(uri: Uri) -> ApiError {
    ApiError::new(Code::NotFound, format!("there is nothing at {}", uri.path()))
}

async fn method_not_allowed(method: Method) -> ApiError {
    ApiError::new(Code::MethodNotAllowed, format!("{method} is not allowed here"))
}

#[expect(clippy::needless_pass_by_value, reason = "the signature of a panic handler")]
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text =
        panic.downcast_ref::<&str>().map(|s| (*s).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
    let text = text.unwrap_or_else(|| "no text".into());
    ApiError::internal(anyhow::anyhow!("panic: {text}")).into_response()
}

/// A NUL character can't be stored on PostgreSQL and means nothing in a path or a query.
async fn unless_nul(request: Request, next: Next) -> Response {
    if request.uri().path_and_query().is_some_and(|p| p.as_str().contains("%00")) {
        return ApiError::new(Code::MalformedRequest, "an address holds no NUL character").into_response();
    }
    next.run(request).await
}

/// What somebody known was not allowed to do goes to the audit log.
async fn note_refusal(State(app): State<App>, request: Request, next: Next) -> Response {
    let Some(Identity::Known(principal)) = request.extensions().get::<Identity>().cloned() else {
        return next.run(request).await;
    };
    let what = format!(
        "{} {}",
        request.method(),
        request.extensions().get::<OriginalUri>().map_or(request.uri(), |o| &o.0).path()
    );
    let response = next.run(request).await;
    if response.status() == StatusCode::FORBIDDEN {
        let noted = async {
            let mut tx = app.db.begin().await?;
            audit::Entry::new("refused", "operation").named(&what).write(&app, &mut tx, &principal).await?;
            Ok::<_, ApiError>(tx.commit().await?)
        };
        if let Err(error) = noted.await {
            tracing::error!("a refusal could not be audited: {error}");
        }
    }
    response
}

async fn request_id(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let id = accepted_id(request.headers()).unwrap_or_else(|| app.ids.next().to_string());
    let info = RequestInfo { request_id: id.clone(), address: address(&app, &request) };
    request.extensions_mut().insert(info);
    // whoever answers in our stead uses it too
    if let Ok(value) = HeaderValue::from_str(&id) {
        request.headers_mut().insert("x-request-id", value);
    }
    let span =
        tracing::info_span!("request", request_id = %id, method = %request.method(), path = request.uri().path());
    let mut response = unless_nul(request, next).instrument(span).await;
    error::stamp(&mut response, &id);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", value);
    }
    // answers hold what only the one who asked may see
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response.headers_mut().entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    response
}

fn accepted_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    let fits = (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b));
    fits.then(|| id.to_owned())
}

fn address(app: &App, request: &Request) -> String {
    if app.config.trust_forwarded
        && let Some(first) =
            request.headers().get("x-forwarded-for").and_then(|v| v.to_str().ok()).and_then(|v| v.rsplit(',').next())
    {
        return first.trim().chars().take(64).collect();
    }
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    peer.map(|ConnectInfo(at)| at.ip().to_string()).unwrap_or_default()
}
