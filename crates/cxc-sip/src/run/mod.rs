//! Drives a campaign group: its records become calls of the engine, and what the engine reports moves the group on.
mod command;
mod source;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use cxc_core::Micros;
use cxc_core::enumerations::CallResult;
use cxc_dialer::agent::{AgentEvent, AgentId, AgentState};
use cxc_dialer::call::{CallEvent, CallId};
use cxc_dialer::engine::{CallEngine as _, EngineEvent};
use cxc_dialer::group::Group;
use cxc_dialer::ivr::Input;
use cxc_dialer::pacing::{Outside, Tables, Why};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use crate::engine::{Phone, Report, SipEngine};
pub use command::Command;
pub use source::{Caller, Look, Source};

const SECOND: Micros = 1_000_000;
/// How often the pace is looked at when nothing happens.
const TICK: Micros = SECOND / 4;
/// How long a phone rings that is called for a call, unless it is said otherwise.
const RING: Duration = Duration::from_secs(20);
/// Reports that are taken before the pace is looked at again.
const BATCH: usize = 64;

/// A group at work.
pub struct Runner<S: Source> {
    group: Group,
    engine: SipEngine,
    reports: UnboundedReceiver<Report>,
    commands: UnboundedReceiver<Command>,
    source: S,
    calls: HashMap<CallId, S::Record>,
    /// Those of them that came in.
    callers: BTreeSet<CallId>,
    stopped: Option<Why>,
    /// None while a table is being made.
    tables: Option<Tables>,
    making: Option<JoinHandle<Tables>>,
    next_tick: Micros,
    next_look: Micros,
    /// Agents whose phones are hung up once they are through.
    leaving: Vec<AgentId>,
    /// Agents who are people: they say themselves when they are ready, and are given the time of their wrap-up.
    people: BTreeSet<AgentId>,
    /// Nobody is given any more time.
    hurried: bool,
    /// How long phones ring that are called for each call.
    ring: Duration,
    /// Calls that their agents gave to others: no calls of the group any more, but the engine's.
    transferred: Vec<CallId>,
}

/// What is left of a run.
pub struct Finished<S> {
    /// The group, with its totals.
    pub group: Group,
    /// The engine, without calls.
    pub engine: SipEngine,
    /// The source.
    pub source: S,
}

impl<S: Source> Runner<S> {
    /// A group whose instants are those of the engine's clock. Commands go by the sender.
    pub fn new(
        group: Group,
        engine: SipEngine,
        reports: UnboundedReceiver<Report>,
        source: S,
    ) -> (Self, UnboundedSender<Command>) {
        let (tell, commands) = unbounded_channel();
        let calls = HashMap::new();
        let mut runner = Self {
            group,
            engine,
            reports,
            commands,
            source,
            calls,
            callers: BTreeSet::new(),
            stopped: None,
            tables: Some(Tables::default()),
            making: None,
            next_tick: 0,
            next_look: 0,
            leaving: Vec::new(),
            people: BTreeSet::new(),
            hurried: false,
            ring: RING,
            transferred: Vec::new(),
        };
        runner.group.watch_agents();
        (runner, tell)
    }

    /// How long phones ring that are called for each call, if the rules of the group's agents say that they are.
    pub fn ring_for(&mut self, ring: Duration) {
        self.ring = ring;
    }

    /// Works until all records are done, or until it is stopped, and its calls are over.
    pub async fn run(mut self) -> Finished<S> {
        loop {
            self.work().await;
            self.transferred.retain(|call| self.engine.is_up(*call));
            let idle = self.group.calls() == 0 && !self.is_awaited() && self.transferred.is_empty();
            if idle && (self.stopped.is_some() || self.source.is_done()) {
                return Finished { group: self.group, engine: self.engine, source: self.source };
            }
            let clock = self.engine.clock();
            let due = self.group.next_deadline().map_or(self.next_tick, |due| due.min(self.next_tick));
            tokio::select! {
                Some(report) = self.reports.recv() => self.take(report),
                Some(command) = self.commands.recv() => self.obey(command),
                () = self.source.arrival() => (),
                () = tokio::time::sleep_until(clock.at(due)) => (),
            }
            for _ in 0..BATCH {
                let Ok(report) = self.reports.try_recv() else { break };
                self.take(report);
            }
        }
    }

