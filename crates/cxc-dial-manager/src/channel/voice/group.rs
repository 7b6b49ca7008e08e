//! The actor of one campaign group on a trunk: it owns the pace, the agents and the calls.
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cxc_dialer::abandon::Ledgers;
use cxc_dialer::agent::AgentId;
use cxc_dialer::group::Group;
use cxc_dialer::pacing::{Mode, Pacer, Why};
use cxc_sip::engine::{Clock, Phone, SipEngine, Sounds};
use cxc_sip::run::{Command, Runner};
use cxc_sip::trunk::Destinations;
use cxc_store::group::state;
use jiff::tz::TimeZone;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

use super::caller_ids::Displays;
use super::desk::{CallerTerms, Calls, Desk, DeskRules};
use super::learned;
use super::live::Placed;
use super::phones::{NoPhone, Phones};
use super::prompts::{NoPrompt, read_sounds, usual_sounds};
use super::roster::{LOOK_AGAIN, Roster, is_worth_saying};
use super::script::OptOuts;
use super::setup::{Trunk, mode, policies, rules};
use super::speech::Speech;
use crate::agents::{AgentHub, Seat, Work};
use crate::sender::GroupPlan;

/// Why calls end with their group.
pub const STOPPED: &str = "the group was stopped";

/// A group at work, and the hand that gives it orders.
pub struct GroupActor {
    /// The number of the campaign group.
    number: i64,
    pub desk: Arc<Desk>,
    tell: UnboundedSender<Command>,
    task: JoinHandle<()>,
    mode: Mode,
    /// Agents by number.
    roster: Roster,
    /// Agents who are people, by user.
    people: HashMap<Uuid, (AgentId, Arc<Seat>)>,
    clock: Clock,
    phones: Phones,
    /// Phones that can't be called, when that was looked at, and how often.
    not_found: HashMap<String, (Instant, u32)>,
    /// What its calls say.
    pub speech: Speech,
}

/// Whether a group's agents are on the line.
pub fn is_loaded(plan: &GroupPlan) -> bool {
    matches!(plan.state.as_str(), state::ACTIVE | state::RUNNING)
}

/// What keeps a group from dialing.
fn stopped(plan: &GroupPlan, speech: &Speech, desk: &Desk) -> Option<Why> {
    match plan.state.as_str() {
        state::RUNNING if speech.is_missing => Some(Why::PromptMissing),
        state::RUNNING if desk.displays.has_none_left() => Some(Why::NoCallerId),
        state::RUNNING => None,
        state::ACTIVE => Some(Why::Paused),
        _ => Some(Why::NotStarted),
    }
}

/// What holds for persons who call in.
fn caller_terms(plan: &GroupPlan) -> CallerTerms {
    let calls = &plan.settings.calls;
    CallerTerms {
        has_agents: is_loaded(plan) && calls.has_agents(),
        recording: calls.recording.clone(),
        treatment: plan.settings.treatment.clone(),
        subject: plan.subject.clone(),
    }
}

/// What the calls of a group display.
fn displays(trunk: &Trunk, plan: &GroupPlan) -> Displays {
    let kit = &trunk.kit;
    let (phones, board) = (Arc::clone(&kit.phones), Arc::clone(&kit.caller_ids));
    let fixed = plan.settings.calls.caller_id.clone();
    let displays = Displays::new((plan.tenant, trunk.app.hash_key), phones, board, fixed);
    displays.set(plan.caller_ids.as_deref());
    displays
}

