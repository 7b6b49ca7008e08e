//! Calls to the numbers that we display: each is answered by a script. Who calls is recognised by their number.
mod directory;
mod wishes;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cxc_core::Micros;
use cxc_core::call_script::CallScript;
use cxc_dialer::call::{CallEvent, CallId};
use cxc_dialer::engine::{CallEngine as _, EngineEvent};
use cxc_dialer::ivr::{Audio, Input, Order, Session};
use cxc_server::App;
use cxc_sip::engine::{Clock, EngineOptions, Report, SipEngine};
use cxc_sip::media::Prompt;
use cxc_sip::trunk::{Destinations, Trunks};
use cxc_sip::ua::{Admit, Door, Knock, Refusal, UaOptions, Visitor};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

use super::CallKit;
use super::prompts::read_prompts;
use directory::{Called, Directory, e164};
use wishes::Visit;

/// Calls at once.
const MOST_CALLS: u32 = 100;
/// New calls a second.
const MOST_NEW: u32 = 20;
/// How often trunks and numbers are read.
const READ: Duration = Duration::from_secs(2);
/// A deadline that is never.
const NEVER: Duration = Duration::from_secs(3_600);
const SECOND: Micros = 1_000_000;
/// How long it may take until the caller knows that the call was answered: an ACK is waited for, for 32 s.
const ANSWER: Micros = 40 * SECOND;

/// What people hear at a number without a script of its own.
const USUAL: &str = r#"{"start": "menu", "maxSeconds": 180, "steps": {
    "menu": {"type": "gather", "prompt": "inbound", "timeoutSeconds": 5, "retries": 2,
        "choices": {"1": "never", "2": "again"}, "otherwise": "bye"},
    "never": {"type": "opt_out", "next": "gone", "otherwise": "sorry"},
    "gone": {"type": "hang_up", "prompt": "inbound-opted-out"},
    "again": {"type": "call_back", "next": "soon", "otherwise": "sorry"},
    "soon": {"type": "hang_up", "prompt": "inbound-call-back"},
    "sorry": {"type": "hang_up", "prompt": "inbound-sorry"},
    "bye": {"type": "hang_up", "prompt": "inbound-bye"}}}"#;

/// How many calls may come in now.
#[derive(Debug, Default)]
struct Gate {
    /// Those that were let in and are not over.
    open: AtomicU32,
    /// The second that is counted in, and how many came in it.
    second: AtomicU32,
    came: AtomicU32,
}

