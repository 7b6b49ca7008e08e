//! Records that agents look at before they are called, and callbacks that are due for one of them: matched here with the
//! agents who are there.
use std::sync::Arc;

use cxc_core::campaign::PreviewKind;

use super::{Desk, Micros};
use crate::agents::Seat;
use crate::sender::{Fate, Offer};

/// How often agents are looked at when nothing happens.
const LOOK: Micros = 250_000;

impl Desk {
    /// Shows the records that came to agents who want some, and asks for those that are missing. Answers how many are.
    pub(super) fn show(&self) -> usize {
        let now = self.clock.now();
        let (seats, is_stopped) = {
            let mut state = self.state();
            let offers = self.demand.offers();
            if offers.is_empty() && !state.stirred && now - state.shown_at < LOOK {
                return self.demand.missing();
            }
            (state.stirred, state.shown_at) = (false, now);
            let seats: Vec<Arc<Seat>> = state.seats.values().cloned().collect();
            let is_stopped = state.stopped.is_some() || state.over;
            drop(state);
            // a seat asks the desk while it is locked, so the desk is not while it asks a seat
            self.hand_out(offers, &seats, is_stopped);
            (seats, is_stopped)
        };
        if is_stopped {
            seats.iter().for_each(|seat| seat.withdraw_offer());
            self.demand.seek(0, Vec::new());
            return 0;
        }
        seats.iter().for_each(|seat| seat.wait_no_longer(now));
        let wanted =
            self.rules.previews.map_or(0, |kind| seats.iter().filter(|seat| seat.wants(kind).is_some()).count());
        let users = seats.iter().filter(|seat| seat.could_call_back()).map(|seat| seat.agent.user).collect();
        if self.demand.seek(wanted, users) {
            self.asked.notify_one();
        }
        wanted
    }

    /// Each record to the agent whom the person asked for, or to who has waited longest.
    fn hand_out(&self, offers: impl IntoIterator<Item = Offer>, seats: &[Arc<Seat>], is_stopped: bool) {
        for offer in offers {
            let record = offer.record;
            let is_taken = !is_stopped && self.hand(offer, seats);
            if !is_taken {
                self.demand.release(record, Fate::Back);
            }
        }
    }

    fn hand(&self, offer: Offer, seats: &[Arc<Seat>]) -> bool {
        if let Some(user) = offer.agent {
            let seat = seats.iter().find(|seat| seat.agent.user == user);
            return seat.is_some_and(|seat| seat.call_back(offer, self.rules.previews.is_some()));
        }
        let Some(kind) = self.rules.previews else { return false };
        let mut waiting: Vec<(Micros, &Arc<Seat>)> =
            seats.iter().filter_map(|seat| Some((seat.wants(kind)?, seat))).collect();
        waiting.sort_by_key(|(since, _)| *since);
        waiting.into_iter().any(|(_, seat)| seat.offer(offer.clone()))
    }

    /// An agent asks for a record to look at. False where there is none to be had.
    pub fn ask_to_look(&self) -> bool {
        let mut state = self.state();
        let may_ask = self.rules.previews == Some(PreviewKind::Pull) && state.stopped.is_none() && !state.over;
        state.stirred |= may_ask;
        drop(state);
        self.arrived.notify_one();
        may_ask
    }
}