impl GroupActor {
    /// Starts the actor of a loaded group. Abandoned calls of before count on.
    pub async fn start(trunk: &Arc<Trunk>, plan: &Arc<GroupPlan>, asked: Arc<Notify>) -> Result<Self, String> {
        let (dialing, calls) = (&plan.settings.dialing, &plan.settings.calls);
        let mut speech = Speech::of(calls);
        let sounds = read_sounds(&trunk.app, &trunk.kit, plan.tenant, calls).await;
        let sounds = speech.take(plan, sounds)?.unwrap_or_else(|| usual_sounds(&trunk.kit));
        let says_sorry = sounds.message.is_some() || calls.prompts.abandoned.is_some();
        let (options, trunks) = trunk.engine(calls, sounds).await?;
        let now = trunk.clock.now();
        let policies = policies(dialing, calls);
        let (call_rules, agent_rules) = rules(dialing, calls, &policies, says_sorry);
        let past = past(trunk, plan, &policies, now).await?;
        let ledgers = Ledgers::replayed(policies, plan.made_at, &TimeZone::UTC, &past, now);
        let mode = mode(dialing, calls);
        // who is in a script may still come to an agent
        let horizon = call_rules.max_ring + call_rules.script.unwrap_or(0);
        let known = learned::read(&trunk.app.db, plan.number).await;
        let pacer = Pacer::new(mode, horizon, call_rules.threshold, known);
        let mut group = Group::new(pacer, ledgers, call_rules, agent_rules, now);
        if let Some(script) = &calls.script {
            group.set_script(Arc::new(script.clone()));
        }
        let destinations = Destinations::new(Arc::clone(&trunk.kit.phones));
        let (engine, reports) =
            SipEngine::start(options, trunks, destinations).await.map_err(|error| error.to_string())?;
        let rules = DeskRules { previews: dialing.preview(), needs_disposition: calls.disposition_required };
        let desk = Arc::new(Desk::new(
            Placed { group: plan.number, id: plan.id, account: trunk.number, token: trunk.epoch },
            trunk.clock,
            (rules, displays(trunk, plan)),
            asked,
            &trunk.kit.live,
        ));
        desk.set(stopped(plan, &speech, &desk), dialing.max_ports, plan.due);
        desk.set_terms(caller_terms(plan));
        trunk.kit.desks.show(&desk);
        let (mut runner, tell) = Runner::new(group, engine, reports, Calls(Arc::clone(&desk)));
        if let Some(seconds) = calls.agent_phones.ring() {
            runner.ring_for(Duration::from_secs(seconds.into()));
        }
        desk.opt_outs.get_or_init(|| OptOuts::new(trunk.app.clone(), plan.tenant, tell.clone()));
        learned::start(&trunk.app, plan.number, &desk);
        let (number, ending, db) = (plan.number, Arc::clone(&desk), trunk.app.db.clone());
        let task = tokio::spawn(async move {
            let finished = runner.run().await;
            ending.end();
            let totals = finished.group.totals();
            let (dials, live, abandoned) = (totals.dials, totals.live, totals.abandoned);
            tracing::info!(group = number, dials, live, abandoned, "a group places no more calls");
            learned::write(&db, number, &finished.group.learned()).await;
            finished.engine.close().await;
        });
        tracing::info!(group = plan.number, agents = calls.agents.len(), "a group begins to place calls");
        let clock = trunk.clock;
        Ok(Self {
            number: plan.number,
            desk,
            tell,
            task,
            mode,
            roster: Roster::default(),
            people: HashMap::new(),
            clock,
            phones: trunk.phones.clone(),
            not_found: HashMap::new(),
            speech,
        })
    }

    /// The group as it stands now.
    pub fn set(&mut self, plan: &GroupPlan) {
        self.desk.displays.set(plan.caller_ids.as_deref());
        self.desk.set_terms(caller_terms(plan));
        self.desk.set(stopped(plan, &self.speech, &self.desk), plan.settings.dialing.max_ports, plan.due);
        if plan.state == state::UNLOAD_IN_PROGRESS {
            self.tell(Command::Stop(STOPPED));
            if plan.ends_talks {
                self.tell(Command::EndTalks(STOPPED));
            }
        }
        let mode = mode(&plan.settings.dialing, &plan.settings.calls);
        if mode != self.mode {
            self.mode = mode;
            tracing::info!(group = plan.number, ?mode, "a group is paced anew");
            self.tell(Command::Mode(mode));
        }
    }

    /// What was read of its prompts.
    pub fn set_prompts(&mut self, plan: &GroupPlan, read: Result<Sounds, NoPrompt>) {
        match self.speech.take(plan, read) {
            Ok(Some(sounds)) => self.tell(Command::Sounds(Arc::new(sounds))),
            Ok(None) => (),
            Err(error) => tracing::warn!(group = plan.number, error, "new prompts can't be read yet"),
        }
        self.desk.set(stopped(plan, &self.speech, &self.desk), plan.settings.dialing.max_ports, plan.due);
    }

