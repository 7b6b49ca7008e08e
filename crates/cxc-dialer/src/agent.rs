//! The states of an agent, as a pure function.
use cxc_core::Micros;

use crate::call::CallId;

/// An agent of the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AgentId(pub u32);

/// The deadlines, microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentRules {
    /// Of a reservation.
    pub reserved: Micros,
    /// Of a talk, beyond what the call itself allows.
    pub talk: Micros,
    /// Of wrap-up.
    pub wrap: Micros,
    /// Of a call that the agent asked for, until it is placed ...
    pub own: Micros,
    /// ... and until it is answered or over, which it says itself.
    pub own_call: Micros,
    /// Of a look at a record that was asked for; none has no end ...
    pub asked_look: Option<Micros>,
    /// ... and at one that was not.
    pub look: Option<Micros>,
    /// Ready again after wrap-up runs out; not ready else.
    pub ready_after_wrap: bool,
    /// Phones are called for each call, and ring for so long; none where they are kept.
    pub ring: Option<Micros>,
    /// How long who has answered for a call waits on the line for it, where phones are called for each.
    pub on_line: Micros,
}

impl Default for AgentRules {
    fn default() -> Self {
        const SECOND: Micros = 1_000_000;
        Self {
            reserved: SECOND / 2,
            talk: (4 * 3600 + 60) * SECOND,
            wrap: 3600 * SECOND,
            own: 15 * SECOND,
            own_call: 300 * SECOND,
            asked_look: None,
            look: Some(60 * SECOND),
            ready_after_wrap: true,
            ring: None,
            on_line: 60 * SECOND,
        }
    }
}

/// Why an agent takes no calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The agent asked for it; the number is the installation's.
    Code(u16),
    /// The wrap-up ran out.
    WrapEnded,
    /// The agent's phone is gone.
    LegLost,
    /// The call never ended.
    TalkEnded,
    /// A record that was offered was not answered to.
    LookEnded,
    /// The phone was called for a call, and nobody answered it.
    NoAnswer,
}

/// Where an agent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentState {
    /// Not there.
    LoggedOut,
    /// There, and takes no calls.
    NotReady(Reason),
    /// Takes the next call, for which the phone is called first.
    Standby,
    /// The phone rings for it.
    Ringing,
    /// Takes the next call; the phone is there.
    Ready,
    /// A call is being connected.
    Reserved(CallId),
    /// Talks.
    Talking(CallId),
    /// Works on after a call.
    Wrap,
    /// Waits for a call that the agent asked for; none until it is placed.
    Own(Option<CallId>),
    /// Looks at a record before it is called.
    Looking {
        /// The agent asked for it.
        asked: bool,
    },
}

/// What an agent, the agent's phone or a call can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentEvent {
    /// Comes, not ready yet.
    LogIn,
    /// Goes; from a call, when it and its wrap-up are over.
    LogOut,
    /// Takes calls.
    Ready,
    /// Takes none; from a call, when it and its wrap-up are over.
    NotReady(Reason),
    /// Is taken for a call.
    Reserve(CallId),
    /// The call that the agent was taken for does without.
    Released(CallId),
    /// Talks to the person of a call.
    Talk(CallId),
    /// The talk of a call is over.
    TalkEnded(CallId),
    /// Has finished the wrap-up.
    WrapDone,
    /// Asks for a call of their own: no other one comes.
    Own,
    /// In wrap-up: a call of their own follows it, or a look at a record, unless the agent wants something else.
    Follow {
        /// It is a look.
        look: bool,
    },
    /// That call is placed.
    Dial(CallId),
    /// There will be no such call.
    NotOwn,
    /// Is shown a record before it is called: no call comes meanwhile.
    Look {
        /// The agent asked for it.
        asked: bool,
    },
    /// Is through with it, and does not call.
    Looked,
    /// The phone is called, as a call is near.
    Ring,
    /// The phone answered.
    PhoneUp,
    /// No call is near any more: the phone need not ring.
    StandDown,
    /// The phone is gone.
    LegLost,
    /// The deadline of the state has come.
    Deadline,
}