    /// What is due now.
    async fn work(&mut self) {
        let now = self.engine.clock().now();
        self.group.expire(now, &mut self.engine);
        self.take_callers(now);
        self.tell_agents();
        if now >= self.next_tick {
            self.group.tick(now);
            self.renew_table().await;
            self.next_tick = now + TICK;
            let group = &self.group;
            for agent in self.leaving.extract_if(.., |agent| group.agent(*agent) == Some(AgentState::LoggedOut)) {
                self.engine.log_out(agent);
                self.people.remove(&agent);
                self.source.left(agent);
            }
        }
        if now >= self.next_look {
            self.next_look = now + SECOND;
            self.source.looked(&Look {
                group: &self.group,
                ports: (self.engine.ports_in_use(), self.engine.free_ports()),
                given_away: self.transferred.len(),
                is_stopping: self.stopped.is_some(),
                trunks: self.engine.trunks(),
                now,
            });
        }
        for (call, note) in self.group.take_notes() {
            if let Some(record) = self.calls.get_mut(&call) {
                self.source.noted(call, record, note);
            }
        }
        for (call, result) in self.group.take_finished() {
            match result {
                CallResult::Transferred => self.transferred.push(call),
                // only of persons who called in: whoever has their call goes on with them
                CallResult::Overflowed => self.engine.give_back(call),
                CallResult::Cleared if self.callers.contains(&call) => self.engine.give_back(call),
                // what the group has given up may be up for the engine
                _ => self.engine.hangup(call, now),
            }
            self.callers.remove(&call);
            if let Some(record) = self.calls.remove(&call) {
                self.source.ended(record, result);
            }
        }
        self.pace(now);
    }

    /// Persons who called in and want agents. Those who wait get one who can be spared by now.
    fn take_callers(&mut self, now: Micros) {
        while let Some((caller, record)) = self.source.caller() {
            if self.stopped.is_some() {
                // nothing was done with their call yet
                self.source.ended(record, CallResult::Cleared);
                continue;
            }
            let call = self.group.receive(caller.until, now);
            self.engine.take_over(call, &caller.loan, caller.spec);
            self.calls.insert(call, record);
            self.callers.insert(call);
        }
        self.group.serve_callers(now, &mut self.engine);
    }

    /// What agents went through, before the results of their calls.
    fn tell_agents(&mut self) {
        for change in self.group.take_agent_changes() {
            let record = match change.state {
                AgentState::Reserved(call) | AgentState::Talking(call) => self.calls.get_mut(&call),
                _ => None,
            };
            self.source.agent(&change, record);
        }
    }

    /// Whether a person is in wrap-up: what they say of their call is waited for.
    fn is_awaited(&self) -> bool {
        !self.hurried && self.people.iter().any(|agent| self.group.agent(*agent) == Some(AgentState::Wrap))
    }

    fn pace(&mut self, now: Micros) {
        self.place_own(now);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let own = self.source.ports().saturating_sub(count(self.group.calls().saturating_sub(self.callers.len())));
        let ports = count(self.engine.free_ports()).min(own);
        let trunk = self.engine.trunks().room(now);
        let stopped = self.stopped.clone().or_else(|| self.source.stopped());
        let outside = Outside { stopped, records: self.source.records(), ports, trunk };
        self.summon(now, &outside);
        let mut decision = self.group.decide(now, &outside);
        if decision.why == Why::NoAgentsReady && self.group.waits_for_phones() {
            decision.why = match (&outside.trunk, self.source.due() > 0) {
                // phones ring for calls that can leave
                ((0, why), true) => why.clone(),
                (_, true) => Why::PhonesRing,
                (_, false) => Why::NoRecordsReady,
            };
        }
        let mut missing = decision.dial;
        while missing > 0 {
            let Some((spec, record)) = self.source.next() else { break };
            let call = self.group.place(now);
            self.engine.originate(call, &spec, now);
            self.calls.insert(call, record);
            missing -= 1;
        }
        if missing == 0 && !self.source.is_dry() {
            self.group.make_room(decision.held_back, now, &mut self.engine);
        }
        let why = self.source.paced(&decision.why, missing);
        self.group.held_by(why);
    }

    /// Phones that are called for each call ring while records could be called.
    fn summon(&mut self, now: Micros, outside: &Outside) {
        let may_dial = outside.stopped.is_none() && outside.ports > 0 && outside.trunk.0 > 0;
        let due = if may_dial { self.source.due().min(outside.records.ready) } else { 0 };
        self.group.summon(due, now, &mut self.engine);
    }

