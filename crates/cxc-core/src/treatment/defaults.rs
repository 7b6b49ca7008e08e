//! The treatment that a new campaign of a channel starts with.
use super::{Action, RetryRule, Treatment, Trigger};
use crate::channel::Channel;
use crate::enumerations::CallResult;

impl Treatment {
    /// A sensible start. Messages: a temporary failure is tried again three times over an hour, then on the next
    /// device; an invalid address goes on to the next device at once. Calls: busy after 30, 35 and 40 minutes,
    /// no answer after 2, 3 and 4 hours, then the next device.
    pub fn for_channel(channel: Channel) -> Self {
        let retry_rules = match channel {
            Channel::Sms | Channel::Email => vec![
                redial(&[CallResult::GeneralError, CallResult::SystemError], 5, 15, 3),
                next_device(&[CallResult::WrongNumber]),
            ],
            Channel::Voice => vec![
                redial(&[CallResult::Busy], 30, 5, 3),
                redial(&[CallResult::NoAnswer], 120, 60, 3),
                next_device(&[CallResult::SitInvalidNumber, CallResult::SitVacant, CallResult::WrongNumber]),
            ],
        };
        Self { retry_rules, ..Self::default() }
    }
}

fn triggers(results: &[CallResult]) -> Vec<Trigger> {
    results.iter().copied().map(Trigger::CallResult).collect()
}

fn redial(results: &[CallResult], interval_minutes: u32, increment_minutes: u32, count: u32) -> RetryRule {
    RetryRule {
        triggers: triggers(results),
        action: Action::Redial,
        interval_minutes,
        increment_minutes,
        count,
        next_action: Action::NextInChain,
        ..RetryRule::default()
    }
}

fn next_device(results: &[CallResult]) -> RetryRule {
    RetryRule { triggers: triggers(results), action: Action::NextInChain, count: 1, ..RetryRule::default() }
}
