//! What a call is placed with.
use std::net::SocketAddr;
use std::sync::Arc;

use super::{Credentials, Transport, Trust};

/// Answers an offer that the far end makes during a call; none refuses it.
pub type Answerer = Arc<dyn Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync>;

/// A call to place.
#[derive(Clone)]
pub struct Invite {
    /// Who is called, a SIP URI.
    pub to: String,
    /// Who calls: a URI in angle brackets, perhaps with a name before it.
    pub from: String,
    /// Where the request goes, if not to the host of `to`.
    pub destination: Option<SocketAddr>,
    /// How.
    pub transport: Transport,
    /// Whose word is taken for who the host of `to` is, by TLS.
    pub trust: Option<Trust>,
    /// More headers, each a name and a value.
    pub headers: Vec<(String, String)>,
    /// For challenges.
    pub credentials: Option<Credentials>,
    /// Begins the Call-ID, so that calls of a former process can be told.
    pub call_id_prefix: String,
    /// The SDP offer.
    pub offer: Vec<u8>,
    /// For offers of the far end.
    pub answerer: Answerer,
}

impl Invite {
    /// A plain call over UDP to the host of the URI.
    pub fn new(to: &str, from: &str, offer: Vec<u8>) -> Self {
        Self {
            to: to.to_owned(),
            from: from.to_owned(),
            destination: None,
            transport: Transport::Udp,
            trust: None,
            headers: Vec::new(),
            credentials: None,
            call_id_prefix: String::new(),
            offer,
            answerer: Arc::new(|_| None),
        }
    }
}
