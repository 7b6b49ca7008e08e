//! A campaign group at work: the only owner of its agents, its calls and its pace. Events come in, orders go to the
//! engine; time is handed in, so a task of the dialer and the simulator drive the same code.
mod agents;
mod callers;
mod clock;
mod live;
mod pace;
mod phones;
mod script;
mod totals;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use cxc_core::Micros;
use cxc_core::call_script::CallScript;
use cxc_core::enumerations::CallResult;

use crate::abandon::Ledgers;
use crate::agent::{AgentEvent, AgentId, AgentRules, AgentState};
use crate::call::{Call, CallAction, CallEvent, CallId, CallRules, State};
use crate::engine::CallEngine;
use crate::ivr::Session;
use crate::pacing::Pacer;
use agents::Agents;
use callers::Callers;
pub use callers::{CallersNow, CallersTotals};
use clock::{Deadlines, Of};
pub use live::{AgentsNow, CallsNow};
pub use script::Note;
pub use totals::Totals;
pub(crate) use totals::share;

/// A call with what the pace must know of it.
#[derive(Debug, Clone)]
struct Held {
    call: Call,
    dialed: Micros,
    /// While a script speaks with the person.
    session: Option<Box<Session>>,
    /// Who asked for it, and waits for it.
    own: Option<AgentId>,
}

/// A group.
pub struct Group {
    call_rules: CallRules,
    agents: Agents,
    calls: BTreeMap<CallId, Held>,
    /// Persons who wait, longest first; some may have gone.
    waiting: VecDeque<CallId>,
    /// Calls of the pace that ring, since when.
    ringing: BTreeSet<(Micros, CallId)>,
    callers: Callers,
    dialing: u32,
    queued: u32,
    deadlines: Deadlines,
    pacer: Pacer,
    ledgers: Ledgers,
    totals: Totals,
    finished: Vec<(CallId, CallResult)>,
    /// What speaks with persons first.
    script: Option<Arc<CallScript>>,
    /// What scripts left to be known.
    notes: Vec<(CallId, Note)>,
    /// What agents went through, for those who watch them.
    watched: Option<Vec<AgentChange>>,
    last_call: u64,
}

/// An agent came to another state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentChange {
    /// Who.
    pub agent: AgentId,
    /// Where the agent is now.
    pub state: AgentState,
    /// Since when.
    pub since: Micros,
    /// When the state ends at the latest.
    pub deadline: Option<Micros>,
}

impl Group {
    /// A group without agents and calls.
    pub fn new(pacer: Pacer, ledgers: Ledgers, call_rules: CallRules, agent_rules: AgentRules, now: Micros) -> Self {
        Self {
            call_rules,
            agents: Agents::new(agent_rules),
            calls: BTreeMap::new(),
            waiting: VecDeque::new(),
            ringing: BTreeSet::new(),
            callers: Callers::default(),
            dialing: 0,
            queued: 0,
            deadlines: Deadlines::default(),
            pacer,
            ledgers,
            totals: Totals::new(now),
            finished: Vec::new(),
            script: None,
            notes: Vec::new(),
            watched: None,
            last_call: 0,
        }
    }

    /// Takes a new call in the books; the engine is told afterwards.
    pub fn place(&mut self, now: Micros) -> CallId {
        self.dialing += 1;
        self.pacer.dialed(now);
        self.enter(None, now)
    }

    /// Takes in a call that an agent asked for and waits for; none if the agent does not any more. It is no matter of the
    /// pace: whoever answers has their agent.
    pub fn place_own(&mut self, agent: AgentId, now: Micros, engine: &mut impl CallEngine) -> Option<CallId> {
        if self.agents.state(agent) != Some(AgentState::Own(None)) {
            return None;
        }
        let id = self.enter(Some(agent), now);
        self.agent_event(agent, AgentEvent::Dial(id), now, engine);
        Some(id)
    }

    fn enter(&mut self, own: Option<AgentId>, now: Micros) -> CallId {
        self.totals.dials += 1;
        self.hold(Call::new(now), own, now)
    }

    fn hold(&mut self, call: Call, own: Option<AgentId>, now: Micros) -> CallId {
        self.last_call += 1;
        let id = CallId(self.last_call);
        self.deadlines.set(call.deadline(&self.call_rules), Of::Call(id));
        self.calls.insert(id, Held { call, dialed: now, session: None, own });
        id
    }

