//! One call as the user agent sees it, from its INVITE to its end.
use std::sync::Arc;
use std::time::Duration;

use rsipstack::sip::headers::Header;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Method, Request, Response, StatusCode, StatusCodeKind};
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transaction::transaction::Transaction;
use rsipstack::transport::{SipAddr, SipConnection};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::Instant;

use super::asking::Asking;
use super::challenge::Challenges;
use super::dialog::{Dialog, remote_tag};
use super::endpoint::{Endpoint, Registered, reply};
use super::flow::{Own, Way, address};
use super::refresh::Refreshing;
use super::work::{Got, Working, authenticate, begin, receive, worked};
use super::{Credentials, Invite, Transport, UaError, requests};

/// How long a message may be on its way (RFC 3261, T4). The transaction of an answered call lasts 32 s by the library, of
/// which each second costs 11 KB a call.
const ON_ITS_WAY: Duration = Duration::from_secs(5);

/// What happens to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LegEvent {
    /// The INVITE is on its way.
    Sent,
    /// The next system works on it.
    Provisional,
    /// The far end rings, or sends early media as it describes here.
    Ringing(Vec<u8>),
    /// It was answered, with this description; the answer is acknowledged. An answer that crosses a cancellation comes
    /// like any other.
    Answered(Vec<u8>),
    /// It was not answered. Nothing follows.
    Failed(Failure),
    /// The far end hung up. Nothing follows.
    Ended,
}

/// How a call failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failure {
    /// The final status; none where nobody said anything in time, or said it otherwise.
    pub status: Option<u16>,
    /// What the telephone network says (Q.850), where a call does not go by our own SIP.
    pub cause: Option<u8>,
    /// Who placed it is not there any more: what became of it is not known.
    pub broken: bool,
    /// It rang before, or had early media.
    pub rang: bool,
    /// We had asked for its end.
    pub cancelled: bool,
    /// The Reason headers, as they came; or why nothing was sent.
    pub reason: Option<String>,
    /// It never left: nobody's phone can have rung by it.
    pub unsent: bool,
    /// When to ask again, seconds.
    pub retry_after: Option<u32>,
}

/// A call.
pub struct Leg {
    pub(super) endpoint: Arc<Endpoint>,
    /// How it goes out, and where we are reached.
    pub(super) way: Way,
    pub(super) own: Own,
    /// The connection that it went out by, if by one.
    pub(super) flow: Option<SipConnection>,
    pub(super) credentials: Option<Credentials>,
    pub(super) answerer: super::Answerer,
    challenges: Challenges,
    pub(super) cseq: u32,
    /// None once the transaction of the INVITE is over.
    working: Option<Working>,
    inbox: UnboundedReceiver<Box<Transaction>>,
    books: Option<Registered>,
    /// What a cancellation is made of: known from the first provisional answer on.
    pub(super) cancelable: Option<Cancelable>,
    pub(super) cancel: Cancel,
    pub(super) give_up: Option<Instant>,
    /// Nobody waits for an answer any more: it would be ended at once.
    abandoned: bool,
    rang: bool,
    pub(super) answered: Option<Dialog>,
    forks: Vec<String>,
    pub(super) refreshing: Refreshing,
    pub(super) asking: Asking,
    over: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cancel {
    No,
    Wanted,
    Sent,
}

pub(super) struct Cancelable {
    pub invite: Request,
    pub connection: Option<SipConnection>,
    pub destination: Option<SipAddr>,
}

impl Leg {
    pub(super) fn new(endpoint: Arc<Endpoint>, invite: Invite) -> Result<Self, UaError> {
        let request = requests::invite(&endpoint, &invite)?;
        let library = |error: rsipstack::Error| UaError::Library(error.to_string());
        let call_id = request.call_id_header().map_err(|error| library(error.into()))?.value().to_owned();
        let way = Way { at: invite.destination, trust: invite.trust, ..Way::to(&request.uri, invite.transport) };
        let key = TransactionKey::from_request(&request, TransactionRole::Client).map_err(library)?;
        let mut transaction = Transaction::new_client(key, request, endpoint.library.clone(), None);
        transaction.destination = way.at.map(|at| address(at, way.transport));
        let (tell, inbox) = unbounded_channel();
        let books = endpoint.register(&call_id, tell);
        let working: Working = Box::pin(begin(Arc::clone(&endpoint), transaction, way.clone()));
        Ok(Self {
            credentials: invite.credentials,
            cseq: 1,
            working: Some(working),
            ..Self::quiet(endpoint, way, invite.answerer, (inbox, books))
        })
    }

