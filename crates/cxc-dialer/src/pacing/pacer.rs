//! The decision: how many calls to start now, and why no more.
use std::sync::Arc;

use cxc_core::Micros;
use serde::{Deserialize, Serialize};

use super::bucket::Bucket;
use super::cohort::Cohorts;
use super::{Controller, HandleTime, Hazards, Mode, Records, Table, TableKey, Target, Why, progressive};
use crate::abandon::{Ledger, Ledgers};

/// Calls that must have counted before the pace runs ahead of idle agents.
const WARM: u64 = 30;
const SECOND: Micros = 1_000_000;
/// A further call is started once so much of it is missing: half would be nearest, but small groups do better later.
const ROUND: f64 = 0.75;

/// The group at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scene {
    /// Agents who are ready, reserved, talking or in wrap-up.
    pub agents: u32,
    /// Those of them who are ready.
    pub ready: u32,
    /// Calls started and not yet answered, or answered and not yet known to be a person.
    pub dialing: u32,
    /// Persons who wait for an agent.
    pub queued: u32,
    /// Persons who called in and wait for one.
    pub callers: u32,
}

impl Scene {
    /// Ready agents for whom no person waits; negative where more persons wait than agents are ready.
    fn idle(self) -> i64 {
        i64::from(self.ready) - i64::from(self.waiting())
    }

    /// Persons who wait, however they came.
    fn waiting(self) -> u32 {
        self.queued.saturating_add(self.callers)
    }

    /// Whether an agent may go to somebody who called in: either no call in flight needs that agent, or the limit of abandoned
    /// calls would hold even if all of them were answered now. It is the same promise as at an overdial.
    pub fn can_spare(self, ledgers: &Ledgers) -> bool {
        let left = i64::from(self.ready) - i64::from(self.queued) - 1;
        let is_covered = |ledger: &Ledger| {
            let dialing = f64::from(self.dialing);
            dialing - left as f64 <= ledger.headroom() + ledger.policy().rate * dialing
        };
        left >= 0 && (i64::from(self.dialing) <= left || ledgers.tightest().is_none_or(is_covered))
    }

    /// Persons who could find no agent if all calls were answered now: the full risk.
    pub fn risk(self, more: u32) -> i64 {
        (i64::from(self.dialing) + i64::from(more) - self.idle()).max(0)
    }
}

/// What bounds a group from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    /// Something that stops all dialing: not started, paused, no lease, no database, no compliance check.
    pub stopped: Option<Why>,
    /// Ready records.
    pub records: Records,
    /// Free ports of the group.
    pub ports: u32,
    /// Calls that the trunks take, and what bounds them.
    pub trunk: (u32, Why),
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Calls to start.
    pub dial: u32,
    /// Calls that the agents could use.
    pub wanted: u32,
    /// Why not more of them.
    pub why: Why,
    /// Calls that nothing but the budget of abandoned ones keeps from being started.
    pub held_back: u32,
}

impl Decision {
    fn none(why: Why) -> Self {
        Self { dial: 0, wanted: 0, why, held_back: 0 }
    }
}

/// What a group has learned, to be kept over restarts and for the campaign's next run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Learned {
    /// The longest time in flight, by which the ages of `hazards` are cut.
    max_ring: Micros,
    hazards: Hazards,
    handle: HandleTime,
    controller: Controller,
}

/// The pacing of one group.
#[derive(Debug, Clone)]
pub struct Pacer {
    mode: Mode,
    max_ring: Micros,
    patience: Micros,
    cohorts: Cohorts,
    handle: HandleTime,
    controller: Controller,
    table: Option<Arc<Table>>,
    gate_shut: bool,
    looked: Option<Micros>,
    /// Calls a minute, where they set the pace.
    bucket: Bucket,
    /// The risk that the pace would take if it were free.
    risk: f64,
}

