//! Requests to a router without a network in between, or to a server.
use std::future::IntoFuture;
use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Method, Request};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::answer::Answer;

/// What stands before every path that does not begin with it.
pub const BASE: &str = "/cx-contact/v3";

/// Somebody who asks: signed in by a bearer token, or a stranger.
#[derive(Clone)]
pub struct Caller {
    target: Target,
    token: Option<String>,
}

#[derive(Clone)]
enum Target {
    Router(Router),
    Server { base: String, client: reqwest::Client },
}

impl Caller {
    /// Who asks a router and is not signed in.
    pub fn of_router(router: Router) -> Self {
        Self { target: Target::Router(router), token: None }
    }

    /// Who asks a server, such as `http://127.0.0.1:3000`, and is not signed in.
    pub fn of_server(base: impl Into<String>) -> Result<Self> {
        // the client wants a provider even where no TLS is spoken; a second installation changes nothing
        let _installed_already = rustls::crypto::ring::default_provider().install_default();
        // redirects are answers that a test wants to see
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        // no connection is kept: the server may be killed and started again between two requests
        let client = client.pool_max_idle_per_host(0).timeout(Duration::from_secs(60)).build()?;
        Ok(Self { target: Target::Server { base: base.into(), client }, token: None })
    }

    /// The same place asked with a bearer token.
    #[must_use]
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        Self { target: self.target.clone(), token: Some(token.into()) }
    }

    /// The same place asked by nobody.
    #[must_use]
    pub fn stranger(&self) -> Self {
        Self { target: self.target.clone(), token: None }
    }

    /// Signs a user in (`domain\\user`), makes an API client with these scopes (all that the user has, if none are
    /// named) and gets it a token.
    pub async fn as_api_client(&self, user: &str, password: &str, name: &str, scopes: &[&str]) -> Result<Self> {
        let stranger = self.stranger();
        let session = stranger.post("/auth/login").json(&json!({"username": user, "password": password})).await;
        ensure!(session.status == 200, "{user} signs in: {}", session.text());
        let cookie = session.header("set-cookie").and_then(|c| c.split(';').next()).unwrap_or_default().to_owned();
        let session = session.json();
        let scopes = if scopes.is_empty() { session["scopes"].clone() } else { json!(scopes) };
        let made = stranger
            .post("/api-clients")
            .header("cookie", &cookie)
            .header("x-csrf-token", session["csrfToken"].as_str().unwrap_or_default())
            .json(&json!({"name": name, "scopes": scopes}))
            .await;
        ensure!(made.status == 201, "an API client is made: {}", made.text());
        let secret = made.json()["clientSecret"].as_str().context("a new API client shows its secret")?.to_owned();
        let form = format!("grant_type=client_credentials&client_id={}&client_secret={secret}", made.id());
        let token = stranger
            .post("/auth/token")
            .header(CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded")
            .bytes(form)
            .await;
        ensure!(token.status == 200, "the API client gets a token: {}", token.text());
        Ok(self.with_token(token.json()["access_token"].as_str().context("a token is a text")?))
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
        let call = Call { target: self.target.clone(), method, uri, headers: Vec::new(), body: Bytes::new() };
        match &self.token {
            Some(token) => call.header(AUTHORIZATION.as_str(), &format!("Bearer {token}")),
            None => call,
        }
    }
}

/// A request that is sent when it is awaited.
pub struct Call {
    target: Target,
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
    /// When it can't be written as a request, or nobody answers.
    #[expect(clippy::expect_used, reason = "only tests call this, and it is told to them as their failure")]
    async fn send(self) -> Answer {
        let asked = format!("{} {}", self.method, self.uri);
        match self.target {
            Target::Router(router) => {
                let mut request = Request::builder().method(self.method).uri(self.uri);
                for (name, value) in self.headers {
                    request = request.header(name, value);
                }
                let request = request.body(Body::from(self.body)).expect("a request with a path and headers");
                let Ok(response) = router.oneshot(request).await;
                let (parts, body) = response.into_parts();
                let body = to_bytes(body, usize::MAX).await.expect("a body that ends");
                Answer { asked, status: parts.status, headers: parts.headers, body }
            }
            Target::Server { base, client } => {
                let mut request = client.request(self.method, base + &self.uri).body(self.body);
                for (name, value) in self.headers {
                    request = request.header(name, value);
                }
                let response = request.send().await.expect("a server that answers");
                let (status, headers) = (response.status(), response.headers().clone());
                let body = response.bytes().await.expect("a body that ends");
                Answer { asked, status, headers, body }
            }
        }
    }
}

impl IntoFuture for Call {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
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
        let caller = Caller::of_router(mirror());
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
        let caller = Caller::of_router(mirror()).with_token("t");
        let patch = caller.patch("/a").json(&json!({"b": 1})).await.expect(200);
        assert_eq!((&patch["type"], &patch["body"]), (&json!("application/merge-patch+json"), &json!("{\"b\":1}")));
        let post = caller.post("/a").json(&json!({})).await.expect(200);
        assert_eq!((&post["type"], &post["who"]), (&json!("application/json"), &json!("Bearer t")));
        assert_eq!(Caller::of_router(mirror()).get("/a").await.json()["who"], Value::Null);
    }

    #[tokio::test]
    async fn a_server_is_asked_like_a_router() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async { axum::serve(listener, mirror()).await });
        let caller = Caller::of_server(base).unwrap().with_token("t");
        let post = caller.post("/a").json(&json!({"b": 1})).await.expect(200);
        assert_eq!((&post["path"], &post["who"]), (&json!("/cx-contact/v3/a"), &json!("Bearer t")));
        assert_eq!(post["body"], "{\"b\":1}");
        serving.abort();
    }

    #[tokio::test]
    #[should_panic(expected = "GET /cx-contact/v3/a")]
    async fn another_status_fails_the_test_and_shows_what_was_asked() {
        Caller::of_router(mirror()).get("/a").await.expect(404);
    }
}