    /// Something happened to a call.
    pub fn call_event(&mut self, id: CallId, event: CallEvent, now: Micros, engine: &mut impl CallEngine) {
        self.pass(now);
        let Some(held) = self.calls.get_mut(&id) else { return };
        let before = held.call;
        let (after, actions) = before.step(event, now, &self.call_rules);
        held.call = after;
        let Held { dialed, own, .. } = *held;
        let is_paced = own.is_none();
        if before.is_setting_up() && matches!(event, CallEvent::Ringing | CallEvent::Answered) {
            self.totals.reached(now - dialed);
        }
        if after != before {
            self.deadlines.set(after.deadline(&self.call_rules), Of::Call(id));
        }
        if is_paced && before != after {
            self.follow_ringing(id, &before, &after);
        }
        self.dialing -= u32::from(is_paced && before.is_dialing() && !after.is_dialing());
        self.queued -= u32::from(before.state == State::Queued && after.state != State::Queued);
        self.queued += u32::from(before.state != State::Queued && after.state == State::Queued);
        self.callers.moved(&before, &after);
        if let State::Ended(result) = after.state
            && before.is_dialing()
            && is_paced
        {
            match result {
                result if says_nothing(result) => self.pacer.withdrawn(dialed),
                _ => self.pacer.failed(dialed, now),
            }
        }
        if before.is_dialing() && after.state == State::Machine && is_paced {
            self.pacer.failed(dialed, now);
        }
        for action in actions {
            self.act(id, dialed, action, now, engine);
        }
    }

    fn act(&mut self, id: CallId, dialed: Micros, action: CallAction, now: Micros, engine: &mut impl CallEngine) {
        match action {
            CallAction::Cancel => engine.cancel(id, now),
            CallAction::Hangup => engine.hangup(id, now),
            CallAction::Warn(agent) => engine.warn(agent, now),
            CallAction::Converse => self.converse(id, now, engine),
            CallAction::Live => {
                self.totals.live += 1;
                self.ledgers.answered(now);
                if self.own(id).is_none() {
                    self.pacer.answered(dialed, now, &self.ledgers);
                }
                self.find_agent(id, now, engine);
            }
            CallAction::FindAgent if self.came_in(id) => self.waits_again(id, now, engine),
            CallAction::FindAgent => self.find_agent(id, now, engine),
            CallAction::Release(agent) => self.agent_event(agent, AgentEvent::Released(id), now, engine),
            CallAction::Talk(agent) => {
                self.agent_event(agent, AgentEvent::Talk(id), now, engine);
                let answered = self.calls.get(&id).and_then(|held| held.call.answered);
                match self.came_in(id) {
                    true => self.totals.callers.served(answered, now),
                    false => self.totals.served(answered, now),
                }
            }
            CallAction::EndTalk(agent) => self.agent_event(agent, AgentEvent::TalkEnded(id), now, engine),
            CallAction::Abandon => {
                self.totals.abandoned += 1;
                self.ledgers.abandoned(now);
                engine.play_message(id, now);
            }
            CallAction::Drop => self.totals.dropped += 1,
            CallAction::NotLive => {
                self.totals.live -= 1;
                self.ledgers.mistaken(now);
            }
            CallAction::LeaveMessage => {
                self.release_own(id, now, engine);
                engine.leave_message(id, now);
            }
            CallAction::Finish(result) => {
                self.release_own(id, now, engine);
                let came_in = self.calls.remove(&id).is_some_and(|held| held.call.came_in.is_some());
                match came_in {
                    true => self.totals.callers.ended(result),
                    false => self.totals.ended(result),
                }
                self.finished.push((id, result));
            }
        }
    }

    /// Who asked for a call.
    fn own(&self, id: CallId) -> Option<AgentId> {
        self.calls.get(&id)?.own
    }

    /// Who asked for a call waits for it no more.
    fn release_own(&mut self, id: CallId, now: Micros, engine: &mut impl CallEngine) {
        if let Some(agent) = self.own(id).filter(|agent| self.waits_for(*agent, id)) {
            self.agent_event(agent, AgentEvent::Released(id), now, engine);
        }
    }

    fn waits_for(&self, agent: AgentId, id: CallId) -> bool {
        self.agents.state(agent) == Some(AgentState::Own(Some(id)))
    }

    /// The agent who asked for the call, else the one who has waited longest, or a place in the queue.
    fn find_agent(&mut self, id: CallId, now: Micros, engine: &mut impl CallEngine) {
        let own = self.own(id).filter(|agent| self.waits_for(*agent, id));
        match own.or_else(|| self.agents.longest_waiting()) {
            Some(agent) => self.connect(agent, id, now, engine),
            None => self.waiting.push_back(id),
        }
    }

