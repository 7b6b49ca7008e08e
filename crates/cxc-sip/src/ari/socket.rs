//! The connection by which Asterisk tells what happens.
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::Inner;

/// How long it may take to connect.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest event, bytes.
const LONGEST: usize = 1 << 20;

/// A connection, encrypted or not.
pub(super) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

pub(super) type Socket = WebSocketStream<Box<dyn Io>>;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum SocketError {
    #[error("it can't be reached: {0}")]
    Unreachable(#[from] std::io::Error),
    #[error("it does not answer")]
    TimedOut,
    #[error("it refuses the user and the password")]
    Credentials,
    #[error("it answers {0} where the REST interface should be: is it enabled, and at this path?")]
    Refused(u16),
    #[error("{0}")]
    Other(String),
}

impl Inner {
    /// Opens it, as the one and only of our application.
    pub(super) async fn open(&self) -> Result<Socket, SocketError> {
        timeout(PATIENCE, self.connect()).await.map_err(|_| SocketError::TimedOut)?
    }

    async fn connect(&self) -> Result<Socket, SocketError> {
        let options = &self.options;
        let other = |error: &dyn std::fmt::Display| SocketError::Other(error.to_string());
        let query = [("app", options.application.as_str()), ("subscribeAll", "false")];
        let address = self.rest.url(&["events"], &query);
        // http and https become ws and wss
        let address = address.as_str().replacen("http", "ws", 1);
        let mut request = address.into_client_request().map_err(|error| other(&error))?;
        let secret = format!("{}:{}", options.credentials.user, options.credentials.password.expose_secret());
        let basic = format!("Basic {}", BASE64_STANDARD.encode(secret));
        let mut value = HeaderValue::from_str(&basic).map_err(|error| other(&error))?;
        value.set_sensitive(true);
        request.headers_mut().insert("authorization", value);
        let plain = TcpStream::connect(options.place).await?;
        plain.set_nodelay(true)?;
        let stream: Box<dyn Io> = match options.is_secure {
            false => Box::new(plain),
            true => {
                let name = ServerName::try_from(options.host.clone()).map_err(|error| other(&error))?;
                Box::new(options.trust.connector().connect(name, plain).await?)
            }
        };
        let limits = WebSocketConfig::default().max_message_size(Some(LONGEST)).max_frame_size(Some(LONGEST));
        match tokio_tungstenite::client_async_with_config(request, stream, Some(limits)).await {
            Ok((socket, _)) => Ok(socket),
            Err(Error::Http(answer)) => Err(match answer.status().as_u16() {
                401 | 403 => SocketError::Credentials,
                status => SocketError::Refused(status),
            }),
            Err(error) => Err(other(&error)),
        }
    }
}
