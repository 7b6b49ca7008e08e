//! Counting what was found of an audience.
use std::collections::BTreeMap;

use cxc_core::compliance::{Failure, STOP_SWITCH};
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
    /// How many may be later, at a moment that is known.
    pub deferred: i64,
    /// How many may be once somebody has decided: an open question of a legal rule holds them, or the stop switch.
    pub held: i64,
    /// About how many it could not be decided: data is missing or stale, or a rule can't be read.
    pub errors: i64,
    /// How many may not at all.
    pub denied: i64,
    /// How many may not at the moment: `deferred`, `held`, `errors` and `denied`.
    pub held_back: i64,
    /// Who may not, by every rule that stands in the way; most first. Several rules may stand in the way of one
    /// person, who counts at each of them: their `contacts` may come to more than `heldBack`. One of them decides: the
    /// `decided` of all come to `heldBack`.
    pub by_rule: Vec<ByRule>,
    /// When people may be contacted first, by hours from the moment: those that are `allowed` or `deferred`.
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
    /// In how many people's way it stands.
    pub contacts: i64,
    /// How many of them may not because of it: it is the first that decided.
    pub decided: i64,
    /// In how many people's way nothing else stands: without it they may be contacted.
    pub alone: i64,
}

/// A rule's counts.
#[derive(Default)]
struct Tally {
    contacts: i64,
    decided: i64,
    alone: i64,
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

/// The id of a rule and the code of a reason.
type Key = (String, i16);

/// How many of an audience came to what; together they are the audience.
#[derive(Default)]
struct Totals {
    allowed: i64,
    deferred: i64,
    held: i64,
    errors: i64,
    denied: i64,
}

/// Counts findings.
pub struct Counts {
    at: i64,
    total: Totals,
    rules: BTreeMap<Key, (Reason, Tally)>,
    hours: BTreeMap<i64, i64>,
    zones: BTreeMap<String, (i64, i64)>,
    later: i64,
}

impl Counts {
    /// About a moment, microseconds.
    pub fn new(at: i64) -> Self {
        Self {
            at,
            total: Totals::default(),
            rules: BTreeMap::new(),
            hours: BTreeMap::new(),
            zones: BTreeMap::new(),
            later: 0,
        }
    }

