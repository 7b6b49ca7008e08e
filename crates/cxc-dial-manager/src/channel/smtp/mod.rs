//! Email over SMTP: a pool of connections, each used for many messages.
//!
//! The session is ours rather than lettre's, because the phase in which a connection breaks decides between "not
//! sent" and "in doubt": lettre writes body and final dot in one call and reports one error for both. It also sends
//! MAIL, RCPT and DATA in one packet where the server allows it. lettre writes the message itself.
mod message;
mod pool;
mod reply;
mod session;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cxc_server::outbound::Reach;
use tokio::time::{Instant, timeout};

use self::pool::{Lease, Pool};
use self::session::{Target, Wire};
use super::account::ChannelAccount;
use super::{Body, Carrier, CarrierStatus, ConnectError, GENERAL_ERROR, Now, OutMessage, Outcome, WRONG_NUMBER};

/// How long each step may take.
#[derive(Debug, Clone, Copy)]
pub struct SmtpTimeouts {
    /// Connection, and the TLS handshake.
    pub connect: Duration,
    /// One command and its answer, the greeting, the writing of a message.
    pub command: Duration,
    /// The answer to the final dot: servers scan the message before it.
    pub answer: Duration,
    /// Waiting for a free connection of the pool.
    pub queue: Duration,
}

impl Default for SmtpTimeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            command: Duration::from_secs(30),
            answer: Duration::from_secs(120),
            queue: Duration::from_secs(60),
        }
    }
}

/// A mail server.
pub struct SmtpCarrier {
    pool: Arc<Pool>,
    now: Now,
    queue: Duration,
}

impl SmtpCarrier {
    /// A carrier for the account; starts to connect in the background. Needs a tokio runtime.
    pub fn start(
        account: &ChannelAccount,
        now: Now,
        timeouts: SmtpTimeouts,
        reach: &Reach,
    ) -> Result<Self, ConnectError> {
        let target = Target::new(account, timeouts, reach)?;
        let pool = Pool::start(target, account.connections, now.clone());
        Ok(Self { pool, now, queue: timeouts.queue })
    }

    async fn lease(&self) -> Result<Lease, Outcome> {
        match timeout(self.queue, self.pool.lease()).await {
            Ok(lease) => lease,
            Err(_) => Err(Outcome::not_sent("all connections to the mail server are busy")),
        }
    }

    async fn try_once(&self, wire: &Wire<'_>) -> (Outcome, bool) {
        let mut lease = match self.lease().await {
            Ok(lease) => lease,
            Err(outcome) => return (outcome, false),
        };
        if let Some(refusal) = unfit(&lease, wire) {
            lease.give_back(true, None);
            return (refusal, false);
        }
        let used_before = lease.session().messages > 0;
        let verdict = lease.session().send(wire).await;
        let slow = matches!(verdict.outcome, Outcome::Retry { throttled: true, .. });
        lease.give_back(verdict.reusable, verdict.account_fault);
        self.pool.throttled(slow);
        (verdict.outcome, verdict.untouched && used_before)
    }
}

// what this server can't take, whatever the time
fn unfit(lease: &Lease, wire: &Wire<'_>) -> Option<Outcome> {
    let abilities = lease.abilities();
    if abilities.size.is_some_and(|size| size > 0 && wire.data.len() as u64 > size) {
        return Some(Outcome::refused(GENERAL_ERROR, "the email is larger than the mail server takes"));
    }
    let plain = wire.to.is_ascii() && wire.from.is_ascii();
    if !(abilities.utf8 || plain) {
        return Some(Outcome::refused(WRONG_NUMBER, "the mail server takes addresses of ASCII letters only"));
    }
    None
}

#[async_trait]
impl Carrier for SmtpCarrier {
    async fn send(&self, message: OutMessage) -> Outcome {
        let Body::Email(body) = &message.body else {
            return Outcome::refused(GENERAL_ERROR, "a mail server takes email only");
        };
        let data = match message::write(&message, body, (self.now)()) {
            Ok(data) => data,
            Err(outcome) => return outcome,
        };
        let wire = Wire { from: &message.from, to: &message.to, data: &data };
        let started = Instant::now();
        let (mut outcome, mut again) = self.try_once(&wire).await;
        // a connection that the server had closed in the meantime says nothing about the message
        while again && started.elapsed() < self.queue {
            (outcome, again) = self.try_once(&wire).await;
        }
        match outcome {
            Outcome::Delivered { provider_id } if provider_id.is_empty() => {
                Outcome::Delivered { provider_id: message.reference }
            }
            outcome => outcome,
        }
    }

    fn status(&self) -> CarrierStatus {
        self.pool.status()
    }

    async fn close(&self) {
        self.pool.close(Duration::from_secs(30)).await;
    }
}