impl Pacer {
    /// `max_ring` is the longest time that a call may ring, `threshold` the longest that a person may wait; `learned` is
    /// from the last run, if there was one.
    pub fn new(mode: Mode, max_ring: Micros, threshold: Micros, learned: Option<Learned>) -> Self {
        let (hazards, handle, controller) = match learned {
            // hazards by other slices of time say something else
            Some(known) => (Some(known.hazards).filter(|_| known.max_ring == max_ring), known.handle, known.controller),
            None => (None, HandleTime::default(), Controller::default()),
        };
        let cohorts = Cohorts::new(max_ring, hazards);
        let (table, looked) = (None, None);
        let patience = threshold;
        Self {
            mode,
            max_ring,
            patience,
            cohorts,
            handle,
            controller,
            table,
            gate_shut: false,
            looked,
            bucket: Bucket::default(),
            risk: 0.0,
        }
    }

    /// Another mode or target, live.
    pub fn set_mode(&mut self, mode: Mode) {
        self.mode = mode;
    }

    /// What to keep.
    pub fn learned(&self) -> Learned {
        let (hazards, handle) = (self.cohorts.hazards().clone(), self.handle.clone());
        Learned { max_ring: self.max_ring, hazards, handle, controller: self.controller.clone() }
    }

    /// A call was started.
    pub fn dialed(&mut self, now: Micros) {
        self.cohorts.dialed(now);
        self.bucket.take();
    }

    /// A call that was started at `dialed` ended without a person.
    pub fn failed(&mut self, dialed: Micros, now: Micros) {
        self.cohorts.failed(dialed, now);
    }

    /// A call that was started at `dialed` never reached its number.
    pub fn withdrawn(&mut self, dialed: Micros) {
        self.cohorts.withdrawn(dialed);
    }

    /// A person answered the call that was started at `dialed`; the ledgers have it already.
    pub fn answered(&mut self, dialed: Micros, now: Micros, ledgers: &Ledgers) {
        self.cohorts.answered(dialed, now);
        if let Some(ledger) = ledgers.tightest() {
            self.controller.answered(ledger.policy().rate, ledger.headroom(), self.gate_shut);
        }
    }

    /// An agent finished a call.
    pub fn handled(&mut self) {
        self.handle.finished();
    }

    /// Looks at the clock: about once a second, and before the scene changes if it can be had.
    pub fn look(&mut self, now: Micros, scene: Scene) {
        self.cohorts.advance(now);
        let passed = now - self.looked.replace(now).unwrap_or(now);
        let (seconds, busy) = (passed as f64 / SECOND as f64, scene.agents.saturating_sub(scene.ready));
        self.handle.passed(busy, passed);
        self.controller.passed(seconds, self.risk);
        if let Mode::Predictive(target) = self.mode
            && scene.agents > 0
        {
            let handle = self.handle.mean() as f64 / SECOND as f64;
            self.controller.steer(target, busy, scene.agents, handle, seconds);
        }
    }

    /// The table that the group should have and has not. Make it off the task that paces, then [`Pacer::set_table`].
    pub fn table_needed(&self, agents: u32) -> Option<TableKey> {
        if agents < 2 || !matches!(self.mode, Mode::Predictive(_)) {
            return None;
        }
        let handle = self.handle.mean() as f64;
        let (rate, ring) = (self.cohorts.answer_rate(), self.cohorts.ring() as f64 / handle);
        let patience = self.patience as f64 / handle;
        let off = self.table.as_ref().is_none_or(|table| table.key().is_off(agents, rate, ring));
        off.then(|| TableKey::near(agents, rate, ring, patience))
    }

    /// Swaps the table.
    pub fn set_table(&mut self, table: Arc<Table>) {
        self.table = Some(table);
    }

    /// Probability that a new call is answered, as it is known now.
    pub fn answer_rate(&self) -> f64 {
        self.cohorts.answer_rate()
    }

