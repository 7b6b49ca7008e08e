//! A line to a phone that is called beside the calls of records: an agent's, a supervisor's, that of a third person.
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cxc_core::enumerations::CallResult;
use cxc_dialer::engine::CallSpec;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::Shared;
use super::attempt::{answerer, session};
use super::call::{Channel, weigh};
use crate::media::{Peer, Stream};
use crate::sdp;
use crate::trunk::addressed;
use crate::ua::{Credentials, Invite, Leg, LegEvent, Transport};

/// How long such a phone rings.
const RING: Duration = Duration::from_secs(30);

/// A phone that is called by its address.
#[derive(Debug, Clone)]
pub struct Phone {
    /// The SIP URI of the phone.
    pub uri: String,
    /// Where requests go, if not to the host of the URI.
    pub place: Option<SocketAddr>,
    /// How it is reached.
    pub transport: Transport,
    /// For challenges.
    pub credentials: Option<Credentials>,
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
pub(super) fn call(shared: Arc<Shared>, callee: Callee, tell: impl Fn(LineEvent) + Send + Sync + 'static) -> Line {
    let peer = Arc::new(Mutex::new(None));
    let (hold, held) = unbounded_channel();
    let slot = Arc::clone(&peer);
    tokio::spawn(async move {
        let up = |stream: &Stream| {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(stream.peer());
            tell(LineEvent::Up);
        };
        let result = keep(&shared, callee, held, up).await;
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = None;
        tell(LineEvent::Down(result));
    });
    Line { peer, _hold: hold }
}

/// How a line ended.
async fn keep(
    shared: &Shared,
    callee: Callee,
    mut held: UnboundedReceiver<()>,
    up: impl FnOnce(&Stream),
) -> CallResult {
    let (tell, _digits) = unbounded_channel();
    let Ok(stream) = Stream::open(&shared.ports, tell).map(Arc::new) else { return CallResult::NoFreePort };
    let (mut invite, channel) = match invitation(shared, callee, &stream) {
        Ok(found) => found,
        Err(result) => return result,
    };
    invite.answerer = answerer(&stream);
    let Ok(mut leg) = shared.ua.invite(invite) else { return CallResult::SystemError };
    let answered = tokio::select! {
        answered = timeout(RING, answer(shared, &mut leg, channel.as_ref())) => answered.unwrap_or(Err(CallResult::NoAnswer)),
        _ = held.recv() => Err(CallResult::Cleared),
    };
    let agreed = answered.and_then(|description| sdp::agree(&description).map_err(|_| CallResult::DialError));
    let agreed = match agreed {
        Ok(agreed) => agreed,
        Err(result) => {
            leg.hangup();
            tokio::spawn(finish(leg));
            return result;
        }
    };
    stream.agree(agreed);
    up(&stream);
    let result = tokio::select! {
        () = over(&mut leg) => CallResult::RemoteRelease,
        _ = held.recv() => {
            leg.hangup();
            CallResult::Cleared
        }
    };
    tokio::spawn(leg.drain());
    result
}

/// The invitation, and the channel of a trunk that it takes.
fn invitation<'a>(
    shared: &'a Shared,
    callee: Callee,
    stream: &Stream,
) -> Result<(Invite, Option<Channel<'a>>), CallResult> {
    let offer = sdp::offer(stream.local(), session());
    match callee {
        Callee::Phone(phone) => {
            let mut invite = Invite::new(&phone.uri, "\"Calls\" <sip:dialer@anonymous.invalid>", offer);
            invite.destination = phone.place;
            invite.transport = phone.transport;
            invite.credentials = phone.credentials;
            Ok((invite, None))
        }
        Callee::Number(spec) => {
            let country = shared.destinations.look(&spec.number).map_err(|_| CallResult::DialError)?;
            if !shared.trunks.reach(country) {
                return Err(CallResult::DialError);
            }
            let trunk = shared.trunks.take(country, &[], shared.clock.now()).ok_or(CallResult::AllTrunksBusy)?;
            let channel = Channel { shared, trunk };
            let mut invite = addressed(&spec, shared.trunks.options(trunk), offer);
            invite.call_id_prefix.clone_from(&shared.call_id_prefix);
            Ok((invite, Some(channel)))
        }
    }
}

/// The description of who answers.
async fn answer(shared: &Shared, leg: &mut Leg, channel: Option<&Channel<'_>>) -> Result<Vec<u8>, CallResult> {
    let mut early = Vec::new();
    loop {
        match leg.next().await {
            // an answer without a description stands by an earlier one
            Some(LegEvent::Answered(description)) if description.is_empty() => return Ok(early),
            Some(LegEvent::Answered(description)) => return Ok(description),
            Some(LegEvent::Ringing(description)) if !description.is_empty() => early = description,
            Some(LegEvent::Failed(failure)) => {
                let outcome = match channel {
                    Some(channel) => weigh(shared, channel.trunk, &failure),
                    None => crate::result::outcome(&failure),
                };
                return Err(outcome.result);
            }
            Some(LegEvent::Ended) | None => return Err(CallResult::RemoteRelease),
            Some(_) => (),
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
