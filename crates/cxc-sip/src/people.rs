//! People and phones that are made up, by real SIP at one address: calls can be tried without a carrier.
use std::collections::HashSet;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use cxc_core::phone::PhoneParser;
use cxc_dialer::call::{CallEvent, CallId};
use cxc_dialer::engine::{CallEngine as _, EngineEvent};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

use crate::engine::{EngineOptions, Report, SipEngine};
use crate::trunk::{Destinations, Trunks};
use crate::ua::{Door, Refusal, UaError, UaOptions, Visitor};

/// Calls that ring at once; further ones are refused.
const MOST: usize = 1_000;
/// Nobody rings for longer.
const LONGEST_RING: Duration = Duration::from_secs(120);
/// A phone's user begins so: it answers at once and stays, as that of an agent does.
pub const PHONE: &str = "agent";

/// How made-up people behave. Shares are 0 to 1, times seconds from ... to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Manners {
    /// How many answer.
    pub answer: f64,
    /// How many are busy; all others let it ring.
    pub busy: f64,
    /// How long it rings before somebody answers.
    pub ring: (f64, f64),
    /// How long they talk.
    pub talk: (f64, f64),
}

impl Default for Manners {
    fn default() -> Self {
        Self { answer: 0.5, busy: 0.1, ring: (2.0, 9.0), talk: (8.0, 40.0) }
    }
}

/// What is next of a call.
enum Next {
    /// Somebody takes it.
    Answer(Box<Visitor>, bool),
    /// They have talked enough.
    Hangup(CallId),
}

/// Made-up people at an address.
pub struct People {
    engine: SipEngine,
    reports: UnboundedReceiver<Report>,
    visitors: mpsc::Receiver<Visitor>,
    manners: Manners,
    places: Arc<Semaphore>,
    /// Calls of people, who hang up; phones stay.
    talks: HashSet<CallId>,
    last: u64,
}

impl People {
    /// Opens their address, by UDP and TCP.
    pub async fn open(
        listen: SocketAddr,
        media_ports: RangeInclusive<u16>,
        phones: Arc<PhoneParser>,
        manners: Manners,
    ) -> Result<Self, UaError> {
        let (came, visitors) = mpsc::channel(MOST);
        let door = Door { admit: Arc::new(|_| Ok(())), came };
        let ua = UaOptions { listen: vec![listen], door: Some(door), ..UaOptions::default() };
        let options = EngineOptions { ua, media_ports, media_address: listen.ip(), ..EngineOptions::default() };
        let (engine, reports) = SipEngine::start(options, Trunks::new(Vec::new()), Destinations::new(phones)).await?;
        let places = Arc::new(Semaphore::new(MOST));
        Ok(Self { engine, reports, visitors, manners, places, talks: HashSet::new(), last: 0 })
    }

    /// Lives until told to stop; who talks then is hung up.
    pub async fn live(mut self, stop: CancellationToken) {
        let (tell, mut next) = unbounded_channel();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(visitor) = self.visitors.recv() => self.rings(visitor, &tell),
                Some(next) = next.recv() => self.goes_on(next),
                report = self.reports.recv() => match report {
                    Some(Report::Event(EngineEvent::Call(call, event))) => self.happened(call, event, &tell),
                    Some(Report::Down) | None => break,
                    Some(_) => (),
                },
            }
        }
        self.engine.close().await;
    }

    /// A call comes in: what they will do is decided at once.
    fn rings(&self, visitor: Visitor, tell: &UnboundedSender<Next>) {
        let [dialed, _] = &visitor.knock.dialed;
        if dialed.starts_with(PHONE) {
            return send(tell, Next::Answer(Box::new(visitor), false));
        }
        let Manners { answer, busy, ring, .. } = self.manners;
        let mood = chance();
        if mood < busy {
            return visitor.refuse(Refusal::Engaged);
        }
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return visitor.refuse(Refusal::Busy) };
        let tell = tell.clone();
        tokio::spawn(async move {
            let _place = place;
            if mood >= busy + answer {
                // the caller gives up before this; at its end it is refused
                return tokio::time::sleep(LONGEST_RING).await;
            }
            tokio::time::sleep(between(ring)).await;
            send(&tell, Next::Answer(Box::new(visitor), true));
        });
    }

    fn goes_on(&mut self, next: Next) {
        match next {
            Next::Answer(visitor, is_person) => {
                self.last += 1;
                let call = CallId(self.last);
                if is_person {
                    self.talks.insert(call);
                }
                self.engine.receive(call, *visitor);
            }
            Next::Hangup(call) => {
                let now = self.engine.clock().now();
                self.engine.hangup(call, now);
                self.talks.remove(&call);
            }
        }
    }

    fn happened(&mut self, call: CallId, event: CallEvent, tell: &UnboundedSender<Next>) {
        match event {
            CallEvent::Answered if self.talks.contains(&call) => {
                let (tell, talk) = (tell.clone(), between(self.manners.talk));
                tokio::spawn(async move {
                    tokio::time::sleep(talk).await;
                    send(&tell, Next::Hangup(call));
                });
            }
            CallEvent::Failed(_) | CallEvent::RemoteHangup => {
                self.talks.remove(&call);
            }
            _ => (),
        }
    }
}

/// Nobody is there any more who would do it.
fn send(tell: &UnboundedSender<Next>, next: Next) {
    let _over = tell.send(next);
}

/// A number from 0 to 1.
fn chance() -> f64 {
    let mut bytes = [0; 4];
    // without chance everybody is in the same middling mood
    match getrandom::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_ne_bytes(bytes)) / (f64::from(u32::MAX) + 1.0),
        Err(_) => 0.5,
    }
}

fn between((from, to): (f64, f64)) -> Duration {
    Duration::from_secs_f64((from + (to - from) * chance()).max(0.0))
}
