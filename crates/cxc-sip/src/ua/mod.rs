//! The SIP user agent, an adapter of the library `rsipstack`: nothing outside this module names it. It takes from the
//! library messages, transports, transactions and the digest; dialogs are its own, see decision 14.
mod asking;
mod challenge;
mod dialog;
mod endpoint;
mod flow;
mod incoming;
mod invite;
mod leg;
mod refresh;
mod register;
mod requests;
mod session;
mod trust;
mod within;
mod work;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use endpoint::Endpoint;
pub use incoming::{Admit, Door, Knock, Refusal, Visitor};
pub use invite::{Answerer, Invite};
pub use leg::{Failure, Leg, LegEvent};
pub use register::{Registered, Registration};
pub use trust::Trust;

/// How messages travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// Datagrams.
    #[default]
    Udp,
    /// A connection that we open.
    Tcp,
    /// The same, encrypted, with who is called checked by their certificate.
    Tls,
}

/// What answers the challenge of a carrier.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The user name of the digest.
    pub user: String,
    /// Its password.
    pub password: SecretString,
}

/// How the agent is set up.
#[derive(Debug, Clone)]
pub struct UaOptions {
    /// One endpoint with its own socket and task for each address; one for each core is a good number. Port 0 takes a
    /// free one.
    pub listen: Vec<SocketAddr>,
    /// The address that peers see, where it is not the one that is listened on.
    pub public: Option<IpAddr>,
    /// What the agent calls itself.
    pub name: String,
    /// Bytes that the kernel holds for each socket; what `net.core.rmem_max` allows is taken.
    pub receive_buffer: usize,
    /// The shortest session that a far end may want to have refreshed; a shorter one is taken as one of this length.
    pub shortest_session: Duration,
    /// Where calls come in; without one they are answered 404.
    pub door: Option<Door>,
}

impl Default for UaOptions {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))],
            public: None,
            name: "cxc".into(),
            receive_buffer: 4 << 20,
            shortest_session: session::SHORTEST,
            door: None,
        }
    }
}

/// Why the agent can't do what it is asked for.
#[derive(Debug, thiserror::Error)]
pub enum UaError {
    /// A socket can't be had.
    #[error("the SIP address {0} can't be listened on: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// No address was given.
    #[error("a SIP user agent listens on at least one address")]
    NoAddress,
    /// Nothing was sent.
    #[error("the connection to {0} can't be opened: {1}")]
    Unreachable(String, String),
    /// The library refused.
    #[error("the SIP library refused: {0}")]
    Library(String),
}

impl From<rsipstack::Error> for UaError {
    fn from(error: rsipstack::Error) -> Self {
        Self::Library(error.to_string())
    }
}

/// The agent. Dropping it ends its tasks; calls that are up then are lost.
pub struct UserAgent {
    endpoints: Vec<Arc<Endpoint>>,
    next: AtomicUsize,
    failed: watch::Receiver<bool>,
    stop: CancellationToken,
}

impl UserAgent {
    /// Opens the sockets and starts the tasks.
    pub async fn start(options: &UaOptions) -> Result<Self, UaError> {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let mut endpoints = Vec::new();
        for listen in &options.listen {
            endpoints.push(Endpoint::start(*listen, options, &stop, &mut tasks).await?);
        }
        if endpoints.is_empty() {
            return Err(UaError::NoAddress);
        }
        let (tell, failed) = watch::channel(false);
        tokio::spawn(supervise(tasks, stop.clone(), tell));
        Ok(Self { endpoints, next: AtomicUsize::new(0), failed, stop })
    }

    /// Places a call. What comes of it is asked for with [`Leg::next`].
    pub fn invite(&self, invite: Invite) -> Result<Leg, UaError> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.endpoints.len();
        Leg::new(Arc::clone(&self.endpoints[turn]), invite)
    }

    /// Where it listens.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.endpoints.iter().map(|endpoint| endpoint.address).collect()
    }

    /// Calls that are being placed or are up.
    pub fn dialogs(&self) -> usize {
        self.endpoints.iter().map(|endpoint| endpoint.dialogs()).sum()
    }

    /// Hang-ups and cancellations that were sent and not answered yet, and registrations that were not taken back.
    pub fn unanswered(&self) -> usize {
        self.endpoints.iter().map(|endpoint| endpoint.unanswered()).sum()
    }

    /// Transactions that the library keeps; those of an ended call leave after 32 s.
    pub fn transactions(&self) -> usize {
        self.endpoints.iter().map(|endpoint| endpoint.transactions()).sum()
    }

    /// Ready when one of the agent's tasks has ended: it places no calls any more.
    pub fn failure(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut failed = self.failed.clone();
        async move {
            // an error says that the supervisor is gone too
            let _gone = failed.wait_for(|failed| *failed).await;
        }
    }
}

impl Drop for UserAgent {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The end of any task ends the whole agent: half of one would take calls and never hear of them again.
async fn supervise(mut tasks: JoinSet<&'static str>, stop: CancellationToken, tell: watch::Sender<bool>) {
    let ended = tokio::select! {
        () = stop.cancelled() => None,
        ended = tasks.join_next() => ended,
    };
    // tasks that were told to stop may be seen to end first
    if let Some(task) = ended.filter(|_| !stop.is_cancelled()) {
        tracing::error!(?task, "a task of the SIP agent ended");
    }
    stop.cancel();
    tell.send_replace(true);
    while tasks.join_next().await.is_some() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_end_of_one_task_is_the_end_of_the_agent() {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let stopped = stop.clone();
        tasks.spawn(async move {
            stopped.cancelled().await;
            "a task that would go on"
        });
        tasks.spawn(async { "a task that ends" });
        let (tell, mut failed) = watch::channel(false);
        supervise(tasks, stop.clone(), tell).await;
        assert!(stop.is_cancelled() && *failed.borrow_and_update());
    }
}
