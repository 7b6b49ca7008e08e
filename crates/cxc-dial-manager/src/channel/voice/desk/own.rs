//! Calls that agents ask for by themselves. The engine of records checks and writes each as any other; here it is known who
//! waits for it.
use std::collections::{HashMap, VecDeque};

use cxc_core::Micros;
use cxc_dialer::agent::AgentId;

use super::{Desk, Waiting};
use crate::sender::{Fate, Named, Refusal};

/// What was asked for and is not there by then will not come: before the agent's own deadline.
const PATIENCE: Micros = 12_000_000;

/// Who asked for which record, and the calls that have come.
#[derive(Default)]
pub(super) struct OwnCalls {
    asked: HashMap<i64, (AgentId, Micros)>,
    pub came: VecDeque<(AgentId, Waiting)>,
}

impl OwnCalls {
    /// Who asked for the call of a record.
    pub fn taken(&mut self, record: i64) -> Option<AgentId> {
        self.asked.remove(&record).map(|(agent, _)| agent)
    }

    /// What an agent asked for and does not want any more.
    fn withdrawn(&mut self, agent: AgentId) -> Option<i64> {
        let record = self.asked.iter().find(|(_, (by, _))| *by == agent).map(|(record, _)| *record)?;
        self.asked.remove(&record);
        Some(record)
    }

    /// Those who asked for one that will not come.
    fn expired(&mut self, now: Micros, is_refused: impl Fn(i64) -> bool) -> Vec<(i64, AgentId)> {
        let over = |record: &i64, (_, since): &mut (AgentId, Micros)| now - *since >= PATIENCE || is_refused(*record);
        self.asked.extract_if(over).map(|(record, (agent, _))| (record, agent)).collect()
    }
}

impl Desk {
    /// Whether an agent could ask for the call of a record now.
    pub fn may_ask(&self, record: i64) -> bool {
        let state = self.state();
        !state.over && state.stopped.is_none() && !state.own.asked.contains_key(&record)
    }

    /// An agent asks for the call of a record. False where the group places none, or the record or
    /// the agent waits for one already.
    pub fn ask_for(&self, agent: AgentId, named: Named) -> bool {
        {
            let mut state = self.state();
            let asked = &state.own.asked;
            let is_busy = asked.contains_key(&named.record) || asked.values().any(|(by, _)| *by == agent);
            if state.over || state.stopped.is_some() || is_busy {
                return false;
            }
            state.own.asked.insert(named.record, (agent, self.clock.now()));
        }
        self.demand.name(named);
        self.asked.notify_one();
        true
    }

    /// An agent wants no more what they asked for: if it is not on the phone yet, the record rests.
    pub fn give_up(&self, agent: AgentId) {
        let withdrawn = self.state().own.withdrawn(agent);
        if let Some(record) = withdrawn {
            self.demand.forget(record);
            self.demand.release(record, Fate::Rejected);
            self.asked.notify_one();
        }
    }

    /// Tells agents of calls that will not come.
    pub(super) fn tell_refused(&self) {
        let expired = self.state().own.expired(self.clock.now(), |record| self.demand.refusal(record).is_some());
        for (record, agent) in expired {
            let refusal = self.demand.refusal(record);
            self.demand.forget(record);
            let late = || Refusal { reason: "not_in_time".into(), until: None };
            if let Some(seat) = self.seat_of(agent) {
                seat.not_dialed(record, refusal.unwrap_or_else(late));
            }
        }
    }
}
