//! The engine that a campaign group orders calls from: real calls by SIP or by an Asterisk, with their audio.
mod agent;
mod attempt;
mod call;
mod ear;
mod floor;
mod inbound;
mod leg;
mod line;
mod parties;
mod script;
mod talk;
mod vigil;

use std::collections::HashMap;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use cxc_core::Micros;
use cxc_dialer::agent::AgentId;
use cxc_dialer::amd;
use cxc_dialer::call::CallId;
use cxc_dialer::engine::{CallEngine, CallSpec, EngineEvent};
use cxc_dialer::ivr::Audio;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use crate::media::{Counts, Peer, Ports, Prompt, Recorder, Wheel};
use crate::trunk::{Destinations, TrunkOptions, Trunks};
use crate::ua::{Registered, UaError, UaOptions, UserAgent};
use agent::Rung;
pub use floor::{Level, Third};
use inbound::Borrower;
pub use inbound::Loan;
use line::Line;
pub use line::Phone;
pub use parties::{TalkOrder, TalkState, ThirdParty};

/// Writes down that a call goes out by a trunk, before it does; an error keeps it back. So at most one phone rings for
/// an attempt, whatever happens to this process.
pub type BeforeLeg =
    Arc<dyn Fn(CallId, &str) -> Pin<Box<dyn Future<Output = std::io::Result<()>> + Send>> + Send + Sync>;

/// What people hear who are called.
#[derive(Debug, Clone, Default)]
pub struct Sounds {
    /// What abandoned persons hear.
    pub message: Option<Prompt>,
    /// What machines get after their beep.
    pub machine_message: Option<Prompt>,
    /// What persons hear before they are recorded.
    pub recording_notice: Option<Prompt>,
    /// What persons hear who wait while they talk; silence without one.
    pub hold_prompt: Option<Prompt>,
    /// What a script plays, by name.
    pub prompts: HashMap<String, Prompt>,
}

/// How the engine is set up.
#[derive(Clone)]
pub struct EngineOptions {
    /// SIP addresses and the like.
    pub ua: UaOptions,
    /// Where media is received, one even port for each call and for each agent's phone.
    pub media_ports: RangeInclusive<u16>,
    /// The address of media ports. Peers are told the public address of the user agent, if there is one.
    pub media_address: IpAddr,
    /// Begins each Call-ID: the epoch of the group's lease, so that calls of a former owner can be told.
    pub call_id_prefix: String,
    /// What people hear.
    pub sounds: Sounds,
    /// Who writes recordings.
    pub recorder: Option<Recorder>,
    /// Whether who answers is listened to: person or machine.
    pub detection: bool,
    /// Told before each leg.
    pub before_leg: BeforeLeg,
    /// The time of the group. Engines that share trunks share it, too.
    pub clock: Clock,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            ua: UaOptions::default(),
            media_ports: 20_000..=29_999,
            media_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            call_id_prefix: String::new(),
            sounds: Sounds::default(),
            recorder: None,
            detection: false,
            before_leg: Arc::new(|_, _| Box::pin(async { Ok(()) })),
            clock: Clock::starting(0),
        }
    }
}

/// What the engine tells the owner of the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// For the group.
    Event(EngineEvent),
    /// The person of a call pressed a key.
    Digit(CallId, char),
    /// The talk of an agent must end soon.
    Warn(AgentId),
    /// The phone of an agent that is called for each call answered its call of this number, or is gone.
    Phone(AgentId, u64, bool),
    /// How the talk of a call's agent stands: at its beginning, and after each order for it.
    Talk(CallId, AgentId, TalkState),
    /// How a leg failed: what the carrier said, as it said it. Comes before the event that it leads to.
    Leg(CallId, LegReport),
    /// What else is to be known of how a call went out. Comes before the event that it leads to.
    Told(CallId, Told),
    /// Who answered, as far as that could be heard.
    Detected(CallId, amd::Verdict),
    /// A call that was answered is over; this came and went of its audio.
    Audio(CallId, Counts),
    /// The engine places no calls any more; those that are up are lost.
    Down,
}

/// What a carrier said of a call that it did not connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegReport {
    /// The trunk.
    pub trunk: String,
    /// The final status; none where nobody answered in time.
    pub status: Option<u16>,
    /// The Reason headers, or why nothing was sent.
    pub reason: Option<String>,
    /// The person or their phone declined.
    pub rejected: bool,
    /// The caller id is being blocked: an alarm.
    pub blocked: bool,
    /// The carrier does not take our credentials: an alarm.
    pub credentials: bool,
    /// The trunk could not carry it: certainly nobody was called by it.
    pub unreached: bool,
}

/// How a call went out, or why it did not, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Its number is never dialed.
    KeptBack(String),
    /// It could not be placed by us: nothing was sent for it by the trunk whose turn it was.
    NotPlaced(String),
    /// Somebody answered by this trunk.
    Carried {
        /// Its name.
        trunk: String,
        /// It is not the first one.
        is_alternate: bool,
    },
    /// Somebody answered, but in no way that people could talk.
    Unusable(String),
}

