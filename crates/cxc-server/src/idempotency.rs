//! `Idempotency-Key` on POST: a repeat gets the first answer, for 24 hours, from any process.
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cxc_core::TenantNo;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::App;
use crate::document::ReplayBody;
use crate::error::{ApiError, Code};
use crate::principal::Identity;

const DAY: i64 = 24 * 3600 * 1_000_000;
/// A first request that has not answered for so long has died with its process.
const ABANDONED: i64 = 10 * 60 * 1_000_000;
const KEPT_HEADERS: [HeaderName; 4] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG, header::RETRY_AFTER];
const LARGEST_ANSWER: usize = 8 * 1024 * 1024;

/// The middleware.
pub(crate) async fn replay(State(app): State<App>, request: Request, next: Next) -> Response {
    if *request.method() != Method::POST || !request.headers().contains_key("idempotency-key") {
        return next.run(request).await;
    }
    // strangers have no keys: their requests are refused, or are sign-ins, whose answers must not be kept
    let Some(Identity::Known(principal)) = request.extensions().get::<Identity>().cloned() else {
        return next.run(request).await;
    };
    keyed(&app, principal.tenant, principal.id, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

async fn keyed(app: &App, tenant: TenantNo, client: Uuid, request: Request, next: Next) -> Result<Response, ApiError> {
    let name = request.headers().get("idempotency-key").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    if !(8..=128).contains(&name.len()) || name.bytes().any(|b| !(0x20..0x7f).contains(&b)) {
        return Err(ApiError::new(Code::MalformedRequest, "an idempotency key is 8 to 128 printable ASCII characters"));
    }
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, app.config.body_limit).await.map_err(|_| {
        ApiError::new(Code::BodyTooLarge, "a request with an idempotency key is bounded like any JSON body")
    })?;
    let address = parts.uri.path_and_query().map_or("", |p| p.as_str());
    let fingerprint = fingerprint(&[parts.method.as_str().as_bytes(), address.as_bytes(), &body]);
    let key = (tenant, client, name.as_str());
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let known = tx.idempotency_claim(key, &fingerprint, now, (now - ABANDONED, now - DAY)).await?;
    tx.commit().await?;
    if let Some(known) = known {
        return answer_again(&known, &fingerprint);
    }
    let claim = Claim { app: app.clone(), tenant, client, name, armed: true };
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    claim.keep(response).await
}

/// A claimed key. When the client hangs up before the answer, the key is given back.
struct Claim {
    app: App,
    tenant: TenantNo,
    client: Uuid,
    name: String,
    armed: bool,
}

impl Claim {
    async fn keep(mut self, response: Response) -> Result<Response, ApiError> {
        let status = response.status();
        let (parts, body) = response.into_parts();
        // only what was done is kept: a refusal changed nothing and may be tried again with the same key
        if !status.is_success() {
            return Ok(Response::from_parts(parts, body)); // dropping the claim gives the key back
        }
        let bytes = to_bytes(body, LARGEST_ANSWER).await.map_err(ApiError::internal)?;
        let kept = parts.extensions.get::<ReplayBody>().map_or_else(|| bytes.clone(), |r| r.0.clone());
        let headers: Vec<(&str, &str)> = KEPT_HEADERS
            .iter()
            .filter_map(|name| Some((name.as_str(), parts.headers.get(name)?.to_str().ok()?)))
            .collect();
        let headers = serde_json::to_string(&headers).map_err(ApiError::internal)?;
        let mut tx = self.app.db.begin().await?;
        tx.idempotency_finish((self.tenant, self.client, &self.name), i64::from(status.as_u16()), &headers, &kept)
            .await?;
        tx.commit().await?;
        self.armed = false;
        Ok(Response::from_parts(parts, Body::from(bytes)))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        let (app, tenant, client, name) = (self.app.clone(), self.tenant, self.client, std::mem::take(&mut self.name));
        tokio::spawn(async move {
            let released = async {
                let mut tx = app.db.begin().await?;
                tx.idempotency_release((tenant, client, &name)).await?;
                tx.commit().await
            };
            if let Err(error) = released.await {
                tracing::warn!("an idempotency key could not be given back: {error}");
            }
        });
    }
}

fn fingerprint(parts: &[&[u8]]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().to_vec()
}

fn answer_again(known: &cxc_store::idempotency::IdempotencyKey, fingerprint: &[u8]) -> Result<Response, ApiError> {
    if known.fingerprint != fingerprint {
        return Err(ApiError::new(Code::IdempotencyKeyReused, "this key was sent before with another request"));
    }
    let status = u16::try_from(known.status).ok().and_then(|s| StatusCode::from_u16(s).ok());
    let Some(status) = status else {
        return Err(ApiError::new(Code::IdempotencyInProgress, "the first request with this key is still running")
            .retry_after(1));
    };
    let mut response = Response::new(Body::from(Bytes::from(known.body.clone())));
    *response.status_mut() = status;
    let headers: Vec<(String, String)> = serde_json::from_str(&known.headers).map_err(ApiError::internal)?;
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    Ok(response)
}
