//! Keeps an account's connections bound: connects, binds, waits and tries again.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cxc_server::outbound::Reach;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use super::inbox::Inbox;
use super::link::Link;
use super::pdu::{self, Bind, PduError, RESPONSE};
use super::status;
use crate::channel::CarrierStatus;
use crate::channel::account::{ChannelAccount, Password, Security, SmppSettings};
use crate::channel::backoff::Backoff;
use crate::channel::net::{self, NetError, Stream};
use crate::channel::tls;

const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// A connection that held this long starts the next waits small again.
const STABLE: Duration = Duration::from_secs(10);

/// Where and how to bind.
pub(super) struct Target {
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
    system_id: String,
    password: SecretString,
    settings: SmppSettings,
    window: u32,
    reach: Reach,
}

impl Target {
    pub fn new(account: &ChannelAccount, settings: &SmppSettings, reach: &Reach) -> Result<Self, NetError> {
        let credential = account.credential.clone();
        let tls = match account.security {
            Security::Tls => Some(tls::connector(account.ca_certificate.as_deref())?),
            _ => None,
        };
        Ok(Self {
            host: account.host.clone().unwrap_or_default(),
            port: account.effective_port(),
            tls,
            system_id: credential.as_ref().map(|c| c.username.clone()).unwrap_or_default(),
            password: credential.and_then(|c| c.password).map(Password::into_secret).unwrap_or_default(),
            settings: settings.clone(),
            window: account.window,
            reach: reach.clone(),
        })
    }

    fn response(&self) -> Duration {
        Duration::from_secs(self.settings.response_timeout_seconds.into())
    }
}

#[derive(Debug, thiserror::Error)]
enum BindError {
    #[error(transparent)]
    Net(#[from] NetError),
    #[error("the SMS centre refused the bind: {0}")]
    Refused(String),
    #[error("the SMS centre did not answer the bind")]
    Silent,
    #[error("the SMS centre closed the connection during the bind")]
    Closed(#[from] std::io::Error),
    #[error("the SMS centre is not understood: {0}")]
    Pdu(#[from] PduError),
}

struct State {
    links: Vec<Option<Arc<Link>>>,
    reason: Option<String>,
    closed: bool,
    turn: usize,
}

/// The bound connections of an account.
pub(super) struct Bindings {
    state: Mutex<State>,
    changed: Notify,
}

impl Bindings {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // the connection with most room; in turn among equals
    fn best(&self) -> Option<Arc<Link>> {
        let mut state = self.lock();
        let count = state.links.len();
        state.turn = state.turn.wrapping_add(1);
        let turn = state.turn;
        let open = (0..count).filter_map(|n| state.links[(turn + n) % count].as_ref()).filter(|l| !l.is_closed());
        // max_by_key takes the last of equals, and the turn moves it on
        open.max_by_key(|link| link.room()).cloned()
    }

    /// A bound connection, as soon as there is one; `None` once closed.
    pub async fn wait_for_link(&self) -> Option<Arc<Link>> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.lock().closed {
                return None;
            }
            if let Some(link) = self.best() {
                return Some(link);
            }
            changed.await;
        }
    }

    /// Why there is no connection.
    pub fn reason(&self) -> String {
        self.lock().reason.clone().unwrap_or_else(|| "not connected to the SMS centre yet".into())
    }

    pub fn status(&self) -> CarrierStatus {
        let state = self.lock();
        if state.closed {
            return CarrierStatus::Closed;
        }
        if state.links.iter().flatten().any(|link| !link.is_closed()) {
            return CarrierStatus::Connected;
        }
        match &state.reason {
            Some(reason) => CarrierStatus::Down { reason: reason.clone() },
            None => CarrierStatus::Connecting,
        }
    }

    fn set(&self, slot: usize, link: Option<Arc<Link>>, reason: Option<String>) {
        let mut state = self.lock();
        if let Some(place) = state.links.get_mut(slot) {
            *place = link;
        }
        state.reason = reason;
        drop(state);
        self.changed.notify_waiters();
    }

    /// Lets submits under way finish, then unbinds everywhere.
    pub async fn close(&self) {
        let links: Vec<_> = {
            let mut state = self.lock();
            state.closed = true;
            state.links.iter().flatten().cloned().collect()
        };
        self.changed.notify_waiters();
        futures_util::future::join_all(links.iter().map(|link| link.close())).await;
    }
}

/// Starts the binds; they end with `stop`.
pub(super) fn start(target: Target, connections: u32, inbox: Inbox, stop: &CancellationToken) -> Arc<Bindings> {
    let slots = connections.max(1) as usize;
    let state = State { links: vec![None; slots], reason: None, closed: false, turn: 0 };
    let bindings = Arc::new(Bindings { state: Mutex::new(state), changed: Notify::new() });
    let (target, inbox) = (Arc::new(target), Arc::new(inbox));
    for slot in 0..slots {
        let work = keep(slot, target.clone(), inbox.clone(), bindings.clone());
        let stop = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = work => {}
            }
        });
    }
    bindings
}

async fn keep(slot: usize, target: Arc<Target>, inbox: Arc<Inbox>, bindings: Arc<Bindings>) {
    let mut backoff = Backoff::new(Duration::from_millis(300), Duration::from_secs(60));
    let enquire = Duration::from_secs(target.settings.enquire_link_seconds.into());
    while !bindings.lock().closed {
        let reason = match bind(&target).await {
            Ok((stream, early)) => {
                let link = Arc::new(Link::new(target.window, target.response()));
                bindings.set(slot, Some(link.clone()), None);
                let since = Instant::now();
                let reason = link.run(stream, early, &inbox, enquire).await;
                if since.elapsed() >= STABLE {
                    backoff.reset();
                }
                reason
            }
            Err(error) => error.to_string(),
        };
        if bindings.lock().closed {
            return;
        }
        tracing::warn!(host = %target.host, %reason, "SMS centre not connected");
        bindings.set(slot, None, Some(reason));
        tokio::time::sleep(backoff.next()).await;
    }
}

async fn bind(target: &Target) -> Result<(Stream, Vec<u8>), BindError> {
    let tcp = net::connect(&target.reach, &target.host, target.port, CONNECT_LIMIT).await?;
    let stream = match &target.tls {
        Some(tls) => net::secure(tcp, &target.host, tls, CONNECT_LIMIT).await?,
        None => Stream::Plain(tcp),
    };
    timeout(target.response(), bind_on(stream, target)).await.map_err(|_| BindError::Silent)?
}

async fn bind_on(mut stream: Stream, target: &Target) -> Result<(Stream, Vec<u8>), BindError> {
    let bind = Bind {
        system_id: &target.system_id,
        password: target.password.expose_secret(),
        system_type: &target.settings.system_type,
        address_range: &target.settings.address_range,
    };
    let mut request = Vec::with_capacity(128);
    pdu::write_bind(&mut request, 1, &bind);
    stream.write_all(&request).await?;
    stream.flush().await?;
    let mut buffer = Vec::with_capacity(1024);
    loop {
        if let Some((header, _, length)) = pdu::first(&buffer)? {
            let answers = [pdu::BIND_TRANSCEIVER | RESPONSE, pdu::GENERIC_NACK];
            if !answers.contains(&header.id) || (header.id == pdu::GENERIC_NACK && header.status == status::OK) {
                return Err(BindError::Refused("an answer to another question".into()));
            }
            if header.status != status::OK {
                return Err(BindError::Refused(status::name(header.status)));
            }
            buffer.drain(..length);
            return Ok((stream, buffer));
        }
        if stream.read_buf(&mut buffer).await? == 0 {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
        }
    }
}
