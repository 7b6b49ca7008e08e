//! Persons who called in and want an agent, on their way from the script that they heard to the group's actor.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use cxc_core::Micros;
use cxc_core::call_media::{RecordingDuty, RecordingSettings};
use cxc_core::compliance::Subject;
use cxc_core::treatment::Treatment;
use cxc_dialer::engine::{CallSpec, RecordingSpec};
use cxc_sip::engine::Loan;
use cxc_sip::run::Caller;
use tokio::sync::oneshot;

use super::ticket::CameIn;
use super::{Desk, Ticket};
use crate::channel::voice::recordings::recording_spec;
use crate::channel::{Course, Outcome, ScreenPop};

/// What holds for persons who call in.
#[derive(Debug, Clone, Default)]
pub struct CallerTerms {
    /// The group is loaded and has agents.
    pub has_agents: bool,
    /// Whether their talks are recorded.
    pub recording: RecordingSettings,
    /// What follows for a record whose person called.
    pub treatment: Treatment,
    /// What the group's calls are for, and so the conversations that come of them.
    pub subject: Subject,
}

impl CallerTerms {
    /// Whether and how a talk is recorded. Where the person is was not looked at, so that they are told wherever anybody is.
    fn recording(&self, tenant: i64, attempt: i64, now: Micros) -> Option<RecordingSpec> {
        match self.recording.duty(None) {
            RecordingDuty::Leave => None,
            duty => recording_spec(&self.recording, duty, (tenant, attempt), now),
        }
    }
}

/// A person who called in and wants an agent.
pub struct Asking {
    /// Their call.
    pub loan: Loan,
    /// How long they wait.
    pub wait: Micros,
    /// By which number their conversation is kept.
    pub attempt: i64,
    /// Theirs; none where it is withheld.
    pub number: Option<String>,
    /// The number that they called.
    pub called: String,
    /// What is known of them.
    pub person: Arc<ScreenPop>,
}

/// What becomes of them.
pub struct Story {
    /// Comes when they talk with an agent; an error where none comes.
    pub talks: oneshot::Receiver<()>,
    /// What came of it, once the agent has said that.
    pub outcome: oneshot::Receiver<Outcome>,
    /// What held for them.
    pub terms: Arc<CallerTerms>,
}

impl Desk {
    /// Other terms for persons who call in.
    pub fn set_terms(&self, terms: CallerTerms) {
        self.state().terms = Arc::new(terms);
    }

    /// The campaign group.
    pub fn group(&self) -> i64 {
        self.group
    }

    /// Takes in a person who called; none where nobody could come to them.
    pub fn receive(&self, asking: Asking) -> Option<Story> {
        let Asking { loan, wait, attempt, number, called, person } = asking;
        let (answer, outcome) = oneshot::channel();
        let (talk, talks) = oneshot::channel();
        let ticket = Ticket {
            answer: Some(answer),
            placed: false,
            said: String::new(),
            course: Course::Left,
            reached: true,
            connected: true,
            attempt,
            number: number.clone().unwrap_or_default(),
            person,
            caller_id: None,
            rejected: None,
            seat: None,
            scripted: None,
            came_in: Some(CameIn { called: called.clone(), talks: Some(talk) }),
            cut: None,
        };
        let now = self.clock.now();
        let mut state = self.state();
        let terms = Arc::clone(&state.terms);
        if state.over || !terms.has_agents {
            return None;
        }
        let recording = terms.recording(self.displays.tenant(), attempt, now);
        let spec =
            CallSpec { number: number.unwrap_or_default(), caller_id: Some(called), recording, ..CallSpec::default() };
        state.callers.push_back((Caller { loan, spec, until: now + wait }, ticket));
        drop(state);
        self.arrived.notify_one();
        Some(Story { talks, outcome, terms })
    }

    fn takes_callers(&self, tenant: i64) -> bool {
        let state = self.state();
        self.displays.tenant() == tenant && !state.over && state.terms.has_agents
    }
}

/// The groups of this process by their numbers: where persons who call in find agents.
#[derive(Default)]
pub struct DeskBoard(Mutex<BTreeMap<i64, Weak<Desk>>>);

impl DeskBoard {
    /// A group begins to work.
    pub fn show(&self, desk: &Arc<Desk>) {
        let mut desks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        desks.retain(|_, desk| desk.strong_count() > 0);
        desks.insert(desk.group, Arc::downgrade(desk));
    }

    /// The group whose agents take a call to a number: that which called the person last, else the first that displays it.
    pub fn find(&self, tenant: i64, last: Option<i64>, called: &str) -> Option<Arc<Desk>> {
        let desks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = |desk: &Weak<Desk>| desk.upgrade().filter(|desk| desk.takes_callers(tenant));
        let own = last.and_then(|group| desks.get(&group)).and_then(open);
        own.or_else(|| desks.values().filter_map(open).find(|desk| desk.displays.shows(called)))
    }
}
