//! A call from its answer to its end.
use std::sync::Arc;
use std::sync::atomic::Ordering;

use cxc_dialer::agent::AgentId;
use cxc_dialer::amd;
use cxc_dialer::call::{CallEvent, CallId, Verdict};
use cxc_dialer::engine::CallSpec;
use cxc_dialer::ivr::Input;
use tokio::sync::mpsc::UnboundedReceiver;

use super::attempt::Attempt;
use super::ear::{Ear, Sound};
use super::floor::Floor;
use super::inbound::Borrower;
use super::parties::Guests;
use super::vigil::Vigil;
use super::{Order, Report, Shared};
use crate::media::{MediaEvent, Peer, Prompt, Recording};
use crate::ua::LegEvent;

/// What a call is about to be told, by the number of the prompt.
pub(super) enum Says {
    /// The message for abandoned persons, or that for machines.
    Message(u64),
    /// That it is recorded; then the agent talks.
    Notice(u64, AgentId, Peer),
    /// What a script ordered by a number.
    Script(u64, u32),
}

pub(super) struct Talk {
    /// Whose call it is now, and its number there.
    pub shared: Arc<Shared>,
    pub id: CallId,
    pub spec: Arc<CallSpec>,
    /// Who lent it, if somebody did.
    lender: Option<Borrower>,
    pub says: Option<Says>,
    pub recording: Option<Recording>,
    /// The person knows that they are recorded.
    pub is_told: bool,
    /// It was asked for that what is said is left out of it.
    pub is_paused: bool,
    /// A message was recorded, and what follows is not to be.
    pub is_over: bool,
    /// The agent's audio, while both talk.
    pub agent: Option<(AgentId, Peer)>,
    ear: Ear,
    pub floor: Floor,
    pub guests: Guests,
    /// The person hears the prompt of those who wait.
    pub plays_on: bool,
}

/// Runs an answered call to its end.
pub(super) async fn talk(
    shared: &Arc<Shared>,
    id: CallId,
    spec: &CallSpec,
    attempt: &mut Attempt,
    orders: &mut UnboundedReceiver<Order>,
) -> Option<CallEvent> {
    let ear = Ear::open(shared, &attempt.stream);
    let mut talk = Talk {
        shared: Arc::clone(shared),
        id,
        spec: Arc::new(spec.clone()),
        lender: None,
        says: None,
        recording: None,
        is_told: false,
        is_paused: false,
        is_over: false,
        agent: None,
        ear,
        floor: Floor::default(),
        guests: Guests::none(),
        plays_on: false,
    };
    let last = run(&mut talk, attempt, orders).await;
    talk.let_agent_go(attempt);
    talk.over(last)
}

async fn run(talk: &mut Talk, attempt: &mut Attempt, orders: &mut UnboundedReceiver<Order>) -> Option<CallEvent> {
    let mut vigil = Vigil::over_a_person();
    loop {
        tokio::select! {
            event = attempt.leg.next() => match event {
                Some(LegEvent::Ended | LegEvent::Failed(_)) | None => {
                    if talk.ear.is_judging {
                        talk.shared.report(Report::Detected(talk.id, amd::Verdict::Hangup));
                    }
                    return Some(CallEvent::RemoteHangup);
                }
                Some(_) => (),
            },
            order = orders.recv() => match order {
                Some(Order::Hangup) | None => {
                    attempt.leg.hangup();
                    return None;
                }
                Some(order) => talk.obey(attempt, order),
            },
            Some(event) = attempt.media.recv() => match event {
                MediaEvent::Digit(digit) => talk.shared.report(Report::Digit(talk.id, digit)),
                MediaEvent::Played(number) => talk.played(attempt, number),
            },
            sound = talk.ear.next() => talk.heard(attempt, sound),
            is_worried = vigil.is_worried(&attempt.stream) => if is_worried {
                attempt.leg.ask();
            },
            moved = talk.guests.next() => if talk.moved(attempt, moved.as_ref()) {
                attempt.leg.hangup();
                return Some(CallEvent::RemoteHangup);
            },
        }
    }
}

impl Talk {
    /// The call is another engine's from now on, or the lender's again.
    fn belong_to(&mut self, borrower: Borrower) -> Borrower {
        let Borrower { shared, id, spec } = borrower;
        let (shared, spec) = (std::mem::replace(&mut self.shared, shared), std::mem::replace(&mut self.spec, spec));
        Borrower { shared, id: std::mem::replace(&mut self.id, id), spec }
    }

    /// The call is over. Of one that was lent both are told, whoever hung up.
    fn over(mut self, last: Option<CallEvent>) -> Option<CallEvent> {
        let Some(lender) = self.lender.take() else { return last };
        self.belong_to(lender).let_go(last);
        Some(CallEvent::RemoteHangup)
    }

