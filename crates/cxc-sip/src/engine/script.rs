//! What a script asks for in a call: prompts by name, the notice of a recording, messages.
use std::sync::Arc;

use cxc_dialer::call::CallId;
use cxc_dialer::engine::EngineEvent;
use cxc_dialer::ivr::{Audio, Input};

use super::attempt::Attempt;
use super::talk::{Says, Talk};
use super::{Report, Shared};

impl Talk {
    /// Does what a script asks for.
    pub(super) fn script(&mut self, attempt: &Attempt, audio: Audio) {
        match audio {
            Audio::Play(number, name) => match self.shared.sounds().prompts.get(&name) {
                Some(prompt) => {
                    let playing = attempt.stream.play(prompt, &self.shared.wheel);
                    self.says = Some(Says::Script(playing, number));
                }
                // whoever loaded the script looked for its prompts
                None => self.shared.script(self.id, Input::Played(number)),
            },
            Audio::Quiet => {
                attempt.stream.quiet();
                self.says = None;
            }
            Audio::Announce(number) => self.announce(attempt, number),
            Audio::Record(true) => self.record(attempt, true),
            Audio::Record(false) => {
                self.is_over = true;
                self.set_recording();
            }
        }
    }

    /// Tells the person that they are recorded, where they must be told and were not yet.
    fn announce(&mut self, attempt: &Attempt, number: u32) {
        let shared = Arc::clone(&self.shared);
        let spec = self.spec.recording.as_ref().filter(|_| shared.recorder.is_some());
        let input = match (spec, &shared.sounds().recording_notice) {
            (None, _) => Input::NotRecorded(number),
            (Some(spec), _) if !spec.announce || self.is_told => Input::Played(number),
            (Some(_), Some(notice)) => {
                let playing = attempt.stream.play(notice, &shared.wheel);
                self.says = Some(Says::Script(playing, number));
                self.is_told = true;
                return;
            }
            (Some(_), None) => {
                shared.can_not_tell();
                Input::NotRecorded(number)
            }
        };
        shared.script(self.id, input);
    }
}

impl Shared {
    pub(super) fn script(&self, call: CallId, input: Input) {
        self.report(Report::Event(EngineEvent::Script(call, input)));
    }
}
