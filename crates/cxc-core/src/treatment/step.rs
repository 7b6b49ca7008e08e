//! The step that follows a result.
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Action, RetryRule, Treatment, Trigger};
use crate::enumerations::CallResult;

/// Where a record stands in its treatment; kept with the record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct History {
    /// The device of the last attempt, 1 to 10.
    pub device: u8,
    /// The result or disposition that set off the last retry on this device.
    pub last: Option<Trigger>,
    /// How many retries on this device followed that value without another in between.
    pub retries: u32,
}

impl History {
    /// A record before its first attempt, which will be on `device`.
    pub fn on(device: u8) -> Self {
        Self { device, last: None, retries: 0 }
    }
}

/// What becomes of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another attempt on the device of the step's history, not before `due`. Compliance may move it further.
    Attempt {
        /// The earliest instant.
        due: Timestamp,
    },
    /// The same device, at the end of the ready queue.
    Cycle,
    /// The record moves to another campaign group.
    AssignToGroup {
        /// That group.
        group: Uuid,
    },
    /// Finished as an agent's error.
    AgentError,
    /// Finished; the whole chain takes this result.
    UpdateChain,
    /// Finished with this result.
    Finish,
}

/// What becomes of the record, and where it then stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What becomes of it.
    pub next: Next,
    /// What to keep with the record.
    pub history: History,
}

/// The step after an attempt's final result. `at` is the moment of that result: delays run from it. `devices` are
/// the contact's devices that this channel can use, by their numbers 1 to 10.
pub fn next_step(
    treatment: &Treatment,
    history: &History,
    result: CallResult,
    disposition: Option<&str>,
    at: Timestamp,
    devices: &[u8],
) -> Step {
    let by_disposition = disposition.map(|code| Trigger::Disposition(code.to_owned()));
    let candidates = by_disposition.into_iter().chain([Trigger::CallResult(result)]);
    let mut found = candidates.filter_map(|trigger| treatment.rule(&trigger).map(|rule| (rule, trigger)));
    match found.next() {
        Some((rule, trigger)) => Case { treatment, history, at, devices }.apply(rule, trigger),
        None => Step { next: Next::Finish, history: History { last: None, retries: 0, ..history.clone() } },
    }
}

/// The step after compliance stood in the way, if a retry rule is set off by that; it then wins over what the
/// verdict says.
pub fn after_block(treatment: &Treatment, history: &History, at: Timestamp, devices: &[u8]) -> Option<Step> {
    let rule = treatment.rule(&Trigger::Blocked)?;
    Some(Case { treatment, history, at, devices }.apply(rule, Trigger::Blocked))
}

/// The order in which the usable devices of a contact are tried: those that are enabled, by priority, then number.
pub fn device_order(treatment: &Treatment, devices: &[u8]) -> Vec<u8> {
    let mut order: Vec<_> = devices.iter().copied().filter(|d| treatment.device_place(*d).1).collect();
    order.sort_unstable_by_key(|d| (treatment.device_place(*d).0, *d));
    order.dedup();
    order
}

impl Treatment {
    fn rule(&self, trigger: &Trigger) -> Option<&RetryRule> {
        self.retry_rules.iter().find(|rule| rule.triggers.contains(trigger))
    }

    /// A device's place in the order, and whether it is tried.
    fn device_place(&self, device: u8) -> (u8, bool) {
        let escalation = &self.device_escalation;
        let named = escalation.devices.iter().find(|d| escalation.enabled && d.device == device);
        named.map_or((device, true), |d| (d.priority, d.enabled))
    }
}

struct Case<'a> {
    treatment: &'a Treatment,
    history: &'a History,
    at: Timestamp,
    devices: &'a [u8],
}

impl Case<'_> {
    fn apply(&self, rule: &RetryRule, trigger: Trigger) -> Step {
        if !rule.action.is_repeat() {
            return self.leave(rule, rule.action);
        }
        // another result starts counting anew
        let used = if self.history.last.as_ref() == Some(&trigger) { self.history.retries } else { 0 };
        let k = used.saturating_add(1);
        let due = match rule.action {
            Action::RetryAt => rule.at.filter(|at| *at > self.at),
            _ => Some(self.after(rule, k)),
        };
        match due.filter(|_| k <= rule.count) {
            None => self.leave(rule, rule.next_action),
            Some(due) => {
                let next = if rule.action == Action::Cycle { Next::Cycle } else { Next::Attempt { due } };
                Step { next, history: History { device: self.history.device, last: Some(trigger), retries: k } }
            }
        }
    }

    /// An action that does not try the same device again.
    fn leave(&self, rule: &RetryRule, action: Action) -> Step {
        let due = match action {
            Action::NextInChain => Some(self.at),
            Action::NextInChainAfter => Some(self.after(rule, 1)),
            // a moment that has passed is now
            Action::NextInChainAt => Some(rule.at.map_or(self.at, |at| at.max(self.at))),
            _ => None,
        };
        let here = History::on(self.history.device);
        if let Some(due) = due {
            return match self.next_device() {
                Some(device) => Step { next: Next::Attempt { due }, history: History::on(device) },
                None => Step { next: Next::Finish, history: here },
            };
        }
        let next = match (action, rule.group_id) {
            (Action::AssignToGroup, Some(group)) => Next::AssignToGroup { group },
            (Action::MarkAgentError, _) => Next::AgentError,
            (Action::UpdateChain, _) => Next::UpdateChain,
            _ => Next::Finish,
        };
        Step { next, history: here }
    }

    /// The device after the last one. It is found by its place, also where an edit has disabled the last one since.
    fn next_device(&self) -> Option<u8> {
        let place = |device: u8| (self.treatment.device_place(device).0, device);
        let last = place(self.history.device);
        device_order(self.treatment, self.devices).into_iter().find(|device| place(*device) > last)
    }

    fn after(&self, rule: &RetryRule, k: u32) -> Timestamp {
        let delay = SignedDuration::from_secs(rule.delay_minutes(k).saturating_mul(60));
        self.at.saturating_add(delay).unwrap_or(Timestamp::MAX)
    }
}
