//! Counting what was found of an audience.
use std::collections::BTreeMap;

use cxc_core::record::Reason;
use cxc_server::app::time_text;
use cxc_store::judge::Finding;
use serde::Serialize;
use utoipa::ToSchema;

const HOUR: i64 = 3_600_000_000;
/// Hours that are told apart; whoever waits longer is counted as later.
const HOURS: i64 = 168;
/// Rules and zones that are told apart; the rest is one line.
const LINES: usize = 500;

/// What a dry run came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DryRunResult {
    /// The moment that was asked about.
    pub at: String,
    /// The version of the rules.
    pub rule_set_version: i64,
    /// How many contacts were judged.
    pub contacts: i64,
    /// How many may be contacted at the moment.
    pub allowed: i64,
    /// How many may be later.
    pub deferred: i64,
    /// How many may not at all.
    pub denied: i64,
    /// Who waits or is left out, by the rule that decided; most first.
    pub by_rule: Vec<ByRule>,
    /// When people may be contacted first, by hours from the moment.
    pub by_hour: Vec<ByHour>,
    /// Where people may be; most first.
    pub by_zone: Vec<ByZone>,
    /// How many may be contacted first after the last hour.
    pub later: i64,
}

/// How many a rule holds back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ByRule {
    /// The id of the rule or list; empty where none decided.
    pub rule: String,
    /// The code.
    pub reason: Reason,
    /// How many.
    pub contacts: i64,
}

/// How many may be contacted first within an hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ByHour {
    /// When it begins.
    pub from: String,
    /// How many.
    pub contacts: i64,
}

/// How many may be in the same zones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ByZone {
    /// The zones, with commas between; empty where none is known.
    pub zones: String,
    /// How many.
    pub contacts: i64,
    /// How many of them may be contacted at the moment.
    pub allowed: i64,
}

/// Counts findings.
pub struct Counts {
    at: i64,
    total: [i64; 3],
    rules: BTreeMap<(String, i16), (Reason, i64)>,
    hours: BTreeMap<i64, i64>,
    zones: BTreeMap<String, (i64, i64)>,
    later: i64,
}

impl Counts {
    /// About a moment, microseconds.
    pub fn new(at: i64) -> Self {
        Self { at, total: [0; 3], rules: BTreeMap::new(), hours: BTreeMap::new(), zones: BTreeMap::new(), later: 0 }
    }

    /// One contact, who may be in these zones.
    pub fn add(&mut self, finding: &Finding, zones: String) {
        let place = if self.zones.len() < LINES || self.zones.contains_key(&zones) { zones } else { "others".into() };
        let place = self.zones.entry(place).or_default();
        place.0 += 1;
        match finding {
            Finding::Allow(_) => {
                place.1 += 1;
                self.total[0] += 1;
                self.first(self.at);
            }
            Finding::Wait { reason, due, cause, .. } => {
                self.total[1] += 1;
                self.rule(cause.as_deref(), *reason);
                // when something is looked at again is no hour in which somebody may be contacted
                if *reason == Reason::ComplianceUnavailable { self.later += 1 } else { self.first(*due) }
            }
            Finding::Exclude { reason, cause } => {
                self.total[2] += 1;
                self.rule(cause.as_deref(), *reason);
            }
        }
    }

    /// Hours are those of a clock: the first is the one in which the moment lies.
    fn first(&mut self, when: i64) {
        match when.max(self.at).div_euclid(HOUR) - self.at.div_euclid(HOUR) {
            hour if hour < HOURS => *self.hours.entry(hour).or_default() += 1,
            _ => self.later += 1,
        }
    }

    fn rule(&mut self, cause: Option<&str>, reason: Reason) {
        let mut key = (cause.unwrap_or_default().to_owned(), reason.code());
        if self.rules.len() >= LINES && !self.rules.contains_key(&key) {
            key.0 = "others".into();
        }
        self.rules.entry(key).or_insert((reason, 0)).1 += 1;
    }

    /// How many were counted.
    pub fn len(&self) -> i64 {
        self.total.iter().sum()
    }

    /// What it came to.
    pub fn result(self, rule_set_version: i64) -> DryRunResult {
        let contacts = self.len();
        let [allowed, deferred, denied] = self.total;
        let rules = self.rules.into_iter().map(|((rule, _), (reason, contacts))| ByRule { rule, reason, contacts });
        let mut by_rule: Vec<ByRule> = rules.collect();
        by_rule.sort_by(|a, b| b.contacts.cmp(&a.contacts).then_with(|| a.rule.cmp(&b.rule)));
        let zones = self.zones.into_iter().map(|(zones, (contacts, allowed))| ByZone { zones, contacts, allowed });
        let mut by_zone: Vec<ByZone> = zones.collect();
        by_zone.sort_by(|a, b| b.contacts.cmp(&a.contacts).then_with(|| a.zones.cmp(&b.zones)));
        let from = |hour: i64| time_text((self.at.div_euclid(HOUR) + hour) * HOUR);
        let by_hour = self.hours.iter().map(|(hour, contacts)| ByHour { from: from(*hour), contacts: *contacts });
        DryRunResult {
            at: time_text(self.at),
            rule_set_version,
            contacts,
            allowed,
            deferred,
            denied,
            by_rule,
            by_hour: by_hour.collect(),
            by_zone,
            later: self.later,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(due: i64, cause: &str) -> Finding {
        Finding::Wait { reason: Reason::ContactTimes, due, device: 1, cause: Some(cause.into()) }
    }

    #[test]
    fn everybody_is_counted_once_by_rule_by_hour_and_by_zone() {
        let mut counts = Counts::new(0);
        counts.add(&wait(HOUR * 2, "a"), "Europe/Paris".into());
        counts.add(&wait(HOUR * 2 + 1, "a"), "Europe/Paris".into());
        counts.add(&wait(HOUR * 1000, "b"), String::new());
        counts.add(&Finding::Exclude { reason: Reason::Suppressed, cause: Some("list".into()) }, String::new());
        let result = counts.result(7);
        assert_eq!((result.contacts, result.allowed, result.deferred, result.denied), (4, 0, 3, 1));
        let rules: Vec<_> = result.by_rule.iter().map(|r| (r.rule.as_str(), r.contacts)).collect();
        assert_eq!(rules, [("a", 2), ("b", 1), ("list", 1)]);
        assert_eq!(result.by_hour.len(), 1);
        assert_eq!((result.by_hour[0].contacts, result.later), (2, 1));
        assert_eq!(result.by_zone.iter().map(|z| z.contacts).sum::<i64>(), 4);
    }

    #[test]
    fn hours_begin_when_the_clock_strikes_and_not_at_the_minute_of_asking() {
        let minute = HOUR / 60;
        let mut counts = Counts::new(10 * HOUR + 37 * minute);
        for due in [10 * HOUR + 50 * minute, 11 * HOUR + 5 * minute, 11 * HOUR + 50 * minute] {
            counts.add(&wait(due, "a"), String::new());
        }
        let hours = counts.result(7).by_hour;
        let told: Vec<_> = hours.iter().map(|hour| (hour.from.as_str(), hour.contacts)).collect();
        assert_eq!(told, [("1970-01-01T10:00:00Z", 1), ("1970-01-01T11:00:00Z", 2)]);
    }
}
