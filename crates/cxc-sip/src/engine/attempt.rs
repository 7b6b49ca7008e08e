//! One leg by one trunk.
use std::sync::{Arc, Mutex, PoisonError};

use cxc_dialer::call::{CallEvent, CallId};
use cxc_dialer::engine::CallSpec;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::leg::Leg;
use super::{Order, Shared};
use crate::media::{MediaEvent, PortsError, Stream};
use crate::sdp::{self, SdpError};
use crate::ua::{Failure, LegEvent, UaError};

/// A leg with its audio. The call ends when this is dropped.
pub(super) struct Attempt {
    pub leg: Leg,
    pub stream: Arc<Stream>,
    pub media: UnboundedReceiver<MediaEvent>,
    /// Whether the two agreed on audio.
    pub agreed: bool,
}

/// Why there is no leg.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoLeg {
    #[error(transparent)]
    Port(#[from] PortsError),
    #[error(transparent)]
    Ua(#[from] UaError),
}

impl Attempt {
    pub fn new(shared: &Shared, spec: &CallSpec, trunk: usize) -> Result<Self, NoLeg> {
        let (tell, media) = unbounded_channel();
        let is_secure = shared.trunks.options(trunk).srtp;
        let stream = Arc::new(Stream::open(&shared.ports, tell.clone(), is_secure)?);
        let leg = Leg::by_trunk(shared, spec, trunk, &stream, tell)?;
        Ok(Self { leg, stream, media, agreed: false })
    }

    /// Takes over what a description of the far end says; an answer without one stands by an earlier description.
    pub fn describe(&mut self, description: &[u8]) -> Result<(), SdpError> {
        if description.is_empty() && self.agreed {
            return Ok(());
        }
        self.stream.agree(self.stream.terms(description)?);
        self.agreed = true;
        Ok(())
    }
}

/// Answers offers that the far end makes during the call: it moves its media, or holds the call.
pub(super) fn answerer(stream: &Arc<Stream>) -> crate::ua::Answerer {
    let stream = Arc::downgrade(stream);
    let versions = Mutex::new((session(), 0));
    Arc::new(move |offer| {
        let stream = stream.upgrade()?;
        let mut versions = versions.lock().unwrap_or_else(PoisonError::into_inner);
        versions.1 += 1;
        let (session, version) = *versions;
        if offer.is_empty() {
            return Some(sdp::offer(stream.described(), session));
        }
        let agreed = stream.terms(offer).ok()?;
        stream.agree(agreed);
        Some(sdp::answer(stream.described(), session, version, &agreed))
    })
}

/// A number for a session.
pub(super) fn session() -> u64 {
    let mut random = [0; 8];
    // a session of number zero is one too
    let _zero = getrandom::fill(&mut random);
    u64::from_be_bytes(random) >> 2
}

/// What comes of a leg before it is answered.
pub(super) enum Placed {
    /// It is up.
    Answered,
    /// It never will be.
    Failed(Failure),
    /// It was answered, but not in a way that people could talk.
    Unusable(SdpError),
}

impl Attempt {
    /// Until the call is answered or has failed.
    pub async fn placed(
        &mut self,
        shared: &Shared,
        (call, trunk): (CallId, usize),
        orders: &mut UnboundedReceiver<Order>,
    ) -> Placed {
        loop {
            tokio::select! {
                event = self.leg.next() => {
                    shared.trunk_said(trunk, event.as_ref());
                    match event {
                        Some(LegEvent::Sent) => shared.event(call, CallEvent::Sent),
                        Some(LegEvent::Provisional) => shared.event(call, CallEvent::Provisional),
                        Some(LegEvent::Ringing(description)) => {
                            // ringing without audio is the usual case
                            let _silent = self.describe(&description);
                            shared.event(call, CallEvent::Ringing);
                        }
                        Some(LegEvent::Answered(description)) => {
                            return self.describe(&description).map_or_else(Placed::Unusable, |()| Placed::Answered);
                        }
                        Some(LegEvent::Failed(failure)) => return Placed::Failed(failure),
                        Some(LegEvent::Ended) | None => return Placed::Failed(Failure::default()),
                    }
                },
                order = orders.recv() => match order {
                    Some(Order::Cancel) => self.leg.cancel(),
                    Some(Order::Hangup) | None => self.leg.hangup(),
                    // for answered calls only
                    Some(
                        Order::Message
                        | Order::MachineMessage
                        | Order::Play(_)
                        | Order::Say(..)
                        | Order::SayOn(_)
                        | Order::Lend(_)
                        | Order::Return
                        | Order::Script(_)
                        | Order::Bridge(..)
                        | Order::Talk(_),
                    ) => (),
                },
            }
        }
    }
}