    fn connect(&mut self, agent: AgentId, id: CallId, now: Micros, engine: &mut impl CallEngine) {
        self.agent_event(agent, AgentEvent::Reserve(id), now, engine);
        self.call_event(id, CallEvent::Assigned(agent), now, engine);
        engine.bridge(id, agent, now);
    }

    /// Something happened to an agent.
    pub fn agent_event(&mut self, id: AgentId, event: AgentEvent, now: Micros, engine: &mut impl CallEngine) {
        self.pass(now);
        let before = self.agents.state(id);
        let step = self.agents.step(id, event, now);
        if step.changed {
            self.deadlines.set(step.deadline, Of::Agent(id));
            // what an agent wishes for later is no other state
            if let (Some(watched), Some(state)) = (&mut self.watched, self.agents.state(id))
                && before != Some(state)
            {
                watched.push(AgentChange { agent: id, state, since: now, deadline: step.deadline });
            }
        }
        if step.handled {
            self.pacer.handled();
        }
        if step.changed && before != self.agents.state(id) {
            self.call_phone(id, now, engine);
        }
        if let Some(call) = step.lost {
            // nobody waits for a call any more that its agent asked for
            let is_dialing = self.calls.get(&call).is_some_and(|held| held.call.is_dialing());
            let event = if is_dialing { CallEvent::Stop } else { CallEvent::AgentLost };
            self.call_event(call, event, now, engine);
        }
        if step.ready {
            self.serve(now, engine);
        }
    }

    /// Gives a free agent to the person who has waited longest; who was called goes before who called in.
    fn serve(&mut self, now: Micros, engine: &mut impl CallEngine) {
        while let Some(call) = self.waiting.pop_front() {
            if self.calls.get(&call).is_none_or(|held| held.call.state != State::Queued) {
                continue;
            }
            match self.agents.longest_waiting() {
                Some(agent) => self.connect(agent, call, now, engine),
                None => self.waiting.push_front(call),
            }
            return;
        }
        self.serve_callers(now, engine);
    }

    /// The next instant at which [`Group::expire`] has something to do.
    pub fn next_deadline(&self) -> Option<Micros> {
        self.deadlines.next()
    }

    /// Handles the deadlines that have come.
    pub fn expire(&mut self, now: Micros, engine: &mut impl CallEngine) {
        while let Some(of) = self.deadlines.due(now) {
            match of {
                Of::Call(id) => {
                    let due = self.calls.get(&id).and_then(|held| held.call.deadline(&self.call_rules));
                    if due.is_some_and(|due| due <= now) {
                        self.call_event(id, CallEvent::Deadline, now, engine);
                    }
                    self.expire_script(id, now, engine);
                }
                Of::Agent(id) => {
                    if self.agents.deadline(id).is_some_and(|due| due <= now) {
                        self.agent_event(id, AgentEvent::Deadline, now, engine);
                    }
                }
            }
        }
    }

    /// The calls that have ended since the last time, with their results.
    pub fn take_finished(&mut self) -> Vec<(CallId, CallResult)> {
        std::mem::take(&mut self.finished)
    }

    /// Notes what agents go through from now on: see [`Group::take_agent_changes`].
    pub fn watch_agents(&mut self) {
        self.watched.get_or_insert_default();
    }

    /// What agents went through since the last time, in order; nothing unless they are watched.
    pub fn take_agent_changes(&mut self) -> Vec<AgentChange> {
        self.watched.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Calls that hold a slot, and those that came in.
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// Where a call is; none if it is over.
    pub fn call(&self, id: CallId) -> Option<State> {
        self.calls.get(&id).map(|held| held.call.state)
    }

    /// Where an agent is; none if the group never heard of them.
    pub fn agent(&self, id: AgentId) -> Option<AgentState> {
        self.agents.state(id)
    }

    /// Counts since the start.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Other deadlines for calls, from their next state on.
    pub fn set_call_rules(&mut self, rules: CallRules) {
        self.call_rules = rules;
    }

    fn pass(&mut self, now: Micros) {
        let (agents, ready) = self.agents.counts();
        // who waits for a call is there, whether or not the phone is called yet
        let (standby, _) = self.agents.waiting();
        self.totals.pass(now, agents + standby, ready + standby);
    }
}

/// Results by which the far end was not reached: they say nothing of how people answer.
fn says_nothing(result: CallResult) -> bool {
    use CallResult::{AllTrunksBusy, Cleared, DialError, GeneralError, NoProgress, SwitchError, SystemError};
    matches!(result, AllTrunksBusy | Cleared | DialError | GeneralError | NoProgress | SwitchError | SystemError)
}