impl Gate {
    /// Lets one in. Only the task that receives asks.
    fn enter(&self, now: Micros) -> Result<(), Refusal> {
        let second = (now / SECOND) as u32;
        if self.second.swap(second, Ordering::Relaxed) != second {
            self.came.store(0, Ordering::Relaxed);
        }
        if self.open.load(Ordering::Relaxed) >= MOST_CALLS || self.came.load(Ordering::Relaxed) >= MOST_NEW {
            return Err(Refusal::Busy);
        }
        self.came.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// A place at the gate, until this is dropped.
struct Place(Arc<Gate>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A call in its script.
struct Guest {
    visit: Arc<Visit>,
    session: Session,
    prompts: HashMap<String, Prompt>,
    /// How long its script may take.
    most: Micros,
    /// When it must be over.
    end: Micros,
    is_answered: bool,
    _place: Place,
}

/// What tasks beside the loop tell it.
enum News {
    /// A call whose prompts are read.
    Prepared(Box<(Visitor, Guest)>),
    /// What a script waits for.
    Input(CallId, Input),
}

struct Reception {
    app: App,
    kit: Arc<CallKit>,
    clock: Clock,
    engine: SipEngine,
    directory: Arc<Directory>,
    gate: Arc<Gate>,
    guests: HashMap<CallId, Guest>,
    last: u64,
    tell: UnboundedSender<News>,
}

/// Answers calls at an address until told to stop; those that are up then are hung up.
pub async fn serve(app: App, kit: Arc<CallKit>, listen: SocketAddr, stop: CancellationToken) -> anyhow::Result<()> {
    let directory = Arc::new(Directory::default());
    let clock = Clock::starting(app.now());
    let gate = Arc::new(Gate::default());
    let (came, mut visitors) = mpsc::channel(MOST_NEW as usize);
    let door = Door { admit: admit(&directory, &gate, clock), came };
    let ua = UaOptions { listen: vec![listen], public: kit.public, door: Some(door), ..UaOptions::default() };
    let options = EngineOptions {
        ua,
        media_ports: kit.media_ports.clone(),
        media_address: listen.ip(),
        clock,
        ..EngineOptions::default()
    };
    let destinations = Destinations::new(Arc::clone(&kit.phones));
    let (engine, mut reports) = SipEngine::start(options, Trunks::new(Vec::new()), destinations).await?;
    tracing::info!(address = %listen, "calls to caller ids are answered");
    let (tell, mut news) = unbounded_channel();
    let mut reception =
        Reception { app, kit, clock, engine, directory, gate, guests: HashMap::new(), last: 0, tell };
    let reading = tokio::spawn(keep(Arc::clone(&reception.directory), reception.app.clone()));
    let lost = reception.work(&mut visitors, (&mut reports, &mut news), &stop).await;
    reading.abort();
    reception.engine.close().await;
    match lost {
        true => Err(anyhow::anyhow!("the SIP agent for calls that come in has ended")),
        false => Ok(()),
    }
}

fn admit(directory: &Arc<Directory>, gate: &Arc<Gate>, clock: Clock) -> Admit {
    let (directory, gate) = (Arc::clone(directory), Arc::clone(gate));
    Arc::new(move |knock: &Knock| {
        directory.find(knock)?;
        gate.enter(clock.now())
    })
}

/// Reads trunks and numbers again and again.
async fn keep(directory: Arc<Directory>, app: App) {
    loop {
        if let Err(error) = directory.read(&app).await {
            tracing::warn!(%error, "trunks and caller ids can't be read: those of before hold");
        }
        tokio::time::sleep(READ).await;
    }
}

impl Reception {
    /// True if the SIP agent was lost.
    async fn work(
        &mut self,
        visitors: &mut mpsc::Receiver<Visitor>,
        (reports, news): (&mut UnboundedReceiver<Report>, &mut UnboundedReceiver<News>),
        stop: &CancellationToken,
    ) -> bool {
        loop {
            let now = self.clock.now();
            let due = self.guests.values().map(Guest::due).min().map_or(tokio::time::Instant::now() + NEVER, |due| self.clock.at(due));
            tokio::select! {
                () = stop.cancelled() => return false,
                Some(visitor) = visitors.recv() => self.welcome(visitor),
                Some(report) = reports.recv() => match report {
                    Report::Down => return true,
                    report => self.heard(report, now),
                },
                Some(told) = news.recv() => match told {
                    News::Prepared(prepared) => self.begin(*prepared),
                    News::Input(call, input) => self.input(call, input),
                },
                () = tokio::time::sleep_until(due) => self.expire(),
            }
        }
    }

    /// Reads what a call will hear, on a task of its own; it rings meanwhile.
    fn welcome(&mut self, visitor: Visitor) {
        let place = Place(Arc::clone(&self.gate));
        // it was there a moment ago
        let Ok(called) = self.directory.find(&visitor.knock) else { return visitor.refuse(Refusal::NotFound) };
        let (kit, clock, tell) = (Arc::clone(&self.kit), self.clock, self.tell.clone());
        tokio::spawn(async move {
            match prepare(&kit, clock, (called, &visitor.knock), place).await {
                Ok(guest) => {
                    // a reception that is closed refuses whom it lets go
                    let _closed = tell.send(News::Prepared(Box::new((visitor, guest))));
                }
                Err(error) => {
                    tracing::error!(%error, "a call to a caller id can't be answered");
                    visitor.refuse(Refusal::Unavailable);
                }
            }
        });
    }

    fn begin(&mut self, (visitor, guest): (Visitor, Guest)) {
        self.last += 1;
        let call = CallId(self.last);
        self.engine.receive(call, visitor);
        self.guests.insert(call, guest);
    }

    fn heard(&mut self, report: Report, now: Micros) {
        match report {
            Report::Event(EngineEvent::Call(call, CallEvent::Answered)) => {
                if let Some(guest) = self.guests.get_mut(&call) {
                    guest.answered(now);
                    let (app, visit) = (self.app.clone(), Arc::clone(&guest.visit));
                    tokio::spawn(async move {
                        if let Err(error) = visit.note(&app, "call").await {
                            tracing::warn!(%error, "that somebody called is not in the history");
                        }
                    });
                }
                self.input(call, Input::Begin);
            }
            Report::Event(EngineEvent::Call(call, CallEvent::Failed(_) | CallEvent::RemoteHangup)) => {
                self.guests.remove(&call);
            }
            Report::Event(EngineEvent::Script(call, input)) => self.input(call, input),
            Report::Digit(call, digit) => self.input(call, Input::Digit(digit)),
            _ => (),
        }
    }

    fn input(&mut self, call: CallId, input: Input) {
        let now = self.clock.now();
        let Some(guest) = self.guests.get_mut(&call) else { return };
        for order in guest.session.step(input, now) {
            match order {
                Order::Audio(Audio::Play(number, name)) => self.say(call, number, &name),
                Order::Audio(Audio::Announce(number)) => self.send(call, Input::NotRecorded(number)),
                Order::Audio(audio) => self.engine.script(call, audio, now),
                Order::OptOut => self.opt_out(call),
                Order::CallBack => self.call_back(call),
                Order::Transfer | Order::End { .. } => {
                    self.engine.hangup(call, now);
                    self.guests.remove(&call);
                    return;
                }
            }
        }
    }

    fn say(&mut self, call: CallId, number: u32, name: &str) {
        match self.guests.get(&call).and_then(|guest| guest.prompts.get(name)) {
            Some(prompt) => self.engine.say(call, number, prompt.clone()),
            // all of them were read
            None => self.send(call, Input::Played(number)),
        }
    }

    fn send(&self, call: CallId, input: Input) {
        // the loop that reads it is this one
        let _closed = self.tell.send(News::Input(call, input));
    }

    fn opt_out(&self, call: CallId) {
        let Some(guest) = self.guests.get(&call) else { return };
        if guest.visit.caller.is_none() {
            // there is nothing to write: the script need not wait for it
            return self.send(call, Input::Deadline);
        }
        let (app, visit, tell) = (self.app.clone(), Arc::clone(&guest.visit), self.tell.clone());
        tokio::spawn(async move {
            if visit.opt_out(&app).await {
                let _closed = tell.send(News::Input(call, Input::OptedOut));
            }
        });
    }

    fn call_back(&self, call: CallId) {
        let Some(guest) = self.guests.get(&call) else { return };
        let (app, visit, tell) = (self.app.clone(), Arc::clone(&guest.visit), self.tell.clone());
        tokio::spawn(async move {
            let arranged = visit.call_back(&app).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "a callback can't be arranged");
                false
            });
            let _closed = tell.send(News::Input(call, Input::CallBack(arranged)));
        });
    }

