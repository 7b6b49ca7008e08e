//! From a carrier's answer to what is written: the attempt's result and where its record goes next. Pure.
use std::time::Duration;

use cxc_core::Micros;
use cxc_core::attempt::AttemptState;
use cxc_core::compliance::Purpose;
use cxc_core::enumerations::CallResult;
use cxc_core::record::{Reason, RecordStatus};
use cxc_core::storable::storable;
use cxc_core::treatment::{History, Next, Treatment, Trigger, next_step};
use cxc_store::attempt::{AttemptOutcome, NewAttempt};
use cxc_store::record::{Record, RecordChange};
use jiff::Timestamp;

use super::batch::Batch;
use super::plan::Plans;
use crate::channel::{AgentReport, Course, Outcome};

/// The first wait after a carrier refused a message for now; it doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Micros = 30_000_000;
const MINUTE: Micros = 60_000_000;
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
    /// What it is for, as it was judged.
    pub purpose: Purpose,
}

impl Flight {
    /// Adds to a batch what a carrier's answer means.
    pub fn settle(self, outcome: &Outcome, plans: &Plans, now: Micros, batch: &mut Batch) {
        let default = Treatment::default();
        let treatment = plans.group(self.record.grp).map_or(&default, |p| &p.settings.treatment);
        let record = in_progress(&self.record);
        let unplaced = never_placed(outcome, treatment);
        let outcome = unplaced.as_ref().unwrap_or(outcome);
        let change = match outcome {
            // its agent gave it up before anybody took it
            Outcome::Called { result, report: Some(report), .. }
                if *result == CallResult::Cleared.code() && report.given_up =>
            {
                let rest = plans.group(self.record.grp).map_or(0, |p| p.settings.dialing.preview_again_minutes);
                let due = now + i64::from(rest) * MINUTE;
                RecordChange {
                    result: Some(*result),
                    ..RecordChange::of(&record, RecordStatus::Ready, Reason::Rejected, due)
                }
            }
            // the group gave it up before anybody took it: it is no result that a treatment could be for
            Outcome::Called { result, .. } if *result == CallResult::Cleared.code() => RecordChange {
                result: Some(*result),
                ..RecordChange::of(&record, RecordStatus::Ready, Reason::Retry, now)
            },
            Outcome::Called { result, report, course, .. } => {
                // what never left is no attempt, though the record moves on by it
                let none = i16::from(*course != Course::Left);
                let record = Record { attempts: record.attempts.saturating_sub(none), ..record };
                let result = CallResult::from_code(*result).unwrap_or(CallResult::GeneralError);
                after_call(&record, treatment, (result, report.as_deref()), &self.devices, now)
            }
            Outcome::Delivered { .. } => after_result(&record, treatment, CallResult::Ok, &self.devices, now),
            Outcome::Accepted { .. } => RecordChange::of(&record, RecordStatus::InProgress, Reason::AwaitingReceipt, 0),
            Outcome::Rejected { result, .. } => {
                let result = CallResult::from_code(*result).unwrap_or(CallResult::GeneralError);
                after_result(&record, treatment, result, &self.devices, now)
            }
            Outcome::Retry { after, .. } => refused(&self.record, after.map(micros), unplaced.is_some(), now),
            Outcome::InDoubt { .. } => RecordChange::of(&record, RecordStatus::InDoubt, Reason::None, 0),
        };
        let outcome = AttemptOutcome { purpose: Some(self.purpose), ..stored(outcome, now) };
        batch.made.push(self.attempt.made(outcome));
        batch.changes.push(change);
    }
}

/// The record as the transaction that wrote the attempt left it.
fn in_progress(record: &Record) -> Record {
    Record { status: RecordStatus::InProgress.code(), reason: Reason::None.code(), due: 0, ..record.clone() }
}

/// The carrier did not take it for now: it never left, so the attempt does not count. A message is given up after a day;
/// a call waits for as long as its trunk does not work.
fn refused(before: &Record, after: Option<Micros>, is_call: bool, now: Micros) -> RecordChange {
    // how long it waited for the same reason last time is in the row: the wait doubles
    let last = if before.reason == Reason::CarrierRefused.code() { before.due - before.changed_at } else { 0 };
    let wait = after.unwrap_or_else(|| (last * 2).clamp(FIRST_WAIT, LONGEST_WAIT));
    let give_up = before.not_after.unwrap_or(now + GIVE_UP);
    let record = Record { attempts: before.attempts.saturating_sub(1), ..in_progress(before) };
    if !is_call && now + wait >= give_up {
        let result = Some(CallResult::GeneralError.code());
        return RecordChange { result, ..RecordChange::of(&record, RecordStatus::Done, Reason::None, 0) };
    }
    let again = RecordChange::of(&record, RecordStatus::Ready, Reason::CarrierRefused, now + wait);
    match before.agent() {
        // it waits on for the agent for whom it waited
        Some(agent) => RecordChange { reason: Reason::PersonalCallback.code(), cause: Some(agent.to_owned()), ..again },
        None if is_call => again,
        None => RecordChange { not_after: Some(give_up), ..again },
    }
}

