//! Listening: every port is taken before anything starts, so that a taken one is an error to begin.
use std::io::ErrorKind;
use std::net::SocketAddr;

use anyhow::anyhow;
use tokio::net::TcpListener;

use crate::failure::Failure;

/// Takes a port; `what` names it in an error, `key` is its setting.
pub async fn bind(at: SocketAddr, what: &str, key: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(at).await.map_err(|error| {
        Failure::start(match error.kind() {
            ErrorKind::AddrInUse => anyhow!("{at} is taken ({what}): set {key}, or end the other program"),
            ErrorKind::AddrNotAvailable => anyhow!("{at} is no address of this machine ({what})"),
            ErrorKind::PermissionDenied => anyhow!("{at} may not be listened on by this user ({what}): set {key}"),
            _ => anyhow::Error::new(error).context(format!("{at} can't be listened on ({what})")),
        })
    })
}