    /// Whether a call that was started at `dialed` brings more, if it goes on ringing, than a new one in its place.
    pub fn is_worth_more(&self, dialed: Micros, now: Micros) -> bool {
        self.cohorts.is_worth_more(dialed, now)
    }

    /// How many calls to start now.
    pub fn decide(&mut self, now: Micros, scene: Scene, ledgers: &Ledgers, outside: &Outside) -> Decision {
        if let Some(why) = &outside.stopped {
            return Decision::none(why.clone());
        }
        let has_agents = self.mode.has_agents();
        if has_agents && scene.agents == 0 {
            return Decision::none(Why::NoAgentsReady);
        }
        let (wanted, ahead) = self.wanted(now, scene, ledgers);
        if has_agents && wanted < u32::MAX {
            self.risk = scene.risk(wanted) as f64;
        }
        // who is spoken with by a script alone can't be abandoned
        let budget = if has_agents { budget(scene, ledgers) } else { (u32::MAX, Why::Dialing) };
        let (allowed, gate) = budget;
        self.gate_shut = allowed < wanted;
        let (mut dial, mut why) = if self.gate_shut { (allowed, gate) } else { (wanted, ahead) };
        let mut possible = wanted;
        for (room, limit) in [
            (outside.ports, Why::PortsFull),
            outside.trunk.clone(),
            (outside.records.ready, outside.records.why.clone()),
        ] {
            possible = possible.min(room);
            if room < dial {
                (dial, why) = (room, limit);
            }
        }
        Decision { dial, wanted, why, held_back: possible.saturating_sub(allowed) }
    }

    /// Calls that the agents could use, and what to say if nothing else bounds them.
    fn wanted(&mut self, now: Micros, scene: Scene, ledgers: &Ledgers) -> (u32, Why) {
        let safe = |tenths| progressive(tenths, scene.ready, scene.waiting(), scene.dialing);
        let target = match self.mode {
            Mode::Progressive { tenths } => return (safe(tenths), Why::Dialing),
            Mode::Ports { .. } => return (u32::MAX, Why::PortsFull),
            Mode::PerMinute(calls) => return (self.bucket.room(calls, now), Why::CallsPerMinute),
            Mode::Predictive(target) => target,
        };
        let results = self.cohorts.hazards().results;
        let table = match &self.table {
            Some(table) if scene.agents > 1 && results >= WARM => table,
            _ if scene.agents > 1 => return (safe(10), Why::WarmingUp { cohorts: results }),
            _ => return (safe(10), Why::Dialing),
        };
        let (rate, headroom) = ledgers.tightest().map_or((0.03, f64::MAX), |l| (l.policy().rate, l.headroom()));
        let boldness = self.controller.boldness(rate, headroom);
        let idle = i32::try_from(scene.idle()).unwrap_or(0);
        let ahead = (table.wanted(idle, boldness) - self.cohorts.in_flight(now) - ROUND).ceil().max(0.0) as u32;
        let least = safe(10);
        let beyond = ahead.saturating_sub(least);
        let share = if target == Target::AbandonRate { 1.0 } else { self.controller.share() };
        (least + (f64::from(beyond) * share).round() as u32, Why::Dialing)
    }
}

/// Calls that the budget allows: one for each idle agent always, and more only while the limit holds even if every call
/// that rings were answered at once, idle agents took theirs and all others were abandoned.
fn budget(scene: Scene, ledgers: &Ledgers) -> (u32, Why) {
    let Some(ledger) = ledgers.tightest() else { return (u32::MAX, Why::Dialing) };
    let idle = scene.idle();
    let rate = ledger.policy().rate;
    // abandoned + (all - idle) <= rate * (live + all)
    let all = ((ledger.headroom() + idle as f64) / (1.0 - rate)).floor() as i64;
    let room = all.max(idle) - i64::from(scene.dialing);
    let (abandoned, live) = ledger.counts();
    (u32::try_from(room.max(0)).unwrap_or(u32::MAX), Why::BudgetGate { abandoned, live })
}