/// A call for which there was no line, or that our own trunk could not carry, never reached anybody. Unless the treatment
/// says what follows that, it is as if it had not been tried.
fn never_placed(outcome: &Outcome, treatment: &Treatment) -> Option<Outcome> {
    let Outcome::Called { result, detail, course, .. } = outcome else { return None };
    let result = CallResult::from_code(*result)?;
    let is_treated = treatment.retry_rules.iter().any(|rule| rule.triggers.contains(&Trigger::CallResult(result)));
    let had_no_line =
        *course == Course::NotCarried || matches!(result, CallResult::AllTrunksBusy | CallResult::NoFreePort);
    let detail = format!("{} {detail}", result.name()).trim_end().to_owned();
    (had_no_line && !is_treated).then_some(Outcome::Retry { detail, after: None, throttled: false })
}

fn micros(duration: Duration) -> Micros {
    Micros::try_from(duration.as_micros()).unwrap_or(LONGEST_WAIT).min(GIVE_UP)
}

/// Where a record goes after a call: what its agent arranged with the person holds before any treatment.
pub fn after_call(
    record: &Record,
    treatment: &Treatment,
    (result, report): (CallResult, Option<&AgentReport>),
    devices: &[i16],
    now: Micros,
) -> RecordChange {
    let to = |status, reason, due| RecordChange {
        result: Some(result.code()),
        retries: 0,
        ..RecordChange::of(record, status, reason, due)
    };
    match report {
        Some(report) if report.do_not_call => to(RecordStatus::Done, Reason::None, 0),
        Some(AgentReport { again_at: Some(at), personal: true, agent: Some(agent), .. }) => {
            RecordChange { cause: Some(agent.to_string()), ..to(RecordStatus::Ready, Reason::PersonalCallback, *at) }
        }
        Some(AgentReport { again_at: Some(at), .. }) => to(RecordStatus::Ready, Reason::Rescheduled, *at),
        report => {
            let disposition = report.and_then(|report| report.disposition.as_deref());
            after_disposition(record, treatment, (result, disposition), devices, now)
        }
    }
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
    after_disposition(record, treatment, (result, None), devices, now)
}

fn after_disposition(
    record: &Record,
    treatment: &Treatment,
    (result, disposition): (CallResult, Option<&str>),
    devices: &[i16],
    now: Micros,
) -> RecordChange {
    let last = record.last_result.filter(|_| record.retries > 0).and_then(CallResult::from_code);
    // a record does not keep its last disposition: retries after an answer count as those of this one, so none is
    // made beyond what its rule allows
    let is_ruled = |code: &&str| {
        let trigger = Trigger::Disposition((*code).to_owned());
        treatment.retry_rules.iter().any(|rule| rule.triggers.contains(&trigger))
    };
    let last = match (last, disposition.filter(is_ruled)) {
        (Some(last), Some(code)) if last == result => Some(Trigger::Disposition(code.to_owned())),
        (last, _) => last.map(Trigger::CallResult),
    };
    let history = History {
        device: u8::try_from(record.device).unwrap_or(1),
        last,
        retries: u32::try_from(record.retries).unwrap_or(0),
    };
    let numbers: Vec<u8> = devices.iter().filter_map(|d| u8::try_from(*d).ok()).collect();
    let at = Timestamp::from_microsecond(now).unwrap_or_default();
    let step = next_step(treatment, &history, result, disposition, at, &numbers);
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
        Outcome::Called { result, detail, course, .. } => {
            let state = if *course == Course::Left { AttemptState::Final } else { AttemptState::NotSent };
            (state, Some(*result), None, some(detail))
        }
        Outcome::Rejected { result, detail } => (AttemptState::Final, Some(*result), None, some(detail)),
        Outcome::Retry { detail, .. } => (AttemptState::NotSent, None, None, some(detail)),
        Outcome::InDoubt { detail } => (AttemptState::InDoubt, None, None, some(detail)),
    };
    let finished_at = (state != AttemptState::Accepted).then_some(now);
    let report = match outcome {
        Outcome::Called { report, .. } => report.as_deref(),
        _ => None,
    };
    AttemptOutcome {
        state: state.code(),
        result,
        provider_id,
        detail,
        finished_at,
        disposition: report.and_then(|report| report.disposition.as_deref()).map(|code| storable(code).into_owned()),
        agent: report.and_then(|report| report.agent).map(|agent| agent.to_string()),
        note: report.and_then(|report| report.note.as_deref().map(|note| storable(note).into_owned())),
        purpose: None,
    }
}

fn some(text: &str) -> Option<String> {
    let kept: String = storable(text).chars().take(200).collect();
    (!kept.is_empty()).then_some(kept)
}

#[cfg(test)]
mod tests {
    use cxc_core::treatment::{Action, RetryRule};

    use super::*;

    fn record(retries: i16, last_result: Option<i16>) -> Record {
        Record {
            grp: 1,
            id: 2,
            list: 3,
            status: RecordStatus::InProgress.code(),
            reason: 0,
            priority: 0,
            due: 0,
            not_after: None,
            device: 1,
            attempts: 1,
            retries,
            last_result,
            last_attempt: None,
            attempted_at: None,
            cause: None,
            changed_at: 0,
        }
    }