/// Microseconds that pass evenly, whatever happens to the machine's clock: the time of a group.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
    first: Micros,
}

impl Clock {
    /// A clock that shows a time now.
    pub fn starting(first: Micros) -> Self {
        Self { started: Instant::now(), first }
    }

    /// Now.
    pub fn now(&self) -> Micros {
        self.first.saturating_add(Micros::try_from(self.started.elapsed().as_micros()).unwrap_or(Micros::MAX))
    }

    /// When the clock will show a time.
    pub fn at(&self, time: Micros) -> Instant {
        self.started + std::time::Duration::from_micros(u64::try_from(time - self.first).unwrap_or(0))
    }
}

/// The engine. Calls run on tasks of their own; this is the hand that gives them orders.
pub struct SipEngine {
    /// Taken back before all else goes.
    registered: Vec<Registered>,
    shared: Arc<Shared>,
    lines: HashMap<AgentId, Line>,
    /// Phones that are called for each call.
    rung: HashMap<AgentId, Rung>,
}

/// What all calls share.
pub(crate) struct Shared {
    ua: UserAgent,
    ports: Arc<Ports>,
    wheel: Wheel,
    trunks: Arc<Trunks>,
    destinations: Destinations,
    sounds: RwLock<Arc<Sounds>>,
    recorder: Option<Recorder>,
    /// That a notice is missing was said.
    has_told_of_notice: AtomicBool,
    detection: bool,
    before_leg: BeforeLeg,
    call_id_prefix: String,
    clock: Clock,
    /// Held by each call by an Asterisk, until nothing is left of it.
    asterisk_legs: Arc<()>,
    reports: UnboundedSender<Report>,
    calls: Mutex<HashMap<CallId, UnboundedSender<Order>>>,
}

/// What a call is told.
pub(crate) enum Order {
    Cancel,
    Hangup,
    Message,
    MachineMessage,
    Play(Prompt),
    /// A prompt of a script, by its number.
    Say(u32, Prompt),
    /// A prompt, again and again.
    SayOn(Prompt),
    /// From now on the call is one of another engine's ...
    Lend(Box<Borrower>),
    /// ... and is not any more.
    Return,
    Script(Audio),
    Bridge(AgentId, Peer),
    Talk(TalkOrder),
}

impl SipEngine {
    /// Opens its sockets. Reports come by the receiver. The trunks may be those of other engines, too: their limits are
    /// held together.
    pub async fn start(
        options: EngineOptions,
        trunks: impl Into<Arc<Trunks>>,
        destinations: Destinations,
    ) -> Result<(Self, UnboundedReceiver<Report>), UaError> {
        let ua = UserAgent::start(&options.ua).await?;
        let (reports, receiver) = unbounded_channel();
        let shared = Arc::new(Shared {
            ports: Arc::new(Ports::new(options.media_address, options.ua.public, options.media_ports)),
            wheel: Wheel::start(),
            sounds: RwLock::new(Arc::new(options.sounds)),
            recorder: options.recorder,
            has_told_of_notice: AtomicBool::new(false),
            detection: options.detection,
            before_leg: options.before_leg,
            call_id_prefix: options.call_id_prefix,
            clock: options.clock,
            calls: Mutex::default(),
            asterisk_legs: Arc::default(),
            ua,
            trunks: trunks.into(),
            destinations,
            reports,
        });
        let watch = Arc::downgrade(&shared);
        tokio::spawn(async move {
            let Some(shared) = watch.upgrade() else { return };
            let failed = shared.ua.failure();
            drop(shared);
            failed.await;
            if let Some(shared) = watch.upgrade() {
                shared.report(Report::Down);
            }
        });
        let registrations = shared.trunks.all().iter().filter_map(TrunkOptions::registration);
        let registered = registrations.map(|registration| shared.ua.register(&registration)).collect();
        Ok((Self { registered, shared, lines: HashMap::new(), rung: HashMap::new() }, receiver))
    }

    /// The time of the group that this engine works for.
    pub fn clock(&self) -> Clock {
        self.shared.clock
    }

    /// The carriers.
    pub fn trunks(&self) -> &Trunks {
        &self.shared.trunks
    }

    /// Media ports that nobody has.
    pub fn free_ports(&self) -> usize {
        self.shared.ports.free()
    }

    /// Media ports that calls and phones have.
    pub fn ports_in_use(&self) -> usize {
        self.shared.ports.in_use()
    }

    /// Calls that take orders.
    pub fn calls(&self) -> usize {
        self.shared.calls().len()
    }

    /// Calls by an Asterisk of which something is left.
    pub fn asterisk_legs(&self) -> usize {
        self.shared.asterisk_legs()
    }

