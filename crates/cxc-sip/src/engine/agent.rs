//! The phone of an agent, called once and kept for all calls ("nailed up").
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cxc_dialer::agent::{AgentEvent, AgentId};
use cxc_dialer::engine::EngineEvent;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::attempt::{answerer, session};
use super::{Report, Shared};
use crate::media::{Peer, Stream};
use crate::sdp;
use crate::ua::{Credentials, Invite, LegEvent, Transport};

/// How long an agent's phone rings.
const RING: Duration = Duration::from_secs(30);

/// Where an agent is called.
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

/// The hand that holds the phone's line: the phone is hung up when it is dropped.
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

/// Calls a phone on a task of its own.
pub(super) fn call(shared: Arc<Shared>, agent: AgentId, phone: Phone) -> Line {
    let peer = Arc::new(Mutex::new(None));
    let (hold, held) = unbounded_channel();
    let slot = Arc::clone(&peer);
    tokio::spawn(async move {
        let up = keep(&shared, agent, phone, &slot, held).await;
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = None;
        if let Err(error) = up {
            tracing::warn!(agent = agent.0, error, "the phone of an agent is not there");
        }
        shared.agent(agent, AgentEvent::LegLost);
    });
    Line { peer, _hold: hold }
}

async fn keep(
    shared: &Shared,
    agent: AgentId,
    phone: Phone,
    peer: &Mutex<Option<Peer>>,
    mut held: UnboundedReceiver<()>,
) -> Result<(), String> {
    let (tell, _digits) = unbounded_channel();
    let stream = Arc::new(Stream::open(&shared.ports, tell).map_err(|error| error.to_string())?);
    let offer = sdp::offer(stream.local(), session());
    let mut invite = Invite::new(&phone.uri, "\"Calls\" <sip:dialer@anonymous.invalid>", offer);
    invite.destination = phone.place;
    invite.transport = phone.transport;
    invite.credentials = phone.credentials;
    invite.answerer = answerer(&stream);
    let mut leg = shared.ua.invite(invite).map_err(|error| error.to_string())?;
    let answered = async {
        loop {
            match leg.next().await {
                Some(LegEvent::Answered(description)) => return Ok(description),
                Some(LegEvent::Failed(failure)) => return Err(format!("{failure:?}")),
                Some(_) => (),
                None => return Err("it hung up".to_owned()),
            }
        }
    };
    let answered = tokio::select! {
        answered = timeout(RING, answered) => answered.unwrap_or_else(|_| Err("nobody took it off the hook".into())),
        _ = held.recv() => Err("the agent left before".into()),
    };
    let agreed = answered.and_then(|description| sdp::agree(&description).map_err(|error| error.to_string()));
    let agreed = match agreed {
        Ok(agreed) => agreed,
        Err(error) => {
            leg.hangup();
            tokio::spawn(finish(leg));
            return Err(error);
        }
    };
    stream.agree(agreed);
    *peer.lock().unwrap_or_else(PoisonError::into_inner) = Some(stream.peer());
    shared.agent(agent, AgentEvent::LogIn);
    tokio::select! {
        () = over(&mut leg) => (),
        _ = held.recv() => leg.hangup(),
    }
    tokio::spawn(leg.drain());
    Ok(())
}

/// A call that was given up: what still comes of it is taken.
async fn finish(mut leg: crate::ua::Leg) {
    over(&mut leg).await;
    leg.drain().await;
}

async fn over(leg: &mut crate::ua::Leg) {
    while leg.next().await.is_some() {}
}

impl Shared {
    fn agent(&self, agent: AgentId, event: AgentEvent) {
        self.report(Report::Event(EngineEvent::Agent(agent, event)));
    }
}
