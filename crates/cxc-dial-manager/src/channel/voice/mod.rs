//! Calls: a trunk as a carrier, our own SIP or an Asterisk. The engine of records hands over attempts that are written, as to any carrier; for
//! each campaign group an actor paces, places and connects the calls, and says how many it wants.
pub mod caller_ids;
mod desk;
mod group;
pub mod inbound;
mod learned;
pub mod live;
mod phones;
mod prompts;
mod recordings;
mod roster;
mod script;
mod setup;
pub mod sharing;
mod speech;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use cxc_core::phone::PhoneParser;
use cxc_server::App;
pub use cxc_sip::media::{Prompt, Recorder};
use cxc_sip::run::Command;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Body, Carrier, CarrierStatus, ConnectError, OutMessage, Outcome};
use crate::agents::AgentHub;
use crate::sender::{Demand, GroupPlan, Plans};
use caller_ids::CallerIdBoard;
#[cfg(test)]
pub use desk::DeskRules;
pub use desk::{Desk, DeskBoard, Ended};
use group::GroupActor;
use live::LiveBoard;
pub use phones::{NoPhone, OF_TRUNK, Phones, shares_host};
pub use prompts::PromptShelf;
use prompts::read_sounds;
pub use recordings::keep_recordings;
pub(crate) use recordings::recording_spec;
use setup::{Trunk, TrunkAccount};

/// Talks that go on when a trunk stops are ended after this time.
const FAREWELL: Duration = Duration::from_secs(12);
/// Why calls end with their trunk.
const CLOSED: &str = "the dialer stopped, or began anew with its trunk";
/// So many calls at most are over and wait for a word of their agents.
const MOST_IN_WRAP_UP: usize = 1_000;
/// How often it is written down what calls cost.
const SPEND: Duration = Duration::from_millis(500);
/// How long a goodbye may take after that.
const GOODBYE: Duration = Duration::from_secs(5);

/// What calls are placed with, for all trunks of a process.
pub struct CallKit {
    /// Reads numbers for the last look before a call.
    pub phones: Arc<PhoneParser>,
    /// What abandoned persons hear.
    pub message: Option<Prompt>,
    /// What machines get after their beep.
    pub machine_message: Option<Prompt>,
    /// What persons hear before they are recorded.
    pub recording_notice: Option<Prompt>,
    /// Where prompts lie that nobody uploaded.
    pub prompts: Option<PathBuf>,
    /// Uploaded prompts that were read.
    pub shelf: PromptShelf,
    /// What persons hear who wait while they talk.
    pub hold_prompt: Option<Prompt>,
    /// Who writes recordings.
    pub recorder: Recorder,
    /// The ports of media.
    pub media_ports: RangeInclusive<u16>,
    /// The address that peers see, where it is not ours.
    pub public: Option<IpAddr>,
    /// Where calls to caller ids come in.
    pub inbound: Option<SocketAddr>,
    /// The people who take calls.
    pub agents: Arc<AgentHub>,
    /// What goes on in the groups.
    pub live: Arc<LiveBoard>,
    /// Where persons who call in find agents.
    pub desks: DeskBoard,
    /// What is seen of their caller ids.
    pub caller_ids: Arc<CallerIdBoard>,
}

/// A trunk.
pub struct VoiceCarrier {
    trunk: Arc<Trunk>,
    groups: Mutex<HashMap<i64, GroupActor>>,
    /// Held while groups are set: two at once would start one twice.
    setting: tokio::sync::Mutex<()>,
    asked: Arc<Notify>,
    status: Mutex<CarrierStatus>,
}

impl VoiceCarrier {
    /// The trunk of an account, and those of its alternates. `epoch` is that of the sender's lease: it begins each Call-ID.
    pub fn start(app: App, kit: Arc<CallKit>, plans: &Plans, epoch: i64) -> Result<Self, ConnectError> {
        let alternates = plans.account.alternates().iter().copied();
        let own = TrunkAccount { id: plans.id, name: plans.name.clone(), account: plans.account.as_ref().clone() };
        let named = alternates.zip(plans.alternates.iter().cloned());
        let others = named.map(|(id, (name, account))| TrunkAccount { id, name, account });
        let accounts: Vec<TrunkAccount> = std::iter::once(own).chain(others).collect();
        if let Some(error) = accounts.iter().flat_map(|one| one.account.validate()).next() {
            return Err(ConnectError(format!("{}: {}", error.pointer, error.detail)));
        }
        let hosts = accounts.iter().filter_map(|one| one.account.host.clone()).collect();
        let mut trunk = Trunk::new(app, kit, plans.number, accounts, epoch);
        trunk.phones.set_trunks(hosts);
        let trunk = Arc::new(trunk);
        tokio::spawn(keep_spend(Arc::downgrade(&trunk)));
        Ok(Self {
            trunk,
            groups: Mutex::default(),
            setting: tokio::sync::Mutex::default(),
            asked: Arc::default(),
            status: Mutex::new(CarrierStatus::Connected),
        })
    }

    fn groups(&self) -> MutexGuard<'_, HashMap<i64, GroupActor>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_status(&self, status: CarrierStatus) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }

