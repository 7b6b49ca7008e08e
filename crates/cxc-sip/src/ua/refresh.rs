//! Refreshes of a call's session: ours, and those of the far end.
use std::time::Duration;

use rsipstack::sip::headers::Header;
use rsipstack::sip::{Method, Request, Response, StatusCode, StatusCodeKind};
use rsipstack::transaction::transaction::Transaction;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use super::endpoint::{reply, reply_with};
use super::session::{Due, Timer};
use super::{Leg, LegEvent, requests, work};

/// The timer of a call, and what is on its way to refresh it.
pub(super) struct Refreshing {
    timer: Option<Timer>,
    /// The far end takes an UPDATE, which leaves its media alone.
    takes_update: bool,
    tell: UnboundedSender<Option<Response>>,
    answers: UnboundedReceiver<Option<Response>>,
}

impl Default for Refreshing {
    fn default() -> Self {
        let (tell, answers) = unbounded_channel();
        Self { timer: None, takes_update: false, tell, answers }
    }
}

impl Refreshing {
    /// What the answer to the call says.
    pub fn begin(&mut self, response: &Response, shortest: Duration) {
        self.timer = Timer::of(&response.headers.0, true, shortest);
        self.takes_update = allows_update(&response.headers.0);
    }

    /// What a call that comes in asks for, and what we agreed to.
    pub fn of_caller(invite: &Request, timer: Option<Timer>) -> Self {
        Self { timer, takes_update: allows_update(&invite.headers.0), ..Self::default() }
    }

    /// When something is due.
    pub fn next(&self) -> Option<Instant> {
        self.timer.as_ref().map(Timer::next)
    }

    /// What comes of our refresh.
    pub async fn answered(&mut self) -> Option<Response> {
        match self.answers.recv().await {
            Some(answer) => answer,
            // never: this has a sender itself
            None => std::future::pending().await,
        }
    }
}

fn allows_update(headers: &[Header]) -> bool {
    headers.iter().any(|header| match header {
        Header::Allow(methods) => methods.value().split(',').any(|method| method.trim() == "UPDATE"),
        _ => false,
    })
}

impl Leg {
    /// The far end makes an offer, or refreshes the session, or both.
    pub(super) fn refreshed_by(&mut self, transaction: Transaction) {
        let request = &transaction.original;
        let has_offer = request.method == Method::Invite || !request.body.is_empty();
        let timer = Timer::of(&request.headers.0, false, self.endpoint.shortest_session);
        let answer = match has_offer {
            true => match (self.answerer)(&request.body) {
                Some(answer) => Some((requests::contact(self.own, None), answer)),
                None => return reply(transaction, StatusCode::NotAcceptableHere, None),
            },
            false => None,
        };
        let headers = timer.as_ref().map(Timer::answer).unwrap_or_default();
        // a refresh without a timer ends it (RFC 4028, 7.4 and 9)
        self.refreshing.timer = timer;
        reply_with(transaction, StatusCode::OK, headers, answer);
    }

    /// The time for a refresh, or for the end, has come.
    pub(super) fn timer_is_due(&mut self) -> Option<LegEvent> {
        match self.refreshing.timer.as_mut().map(Timer::due) {
            Some(Due::Refresh) => {
                self.refresh();
                None
            }
            Some(Due::Over) => self.expired(),
            None => None,
        }
    }

    /// What came of our refresh.
    pub(super) fn was_refreshed(&mut self, answer: Option<Response>) -> Option<LegEvent> {
        let Some(answer) = answer else { return self.expired() };
        match (answer.status_code.kind(), answer.status_code.code()) {
            (StatusCodeKind::Successful, _) => {
                self.refreshing.timer = Timer::of(&answer.headers.0, true, self.endpoint.shortest_session);
                if !answer.body.is_empty() {
                    // it answers our own offer: what it says holds, and nothing is said back
                    let _agreed = (self.answerer)(&answer.body);
                }
                None
            }
            // the far end does not know the call any more
            (_, 481 | 408) => self.expired(),
            (_, 405 | 501) if self.refreshing.takes_update => {
                self.refreshing.takes_update = false;
                self.refresh();
                None
            }
            // it may still be refreshed otherwise; else the timer ends it
            _ => None,
        }
    }

    fn expired(&mut self) -> Option<LegEvent> {
        self.lost("a call was not refreshed in time: it is over")
    }

    /// The far end is gone without a word; it is told so, in case it is not.
    pub(super) fn lost(&mut self, why: &str) -> Option<LegEvent> {
        tracing::warn!("{why}");
        if let Some(dialog) = self.answered.take() {
            self.bye(dialog);
        }
        self.end();
        Some(LegEvent::Ended)
    }

    fn refresh(&mut self) {
        let Some(timer) = self.refreshing.timer else { return };
        let Some(mut dialog) = self.answered.take() else { return };
        let mut headers = timer.request();
        headers.push(Header::Contact(requests::contact(self.own, None).into()));
        let what = match self.refreshing.takes_update {
            true => (Method::Update, headers, vec![]),
            false => {
                headers.push(Header::ContentType("application/sdp".into()));
                (Method::Invite, headers, (self.answerer)(&[]).unwrap_or_default())
            }
        };
        let request = requests::within(&self.endpoint, self.own, &mut dialog, what);
        // one number more, should the request be challenged
        dialog.cseq += 1;
        let (path, cseq) = (self.path_of(&request), dialog.cseq);
        self.answered = Some(dialog);
        let Some(sent) = path.send(&self.endpoint, request) else { return };
        let (tell, credentials) = (self.refreshing.tell.clone(), self.credentials.clone());
        tokio::spawn(async move {
            let (mut transaction, answer) = work::alone(sent, credentials, cseq).await;
            // a call that is over does without
            let _over = tell.send(answer);
            // an answer to an INVITE that comes again is acknowledged again
            while transaction.original.method == Method::Invite && transaction.receive().await.is_some() {}
        });
    }
}
