//! From a carrier's answer to what is written: the attempt's result and where its record goes next. Pure.
use std::time::Duration;

use cxc_core::Micros;
use cxc_core::attempt::AttemptState;
use cxc_core::enumerations::CallResult;
use cxc_core::record::{Reason, RecordStatus};
use cxc_core::treatment::{History, Next, Treatment, Trigger, next_step};
use cxc_store::attempt::{AttemptOutcome, NewAttempt};
use cxc_store::record::{Record, RecordChange};
use jiff::Timestamp;

use super::batch::Batch;
use super::plan::Plans;
use crate::channel::Outcome;

/// The first wait after a carrier refused a message for now; it doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Micros = 30_000_000;
const LONGEST_WAIT: Micros = 3_600_000_000;
/// A message that carriers refuse for so long is given up.
const GIVE_UP: Micros = 24 * 3_600_000_000;

/// An attempt under way.
#[derive(Debug, Clone)]
pub struct Flight {
    /// Its record as it stands in the store while the message is under way.
    pub record: Record,
    /// The attempt, as it stands in flight.
    pub attempt: NewAttempt,
    /// The positions of the devices that could be tried.
    pub devices: Vec<i16>,
}

impl Flight {
    /// Adds to a batch what a carrier's answer means.
    pub fn settle(self, outcome: &Outcome, plans: &Plans, now: Micros, batch: &mut Batch) {
        let default = Treatment::default();
        let treatment = plans.group(self.record.grp).map_or(&default, |p| &p.settings.treatment);
        let record = self.in_progress();
        let unplaced = never_placed(outcome, treatment);
        let outcome = unplaced.as_ref().unwrap_or(outcome);
        let change = match outcome {
            // the group gave it up before anybody took it: it is no result that a treatment could be for
            Outcome::Called { result, .. } if *result == CallResult::Cleared.code() => RecordChange {
                result: Some(*result),
                ..RecordChange::of(&record, RecordStatus::Ready, Reason::Retry, now)
            },
            Outcome::Called { result, .. } => {
                let result = CallResult::from_code(*result).unwrap_or(CallResult::GeneralError);
                after_result(&record, treatment, result, &self.devices, now)
            }
            Outcome::Delivered { .. } => after_result(&record, treatment, CallResult::Ok, &self.devices, now),
            Outcome::Accepted { .. } => RecordChange::of(&record, RecordStatus::InProgress, Reason::AwaitingReceipt, 0),
            Outcome::Rejected { result, .. } => {
                let result = CallResult::from_code(*result).unwrap_or(CallResult::GeneralError);
                after_result(&record, treatment, result, &self.devices, now)
            }
            Outcome::Retry { after, .. } => self.refused(after.map(micros), now),
            Outcome::InDoubt { .. } => RecordChange::of(&record, RecordStatus::InDoubt, Reason::None, 0),
        };
        batch.made.push(self.attempt.made(stored(outcome, now)));
        batch.changes.push(change);
    }

    /// The record as the transaction that wrote the attempt left it.
    fn in_progress(&self) -> Record {
        Record { status: RecordStatus::InProgress.code(), reason: Reason::None.code(), due: 0, ..self.record.clone() }
    }

    /// The carrier did not take it for now: it never left, so the attempt does not count.
    fn refused(&self, after: Option<Micros>, now: Micros) -> RecordChange {
        let before = &self.record;
        // how long it waited for the same reason last time is in the row: the wait doubles
        let last = if before.reason == Reason::CarrierRefused.code() { before.due - before.changed_at } else { 0 };
        let wait = after.unwrap_or_else(|| (last * 2).clamp(FIRST_WAIT, LONGEST_WAIT));
        let give_up = before.not_after.unwrap_or(now + GIVE_UP);
        let record = Record { attempts: self.record.attempts.saturating_sub(1), ..self.in_progress() };
        if now + wait >= give_up {
            let result = Some(CallResult::GeneralError.code());
            return RecordChange { result, ..RecordChange::of(&record, RecordStatus::Done, Reason::None, 0) };
        }
        RecordChange {
            not_after: Some(give_up),
            ..RecordChange::of(&record, RecordStatus::Ready, Reason::CarrierRefused, now + wait)
        }
    }
}

/// A call for which there was no line never reached anybody. Unless the treatment says what follows that, it is as if it
/// had not been tried.
fn never_placed(outcome: &Outcome, treatment: &Treatment) -> Option<Outcome> {
    let Outcome::Called { result, detail } = outcome else { return None };
    let result = CallResult::from_code(*result)?;
    let is_treated = treatment.retry_rules.iter().any(|rule| rule.triggers.contains(&Trigger::CallResult(result)));
    let had_no_line = matches!(result, CallResult::AllTrunksBusy | CallResult::NoFreePort);
    let detail = format!("{} {detail}", result.name());
    (had_no_line && !is_treated).then_some(Outcome::Retry { detail, after: None, throttled: false })
}

fn micros(duration: Duration) -> Micros {
    Micros::try_from(duration.as_micros()).unwrap_or(LONGEST_WAIT).min(GIVE_UP)
}

/// Where a record goes after a result: done, or waiting for the next try that its treatment asks for.
/// `devices` are the positions that its channel can use.
pub fn after_result(
    record: &Record,
    treatment: &Treatment,
    result: CallResult,
    devices: &[i16],
    now: Micros,
) -> RecordChange {
    let last =
        record.last_result.filter(|_| record.retries > 0).and_then(CallResult::from_code).map(Trigger::CallResult);
    let history = History {
        device: u8::try_from(record.device).unwrap_or(1),
        last,
        retries: u32::try_from(record.retries).unwrap_or(0),
    };
    let numbers: Vec<u8> = devices.iter().filter_map(|d| u8::try_from(*d).ok()).collect();
    let at = Timestamp::from_microsecond(now).unwrap_or_default();
    let step = next_step(treatment, &history, result, None, at, &numbers);
    let to = |status, reason, due| RecordChange {
        device: i16::from(step.history.device),
        retries: i16::try_from(step.history.retries).unwrap_or(i16::MAX),
        result: Some(result.code()),
        not_after: None,
        ..RecordChange::of(record, status, reason, due)
    };
    match step.next {
        Next::Attempt { due } => to(RecordStatus::Ready, Reason::Retry, due.as_microsecond()),
        Next::Cycle => to(RecordStatus::Ready, Reason::Retry, now),
        Next::AssignToGroup { .. } | Next::AgentError | Next::UpdateChain | Next::Finish => {
            to(RecordStatus::Done, Reason::None, 0)
        }
    }
}

/// What of a carrier's answer is stored with the attempt.
pub fn stored(outcome: &Outcome, now: Micros) -> AttemptOutcome {
    let (state, result, provider_id, detail) = match outcome {
        Outcome::Delivered { provider_id } => {
            (AttemptState::Final, Some(CallResult::Ok.code()), some(provider_id), None)
        }
        Outcome::Accepted { provider_id } => (AttemptState::Accepted, None, some(provider_id), None),
        Outcome::Called { result, detail } => (AttemptState::Final, Some(*result), None, some(detail)),
        Outcome::Rejected { result, detail } => (AttemptState::Final, Some(*result), None, some(detail)),
        Outcome::Retry { detail, .. } => (AttemptState::NotSent, None, None, some(detail)),
        Outcome::InDoubt { detail } => (AttemptState::InDoubt, None, None, some(detail)),
    };
    let finished_at = (state != AttemptState::Accepted).then_some(now);
    AttemptOutcome { state: state.code(), result, provider_id, detail, finished_at }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.chars().take(200).collect())
}
