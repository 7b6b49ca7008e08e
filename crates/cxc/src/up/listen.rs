//! Listening: every port is taken before anything starts, so that a taken one is an error to begin.
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::anyhow;
use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;

/// How long open connections may last after a shutdown began: event streams never end by themselves.
const CONNECTIONS_END: Duration = Duration::from_secs(3);

/// Takes a port; `what` names it in an error and in the log, `key` is its setting.
pub async fn bind(at: SocketAddr, what: &str, key: &str) -> Result<TcpListener, Failure> {
    let listener = TcpListener::bind(at).await.map_err(|error| {
        Failure::start(match error.kind() {
            ErrorKind::AddrInUse => anyhow!("{at} is taken ({what}): set {key}, or end the other program"),
            ErrorKind::AddrNotAvailable => anyhow!("{at} is no address of this machine ({what})"),
            ErrorKind::PermissionDenied => anyhow!("{at} may not be listened on by this user ({what}): set {key}"),
            _ => anyhow::Error::new(error).context(format!("{at} can't be listened on ({what})")),
        })
    })?;
    let address = listener.local_addr().map_err(Failure::start)?;
    tracing::info!(%address, "listening: {what}");
    Ok(listener)
}

/// Serves until the shutdown, then finishes the requests under way.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) -> anyhow::Result<()> {
    let listener = listener.tap_io(|stream| {
        // small answers must not wait for the client's acknowledgement
        let _ = stream.set_nodelay(true);
    });
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service).with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::select! {
        ended = async { served.await } => Ok(ended?),
        () = async { stop.cancelled().await; tokio::time::sleep(CONNECTIONS_END).await } => Ok(()),
    }
}