    /// The user agent.
    pub fn ua(&self) -> &UserAgent {
        &self.shared.ua
    }

    /// Calls an agent's phone, once, and keeps it: the agent has come when it answers.
    pub fn log_in(&mut self, agent: AgentId, phone: Phone) {
        self.lines.insert(agent, agent::call(Arc::clone(&self.shared), agent, phone));
    }

    /// Knows the agent's phone, to call it for each call; it rings for so long.
    pub fn know_phone(&mut self, agent: AgentId, phone: Phone, ring: Duration) {
        self.rung.insert(agent, Rung { phone, ring, line: None, last: 0 });
    }

    /// Whether this is the call of the moment to an agent's phone.
    pub fn is_phone_call(&self, agent: AgentId, number: u64) -> bool {
        self.rung.get(&agent).and_then(|rung| rung.line.as_ref()).is_some_and(|(known, _)| *known == number)
    }

    /// Whether an agent's phone that is called for each call is there.
    pub fn is_phone_there(&self, agent: AgentId) -> bool {
        self.rung.get(&agent).and_then(Rung::peer).is_some()
    }

    /// Hangs up the agent's phone.
    pub fn log_out(&mut self, agent: AgentId) {
        self.lines.remove(&agent);
        self.rung.remove(&agent);
    }

    /// Plays these from now on. What plays already goes on as it is.
    pub fn set_sounds(&self, sounds: Arc<Sounds>) {
        *self.shared.sounds.write().unwrap_or_else(PoisonError::into_inner) = sounds;
    }

    /// Plays a prompt to the person of a call.
    pub fn play(&mut self, call: CallId, prompt: Prompt) {
        self.order(call, Order::Play(prompt));
    }

    /// Does something with the talk of a call.
    pub fn talk(&mut self, call: CallId, order: TalkOrder) {
        self.order(call, Order::Talk(order));
    }

    /// Whether a call takes orders.
    pub fn is_up(&self, call: CallId) -> bool {
        self.shared.calls().contains_key(&call)
    }

    /// Hangs up everything and waits until it is down, some seconds at most.
    pub async fn close(self) {
        let shared = Arc::clone(&self.shared);
        drop(self);
        for _ in 0..300 {
            if shared.ua.dialogs() + shared.ua.unanswered() + shared.asterisk_legs() == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn order(&self, call: CallId, order: Order) {
        if let Some(orders) = self.shared.calls().get(&call) {
            // a call that ends just now does without
            let _gone = orders.send(order);
        }
    }
}

impl Drop for SipEngine {
    fn drop(&mut self) {
        self.registered.clear();
        // a call that nobody gives orders any more hangs up; one that was lent has others who do
        self.shared.calls().drain().for_each(|(_, call)| drop(call.send(Order::Hangup)));
    }
}

impl CallEngine for SipEngine {
    fn originate(&mut self, call: CallId, spec: &CallSpec, _now: Micros) {
        call::start(Arc::clone(&self.shared), call, spec.clone());
    }

    fn bridge(&mut self, call: CallId, agent: AgentId, _now: Micros) {
        let rung = || self.rung.get(&agent).and_then(Rung::peer);
        match self.lines.get(&agent).and_then(Line::peer).or_else(rung) {
            Some(peer) => self.order(call, Order::Bridge(agent, peer)),
            None => self.shared.lost(call, agent),
        }
    }

    fn play_message(&mut self, call: CallId, _now: Micros) {
        self.order(call, Order::Message);
    }

    fn leave_message(&mut self, call: CallId, _now: Micros) {
        self.order(call, Order::MachineMessage);
    }

    fn cancel(&mut self, call: CallId, _now: Micros) {
        self.order(call, Order::Cancel);
    }

    fn hangup(&mut self, call: CallId, _now: Micros) {
        self.order(call, Order::Hangup);
    }

    fn script(&mut self, call: CallId, audio: Audio, _now: Micros) {
        self.order(call, Order::Script(audio));
    }

    fn ring(&mut self, agent: AgentId, _now: Micros) {
        if let Some(rung) = self.rung.get_mut(&agent) {
            rung.call(&self.shared, agent);
        }
    }

    fn hang_up_phone(&mut self, agent: AgentId, _now: Micros) {
        if let Some(rung) = self.rung.get_mut(&agent) {
            rung.line = None;
        }
    }

    fn warn(&mut self, agent: AgentId, _now: Micros) {
        self.shared.report(Report::Warn(agent));
    }
}

impl Shared {
    pub(crate) fn report(&self, report: Report) {
        // nobody listens once the group is gone
        let _gone = self.reports.send(report);
    }

    /// What people hear now.
    fn sounds(&self) -> Arc<Sounds> {
        Arc::clone(&self.sounds.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn asterisk_legs(&self) -> usize {
        Arc::strong_count(&self.asterisk_legs) - 1
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<CallId, UnboundedSender<Order>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
