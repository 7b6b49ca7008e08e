//! What is found of a contact that was judged.
use cxc_core::compliance::{CheckInputs, Decision, Verdict};
use cxc_core::record::Reason;
use jiff::Timestamp;

use super::chosen::Chosen;

/// What a contact that could not be judged waits, in microseconds.
const ASK_AGAIN: i64 = Verdict::RETRY_SECONDS * 1_000_000;

/// What was found of a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It may be contacted now.
    Allow(Allowed),
    /// Not now.
    Wait {
        /// Why.
        reason: Reason,
        /// Ask again at this instant, microseconds.
        due: i64,
        /// The position of the device that was judged.
        device: i16,
        /// The id of the rule.
        cause: Option<String>,
    },
    /// Not at all.
    Exclude {
        /// Why.
        reason: Reason,
        /// The id of the rule or list.
        cause: Option<String>,
    },
}

impl Finding {
    /// The position of the device to go on with, where the one that was judged is suppressed and leaves others.
    pub fn next_device(&self) -> Option<i16> {
        match self {
            Self::Wait { reason: Reason::None, device, .. } => Some(*device),
            _ => None,
        }
    }
}

/// How an allowed contact may be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// The index of the device among the contact's devices.
    pub index: usize,
    /// The keyed hash of the client id.
    pub client: Option<i64>,
    /// Until when, exclusively; microseconds.
    pub not_after: i64,
    /// The positions of the devices that this channel can use.
    pub usable: Vec<i16>,
}

/// What a contact was judged by before an attempt, and what was found: what evidence keeps.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// What the check was given.
    pub inputs: CheckInputs,
    /// What it answered.
    pub verdict: Verdict,
}

/// A contact whose device was chosen, with what is found of it so far.
pub(super) struct InJudgement<'a> {
    pub chosen: Chosen<'a>,
    pub verdict: Verdict,
    pub inputs: Option<CheckInputs>,
}

/// What a verdict on a device means for its contact.
pub(super) fn finding(chosen: Chosen<'_>, verdict: &Verdict, at: Timestamp) -> Finding {
    let code = verdict.code();
    let deciding = verdict.reasons.iter().find(|r| r.code == code).or(verdict.reasons.first());
    let cause = deciding.map(|r| r.rule.id.to_string());
    match verdict.decision {
        Decision::Allow => Finding::Allow(Allowed {
            index: chosen.index,
            client: chosen.client,
            not_after: verdict.not_after.map_or(i64::MAX, Timestamp::as_microsecond),
            usable: chosen.usable,
        }),
        Decision::Deny => deny(verdict, &chosen, cause, at),
        Decision::Defer | Decision::Error => Finding::Wait {
            reason: code,
            due: verdict.not_before.map_or(at.as_microsecond() + ASK_AGAIN, Timestamp::as_microsecond),
            device: chosen.device().position,
            cause,
        },
    }
}

/// Whether a denial is about the device alone: one that is suppressed or in the wrong place leaves the contact's others,
/// a suppressed person does not.
pub fn leaves_other_devices(verdict: &Verdict) -> bool {
    verdict.decision == Decision::Deny
        && matches!(verdict.code(), Reason::Suppressed | Reason::LocationRule)
        && verdict.reasons.iter().all(|r| r.code != Reason::Blocked && r.detail.as_deref() != Some("by client id"))
}

fn deny(verdict: &Verdict, chosen: &Chosen<'_>, cause: Option<String>, at: Timestamp) -> Finding {
    match chosen.next() {
        Some(next) if leaves_other_devices(verdict) => {
            Finding::Wait { reason: Reason::None, due: at.as_microsecond(), device: next, cause }
        }
        _ => exclude(verdict.code(), cause),
    }
}

pub(super) fn exclude(reason: Reason, cause: Option<String>) -> Finding {
    Finding::Exclude { reason, cause }
}
