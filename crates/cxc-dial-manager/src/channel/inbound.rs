//! What comes back from a carrier: delivery receipts and messages of people.
use cxc_core::Micros;
use tokio::sync::{mpsc, oneshot};

/// Where a carrier puts what comes in. Bounded: a slow engine slows the carrier down.
pub type InboundSender = mpsc::Sender<InboundEvent>;

/// A queue of inbound events with room for `room` of them.
pub fn inbound_channel(room: usize) -> (InboundSender, mpsc::Receiver<InboundEvent>) {
    mpsc::channel(room.max(1))
}

/// Something that came in.
#[derive(Clone, PartialEq, Eq)]
pub enum Inbound {
    /// News of a message that we sent.
    Receipt {
        /// The id of [`Outcome::Accepted`](super::Outcome::Accepted).
        provider_id: String,
        /// The low 16 bits of our attempt number, if the carrier gives them back.
        reference: Option<u16>,
        /// Whom the message was for, as the carrier writes it; E.164 where it could be made so.
        address: String,
        /// What became of it.
        state: ReceiptState,
        /// When it came in.
        at: Micros,
    },
    /// A message from a person.
    Message {
        /// Who wrote it; E.164 where it could be made so.
        from: String,
        /// The number or address that it was sent to.
        to: String,
        /// The text, joined from its parts.
        text: String,
        /// The carrier's id of it, empty if it gave none.
        provider_id: String,
    },
}

/// What a receipt says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiptState {
    /// It reached the device.
    Delivered,
    /// It will not reach the device.
    Failed {
        /// The address itself is at fault, now and later.
        permanent: bool,
        /// The carrier's state and error code, for example `UNDELIV 011`.
        code: String,
    },
    /// On its way; a later receipt decides.
    Buffered,
    /// The carrier does not know either.
    Unknown,
}

/// How the engine answers an inbound event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It is durable: the carrier may forget it.
    Done,
    /// It could not be stored now: the carrier is to bring it again.
    Retry,
}

/// An inbound event and the duty to answer it. Dropped unanswered, it counts as [`Ack::retry`].
pub struct InboundEvent {
    /// What came in.
    pub event: Inbound,
    /// Call [`Ack::done`] after the commit.
    pub ack: Ack,
}

impl InboundEvent {
    /// An event and where its answer will be found (an error means: retry).
    pub fn new(event: Inbound) -> (Self, oneshot::Receiver<Answer>) {
        let (sender, receiver) = oneshot::channel();
        (Self { event, ack: Ack(Some(sender)) }, receiver)
    }
}

/// Answers the carrier for one inbound event.
pub struct Ack(Option<oneshot::Sender<Answer>>);

impl Ack {
    /// The event is durable.
    pub fn done(self) {
        self.answer(Answer::Done);
    }

    /// The event could not be stored: answered with a temporary error.
    pub fn retry(self) {
        self.answer(Answer::Retry);
    }

    fn answer(mut self, answer: Answer) {
        if let Some(sender) = self.0.take() {
            // a connection that is gone brings the event again by itself
            let _ = sender.send(answer);
        }
    }
}

// addresses and texts are personal data: they never reach a log through Debug
impl std::fmt::Debug for Inbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Inbound::Receipt { provider_id, state, .. } => write!(f, "Receipt({provider_id}, {state:?})"),
            Inbound::Message { text, .. } => write!(f, "Message({} bytes)", text.len()),
        }
    }
}
