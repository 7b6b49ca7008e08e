//! Whether the far end of a quiet call is still there: an OPTIONS within it, which whoever knows the call answers somehow.
use std::time::Duration;

use rsipstack::sip::Method;
use rsipstack::transaction::transaction::Transaction;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::{Leg, LegEvent, requests, work};

/// How long an answer is waited for: the request is sent four times in it.
const PATIENCE: Duration = Duration::from_secs(4);

/// A question on its way, and what comes of it.
pub(super) struct Asking {
    is_open: bool,
    tell: UnboundedSender<bool>,
    answers: UnboundedReceiver<bool>,
}

impl Default for Asking {
    fn default() -> Self {
        let (tell, answers) = unbounded_channel();
        Self { is_open: false, tell, answers }
    }
}

impl Asking {
    /// Whether the far end knows the call, once that is known.
    pub async fn answered(&mut self) -> bool {
        match self.answers.recv().await {
            Some(answer) => answer,
            // never: this has a sender itself
            None => std::future::pending().await,
        }
    }
}

impl Leg {
    /// Asks the far end of a call that is up whether it still knows of it. If it does not, or does not answer within four
    /// seconds, the call has ended. Asked again meanwhile, this does nothing.
    pub fn ask(&mut self) {
        if self.asking.is_open {
            return;
        }
        let Some(dialog) = &mut self.answered else { return };
        let request = requests::within(&self.endpoint, self.own, dialog, (Method::Options, vec![], vec![]));
        // one number more, should the request be challenged
        dialog.cseq += 1;
        let cseq = dialog.cseq;
        self.asking.is_open = true;
        let (tell, credentials) = (self.asking.tell.clone(), self.credentials.clone());
        let sent = self.path_of(&request).send(&self.endpoint, request);
        tokio::spawn(async move {
            let answer = match sent {
                Some(sent) => timeout(PATIENCE, work::alone(sent, credentials, cseq)).await.ok(),
                None => None,
            };
            // a call that is over does without
            let _over = tell.send(knows(answer));
        });
    }

    /// What came of it.
    pub(super) fn was_asked(&mut self, is_there: bool) -> Option<LegEvent> {
        self.asking.is_open = false;
        if is_there { None } else { self.lost("a far end neither sends audio nor answers: its call is over") }
    }
}

/// Whatever is answered is a sign of life, but for a word that the call is not known (RFC 3261, 12.2.1.2).
fn knows(answer: Option<(Transaction, Option<rsipstack::sip::Response>)>) -> bool {
    answer.and_then(|(_, response)| response).is_some_and(|response| !matches!(response.status_code.code(), 481 | 408))
}
