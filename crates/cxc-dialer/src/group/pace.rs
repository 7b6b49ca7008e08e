//! The pace of a group: what it sees, how many calls it starts, and which make room for later ones.
use cxc_core::Micros;

use super::{Group, Held};
use crate::abandon::Ledgers;
use crate::call::{Call, CallEvent, CallId, State};
use crate::engine::CallEngine;
use crate::pacing::{Decision, Learned, Outside, Pacer, Scene};

impl Group {
    /// What pacing sees.
    pub fn scene(&self) -> Scene {
        let (agents, ready) = self.agents.counts();
        Scene { agents, ready, dialing: self.dialing, queued: self.queued, callers: self.callers.waiting }
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

    /// Makes room for calls that are held back ([`Decision::held_back`]) by giving up as many that have rung for as long as they
    /// must and are worth less than new ones: those first that rang first. Each is a risk until it has ended, as if it rang on.
    pub fn make_room(&mut self, most: u32, now: Micros, engine: &mut impl CallEngine) {
        if most == 0 {
            return;
        }
        let long = self.ringing.range(..=(now - self.call_rules.least_ring, CallId(u64::MAX)));
        let is_stale =
            |id: &CallId| self.calls.get(id).is_some_and(|held: &Held| !self.pacer.is_worth_more(held.dialed, now));
        let stale: Vec<CallId> = long.map(|(_, id)| *id).filter(is_stale).take(most as usize).collect();
        for id in stale {
            self.totals.cut_short += 1;
            self.call_event(id, CallEvent::RungEnough, now, engine);
        }
    }

    /// Keeps account of which calls ring: one that rings no more leaves no entry behind.
    pub(super) fn follow_ringing(&mut self, id: CallId, before: &Call, after: &Call) {
        if before.state == State::Ringing {
            self.ringing.remove(&(before.since, id));
        }
        if after.state == State::Ringing {
            self.ringing.insert((after.since, id));
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

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::abandon::Place;
    use crate::agent::AgentRules;
    use crate::call::CallRules;
    use crate::pacing::Mode;
    use crate::sim::engine::SimEngine;
    use crate::sim::{Scenario, Settings};

    #[test]
    fn only_calls_that_ring_are_looked_at_to_make_room() {
        let rules = CallRules::default();
        let pacer = Pacer::new(Mode::Ports { agents: true }, rules.max_ring, rules.threshold, None);
        let ledgers = Ledgers::new(Place::US.policies(), 0, &TimeZone::UTC);
        let mut group = Group::new(pacer, ledgers, rules, AgentRules::default(), 0);
        let settings = Settings::default();
        let mut engine = SimEngine::new(Scenario::Stationary.truth(&settings, 0.0).behaviour, 1);
        let calls: Vec<_> = (0..4).map(|now| group.place(now)).collect();
        for (id, ends) in calls.iter().zip([None, Some(CallEvent::Answered), Some(CallEvent::RemoteHangup), None]) {
            let events = [Some(CallEvent::Sent), Some(CallEvent::Ringing), ends];
            events.into_iter().flatten().for_each(|event| group.call_event(*id, event, 10, &mut engine));
        }
        let left: Vec<_> = group.ringing.iter().map(|(_, id)| *id).collect();
        assert_eq!(left, [calls[0], calls[3]]);
        group.make_room(1, 10 + rules.least_ring, &mut engine);
        assert_eq!((group.totals.cut_short, group.ringing.len()), (1, 1), "the first, as a new call is worth more");
    }
}