/// An agent: the state, and what follows the call of the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agent {
    /// Where the agent is.
    pub state: AgentState,
    /// Since when.
    pub since: Micros,
    /// Wished during a call: the state after its wrap-up.
    after: Option<AgentState>,
}

impl Agent {
    /// Nobody yet.
    pub fn new(now: Micros) -> Self {
        Self { state: AgentState::LoggedOut, since: now, after: None }
    }

    /// When the state must have ended; none for those that an agent chooses.
    pub fn deadline(&self, rules: &AgentRules) -> Option<Micros> {
        match self.state {
            AgentState::LoggedOut | AgentState::NotReady(_) | AgentState::Standby => None,
            AgentState::Ringing => rules.ring.map(|ring| self.since + ring),
            AgentState::Ready => rules.ring.map(|_| self.since + rules.on_line),
            AgentState::Reserved(_) => Some(self.since + rules.reserved),
            AgentState::Talking(_) => Some(self.since + rules.talk),
            AgentState::Wrap => Some(self.since + rules.wrap),
            AgentState::Own(None) => Some(self.since + rules.own + rules.ring.unwrap_or(0)),
            AgentState::Own(Some(_)) => Some(self.since + rules.own_call),
            AgentState::Looking { asked: true } => rules.asked_look.map(|look| self.since + look),
            AgentState::Looking { asked: false } => rules.look.map(|look| self.since + look),
        }
    }

    /// On the way to a call, in one or after one: someone the pace counts on. The time that a phone rings is a part of it.
    pub fn is_in_service(&self) -> bool {
        !matches!(self.state, AgentState::LoggedOut | AgentState::NotReady(_) | AgentState::Standby)
    }

    /// The state of who takes calls, while the phone is not there for one.
    fn free(rules: &AgentRules) -> AgentState {
        if rules.ring.is_some() { AgentState::Standby } else { AgentState::Ready }
    }

