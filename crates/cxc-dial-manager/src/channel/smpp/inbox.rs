//! What an SMS centre brings us: receipts and messages of people, answered only when they are durable.
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::link::Link;
use super::pdu::{Deliver, HAS_HEADER, InAddress, TAG_SAR_NUMBER, TAG_SAR_REFERENCE, TAG_SAR_TOTAL};
use super::reassembly::{Part, Parts};
use super::{receipt, status, text};
use crate::channel::{Answer, Inbound, InboundEvent, InboundSender, Now};

/// How long the engine may take to store an event before the centre is told to bring it again.
const STORE_LIMIT: Duration = Duration::from_secs(60);

pub(super) struct Inbox {
    sender: InboundSender,
    now: Now,
    latin1: bool,
    parts: Mutex<Parts>,
}

enum Read {
    Event(Inbound),
    // one part of a message of several
    Kept,
    // nothing that anyone could use
    Nothing,
}

impl Inbox {
    pub fn new(sender: InboundSender, now: Now, latin1: bool) -> Self {
        Self { sender, now, latin1, parts: Mutex::new(Parts::default()) }
    }

    /// Takes one deliver_sm. Never waits: a full queue is answered with "come again".
    pub fn take(&self, link: &Arc<Link>, sequence: u32, body: &[u8]) {
        let Ok(deliver) = Deliver::read(body) else {
            link.answer_deliver(sequence, status::PERMANENT);
            return;
        };
        match self.read(&deliver) {
            // the first parts are answered before the last: a centre with a window of one would wait for ever
            Read::Kept => link.answer_deliver(sequence, status::OK),
            Read::Nothing => link.answer_deliver(sequence, status::OK),
            Read::Event(event) => self.forward(link, sequence, event),
        }
    }

    fn forward(&self, link: &Arc<Link>, sequence: u32, event: Inbound) {
        let (event, answer) = InboundEvent::new(event);
        match self.sender.try_send(event) {
            Ok(()) => {
                tokio::spawn(answer_when_stored(link.clone(), sequence, answer));
            }
            Err(TrySendError::Full(_)) => link.answer_deliver(sequence, status::QUEUE_FULL),
            Err(TrySendError::Closed(_)) => link.answer_deliver(sequence, status::TEMPORARY),
        }
    }

    fn read(&self, deliver: &Deliver<'_>) -> Read {
        if receipt::is_receipt(deliver) {
            let Some(receipt) = receipt::read(deliver) else { return Read::Nothing };
            return Read::Event(Inbound::Receipt {
                provider_id: receipt.id,
                reference: receipt.reference,
                address: international(&deliver.source),
                state: receipt.state,
                at: (self.now)(),
            });
        }
        let (header, body) = text::split_header(deliver.message, deliver.esm_class & HAS_HEADER != 0);
        let words = text::decode(body, deliver.data_coding, self.latin1);
        // whose message it is, is found out by who knows the tenant's country
        let (from, to) = (deliver.source.text.trim().to_owned(), international(&deliver.destination));
        let from = if deliver.source.ton == 1 && is_digits(&from) { format!("+{from}") } else { from };
        let Some(place) = header.or_else(|| place_in_tags(deliver)) else {
            return message(from, to, words);
        };
        let part = Part { from, to, reference: place.0, total: place.1, number: place.2, text: words };
        let whole = self.parts.lock().unwrap_or_else(PoisonError::into_inner).add(part, Instant::now());
        match whole {
            Some(whole) => message(whole.from, whole.to, whole.text),
            None => Read::Kept,
        }
    }

    /// Hands on what never became whole: better half a message than none.
    pub fn sweep(&self) {
        let overdue = self.parts.lock().unwrap_or_else(PoisonError::into_inner).overdue(Instant::now());
        for whole in overdue {
            if let Read::Event(event) = message(whole.from, whole.to, whole.text) {
                let (event, _) = InboundEvent::new(event);
                if self.sender.try_send(event).is_err() {
                    tracing::warn!("an incomplete inbound message was dropped: the queue is full");
                }
            }
        }
    }
}

fn message(from: String, to: String, text: String) -> Read {
    Read::Event(Inbound::Message { from, to, text, provider_id: String::new() })
}

fn place_in_tags(deliver: &Deliver<'_>) -> Option<(u16, u8, u8)> {
    let total = u8::try_from(deliver.number(TAG_SAR_TOTAL)?).ok()?;
    let number = u8::try_from(deliver.number(TAG_SAR_NUMBER)?).ok()?;
    (total > 1).then_some((deliver.number(TAG_SAR_REFERENCE)?, total, number))
}

// E.164 where the digits can be nothing else: an opt-out must find its device
fn international(address: &InAddress) -> String {
    let text = address.text.trim();
    if is_digits(text) && matches!(address.ton, 0 | 1) { format!("+{text}") } else { text.to_owned() }
}

// digits that can be a whole international number
fn is_digits(text: &str) -> bool {
    (8..=15).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0')
}

async fn answer_when_stored(link: Arc<Link>, sequence: u32, answer: oneshot::Receiver<Answer>) {
    let status = match timeout(STORE_LIMIT, answer).await {
        Ok(Ok(Answer::Done)) => status::OK,
        _ => status::TEMPORARY,
    };
    link.answer_deliver(sequence, status);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(ton: u8, text: &str) -> String {
        international(&InAddress { ton, text: text.into() })
    }

    #[test]
    fn digits_become_a_number_unless_they_are_national_or_a_short_code() {
        assert_eq!(written(1, "12025550123"), "+12025550123");
        assert_eq!(written(0, "12025550123"), "+12025550123");
        assert_eq!(written(1, "+12025550123"), "+12025550123");
        assert_eq!(written(2, "2025550123"), "2025550123");
        assert_eq!(written(0, "02079460000"), "02079460000");
        assert_eq!(written(0, "44555"), "44555");
        assert_eq!(written(5, "Acme"), "Acme");
    }
}
