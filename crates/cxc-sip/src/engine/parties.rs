//! What an agent does with a talk, and who else comes to it: a third person, and a supervisor.
use std::sync::Arc;

use cxc_core::enumerations::CallResult;
use cxc_dialer::call::CallEvent;
use cxc_dialer::engine::CallSpec;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Duration, Instant};

use super::attempt::Attempt;
use super::floor::{Floor, Level, Party, Third};
use super::line::{self, Callee, Line, LineEvent, Phone};
use super::talk::Talk;
use super::{Report, Shared};
use crate::media::{Peer, hear};

/// Two who were handed to each other may talk for so long.
const LONGEST: Duration = Duration::from_secs(4 * 3600);

/// What an agent or a supervisor wants of a talk. What does not fit it is left out.
#[derive(Debug, Clone)]
pub enum TalkOrder {
    /// The person waits, or does not any more.
    Hold(bool),
    /// The agent is not heard, or is again.
    Mute(bool),
    /// What is said is left out of the recording, or is not any more.
    Pause(bool),
    /// Presses keys for whom the agent talks with.
    Press(String),
    /// Calls a third person; the person waits meanwhile.
    Call {
        /// Whom.
        to: ThirdParty,
        /// Who answers talks with the person at once, and the agent is through.
        is_blind: bool,
    },
    /// All three talk.
    Conference,
    /// The third person talks with the person, and the agent is through.
    HandOver,
    /// The third person is hung up, and the person is back.
    TakeBack,
    /// A supervisor's phone is called.
    Supervise(Phone, Level),
    /// The supervisor who is there is heard otherwise.
    Level(Level),
    /// The supervisor's phone is hung up.
    Unsupervise,
}

/// Whom an agent calls beside.
#[derive(Debug, Clone)]
pub enum ThirdParty {
    /// A number, by the trunk of the call.
    Number(String),
    /// A phone.
    Phone(Phone),
}

/// How a talk stands, for its agent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TalkState {
    /// The person waits.
    pub held: bool,
    /// The agent is heard by nobody.
    pub muted: bool,
    /// The person's phone takes digits.
    pub digits: bool,
    /// Whether what is said is recorded; none where the talk has no recording.
    pub recorded: Option<bool>,
    /// The third person.
    pub third: Option<Third>,
    /// Why a third person is not there any more.
    pub failed: Option<CallResult>,
    /// The supervisor who is there, or is being called.
    pub supervisor: Option<Level>,
}

/// Lines beside the person's and the agent's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Third,
    Supervisor,
}

/// What became of such a line; the number tells it from those before it.
pub(super) struct Moved {
    of: Of,
    number: u64,
    event: LineEvent,
}

/// The lines that come to a talk.
pub(super) struct Guests {
    tell: UnboundedSender<Moved>,
    moved: UnboundedReceiver<Moved>,
    last: u64,
    third: Option<(u64, Line)>,
    is_blind: bool,
    supervisor: Option<(u64, Line)>,
    /// When those who were left alone are hung up.
    until: Option<Instant>,
}

impl Guests {
    pub fn none() -> Self {
        let (tell, moved) = unbounded_channel();
        Self { tell, moved, last: 0, third: None, is_blind: false, supervisor: None, until: None }
    }

    fn call(&mut self, shared: &Arc<Shared>, of: Of, callee: Callee) -> (u64, Line) {
        self.last += 1;
        let (number, tell) = (self.last, self.tell.clone());
        let line = line::call(Arc::clone(shared), callee, line::RING, move |event| {
            // the talk may be over
            let _gone = tell.send(Moved { of, number, event });
        });
        (number, line)
    }

    /// What happens next: a line moved, or (none) the time of those who were left alone is over.
    pub async fn next(&mut self) -> Option<Moved> {
        let over = async {
            match self.until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // never none: this has a sender itself
            moved = self.moved.recv() => moved,
            () = over => None,
        }
    }
}

