//! The provider's server: tokens, the manifest, files, and what is known of one device.
use std::io::SeekFrom;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use anyhow::Context;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use cxc_core::compliance::Zones;
use cxc_core::compliance_data::{PublicKey, digest};
use cxc_core::location::Country;
use cxc_server::Clock;
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::info::Info;
use super::range::Part;
use super::tokens::{Clients, Tokens};

/// Where tokens are given.
pub const TOKEN_PATH: &str = "/oauth/token";
/// Where the manifest is; files are below it.
pub const MANIFEST_PATH: &str = "/compliancedata";

/// A provider of a folder.
pub struct Provider {
    dir: PathBuf,
    key: PublicKey,
    clients: Clients,
    tokens: Tokens,
    token_seconds: i64,
    zones: Zones,
    clock: Arc<dyn Clock>,
    /// The folder as it was read for questions, with the time of its manifest.
    info: Mutex<Option<(SystemTime, Arc<Info>)>>,
}

impl Provider {
    /// A provider of a folder whose manifest the key signed; every zone in it must be one of `zones`.
    pub fn new(
        dir: PathBuf,
        key: PublicKey,
        clients: Clients,
        token_seconds: i64,
        zones: Zones,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Arc<Self>> {
        let tokens = Tokens::default();
        let provider = Self { dir, key, clients, tokens, token_seconds, zones, clock, info: Mutex::new(None) };
        provider.info().with_context(|| format!("the folder {} can't be served", provider.dir.display()))?;
        Ok(Arc::new(provider))
    }

    /// Its routes.
    pub fn router(self: &Arc<Self>) -> Router {
        let data = Router::new()
            .route(MANIFEST_PATH, get(manifest))
            .route(&format!("{MANIFEST_PATH}/deviceinfo"), get(device_info))
            .route(&format!("{MANIFEST_PATH}/files/{{name}}"), get(file))
            .layer(from_fn_with_state(Arc::clone(self), guard));
        let health = Router::new().route("/health", get(|| async { StatusCode::NO_CONTENT }));
        data.route(TOKEN_PATH, post(token)).merge(health).with_state(Arc::clone(self))
    }

    /// Lets no token hold any longer.
    pub fn forget_tokens(&self) {
        self.tokens.forget();
    }

    fn now(&self) -> i64 {
        self.clock.now().as_microsecond()
    }

    /// What is known, read again when the folder has another manifest.
    fn info(&self) -> anyhow::Result<Arc<Info>> {
        let changed = std::fs::metadata(self.dir.join("manifest.json")).context("manifest.json")?.modified()?;
        if let Some((at, info)) = &*self.info.lock().unwrap_or_else(PoisonError::into_inner)
            && *at == changed
        {
            return Ok(Arc::clone(info));
        }
        let info = Arc::new(Info::read(&self.dir, &self.key, &self.zones)?);
        *self.info.lock().unwrap_or_else(PoisonError::into_inner) = Some((changed, Arc::clone(&info)));
        Ok(info)
    }
}

type Shared = State<Arc<Provider>>;

fn authorization(headers: &HeaderMap) -> &str {
    headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn problem(status: StatusCode, detail: &str) -> Response {
    (status, Json(json!({ "error": detail }))).into_response()
}

/// `POST /oauth/token`: the client credentials grant.
async fn token(State(provider): Shared, headers: HeaderMap, body: String) -> Response {
    if !provider.clients.is_one(authorization(&headers)) {
        let mut answer = problem(StatusCode::UNAUTHORIZED, "invalid_client");
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
        return answer;
    }
    if !body.split('&').any(|pair| pair == "grant_type=client_credentials") {
        return problem(StatusCode::BAD_REQUEST, "unsupported_grant_type");
    }
    let (now, seconds) = (provider.now(), provider.token_seconds);
    match provider.tokens.give(now, now + seconds * 1_000_000) {
        Some(token) => {
            let body = json!({ "access_token": token, "token_type": "Bearer", "expires_in": seconds });
            ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
        }
        None => problem(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable"),
    }
}

async fn guard(State(provider): Shared, request: Request, next: Next) -> Response {
    if provider.tokens.holds(authorization(request.headers()), provider.now()) {
        return next.run(request).await;
    }
    let mut answer = problem(StatusCode::UNAUTHORIZED, "invalid_token");
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\""));
    answer
}

fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    known.is_some_and(|known| known.split(',').any(|known| known.trim() == tag))
}

