//! Records that the agent looks at before they are called, and callbacks that are due for this agent.
use cxc_core::Micros;
use cxc_core::campaign::PreviewKind;
use cxc_dialer::agent::{AgentEvent, AgentState, Reason};
use cxc_sip::run::Command as Order;

use super::super::describe::{Wish, place};
use super::super::protocol::{Event, Place, Preview, PreviewEnd};
use super::{Inner, Refused, Seat};
use crate::sender::{Fate, Named, Offer};

/// A record that was asked for and is not there by then will not come.
const PATIENCE: Micros = 3_000_000;

const NO_PREVIEW: Refused = ("no_preview", "there is no record of which this could be said");

impl Seat {
    /// Whether the agent could take a callback now, or after the wrap-up that they are in.
    pub fn could_call_back(&self) -> bool {
        let inner = self.inner();
        inner.is_idle() || inner.is_wrapping_up()
    }

    /// Whether the agent is to be shown a record, and since when they wait for it.
    pub fn wants(&self, kind: PreviewKind) -> Option<Micros> {
        let inner = self.inner();
        match kind {
            _ if !inner.is_idle() => None,
            PreviewKind::Pull => inner.asked_at,
            PreviewKind::Push => Some(inner.standing.since),
        }
    }

    /// Shows a record; false if the agent can't look at it now.
    pub fn offer(&self, offer: Offer) -> bool {
        let mut inner = self.inner();
        if !inner.is_idle() {
            return false;
        }
        let asked = inner.asked_at.take().is_some();
        inner.shown = Some(offer);
        inner.order(AgentEvent::Look { asked });
        inner.tell_preview();
        true
    }

    /// Calls a person who asked for this agent, or shows them first; after the wrap-up if there is one. False if the agent
    /// can't do that now.
    pub fn call_back(&self, offer: Offer, is_shown: bool) -> bool {
        let mut inner = self.inner();
        if inner.is_wrapping_up() {
            inner.follows = Some(offer);
            inner.order(AgentEvent::Follow { look: is_shown });
            return true;
        }
        if is_shown {
            drop(inner);
            return self.offer(offer);
        }
        inner.is_idle() && inner.ask_for(Named { record: offer.record, device: None, or_done: false }).is_ok()
    }

    /// The agent asks for a record to look at.
    pub fn ask_to_look(&self, now: Micros) -> Result<(), Refused> {
        let mut inner = self.inner();
        let not_ready = ("not_ready", "a record is asked for while the agent is ready");
        let desk = match &inner.work {
            Some(work) if inner.is_idle() => work.desk.clone(),
            _ => return Err(not_ready),
        };
        inner.asked_at = Some(now);
        if !desk.ask_to_look() {
            inner.asked_at = None;
            return Err(("no_previews", "the group shows no records before calls, or none now, or by itself"));
        }
        Ok(())
    }

    /// Tells who asked for a record that there is none.
    pub fn wait_no_longer(&self, now: Micros) {
        let mut inner = self.inner();
        if inner.asked_at.take_if(|since| now - *since >= PATIENCE).is_some() {
            inner.tell(Event::NoPreview { reason: "no_records_ready".into() });
        }
    }

    /// Calls the person that the agent looks at, by a number of theirs.
    pub fn accept(&self, position: Option<i16>) -> Result<(), Refused> {
        let mut inner = self.inner();
        let offer = inner.shown.take().ok_or(NO_PREVIEW)?;
        let is_known = position.is_none_or(|at| offer.person.numbers.iter().any(|number| number.position == at));
        let asked = match is_known {
            true => inner.ask_for(Named { record: offer.record, device: position, or_done: false }),
            false => Err(("unknown_number", "a position is one of those that the preview names")),
        };
        if asked.is_err() {
            inner.shown = Some(offer);
        }
        asked
    }

    /// Does not call the person.
    pub fn reject(&self) -> Result<(), Refused> {
        let mut inner = self.inner();
        let offer = inner.shown.take().ok_or(NO_PREVIEW)?;
        inner.release(&offer, Fate::Rejected);
        inner.order(AgentEvent::Looked);
        Ok(())
    }