impl Talk {
    /// Does what was asked for, where it fits, and says how the talk stands.
    pub(super) fn wish(&mut self, attempt: &Attempt, order: TalkOrder) {
        let floor = self.floor;
        match (order, floor.third) {
            // nobody is connected yet, or the agent is gone
            _ if self.agent.is_none() => return,
            (TalkOrder::Hold(is_held), None) => self.floor.held = is_held,
            (TalkOrder::Mute(is_muted), _) => self.floor.muted = is_muted,
            (TalkOrder::Pause(is_paused), _) => self.is_paused = is_paused,
            (TalkOrder::Press(keys), _) => match self.peer(attempt, Party::Third) {
                Some(third) if floor.third == Some(Third::Talking) => third.press(&keys, &self.shared.wheel),
                _ => attempt.stream.peer().press(&keys, &self.shared.wheel),
            },
            (TalkOrder::Call { to, is_blind }, None) => match self.call_third(to, is_blind) {
                Ok(()) => (),
                Err(result) => return self.say_how_it_stands(attempt, Some(result)),
            },
            (TalkOrder::Conference, Some(Third::Talking)) => {
                (self.floor.third, self.floor.held) = (Some(Third::Conference), false);
                self.shared.event(self.id, CallEvent::Conferenced);
            }
            (TalkOrder::HandOver, Some(Third::Calling)) => self.guests.is_blind = true,
            (TalkOrder::HandOver, Some(_)) => return self.hand_over(attempt),
            (TalkOrder::TakeBack, Some(_)) => self.take_back(),
            (TalkOrder::Supervise(phone, level), _) => {
                self.floor.supervisor = Some(level);
                self.guests.supervisor = Some(self.guests.call(&self.shared, Of::Supervisor, Callee::Phone(phone)));
            }
            (TalkOrder::Level(level), _) if floor.supervisor.is_some() => self.floor.supervisor = Some(level),
            (TalkOrder::Unsupervise, _) => self.without_supervisor(),
            _ => (),
        }
        self.arrange(attempt);
        self.say_how_it_stands(attempt, None);
    }

    fn call_third(&mut self, to: ThirdParty, is_blind: bool) -> Result<(), CallResult> {
        let callee = match to {
            ThirdParty::Phone(phone) => {
                self.shared.destinations.look_at_address(&phone.uri).map_err(|_| CallResult::DialError)?;
                Callee::Phone(phone)
            }
            // what the person was shown: the signed identity is for that call alone
            ThirdParty::Number(number) => {
                Callee::Number(Box::new(CallSpec { number, identity: None, recording: None, ..(*self.spec).clone() }))
            }
        };
        self.guests.third = Some(self.guests.call(&self.shared, Of::Third, callee));
        self.guests.is_blind = is_blind;
        (self.floor.third, self.floor.held) = (Some(Third::Calling), true);
        Ok(())
    }

    fn take_back(&mut self) {
        self.guests.third = None;
        (self.floor.third, self.floor.held) = (None, false);
    }

    fn without_supervisor(&mut self) {
        self.guests.supervisor = None;
        self.floor.supervisor = None;
    }

    /// Person and third person stay with each other. What they say is for nobody else: the recording ends.
    fn hand_over(&mut self, attempt: &Attempt) {
        self.without_supervisor();
        self.recording = None;
        self.floor = Floor { third: Some(Third::Alone), ..Floor::default() };
        self.arrange(attempt);
        self.agent = None;
        self.guests.until = Some(Instant::now() + LONGEST);
        self.shared.event(self.id, CallEvent::Transferred);
    }

