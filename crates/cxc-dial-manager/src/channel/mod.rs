//! Carriers: the ways by which a rendered message leaves, behind one trait.
mod account;
mod backoff;
mod body;
mod inbound;
mod net;
mod open;
pub mod simulator;
pub mod smpp;
pub mod smtp;
mod tls;
pub mod voice;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cxc_core::Micros;
use uuid::Uuid;

pub use account::{
    AccountKind, AriSettings, AsteriskCodec, ChannelAccount, Credential, LongMessages, Millis, Security,
    SimulatedChannel, SimulatorSettings, SipSettings, SipTransport, SmppSettings, Srtp, TrunkTerms,
};
pub use body::{Body, CallBody, EmailBody, PersonNumber, ScreenPop, SmsBody};
pub use cxc_core::field_error::FieldError;
pub use inbound::{Ack, Answer, Inbound, InboundEvent, InboundSender, ReceiptState, inbound_channel};
pub use open::open;

use crate::sender::{Demand, GroupPlan};

/// The call result of a refusal that does not concern the address (`GeneralError`).
pub const GENERAL_ERROR: i16 = 3;
/// The call result of an address that does not exist (`WrongNumber`).
pub const WRONG_NUMBER: i16 = 53;

/// The present instant, handed down from `main`: microseconds since 1970.
pub type Now = Arc<dyn Fn() -> Micros + Send + Sync>;

/// One message for one address. Its attempt row is durable before a carrier sees it.
#[derive(Clone)]
pub struct OutMessage {
    /// The attempt's number. Its low 16 bits travel as SMPP's `user_message_reference`.
    pub attempt: i64,
    /// Stable and opaque, 1 to 40 letters, digits, `.`, `-` or `_`; becomes the local part of the Message-ID.
    pub reference: String,
    /// The sender: an E.164 number, short code or up to 11 letters for SMS; an address for email.
    pub from: String,
    /// The device's address: E.164 or an email address.
    pub to: String,
    /// What the person is to read.
    pub body: Body,
}

impl OutMessage {
    /// What a receipt brings back as [`Inbound::Receipt`]'s `reference`.
    pub fn short_reference(&self) -> u16 {
        self.attempt.to_le_bytes().first_chunk::<2>().map_or(0, |b| u16::from_le_bytes(*b))
    }
}

// addresses are personal data: they never reach a log through Debug
impl std::fmt::Debug for OutMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutMessage").field("attempt", &self.attempt).field("body", &self.body).finish_non_exhaustive()
    }
}

/// What became of one message. Exactly one of: it left, it did not, nobody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Final: the next hop took responsibility and no receipt will come.
    Delivered {
        /// The carrier's own id of the message, for people to quote.
        provider_id: String,
    },
    /// The carrier took it and a receipt with this id is awaited.
    Accepted {
        /// The id that the receipt will carry.
        provider_id: String,
    },
    /// A final refusal: counts as an attempt, is not repeated.
    Rejected {
        /// A call-result code: [`GENERAL_ERROR`] or [`WRONG_NUMBER`].
        result: i16,
        /// The carrier's words, without the address.
        detail: String,
    },
    /// A call is over.
    Called {
        /// Its call-result code.
        result: i16,
        /// What the carrier said of it, without the address.
        detail: String,
        /// What its agent said of it, where a person talked to the caller.
        report: Option<Box<AgentReport>>,
        /// How far it came.
        course: Course,
    },
    /// Known not to have been sent: does not count, may be repeated.
    Retry {
        /// Why.
        detail: String,
        /// How long the carrier wants to be left alone, if it said or if it is backing off.
        after: Option<Duration>,
        /// The carrier asked to slow down: the whole account should.
        throttled: bool,
    },
    /// It left, or may have, and no answer came: counts as an attempt, is never repeated by itself.
    InDoubt {
        /// What happened to the answer.
        detail: String,
    },
}

