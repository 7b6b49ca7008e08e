//! Connections: plain or TLS, always bounded in time.
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use cxc_server::outbound::{Reach, ReachError};
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Why no connection could be made. Holds no secret.
#[derive(Debug, Error)]
pub(crate) enum NetError {
    #[error("{0} can't be reached: {1}")]
    Unreachable(String, std::io::Error),
    #[error("{0} is not on the open Internet, and the setting outbound.channel_networks does not allow it")]
    NotAllowed(String),
    #[error("{0} did not answer in time")]
    TimedOut(String),
    #[error("no safe connection to {0}: {1}")]
    Tls(String, std::io::Error),
    #[error("a certificate is PEM text")]
    Certificate,
    #[error("{0} is not a host name")]
    Name(String),
    #[error("no usable TLS set-up: {0}")]
    Setup(#[from] rustls::Error),
}

/// A connection to a carrier.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Connects to a host within reach, without delay of small packets: each of ours is a whole command.
pub(crate) async fn connect(reach: &Reach, host: &str, port: u16, limit: Duration) -> Result<TcpStream, NetError> {
    let place = format!("{host}:{port}");
    let made = async { Ok::<_, ReachError>(TcpStream::connect(reach.resolve(host, port).await?.as_slice()).await?) };
    match timeout(limit, made).await {
        Ok(Ok(stream)) => {
            // only speed depends on it
            let _ = stream.set_nodelay(true);
            Ok(stream)
        }
        Ok(Err(ReachError::NotAllowed)) => Err(NetError::NotAllowed(place)),
        Ok(Err(ReachError::Unknown(error))) => Err(NetError::Unreachable(place, error)),
        Err(_) => Err(NetError::TimedOut(place)),
    }
}

/// Starts TLS on a plain connection.
pub(crate) async fn secure(
    stream: TcpStream,
    host: &str,
    tls: &TlsConnector,
    limit: Duration,
) -> Result<Stream, NetError> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| NetError::Name(host.to_owned()))?;
    match timeout(limit, tls.connect(name, stream)).await {
        Ok(Ok(stream)) => Ok(Stream::Tls(Box::new(stream))),
        Ok(Err(error)) => Err(NetError::Tls(host.to_owned(), error)),
        Err(_) => Err(NetError::TimedOut(host.to_owned())),
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(s) => Pin::new(s).poll_read(cx, buf),
            Stream::Tls(s) => Pin::new(s).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(s) => Pin::new(s).poll_write(cx, buf),
            Stream::Tls(s) => Pin::new(s).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(s) => Pin::new(s).poll_flush(cx),
            Stream::Tls(s) => Pin::new(s).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(s) => Pin::new(s).poll_shutdown(cx),
            Stream::Tls(s) => Pin::new(s).poll_shutdown(cx),
        }
    }
}
