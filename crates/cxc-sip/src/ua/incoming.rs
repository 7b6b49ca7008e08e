//! Calls that come in: who may, and what becomes of them until they are answered. The library answers CANCEL, absorbs
//! INVITEs that are repeated and finds the ACK; a 200 is repeated from here until the ACK is there.
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rsipstack::sip::headers::Header;
use rsipstack::sip::prelude::{HeadersExt, ToTypedHeader};
use rsipstack::sip::{Method, Request, Response, SipMessage, StatusCode};
use rsipstack::transaction::transaction::{Transaction, TransactionEvent, TransactionEventSender};
use rsipstack::transaction::{TO_TAG_LEN, random_text};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, timeout_at};

use super::dialog::Dialog;
use super::endpoint::{Endpoint, Registered};
use super::refresh::Refreshing;
use super::session::Timer;
use super::{Answerer, Leg, Transport, requests};

/// T1 and T2 of RFC 3261.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(4);
/// How long an ACK is waited for: 64 times T1.
const ACK: Duration = Duration::from_secs(32);
/// The longest Call-ID that is taken, bytes.
const MOST_ID: usize = 256;

/// A call as it is seen before it is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knock {
    /// From where its request came.
    pub source: SocketAddr,
    /// Who is called: the user of the request, then that of its To header.
    pub dialed: [String; 2],
    /// The user of its From header; none where the caller does not want to be known.
    pub caller: Option<String>,
    /// Its Call-ID.
    pub call_id: String,
}

/// Why a call is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody may call from there: 403.
    Forbidden,
    /// There is no such number: 404.
    NotFound,
    /// Who is called talks already: 486.
    Engaged,
    /// Nobody can answer it: 480.
    Unavailable,
    /// No audio that both know: 488.
    NotAcceptable,
    /// Too many calls: 503.
    Busy,
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::Forbidden => StatusCode::Forbidden,
            Self::NotFound => StatusCode::NotFound,
            Self::Engaged => StatusCode::BusyHere,
            Self::Unavailable => StatusCode::TemporarilyUnavailable,
            Self::NotAcceptable => StatusCode::NotAcceptableHere,
            Self::Busy => StatusCode::ServiceUnavailable,
        }
    }
}

/// Says at once whether a call is taken: it is asked by the task that receives.
pub type Admit = Arc<dyn Fn(&Knock) -> Result<(), Refusal> + Send + Sync>;

/// Where calls come in.
#[derive(Clone)]
pub struct Door {
    /// Who may.
    pub admit: Admit,
    /// Where those who may are handed over; one for whom there is no room is refused.
    pub came: mpsc::Sender<Visitor>,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Door")
    }
}

impl Door {
    /// A call that comes in; one that is not taken is given back, with the answer to it.
    pub(super) fn open(
        &self,
        endpoint: &Arc<Endpoint>,
        transaction: Transaction,
    ) -> Result<(), (Box<Transaction>, StatusCode)> {
        let knock = match Knock::of(&transaction.original, &endpoint.mark) {
            Ok(knock) => knock,
            Err(status) => return Err((Box::new(transaction), status)),
        };
        // who is admitted has a place: a door that counts them counts right
        let room = self.came.try_reserve().map_err(|_| StatusCode::ServiceUnavailable);
        let room = room.and_then(|room| (self.admit)(&knock).map(|()| room).map_err(Refusal::status));
        match room {
            Ok(room) => {
                room.send(Visitor::new(endpoint, transaction, knock));
                Ok(())
            }
            Err(status) => Err((Box::new(transaction), status)),
        }
    }
}

impl Knock {
    /// What a request says; else how it is refused.
    fn of(request: &Request, mark: &str) -> Result<Self, StatusCode> {
        let wants = |header: &Header| match header {
            // provisional answers that are acknowledged, and whatever else there is: not here
            Header::Require(wanted) => wanted.value().split(',').any(|one| !one.trim().eq_ignore_ascii_case("timer")),
            _ => false,
        };
        if request.headers.iter().any(wants) {
            return Err(StatusCode::BadExtension);
        }
        Self::read(request, mark).ok_or(StatusCode::BadRequest)
    }

    fn read(request: &Request, mark: &str) -> Option<Self> {
        let source = request.headers.iter().find(|header| header.name() == mark)?.value().parse().ok()?;
        let from = request.from_header().ok()?.typed().ok()?;
        let to = request.to_header().ok()?.typed().ok()?;
        request.contact_header().ok()?.typed().ok()?;
        request.cseq_header().ok()?.seq().ok()?;
        let call_id = request.call_id_header().ok()?.value().to_owned();
        let user = |user: Option<&str>| user.unwrap_or_default().to_owned();
        let caller = user(from.uri.user());
        Some(Self {
            source,
            dialed: [user(request.uri.user()), user(to.uri.user())],
            caller: Some(caller).filter(|_| !is_private(request)),
            call_id: Some(call_id).filter(|id| !id.is_empty() && id.len() <= MOST_ID)?,
        })
    }
}

/// Whether the caller does not want to be known (RFC 3323).
fn is_private(request: &Request) -> bool {
    let mut wishes = request.headers.iter().filter(|header| header.name().eq_ignore_ascii_case("Privacy"));
    wishes.any(|header| {
        let mut words = header.value().split([';', ',']);
        words.any(|word| ["id", "user", "header"].iter().any(|wish| word.trim().eq_ignore_ascii_case(wish)))
    })
}

/// What happens to a call that was not answered, or whose answer was not acknowledged.
enum Heard {
    Cancelled,
    /// With its description.
    Acknowledged(Vec<u8>),
}