    fn tell_all(&self, command: &Command) {
        self.groups().values().for_each(|group| group.tell(command.clone()));
    }

    /// Starts the actor of a group that has none, and tells one that is there what changed.
    async fn set_group(&self, plan: &Arc<GroupPlan>) -> Result<(), String> {
        let may_start = match self.groups().get_mut(&plan.number) {
            Some(actor) => {
                actor.set(plan);
                false
            }
            None => group::is_loaded(plan),
        };
        if may_start {
            let actor = GroupActor::start(&self.trunk, plan, Arc::clone(&self.asked)).await?;
            self.groups().insert(plan.number, actor);
        }
        if !group::is_loaded(plan) {
            return Ok(());
        }
        self.set_prompts(plan).await;
        let came = self.groups().get_mut(&plan.number).map(|actor| actor.set_agents(plan));
        for uri in came.unwrap_or_default() {
            let phone = self.trunk.phones.look(&self.trunk.app.channel_reach, &uri).await;
            if let Some(actor) = self.groups().get_mut(&plan.number) {
                actor.log_in(uri, phone);
            }
        }
        let people = self.groups().get_mut(&plan.number).map(|actor| actor.set_people(plan, &self.trunk.kit.agents));
        for (agent, seat, uri) in people.unwrap_or_default() {
            let phone = self.trunk.phone(&uri).await;
            if let Some(actor) = self.groups().get(&plan.number) {
                actor.seat(agent, &seat, phone);
            }
        }
        Ok(())
    }

    /// Lets a group say what was uploaded since it began.
    async fn set_prompts(&self, plan: &Arc<GroupPlan>) {
        let changed = self.groups().get(&plan.number).and_then(|actor| actor.speech.changed(plan));
        let Some(calls) = changed else { return };
        let read = read_sounds(&self.trunk.app, &self.trunk.kit, plan.tenant, &calls).await;
        if let Some(actor) = self.groups().get_mut(&plan.number) {
            actor.set_prompts(plan, read);
        }
    }
}

/// Writes what a trunk costs as it goes, as long as it is there.
async fn keep_spend(trunk: Weak<Trunk>) {
    loop {
        tokio::time::sleep(SPEND).await;
        let Some(trunk) = trunk.upgrade() else { return };
        if let Err(error) = trunk.write_spend().await {
            tracing::warn!(%error, "what calls cost can't be written yet");
        }
    }
}

#[async_trait]
impl Carrier for VoiceCarrier {
    /// Answers when the call is over.
    async fn send(&self, message: OutMessage) -> Outcome {
        let Body::Call(body) = &message.body else { return Outcome::not_sent("a trunk carries calls only") };
        let desk = self.groups().get(&body.group).map(|group| Arc::clone(&group.desk));
        let Some(desk) = desk else { return Outcome::not_sent("the group places no calls any more") };
        desk.place(&message, body.not_after).await
    }

    fn status(&self) -> CarrierStatus {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn set_groups(&self, groups: &[Arc<GroupPlan>]) {
        let _one_at_a_time = self.setting.lock().await;
        self.groups().retain(|_, actor| !actor.is_over());
        let is_there = |number: i64| groups.iter().any(|plan| plan.number == number);
        self.groups()
            .iter()
            .filter(|(number, _)| !is_there(**number))
            .for_each(|(_, actor)| actor.tell(Command::Stop(group::STOPPED)));
        let mut status = CarrierStatus::Connected;
        for plan in groups {
            if let Err(reason) = self.set_group(plan).await {
                tracing::warn!(group = plan.number, reason, "a group can't place calls");
                status = CarrierStatus::Down { reason };
            }
        }
        self.set_status(status);
    }

    fn demand(&self, group: i64) -> Option<Demand> {
        // a group without an actor asks for nothing
        Some(self.groups().get(&group).map(|actor| actor.desk.demand.clone()).unwrap_or_default())
    }

    async fn asked(&self) {
        self.asked.notified().await;
    }

    fn limited_by(&self, group: i64) -> Option<&'static str> {
        self.groups().get(&group)?.desk.why()
    }

    fn most_open(&self) -> Option<usize> {
        // the attempt of a call is open until its agent has said what it came to
        Some(self.trunk.channels() + MOST_IN_WRAP_UP)
    }

    fn wind_down(&self) {
        let farewell: Vec<_> = self.groups().values().map(GroupActor::commands).collect();
        self.tell_all(&Command::Stop(CLOSED));
        tokio::spawn(async move {
            tokio::time::sleep(FAREWELL).await;
            // a group that is over needs no farewell
            farewell.iter().for_each(|tell| drop(tell.send(Command::HangUpAll(CLOSED))));
        });
    }

    async fn close(&self) {
        self.set_status(CarrierStatus::Closed);
        self.tell_all(&Command::Stop(CLOSED));
        self.tell_all(&Command::HangUpAll(CLOSED));
        let until = Instant::now() + GOODBYE;
        let actors: Vec<GroupActor> = self.groups().drain().map(|(_, actor)| actor).collect();
        for actor in actors {
            actor.end(until).await;
        }
        if let Err(error) = self.trunk.write_spend().await {
            tracing::warn!(%error, "what the last calls of a trunk cost could not be written");
        }
    }
}