    /// The next state, and the call that lost its agent by it. What does not fit the state changes nothing.
    #[must_use]
    pub fn step(self, event: AgentEvent, now: Micros, rules: &AgentRules) -> (Self, Option<CallId>) {
        use AgentState::{LoggedOut, Looking, NotReady, Own, Ready, Reserved, Ringing, Standby, Talking, Wrap};
        let to = |state| Self { state, since: now, after: None };
        let free = Self::free(rules);
        let is_rung = rules.ring.is_some();
        let next = match (self.state, event) {
            (LoggedOut, AgentEvent::LogIn) => to(NotReady(Reason::Code(0))),
            (LoggedOut, _) => self,
            (NotReady(_), AgentEvent::Ready) => to(free),
            (Standby | Ringing | Ready | NotReady(_) | Looking { .. }, AgentEvent::NotReady(reason)) => {
                to(NotReady(reason))
            }
            (Standby | Ringing | Ready | NotReady(_) | Looking { .. }, AgentEvent::LogOut) => to(LoggedOut),
            (Standby, AgentEvent::Ring) => to(Ringing),
            (Ringing, AgentEvent::PhoneUp) => to(Ready),
            (Ringing, AgentEvent::Deadline | AgentEvent::LegLost) => to(NotReady(Reason::NoAnswer)),
            (Own(None), AgentEvent::LegLost) if is_rung => to(self.goes_or(NotReady(Reason::NoAnswer))),
            // what is said of the phone of somebody who needs none is old
            (Standby | NotReady(_) | Wrap | Looking { .. }, AgentEvent::LegLost) if is_rung => self,
            (Ringing, AgentEvent::StandDown) => to(Standby),
            // the line is not kept for ever where no call comes
            (Ready, AgentEvent::Deadline) if is_rung => to(Standby),
            (Standby | Ready, AgentEvent::Look { asked }) => to(Looking { asked }),
            (Looking { .. }, AgentEvent::Looked) => to(free),
            // who does not answer to what was offered is not there
            (Looking { asked: false }, AgentEvent::Deadline) => to(NotReady(Reason::LookEnded)),
            (Looking { asked: true }, AgentEvent::Deadline) => to(free),
            (Ready, AgentEvent::Reserve(call)) => to(Reserved(call)),
            (Reserved(call), AgentEvent::Released(of)) if of == call => to(self.after.unwrap_or(Ready)),
            (Reserved(call), AgentEvent::Talk(of)) if of == call => self.on(Talking(call), now),
            (Talking(call), AgentEvent::TalkEnded(of)) if of == call => self.on(Wrap, now),
            // who says so is ready, whatever they were before a call of their own, or wished since
            (Wrap, AgentEvent::Ready) if matches!(self.after, Some(NotReady(_))) => to(free),
            (Wrap, AgentEvent::WrapDone | AgentEvent::Ready) => to(self.after.unwrap_or(free)),
            (Wrap, AgentEvent::Deadline) if rules.ready_after_wrap => to(self.after.unwrap_or(free)),
            (Wrap, AgentEvent::Deadline) => to(self.after.unwrap_or(NotReady(Reason::WrapEnded))),
            // who took no calls takes none after their own one
            (NotReady(_), AgentEvent::Own) => Self { state: Own(None), since: now, after: Some(self.state) },
            (Wrap, AgentEvent::Follow { look }) if self.after.is_none() => {
                let state = if look { Looking { asked: false } } else { Own(None) };
                Self { after: Some(state), ..self }
            }
            (Wrap, AgentEvent::Own) => Self { after: self.wished(), ..self.on(Own(None), now) },
            (Standby | Ringing | Ready | Looking { .. }, AgentEvent::Own) => self.on(Own(None), now),
            (Own(None), AgentEvent::Dial(call)) => self.on(Own(Some(call)), now),
            (Own(None), AgentEvent::NotOwn) => to(self.after.unwrap_or(free)),
            (Own(Some(call)), AgentEvent::Reserve(of)) if of == call => self.on(Reserved(call), now),
            (Own(Some(call)), AgentEvent::Released(of)) if of == call => to(self.after.unwrap_or(free)),
            (Own(_), AgentEvent::Deadline) => to(self.after.unwrap_or(free)),
            (Reserved(_) | Talking(_) | Wrap | Own(_), AgentEvent::LogOut) => Self { after: Some(LoggedOut), ..self },
            (Reserved(_) | Talking(_) | Wrap | Own(_), AgentEvent::NotReady(reason)) => {
                Self { after: Some(NotReady(reason)), ..self }
            }
            (Reserved(_) | Talking(_) | Own(_), AgentEvent::Ready) => Self { after: None, ..self },
            // what the call came to can still be said
            (Wrap, AgentEvent::LegLost) => Self { after: Some(self.goes_or(NotReady(Reason::LegLost))), ..self },
            (_, AgentEvent::LegLost) => to(self.goes_or(NotReady(Reason::LegLost))),
            (Reserved(_), AgentEvent::Deadline) => to(self.after.unwrap_or(Ready)),
            (Talking(_), AgentEvent::Deadline) => to(self.goes_or(NotReady(Reason::TalkEnded))),
            _ => self,
        };
        let lost = match (self.state, event) {
            (Reserved(call) | Talking(call) | Own(Some(call)), AgentEvent::LegLost | AgentEvent::Deadline) => {
                Some(call)
            }
            _ => None,
        };
        (next, lost)
    }

    /// What the agent wished for later, if it was the agent who did.
    fn wished(self) -> Option<AgentState> {
        self.after.filter(|state| matches!(state, AgentState::NotReady(_) | AgentState::LoggedOut))
    }

    /// Where an agent comes to who can't go on: whoever wished to leave has left.
    fn goes_or(self, state: AgentState) -> AgentState {
        if self.after == Some(AgentState::LoggedOut) { AgentState::LoggedOut } else { state }
    }

