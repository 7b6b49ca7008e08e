//! One simulated run of one policy.
use cxc_core::Micros;
use jiff::tz::TimeZone;

use super::engine::SimEngine;
use super::scenario::{Scenario, Truth};
use super::{PolicyName, Settings};
use crate::abandon::{AbandonPolicy, Ledgers, Place, Window};
use crate::agent::{AgentEvent, AgentId, AgentRules};
use crate::call::{CallEvent, CallId, CallRules};
use crate::engine::{CallEngine, CallSpec, EngineEvent};
use crate::group::{Group, Totals};
use crate::pacing::{Mode, Outside, Pacer, Records, Tables, Target, Trunk};

const SECOND: Micros = 1_000_000;
/// How often the pace is looked at when nothing happens.
const TICK: Micros = SECOND / 4;

/// What a run leaves behind.
#[derive(Debug, Clone)]
pub struct Run {
    /// Everything since the start.
    pub totals: Totals,
    /// Share of busy time since the end of the warm-up.
    pub occupancy: f64,
    /// Service and busy time of the windows that begin half an hour after each shock.
    pub recovered: (Micros, Micros),
    /// Decisions to start more calls than agents were idle.
    pub overdials: u64,
    /// Those that the ledger, full risk included, did not cover.
    pub overdials_uncovered: u64,
    /// At each hundredth of the run.
    pub course: Vec<Point>,
}

/// One hundredth of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Hours since the start, at its end.
    pub hours: f64,
    /// Share of busy time within it.
    pub occupancy: f64,
    /// Abandoned calls as a share of live answers, since the start.
    pub abandoned: f64,
}

struct World<'a> {
    settings: &'a Settings,
    scenario: Scenario,
    group: Group,
    engine: SimEngine,
    trunk: Trunk,
    /// Agents who are there now.
    present: u32,
    truth: Truth,
    run: Run,
    before: Totals,
    /// Service and busy time at the end of the warm-up.
    warm: Option<(Micros, Micros)>,
}

/// Runs a policy through a scenario; the same result for the same seed.
pub fn run(settings: &Settings, policy: PolicyName, tables: &mut Tables) -> Run {
    let mode = match policy {
        PolicyName::Ours => Mode::Predictive(Target::AbandonRate),
        PolicyName::Progressive => Mode::Progressive { tenths: 10 },
    };
    run_mode(settings, mode, tables)
}

/// The same for any mode and target.
pub fn run_mode(settings: &Settings, mode: Mode, tables: &mut Tables) -> Run {
    let mut world = World::new(settings, mode);
    let end = (settings.hours * 3600.0 * SECOND as f64) as Micros;
    let mut tick = 0;
    loop {
        let soonest = [world.engine.next_at(), world.group.next_deadline()].into_iter().flatten().min();
        let now = soonest.map_or(tick, |at| at.min(tick));
        if now >= end {
            break;
        }
        if now == tick {
            if tick % SECOND == 0 {
                world.second(now, end, tables);
            }
            tick += TICK;
        }
        world.happen(now);
        world.pace(now);
    }
    world.finish(end)
}

fn ledgers(settings: &Settings) -> Ledgers {
    let base = Place::US.policies().swap_remove(0);
    let policy = AbandonPolicy { rate: settings.target / 100.0, window: Window::Campaign, ..base };
    Ledgers::new(vec![policy], 0, &TimeZone::UTC)
}

impl<'a> World<'a> {
    fn new(settings: &'a Settings, mode: Mode) -> Self {
        let scenario = settings.scenario;
        let rules = CallRules::default();
        let truth = scenario.truth(settings, 0.0);
        let pacer = Pacer::new(mode, rules.max_ring, rules.threshold, None);
        let group = Group::new(pacer, ledgers(settings), rules, AgentRules::default(), 0);
        let before = group.totals().clone();
        let run = Run {
            totals: before.clone(),
            occupancy: 0.0,
            recovered: (0, 0),
            overdials: 0,
            overdials_uncovered: 0,
            course: Vec::with_capacity(100),
        };
        let engine = SimEngine::new(truth.behaviour, settings.seed);
        Self {
            settings,
            scenario,
            group,
            engine,
            trunk: Trunk::new(10_000, 1_000.0),
            present: 0,
            truth,
            run,
            before,
            warm: None,
        }
    }