    /// A line moved, or the time of those who were left alone is over. True if the call is.
    pub(super) fn moved(&mut self, attempt: &Attempt, moved: Option<&Moved>) -> bool {
        let Some(&Moved { of, number, event }) = moved else { return true };
        let line = match of {
            Of::Third => &self.guests.third,
            Of::Supervisor => &self.guests.supervisor,
        };
        if line.as_ref().is_none_or(|(current, _)| *current != number) {
            return false;
        }
        let mut failed = None;
        match (of, event) {
            (Of::Third, LineEvent::Up) if self.guests.is_blind => {
                self.hand_over(attempt);
                return false;
            }
            (Of::Third, LineEvent::Up) => self.floor.third = Some(Third::Talking),
            (Of::Third, LineEvent::Down(_)) if self.floor.third == Some(Third::Alone) => return true,
            (Of::Third, LineEvent::Down(result)) => {
                self.take_back();
                failed = Some(result);
            }
            (Of::Supervisor, LineEvent::Up) => (),
            (Of::Supervisor, LineEvent::Down(_)) => self.without_supervisor(),
        }
        self.arrange(attempt);
        self.say_how_it_stands(attempt, failed);
        false
    }

    /// Lets each hear whom they are to hear now.
    pub(super) fn arrange(&mut self, attempt: &Attempt) {
        let peers: Vec<(Party, Peer)> =
            Party::ALL.into_iter().filter_map(|party| Some((party, self.peer(attempt, party)?))).collect();
        for (listener, ear) in &peers {
            let is_heard = |party: &Party| self.floor.hears(*listener, *party);
            let voices: Vec<&Peer> = peers.iter().filter(|(party, _)| is_heard(party)).map(|(_, peer)| peer).collect();
            match listener {
                // the agent's phone may be another talk's by now: this one only takes its own voices away
                Party::Agent if voices.is_empty() => ear.leave(&peers.iter().map(|(_, peer)| peer).collect::<Vec<_>>()),
                Party::Person if self.waits_with_prompt(attempt, &voices) => (),
                _ => drop(hear(ear, &voices, &self.shared.wheel)),
            }
        }
        self.set_recording();
    }

    /// Whether the person hears the prompt of those who wait, if there is one.
    fn waits_with_prompt(&mut self, attempt: &Attempt, voices: &[&Peer]) -> bool {
        let sounds = self.shared.sounds();
        let prompt = sounds.hold_prompt.as_ref().filter(|_| self.floor.held && voices.is_empty());
        let played = std::mem::replace(&mut self.plays_on, prompt.is_some());
        if let Some(prompt) = prompt.filter(|_| !played) {
            attempt.stream.play_on(prompt, &self.shared.wheel);
        }
        prompt.is_some()
    }

    /// A third person was not told that the call is recorded, so it is not while that one talks with the person.
    pub(super) fn set_recording(&self) {
        match (&self.recording, self.records()) {
            (Some(recording), Some(true)) => recording.resume(),
            (Some(recording), _) => recording.pause(),
            (None, _) => (),
        }
    }

    fn records(&self) -> Option<bool> {
        let is_left_out = self.is_paused || self.is_over || self.floor.third == Some(Third::Conference);
        self.recording.as_ref().map(|_| !is_left_out)
    }

    fn peer(&self, attempt: &Attempt, party: Party) -> Option<Peer> {
        match party {
            Party::Person => Some(attempt.stream.peer()),
            Party::Agent => self.agent.as_ref().map(|(_, peer)| peer.clone()),
            Party::Third => self.guests.third.as_ref()?.1.peer(),
            Party::Supervisor => self.guests.supervisor.as_ref()?.1.peer(),
        }
    }

    /// Tells the agent.
    pub(super) fn say_how_it_stands(&self, attempt: &Attempt, failed: Option<CallResult>) {
        let Some((agent, _)) = &self.agent else { return };
        let Floor { held, muted, third, supervisor } = self.floor;
        let digits = match self.peer(attempt, Party::Third) {
            Some(third_peer) if third == Some(Third::Talking) => third_peer.takes_digits(),
            _ => attempt.stream.peer().takes_digits(),
        };
        let state = TalkState { held, muted, digits, recorded: self.records(), third, failed, supervisor };
        self.shared.report(Report::Talk(self.id, *agent, state));
    }
}
