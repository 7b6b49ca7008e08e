//! The way of a call: our own SIP, or an Asterisk. Above it there is no difference.
use std::sync::Arc;

use cxc_dialer::engine::CallSpec;
use tokio::sync::mpsc::UnboundedSender;

use super::Shared;
use super::attempt::{answerer, session};
use crate::ari;
use crate::media::{MediaEvent, Stream};
use crate::sdp;
use crate::trunk::{addressed, originated};
use crate::ua::{self, Invite, LegEvent, UaError};

/// A call from its order to its end.
pub(super) enum Leg {
    Sip(Box<ua::Leg>),
    Asterisk(ari::Leg),
}

impl Leg {
    /// Places a call by a trunk. Keys that its person presses go to `digits`, whichever way they come.
    pub fn by_trunk(
        shared: &Shared,
        spec: &CallSpec,
        trunk: usize,
        stream: &Arc<Stream>,
        digits: UnboundedSender<MediaEvent>,
    ) -> Result<Self, UaError> {
        let options = shared.trunks.options(trunk);
        let prefix = shared.call_id_prefix.as_str();
        if let Some(asterisk) = &options.asterisk {
            let ends = ari::Ends { stream, digits, open: Arc::clone(&shared.asterisk_legs), prefix };
            return Ok(Self::Asterisk(ari::Leg::place(asterisk, originated(spec, options), ends)));
        }
        let mut invite = addressed(spec, options, vec![]);
        prefix.clone_into(&mut invite.call_id_prefix);
        Self::by_sip(shared, invite, stream)
    }

    /// Places a call by our own SIP; the offer is that of the stream.
    pub fn by_sip(shared: &Shared, mut invite: Invite, stream: &Arc<Stream>) -> Result<Self, UaError> {
        invite.offer = sdp::offer(stream.described(), session());
        invite.answerer = answerer(stream);
        Ok(shared.ua.invite(invite)?.into())
    }

    /// What happens next; none once the call is over. May be dropped and called again.
    pub async fn next(&mut self) -> Option<LegEvent> {
        match self {
            Self::Sip(leg) => leg.next().await,
            Self::Asterisk(leg) => leg.next().await,
        }
    }

    /// Asks for the end of a call that nobody has answered.
    pub fn cancel(&mut self) {
        match self {
            Self::Sip(leg) => leg.cancel(),
            Self::Asterisk(leg) => leg.cancel(),
        }
    }

    /// Ends the call. An answer that comes yet is taken and ended at once.
    pub fn hangup(&mut self) {
        match self {
            Self::Sip(leg) => leg.hangup(),
            Self::Asterisk(leg) => leg.hangup(),
        }
    }

    /// Asks a far end that says nothing whether it is there. An Asterisk, which is asked itself, looks after its far ends.
    pub fn ask(&mut self) {
        match self {
            Self::Sip(leg) => leg.ask(),
            Self::Asterisk(_) => (),
        }
    }

    /// Stays with what is left of an ended call. An Asterisk does so itself.
    pub async fn drain(self) {
        match self {
            Self::Sip(leg) => leg.drain().await,
            Self::Asterisk(_) => (),
        }
    }
}

impl From<ua::Leg> for Leg {
    fn from(leg: ua::Leg) -> Self {
        Self::Sip(Box::new(leg))
    }
}
