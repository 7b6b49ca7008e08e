//! Connections to those who are called by TCP or TLS: one to each place, kept for all calls and opened anew once it broke.
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rsipstack::sip::{Request, Uri};
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transaction::transaction::Transaction;
use rsipstack::transport::stream::StreamConnection;
use rsipstack::transport::tcp::TcpConnection;
use rsipstack::transport::tls::TlsConnection;
use rsipstack::transport::{SipAddr, SipConnection};
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::rustls::pki_types::ServerName;

use super::endpoint::Endpoint;
use super::work::{Got, begin, send};
use super::{Transport, Trust, UaError};

/// How long a connection may take to be opened.
const OPENING: Duration = Duration::from_secs(10);
/// So often a sign of life goes out (RFC 5626, 3.5.1), so that nobody on the way forgets a quiet connection.
const ALIVE: Duration = Duration::from_secs(25);

/// One that acknowledges nothing for so long is gone: its reader ends.
const SILENT: Duration = Duration::from_secs(30);

/// How requests get to someone.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub transport: Transport,
    /// The host that is meant: its certificate has this name, wherever it is.
    pub host: String,
    pub port: Option<u16>,
    /// Where it is, if that is known.
    pub at: Option<SocketAddr>,
    pub trust: Option<Trust>,
}

/// How we are reached by who is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Own {
    pub transport: Transport,
    pub address: SocketAddr,
}

/// What one connection serves: a place, and whom it was checked to be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Place {
    at: SocketAddr,
    /// The name, and by whose word; none by TCP.
    checked: Option<(String, u64)>,
}

/// What became of the last try to open a connection.
#[derive(Default)]
enum Line {
    #[default]
    New,
    Open(SipConnection),
    Failed(Instant, String),
}

/// Room for one connection: who opens it holds the lock.
type Slot = Arc<tokio::sync::Mutex<Line>>;

/// The open connections.
#[derive(Default)]
pub(super) struct Flows(Mutex<HashMap<Place, Slot>>);

impl Flows {
    fn slot(&self, place: Place) -> Slot {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_of_use = |line: &Line| matches!(line, Line::Open(connection) if is_open(connection));
        // who was given one has perhaps not locked it yet
        open.retain(|_, slot| Arc::strong_count(slot) > 1 || slot.try_lock().map_or(true, |line| is_of_use(&line)));
        Arc::clone(open.entry(place).or_default())
    }
}

/// Whether something may be sent by it.
pub(super) fn is_open(connection: &SipConnection) -> bool {
    connection.cancel_token().is_some_and(|token| !token.is_cancelled())
}

impl Endpoint {
    /// The connection by which a way leads, opened if there is none; none by UDP.
    pub async fn flow(&self, way: &Way) -> Result<Option<SipConnection>, UaError> {
        let refused = |reason: String| UaError::Unreachable(way.host.clone(), reason);
        let checked = match (way.transport, &way.trust) {
            (Transport::Udp, _) => return Ok(None),
            (Transport::Tcp, _) => None,
            (Transport::Tls, Some(trust)) => Some((way.host.clone(), trust.number())),
            (Transport::Tls, None) => return Err(refused("nobody is trusted to say who it is".into())),
        };
        let at = way.place().await.map_err(refused)?;
        let (slot, asked) = (self.flows.slot(Place { at, checked }), Instant::now());
        let mut line = slot.lock().await;
        match &*line {
            Line::Open(open) if is_open(open) => return Ok(Some(open.clone())),
            // who waited for a try that failed does not wait for another
            Line::Failed(when, reason) if *when >= asked => return Err(refused(reason.clone())),
            _ => (),
        }
        let opened = timeout(OPENING, self.open(way, at)).await;
        match opened.unwrap_or_else(|_| Err("it takes too long".into())) {
            Ok(connection) => {
                self.library.transport_layer.add_connection(connection.clone());
                tokio::spawn(stay_alive(connection.clone()));
                *line = Line::Open(connection.clone());
                Ok(Some(connection))
            }
            Err(reason) => {
                *line = Line::Failed(Instant::now(), reason.clone());
                Err(refused(reason))
            }
        }
    }

