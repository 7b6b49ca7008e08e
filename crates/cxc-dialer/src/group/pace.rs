//! The pace of a group: what it sees, how many calls it starts, and which make room for later ones.
use cxc_core::Micros;

use super::{Group, Held};
use crate::abandon::Ledgers;
use crate::call::{CallEvent, State};
use crate::engine::CallEngine;
use crate::pacing::{Decision, Learned, Outside, Pacer, Scene};

impl Group {
    /// What pacing sees.
    pub fn scene(&self) -> Scene {
        let (agents, ready) = self.agents.counts();
        Scene { agents, ready, dialing: self.dialing, queued: self.queued }
    }

    /// How many calls to start now. Each of them is then taken in by [`Group::place`].
    pub fn decide(&mut self, now: Micros, outside: &Outside) -> Decision {
        self.pass(now);
        let decision = self.pacer.decide(now, self.scene(), &self.ledgers, outside);
        self.totals.says(decision.why.name());
        decision
    }

    /// What is known from outside to hold it back, where the last decision can't know: counts from that decision on.
    pub fn held_by(&mut self, why: &'static str) {
        self.totals.says(why);
    }

    /// Makes room for calls that are held back ([`Decision::held_back`]) by giving up as many, the oldest first, that have
    /// rung for as long as they must and are worth less than new ones. Each is a risk until it has ended, as if it rang on.
    pub fn make_room(&mut self, most: u32, now: Micros, engine: &mut impl CallEngine) {
        if most == 0 {
            return;
        }
        let least = self.call_rules.least_ring;
        let is_stale = |held: &Held| {
            let rang = held.call.state == State::Ringing && now - held.call.since >= least;
            rang && held.own.is_none() && !self.pacer.is_worth_more(held.dialed, now)
        };
        let stale = self.calls.iter().take_while(|(_, held)| now - held.dialed >= least);
        let stale = stale.filter(|(_, held)| is_stale(held)).map(|(id, _)| *id).take(most as usize);
        for id in stale.collect::<Vec<_>>() {
            self.totals.cut_short += 1;
            self.call_event(id, CallEvent::RungEnough, now, engine);
        }
    }

    /// About once a second: lets estimates and windows move on.
    pub fn tick(&mut self, now: Micros) {
        self.pass(now);
        self.ledgers.advance(now);
        self.pacer.look(now, self.scene());
    }

    /// Probability that a new call is answered by a person, as the pace knows it.
    pub fn answer_rate(&self) -> f64 {
        self.pacer.answer_rate()
    }

    /// What the pace has learned, for the next run.
    pub fn learned(&self) -> Learned {
        self.pacer.learned()
    }

    /// The pace: its mode, its table, what it has learned.
    pub fn pacer(&mut self) -> &mut Pacer {
        &mut self.pacer
    }

    /// The ledgers of abandoned calls.
    pub fn ledgers(&self) -> &Ledgers {
        &self.ledgers
    }
}