    /// One contact, with every rule that stands in the way, who may be in these zones.
    pub fn add(&mut self, finding: &Finding, reasons: &[Failure], zones: String) {
        let place = if self.zones.len() < LINES || self.zones.contains_key(&zones) { zones } else { "others".into() };
        let place = self.zones.entry(place).or_default();
        place.0 += 1;
        match finding {
            Finding::Allow(_) => {
                place.1 += 1;
                self.total.allowed += 1;
                self.first(self.at);
            }
            Finding::Wait { reason, due, cause, .. } => {
                self.rules((cause.as_deref(), *reason), reasons);
                // when something is looked at again is no hour in which somebody may be contacted
                if *reason == Reason::RuleUnanswered || cause.as_deref() == Some(STOP_SWITCH) {
                    self.total.held += 1;
                } else if reason.is_undecided() {
                    self.total.errors += 1;
                } else {
                    self.total.deferred += 1;
                    self.first(*due);
                }
            }
            Finding::Exclude { reason, cause } => {
                self.total.denied += 1;
                self.rules((cause.as_deref(), *reason), reasons);
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

    /// A person who is held back counts once at each rule and reason.
    fn rules(&mut self, (cause, reason): (Option<&str>, Reason), reasons: &[Failure]) {
        let decided = self.key(cause.unwrap_or_default(), reason);
        let mut all: BTreeMap<Key, Reason> = BTreeMap::new();
        for failure in reasons {
            all.insert(self.key(&failure.rule.id, failure.code), failure.code);
        }
        // a contact without a device is looked at by no rule
        all.insert(decided.clone(), reason);
        let same = |failure: &Failure| *failure.rule.id == *cause.unwrap_or_default() && failure.code == reason;
        let is_alone = reasons.iter().all(same);
        for (key, reason) in all {
            let is_decisive = key == decided;
            let tally = &mut self.rules.entry(key).or_insert_with(|| (reason, Tally::default())).1;
            tally.contacts += 1;
            tally.decided += i64::from(is_decisive);
            tally.alone += i64::from(is_alone);
        }
    }

    /// The line of a rule.
    fn key(&self, rule: &str, reason: Reason) -> Key {
        let key = (rule.to_owned(), reason.code());
        let is_told_apart = self.rules.len() < LINES || self.rules.contains_key(&key);
        if is_told_apart { key } else { ("others".to_owned(), reason.code()) }
    }

    /// How many were counted.
    pub fn len(&self) -> i64 {
        let Totals { allowed, deferred, held, errors, denied } = &self.total;
        allowed + deferred + held + errors + denied
    }

    /// What it came to.
    pub fn result(self, rule_set_version: i64) -> DryRunResult {
        let contacts = self.len();
        let Totals { allowed, deferred, held, errors, denied } = self.total;
        let line = |((rule, _), (reason, Tally { contacts, decided, alone })): (Key, (Reason, Tally))| ByRule {
            rule,
            reason,
            contacts,
            decided,
            alone,
        };
        let mut by_rule: Vec<ByRule> = self.rules.into_iter().map(line).collect();
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
            held,
            errors,
            denied,
            held_back: contacts - allowed,
            by_rule,
            by_hour: by_hour.collect(),
            by_zone,
            later: self.later,
        }
    }
}

#[cfg(test)]
mod tests {
    use cxc_core::compliance::{RuleKind, RuleRef};

    use super::*;

    fn wait(due: i64, cause: &str) -> Finding {
        Finding::Wait { reason: Reason::ContactTimes, due, device: 1, cause: Some(cause.into()) }
    }

    #[test]
    fn everybody_is_counted_once_by_rule_by_hour_and_by_zone() {
        let mut counts = Counts::new(0);
        counts.add(&wait(HOUR * 2, "a"), &[], "Europe/Paris".into());
        counts.add(&wait(HOUR * 2 + 1, "a"), &[], "Europe/Paris".into());
        counts.add(&wait(HOUR * 1000, "b"), &[], String::new());
        counts.add(&Finding::Exclude { reason: Reason::Suppressed, cause: Some("list".into()) }, &[], String::new());
        let result = counts.result(7);
        assert_eq!((result.contacts, result.allowed, result.deferred, result.denied), (4, 0, 3, 1));
        let rules: Vec<_> = result.by_rule.iter().map(|r| (r.rule.as_str(), r.contacts)).collect();
        assert_eq!(rules, [("a", 2), ("b", 1), ("list", 1)]);
        assert_eq!(result.by_hour.len(), 1);
        assert_eq!((result.by_hour[0].contacts, result.later), (2, 1));
        assert_eq!(result.by_zone.iter().map(|z| z.contacts).sum::<i64>(), 4);
    }

    #[test]
    fn who_is_held_or_about_whom_nothing_could_be_decided_has_no_hour() {
        let mut counts = Counts::new(0);
        let waits =
            |reason, cause: &str| Finding::Wait { reason, due: 300_000_000, device: 1, cause: Some(cause.into()) };
        counts.add(&waits(Reason::RuleUnanswered, "US-RND"), &[], String::new());
        counts.add(&waits(Reason::ComplianceUnavailable, "stop_switch"), &[], String::new());
        for reason in [Reason::ComplianceUnavailable, Reason::DataMissing, Reason::DataStale, Reason::TzdbTooOld] {
            counts.add(&waits(reason, "a"), &[], String::new());
        }
        counts.add(&wait(HOUR, "hours"), &[], String::new());
        let result = counts.result(7);
        assert_eq!((result.contacts, result.held, result.errors, result.deferred), (7, 2, 4, 1));
        assert_eq!((result.by_hour.iter().map(|h| h.contacts).sum::<i64>(), result.later), (1, 0));
        assert_eq!(result.by_rule.iter().map(|r| r.decided).sum::<i64>(), result.held_back);
    }

    fn failure(rule: &str, code: Reason) -> Failure {
        Failure {
            rule: RuleRef::new(rule, 1),
            kind: RuleKind::ContactTimes,
            code,
            observed: None,
            limit: None,
            window_start: None,
            window_end: None,
            detail: None,
        }
    }

    #[test]
    fn a_person_counts_at_every_rule_that_stands_in_the_way_and_one_of_them_decides() {
        let mut counts = Counts::new(0);
        let (hours, cap) = (failure("hours", Reason::ContactTimes), failure("cap", Reason::AttemptRule));
        let twice = [failure("hours", Reason::ContactTimes), hours.clone(), cap.clone()];
        let decided_by_hours =
            Finding::Wait { reason: Reason::ContactTimes, due: 1, device: 1, cause: Some("hours".into()) };
        let decided_by_cap =
            Finding::Wait { reason: Reason::AttemptRule, due: 1, device: 1, cause: Some("cap".into()) };
        counts.add(&decided_by_hours, &twice, String::new());
        counts.add(&decided_by_hours, std::slice::from_ref(&hours), String::new());
        counts.add(&decided_by_cap, &[cap], String::new());
        // of whom no rule looked at
        counts.add(&Finding::Exclude { reason: Reason::NoDevice, cause: None }, &[], String::new());
        let result = counts.result(7);
        let lines: Vec<_> = result.by_rule.iter().map(|r| (r.rule.as_str(), r.contacts, r.decided, r.alone)).collect();
        assert_eq!(lines, [("cap", 2, 1, 1), ("hours", 2, 2, 1), ("", 1, 1, 1)]);
        assert_eq!(result.by_rule.iter().map(|r| r.decided).sum::<i64>(), result.held_back);
        assert_eq!((result.held_back, result.deferred, result.denied), (4, 3, 1));
    }

    #[test]
    fn hours_begin_when_the_clock_strikes_and_not_at_the_minute_of_asking() {
        let minute = HOUR / 60;
        let mut counts = Counts::new(10 * HOUR + 37 * minute);
        for due in [10 * HOUR + 50 * minute, 11 * HOUR + 5 * minute, 11 * HOUR + 50 * minute] {
            counts.add(&wait(due, "a"), &[], String::new());
        }
        let hours = counts.result(7).by_hour;
        let told: Vec<_> = hours.iter().map(|hour| (hour.from.as_str(), hour.contacts)).collect();
        assert_eq!(told, [("1970-01-01T10:00:00Z", 1), ("1970-01-01T11:00:00Z", 2)]);
    }
}