    /// A call that came in and was answered by us.
    pub(super) fn taken(
        endpoint: Arc<Endpoint>,
        (dialog, answerer): (Dialog, super::Answerer),
        mail: (UnboundedReceiver<Box<Transaction>>, Registered),
        refreshing: Refreshing,
    ) -> Self {
        let way = Way::to(&dialog.target, Transport::Udp);
        Self { answered: Some(dialog), refreshing, ..Self::quiet(endpoint, way, answerer, mail) }
    }

    /// One of which nothing is sent or known yet.
    fn quiet(
        endpoint: Arc<Endpoint>,
        way: Way,
        answerer: super::Answerer,
        (inbox, books): (UnboundedReceiver<Box<Transaction>>, Registered),
    ) -> Self {
        Self {
            own: endpoint.own(way.transport, None),
            way,
            flow: None,
            credentials: None,
            answerer,
            challenges: Challenges::default(),
            cseq: 0,
            working: None,
            inbox,
            books: Some(books),
            cancelable: None,
            cancel: Cancel::No,
            give_up: None,
            abandoned: false,
            rang: false,
            answered: None,
            forks: Vec::new(),
            refreshing: Refreshing::default(),
            asking: Asking::default(),
            over: false,
            endpoint,
        }
    }

    /// What happens next; none once the call is over. May be dropped and called again.
    pub async fn next(&mut self) -> Option<LegEvent> {
        while !self.over {
            let (give_up, timer) = (self.give_up, self.refreshing.next());
            let event = tokio::select! {
                (transaction, got) = worked(&mut self.working) => self.got(transaction, got),
                Some(request) = self.inbox.recv() => self.asked(*request),
                () = until(timer) => self.timer_is_due(),
                answer = self.refreshing.answered() => self.was_refreshed(answer),
                is_there = self.asking.answered() => self.was_asked(is_there),
                () = until(give_up) => {
                    self.working = None;
                    self.fail(Failure { cancelled: true, rang: self.rang, ..Failure::default() })
                }
            };
            if event.is_some() {
                return event;
            }
        }
        None
    }

    /// Asks for the end of a call that nobody has answered; sent as soon as the rules allow.
    pub fn cancel(&mut self) {
        if self.answered.is_none() && self.cancel == Cancel::No {
            self.cancel = Cancel::Wanted;
            self.send_cancel();
        }
    }

    /// Ends the call. An answer that comes yet is taken and ended at once.
    pub fn hangup(&mut self) {
        self.abandoned = true;
        match self.answered.take() {
            Some(dialog) => {
                self.bye(dialog);
                self.end();
            }
            None => self.cancel(),
        }
    }

    /// Whether the call was answered and is up.
    pub fn is_up(&self) -> bool {
        self.answered.is_some() && !self.over
    }

    /// Stays with the transaction of an ended call for as long as an answer may still be on its way: those of other
    /// branches are ended. Repeated ones are acknowledged by the library, also after that.
    pub async fn drain(mut self) {
        self.books = None;
        let mut end = self.over.then(|| Instant::now() + ON_ITS_WAY);
        while let Some(working) = self.working.take() {
            let (transaction, got) = tokio::select! {
                done = working => done,
                () = until(end) => return,
            };
            if let Got::Answer(Some(response)) = got {
                if response.status_code.kind() != StatusCodeKind::Provisional {
                    end.get_or_insert_with(|| Instant::now() + ON_ITS_WAY);
                }
                self.branch(&transaction, &response);
                self.working = Some(Box::pin(receive(transaction)));
            }
        }
    }

    fn got(&mut self, transaction: Transaction, got: Got) -> Option<LegEvent> {
        match got {
            Got::Sent => {
                self.flow = transaction.connection.clone().filter(SipConnection::is_reliable);
                self.own = self.endpoint.own(self.way.transport, self.flow.as_ref());
                self.working = Some(Box::pin(receive(transaction)));
                Some(LegEvent::Sent)
            }
            Got::Broken(error) => {
                tracing::warn!(%error, "a call could not be sent");
                let reason = matches!(error, UaError::Unreachable(..)).then(|| error.to_string());
                self.fail(Failure { unsent: reason.is_some(), reason, ..Failure::default() })
            }
            // over: after an answer that is the usual course
            Got::Answer(None) if self.answered.is_some() => None,
            Got::Answer(None) => self.fail(Failure::default()),
            Got::Answer(Some(response)) => match response.status_code.kind() {
                StatusCodeKind::Provisional => self.provisional(transaction, response),
                StatusCodeKind::Successful => self.success(transaction, response),
                _ => self.refused(transaction, response),
            },
        }
    }

    fn provisional(&mut self, transaction: Transaction, response: Response) -> Option<LegEvent> {
        if self.cancelable.is_none() {
            self.cancelable = Some(Cancelable {
                invite: transaction.original.clone(),
                connection: transaction.connection.clone(),
                destination: transaction.destination.clone(),
            });
        }
        self.working = Some(Box::pin(receive(transaction)));
        self.send_cancel();
        match response.status_code.code() {
            180..=189 => {
                self.rang = true;
                Some(LegEvent::Ringing(response.body))
            }
            _ => Some(LegEvent::Provisional),
        }
    }

