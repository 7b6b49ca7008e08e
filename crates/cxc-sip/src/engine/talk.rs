//! A call from its answer to its end.
use std::sync::Arc;
use std::sync::atomic::Ordering;

use cxc_dialer::agent::AgentId;
use cxc_dialer::amd;
use cxc_dialer::call::{CallEvent, CallId, Verdict};
use cxc_dialer::engine::CallSpec;
use tokio::sync::mpsc::UnboundedReceiver;

use super::attempt::Attempt;
use super::ear::{Ear, Sound};
use super::{Order, Report, Shared};
use crate::media::{MediaEvent, Peer, Prompt, Recording, bridge, part};
use crate::ua::LegEvent;

/// What a call is about to be told, by the number of the prompt.
enum Says {
    /// The message for abandoned persons, or that for machines.
    Message(u64),
    /// That it is recorded; then the agent talks.
    Notice(u64, AgentId, Peer),
}

struct Talk<'a> {
    shared: &'a Arc<Shared>,
    id: CallId,
    spec: &'a CallSpec,
    says: Option<Says>,
    recording: Option<Recording>,
    /// The agent's audio, once both talk.
    agent: Option<Peer>,
    ear: Ear,
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
    let mut talk = Talk { shared, id, spec, says: None, recording: None, agent: None, ear };
    loop {
        tokio::select! {
            event = attempt.leg.next() => match event {
                Some(LegEvent::Ended | LegEvent::Failed(_)) | None => {
                    if talk.ear.is_judging {
                        shared.report(Report::Detected(id, amd::Verdict::Hangup));
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
                MediaEvent::Digit(digit) => shared.report(Report::Digit(id, digit)),
                MediaEvent::Played(number) => talk.played(attempt, number),
            },
            sound = talk.ear.next() => talk.heard(attempt, sound),
        }
    }
}

impl Talk<'_> {
    fn obey(&mut self, attempt: &Attempt, order: Order) {
        match order {
            // an answer that crossed the cancellation: the group knows by now and decides anew
            Order::Cancel | Order::Hangup => (),
            Order::Message => self.say(attempt, self.shared.message.as_ref()),
            Order::MachineMessage => {
                self.recording = None;
                if let Some(agent) = self.agent.take() {
                    part(&attempt.stream.peer(), &agent);
                }
                attempt.stream.quiet();
                self.ear.wait_for_beep(self.shared, &attempt.stream);
            }
            Order::Pause(is_paused) => match (&self.recording, is_paused) {
                (Some(recording), true) => recording.pause(),
                (Some(recording), false) => recording.resume(),
                (None, _) => (),
            },
            Order::Play(prompt) => {
                attempt.stream.play(&prompt, &self.shared.wheel);
            }
            Order::Bridge(agent, peer) => self.bridge(attempt, agent, peer),
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
        let notice = self.spec.recording.as_ref().filter(|spec| spec.announce && self.shared.recorder.is_some());
        let notice = notice.and(self.shared.recording_notice.as_ref());
        let Some(notice) = notice else { return self.join(attempt, agent, &peer, true) };
        if !peer.play(notice, &self.shared.wheel) {
            return self.shared.lost(self.id, agent);
        }
        let number = attempt.stream.play(notice, &self.shared.wheel);
        self.says = Some(Says::Notice(number, agent, peer));
        // the agent is there: what follows is a part of their talk
        self.shared.event(self.id, CallEvent::Connected);
    }

    fn join(&mut self, attempt: &Attempt, agent: AgentId, peer: &Peer, is_new: bool) {
        if !bridge(&attempt.stream.peer(), peer) {
            return self.shared.lost(self.id, agent);
        }
        if is_new {
            self.shared.event(self.id, CallEvent::Connected);
        }
        self.agent = Some(peer.clone());
        self.record(attempt, !is_new);
    }

    /// Records from now on, unless the person should have been told and was not.
    fn record(&mut self, attempt: &Attempt, was_told: bool) {
        let (Some(spec), Some(recorder)) = (&self.spec.recording, &self.shared.recorder) else { return };
        if spec.announce && !was_told {
            // once for each group: it is so until it is loaded anew
            if !self.shared.has_told_of_notice.swap(true, Ordering::Relaxed) {
                tracing::warn!("calls are not recorded where people must be told: there is no voice.recording_notice");
            }
            return;
        }
        let recording = recorder.record(&spec.file);
        attempt.stream.record(&recording);
        self.recording = Some(recording);
    }

    fn played(&mut self, attempt: &Attempt, number: u64) {
        match self.says.take() {
            Some(Says::Message(message)) if message == number => self.shared.event(self.id, CallEvent::MessagePlayed),
            Some(Says::Notice(notice, agent, peer)) if notice == number => self.join(attempt, agent, &peer, false),
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
            Sound::Beep => self.say(attempt, self.shared.machine_message.as_ref()),
        }
    }
}