    async fn open(&self, way: &Way, at: SocketAddr) -> Result<SipConnection, String> {
        let stream = TcpStream::connect(at).await.map_err(|error| error.to_string())?;
        // a request is one piece: there is nothing to wait for
        let patient = stream.set_nodelay(true).and_then(|()| SockRef::from(&stream).set_tcp_user_timeout(Some(SILENT)));
        patient.map_err(|error| error.to_string())?;
        let own = stream.local_addr().map_err(|error| error.to_string())?;
        let remote = address(at, way.transport);
        let token = Some(self.stop.child_token());
        let Some(trust) = way.trust.as_ref().filter(|_| way.transport == Transport::Tls) else {
            let opened = TcpConnection::from_stream(stream, address(own, Transport::Tcp), token);
            return opened.map(SipConnection::Tcp).map_err(|error| error.to_string());
        };
        let name = ServerName::try_from(way.host.trim_matches(['[', ']']).to_owned());
        let name = name.map_err(|_| "no certificate can have its name".to_owned())?;
        let stream = trust.connector().connect(name, stream).await.map_err(|error| format!("TLS: {error}"))?;
        let opened = TlsConnection::from_client_stream(stream, remote, token).await;
        opened.map(SipConnection::Tls).map_err(|error| error.to_string())
    }

    /// How who is called reaches us: by the connection that we opened, where there is one.
    pub fn own(&self, transport: Transport, connection: Option<&SipConnection>) -> Own {
        let by = connection.filter(|_| transport != Transport::Udp);
        let local = by.and_then(|connection| connection.get_addr().get_socketaddr().ok());
        let seen = |local: SocketAddr| SocketAddr::new(self.public.unwrap_or(local.ip()), local.port());
        Own { transport, address: local.map_or(self.address, seen) }
    }
}

impl Way {
    /// The way that an address says.
    pub fn to(uri: &Uri, transport: Transport) -> Self {
        let host = uri.host_with_port.host.to_string();
        let port = uri.host_with_port.port.map(|port| port.value());
        Self { transport, host, port, at: None, trust: None }
    }

    async fn place(&self) -> Result<SocketAddr, String> {
        if let Some(at) = self.at {
            return Ok(at);
        }
        let port = self.port.unwrap_or(if self.transport == Transport::Tls { 5061 } else { 5060 });
        let host = self.host.trim_matches(['[', ']']);
        let mut found = tokio::net::lookup_host((host, port)).await.map_err(|error| error.to_string())?;
        found.next().ok_or_else(|| "it has no address".into())
    }
}

/// How a request within a call goes.
pub(super) struct Path {
    pub connection: Option<SipConnection>,
    pub destination: Option<SipAddr>,
    /// Opened first, where the connection of the call broke.
    pub anew: Option<Way>,
}

impl Path {
    /// Sends a request so; none where it is none.
    pub fn send(
        self,
        endpoint: &Arc<Endpoint>,
        request: Request,
    ) -> Option<impl Future<Output = (Transaction, Got)> + Send + 'static> {
        let key = TransactionKey::from_request(&request, TransactionRole::Client).ok()?;
        let mut transaction = Transaction::new_client(key, request, endpoint.library.clone(), self.connection);
        transaction.destination = self.destination;
        let (endpoint, anew) = (Arc::clone(endpoint), self.anew);
        Some(async move {
            match anew {
                Some(way) => begin(endpoint, transaction, way).await,
                None => send(transaction).await,
            }
        })
    }
}

pub(super) fn address(at: SocketAddr, transport: Transport) -> SipAddr {
    let transport = match transport {
        Transport::Udp => rsipstack::sip::Transport::Udp,
        Transport::Tcp => rsipstack::sip::Transport::Tcp,
        Transport::Tls => rsipstack::sip::Transport::Tls,
    };
    SipAddr { r#type: Some(transport), addr: at.into() }
}

/// Empty lines now and then, until the connection is gone.
async fn stay_alive(connection: SipConnection) {
    let Some(gone) = connection.cancel_token() else { return };
    while gone.run_until_cancelled(tokio::time::sleep(ALIVE)).await.is_some() {
        let sent = match &connection {
            SipConnection::Tcp(tcp) => tcp.send_raw(b"\r\n\r\n").await,
            SipConnection::Tls(tls) => tls.send_raw(b"\r\n\r\n").await,
            _ => return,
        };
        if let Err(error) = sent {
            // its reader sees the same and says so
            tracing::debug!(%error, "a connection takes nothing more");
            return;
        }
    }
}
