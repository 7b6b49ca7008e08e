//! A line to a phone that is called beside the calls of records: an agent's, a supervisor's, that of a third person.
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cxc_core::enumerations::CallResult;
use cxc_dialer::engine::CallSpec;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::Shared;
use super::call::{Channel, weigh};
use super::leg::Leg;
use super::vigil::Vigil;
use crate::media::{Peer, Stream};
use crate::ua::{Credentials, Invite, LegEvent, Transport, Trust};

/// How long such a phone rings, unless it is said otherwise.
pub(super) const RING: Duration = Duration::from_secs(30);

/// A phone that is called by its address.
#[derive(Debug, Clone)]
pub struct Phone {
    /// The SIP URI of the phone.
    pub uri: String,
    /// Where requests go, if not to the host of the URI.
    pub place: Option<SocketAddr>,
    /// How it is reached.
    pub transport: Transport,
    /// Whose word is taken for who it is, by TLS.
    pub trust: Option<Trust>,
    /// Its audio must be encrypted.
    pub srtp: bool,
    /// For challenges.
    pub credentials: Option<Credentials>,
}

impl Phone {
    /// A phone by UDP at the host of its address.
    pub fn at(uri: &str) -> Self {
        let (uri, transport) = (uri.to_owned(), Transport::Udp);
        Self { uri, place: None, transport, trust: None, srtp: false, credentials: None }
    }
}

/// Who is called.
pub(super) enum Callee {
    Phone(Phone),
    /// By a trunk, within its limits, after the same last look as any call.
    Number(Box<CallSpec>),
}

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineEvent {
    Up,
    /// Its last event, and why.
    Down(CallResult),
}

/// The hand that holds a line: the phone is hung up when it is dropped.
pub(super) struct Line {
    peer: Arc<Mutex<Option<Peer>>>,
    _hold: UnboundedSender<()>,
}

impl Line {
    /// Its audio, while it is up.
    pub fn peer(&self) -> Option<Peer> {
        self.peer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Calls on a task of its own.
pub(super) fn call(
    shared: Arc<Shared>,
    callee: Callee,
    ring: Duration,
    tell: impl Fn(LineEvent) + Send + Sync + 'static,
) -> Line {
    let peer = Arc::new(Mutex::new(None));
    let (hold, held) = unbounded_channel();
    let slot = Arc::clone(&peer);
    tokio::spawn(async move {
        let up = |stream: &Stream| {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(stream.peer());
            tell(LineEvent::Up);
        };
        let result = keep(&shared, (callee, ring), held, up).await;
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = None;
        tell(LineEvent::Down(result));
    });
    Line { peer, _hold: hold }
}

/// How a line ended.
async fn keep(
    shared: &Shared,
    (callee, ring): (Callee, Duration),
    mut held: UnboundedReceiver<()>,
    up: impl FnOnce(&Stream),
) -> CallResult {
    let (mut leg, stream, channel) = match place(shared, callee) {
        Ok(placed) => placed,
        Err(result) => return result,
    };
    let answered = tokio::select! {
        answered = timeout(ring, answer(shared, &mut leg, channel.as_ref())) => answered.unwrap_or(Err(CallResult::NoAnswer)),
        _ = held.recv() => Err(CallResult::Cleared),
    };
    let agree = |description: Vec<u8>| stream.terms(&description).map_err(|_| CallResult::DialError);
    let agreed = answered.and_then(agree);
    let agreed = match agreed {
        Ok(agreed) => agreed,
        Err(result) => {
            leg.hangup();
            tokio::spawn(finish(leg));
            return result;
        }
    };
    if let Some(channel) = &channel {
        channel.answered();
    }
    stream.agree(agreed);
    up(&stream);
    let result = tokio::select! {
        () = stay(&mut leg, &stream) => CallResult::RemoteRelease,
        _ = held.recv() => {
            leg.hangup();
            CallResult::Cleared
        }
    };
    tokio::spawn(leg.drain());
    result
}

/// The call with its audio, and the channel of a trunk that it takes.
fn place(shared: &Shared, callee: Callee) -> Result<(Leg, Arc<Stream>, Option<Channel<'_>>), CallResult> {
    // nobody wants to know which keys are pressed there
    let (tell, _digits) = unbounded_channel();
    let open = |tell, is_secure| {
        Stream::open(&shared.ports, tell, is_secure).map(Arc::new).map_err(|_| CallResult::NoFreePort)
    };
    match callee {
        Callee::Phone(phone) => {
            let mut invite = Invite::new(&phone.uri, "\"Calls\" <sip:dialer@anonymous.invalid>", vec![]);
            invite.destination = phone.place;
            invite.transport = phone.transport;
            invite.trust = phone.trust;
            invite.credentials = phone.credentials;
            let stream = open(tell, phone.srtp)?;
            let leg = Leg::by_sip(shared, invite, &stream).map_err(|_| CallResult::SystemError)?;
            Ok((leg, stream, None))
        }
        Callee::Number(spec) => {
            let country = shared.destinations.look(&spec.number).map_err(|_| CallResult::DialError)?;
            if !shared.trunks.reach(country) {
                return Err(CallResult::DialError);
            }
            let trunk = shared.trunks.take(country, &[], shared.clock.now()).ok_or(CallResult::AllTrunksBusy)?;
            let channel = Channel::new(shared, trunk);
            let stream = open(tell.clone(), shared.trunks.options(trunk).srtp)?;
            let leg = Leg::by_trunk(shared, &spec, trunk, &stream, tell).map_err(|_| CallResult::SystemError)?;
            Ok((leg, stream, Some(channel)))
        }
    }
}

/// The description of who answers.
async fn answer(shared: &Shared, leg: &mut Leg, channel: Option<&Channel<'_>>) -> Result<Vec<u8>, CallResult> {
    let mut early = Vec::new();
    loop {
        let event = leg.next().await;
        if let Some(channel) = channel {
            shared.trunk_said(channel.trunk, event.as_ref());
        }
        match event {
            // an answer without a description stands by an earlier one
            Some(LegEvent::Answered(description)) if description.is_empty() => return Ok(early),
            Some(LegEvent::Answered(description)) => return Ok(description),
            Some(LegEvent::Ringing(description)) if !description.is_empty() => early = description,
            Some(LegEvent::Failed(failure)) => {
                let outcome = match channel {
                    Some(channel) => weigh(shared, channel, &failure),
                    None => crate::result::outcome(&failure),
                };
                return Err(outcome.result);
            }
            Some(LegEvent::Ended) | None => return Err(CallResult::RemoteRelease),
            Some(_) => (),
        }
    }
}

/// Stays with a line until its far end hangs up, or is gone.
async fn stay(leg: &mut Leg, stream: &Stream) {
    let mut vigil = Vigil::over_a_phone();
    loop {
        tokio::select! {
            event = leg.next() => if event.is_none() {
                return;
            },
            is_worried = vigil.is_worried(stream) => if is_worried {
                leg.ask();
            },
        }
    }
}

/// A call that was given up: what still comes of it is taken.
async fn finish(mut leg: Leg) {
    over(&mut leg).await;
    leg.drain().await;
}

async fn over(leg: &mut Leg) {
    while leg.next().await.is_some() {}
}
