//! A token bucket per client: user, API client, or address of strangers. Each process has its own.
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use crate::app::RateLimit;
use crate::error::{ApiError, Code};
use crate::http::RequestInfo;
use crate::principal::{ActorKind, Identity};

/// Where signed links lead: what answers there says 404 to one that is not good.
pub(crate) const SIGNED_LINKS: &str = "/unsubscribe/";

type Buckets = RateLimiter<String, DefaultKeyedStateStore<String>, DefaultClock, StateInformationMiddleware>;

/// The buckets of this process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Limiter(Option<Arc<Inner>>);

struct Inner {
    buckets: Buckets,
    clock: DefaultClock,
    limit: RateLimit,
    asked: AtomicU32,
}

impl Limiter {
    /// No limit without one.
    pub fn new(limit: Option<RateLimit>) -> Self {
        Self(limit.and_then(|limit| {
            let quota =
                Quota::per_second(NonZeroU32::new(limit.per_second)?).allow_burst(NonZeroU32::new(limit.burst)?);
            let buckets = RateLimiter::dashmap(quota).with_middleware::<StateInformationMiddleware>();
            Some(Arc::new(Inner { buckets, clock: DefaultClock::default(), limit, asked: AtomicU32::new(0) }))
        }))
    }
}

impl Inner {
    fn refuse(&self, wait: Duration) -> Response {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let error = ApiError::new(Code::RateLimited, "too many requests: slow down").retry_after(seconds.max(1));
        let mut response = error.into_response();
        describe(response.headers_mut(), self.limit, 0, wait);
        response
    }
}

/// The middleware: 429 with `Retry-After`, and the state of the bucket on every answer.
pub(crate) async fn limit(State(limiter): State<Limiter>, request: Request, next: Next) -> Response {
    let Some(inner) = &limiter.0 else { return next.run(request).await };
    let Some(key) = key(&request) else { return next.run(request).await };
    // buckets that are full again say nothing: forget them now and then
    if inner.asked.fetch_add(1, Ordering::Relaxed) % 4096 == 4095 {
        inner.buckets.retain_recent();
    }
    if request.uri().path().starts_with(SIGNED_LINKS) {
        return limit_bad(inner, &key, request, next).await;
    }
    match inner.buckets.check_key(&key) {
        Ok(state) => {
            let remaining = state.remaining_burst_capacity();
            let mut response = next.run(request).await;
            describe(response.headers_mut(), inner.limit, remaining, Duration::ZERO);
            response
        }
        Err(refused) => inner.refuse(refused.wait_time_from(inner.clock.now())),
    }
}

/// Links that were sent to people are signed: a good one is never refused, however many of them come from one address, as from
/// a mail provider or a proxy. Only a bad one counts, and is refused where there were too many.
async fn limit_bad(inner: &Inner, key: &str, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if response.status() != StatusCode::NOT_FOUND {
        return response;
    }
    match inner.buckets.check_key(&key.to_owned()) {
        Ok(_) => response,
        Err(refused) => inner.refuse(refused.wait_time_from(inner.clock.now())),
    }
}

/// Who the bucket belongs to; the program itself and unknown addresses have none.
fn key(request: &Request) -> Option<String> {
    match request.extensions().get::<Identity>() {
        Some(Identity::Known(p)) if p.kind == ActorKind::System => None,
        Some(Identity::Known(p)) => Some(p.id.to_string()),
        _ => {
            let address = &request.extensions().get::<RequestInfo>()?.address;
            (!address.is_empty()).then(|| address.clone())
        }
    }
}

fn describe(headers: &mut HeaderMap, limit: RateLimit, remaining: u32, wait: Duration) {
    let full_in = f64::from(limit.burst.saturating_sub(remaining)) / f64::from(limit.per_second) + wait.as_secs_f64();
    headers.insert("ratelimit-limit", HeaderValue::from(limit.burst));
    headers.insert("ratelimit-remaining", HeaderValue::from(remaining));
    headers.insert("ratelimit-reset", HeaderValue::from(full_in.ceil() as u64));
}
