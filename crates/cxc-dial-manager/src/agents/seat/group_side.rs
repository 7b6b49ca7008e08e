//! What the actor of a campaign group does with a place: takes the agent in, calls the phone, tells what became of calls.
use std::sync::Arc;

use cxc_core::Micros;
use cxc_dialer::agent::{AgentEvent, AgentState, Reason};
use cxc_dialer::group::AgentChange;
use cxc_server::app::time_text;

use super::super::describe::{Standing, Wish, place};
use super::super::protocol::{Direction, Event, PhoneState, Place, PreviewEnd, Talk};
use super::{Call, Order, PHONE_IN_USE, Refused, Seat, Work};
use crate::channel::voice::Ended;
use crate::channel::{AgentReport, ScreenPop};

impl Seat {
    /// Whether a group may take the agent in.
    pub fn is_free(&self) -> bool {
        let inner = self.inner();
        inner.work.is_none() && !inner.is_gone && inner.wish != Wish::Leave
    }

    /// A group takes the agent in; false if another one was quicker.
    pub fn work_for(&self, work: Work, now: Micros) -> bool {
        let mut inner = self.inner();
        if inner.work.is_some() || inner.is_gone || inner.wish == Wish::Leave {
            return false;
        }
        inner.work = Some(work);
        inner.phone = PhoneState::None;
        inner.standing = Standing { state: Some(AgentState::LoggedOut), since: now, deadline: None };
        true
    }

    /// The phone to call, if it is to be called now.
    pub fn phone_to_call(&self) -> Option<String> {
        let mut inner = self.inner();
        if inner.phone != PhoneState::None || inner.work.is_none() || inner.wish == Wish::Leave {
            return None;
        }
        inner.phone = PhoneState::Calling;
        inner.tell_state();
        Some(inner.phone_uri.clone())
    }

    /// The phone that is called for the agent.
    pub fn phone_uri(&self) -> String {
        self.inner().phone_uri.clone()
    }

    /// Takes another phone, while no call is there; false if it is the one of before. A group lets go of the agent with that
    /// one, and takes them in anew.
    pub fn take_phone(&self, uri: &str) -> Result<bool, Refused> {
        let mut inner = self.inner();
        if inner.phone_uri == uri {
            return Ok(false);
        }
        let is_idle = matches!(place(inner.standing.state), Place::NotReady | Place::Ready);
        if !is_idle || inner.call.is_some() {
            return Err(PHONE_IN_USE);
        }
        uri.clone_into(&mut inner.phone_uri);
        if let Some(work) = &inner.work {
            // a group that is over has no agents
            let _over = work.tell.send(Order::LogOut(work.agent));
        }
        let (token, user, phone) = (inner.token, self.agent.name.clone(), inner.phone_uri.clone());
        inner.tell(Event::Session { token, user, phone });
        Ok(true)
    }

    /// The phone answered, or is gone.
    pub fn phone(&self, is_up: bool) {
        let mut inner = self.inner();
        inner.phone = if is_up { PhoneState::Connected } else { PhoneState::Lost };
        match inner.wish {
            Wish::Ready if is_up => inner.order(AgentEvent::Ready),
            _ => inner.tell_state(),
        }
    }

    /// The phone is called for each call from now on.
    pub fn rings_for_each(&self) {
        let mut inner = self.inner();
        inner.phone = PhoneState::PerCall;
        match inner.wish {
            Wish::Ready => inner.order(AgentEvent::Ready),
            _ => inner.tell_state(),
        }
    }

    /// The agent came to another state. Whoever leaves a wrap-up has said all there is to say.
    pub fn came_to(&self, change: &AgentChange) {
        let mut inner = self.inner();
        inner.standing = Standing { state: Some(change.state), since: change.since, deadline: change.deadline };
        if !matches!(change.state, AgentState::Talking(_)) {
            inner.on_talk = None;
        }
        inner.line_ends(change.state);
        inner.look_ends(change.state);
        let is_said = inner.call.as_ref().is_some_and(|call| call.report.disposition.is_some());
        if is_said && inner.wish == Wish::Ready && change.state == AgentState::NotReady(Reason::WrapEnded) {
            // the wrap-up ran out, but there was nothing more to say
            inner.order(AgentEvent::Ready);
        }
        if !matches!(change.state, AgentState::Talking(_) | AgentState::Wrap)
            && let Some(call) = inner.call.take_if(|call| call.ended.is_some())
        {
            call.close();
        }
        inner.tell_state();
    }

    /// A call is connected; `called` is the number that a person called who called in. Theirs is empty where it is withheld.
    pub fn talks(&self, (attempt, number): (i64, &str), person: &Arc<ScreenPop>, called: Option<&str>, now: Micros) {
        let mut inner = self.inner();
        let group = inner.work.as_ref().map(|work| work.name.clone()).unwrap_or_default();
        let talk = Talk {
            attempt: attempt.to_string(),
            direction: if called.is_some() { Direction::In } else { Direction::Out },
            called: called.map(ToOwned::to_owned),
            group,
            connected_at: time_text(now),
            person: Arc::clone(person),
        };
        let report = AgentReport { agent: Some(self.agent.user), ..AgentReport::default() };
        let before = inner.call.replace(Call { talk: talk.clone(), number: number.to_owned(), report, ended: None });
        if let Some(before) = before {
            before.close();
        }
        inner.tell(Event::Call(Box::new(talk)));
    }

    /// The call is over. What the agent says of it is waited for while the wrap-up lasts.
    pub fn call_ended(&self, attempt: i64, ended: Ended) {
        let mut inner = self.inner();
        let attempt = attempt.to_string();
        let result = ended.result.name().to_owned();
        let is_wrap = place(inner.standing.state) == Place::WrapUp;
        let Some(call) = inner.call.as_mut().filter(|call| call.talk.attempt == attempt) else { return };
        call.ended = Some(ended);
        if !is_wrap && let Some(call) = inner.call.take() {
            call.close();
        }
        inner.tell(Event::CallEnded { attempt, result });
    }

    /// The talk ends soon.
    pub fn talk_limit(&self) {
        self.inner().tell(Event::TalkLimit {});
    }

    /// Whether a group still has the agent.
    pub fn works_for(&self, group: i64) -> bool {
        self.inner().work.as_ref().is_some_and(|work| work.group == group)
    }

    /// The group has the agent no more.
    pub fn left(&self, group: i64, now: Micros) {
        let mut inner = self.inner();
        if inner.work.as_ref().is_none_or(|work| work.group != group) {
            return;
        }
        if let Some(call) = inner.call.take() {
            call.close();
        }
        inner.phone = PhoneState::None;
        (inner.is_on_line, inner.asked) = (false, None);
        inner.on_talk = None;
        inner.take_away(PreviewEnd::Stopped);
        inner.nothing_follows();
        inner.standing = Standing { state: None, since: now, deadline: None };
        inner.work = None;
        match inner.wish {
            Wish::Leave => inner.go(),
            _ => inner.tell_state(),
        }
    }
}
