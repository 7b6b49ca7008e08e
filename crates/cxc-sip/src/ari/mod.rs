//! Calls by an Asterisk that is there already, driven by its REST interface (ARI). Asterisk places and ends the calls; their
//! audio comes to our media ports, so that all above a leg is as for calls by our own SIP. See decision 25.
mod events;
mod leg;
mod link;
mod rest;
mod socket;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;

use crate::media::Codec;
use crate::ua::{Credentials, Trust};
use events::Heard;
pub(crate) use leg::{Ends, Leg};
use rest::Rest;
pub use rest::RestError;

/// The status by which a group is told that an Asterisk is not there.
const NOT_THERE: u16 = 503;

/// How an Asterisk is reached, and how it calls.
#[derive(Debug, Clone)]
pub struct AsteriskOptions {
    /// The name of its machine, for TLS and for what we say to it.
    pub host: String,
    /// Where its HTTP server is.
    pub place: SocketAddr,
    /// By TLS.
    pub is_secure: bool,
    /// Whose word is taken for who it is, by TLS.
    pub trust: Trust,
    /// The path of its REST interface, `/ari` as a rule.
    pub path: String,
    /// A user of its `ari.conf`.
    pub credentials: Credentials,
    /// The name of our Stasis application. Of one name one connection is held; ids of our channels begin with it.
    pub application: String,
    /// What is dialed: `{number}` is the number with its +, `{digits}` without.
    pub endpoint: String,
    /// How audio is coded between it and us.
    pub codec: Codec,
}

/// A call to place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Originate {
    /// A + and digits.
    pub number: String,
    /// Who calls, as Asterisk wants it written.
    pub caller: Option<String>,
    /// Channel variables, and functions that are set.
    pub variables: Vec<(&'static str, String)>,
}

/// A connection to an Asterisk, made anew when it is lost. While there is none, no calls are placed by it.
pub struct Asterisk {
    inner: Arc<Inner>,
    keeping: AbortHandle,
}

struct Inner {
    options: AsteriskOptions,
    rest: Rest,
    /// Zero while it is connected; else what a group is told.
    down: AtomicU16,
    /// Who hears of which channel.
    legs: Mutex<HashMap<String, UnboundedSender<Heard>>>,
}

impl Asterisk {
    /// Connects in the background, and stays connected until it is dropped.
    pub fn start(options: AsteriskOptions) -> Result<Self, RestError> {
        let rest = Rest::new(&options)?;
        let inner = Arc::new(Inner { options, rest, down: AtomicU16::new(NOT_THERE), legs: Mutex::default() });
        let keeping = tokio::spawn(link::keep(Arc::clone(&inner))).abort_handle();
        Ok(Self { inner, keeping })
    }

    /// Why it takes no calls now, as a status; none while it takes them.
    pub fn down(&self) -> Option<u16> {
        let status = self.inner.down.load(Ordering::Acquire);
        (status != 0).then_some(status)
    }

    /// Channels that we follow.
    pub fn channels(&self) -> usize {
        self.inner.legs().len()
    }
}

impl Drop for Asterisk {
    fn drop(&mut self) {
        self.keeping.abort();
        self.inner.lose_all();
    }
}

impl std::fmt::Debug for Asterisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Asterisk({}, {})", self.inner.options.place, self.inner.options.application)
    }
}

impl Inner {
    fn legs(&self) -> MutexGuard<'_, HashMap<String, UnboundedSender<Heard>>> {
        self.legs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_down(&self, status: u16) {
        self.down.store(status, Ordering::Release);
    }

    /// From now on what is heard of a channel comes by the receiver.
    fn follow(&self, channel: &str) -> UnboundedReceiver<Heard> {
        let (tell, heard) = unbounded_channel();
        self.legs().insert(channel.to_owned(), tell);
        heard
    }

    /// Nothing is heard of any channel any more.
    fn lose_all(&self) {
        for (_, leg) in self.legs().drain() {
            // one that has just ended does without
            let _gone = leg.send(Heard::Lost);
        }
    }

    /// Ids that are ours, of this process or of a former one, begin so.
    fn prefix(&self) -> String {
        format!("{}-", self.options.application)
    }

    /// What is dialed for a number.
    fn endpoint(&self, number: &str) -> String {
        let digits = number.trim_start_matches('+');
        self.options.endpoint.replace("{number}", number).replace("{digits}", digits)
    }

    /// The name of the codec.
    fn format(&self) -> &'static str {
        match self.options.codec {
            Codec::Pcmu => "ulaw",
            Codec::Pcma => "alaw",
        }
    }
}