/// How far a call came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Course {
    /// It left, or may have.
    #[default]
    Left,
    /// Our own trunks could not carry it: certainly nobody was called.
    NotCarried,
    /// Its number is never dialed.
    KeptBack,
}

/// What an agent or a script said of a call that is over.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AgentReport {
    /// Who; none for a script.
    pub agent: Option<Uuid>,
    /// The code of the disposition.
    pub disposition: Option<String>,
    /// What the agent wrote.
    pub note: Option<String>,
    /// The person wants to be called again then ...
    pub again_at: Option<Micros>,
    /// ... by the same agent.
    pub personal: bool,
    /// The agent gave the call up before it was answered.
    pub given_up: bool,
    /// The person wants no more calls.
    pub do_not_call: bool,
}

impl AgentReport {
    /// What a script and then an agent said: the agent's word holds where both said something, and a do-not-call stays.
    pub(crate) fn both(script: Option<Box<Self>>, agent: Option<Box<Self>>) -> Option<Box<Self>> {
        let (Some(script), Some(mut both)) = (&script, agent.clone()) else { return agent.or(script) };
        both.do_not_call |= script.do_not_call;
        both.disposition = both.disposition.or_else(|| script.disposition.clone());
        Some(both)
    }
}

// a note is about a person: it never reaches a log through Debug
impl std::fmt::Debug for AgentReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentReport").field("disposition", &self.disposition).finish_non_exhaustive()
    }
}

impl Outcome {
    /// A message that is known not to have left, for a reason that concerns the connection.
    pub(crate) fn not_sent(detail: impl Into<String>) -> Self {
        Outcome::Retry { detail: detail.into(), after: None, throttled: false }
    }

    /// A final refusal.
    pub(crate) fn refused(result: i16, detail: impl Into<String>) -> Self {
        Outcome::Rejected { result, detail: detail.into() }
    }
}

/// How a carrier stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CarrierStatus {
    /// No connection yet, or being made anew; sends wait a little, then answer `Retry`.
    Connecting,
    /// At least one connection is usable.
    Connected,
    /// Connected, but the carrier asked to slow down.
    Throttled {
        /// Until when, in the carrier's clock ([`Now`]).
        until: Micros,
    },
    /// No connection can be made; the carrier keeps trying by itself.
    Down {
        /// Why, without secrets: shown to the operator.
        reason: String,
    },
    /// [`Carrier::close`] was called.
    Closed,
}

/// Why a carrier can't be built from its account.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConnectError(String);

impl From<net::NetError> for ConnectError {
    fn from(error: net::NetError) -> Self {
        Self(error.to_string())
    }
}

/// A way out for one channel account. Shared by all senders of the account in this process.
#[async_trait]
pub trait Carrier: Send + Sync {
    /// Sends one message. Called up to some hundred times at once; answers within a bounded time.
    /// Dropping the future hides the outcome: the caller must treat the attempt as in doubt.
    async fn send(&self, message: OutMessage) -> Outcome;

    /// How the carrier stands now. Cheap.
    fn status(&self) -> CarrierStatus;

    /// The groups that it carries, as they stand now: for carriers that have more to do for a group than to send.
    async fn set_groups(&self, _groups: &[Arc<GroupPlan>]) {}

    /// How many messages a group asks for, where the carrier sets the pace and not the clock.
    fn demand(&self, _group: i64) -> Option<Demand> {
        None
    }

    /// Ready when a group asks for more.
    async fn asked(&self) {
        std::future::pending::<()>().await;
    }

    /// Why a group moves no faster, where the carrier sets the pace.
    fn limited_by(&self, _group: i64) -> Option<&'static str> {
        None
    }

    /// How many messages may be under way, where they take longer than the carrier's answer.
    fn most_open(&self) -> Option<usize> {
        None
    }

    /// No more will be sent: what nobody has taken up yet is given up.
    fn wind_down(&self) {}

    /// Lets messages under way finish (bounded), says goodbye and ends the background work.
    async fn close(&self);
}