/// A call that came in and was not answered yet. One that is let go is refused.
pub struct Visitor {
    /// What is known of it.
    pub knock: Knock,
    endpoint: Arc<Endpoint>,
    invite: Request,
    tag: String,
    respond: TransactionEventSender,
    heard: UnboundedReceiver<Heard>,
    inbox: Option<UnboundedReceiver<Box<Transaction>>>,
    books: Option<Registered>,
    is_answered: bool,
}

impl Visitor {
    fn new(endpoint: &Arc<Endpoint>, transaction: Transaction, knock: Knock) -> Self {
        let (tell, inbox) = unbounded_channel();
        let books = endpoint.register(&knock.call_id, tell);
        let (hear, heard) = unbounded_channel();
        let mut invite = transaction.original.clone();
        // nobody else is to know its name
        invite.headers.retain(|header| header.name() != endpoint.mark);
        let visitor = Self {
            knock,
            endpoint: Arc::clone(endpoint),
            invite,
            tag: random_text(TO_TAG_LEN),
            respond: transaction.tu_sender.clone(),
            heard,
            inbox: Some(inbox),
            books: Some(books),
            is_answered: false,
        };
        tokio::spawn(stay(transaction, hear));
        visitor.respond(StatusCode::Trying, vec![], vec![]);
        visitor.respond(StatusCode::Ringing, vec![], vec![]);
        visitor
    }

    /// The description that the caller offers; none asks for ours.
    pub fn offer(&self) -> &[u8] {
        &self.invite.body
    }

    /// Refuses it.
    pub fn refuse(mut self, refusal: Refusal) {
        self.is_answered = true;
        self.respond(refusal.status(), vec![], vec![]);
    }

    /// Answers it, and waits until that is acknowledged; with what the ACK describes. None if the caller is gone.
    pub async fn answer(mut self, description: Vec<u8>, answerer: Answerer) -> Option<(Leg, Vec<u8>)> {
        self.is_answered = true;
        let timer = Timer::of(&self.invite.headers.0, false, self.endpoint.shortest_session);
        let mut headers = timer.as_ref().map(Timer::answer).unwrap_or_default();
        headers.push(Header::Contact(requests::contact(self.endpoint.own(Transport::Udp, None), None).into()));
        headers.push(Header::ContentType("application/sdp".to_owned().into()));
        headers.push(Header::Allow(requests::ALLOW.into()));
        headers.push(Header::Supported("timer".into()));
        let acknowledged = self.repeat(&headers, &description).await;
        let dialog = Dialog::of_caller(&self.invite, &self.tag)?;
        let leg = Leg::taken(
            Arc::clone(&self.endpoint),
            (dialog, answerer),
            (self.inbox.take()?, self.books.take()?),
            Refreshing::of_caller(&self.invite, timer),
        );
        match acknowledged {
            Some(Heard::Acknowledged(body)) => Some((leg, body)),
            Some(Heard::Cancelled) => None,
            // nobody knows whether the answer came: the call is ended, as the rules want it (RFC 3261, 13.3.1.4)
            None => {
                let mut leg = leg;
                leg.hangup();
                tokio::spawn(leg.drain());
                None
            }
        }
    }

    /// Sends the answer again and again until something is heard.
    async fn repeat(&mut self, headers: &[Header], description: &[u8]) -> Option<Heard> {
        let until = Instant::now() + ACK;
        let mut pause = FIRST;
        while Instant::now() < until {
            self.respond(StatusCode::OK, headers.to_vec(), description.to_vec());
            match timeout_at((Instant::now() + pause).min(until), self.heard.recv()).await {
                // the transaction is over: nothing more will be heard
                Ok(None) => return None,
                Ok(heard) => return heard,
                Err(_) => pause = (pause * 2).min(LONGEST),
            }
        }
        None
    }

    fn respond(&self, status: StatusCode, headers: Vec<Header>, body: Vec<u8>) {
        let response = response(&self.endpoint, (&self.invite, &self.tag), status, (headers, body));
        // a transaction that is over takes no answer
        let _over = self.respond.send(TransactionEvent::Respond(response));
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        if !self.is_answered {
            self.respond(Refusal::Unavailable.status(), vec![], vec![]);
        }
    }
}

fn response(
    endpoint: &Endpoint,
    (invite, tag): (&Request, &str),
    status: StatusCode,
    (headers, body): (Vec<Header>, Vec<u8>),
) -> Response {
    let is_trying = status == StatusCode::Trying;
    let mut response = endpoint.library.make_response(invite, status, (!body.is_empty()).then_some(body));
    if !is_trying {
        for header in response.headers.iter_mut() {
            if let Header::To(to) = header {
                *to = format!("{};tag={tag}", to.value()).into();
            }
        }
        let routes = invite.headers.iter().filter(|header| matches!(header, Header::RecordRoute(_)));
        response.headers.extend(routes.cloned().collect::<Vec<_>>());
    }
    response.headers.extend(headers);
    response
}

/// Stays with the transaction to its end. Answers come to it by its own queue.
async fn stay(mut transaction: Transaction, tell: UnboundedSender<Heard>) {
    while let Some(message) = transaction.receive().await {
        let SipMessage::Request(request) = message else { continue };
        let heard = match request.method {
            Method::Cancel => {
                if let Err(error) = transaction.reply(StatusCode::RequestTerminated).await {
                    tracing::debug!(%error, "a cancelled call could not be ended");
                }
                Heard::Cancelled
            }
            Method::Ack => Heard::Acknowledged(request.body),
            _ => continue,
        };
        // whoever answered may be gone
        let _gone = tell.send(heard);
    }
}
