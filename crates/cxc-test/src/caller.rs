//! Requests to a router without a network in between.
use std::future::IntoFuture;
use std::pin::Pin;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt;

/// What stands before every path that does not begin with it.
pub const BASE: &str = "/cx-contact/v3";

/// Somebody who asks a router: signed in by a bearer token, or a stranger.
#[derive(Clone)]
pub struct Caller {
    router: Router,
    token: Option<String>,
}

impl Caller {
    /// A stranger.
    pub fn stranger(router: Router) -> Self {
        Self { router, token: None }
    }

    /// Who holds a bearer token.
    pub fn with_token(router: Router, token: impl Into<String>) -> Self {
        Self { router, token: Some(token.into()) }
    }

    /// The bearer token.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// GET. Paths stand below [`BASE`] unless they begin with it, with `/internal` or with `/health`.
    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    /// POST.
    pub fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    /// PUT.
    pub fn put(&self, path: &str) -> Call {
        self.call(Method::PUT, path)
    }

    /// PATCH, as a JSON merge patch.
    pub fn patch(&self, path: &str) -> Call {
        self.call(Method::PATCH, path).header(CONTENT_TYPE.as_str(), "application/merge-patch+json")
    }

    /// DELETE.
    pub fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }

    /// Any method.
    pub fn call(&self, method: Method, path: &str) -> Call {
        let whole = ["/internal", "/health", BASE].iter().any(|start| path.starts_with(start));
        let uri = if whole { path.to_owned() } else { format!("{BASE}{path}") };
        let call = Call { router: self.router.clone(), method, uri, headers: Vec::new(), body: Bytes::new() };
        match &self.token {
            Some(token) => call.header(AUTHORIZATION.as_str(), &format!("Bearer {token}")),
            None => call,
        }
    }
}

/// A request that is sent when it is awaited.
pub struct Call {
    router: Router,
    method: Method,
    uri: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Call {
    /// Sets a header, in the place of one of the same name.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// `If-Match`, for edits.
    #[must_use]
    pub fn if_match(self, etag: &str) -> Self {
        self.header("if-match", etag)
    }

    /// A JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.json_text(body.to_string())
    }

    /// A body that claims to be JSON.
    #[must_use]
    pub fn json_text(self, body: impl Into<Bytes>) -> Self {
        let typed = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(CONTENT_TYPE.as_str()));
        let call = if typed { self } else { self.header(CONTENT_TYPE.as_str(), "application/json") };
        call.bytes(body)
    }

    /// A body of any kind.
    #[must_use]
    pub fn bytes(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it.
    ///
    /// # Panics
    /// When the path or a header can't be written as such: the test is wrong.
    #[expect(
        clippy::expect_used,
        reason = "only tests call this, and a request that can't be written is their mistake"
    )]
    async fn send(self) -> Answer {
        let asked = format!("{} {}", self.method, self.uri);
        let mut request = Request::builder().method(self.method).uri(self.uri);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(self.body)).expect("a request with a path and headers");
        let Ok(response) = self.router.oneshot(request).await;
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a body that ends");
        Answer { asked, status: parts.status, headers: parts.headers, body }
    }
}

impl IntoFuture for Call {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    asked: String,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, whole.
    pub body: Bytes,
}

impl Answer {
    /// The JSON body (null if there is none), when the status is the one that the test expects.
    ///
    /// # Panics
    /// When it is another.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}: {}", self.asked, self.text());
        self.json()
    }

    /// The problem's `code`, when the status is the one that the test expects.
    ///
    /// # Panics
    /// When the status is another, or the body is no problem document.
    #[track_caller]
    pub fn expect_problem(&self, status: u16) -> String {
        let problem = self.expect(status);
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}: {problem}", self.asked);
        assert_eq!(problem["status"], status, "{}: {problem}", self.asked);
        problem["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The body as JSON, null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The `ETag`, empty if there is none.
    pub fn etag(&self) -> String {
        self.header("etag").unwrap_or_default().to_owned()
    }

    /// The member `id` of the body, empty if there is none.
    pub fn id(&self) -> String {
        self.json()["id"].as_str().unwrap_or_default().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::any;
    use serde_json::json;

    use super::*;

    /// Answers with what was asked.
    fn mirror() -> Router {
        Router::new().fallback(any(async |request: axum::extract::Request| {
            let (parts, body) = request.into_parts();
            let header = |name: &str| parts.headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
            let body = to_bytes(body, 1_000).await.unwrap();
            axum::Json(json!({
                "path": parts.uri.path(), "method": parts.method.as_str(), "type": header("content-type"),
                "who": header("authorization"), "body": String::from_utf8_lossy(&body),
            }))
        }))
    }

    #[tokio::test]
    async fn paths_stand_below_the_base_unless_they_are_whole() {
        let caller = Caller::stranger(mirror());
        for (asked, expected) in [
            ("/lists", "/cx-contact/v3/lists"),
            ("/cx-contact/v3/me", "/cx-contact/v3/me"),
            ("/health/live", "/health/live"),
            ("/internal/v1/validations", "/internal/v1/validations"),
        ] {
            assert_eq!(caller.get(asked).await.expect(200)["path"], expected);
        }
    }

    #[tokio::test]
    async fn a_patch_is_a_merge_patch_and_a_post_is_json() {
        let caller = Caller::with_token(mirror(), "t");
        let patch = caller.patch("/a").json(&json!({"b": 1})).await.expect(200);
        assert_eq!((&patch["type"], &patch["body"]), (&json!("application/merge-patch+json"), &json!("{\"b\":1}")));
        let post = caller.post("/a").json(&json!({})).await.expect(200);
        assert_eq!((&post["type"], &post["who"]), (&json!("application/json"), &json!("Bearer t")));
        assert_eq!(Caller::stranger(mirror()).get("/a").await.json()["who"], Value::Null);
    }

    #[tokio::test]
    #[should_panic(expected = "GET /cx-contact/v3/a")]
    async fn another_status_fails_the_test_and_shows_what_was_asked() {
        Caller::stranger(mirror()).get("/a").await.expect(404);
    }
}
