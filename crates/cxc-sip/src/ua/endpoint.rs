//! One socket with its tasks, and the calls whose messages come in by it.
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rsipstack::EndpointBuilder;
use rsipstack::sip::headers::Header;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Method, SipMessage, StatusCode};
use rsipstack::transaction::endpoint::{EndpointInnerRef, MessageInspector};
use rsipstack::transaction::transaction::Transaction;
use rsipstack::transaction::{TransactionReceiver, random_text};
use rsipstack::transport::udp::UdpConnection;
use rsipstack::transport::{SipAddr, TransportLayer};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::flow::Flows;
use super::incoming::Door;
use super::{UaError, UaOptions};

/// Calls that are refused with an answer, a second: each keeps its transaction until it is acknowledged.
const REFUSALS: u32 = 100;

pub(super) struct Endpoint {
    pub library: EndpointInnerRef,
    /// As peers see it.
    pub address: SocketAddr,
    /// What peers are told instead of our own address.
    pub public: Option<IpAddr>,
    pub flows: Flows,
    pub stop: CancellationToken,
    /// A header that only answers of our own transaction layer have: nobody else knows its name.
    pub mark: String,
    /// The shortest session that a far end may want.
    pub shortest_session: Duration,
    /// Where calls come in.
    door: Option<Door>,
    /// Calls that were refused in a second.
    refused: Mutex<(Instant, u32)>,
    /// Boxed: a channel has room for 32 of them from its beginning.
    legs: Mutex<HashMap<String, UnboundedSender<Box<Transaction>>>>,
    /// Holds one clone for each request that is sent beside a leg.
    pub alone: Arc<()>,
}

impl Endpoint {
    pub async fn start(
        listen: SocketAddr,
        options: &UaOptions,
        stop: &CancellationToken,
        tasks: &mut JoinSet<&'static str>,
    ) -> Result<Arc<Self>, UaError> {
        let refused = |error: rsipstack::Error| UaError::Library(error.to_string());
        let socket = socket(listen, options.receive_buffer).map_err(|error| UaError::Listen(listen, error))?;
        let port = socket.local_addr().map_err(|error| UaError::Listen(listen, error))?.port();
        let public = options.public.map(|ip| SocketAddr::new(ip, port));
        let udp =
            UdpConnection::from_socket(Arc::new(socket), public, Some(stop.child_token())).await.map_err(refused)?;
        let address = udp.get_addr().get_socketaddr().map_err(refused)?;
        let transports = TransportLayer::new(stop.child_token());
        // quiet connections are kept: calls take longer than any such time
        transports.set_stream_idle_timeout(Duration::ZERO);
        transports.add_transport(udp.into());
        let mark = format!("Local-{}", random_text(24));
        let endpoint = EndpointBuilder::new()
            .with_user_agent(&options.name)
            .with_transport_layer(transports)
            .with_cancel_token(stop.child_token())
            .with_inspector(Box::new(Marks(mark.clone())))
            .build();
        let incoming = endpoint.incoming_transactions().map_err(refused)?;
        let this = Arc::new(Self {
            library: endpoint.inner.clone(),
            address,
            public: options.public,
            flows: Flows::default(),
            stop: stop.clone(),
            mark,
            shortest_session: options.shortest_session,
            door: options.door.clone(),
            refused: Mutex::new((Instant::now(), 0)),
            legs: Mutex::default(),
            alone: Arc::default(),
        });
        tasks.spawn(async move {
            endpoint.serve().await;
            "serve"
        });
        tasks.spawn(take_in(Arc::clone(&this), incoming, stop.clone()));
        Ok(this)
    }

    /// Hands requests of a call to its leg until the value that is returned is dropped.
    pub fn register(self: &Arc<Self>, call_id: &str, inbox: UnboundedSender<Box<Transaction>>) -> Registered {
        self.legs().insert(call_id.to_owned(), inbox);
        Registered { endpoint: Arc::clone(self), call_id: call_id.to_owned() }
    }

    /// Refuses a call that comes in; beyond so many a second without a word.
    fn refuse(&self, transaction: Transaction, status: StatusCode) {
        let is_heard = {
            let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
            if refused.0.elapsed() >= Duration::from_secs(1) {
                *refused = (Instant::now(), 0);
            }
            refused.1 += 1;
            refused.1 <= REFUSALS
        };
        if is_heard {
            reply(transaction, status, None);
        }
    }

    pub fn dialogs(&self) -> usize {
        self.legs().len()
    }

    /// Requests to end something that were not answered yet.
    pub fn unanswered(&self) -> usize {
        Arc::strong_count(&self.alone) - 1
    }