    /// Once a second: the world moves on, and the group looks at its estimates.
    fn second(&mut self, now: Micros, end: Micros, tables: &mut Tables) {
        self.record(now, end);
        let at = now as f64 / SECOND as f64;
        if self.warm.is_none() && at >= self.settings.warm_up * 3600.0 {
            self.warm = Some((self.group.totals().service, self.group.totals().busy));
        }
        self.truth = self.scenario.truth(self.settings, at);
        self.engine.behaviour = self.truth.behaviour;
        let classify = self.truth.behaviour.detection.map(|_| 1_500_000);
        // people of the simulator wait from the answer on
        self.group.set_call_rules(CallRules { classify, greeted: 60_000_000, ..CallRules::default() });
        self.come_and_go(now);
        self.group.tick(now);
        let agents = self.group.scene().agents;
        if let Some(key) = self.group.pacer().table_needed(agents) {
            self.group.pacer().set_table(tables.get(key));
        }
    }

    fn come_and_go(&mut self, now: Micros) {
        while self.present < self.truth.agents {
            let agent = AgentId(self.present);
            self.group.agent_event(agent, AgentEvent::LogIn, now, &mut self.engine);
            self.group.agent_event(agent, AgentEvent::Ready, now, &mut self.engine);
            self.present += 1;
        }
        while self.present > self.truth.agents {
            self.present -= 1;
            self.group.agent_event(AgentId(self.present), AgentEvent::LogOut, now, &mut self.engine);
        }
    }

    /// What happens at this instant: the engine's events, then deadlines.
    fn happen(&mut self, now: Micros) {
        while let Some((_, event)) = self.engine.next_event(now) {
            match event {
                EngineEvent::Agent(agent, event) => self.group.agent_event(agent, event, now, &mut self.engine),
                EngineEvent::Call(call, event) => self.call(call, event, now),
                // its calls have no scripts
                EngineEvent::Script(..) => (),
            }
        }
        self.group.expire(now, &mut self.engine);
        self.group.take_finished().iter().for_each(|_| self.trunk.freed());
    }

    fn call(&mut self, call: CallId, event: CallEvent, now: Micros) {
        match event {
            CallEvent::Refused { status, retry_after } => self.trunk.refused(status, now, retry_after),
            CallEvent::Ringing => self.trunk.works(),
            _ => (),
        }
        self.group.call_event(call, event, now, &mut self.engine);
    }

    fn pace(&mut self, now: Micros) {
        let trunk = self.trunk.room(now);
        let outside = Outside { stopped: None, records: Records::ready(u32::MAX), ports: u32::MAX, trunk };
        let decision = self.group.decide(now, &outside);
        self.group.make_room(decision.held_back, now, &mut self.engine);
        if decision.dial == 0 {
            return;
        }
        self.check(decision.dial);
        for _ in 0..decision.dial {
            let call = self.group.place(now);
            self.trunk.placed();
            self.engine.originate(call, &CallSpec::default(), now);
        }
    }

    /// Holds an overdial against counts of its own, not against what the pace believes.
    fn check(&mut self, dial: u32) {
        let scene = self.group.scene();
        let risk = scene.risk(dial);
        if risk == 0 {
            return;
        }
        self.run.overdials += 1;
        let totals = self.group.totals();
        let live = totals.live as f64 + f64::from(scene.dialing) + f64::from(dial);
        let allowed = live * self.settings.target / 100.0 + 1e-6;
        if totals.abandoned as f64 + risk as f64 > allowed {
            self.run.overdials_uncovered += 1;
        }
    }

    /// Adds the time since the last hundredth to the course, and each second to the windows after shocks.
    fn record(&mut self, now: Micros, end: Micros) {
        let at = now as f64 / SECOND as f64;
        if self.warm.is_some() && self.scenario.has_recovered(self.settings, at) {
            let scene = self.group.scene();
            self.run.recovered.0 += Micros::from(scene.agents);
            self.run.recovered.1 += Micros::from(scene.agents - scene.ready);
        }
        let part = end / 100;
        if part > 0 && now / part > self.run.course.len() as i64 && self.run.course.len() < 100 {
            self.point(now);
        }
    }

    fn point(&mut self, now: Micros) {
        let totals = self.group.totals();
        let (service, busy) = (totals.service - self.before.service, totals.busy - self.before.busy);
        self.run.course.push(Point {
            hours: now as f64 / SECOND as f64 / 3600.0,
            occupancy: crate::group::share(busy as f64, service as f64),
            abandoned: totals.abandon_rate(),
        });
        self.before = totals.clone();
    }

    fn finish(mut self, end: Micros) -> Run {
        self.group.tick(end);
        self.point(end);
        self.run.totals = self.group.totals().clone();
        let (service, busy) = self.warm.unwrap_or_default();
        let (service, busy) = (self.run.totals.service - service, self.run.totals.busy - busy);
        self.run.occupancy = crate::group::share(busy as f64, service as f64);
        self.run
    }
}
