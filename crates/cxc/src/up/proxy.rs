//! Requests for components that run elsewhere: passed on as they come, answered as they are answered.
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cxc_server::{ApiError, App, Code, http};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use super::paths::Paths;
use crate::component::Component;

/// Where a component is that does not run in this process.
#[derive(Debug, Clone)]
pub enum Elsewhere {
    /// At this address.
    At(String),
    /// Not configured.
    Unknown,
}

/// What passes requests on.
pub struct Proxy {
    /// Whose which path is, of all components.
    pub paths: Paths,
    /// The components that do not run here.
    pub elsewhere: BTreeMap<Component, Elsewhere>,
    /// The connections to them.
    pub client: reqwest::Client,
    /// Whether our own proxy tells who asks.
    pub trust_forwarded: bool,
    /// The application.
    pub app: App,
}

/// Headers that concern one connection, not the request (RFC 9110, 7.6.1).
const OF_CONNECTION: [HeaderName; 7] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A client for the requests that are passed on: no redirects, no changed bodies, no end of a long answer.
pub fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_gzip()
        .no_proxy()
        .connect_timeout(Duration::from_secs(5))
        .pool_idle_timeout(Duration::from_secs(30))
        .build()
}

/// Passes a request on if its path belongs to a component that runs elsewhere.
pub async fn pass_on(State(proxy): State<Arc<Proxy>>, request: Request, next: Next) -> Response {
    let owner = proxy.paths.owner(request.uri().path());
    let Some((component, place)) = owner.and_then(|c| proxy.elsewhere.get(&c).map(|place| (c, place))) else {
        return next.run(request).await;
    };
    let Elsewhere::At(base) = place else {
        let text = format!("{component} does not run here, and component.{component}.url is not set");
        return ApiError::new(Code::DependencyUnavailable, text).into_response();
    };
    if is_upgrade(request.headers()) && !http::is_of_own_page(&proxy.app, request.headers()) {
        return ApiError::new(Code::Forbidden, "a desk is opened by a page of this server").into_response();
    }
    match proxy.send(base, request).await {
        Ok(response) => response,
        Err(error) => {
            tracing::warn!(%component, error = %error.without_url(), "a component can't be reached");
            ApiError::new(Code::DependencyUnavailable, format!("{component} can't be reached")).into_response()
        }
    }
}

impl Proxy {
    async fn send(&self, base: &str, request: Request) -> reqwest::Result<Response> {
        let (mut parts, body) = request.into_parts();
        let upgrade = is_upgrade(&parts.headers).then(|| parts.extensions.remove::<OnUpgrade>()).flatten();
        let path = parts.uri.path_and_query().map_or("/", |p| p.as_str());
        let url = format!("{base}{path}");
        let from = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|at| at.0.ip().to_string());
        clean(&mut parts.headers);
        parts.headers.remove(header::HOST);
        if upgrade.is_some() {
            // looked at above; the component knows no page of ours
            parts.headers.remove(header::ORIGIN);
            as_upgrade(&mut parts.headers);
        }
        self.forwarded(&mut parts.headers, from.as_deref());
        let sent = self.client.request(parts.method, url).headers(parts.headers);
        let answer = sent.body(reqwest::Body::wrap_stream(body.into_data_stream())).send().await?;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = answer.status();
        if let Some(upgrade) = upgrade.filter(|_| answer.status() == StatusCode::SWITCHING_PROTOCOLS) {
            *response.headers_mut() = answer.headers().clone();
            clean(response.headers_mut());
            as_upgrade(response.headers_mut());
            tokio::spawn(async move { carry(upgrade, answer).await });
            return Ok(response);
        }
        *response.headers_mut() = answer.headers().clone();
        clean(response.headers_mut());
        *response.body_mut() = Body::from_stream(answer.bytes_stream());
        Ok(response)
    }

    /// Who asked, for the component's log, audit and limits.
    fn forwarded(&self, headers: &mut HeaderMap, from: Option<&str>) {
        if !self.trust_forwarded {
            headers.remove(&FORWARDED_FOR);
        }
        if headers.contains_key(&FORWARDED_FOR) {
            return;
        }
        if let Some(value) = from.and_then(|from| HeaderValue::from_str(from).ok()) {
            headers.insert(FORWARDED_FOR, value);
        }
    }
}

/// Whether a request wants its connection to become a WebSocket.
fn is_upgrade(headers: &HeaderMap) -> bool {
    let named = headers.get(header::UPGRADE).and_then(|value| value.to_str().ok());
    named.is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

fn as_upgrade(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
}

/// Carries bytes between two connections that are requests no more, until either ends.
async fn carry(upgrade: OnUpgrade, answer: reqwest::Response) {
    let (near, far) = tokio::join!(upgrade, answer.upgrade());
    let (Ok(near), Ok(mut far)) = (near, far) else { return };
    if let Err(error) = tokio::io::copy_bidirectional(&mut TokioIo::new(near), &mut far).await {
        tracing::debug!(%error, "a connection that was passed on broke");
    }
}

/// Takes out what concerns the connection, also what `Connection` names.
fn clean(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&OF_CONNECTION) {
        headers.remove(name);
    }
    headers.remove("keep-alive");
}