    pub fn transactions(&self) -> usize {
        let stats = self.library.get_stats();
        stats.running_transactions + stats.finished_transactions
    }

    fn legs(&self) -> std::sync::MutexGuard<'_, HashMap<String, UnboundedSender<Box<Transaction>>>> {
        self.legs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a call in the books: they are right whatever way its leg ends.
pub(super) struct Registered {
    endpoint: Arc<Endpoint>,
    call_id: String,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.endpoint.legs().remove(&self.call_id);
    }
}

/// The library gives its sockets no room for bursts.
fn socket(listen: SocketAddr, receive_buffer: usize) -> std::io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(listen), Type::DGRAM, Some(Protocol::UDP))?;
    // less than was asked for is no error
    socket.set_recv_buffer_size(receive_buffer)?;
    socket.set_nonblocking(true)?;
    socket.bind(&listen.into())?;
    UdpSocket::from_std(socket.into())
}

/// Marks the answers that the transaction layer makes up when none came: no peer sent them. And the calls that come in, with
/// the address that they came from.
struct Marks(String);

impl MessageInspector for Marks {
    fn before_send(&self, message: SipMessage, _to: Option<&SipAddr>) -> SipMessage {
        message
    }

    fn after_received(&self, mut message: SipMessage, from: Option<&SipAddr>) -> SipMessage {
        match (&mut message, from) {
            (SipMessage::Response(response), None) => {
                response.headers.push(Header::Other(self.0.clone(), String::new()));
            }
            // where a call really came from
            (SipMessage::Request(request), Some(from)) if request.method == Method::Invite => {
                if let Ok(source) = from.get_socketaddr() {
                    request.headers.push(Header::Other(self.0.clone(), source.to_string()));
                }
            }
            _ => (),
        }
        message
    }
}

/// Requests of calls go to their legs, others are answered here.
async fn take_in(this: Arc<Endpoint>, mut incoming: TransactionReceiver, stop: CancellationToken) -> &'static str {
    loop {
        let transaction = tokio::select! {
            () = stop.cancelled() => break,
            transaction = incoming.recv() => transaction,
        };
        let Some(transaction) = transaction else { break };
        let is_new = transaction.original.method == Method::Invite && is_new(&transaction);
        let of_leg =
            transaction.original.call_id_header().ok().and_then(|call_id| this.legs().get(call_id.value()).cloned());
        let unclaimed = match of_leg {
            // the same call by another way, or somebody who took its name (RFC 3261, 8.2.2.2)
            Some(_) if is_new => {
                this.refuse(transaction, StatusCode::LoopDetected);
                continue;
            }
            Some(inbox) => inbox.send(Box::new(transaction)).err().map(|error| *error.0),
            None => Some(transaction),
        };
        if let Some(transaction) = unclaimed {
            if let Some(door) = this.door.as_ref().filter(|_| is_new) {
                if let Err((transaction, status)) = door.open(&this, transaction) {
                    this.refuse(*transaction, status);
                }
                continue;
            }
            let status = match transaction.original.method {
                Method::Options => StatusCode::OK,
                // nobody can be called here
                Method::Invite if is_new => StatusCode::NotFound,
                Method::Register | Method::Subscribe | Method::Publish => StatusCode::MethodNotAllowed,
                _ => StatusCode::CallTransactionDoesNotExist,
            };
            reply(transaction, status, None);
        }
    }
    "incoming"
}

fn is_new(transaction: &Transaction) -> bool {
    transaction.original.to_header().is_ok_and(|to| matches!(to.tag(), Ok(None)))
}

/// Answers a request and stays with its transaction to the end, on a task of its own.
pub(super) fn reply(transaction: Transaction, status: StatusCode, sdp: Option<(String, Vec<u8>)>) {
    reply_with(transaction, status, vec![], sdp);
}

/// The same with more headers.
pub(super) fn reply_with(
    mut transaction: Transaction,
    status: StatusCode,
    mut headers: Vec<Header>,
    sdp: Option<(String, Vec<u8>)>,
) {
    tokio::spawn(async move {
        let body = sdp.map(|(contact, body)| {
            headers.push(Header::Contact(contact.into()));
            headers.push(Header::ContentType("application/sdp".to_owned().into()));
            body
        });
        if let Err(error) = transaction.reply_with(status, headers, body).await {
            tracing::debug!(%error, "an answer could not be sent");
        }
        if transaction.original.method == Method::Invite {
            while transaction.receive().await.is_some() {}
        }
    });
}
