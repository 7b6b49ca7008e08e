//! The life of a call: trunk after trunk until one takes it, then its talk, then its end.
use std::sync::{Arc, OnceLock};

use cxc_core::Micros;
use cxc_core::enumerations::CallResult;
use cxc_dialer::agent::{AgentEvent, AgentId};
use cxc_dialer::call::{CallEvent, CallId};
use cxc_dialer::engine::{CallSpec, EngineEvent};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::attempt::{Attempt, NoLeg, Placed};
use super::talk::talk;
use super::{LegReport, Order, Report, Shared, Told};
use crate::result::{Outcome, outcome};
use crate::trunk::Fault;
use crate::ua::{Failure, LegEvent};

/// Starts a call on a task of its own.
pub(super) fn start(shared: Arc<Shared>, id: CallId, spec: CallSpec) {
    let (tell, orders) = unbounded_channel();
    shared.calls().insert(id, tell);
    tokio::spawn(async move {
        let last = run(&shared, id, &spec, orders).await;
        shared.calls().remove(&id);
        if let Some(event) = last {
            shared.event(id, event);
        }
    });
}

/// A channel of a trunk, until this is dropped.
pub(super) struct Channel<'a> {
    shared: &'a Shared,
    pub trunk: usize,
    /// Since when.
    pub since: Micros,
    /// When somebody answered.
    answered: OnceLock<Micros>,
}

impl<'a> Channel<'a> {
    /// Of a call that nobody has answered.
    pub fn new(shared: &'a Shared, trunk: usize) -> Self {
        Self { shared, trunk, since: shared.clock.now(), answered: OnceLock::new() }
    }

    /// Somebody answered: from now on it costs.
    pub fn answered(&self) {
        self.answered.get_or_init(|| self.shared.clock.now());
    }
}

impl Drop for Channel<'_> {
    fn drop(&mut self) {
        let now = self.shared.clock.now();
        self.shared.trunks.freed(self.trunk, self.answered.get().map(|since| now - since), now);
    }
}

/// Runs a call. Its last event is given back: by then it holds nothing any more.
async fn run(
    shared: &Arc<Shared>,
    id: CallId,
    spec: &CallSpec,
    mut orders: UnboundedReceiver<Order>,
) -> Option<CallEvent> {
    let country = match shared.destinations.look(&spec.number) {
        Ok(country) if shared.trunks.reach(country) => country,
        Ok(country) => return Some(kept_back(shared, id, &format!("no trunk may call {}", country.as_str()))),
        Err(error) => return Some(kept_back(shared, id, &error.to_string())),
    };
    let mut tried = Vec::new();
    let mut last = CallEvent::Failed(CallResult::AllTrunksBusy);
    while let Some(trunk) = shared.trunks.take(country, &tried, shared.clock.now()) {
        tried.push(trunk);
        let channel = Channel::new(shared, trunk);
        let name = &shared.trunks.options(trunk).name;
        if let Err(error) = (shared.before_leg)(id, name).await {
            tracing::warn!(call = id.0, %error, "a call could not be written down before it was placed");
            shared.report(Report::Told(id, Told::NotPlaced(error.to_string())));
            return Some(CallEvent::Failed(CallResult::SystemError));
        }
        let mut attempt = match Attempt::new(shared, spec, trunk) {
            Ok(attempt) => attempt,
            Err(error) => return Some(CallEvent::Failed(no_leg(shared, id, &error))),
        };
        let placed = attempt.placed(shared, (id, trunk), &mut orders).await;
        let failure = match placed {
            Placed::Answered => {
                channel.answered();
                let told = Told::Carried { trunk: name.clone(), is_alternate: trunk > 0 };
                shared.report(Report::Told(id, told));
                shared.event(id, CallEvent::Answered);
                let event = talk(shared, id, spec, &mut attempt, &mut orders).await;
                shared.report(Report::Audio(id, attempt.stream.counts()));
                // the channel is free when the far end is told, not when it agrees
                tokio::spawn(attempt.leg.drain());
                return event;
            }
            Placed::Unusable(error) => {
                channel.answered();
                shared.report(Report::Told(id, Told::Unusable(format!("{name}: answered, but {error}"))));
                attempt.leg.hangup();
                tokio::spawn(attempt.leg.drain());
                return Some(CallEvent::Failed(CallResult::DialError));
            }
            Placed::Failed(failure) => failure,
        };
        tokio::spawn(attempt.leg.drain());
        let outcome = judge(shared, id, &channel, &failure);
        last = match (outcome.pause, outcome.status) {
            (Some(retry_after), Some(status)) => CallEvent::Refused { status, retry_after },
            _ => CallEvent::Failed(outcome.result),
        };
        drop(channel);
        // a phone may have rung, or nobody knows: a second leg could ring it again
        let is_known = failure.status.is_some() || failure.cause.is_some() || failure.unsent;
        let may_try_another = outcome.trunk && !failure.rang && is_known && !failure.cancelled;
        if !may_try_another || !orders.is_empty() {
            break;
        }
    }
    if tried.is_empty() {
        let why = "every trunk for its country is full, at its rate or left alone".to_owned();
        shared.report(Report::Told(id, Told::NotPlaced(why)));
    }
    Some(last)
}