    /// The agents as they are now: who is gone is hung up after the talk. Answers whom to call: who is new, and whose phone
    /// has not been there for a while.
    pub fn set_agents(&mut self, plan: &GroupPlan) -> Vec<String> {
        let (wanted, now) = (&plan.settings.calls.agents, Instant::now());
        self.not_found.retain(|uri, _| wanted.contains(uri));
        let absent = self.desk.absent().into_iter().collect();
        let due = self.roster.look(wanted, &absent, now);
        due.leave.into_iter().for_each(|agent| self.tell(Command::LogOut(agent)));
        for (phone, tries) in due.lost {
            if is_worth_saying(tries) {
                tracing::warn!(
                    group = plan.number,
                    phone,
                    tries,
                    "the phone of an agent is not there: it is called again"
                );
            }
        }
        let may_be_there = |uri: &String| self.not_found.get(uri).is_none_or(|(at, _)| at.elapsed() >= LOOK_AGAIN);
        due.call.into_iter().filter(may_be_there).collect()
    }

    /// The people who take the calls as they are now: who is no member any more leaves after the talk, and free members are
    /// taken in. Answers whom to call.
    pub fn set_people(&mut self, plan: &GroupPlan, hub: &AgentHub) -> Vec<(AgentId, Arc<Seat>, String)> {
        for (_, (agent, _)) in self.people.extract_if(|_, (_, seat)| !seat.works_for(plan.number)) {
            self.roster.left(agent);
        }
        for (user, (agent, _)) in &self.people {
            if !plan.members.contains(user) {
                self.tell(Command::LogOut(*agent));
            }
        }
        for seat in hub.free(plan.tenant, &plan.members) {
            let agent = self.roster.next(Instant::now());
            let (name, tell, phones) = (plan.name.clone(), self.commands(), self.phones.clone());
            let desk = Arc::clone(&self.desk);
            let work = Work { group: plan.number, name, agent, tell, phones, desk };
            if !seat.work_for(work, self.clock.now()) {
                continue;
            }
            self.roster.person(agent);
            if self.desk.seat(agent, Arc::clone(&seat)) {
                self.people.insert(seat.agent.user, (agent, seat));
            } else {
                seat.left(plan.number, self.clock.now());
            }
        }
        let call = |(agent, seat): &(AgentId, Arc<Seat>)| Some((*agent, Arc::clone(seat), seat.phone_to_call()?));
        self.people.values().filter_map(call).collect()
    }

    /// Calls the phone of a person, if it was found.
    pub fn seat(&self, agent: AgentId, seat: &Seat, phone: Option<Phone>) {
        match phone {
            Some(phone) => self.tell(Command::Seat(agent, phone)),
            None => seat.phone(false),
        }
    }

    /// Calls the phone of an agent, if it was found.
    pub fn log_in(&mut self, uri: String, found: Result<Phone, NoPhone>) {
        match found {
            Ok(phone) => {
                let agent = self.roster.phone(&uri, Instant::now());
                self.not_found.remove(&uri);
                self.tell(Command::LogIn(agent, phone));
            }
            Err(reason) => {
                let tries = self.not_found.get(&uri).map_or(1, |(_, tries)| tries + 1);
                if is_worth_saying(tries) {
                    tracing::warn!(group = self.number, tries, %reason, "the phone of an agent can't be called");
                }
                self.not_found.insert(uri, (Instant::now(), tries));
            }
        }
    }

    /// Gives an order; one that comes after the end is for nobody.
    pub fn tell(&self, command: Command) {
        let _over = self.tell.send(command);
    }

    /// Where orders go.
    pub fn commands(&self) -> UnboundedSender<Command> {
        self.tell.clone()
    }

    /// Whether it has come to its end.
    pub fn is_over(&self) -> bool {
        self.task.is_finished()
    }

    /// Waits for the end, not longer than this.
    pub async fn end(mut self, until: Instant) {
        if tokio::time::timeout_at(until, &mut self.task).await.is_err() {
            self.task.abort();
            self.desk.end();
        }
    }
}

/// Answers and abandoned calls of before, hour by hour, as far as any policy looks back.
async fn past(
    trunk: &Trunk,
    plan: &GroupPlan,
    policies: &[cxc_dialer::abandon::AbandonPolicy],
    now: i64,
) -> Result<Vec<(i64, u64, u64)>, String> {
    let starts = policies.iter().map(|policy| policy.window.start(now, plan.made_at, &TimeZone::UTC));
    let from = starts.min().unwrap_or(now);
    let read = async { trunk.app.db.read().await?.voice_answers(plan.tenant, plan.number, from).await };
    let hours = read.await.map_err(|error: cxc_store::StoreError| error.to_string())?;
    Ok(hours.into_iter().map(|hour| (hour.at, hour.live, hour.abandoned)).collect())
}
