//! The ports that media is received on: even ones of a range, one for each call, and the odd ones after them for reports.
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::UdpSocket;

/// How often a stream is reported on, in the mean (RFC 3550, 6.2).
const REPORTS: Duration = Duration::from_secs(5);

/// The free ports of a range.
#[derive(Debug)]
pub struct Ports {
    bind: IpAddr,
    public: IpAddr,
    free: Mutex<VecDeque<u16>>,
    count: usize,
    reports: Duration,
}

/// Why a call gets no port.
#[derive(Debug, thiserror::Error)]
pub enum PortsError {
    /// All are taken, by us or by others.
    #[error("no media port is free")]
    NoneFree,
    /// The system has nothing random to make a key of.
    #[error("no key for the media of a call can be made")]
    NoKey,
    /// The address is not ours.
    #[error("media ports can't be opened: {0}")]
    Address(std::io::Error),
}

impl Ports {
    /// The even ports of a range. `public` is what peers are told, where it is not `bind`.
    pub fn new(bind: IpAddr, public: Option<IpAddr>, range: RangeInclusive<u16>) -> Self {
        let last = *range.end();
        let free: VecDeque<u16> = range.filter(|port| port % 2 == 0 && *port > 0 && *port < last).collect();
        let (count, free) = (free.len(), Mutex::new(free));
        Self { bind, public: public.unwrap_or(bind), count, free, reports: REPORTS }
    }

    /// Reports at another pace.
    #[must_use]
    pub fn with_reports_every(self, reports: Duration) -> Self {
        Self { reports, ..self }
    }

    pub(super) fn reports_every(&self) -> Duration {
        self.reports
    }

    /// Ports that no call has.
    pub fn free(&self) -> usize {
        self.list().len()
    }

    /// Ports that calls have.
    pub fn in_use(&self) -> usize {
        self.count - self.free()
    }

    /// Opens the sockets of audio and of reports, at the port that was free for longest and at the next one.
    pub fn open(self: &Arc<Self>) -> Result<(std::net::UdpSocket, UdpSocket, Lease), PortsError> {
        // a port that another program has is tried again when its turn comes
        for _ in 0..self.free() {
            let Some(port) = self.list().pop_front() else { break };
            let lease = Lease { ports: Arc::clone(self), port };
            match bind(SocketAddr::new(self.bind, port)).and_then(|audio| {
                let reports = UdpSocket::from_std(bind(SocketAddr::new(self.bind, port + 1))?)?;
                Ok((audio, reports))
            }) {
                Ok((audio, reports)) => return Ok((audio, reports, lease)),
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => (),
                Err(error) => return Err(PortsError::Address(error)),
            }
        }
        Err(PortsError::NoneFree)
    }

    fn list(&self) -> std::sync::MutexGuard<'_, VecDeque<u16>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bind(address: SocketAddr) -> std::io::Result<std::net::UdpSocket> {
    let socket = std::net::UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// A port that a call has, until this is dropped.
#[derive(Debug)]
pub struct Lease {
    ports: Arc<Ports>,
    port: u16,
}

impl Lease {
    /// What the far end is told.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.ports.public, self.port)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.ports.list().push_back(self.port);
    }
}