    /// Gives up a call that the agent waits for.
    pub fn cancel(&self) -> Result<(), Refused> {
        let mut inner = self.inner();
        let is_dialing = place(inner.standing.state) == Place::Dialing;
        let asked = inner.asked.take_if(|_| is_dialing);
        match &inner.work {
            Some(work) if is_dialing => {
                if let Some(named) = asked {
                    work.desk.demand.release(named.record, Fate::Rejected);
                }
                work.desk.give_up(work.agent);
                let _over = work.tell.send(Order::GiveUp(work.agent));
                Ok(())
            }
            _ => Err(("not_dialing", "no call is being dialed for the agent")),
        }
    }

    /// The group shows no records any more.
    pub fn withdraw_offer(&self) {
        let mut inner = self.inner();
        if inner.asked_at.take().is_some() {
            inner.tell(Event::NoPreview { reason: "stopped".into() });
        }
        if inner.take_away(PreviewEnd::Stopped) {
            inner.order(AgentEvent::Looked);
        }
        inner.nothing_follows();
    }
}

impl Inner {
    fn is_idle(&self) -> bool {
        let is_there = self.phone.is_within_reach() && self.wish == Wish::Ready;
        let is_ready = matches!(self.standing.state, Some(AgentState::Ready | AgentState::Standby));
        is_there && is_ready && self.shown.is_none()
    }

    /// In wrap-up, and ready after it; nothing was found yet that follows.
    fn is_wrapping_up(&self) -> bool {
        let is_there = self.phone.is_within_reach() && self.wish == Wish::Ready;
        let is_free = self.follows.is_none() && !self.owes_disposition();
        is_there && is_free && self.standing.state == Some(AgentState::Wrap)
    }

    /// No callback follows the wrap-up: it is looked for anew.
    pub(super) fn nothing_follows(&mut self) {
        if let Some(offer) = self.follows.take() {
            self.release(&offer, Fate::Back);
        }
    }

    fn release(&self, offer: &Offer, fate: Fate) {
        if let Some(work) = &self.work {
            work.desk.demand.release(offer.record, fate);
        }
    }

    /// What the agent looks at goes back; false if there is nothing.
    pub(super) fn take_away(&mut self, reason: PreviewEnd) -> bool {
        let Some(offer) = self.shown.take() else { return false };
        self.release(&offer, Fate::Back);
        self.tell(Event::PreviewEnded { record: offer.record.to_string(), reason });
        true
    }

    /// The agent came to another state: who does not look any more has nothing to look at.
    pub(super) fn look_ends(&mut self, state: AgentState) {
        match (state, self.follows.take()) {
            (AgentState::Wrap, follows) => self.follows = follows,
            (AgentState::Looking { .. }, Some(offer)) => {
                self.shown = Some(offer);
                self.tell_preview();
            }
            (AgentState::Own(None), Some(offer)) => {
                let named = Named { record: offer.record, device: None, or_done: false };
                if self.ask_for(named).is_err() {
                    self.release(&offer, Fate::Back);
                    self.order(AgentEvent::NotOwn);
                }
            }
            (_, Some(offer)) => self.release(&offer, Fate::Back),
            (_, None) => (),
        }
        match state {
            // it was taken away, or answered to, before the agent came to it
            AgentState::Looking { .. } if self.shown.is_none() => self.order(AgentEvent::Looked),
            AgentState::Looking { .. } => (),
            AgentState::Standby | AgentState::Ready | AgentState::NotReady(Reason::LookEnded) => {
                self.take_away(PreviewEnd::Expired);
            }
            _ => {
                self.asked_at = None;
                self.take_away(PreviewEnd::Left);
            }
        }
    }

    /// Tells the desk what the agent looks at, if there is anything.
    pub(super) fn tell_preview(&mut self) {
        let Some(offer) = &self.shown else { return };
        let group = self.work.as_ref().map(|work| work.name.clone()).unwrap_or_default();
        let preview = Preview { group, callback: offer.agent.is_some(), person: offer.person.clone() };
        self.tell(Event::Preview(Box::new(preview)));
    }
}
