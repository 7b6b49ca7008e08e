//! Who waits for the result of a call, and how it is handed over.
use std::sync::Arc;
use std::time::Duration;

use cxc_core::enumerations::CallResult;
use tokio::sync::oneshot;

use crate::agents::Seat;
use crate::channel::{AgentReport, Course, Outcome, ScreenPop};

/// It is looked for anew after this time.
const AGAIN: Duration = Duration::from_secs(1);

/// Who waits for the result of a call. Whoever drops it leaves the attempt in doubt once it was placed.
pub struct Ticket {
    pub(super) answer: Option<oneshot::Sender<Outcome>>,
    pub(super) placed: bool,
    /// What is to be known of it in words, such as what the carrier said.
    pub(super) said: String,
    /// How far it came.
    pub(super) course: Course,
    /// A leg of it may have reached somebody.
    pub(super) reached: bool,
    /// Somebody answered, and could talk.
    pub(super) connected: bool,
    /// Its attempt, the number that is dialed, and what an agent sees of the person.
    pub(super) attempt: i64,
    pub(super) number: String,
    pub(super) person: Arc<ScreenPop>,
    /// What the person sees, if it is not the trunk's own number.
    pub(super) caller_id: Option<String>,
    /// The call was rejected; and by somebody on the way, who blocks the number.
    pub(super) rejected: Option<bool>,
    /// The person who talks with the caller.
    pub(super) seat: Option<Arc<Seat>>,
    /// It was given up or hung up, for this reason.
    pub(super) cut: Option<&'static str>,
    /// What the script of the call left to be known.
    pub(super) scripted: Option<Box<AgentReport>>,
    /// Of a call that came in.
    pub(super) came_in: Option<CameIn>,
}

/// What is known of a call that came in.
pub(super) struct CameIn {
    /// The number that was called.
    pub called: String,
    /// Who is told that its person talks with an agent.
    pub talks: Option<oneshot::Sender<()>>,
}

/// A call that is over, with what its agent says of it: whoever lets go of it hands over the result.
pub struct Ended {
    pub(super) ticket: Ticket,
    /// Its result.
    pub result: CallResult,
    /// What its agent said.
    pub report: Option<Box<AgentReport>>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        let said = std::mem::take(&mut self.ticket.said);
        let detail = self.ticket.end_in_words(self.result).unwrap_or(said);
        let report = AgentReport::both(self.ticket.scripted.take(), self.report.take());
        // who gave a call up says more than a trunk that would not have carried it
        let course = if self.result == CallResult::Cleared { Course::Left } else { self.ticket.course };
        self.ticket.tell(Outcome::Called { result: self.result.code(), detail, report, course });
    }
}

impl Ticket {
    /// Its person talks with an agent. One who called in does so for the first time: until then nothing had come of the call.
    pub(super) fn talks(&mut self) {
        if let Some(talks) = self.came_in.as_mut().and_then(|came_in| came_in.talks.take()) {
            self.placed = true;
            // who wants to know is there as long as the call is
            let _gone = talks.send(());
        }
    }

    /// Whether it is of a person who called in and to whom no agent came.
    pub(super) fn came_in_vain(&self) -> bool {
        self.came_in.is_some() && !self.placed
    }

    /// Whether somebody, or a machine, answered a call that ended so.
    pub(super) fn was_answered(&self, result: CallResult) -> bool {
        use CallResult::{
            Abandoned, AnsweringMachine, CallDropError, Dropped, Ok, RemoteRelease, WrongNumber, WrongParty,
        };
        let after = [Abandoned, AnsweringMachine, CallDropError, Dropped, Ok, WrongNumber, WrongParty];
        let hung_up = result == RemoteRelease && self.connected;
        CallResult::TALKS.contains(&result) || after.contains(&result) || hung_up
    }

    /// Who ended it for what reason, if neither person nor agent did: an answer may have crossed that.
    fn end_in_words(&self, result: CallResult) -> Option<String> {
        let why = self.cut?;
        let how = match result {
            CallResult::Cleared => "given up",
            CallResult::GeneralError => "hung up",
            talk if CallResult::TALKS.contains(&talk) => "hung up",
            _ => return None,
        };
        Some(format!("{how}: {why}"))
    }

    /// A leg of it may have reached somebody, or certainly has not: what one may have done stays.
    pub(super) fn reaches(&mut self, somebody: bool) {
        self.reached |= somebody;
        self.course = if self.reached { Course::Left } else { Course::NotCarried };
    }

    fn tell(&mut self, outcome: Outcome) {
        if let Some(answer) = self.answer.take() {
            // a sender that went away finds the attempt in doubt
            let _gone = answer.send(outcome);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        match self.placed {
            true => self.tell(Outcome::InDoubt { detail: "the call was lost before its end was known".into() }),
            false => self.tell(not_placed()),
        }
    }
}

pub(super) fn not_placed() -> Outcome {
    Outcome::Retry { detail: "the agents needed no further call".into(), after: Some(AGAIN), throttled: false }
}
