//! Who listens to a call: first to tell persons from machines, then for the beep of a machine.
use cxc_dialer::amd::{Beep, Detector, Rules, Verdict};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::Shared;
use crate::media::Stream;

/// What was heard.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sound {
    Verdict(Verdict),
    Beep,
}

/// Listens to the far end of a call.
pub(super) struct Ear {
    tell: UnboundedSender<Sound>,
    heard: UnboundedReceiver<Sound>,
    /// There is no verdict yet.
    pub is_judging: bool,
}

impl Ear {
    /// Listens from the answer on, where that is wanted.
    pub fn open(shared: &Shared, stream: &Stream) -> Self {
        let (tell, heard) = unbounded_channel();
        let ear = Self { tell, heard, is_judging: shared.detection };
        if shared.detection {
            let mut detector = Detector::new(Rules::default());
            let tell = ear.tell.clone();
            stream.listen(&shared.wheel, move |frame| {
                let verdict = detector.frame(frame);
                // nobody wants to know once the call is over
                verdict.is_none_or(|verdict| tell.send(Sound::Verdict(verdict)).is_err()) && !tell.is_closed()
            });
        }
        ear
    }

    /// Waits for the beep of a machine.
    pub fn wait_for_beep(&self, shared: &Shared, stream: &Stream) {
        let (mut beep, tell) = (Beep::default(), self.tell.clone());
        stream.listen(&shared.wheel, move |frame| {
            let heard = beep.frame(frame);
            heard.is_none_or(|_| tell.send(Sound::Beep).is_err()) && !tell.is_closed()
        });
    }

    /// What is heard next.
    pub async fn next(&mut self) -> Sound {
        match self.heard.recv().await {
            Some(sound) => sound,
            // never: this has a sender itself
            None => std::future::pending().await,
        }
    }
}
