//! From a server's address to the WebSocket of a desk.
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::failure::Failure;

const BASE: &str = "/cx-contact/v3";
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection, encrypted or not.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// The WebSocket of a desk.
pub type Socket = WebSocketStream<Box<dyn Stream>>;

/// Where the platform is.
pub struct Server {
    host: String,
    port: u16,
    is_secure: bool,
    base: String,
}

impl Server {
    /// From `http://host:port` or `https://host`.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let bad = || Failure::usage(format!("{text} is no address of a server, such as https://cxc.example.com"));
        let url: reqwest::Url = text.parse().map_err(|_| bad())?;
        let is_secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(bad()),
        };
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return Err(bad()) };
        let base = format!("{}://{host}:{port}", url.scheme());
        Ok(Self { host: host.to_owned(), port, is_secure, base })
    }

    /// Signs in; answers the cookie.
    pub async fn sign_in(&self, user: &str, password: &str) -> Result<String, Failure> {
        let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
        let body = json!({"username": user, "password": password});
        let sent = client.post(format!("{}{BASE}/auth/login", self.base)).json(&body).send().await;
        let answer = sent.map_err(reqwest::Error::without_url).context("the server can't be reached")?;
        let status = answer.status();
        let cookie = answer.headers().get("set-cookie").and_then(|cookie| cookie.to_str().ok());
        let cookie = cookie.and_then(|cookie| cookie.split(';').next()).map(str::to_owned);
        match cookie.filter(|_| status.is_success()) {
            Some(cookie) => Ok(cookie),
            None => Err(Failure::refused(format!("{user} can't sign in ({status})"))),
        }
    }

    /// Opens the WebSocket.
    pub async fn open(&self, cookie: &str) -> Result<Socket, Failure> {
        let scheme = if self.is_secure { "wss" } else { "ws" };
        let url = format!("{scheme}://{}:{}{BASE}/agent-session", self.host, self.port);
        let mut request = url.into_client_request()?;
        request.headers_mut().insert("cookie", HeaderValue::from_str(cookie)?);
        let opened = timeout(PATIENCE, async {
            let stream = self.stream().await?;
            anyhow::Ok(tokio_tungstenite::client_async(request, stream).await?.0)
        });
        let opened = opened.await.context("the server does not answer")?;
        Ok(opened.context("the server does not open a desk; the user needs the role Agent")?)
    }

    async fn stream(&self) -> anyhow::Result<Box<dyn Stream>> {
        let host = self.host.trim_matches(['[', ']']);
        let plain = TcpStream::connect((host, self.port)).await?;
        plain.set_nodelay(true)?;
        if !self.is_secure {
            return Ok(Box::new(plain));
        }
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from(host.to_owned())?;
        Ok(Box::new(tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, plain).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_that_of_a_server() {
        let server = Server::parse("https://cxc.example.com").unwrap();
        assert_eq!((server.host.as_str(), server.port, server.is_secure), ("cxc.example.com", 443, true));
        let server = Server::parse("http://127.0.0.1:3000/").unwrap();
        assert_eq!((server.base.as_str(), server.is_secure), ("http://127.0.0.1:3000", false));
        for bad in ["cxc.example.com", "ftp://h", "", "ws://h"] {
            assert!(Server::parse(bad).is_err(), "{bad}");
        }
    }
}