    fn obey(&mut self, attempt: &Attempt, order: Order) {
        match order {
            // an answer that crossed the cancellation: the group knows by now and decides anew
            Order::Cancel | Order::Hangup => (),
            Order::Lend(borrower) => {
                let before = self.belong_to(*borrower);
                self.lender.get_or_insert(before);
            }
            Order::Return => {
                if let Some(lender) = self.lender.take() {
                    self.let_agent_go(attempt);
                    attempt.stream.quiet();
                    drop(self.belong_to(lender));
                }
            }
            Order::SayOn(prompt) => {
                self.says = None;
                attempt.stream.play_on(&prompt, &self.shared.wheel);
            }
            Order::Message => self.say(attempt, self.shared.sounds().message.as_ref()),
            Order::MachineMessage => {
                self.recording = None;
                self.let_agent_go(attempt);
                (self.floor, self.guests) = (Floor::default(), Guests::none());
                attempt.stream.quiet();
                self.ear.wait_for_beep(&self.shared, &attempt.stream);
            }
            Order::Play(prompt) => {
                attempt.stream.play(&prompt, &self.shared.wheel);
            }
            Order::Say(number, prompt) => {
                self.says = Some(Says::Script(attempt.stream.play(&prompt, &self.shared.wheel), number));
            }
            Order::Script(audio) => self.script(attempt, audio),
            Order::Bridge(agent, peer) => self.bridge(attempt, agent, peer),
            Order::Talk(order) => self.wish(attempt, order),
        }
    }

    fn say(&mut self, attempt: &Attempt, prompt: Option<&Prompt>) {
        match prompt {
            Some(prompt) => self.says = Some(Says::Message(attempt.stream.play(prompt, &self.shared.wheel))),
            None => self.shared.event(self.id, CallEvent::MessagePlayed),
        }
    }

    /// Agent and person come together. Where the person must be told first that they are recorded, both hear that.
    fn bridge(&mut self, attempt: &Attempt, agent: AgentId, peer: Peer) {
        let spec = self.spec.recording.as_ref().filter(|spec| spec.announce && spec.talks && !self.is_told);
        let sounds = self.shared.sounds();
        let notice = spec.filter(|_| self.shared.recorder.is_some()).and(sounds.recording_notice.as_ref());
        let Some(notice) = notice else { return self.join(attempt, agent, peer, true) };
        if !peer.play(notice, &self.shared.wheel) {
            return self.shared.lost(self.id, agent);
        }
        let number = attempt.stream.play(notice, &self.shared.wheel);
        self.says = Some(Says::Notice(number, agent, peer));
        // the agent is there: what follows is a part of their talk
        self.shared.event(self.id, CallEvent::Connected);
    }

    fn join(&mut self, attempt: &Attempt, agent: AgentId, peer: Peer, is_new: bool) {
        if !peer.is_there() {
            return self.shared.lost(self.id, agent);
        }
        self.agent = Some((agent, peer));
        self.arrange(attempt);
        if is_new {
            self.shared.event(self.id, CallEvent::Connected);
        }
        if self.spec.recording.as_ref().is_some_and(|spec| spec.talks) {
            self.record(attempt, !is_new || self.is_told);
        }
        self.say_how_it_stands(attempt, None);
    }

    /// The agent hears nobody of this talk any more.
    fn let_agent_go(&mut self, attempt: &Attempt) {
        if let Some((_, agent)) = self.agent.take() {
            agent.leave(&[&attempt.stream.peer()]);
        }
    }

    /// Records from now on, unless the person should have been told and was not.
    pub(super) fn record(&mut self, attempt: &Attempt, was_told: bool) {
        if self.recording.is_some() {
            // a message came before
            self.is_over = false;
            return self.set_recording();
        }
        let (Some(spec), Some(recorder)) = (&self.spec.recording, &self.shared.recorder) else { return };
        if spec.announce && !was_told {
            return self.shared.can_not_tell();
        }
        let recording = recorder.record(&spec.file);
        attempt.stream.record(&recording);
        self.recording = Some(recording);
        self.set_recording();
    }

    fn played(&mut self, attempt: &Attempt, number: u64) {
        match self.says.take() {
            Some(Says::Message(message)) if message == number => self.shared.event(self.id, CallEvent::MessagePlayed),
            Some(Says::Notice(notice, agent, peer)) if notice == number => {
                self.is_told = true;
                self.join(attempt, agent, peer, false);
            }
            Some(Says::Script(prompt, of)) if prompt == number => self.shared.script(self.id, Input::Played(of)),
            says => self.says = says,
        }
    }

    fn heard(&mut self, attempt: &Attempt, sound: Sound) {
        match sound {
            Sound::Verdict(verdict) => {
                self.ear.is_judging = false;
                tracing::debug!(call = self.id.0, ?verdict, "who answered was listened to");
                self.shared.report(Report::Detected(self.id, verdict));
                let who = match verdict {
                    amd::Verdict::Machine(_) => Verdict::Machine,
                    _ => Verdict::Person,
                };
                self.shared.event(self.id, CallEvent::Classified(who));
            }
            Sound::Beep => self.say(attempt, self.shared.sounds().machine_message.as_ref()),
        }
    }
}

impl Shared {
    /// A recording that the person would have to be told of, and can't be.
    pub(super) fn can_not_tell(&self) {
        // once for each group: it is so until it is loaded anew
        if !self.has_told_of_notice.swap(true, Ordering::Relaxed) {
            tracing::warn!("calls are not recorded where people must be told: there is no notice that they could hear");
        }
    }
}
