//! Calls to the numbers that we display: each is answered by a script. Who calls is recognised by their number.
mod conversation;
mod directory;
mod gate;
mod guest;
mod seeking;
mod wishes;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cxc_core::Micros;
use cxc_dialer::call::{CallEvent, CallId};
use cxc_dialer::engine::{CallEngine as _, EngineEvent};
use cxc_dialer::ivr::{Audio, Input, Order};
use cxc_server::App;
use cxc_sip::engine::{Clock, EngineOptions, Report, SipEngine};
use cxc_sip::trunk::{Destinations, Trunks};
use cxc_sip::ua::{Admit, Door, Knock, Refusal, UaOptions, Visitor};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::CallKit;
use directory::Directory;
use gate::{Gate, MOST_NEW, Place};
use guest::{Guest, prepare};
use seeking::seek;

/// How often trunks and numbers are read.
const READ: Duration = Duration::from_secs(2);
/// How long talks with agents may go on when it is told to stop, until what came of them is written: a little longer than groups take
/// to end them.
const FAREWELL: Duration = Duration::from_secs(20);
/// A deadline that is never.
const NEVER: Duration = Duration::from_secs(3_600);

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
    /// Who stays with those who wait for agents or talk with them.
    talks: TaskTracker,
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
    let (guests, talks) = (HashMap::new(), TaskTracker::new());
    let mut reception =
        Reception { app, kit, clock, engine, directory, gate, guests, last: 0, tell, talks: talks.clone() };
    let reading = tokio::spawn(keep(Arc::clone(&reception.directory), reception.app.clone()));
    let lost = reception.work(&mut visitors, (&mut reports, &mut news), &stop).await;
    reading.abort();
    reception.engine.close().await;
    talks.close();
    if tokio::time::timeout(FAREWELL, talks.wait()).await.is_err() {
        tracing::warn!("what came of talks with persons who called in could not be written in time");
    }
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
            let due = self
                .guests
                .values()
                .map(Guest::due)
                .min()
                .map_or(tokio::time::Instant::now() + NEVER, |due| self.clock.at(due));
            tokio::select! {
                () = stop.cancelled() => return false,
                Some(visitor) = visitors.recv() => self.welcome(visitor),
                Some(report) = reports.recv() => match report {
                    Report::Down => return true,
                    report => self.heard(&report),
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
        let (app, kit, clock, tell) = (self.app.clone(), Arc::clone(&self.kit), self.clock, self.tell.clone());
        tokio::spawn(async move {
            match prepare((&app, &kit), clock, (called, &visitor.knock), place).await {
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

    fn heard(&mut self, report: &Report) {
        match *report {
            Report::Event(EngineEvent::Call(call, CallEvent::Answered)) => {
                if let Some(guest) = self.guests.get_mut(&call) {
                    guest.answered(self.clock.now());
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
        if input == Input::Agent(true) {
            guest.talks(now);
        }
        for order in guest.session.step(input, now) {
            match order {
                Order::Audio(Audio::Play(number, name)) => self.say(call, number, &name),
                Order::Audio(Audio::Announce(number)) => self.send(call, Input::NotRecorded(number)),
                Order::Audio(audio) => self.engine.script(call, audio, now),
                Order::OptOut => self.opt_out(call),
                Order::CallBack => self.call_back(call),
                Order::Agent { prompt, wait } => self.find_agent(call, prompt.as_deref(), wait),
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

    /// The call is lent to the group whose agents are asked; it comes back if none of them takes it.
    fn find_agent(&mut self, call: CallId, prompt: Option<&str>, wait: Micros) {
        let (Some(guest), Some(loan)) = (self.guests.get_mut(&call), self.engine.lend(call)) else { return };
        guest.waits(wait);
        let named = prompt.and_then(|name| guest.prompts.get(name)).or(self.kit.hold_prompt.as_ref());
        if let Some(prompt) = named {
            self.engine.say_on(call, prompt.clone());
        }
        let tell = self.tell.clone();
        // the call may be over by then
        let told = move |is_there| drop(tell.send(News::Input(call, Input::Agent(is_there))));
        self.talks.spawn(seek(self.app.clone(), Arc::clone(&self.kit), Arc::clone(&guest.visit), (loan, wait), told));
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