    fn success(&mut self, transaction: Transaction, response: Response) -> Option<LegEvent> {
        if self.answered.is_some() {
            self.branch(&transaction, &response);
            self.working = Some(Box::pin(receive(transaction)));
            return None;
        }
        let dialog = Dialog::of(&transaction.original, &response);
        self.working = Some(Box::pin(receive(transaction)));
        self.give_up = None;
        self.cancelable = None;
        let Some(dialog) = dialog else {
            tracing::warn!("an answer without a usable address");
            return self.fail(Failure { status: Some(500), rang: self.rang, ..Failure::default() });
        };
        self.forks.push(dialog.remote_tag.clone());
        self.refreshing.begin(&response, self.endpoint.shortest_session);
        if self.abandoned {
            self.bye(dialog);
            return self.fail(Failure { cancelled: true, rang: self.rang, ..Failure::default() });
        }
        self.answered = Some(dialog);
        Some(LegEvent::Answered(response.body))
    }

    /// A second branch that answers is ended; its answer was acknowledged by the library.
    fn branch(&mut self, transaction: &Transaction, response: &Response) {
        let tag = remote_tag(response).unwrap_or_default();
        if response.status_code.kind() != StatusCodeKind::Successful || self.forks.contains(&tag) {
            return;
        }
        self.forks.push(tag);
        if let Some(dialog) = Dialog::of(&transaction.original, response) {
            self.bye(dialog);
        }
    }

    fn refused(&mut self, transaction: Transaction, response: Response) -> Option<LegEvent> {
        let challenge =
            matches!(response.status_code, StatusCode::Unauthorized | StatusCode::ProxyAuthenticationRequired);
        if challenge && self.cancel == Cancel::No && !self.abandoned {
            let credentials = self.credentials.as_ref().filter(|_| self.challenges.answers(&response));
            if let Some(credentials) = credentials {
                self.cseq += 1;
                self.cancelable = None;
                self.working = Some(Box::pin(authenticate(transaction, response, credentials.clone(), self.cseq)));
                return None;
            }
        }
        let ours = response.headers.iter().any(|header| header.name() == self.endpoint.mark);
        let header = |name: &str| {
            let values: Vec<&str> = response.headers.iter().filter(|h| h.name() == name).map(Header::value).collect();
            (!values.is_empty()).then(|| values.join(", "))
        };
        let retry_after = header("Retry-After").and_then(|value| seconds(&value));
        self.fail(Failure {
            status: (!ours).then(|| response.status_code.code()),
            rang: self.rang,
            cancelled: self.cancel == Cancel::Sent,
            reason: header("Reason"),
            retry_after,
            ..Failure::default()
        })
    }

    /// A request of the far end during the call.
    fn asked(&mut self, transaction: Transaction) -> Option<LegEvent> {
        let owned = self.answered.as_ref().is_some_and(|dialog| dialog.owns(&transaction.original));
        if !owned {
            reply(transaction, StatusCode::CallTransactionDoesNotExist, None);
            return None;
        }
        match transaction.original.method {
            Method::Bye => {
                reply(transaction, StatusCode::OK, None);
                self.end();
                return Some(LegEvent::Ended);
            }
            Method::Invite | Method::Update => self.refreshed_by(transaction),
            Method::Options | Method::Info => reply(transaction, StatusCode::OK, None),
            Method::Ack => (),
            _ => reply(transaction, StatusCode::MethodNotAllowed, None),
        }
        None
    }

    fn fail(&mut self, failure: Failure) -> Option<LegEvent> {
        self.end();
        Some(LegEvent::Failed(failure))
    }

    /// The slot is free from here on, whatever its transactions still do.
    pub(super) fn end(&mut self) {
        self.over = true;
        self.books = None;
        self.answered = None;
        self.cancelable = None;
    }
}

/// The seconds that a header begins with. More than can be counted are as many as can.
fn seconds(value: &str) -> Option<u32> {
    let value = value.trim();
    let digits = value.split_once(|c: char| !c.is_ascii_digit()).map_or(value, |(digits, _)| digits);
    (!digits.is_empty()).then(|| digits.parse().unwrap_or(u32::MAX))
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn a_pause_of_more_seconds_than_can_be_counted_is_a_long_one() {
        assert_eq!((seconds("30 (busy hour)"), seconds(" 7;duration=60")), (Some(30), Some(7)));
        assert_eq!((seconds("4294967296"), seconds("99999999999999999999999")), (Some(u32::MAX), Some(u32::MAX)));
        assert_eq!((seconds(""), seconds("soon"), seconds("-1")), (None, None, None));
    }
}