    /// The next state of the same call: what was wished for later stays.
    fn on(self, state: AgentState, now: Micros) -> Self {
        Self { state, since: now, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: CallId = CallId(7);

    fn run(events: &[AgentEvent]) -> (Agent, Option<CallId>) {
        let rules = AgentRules { ready_after_wrap: false, ..AgentRules::default() };
        events.iter().fold((Agent::new(0), None), |(agent, _), event| agent.step(*event, 0, &rules))
    }

    #[test]
    fn a_break_that_is_asked_for_in_a_talk_begins_after_its_wrap_up() {
        use AgentEvent::{LogIn, NotReady, Ready, Reserve, Talk, TalkEnded, WrapDone};
        let mut events = vec![LogIn, Ready, Reserve(CALL), Talk(CALL), NotReady(Reason::Code(3)), TalkEnded(CALL)];
        assert_eq!(run(&events).0.state, AgentState::Wrap);
        events.push(WrapDone);
        assert_eq!(run(&events).0.state, AgentState::NotReady(Reason::Code(3)));
    }

    #[test]
    fn a_phone_that_is_called_for_each_call_rings_when_one_is_near_and_is_free_after_it() {
        use AgentEvent::{Deadline, LegLost, LogIn, Own, PhoneUp, Ready, Released, Reserve, Ring, StandDown, Talk};
        let rules = AgentRules { ring: Some(20_000_000), ..AgentRules::default() };
        let run =
            |events: &[AgentEvent]| events.iter().fold(Agent::new(0), |agent, event| agent.step(*event, 0, &rules).0);
        let then = |before: &[AgentEvent], events: &[AgentEvent]| run(&[before, events].concat()).state;
        let (standby, rings) = (vec![LogIn, Ready], vec![LogIn, Ready, Ring]);
        let there = vec![LogIn, Ready, Ring, PhoneUp];
        assert_eq!(run(&standby).state, AgentState::Standby);
        assert!(!run(&standby).is_in_service() && run(&rings).is_in_service(), "its ring time is work");
        assert_eq!(then(&standby, &[Reserve(CALL)]), AgentState::Standby, "nobody can be connected with no phone");
        assert_eq!(run(&rings).deadline(&rules), Some(20_000_000));
        let unanswered = AgentState::NotReady(Reason::NoAnswer);
        assert_eq!((then(&rings, &[Deadline]), then(&rings, &[LegLost])), (unanswered, unanswered));
        assert_eq!(then(&rings, &[StandDown]), AgentState::Standby);
        assert_eq!(run(&there).state, AgentState::Ready);
        assert_eq!(then(&there, &[LegLost]), AgentState::NotReady(Reason::LegLost), "hung up while nobody was there");
        assert_eq!(then(&there, &[Deadline]), AgentState::Standby, "no call came");
        assert_eq!(then(&there, &[Reserve(CALL), Released(CALL)]), AgentState::Ready, "the phone is still there");
        let over = [Reserve(CALL), Talk(CALL), AgentEvent::TalkEnded(CALL), LegLost];
        assert_eq!(then(&there, &over), AgentState::Wrap, "the end of its line ends no wrap-up");
        assert_eq!(then(&there, &[&over[..], &[AgentEvent::WrapDone]].concat()), AgentState::Standby);
        assert_eq!(then(&standby, &[Own, PhoneUp]), AgentState::Own(None));
        assert_eq!(then(&standby, &[Own, LegLost]), unanswered);
    }

    #[test]
    fn a_lost_phone_gives_up_its_call_and_the_event_of_another_call_changes_nothing() {
        use AgentEvent::{LegLost, LogIn, Ready, Reserve, Talk, TalkEnded};
        let talking = [LogIn, Ready, Reserve(CALL), Talk(CALL), TalkEnded(CallId(8))];
        assert_eq!(run(&talking).0.state, AgentState::Talking(CALL));
        let (agent, lost) = run(&[&talking[..], &[LegLost]].concat());
        assert_eq!((agent.state, lost), (AgentState::NotReady(Reason::LegLost), Some(CALL)));
    }

    #[test]
    fn who_logged_out_is_gone_once_the_phone_is_wherever_they_are() {
        use AgentEvent::{Deadline, Dial, LegLost, LogIn, LogOut, Own, Ready, Reserve, Talk, TalkEnded, WrapDone};
        let ready = [LogIn, Ready];
        let then = |events: &[AgentEvent]| run(&[&ready[..], events].concat()).0.state;
        assert_eq!(then(&[Reserve(CALL), LogOut, LegLost]), AgentState::LoggedOut);
        assert_eq!(then(&[Reserve(CALL), Talk(CALL), LogOut, LegLost]), AgentState::LoggedOut);
        assert_eq!(then(&[Reserve(CALL), Talk(CALL), LogOut, Deadline]), AgentState::LoggedOut);
        assert_eq!(then(&[Own, LogOut, LegLost]), AgentState::LoggedOut);
        assert_eq!(then(&[Own, Dial(CALL), LogOut, LegLost]), AgentState::LoggedOut);
        let wrap = [Reserve(CALL), Talk(CALL), TalkEnded(CALL), LogOut, LegLost];
        assert_eq!(then(&wrap), AgentState::Wrap, "what the call came to can still be said");
        assert_eq!(then(&[&wrap[..], &[WrapDone]].concat()), AgentState::LoggedOut);
        let rules = AgentRules { ring: Some(20_000_000), ..AgentRules::default() };
        let rung = [LogIn, Ready, Own, LogOut, LegLost];
        let agent = rung.iter().fold(Agent::new(0), |agent, event| agent.step(*event, 0, &rules).0);
        assert_eq!(agent.state, AgentState::LoggedOut);
    }

    #[test]
    fn a_phone_that_is_lost_in_a_wrap_up_is_missed_after_it() {
        use AgentEvent::{Deadline, Follow, LegLost, LogIn, NotReady, Ready, Reserve, Talk, TalkEnded, WrapDone};
        let wrap = [LogIn, Ready, Reserve(CALL), Talk(CALL), TalkEnded(CALL)];
        let then = |events: &[AgentEvent]| run(&[&wrap[..], events].concat());
        let lost = AgentState::NotReady(Reason::LegLost);
        assert_eq!(then(&[LegLost]), (Agent { after: Some(lost), ..run(&wrap).0 }, None));
        for end in [WrapDone, Deadline] {
            assert_eq!(then(&[LegLost, end]).0.state, lost);
        }
        assert_eq!(then(&[Follow { look: true }, LegLost, WrapDone]).0.state, lost, "no call without a phone");
        assert_eq!(then(&[LegLost, Ready]).0.state, AgentState::Ready, "it was called again");
        let lunch = NotReady(Reason::Code(3));
        assert_eq!(then(&[LegLost, lunch, WrapDone]).0.state, AgentState::NotReady(Reason::Code(3)));
    }

    #[test]
    fn a_wrap_up_that_runs_out_leaves_the_agent_as_the_rules_say() {
        use AgentEvent::{Deadline, LogIn, Ready, Reserve, Talk, TalkEnded};
        let events = [LogIn, Ready, Reserve(CALL), Talk(CALL), TalkEnded(CALL), Deadline];
        assert_eq!(run(&events).0.state, AgentState::NotReady(Reason::WrapEnded));
    }

    #[test]
    fn who_looks_at_a_record_gets_no_call_and_is_not_ready_if_they_do_not_answer_to_an_offer() {
        use AgentEvent::{Deadline, LogIn, Look, Looked, NotReady, Own, Ready, Reserve};
        let looking = |asked| [LogIn, Ready, Look { asked }, Reserve(CALL)];
        let then = |asked, event| run(&[&looking(asked)[..], &[event]].concat()).0.state;
        assert_eq!(run(&looking(true)).0.state, AgentState::Looking { asked: true });
        assert_eq!(then(true, Looked), AgentState::Ready);
        assert_eq!(then(true, Deadline), AgentState::Ready);
        assert_eq!(then(false, Deadline), AgentState::NotReady(Reason::LookEnded));
        assert_eq!(then(false, Own), AgentState::Own(None));
        assert_eq!(then(false, NotReady(Reason::Code(3))), AgentState::NotReady(Reason::Code(3)), "at once");
        assert_eq!(run(&[LogIn, Look { asked: false }]).0.state, AgentState::NotReady(Reason::Code(0)));
        let rules = AgentRules::default();
        assert_eq!(run(&looking(true)).0.deadline(&rules), None);
        assert_eq!(run(&looking(false)).0.deadline(&rules), Some(60_000_000));
    }

    #[test]
    fn a_callback_follows_the_wrap_up_before_the_next_call_unless_its_agent_wants_none() {
        use AgentEvent::{Deadline, Follow, LogIn, LogOut, NotReady, Own, Ready, Reserve, Talk, TalkEnded, WrapDone};
        let wrap = |look| [LogIn, Ready, Reserve(CALL), Talk(CALL), TalkEnded(CALL), Follow { look }];
        let then = |look, events: &[AgentEvent]| run(&[&wrap(look)[..], events].concat()).0;
        assert_eq!(then(false, &[]).state, AgentState::Wrap);
        assert_eq!(then(false, &[WrapDone]).state, AgentState::Own(None));
        assert_eq!(then(true, &[Deadline]).state, AgentState::Looking { asked: false });
        let lunch = AgentEvent::NotReady(Reason::Code(3));
        assert_eq!(then(true, &[lunch, WrapDone]).state, AgentState::NotReady(Reason::Code(3)));
        assert_eq!(then(false, &[LogOut, WrapDone]).state, AgentState::LoggedOut);
        assert_eq!(then(false, &[Own, AgentEvent::NotOwn]).state, AgentState::Ready, "another number came first");
        assert_eq!(run(&[LogIn, Ready, Follow { look: true }]).0.state, AgentState::Ready);
        assert_eq!(
            then(false, &[NotReady(Reason::Code(3)), Follow { look: true }, WrapDone]).state,
            run(&[LogIn, NotReady(Reason::Code(3))]).0.state
        );
    }

    #[test]
    fn a_call_of_ones_own_comes_before_all_others_and_leaves_the_agent_as_before() {
        use AgentEvent::{Dial, LegLost, LogIn, NotOwn, Own, Ready, Released, Reserve, Talk, TalkEnded, WrapDone};
        let idle = AgentState::NotReady(Reason::Code(0));
        let asked = [LogIn, Own, Reserve(CallId(9)), Dial(CALL)];
        assert_eq!(run(&asked).0.state, AgentState::Own(Some(CALL)), "no other call takes the agent");
        let then = |events: &[AgentEvent]| run(&[&asked[..], events].concat());
        assert_eq!(then(&[Released(CALL)]).0.state, idle, "it was not answered");
        let talked = [Reserve(CALL), Talk(CALL), TalkEnded(CALL), WrapDone];
        assert_eq!(then(&talked).0.state, idle);
        let wrap = [Reserve(CALL), Talk(CALL), TalkEnded(CALL)];
        assert_eq!(then(&[&wrap[..], &[Ready]].concat()).0.state, AgentState::Ready, "they said so");
        let lunch = AgentEvent::NotReady(Reason::Code(3));
        assert_eq!(then(&[&wrap[..], &[lunch, WrapDone]].concat()).0.state, AgentState::NotReady(Reason::Code(3)));
        assert_eq!(then(&[&wrap[..], &[lunch, Ready]].concat()).0.state, AgentState::Ready);
        assert_eq!(then(&[&wrap[..], &[AgentEvent::LogOut, Ready]].concat()).0.state, AgentState::LoggedOut);
        assert_eq!(then(&[LegLost]).1, Some(CALL));
        assert_eq!(run(&[LogIn, Ready, Own, NotOwn]).0.state, AgentState::Ready);
    }
}
