//! What a runner asks of who has the records, and tells them.
use cxc_core::Micros;
use cxc_core::enumerations::CallResult;
use cxc_dialer::agent::AgentId;
use cxc_dialer::call::CallId;
use cxc_dialer::engine::CallSpec;
use cxc_dialer::group::{AgentChange, Group, Note};
use cxc_dialer::pacing::{Records, Why};

use crate::engine::{LegReport, Loan, TalkState, Told};
use crate::media::Counts;
use crate::trunk::Trunks;

/// A group as it is at a moment, and what its calls go by.
pub struct Look<'a> {
    /// Its agents, its calls, its pace.
    pub group: &'a Group,
    /// Ports of media that are in use, and those that are free.
    pub ports: (usize, usize),
    /// Calls that are up and that agents gave to others.
    pub given_away: usize,
    /// It places no more calls, and ends when those that are up are over.
    pub is_stopping: bool,
    /// Its trunks, shared with the other groups of the first one.
    pub trunks: &'a Trunks,
    /// When.
    pub now: Micros,
}

/// A person who called in and wants an agent.
#[derive(Debug)]
pub struct Caller {
    /// The call, on loan.
    pub loan: Loan,
    /// What it is from now on: whether it is recorded, and what third persons see.
    pub spec: CallSpec,
    /// Until when they wait.
    pub until: Micros,
}

/// Where numbers come from and where results go.
pub trait Source: Send {
    /// By what a record is known: it comes with its call and goes with the result.
    type Record: Send;
    /// What keeps the group from dialing at all.
    fn stopped(&self) -> Option<Why> {
        None
    }
    /// How many calls it may have at once.
    fn ports(&self) -> u32 {
        u32::MAX
    }
    /// How many can be dialed now, and why no more.
    fn records(&mut self) -> Records;
    /// How many records are due, as far as it is known without asking for them: so many of the phones that are called for each
    /// call may ring.
    fn due(&self) -> u32 {
        u32::MAX
    }
    /// Whether none came the last time that some were asked for.
    fn is_dry(&self) -> bool {
        false
    }
    /// The next one; it is asked for at most as often as there are records.
    fn next(&mut self) -> Option<(CallSpec, Self::Record)>;
    /// A call that an agent asked for, and who. It may come too late to be placed.
    fn own(&mut self) -> Option<(AgentId, CallSpec, Self::Record)> {
        None
    }
    /// A person who called in and wants an agent. The record of one who gets none comes back with Overflowed, or Cleared where the
    /// group stops, and their call with it.
    fn caller(&mut self) -> Option<(Caller, Self::Record)> {
        None
    }
    /// A call that an agent asked for is placed.
    fn placed(&mut self, _record: &mut Self::Record) {}
    /// The agent of such a call gives it up before it is answered.
    fn given_up(&mut self, _record: &mut Self::Record) {}
    /// The pace was looked at: why it dials no more, and how many more calls it would have started, had there been one
    /// at hand. Answers the name of the reason that counts.
    fn paced(&mut self, why: &Why, _missing: u32) -> &'static str {
        why.name()
    }
    /// About once a second: a look at the group.
    fn looked(&mut self, _look: &Look<'_>) {}
    /// Something is there that was not before: the pace is looked at again.
    fn arrival(&mut self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
    /// A leg of a call failed so; the result follows.
    fn leg(&mut self, _record: &mut Self::Record, _report: &LegReport) {}
    /// How a call went out, or why it did not; the result follows.
    fn told(&mut self, _record: &mut Self::Record, _told: &Told) {}
    /// This came and went of a call's audio; the result follows.
    fn audio(&mut self, _call: CallId, _counts: Counts) {}
    /// A call was ended or given up for a reason that is none of its own; the result follows, unless an answer crossed that.
    fn cut(&mut self, _record: &mut Self::Record, _why: &'static str) {}
    /// The person of a call pressed a key.
    fn digit(&mut self, _call: CallId, _digit: char) {}
    /// The script of a call left this to be known.
    fn noted(&mut self, _call: CallId, _record: &mut Self::Record, _note: Note) {}
    /// The phone of an agent answered, or is gone: one that is kept.
    fn phone(&mut self, _agent: AgentId, _is_up: bool) {}
    /// The phone of an agent is called for each call from now on.
    fn rings(&mut self, _agent: AgentId) {}
    /// Such a phone answered.
    fn answered(&mut self, _agent: AgentId) {}
    /// An agent came to another state; with the record of the call, if it is one of a call that is not over.
    fn agent(&mut self, _change: &AgentChange, _record: Option<&mut Self::Record>) {}
    /// How the talk of an agent stands.
    fn talk(&mut self, _agent: AgentId, _state: &TalkState) {}
    /// The talk of an agent must end soon.
    fn warned(&mut self, _agent: AgentId) {}
    /// An agent who was told to go is gone, and the phone is hung up.
    fn left(&mut self, _agent: AgentId) {}
    /// The call of a record is over: once for each that was asked for.
    fn ended(&mut self, record: Self::Record, result: CallResult);
    /// No records will come any more.
    fn is_done(&self) -> bool;
}