    /// An agent has come, whose phone is kept, or called for each call.
    fn come(&mut self, agent: AgentId, phone: Phone, now: Micros) {
        if !self.group.rings_phones() {
            return self.engine.log_in(agent, phone);
        }
        self.engine.know_phone(agent, phone, self.ring);
        self.group.agent_event(agent, AgentEvent::LogIn, now, &mut self.engine);
        self.source.rings(agent);
        if !self.people.contains(&agent) {
            self.group.agent_event(agent, AgentEvent::Ready, now, &mut self.engine);
        }
    }

    /// A phone that is called for each call answered, or is gone. Who hangs up ends the talk.
    fn phone(&mut self, agent: AgentId, is_up: bool, now: Micros) {
        if is_up {
            self.group.agent_event(agent, AgentEvent::PhoneUp, now, &mut self.engine);
            // one that is answered at once may not have been told yet that it rings
            self.tell_agents();
            return self.source.answered(agent);
        }
        self.engine.hang_up_phone(agent, now);
        match self.group.agent(agent) {
            Some(AgentState::Talking(call)) => {
                self.group.call_event(call, CallEvent::AgentHangup, now, &mut self.engine);
            }
            _ => self.group.agent_event(agent, AgentEvent::LegLost, now, &mut self.engine),
        }
    }

    /// The phone of an agent is gone. In a talk a person may still say what the call came to: that is a wrap-up, too.
    fn talk_is_lost(&mut self, agent: AgentId, now: Micros) {
        if let Some(AgentState::Talking(call)) = self.group.agent(agent)
            && self.people.contains(&agent)
        {
            self.group.call_event(call, CallEvent::AgentLost, now, &mut self.engine);
            self.group.agent_event(agent, AgentEvent::TalkEnded(call), now, &mut self.engine);
        }
    }

    /// Calls that agents asked for leave at once; one whose agent does not wait any more is not placed.
    fn place_own(&mut self, now: Micros) {
        while let Some((agent, spec, mut record)) = self.source.own() {
            if self.stopped.is_some() {
                continue;
            }
            // the phone was hung up just when the record came
            if self.group.rings_phones() && !self.engine.is_phone_there(agent) {
                self.group.agent_event(agent, AgentEvent::NotOwn, now, &mut self.engine);
                continue;
            }
            if let Some(call) = self.group.place_own(agent, now, &mut self.engine) {
                self.source.placed(&mut record);
                self.engine.originate(call, &spec, now);
                self.calls.insert(call, record);
            }
        }
    }

    /// A table takes milliseconds to make: that is done beside this task.
    async fn renew_table(&mut self) {
        if let Some(making) = self.making.take_if(|making| making.is_finished()) {
            self.tables = Some(making.await.unwrap_or_default());
        }
        let agents = self.group.scene().agents;
        let Some(key) = self.group.pacer().table_needed(agents) else { return };
        let Some(tables) = self.tables.take() else { return };
        if let Some(table) = tables.made(key) {
            self.group.pacer().set_table(table);
            self.tables = Some(tables);
            return;
        }
        self.making = Some(tokio::task::spawn_blocking(move || {
            let mut tables = tables;
            tables.get(key);
            tables
        }));
    }