    fn expire(&mut self) {
        let now = self.clock.now();
        let due: Vec<(CallId, bool)> =
            self.guests.iter().filter(|(_, g)| g.due() <= now).map(|(call, g)| (*call, g.end <= now)).collect();
        for (call, is_over) in due {
            if is_over {
                self.engine.hangup(call, now);
                self.guests.remove(&call);
            } else {
                self.input(call, Input::Deadline);
            }
        }
    }
}

impl Guest {
    /// When something must happen.
    fn due(&self) -> Micros {
        let of_script = self.session.deadline().filter(|_| self.is_answered);
        of_script.map_or(self.end, |due| due.min(self.end))
    }

    /// The caller is there: the time of the script begins.
    fn answered(&mut self, now: Micros) {
        (self.is_answered, self.end) = (true, now + self.most);
    }
}

/// What a call will hear, and who calls.
async fn prepare(
    kit: &CallKit,
    clock: Clock,
    (called, knock): (Called, &Knock),
    place: Place,
) -> anyhow::Result<Guest> {
    let script = match called.script {
        Some(script) => script,
        None => Arc::new(serde_json::from_str::<CallScript>(USUAL)?),
    };
    let prompts = read_prompts(kit.prompts.as_deref(), &script).await?;
    let caller = knock.caller.as_deref().and_then(|caller| person(kit, &called.number, caller));
    let (tenant, account, call_id) = (called.tenant, called.account, knock.call_id.clone());
    let visit = Arc::new(Visit { tenant, account, call_id, caller });
    let (now, most) = (clock.now(), Micros::from(script.max_seconds) * SECOND);
    let session = Session::new(script, now);
    Ok(Guest { visit, session, prompts, most, end: now + ANSWER, is_answered: false, _place: place })
}

/// The number of who calls; as somebody in the country of the number that was called would write it.
fn person(kit: &CallKit, called: &str, caller: &str) -> Option<String> {
    let country = kit.phones.parse(called, None).ok().map(|phone| phone.country);
    let with_code = || e164(caller).and_then(|number| kit.phones.parse(&number, None).ok());
    let phone = match caller.starts_with('+') {
        true => with_code(),
        false => kit.phones.parse(caller, country).ok().or_else(with_code),
    };
    phone.map(|phone| phone.number.as_str().to_owned())
}
