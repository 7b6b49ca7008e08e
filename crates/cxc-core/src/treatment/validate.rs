//! What is wrong with a treatment.
use super::{Action, DeviceEscalation, MAX_MINUTES, MAX_RETRIES, RetryRule, Treatment, Trigger};
use crate::device::MAX_DEVICES;
use crate::field_error::FieldError;

/// The most rules, and the most triggers of one.
const MAX_RULES: usize = 100;

impl Treatment {
    /// Everything that is wrong with it; empty if it can be used.
    pub fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if self.retry_rules.len() > MAX_RULES {
            let detail = format!("a treatment has at most {MAX_RULES} retry rules");
            errors.push(FieldError::new("/retryRules", "too_many", detail));
            return errors;
        }
        for (i, rule) in self.retry_rules.iter().enumerate() {
            let pointer = format!("/retryRules/{i}");
            errors.extend(rule.validate().into_iter().map(|e| e.under(&pointer)));
            errors.extend(self.used_before(i).into_iter().map(|e| e.under(&pointer)));
        }
        errors.extend(self.device_escalation.validate());
        let goes_on = |r: &RetryRule| r.action.is_next_in_chain() || r.next_action.is_next_in_chain();
        if self.device_escalation.enabled && !self.retry_rules.iter().any(goes_on) {
            let detail = "device escalation needs a retry rule that goes to the next device";
            errors.push(FieldError::new("/deviceEscalation/enabled", "escalation_needs_next_in_chain", detail));
        }
        if self.script_uri.is_some() {
            let detail = "treatment scripts can't be run by this version; leave it out";
            errors.push(FieldError::new("/scriptUri", "script_unavailable", detail));
        }
        if self.delivery.dn.as_ref().is_some_and(|dn| dn.is_empty() || dn.len() > 64) {
            errors.push(FieldError::new("/delivery/dn", "length", "a number to connect to has 1 to 64 characters"));
        }
        errors
    }

    /// The triggers of a rule that stand in an earlier rule, or earlier in the same.
    fn used_before(&self, rule: usize) -> Vec<FieldError> {
        let triggers = &self.retry_rules[rule].triggers;
        let earlier = |t: &Trigger| self.retry_rules[..rule].iter().any(|r| r.triggers.contains(t));
        let twice = triggers.iter().enumerate().filter(|(i, t)| triggers[..*i].contains(t) || earlier(t));
        let error = |i| FieldError::new(format!("/triggers/{i}"), "used_twice", "a value stands in one rule only");
        twice.map(|(i, _)| error(i)).collect()
    }
}

impl RetryRule {
    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let mut error = |pointer: &str, code, detail: &str| errors.push(FieldError::new(pointer, code, detail));
        if self.triggers.is_empty() || self.triggers.len() > MAX_RULES {
            error("/triggers", "length", "a rule has 1 to 100 triggers");
        }
        for (i, trigger) in self.triggers.iter().enumerate().take(MAX_RULES) {
            if *trigger == Trigger::Blocked {
                let detail = "a block by compliance can't set off a rule yet: who is blocked waits or is left out";
                error(&format!("/triggers/{i}"), "not_available", detail);
            }
            if matches!(trigger, Trigger::Disposition(code) if code.is_empty() || code.len() > 64) {
                error(&format!("/triggers/{i}"), "disposition", "a disposition code has 1 to 64 bytes");
            }
        }
        for (pointer, minutes) in
            [("/intervalMinutes", self.interval_minutes), ("/incrementMinutes", self.increment_minutes)]
        {
            if minutes > MAX_MINUTES {
                error(pointer, "range", "a delay is at most 400 days");
            }
        }
        if !(1..=MAX_RETRIES).contains(&self.count) {
            error("/count", "range", "a count is 1 to 1000");
        }
        if self.at.is_none() && (self.action.needs_at() || self.next_action.needs_at()) {
            error("/at", "required", "this action needs a date and time");
        }
        if self.group_id.is_none() && [self.action, self.next_action].contains(&Action::AssignToGroup) {
            error("/groupId", "required", "this action needs a campaign group");
        }
        for (pointer, action) in [("/action", self.action), ("/nextAction", self.next_action)] {
            if !action.is_available() {
                error(
                    pointer,
                    "not_available",
                    "this action is not available yet: use stop, a retry or the next device",
                );
            }
        }
        if self.next_action.is_repeat() {
            error("/nextAction", "repeats", "what follows the last retry does not try the same device again");
        }
        errors
    }
}

impl DeviceEscalation {
    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if self.devices.len() > MAX_DEVICES {
            errors.push(FieldError::new("/deviceEscalation/devices", "too_many", "a contact has at most 10 devices"));
            return errors;
        }
        for (i, device) in self.devices.iter().enumerate() {
            let mut error = |member: &str, code, detail: &str| {
                errors.push(FieldError::new(format!("/deviceEscalation/devices/{i}/{member}"), code, detail));
            };
            if !(1..=10).contains(&device.device) {
                error("device", "range", "a device is 1 to 10");
            }
            if !(1..=10).contains(&device.priority) {
                error("priority", "range", "a priority is 1 (first) to 10");
            }
            if self.devices[..i].iter().any(|d| d.device == device.device) {
                error("device", "used_twice", "a device stands in the order once");
            }
        }
        let contact_has_one = self.devices.len() < MAX_DEVICES || self.devices.iter().any(|d| d.enabled);
        if self.enabled && !contact_has_one {
            errors.push(FieldError::new("/deviceEscalation/devices", "none_enabled", "at least one device is enabled"));
        }
        errors
    }
}