    fn treatment(triggers: Vec<Trigger>) -> Treatment {
        let rule =
            RetryRule { triggers, action: Action::Redial, interval_minutes: 1, count: 2, ..RetryRule::default() };
        Treatment { retry_rules: vec![rule], ..Treatment::default() }
    }

    fn ended(result: CallResult, course: Course) -> Outcome {
        Outcome::Called { result: result.code(), detail: "Carrier SIP 401".into(), report: None, course }
    }

    #[test]
    fn what_no_trunk_carried_is_as_if_it_had_not_been_tried_unless_a_treatment_says_more() {
        let (default, error) = (Treatment::default(), CallResult::SwitchError);
        let again = |result, course, treatment: &Treatment| match never_placed(&ended(result, course), treatment) {
            Some(Outcome::Retry { detail, after: None, throttled: false }) => Some(detail),
            None => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(again(error, Course::NotCarried, &default).as_deref(), Some("SwitchError Carrier SIP 401"));
        assert!(again(CallResult::AllTrunksBusy, Course::Left, &default).is_some(), "no trunk was even asked");
        assert_eq!(again(error, Course::Left, &default), None, "it may have rung");
        assert_eq!(again(CallResult::DialError, Course::KeptBack, &default), None, "it never will be dialed");
        let treated = treatment(vec![Trigger::CallResult(error)]);
        assert_eq!(again(error, Course::NotCarried, &treated), None);
        assert!(again(CallResult::NoProgress, Course::NotCarried, &treated).is_some(), "the rule is for another one");
    }

    #[test]
    fn who_was_refused_waits_longer_each_time_and_only_a_message_is_given_up() {
        let (mut record, mut now) = (Record { not_after: None, ..record(0, None) }, 0);
        let mut waits = Vec::new();
        for _ in 0..40 {
            let change = refused(&record, None, true, now);
            assert_eq!((change.status, change.not_after), (RecordStatus::Ready.code(), None));
            waits.push((change.due - now) / 1_000_000);
            record = Record { reason: change.reason, due: change.due, changed_at: now, ..record };
            now = change.due;
        }
        assert_eq!((&waits[..3], waits[39]), (&[30, 60, 120][..], 3_600));
        let message = refused(&record, None, false, 0);
        assert_eq!(message.not_after, Some(GIVE_UP));
        let late = Record { not_after: message.not_after, ..record };
        assert_eq!(refused(&late, None, false, GIVE_UP).status, RecordStatus::Done.code());
    }

    #[test]
    fn what_never_left_is_stored_as_not_sent_with_its_result() {
        let kept = stored(&ended(CallResult::DialError, Course::KeptBack), 7);
        assert_eq!((kept.state, kept.result), (AttemptState::NotSent.code(), Some(CallResult::DialError.code())));
        assert_eq!((kept.detail.as_deref(), kept.finished_at), (Some("Carrier SIP 401"), Some(7)));
        assert_eq!(stored(&ended(CallResult::Busy, Course::Left), 7).state, AttemptState::Final.code());
    }

    #[test]
    fn what_an_agent_arranged_goes_before_the_treatment() {
        let again = treatment(vec![Trigger::CallResult(CallResult::Answer)]);
        let after = |report: AgentReport| {
            let change = after_call(&record(0, None), &again, (CallResult::Answer, Some(&report)), &[1], 0);
            (RecordStatus::from_code(change.status).unwrap(), Reason::from_code(change.reason).unwrap(), change.due)
        };
        let (ready, done) = (RecordStatus::Ready, RecordStatus::Done);
        assert_eq!(after(AgentReport::default()), (ready, Reason::Retry, 60_000_000));
        let later = AgentReport { again_at: Some(7), ..AgentReport::default() };
        assert_eq!(after(later.clone()), (ready, Reason::Rescheduled, 7));
        let mine = AgentReport { personal: true, agent: Some(uuid::Uuid::nil()), ..later.clone() };
        assert_eq!(after(mine), (ready, Reason::PersonalCallback, 7));
        assert_eq!(after(AgentReport { do_not_call: true, ..later }), (done, Reason::None, 0));
    }

    #[test]
    fn a_rule_for_a_disposition_retries_as_often_as_it_allows() {
        let busy = treatment(vec![Trigger::Disposition("BUSY".into())]);
        let said = |code: &str, retries, last: Option<CallResult>| {
            let report = AgentReport { disposition: Some(code.into()), ..AgentReport::default() };
            let record = record(retries, last.map(CallResult::code));
            let change = after_call(&record, &busy, (CallResult::Answer, Some(&report)), &[1], 0);
            (change.status == RecordStatus::Ready.code(), change.retries)
        };
        assert_eq!(said("SALE", 0, None), (false, 0));
        assert_eq!(said("BUSY", 0, None), (true, 1));
        assert_eq!(said("BUSY", 1, Some(CallResult::Answer)), (true, 2));
        assert!(!said("BUSY", 2, Some(CallResult::Answer)).0, "twice, then no more");
    }
}
