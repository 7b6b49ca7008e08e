//! Requests to services that tenants name: pooled connections, TLS, no redirects, a bound on time and size, and no
//! way to addresses that are not public unless the operator allows them.
mod changed;
pub mod external;
mod networks;
mod reach;
mod resolve;
mod roots;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, StatusCode, Url};

pub use networks::{BadNetwork, Network, is_public};
pub use reach::{Reach, ReachError};
use resolve::Within;
pub use roots::{BadRoots, Roots};

/// The most bytes of an answer that are read.
const MOST_BYTES: usize = 64 * 1024;
/// Connections that are kept to one host.
const IDLE_A_HOST: usize = 32;

/// Sends requests. Cheap to clone; all clones share their connections.
#[derive(Clone)]
pub struct Outbound {
    reach: Reach,
    roots: Roots,
    client: Arc<OnceLock<Result<Client, String>>>,
}

/// What a service answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The entity tag, without its quotes.
    pub etag: Option<String>,
    /// The first bytes of the body, as text.
    pub body: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The address can't be used at all.
    #[error("the address can't be used: {0}")]
    Address(&'static str),
    /// The host is not public, and the operator does not allow its network.
    #[error("the host is not on the open Internet, and the setting outbound.private_networks does not allow it")]
    Private,
    /// Nothing came in time.
    #[error("no answer within {0} seconds")]
    Timeout(u64),
    /// No connection was made.
    #[error("no connection to the service")]
    Connect,
    /// The answer is too large.
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    /// It broke off, or it is no HTTP.
    #[error("the answer can't be read")]
    Broken,
    /// This program can't send requests.
    #[error("requests can't be sent: {0}")]
    Client(String),
}

impl Outbound {
    /// Sends to public addresses and to these networks.
    pub fn new(inside: &[Network]) -> Self {
        Self { reach: Reach::new(inside), roots: Roots::default(), client: Arc::default() }
    }

    /// The same with further authorities whose certificates are believed, besides those of the machine.
    #[must_use]
    pub fn trusting(self, roots: Roots) -> Self {
        Self { roots, client: Arc::default(), ..self }
    }

    /// Posts a JSON text and reads the answer; `timeout` is for all of it.
    pub async fn post_json(
        &self,
        url: &str,
        headers: impl IntoIterator<Item = (&String, &String)>,
        body: Vec<u8>,
        timeout: Duration,
    ) -> Result<Answer, OutboundError> {
        self.post_json_within(url, headers, body, timeout, MOST_BYTES).await
    }

    /// Posts a JSON text and reads an answer of at most so many bytes; `timeout` is for all of it.
    pub async fn post_json_within(
        &self,
        url: &str,
        headers: impl IntoIterator<Item = (&String, &String)>,
        body: Vec<u8>,
        timeout: Duration,
        most: usize,
    ) -> Result<Answer, OutboundError> {
        let url = self.admit(url)?;
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::try_from(name).map_err(|_| OutboundError::Address("a header's name is wrong"))?;
            let mut value =
                HeaderValue::try_from(value).map_err(|_| OutboundError::Address("a header's value is wrong"))?;
            value.set_sensitive(true);
            all.insert(name, value);
        }
        all.insert(reqwest::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let request = self.client()?.post(url).headers(all).body(body);
        let late = || OutboundError::Timeout(timeout.as_secs());
        tokio::time::timeout(timeout, exchange(request, most)).await.map_err(|_| late())?
    }

    /// The address, unless it is one that is never asked.
    fn admit(&self, url: &str) -> Result<Url, OutboundError> {
        let url = Url::parse(url).map_err(|_| OutboundError::Address("it is no URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(OutboundError::Address("it is neither http nor https"));
        }
        let host = url.host_str().ok_or(OutboundError::Address("it names no host"))?;
        if self.reach.may_allow(host) { Ok(url) } else { Err(OutboundError::Private) }
    }

    fn client(&self) -> Result<&Client, OutboundError> {
        let make = || {
            // the program has done so; where this is used without it, a client without a provider would panic
            let _ = rustls::crypto::ring::default_provider().install_default();
            Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .tls_certs_merge(self.roots.certificates())
                .dns_resolver(Arc::new(Within(self.reach.clone())))
                .pool_max_idle_per_host(IDLE_A_HOST)
                .pool_idle_timeout(Duration::from_secs(30))
                .user_agent(concat!("cxc/", env!("CARGO_PKG_VERSION")))
                .build()
                .map_err(|error| error.to_string())
        };
        self.client.get_or_init(make).as_ref().map_err(|error| OutboundError::Client(error.clone()))
    }
}

async fn exchange(request: reqwest::RequestBuilder, most: usize) -> Result<Answer, OutboundError> {
    let mut response = request.send().await.map_err(|error| failure(&error))?;
    let status = response.status();
    let etag = response.headers().get(reqwest::header::ETAG).and_then(|v| v.to_str().ok());
    let etag = etag.map(|tag| tag.trim().trim_start_matches("W/").trim_matches('"').to_owned());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| OutboundError::Broken)? {
        if body.len() + chunk.len() > most {
            return Err(OutboundError::TooLarge(most));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, etag, body: String::from_utf8_lossy(&body).into_owned() })
}

fn failure(error: &reqwest::Error) -> OutboundError {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(at) = cause {
        if matches!(at.downcast_ref(), Some(ReachError::NotAllowed)) {
            return OutboundError::Private;
        }
        cause = at.source();
    }
    if error.is_connect() { OutboundError::Connect } else { OutboundError::Broken }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;
