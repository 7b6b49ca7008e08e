//! What comes back from a carrier: delivery receipts and messages of people.
use cxc_core::Micros;
use cxc_core::storable::make_storable;
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

impl Inbound {
    fn make_storable(&mut self) {
        match self {
            Inbound::Receipt { provider_id, address, state, .. } => {
                [provider_id, address].into_iter().for_each(make_storable);
                if let ReceiptState::Failed { code, .. } = state {
                    make_storable(code);
                }
            }
            Inbound::Message { from, to, text, provider_id } => {
                [from, to, text, provider_id].into_iter().for_each(make_storable);
            }
        }
    }
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
    /// An event and where its answer will be found (an error means: retry). Its texts are made fit for the store, since
    /// a carrier brings what can't be stored again and again.
    pub fn new(mut event: Inbound) -> (Self, oneshot::Receiver<Answer>) {
        event.make_storable();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_carrier_brings_holds_no_nul() {
        let text = |text: &str| format!("{text}\0");
        let message = Inbound::Message {
            from: text("+12025550123"),
            to: text("4455"),
            text: text("STO\0P"),
            provider_id: text("9"),
        };
        let Inbound::Message { from, to, text: words, provider_id } = InboundEvent::new(message).0.event else {
            panic!()
        };
        assert_eq!([&*from, &*to, &*words, &*provider_id], ["+12025550123", "4455", "STOP", "9"]);
        let state = ReceiptState::Failed { permanent: false, code: text("UNDELIV") };
        let receipt = Inbound::Receipt { provider_id: text("7"), reference: None, address: text("x"), state, at: 0 };
        let Inbound::Receipt { provider_id, address, state, .. } = InboundEvent::new(receipt).0.event else { panic!() };
        assert_eq!((&*provider_id, &*address), ("7", "x"));
        assert_eq!(state, ReceiptState::Failed { permanent: false, code: "UNDELIV".into() });
    }
}
