//! An agent's state in words of the desk.
use cxc_core::Micros;
use cxc_dialer::agent::{AgentState, Reason};
use cxc_server::app::time_text;

use super::protocol::{PhoneState, Place, Shown};

/// What an agent wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// To take calls.
    Ready,
    /// To take none, for a reason.
    NotReady(Option<String>),
    /// To leave.
    Leave,
}

impl Wish {
    fn place(&self) -> Place {
        match self {
            Wish::Ready => Place::Ready,
            Wish::NotReady(_) => Place::NotReady,
            Wish::Leave => Place::LoggedOut,
        }
    }

    fn reason(&self) -> Option<String> {
        match self {
            Wish::NotReady(reason) => reason.clone(),
            Wish::Ready | Wish::Leave => None,
        }
    }
}

/// Where an agent is, since when and until when.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// The state; none while no campaign group has the agent.
    pub state: Option<AgentState>,
    /// Since when.
    pub since: Micros,
    /// When it ends by itself.
    pub deadline: Option<Micros>,
}

/// The place of a state.
pub fn place(state: Option<AgentState>) -> Place {
    match state {
        None | Some(AgentState::LoggedOut | AgentState::NotReady(_)) => Place::NotReady,
        Some(AgentState::Ready | AgentState::Standby) => Place::Ready,
        Some(AgentState::Ringing) => Place::Ringing,
        Some(AgentState::Reserved(_)) => Place::Reserved,
        Some(AgentState::Talking(_)) => Place::Talking,
        Some(AgentState::Wrap) => Place::WrapUp,
        Some(AgentState::Own(_)) => Place::Dialing,
        Some(AgentState::Looking { .. }) => Place::Preview,
    }
}

/// What the desk shows.
pub fn shown(standing: &Standing, wish: &Wish, phone: PhoneState, group: Option<&str>) -> Shown {
    let state = place(standing.state);
    let own = || wish.reason().or_else(|| (!phone.is_within_reach()).then(|| "phone".to_owned()));
    let reason = match standing.state {
        None => wish.reason().or_else(|| Some("no_campaign".to_owned())),
        Some(AgentState::LoggedOut | AgentState::NotReady(Reason::Code(_))) => own(),
        Some(AgentState::NotReady(Reason::LegLost)) => Some("phone".into()),
        Some(AgentState::NotReady(Reason::NoAnswer)) => Some("phone_no_answer".into()),
        Some(AgentState::NotReady(Reason::WrapEnded)) => Some("wrap_up_ended".into()),
        Some(AgentState::NotReady(Reason::LookEnded)) => Some("preview_expired".into()),
        Some(AgentState::NotReady(Reason::TalkEnded)) => Some("talk_ended".into()),
        Some(_) => None,
    };
    let is_busy = matches!(state, Place::Reserved | Place::Talking | Place::WrapUp | Place::Dialing);
    // no call comes to somebody whose phone is gone, whatever they wish
    let next = match wish {
        Wish::Ready if phone == PhoneState::Lost => Place::NotReady,
        wish => wish.place(),
    };
    Shown {
        state,
        reason,
        since: Some(time_text(standing.since)),
        deadline: standing.deadline.map(time_text),
        next: Some(next).filter(|next| is_busy && *next != Place::Ready),
        phone,
        group: group.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_desk_reads_why_no_calls_come() {
        let at = |state| Standing { state, since: 0, deadline: None };
        let why = |state, wish: &Wish, phone| shown(&at(state), wish, phone, None).reason;
        let lunch = Wish::NotReady(Some("Lunch".into()));
        let idle = Some(AgentState::NotReady(Reason::Code(0)));
        assert_eq!(why(None, &Wish::Ready, PhoneState::None).as_deref(), Some("no_campaign"));
        assert_eq!(why(idle, &lunch, PhoneState::Connected).as_deref(), Some("Lunch"));
        assert_eq!(why(idle, &Wish::Ready, PhoneState::Calling).as_deref(), Some("phone"));
        assert_eq!(why(Some(AgentState::Ready), &Wish::Ready, PhoneState::Connected), None);
        let unanswered = Some(AgentState::NotReady(Reason::NoAnswer));
        assert_eq!(why(unanswered, &Wish::Ready, PhoneState::PerCall).as_deref(), Some("phone_no_answer"));
        assert_eq!(why(idle, &Wish::NotReady(None), PhoneState::PerCall), None, "the phone is within reach");
    }

    #[test]
    fn what_follows_a_call_is_told_where_it_is_not_the_next_call() {
        let wrap = Standing { state: Some(AgentState::Wrap), since: 0, deadline: Some(1_000_000) };
        let by = |phone, wish| shown(&wrap, &wish, phone, Some("g"));
        let shown = |wish| by(PhoneState::Connected, wish);
        assert_eq!(by(PhoneState::Lost, Wish::Ready).next, Some(Place::NotReady));
        assert_eq!(by(PhoneState::Lost, Wish::Leave).next, Some(Place::LoggedOut));
        assert_eq!(shown(Wish::Leave).next, Some(Place::LoggedOut));
        assert_eq!(shown(Wish::Ready).next, None);
        assert_eq!(shown(Wish::Ready).deadline.as_deref(), Some("1970-01-01T00:00:01Z"));
    }
}
