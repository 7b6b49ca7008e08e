//! SMS over SMPP 3.4: transceiver binds, a window each, receipts and messages of people.
//!
//! A message of several parts is one message to the engine. Its receipt is asked for with its last part. A part
//! that the centre refused for now is sent again by itself, since it is known not to have left; a part that stays
//! refused after another was taken makes the whole `Rejected` (nobody gets half a message twice); a part without an
//! answer makes the whole `InDoubt`.
mod address;
mod inbox;
mod link;
mod pdu;
mod reassembly;
mod receipt;
mod segments;
mod status;
mod supervise;
mod text;
mod throttle;

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use cxc_server::outbound::Reach;
use futures_util::future::join_all;
use tokio::time::{Instant, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use self::link::{Answer, Link};
use self::pdu::{Address, Submit};
use self::segments::Piece;
use self::status::Meaning;
use self::supervise::{Bindings, Target};
use self::throttle::Throttle;
use super::account::{ChannelAccount, LongMessages, SmppSettings};
use super::{
    Body, Carrier, CarrierStatus, ConnectError, GENERAL_ERROR, InboundSender, Now, OutMessage, Outcome, SmsBody,
};

/// How long a message waits for a bound connection.
const BIND_PATIENCE: Duration = Duration::from_secs(5);
/// How long a message waits for room in the window.
const WINDOW_PATIENCE: Duration = Duration::from_secs(60);
/// How long the rest of a message is tried whose first parts were taken.
const REST_PATIENCE: Duration = Duration::from_secs(30);

/// An SMS centre.
pub struct SmppCarrier {
    bindings: Arc<Bindings>,
    settings: SmppSettings,
    receipts: bool,
    throttle: Throttle,
    concatenation: AtomicU16,
    now: Now,
    stop: CancellationToken,
    _guard: DropGuard,
}

impl SmppCarrier {
    /// A carrier for the account; starts to bind in the background. Needs a tokio runtime.
    pub fn start(
        account: &ChannelAccount,
        inbound: InboundSender,
        now: Now,
        reach: &Reach,
    ) -> Result<Self, ConnectError> {
        let settings = account.smpp.clone().unwrap_or_default();
        let target = Target::new(account, &settings, reach)?;
        let inbox = inbox::Inbox::new(inbound, now.clone(), settings.latin1_default);
        let stop = CancellationToken::new();
        let bindings = supervise::start(target, account.connections, inbox, &stop);
        let mut seed = [0_u8; 2];
        // a start at zero would only make mixed-up parts likelier after a restart
        let _ = getrandom::fill(&mut seed);
        Ok(Self {
            bindings,
            settings,
            receipts: account.receipts,
            throttle: Throttle::default(),
            concatenation: AtomicU16::new(u16::from_le_bytes(seed)),
            now,
            _guard: stop.clone().drop_guard(),
            stop,
        })
    }

    async fn link(&self) -> Result<Arc<Link>, Outcome> {
        match timeout(BIND_PATIENCE, self.bindings.wait_for_link()).await {
            Ok(Some(link)) => Ok(link),
            Ok(None) => Err(Outcome::not_sent("the channel is closed")),
            Err(_) => {
                Err(Outcome::Retry { detail: self.bindings.reason(), after: Some(BIND_PATIENCE), throttled: false })
            }
        }
    }

    async fn send_pieces(&self, message: &Addressed<'_>, pieces: &[Piece]) -> Outcome {
        let mut tally = Tally::new(pieces.len());
        let started = Instant::now();
        loop {
            if let Some(wait) = self.throttle.wait(Instant::now()) {
                // the first try gives the message back; the rest of one that was begun must follow
                if !tally.begun() && wait > throttle::BEARABLE {
                    return Outcome::Retry {
                        detail: "the SMS centre is throttling".into(),
                        after: Some(wait),
                        throttled: true,
                    };
                }
                tokio::time::sleep(wait).await;
            }
            let link = match self.link().await {
                Ok(link) => link,
                Err(outcome) if !tally.begun() => return outcome,
                Err(_) => return tally.outcome(self.receipts, None),
            };
            let open = tally.open();
            let answers = join_all(open.iter().map(|n| self.send_piece(&link, message, pieces, *n))).await;
            for (number, answer) in open.into_iter().zip(answers) {
                self.note_throttling(&answer);
                tally.note(number, answer);
            }
            let late = started.elapsed() > REST_PATIENCE;
            if tally.is_settled() || !tally.begun() || late {
                return tally.outcome(self.receipts, self.throttle.wait(Instant::now()));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn send_piece(&self, link: &Link, message: &Addressed<'_>, pieces: &[Piece], number: usize) -> Answer {
        let Some(piece) = pieces.get(number) else { return Answer::NotWritten(String::new()) };
        let submit = Submit {
            source: message.source,
            destination: message.destination,
            has_header: piece.has_header,
            data_coding: piece.data_coding,
            receipt: self.receipts && number + 1 == pieces.len(),
            reference: self.receipts.then_some(message.reference),
            message: &piece.bytes,
            as_payload: piece.as_payload,
        };
        link.submit(&submit, WINDOW_PATIENCE).await
    }

    fn note_throttling(&self, answer: &Answer) {
        if let Answer::Given { status, .. } = answer {
            match status::meaning(*status) {
                Meaning::Slower => self.throttle.slower(Instant::now()),
                Meaning::Taken => self.throttle.passed(Instant::now()),
                _ => {}
            }
        }
    }

    fn pieces(&self, body: &SmsBody) -> Vec<Piece> {
        let as_payload = self.settings.long_messages == LongMessages::Payload;
        let reference = self.concatenation.fetch_add(1, Ordering::Relaxed);
        segments::pieces(&body.text, reference, as_payload, self.settings.latin1_default)
    }
}

struct Addressed<'a> {
    source: Address<'a>,
    destination: Address<'a>,
    reference: u16,
}

// what became of each part
struct Tally {
    answers: Vec<Option<Answer>>,
}

impl Tally {
    fn new(parts: usize) -> Self {
        Self { answers: (0..parts).map(|_| None).collect() }
    }

    fn note(&mut self, number: usize, answer: Answer) {
        if let Some(slot) = self.answers.get_mut(number) {
            *slot = Some(answer);
        }
    }

    // parts that are known not to be with the centre, and may be sent
    fn open(&self) -> Vec<usize> {
        let is_open = |answer: &Option<Answer>| match answer {
            None | Some(Answer::NotWritten(_)) => true,
            Some(Answer::Unanswered(_)) => false,
            Some(Answer::Given { status, .. }) => {
                matches!(status::meaning(*status), Meaning::Slower | Meaning::Later)
            }
        };
        (0..self.answers.len()).filter(|n| is_open(&self.answers[*n])).collect()
    }

    // something left, or may have
    fn begun(&self) -> bool {
        self.answers.iter().flatten().any(|answer| match answer {
            Answer::Given { status, .. } => *status == status::OK,
            Answer::Unanswered(_) => true,
            Answer::NotWritten(_) => false,
        })
    }

    fn refusal(&self) -> Option<(i16, u32)> {
        self.answers.iter().flatten().find_map(|answer| match answer {
            Answer::Given { status, .. } => match status::meaning(*status) {
                Meaning::Never(result) => Some((result, *status)),
                _ => None,
            },
            _ => None,
        })
    }

    // nothing more can be done by sending
    fn is_settled(&self) -> bool {
        let unanswered = self.answers.iter().flatten().any(|a| matches!(a, Answer::Unanswered(_)));
        unanswered || self.refusal().is_some() || self.open().is_empty()
    }

    fn outcome(self, receipts: bool, wait: Option<Duration>) -> Outcome {
        let begun = self.begun();
        if let Some(detail) = self.answers.iter().flatten().find_map(Answer::silence) {
            return Outcome::InDoubt { detail };
        }
        if let Some((result, status)) = self.refusal() {
            return Outcome::refused(result, status::name(status));
        }
        let open = self.open();
        match (open.first(), begun) {
            (None, _) => self.taken(receipts),
            (Some(_), true) => {
                let (missing, all) = (open.len(), self.answers.len());
                Outcome::refused(GENERAL_ERROR, format!("{missing} of {all} parts were not taken"))
            }
            (Some(first), false) => self.not_sent(*first, wait),
        }
    }

    fn taken(self, receipts: bool) -> Outcome {
        let last = self.answers.into_iter().next_back().flatten();
        let provider_id = match last {
            Some(Answer::Given { message_id, .. }) => message_id,
            _ => String::new(),
        };
        // a receipt for a message without an id could not be told from any other
        if receipts && !provider_id.is_empty() {
            Outcome::Accepted { provider_id }
        } else {
            Outcome::Delivered { provider_id }
        }
    }

    fn not_sent(&self, first: usize, wait: Option<Duration>) -> Outcome {
        match self.answers.get(first).and_then(Option::as_ref) {
            Some(Answer::Given { status, .. }) => {
                let throttled = status::meaning(*status) == Meaning::Slower;
                Outcome::Retry { detail: status::name(*status), after: wait, throttled }
            }
            Some(Answer::NotWritten(reason)) => Outcome::not_sent(reason.clone()),
            _ => Outcome::not_sent("not sent"),
        }
    }
}

impl Answer {
    fn silence(&self) -> Option<String> {
        match self {
            Answer::Unanswered(reason) => Some(reason.clone()),
            _ => None,
        }
    }
}

#[async_trait]
impl Carrier for SmppCarrier {
    async fn send(&self, message: OutMessage) -> Outcome {
        let Body::Sms(body) = &message.body else {
            return Outcome::refused(GENERAL_ERROR, "an SMS centre takes text messages only");
        };
        let addresses = address::source(&message.from, &self.settings)
            .and_then(|source| Ok((source, address::destination(&message.to, &self.settings)?)));
        let (source, destination) = match addresses {
            Ok(addresses) => addresses,
            Err(outcome) => return outcome,
        };
        let pieces = self.pieces(body);
        if pieces.is_empty() {
            return Outcome::refused(GENERAL_ERROR, "a text message has 1 character to 255 segments");
        }
        let addressed = Addressed { source, destination, reference: message.short_reference() };
        self.send_pieces(&addressed, &pieces).await
    }

    fn status(&self) -> CarrierStatus {
        match (self.bindings.status(), self.throttle.wait(Instant::now())) {
            (CarrierStatus::Connected, Some(wait)) => {
                let micros = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
                CarrierStatus::Throttled { until: (self.now)().saturating_add(micros) }
            }
            (status, _) => status,
        }
    }

    async fn close(&self) {
        self.bindings.close().await;
        self.stop.cancel();
    }
}