/// `GET /compliancedata`: the whole signed manifest, whatever was asked for: a part could not be signed here.
async fn manifest(State(provider): Shared, headers: HeaderMap) -> Response {
    let Ok(text) = tokio::fs::read(provider.dir.join("manifest.json")).await else {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "the manifest can't be read");
    };
    let tag = format!("\"{}\"", digest(&text));
    if is_known(&headers, &tag) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    ([(header::ETAG, tag), (header::CONTENT_TYPE, "application/json".to_owned())], text).into_response()
}

/// `GET /compliancedata/files/{name}`: files never change under their name, so the name is the tag.
async fn file(State(provider): Shared, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    if name.starts_with('.') || name.len() > 200 || !name.bytes().all(plain) {
        return problem(StatusCode::NOT_FOUND, "there is no such file");
    }
    let Ok(mut opened) = tokio::fs::File::open(provider.dir.join("files").join(&name)).await else {
        // changes of old versions are removed, and then the whole file is to be asked for
        return match name.starts_with("delta-") {
            true => problem(StatusCode::GONE, "the version is too old for changes: ask for the whole file"),
            false => problem(StatusCode::NOT_FOUND, "there is no such file"),
        };
    };
    let Ok(length) = opened.metadata().await.map(|meta| meta.len()) else {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "the file can't be read");
    };
    let tag = format!("\"{name}\"");
    if is_known(&headers, &tag) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    let part = Part::of(&headers, &tag, length);
    let (from, left) = match part {
        Part::Whole => (0, length),
        Part::Bytes(from, last) => (from, last.saturating_sub(from).saturating_add(1)),
        Part::Unsatisfiable => {
            let mut answer = problem(StatusCode::RANGE_NOT_SATISFIABLE, "the file has no such bytes");
            if let Ok(value) = HeaderValue::from_str(&format!("bytes */{length}")) {
                answer.headers_mut().insert(header::CONTENT_RANGE, value);
            }
            return answer;
        }
    };
    if opened.seek(SeekFrom::Start(from)).await.is_err() {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "the file can't be read");
    }
    let body = Body::from_stream(ReaderStream::with_capacity(opened.take(left), 64 << 10));
    let mut answer = Response::new(body);
    let mut set = |name, text: &str| HeaderValue::from_str(text).map(|value| answer.headers_mut().insert(name, value));
    let _ = set(header::ETAG, &tag);
    let _ = set(header::CONTENT_TYPE, "application/gzip");
    let _ = set(header::ACCEPT_RANGES, "bytes");
    let _ = set(header::CONTENT_LENGTH, &left.to_string());
    if let Part::Bytes(from, last) = part {
        let _ = set(header::CONTENT_RANGE, &format!("bytes {from}-{last}/{length}"));
        *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    answer
}

#[derive(Deserialize)]
struct Asked {
    device: Option<String>,
    postal: Option<String>,
    country: Option<String>,
}

/// `GET /compliancedata/deviceinfo`.
async fn device_info(State(provider): Shared, Query(asked): Query<Asked>) -> Response {
    let reading = Arc::clone(&provider);
    let Ok(Ok(info)) = tokio::task::spawn_blocking(move || reading.info()).await else {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "the data can't be read");
    };
    let country = asked.country.as_deref().map(Country::parse);
    let postal = match (&asked.postal, country) {
        (None, _) => None,
        (Some(code), Some(Ok(country))) => Some((country, code.as_str())),
        (Some(_), _) => return problem(StatusCode::BAD_REQUEST, "a postal code needs its country, such as country=US"),
    };
    // a plus in a query is a blank to most who write one
    let device = asked.device.map(|device| match device.strip_prefix(' ') {
        Some(digits) => format!("+{digits}"),
        None => device,
    });
    match info.of(device.as_deref(), postal) {
        Ok(found) => Json(found).into_response(),
        Err(detail) => problem(StatusCode::BAD_REQUEST, &detail),
    }
}