    fn take(&mut self, report: Report) {
        let now = self.engine.clock().now();
        match report {
            Report::Event(EngineEvent::Call(call, event)) => self.group.call_event(call, event, now, &mut self.engine),
            Report::Event(EngineEvent::Script(call, input)) => {
                self.group.script_event(call, input, now, &mut self.engine);
            }
            Report::Event(EngineEvent::Agent(agent, event)) => {
                if event == AgentEvent::LegLost {
                    self.talk_is_lost(agent, now);
                }
                self.group.agent_event(agent, event, now, &mut self.engine);
                match event {
                    AgentEvent::LogIn => self.source.phone(agent, true),
                    AgentEvent::LegLost => self.source.phone(agent, false),
                    _ => (),
                }
                if event == AgentEvent::LogIn && !self.people.contains(&agent) {
                    self.group.agent_event(agent, AgentEvent::Ready, now, &mut self.engine);
                }
            }
            Report::Phone(agent, number, is_up) if self.engine.is_phone_call(agent, number) => {
                self.phone(agent, is_up, now);
            }
            // of a call to it that is over
            Report::Phone(..) => (),
            Report::Leg(call, report) => {
                if let Some(record) = self.calls.get_mut(&call) {
                    self.source.leg(record, &report);
                }
            }
            Report::Told(call, told) => {
                if let Some(record) = self.calls.get_mut(&call) {
                    self.source.told(record, &told);
                }
            }
            Report::Digit(call, digit) => {
                self.source.digit(call, digit);
                self.group.script_event(call, Input::Digit(digit), now, &mut self.engine);
            }
            Report::Audio(call, counts) => self.source.audio(call, counts),
            Report::Warn(agent) => self.source.warned(agent),
            Report::Talk(call, agent, state) => {
                // who is told of a talk knows that it began
                self.tell_agents();
                if self.group.agent(agent) == Some(AgentState::Talking(call)) {
                    self.source.talk(agent, &state);
                }
            }
            Report::Detected(..) => (),
            Report::Down => self.down(now),
        }
    }

    fn obey(&mut self, command: Command) {
        let now = self.engine.clock().now();
        match command {
            Command::LogIn(agent, phone) => self.come(agent, phone, now),
            Command::Seat(agent, phone) => {
                self.people.insert(agent);
                self.come(agent, phone, now);
            }
            Command::LogOut(agent) => {
                self.group.agent_event(agent, AgentEvent::LogOut, now, &mut self.engine);
                if !self.leaving.contains(&agent) {
                    self.leaving.push(agent);
                }
            }
            Command::Agent(agent, event) => self.group.agent_event(agent, event, now, &mut self.engine),
            Command::HangUp(agent) => {
                if let Some(AgentState::Talking(call)) = self.group.agent(agent) {
                    self.group.call_event(call, CallEvent::AgentHangup, now, &mut self.engine);
                }
            }
            Command::GiveUp(agent) => match self.group.agent(agent) {
                Some(AgentState::Own(Some(call))) => {
                    if let Some(record) = self.calls.get_mut(&call) {
                        self.source.given_up(record);
                    }
                    self.group.call_event(call, CallEvent::Stop, now, &mut self.engine);
                }
                Some(AgentState::Own(None)) => {
                    self.group.agent_event(agent, AgentEvent::NotOwn, now, &mut self.engine);
                }
                _ => (),
            },
            Command::Talk(agent, order) => {
                if let Some(AgentState::Talking(call)) = self.group.agent(agent) {
                    self.engine.talk(call, order);
                }
            }
            Command::Mode(mode) => self.group.pacer().set_mode(mode),
            Command::Sounds(sounds) => self.engine.set_sounds(sounds),
            Command::OptedOut(call) => self.group.script_event(call, Input::OptedOut, now, &mut self.engine),
            Command::EndTalks(why) => self.end_talks(why, now),
            Command::HangUpAll(why) => {
                self.hurried = true;
                self.end_talks(why, now);
            }
            Command::Stop(why) => {
                self.stopped = Some(Why::NotStarted);
                self.end_all(CallEvent::Stop, why, now);
            }
        }
    }

    /// Hangs up who talks, with an agent, a script or whom an agent gave the call to.
    fn end_talks(&mut self, why: &'static str, now: Micros) {
        self.end_all(CallEvent::AgentHangup, why, now);
        self.transferred.iter().for_each(|call| self.engine.hangup(*call, now));
    }

    /// Ends the calls that an event ends, and says so in their records.
    fn end_all(&mut self, event: CallEvent, why: &'static str, now: Micros) {
        let calls: Vec<CallId> = self.calls.keys().copied().collect();
        for call in calls {
            let before = self.group.call(call);
            self.group.call_event(call, event, now, &mut self.engine);
            if self.group.call(call) != before
                && let Some(record) = self.calls.get_mut(&call)
            {
                self.source.cut(record, why);
            }
        }
    }

    /// The engine is lost, and with it all calls.
    fn down(&mut self, now: Micros) {
        self.stopped = Some(Why::TrunkDown { status: 0 });
        let calls: Vec<CallId> = self.calls.keys().copied().collect();
        for call in calls {
            for event in [CallEvent::Failed(CallResult::SystemError), CallEvent::RemoteHangup] {
                self.group.call_event(call, event, now, &mut self.engine);
            }
        }
    }
}