/// It is never dialed.
fn kept_back(shared: &Shared, id: CallId, why: &str) -> CallEvent {
    tracing::warn!(call = id.0, why, "a call was kept back");
    shared.report(Report::Told(id, Told::KeptBack(why.to_owned())));
    CallEvent::Failed(CallResult::DialError)
}

fn no_leg(shared: &Shared, id: CallId, error: &NoLeg) -> CallResult {
    tracing::warn!(call = id.0, %error, "a call could not be placed");
    shared.report(Report::Told(id, Told::NotPlaced(error.to_string())));
    match error {
        NoLeg::Port(_) => CallResult::NoFreePort,
        NoLeg::Ua(_) => CallResult::SystemError,
    }
}

/// What a failure means for the call, and for its trunk. The group is told.
fn judge(shared: &Shared, id: CallId, channel: &Channel<'_>, failure: &Failure) -> Outcome {
    let outcome = weigh(shared, channel, failure);
    shared.report(Report::Leg(
        id,
        LegReport {
            trunk: shared.trunks.options(channel.trunk).name.clone(),
            status: failure.status,
            reason: failure.reason.clone(),
            rejected: outcome.rejected,
            blocked: outcome.blocked,
            credentials: outcome.credentials,
            unreached: outcome.unreached,
        },
    ));
    outcome
}

/// What a failure means for a call, and for its trunk.
pub(super) fn weigh(shared: &Shared, channel: &Channel<'_>, failure: &Failure) -> Outcome {
    let (outcome, trunk, now) = (outcome(failure), channel.trunk, shared.clock.now());
    let name = &shared.trunks.options(trunk).name;
    if outcome.status.is_some() {
        shared.trunks.heard(trunk);
    }
    match (outcome.pause, outcome.status) {
        (Some(pause), Some(status)) => shared.trunks.refused(trunk, status, now, pause),
        // we hung up before anybody could say anything
        (None, None) if failure.cancelled => (),
        (None, status) if outcome.trunk => {
            let silent = outcome.result == CallResult::NoProgress;
            let fault = Fault { status, unreached: outcome.unreached, silent, placed: channel.since };
            if let Some(pause) = shared.trunks.fault(trunk, fault, now) {
                let (seconds, reason) = (pause / 1_000_000, failure.reason.as_deref().unwrap_or_default());
                tracing::warn!(
                    trunk = name,
                    ?status,
                    reason,
                    seconds,
                    "a trunk does not carry calls: it is left alone"
                );
            }
        }
        // anything that the far end says of itself came through
        _ => shared.trunks.works(trunk, now),
    }
    if outcome.credentials {
        tracing::error!(trunk = name, "the carrier does not take our credentials");
    }
    if outcome.blocked {
        tracing::error!(trunk = name, "calls with our caller id are being blocked");
    }
    outcome
}

impl Shared {
    pub(super) fn event(&self, call: CallId, event: CallEvent) {
        self.report(Report::Event(EngineEvent::Call(call, event)));
    }

    /// What a trunk says of a call is a sign of life, whoever the call is for.
    pub(super) fn trunk_said(&self, trunk: usize, event: Option<&LegEvent>) {
        match event {
            Some(LegEvent::Provisional) => self.trunks.heard(trunk),
            Some(LegEvent::Ringing(_) | LegEvent::Answered(_)) => self.trunks.works(trunk, self.clock.now()),
            _ => (),
        }
    }

    /// The phone of an agent is not there.
    pub(super) fn lost(&self, call: CallId, agent: AgentId) {
        self.report(Report::Event(EngineEvent::Agent(agent, AgentEvent::LegLost)));
        self.event(call, CallEvent::AgentLost);
    }
}
