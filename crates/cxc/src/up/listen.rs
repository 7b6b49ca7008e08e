//! Listening: every port is taken before anything starts, so that a taken one is an error to begin.
use std::io::{Error, ErrorKind};
use std::net::{SocketAddr, UdpSocket};

use anyhow::anyhow;
use tokio::net::TcpListener;

use crate::failure::Failure;

/// Takes a port; `what` names it in an error, `key` is its setting.
pub async fn bind(at: SocketAddr, what: &str, key: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(at).await.map_err(|error| not_taken(error, at, what, key))
}

/// Sees that an address of UDP can be taken: who receives there does so later.
pub fn is_free(at: SocketAddr, what: &str, key: &str) -> Result<(), Failure> {
    UdpSocket::bind(at).map(drop).map_err(|error| not_taken(error, at, what, key))
}

fn not_taken(error: Error, at: SocketAddr, what: &str, key: &str) -> Failure {
    Failure::start(match error.kind() {
        ErrorKind::AddrInUse => anyhow!("{at} is taken ({what}): set {key}, or end the other program"),
        ErrorKind::AddrNotAvailable => anyhow!("{at} is no address of this machine ({what})"),
        ErrorKind::PermissionDenied => anyhow!("{at} may not be listened on by this user ({what}): set {key}"),
        _ => anyhow::Error::new(error).context(format!("{at} can't be listened on ({what})")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_address_of_udp_is_an_error_to_begin_in_one_line() {
        let other = UdpSocket::bind("127.0.0.1:0").unwrap();
        let at = other.local_addr().unwrap();
        let failure = is_free(at, "calls to caller ids", "voice.inbound_listen").unwrap_err();
        let text = failure.to_string();
        assert!(failure.code == 2 && text.lines().count() == 1 && text.contains("voice.inbound_listen"), "{text}");
        drop(other);
        assert!(is_free(at, "calls to caller ids", "voice.inbound_listen").is_ok());
    }
}
