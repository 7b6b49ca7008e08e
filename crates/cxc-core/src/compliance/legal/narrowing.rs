//! How a tenant narrows a shipped rule, and whether that narrows it at all.
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::calendar::day;
use super::super::interval::{Interval, intersect};
use super::body::{DateRange, RuleBody};
use super::rule::LegalRule;
use super::week_hours::WeekHours;
use crate::field_error::FieldError;

/// The most days of a cool-down, and of the age of a list.
const MOST_DAYS: u16 = 400;

/// How a tenant narrows a rule. It can only narrow: hours are intersected, the smaller number of attempts and the
/// longer cool-down hold, days are added.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Narrowing {
    /// Hours within those of the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<WeekHours>,
    /// Fewer attempts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// A longer cool-down, in days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<u16>,
    /// A younger list, in days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_days: Option<u16>,
    /// Further days without contacts; this declares an emergency.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dates: Vec<DateRange>,
}

type Week = [Vec<Interval>; 7];

fn week(hours: &WeekHours) -> Week {
    std::array::from_fn(|i| day(&hours.0[i]))
}

fn common(one: &Week, other: &Week) -> Week {
    std::array::from_fn(|i| intersect(&one[i], &other[i]))
}

/// The hours of a rule's ordinary days; `None` for a rule without hours.
fn hours_of(kind: &RuleBody) -> Option<Week> {
    match kind {
        RuleBody::Window(body) => Some(week(&body.hours)),
        RuleBody::BlackoutDate(_) => Some(std::array::from_fn(|_| day(&[super::super::wall_time::DayWindow::ALL_DAY]))),
        _ => None,
    }
}

fn max_of(kind: &RuleBody) -> Option<u32> {
    if let RuleBody::AttemptCap(cap) = kind { Some(cap.max) } else { None }
}

fn days_of(kind: &RuleBody) -> Option<u16> {
    if let RuleBody::Cooldown(body) = kind { Some(body.days) } else { None }
}

fn age_of(kind: &RuleBody) -> Option<u16> {
    if let RuleBody::ScrubAge(body) = kind { Some(body.max_days) } else { None }
}

impl Narrowing {
    /// What is wrong with it by itself.
    pub(super) fn validate(&self, errors: &mut Vec<FieldError>) {
        if self.max == Some(0) {
            errors.push(FieldError::new("/narrow/max", "range", "the most attempts are 1 to 10000"));
        }
        for (days, pointer) in [(self.days, "/narrow/days"), (self.max_days, "/narrow/maxDays")] {
            if days.is_some_and(|days| !(1..=MOST_DAYS).contains(&days)) {
                errors.push(FieldError::new(pointer, "range", format!("days are 1 to {MOST_DAYS}")));
            }
        }
        for (i, range) in self.dates.iter().enumerate() {
            if range.first > range.last {
                let detail = "a range of days ends no earlier than it begins";
                errors.push(FieldError::new(format!("/narrow/dates/{i}"), "order", detail));
            }
        }
    }

    /// What of it narrows no version of the rule: another kind of rule has such a member, or the law is as strict.
    pub fn idle(&self, versions: &[&LegalRule]) -> Vec<FieldError> {
        let kind = versions.first().map_or("rule", |rule| rule.kind.name());
        let mut errors = Vec::new();
        let mut idle = |pointer: &str, law: Option<String>| {
            let detail = match law {
                Some(law) => format!("this does not narrow the rule, which says {law}: leave it out or be stricter"),
                None => format!("a rule of the kind {kind} has nothing that this narrows"),
            };
            errors.push(FieldError::new(pointer, "does_not_narrow", detail));
        };
        let kinds = || versions.iter().map(|rule| &rule.kind);
        if let Some(hours) = self.hours.as_ref().map(week) {
            let own: Vec<Week> = kinds().filter_map(hours_of).collect();
            if own.iter().all(|own| common(own, &hours) == *own) {
                idle("/narrow/hours", (!own.is_empty()).then(|| "no longer hours".to_owned()));
            }
        }
        if let Some(max) = self.max {
            let own = kinds().filter_map(max_of).max();
            if own.is_none_or(|own| max >= own) {
                idle("/narrow/max", own.map(|own| format!("at most {own} attempts")));
            }
        }
        if let Some(days) = self.days {
            let own = kinds().filter_map(days_of).min();
            if own.is_none_or(|own| days <= own) {
                idle("/narrow/days", own.map(|own| format!("{own} days")));
            }
        }
        if let Some(days) = self.max_days {
            let own = kinds().filter_map(age_of).max();
            if own.is_none_or(|own| days >= own) {
                idle("/narrow/maxDays", own.map(|own| format!("at most {own} days old")));
            }
        }
        if !self.dates.is_empty() && !kinds().any(|kind| hours_of(kind).is_some()) {
            idle("/narrow/dates", None);
        }
        errors
    }

    /// What of its dates is in vain from a day on: all of them are over.
    pub fn over(&self, from: Date) -> Option<FieldError> {
        let is_over = !self.dates.is_empty() && self.dates.iter().all(|range| range.last < from);
        let detail = format!("these days are over everywhere: name days from {from} on, or leave them out");
        is_over.then(|| FieldError::new("/narrow/dates", "idle", detail))
    }

    /// Whether it lets nothing pass from a day on that another narrowing of the rule holds back.
    pub fn is_as_strict_as(&self, other: &Self, versions: &[&LegalRule], from: Date) -> bool {
        let hours = |own: &Week, narrow: &Self| match &narrow.hours {
            Some(hours) => common(own, &week(hours)),
            None => own.clone(),
        };
        let is_strict = |kind: &RuleBody| {
            let fits = hours_of(kind).is_none_or(|own| {
                let after = hours(&own, self);
                common(&after, &hours(&own, other)) == after
            });
            let most = |own: u32, narrow: &Self| narrow.max.map_or(own, |max| max.min(own));
            let wait = |own: u16, narrow: &Self| narrow.days.map_or(own, |days| days.max(own));
            let age = |own: u16, narrow: &Self| narrow.max_days.map_or(own, |days| days.min(own));
            fits && max_of(kind).is_none_or(|own| most(own, self) <= most(own, other))
                && days_of(kind).is_none_or(|own| wait(own, self) >= wait(own, other))
                && age_of(kind).is_none_or(|own| age(own, self) <= age(own, other))
        };
        versions.iter().all(|rule| is_strict(&rule.kind)) && self.closes(&other.dates, from)
    }

    /// Whether its dates hold all of these that are not over.
    fn closes(&self, dates: &[DateRange], from: Date) -> bool {
        dates.iter().filter(|range| range.last >= from).all(|range| {
            let mut date = range.first.max(from);
            loop {
                let Some(holding) = self.dates.iter().find(|own| own.first <= date && date <= own.last) else {
                    return false;
                };
                match holding.last.tomorrow() {
                    Ok(next) if next <= range.last => date = next,
                    _ => return true,
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(kind: &str) -> LegalRule {
        let kind: serde_json::Value = serde_json::from_str(kind).unwrap();
        serde_json::from_value(serde_json::json!({ "id": "GB-X", "jurisdiction": { "country": "GB" }, "kind": kind,
            "citation": "a law", "verifiedOn": "2026-11-22", "confidence": "low", "default": "on" }))
        .unwrap()
    }

    fn narrowing(json: &str) -> Narrowing {
        serde_json::from_str(json).unwrap()
    }

    fn idle(kind: &str, json: &str) -> Vec<String> {
        narrowing(json).idle(&[&rule(kind)]).into_iter().map(|e| e.pointer).collect()
    }

    const WINDOW: &str = r#"{"window":{"hours":{"daily":"08:00-21:00"}}}"#;
    const CAP: &str = r#"{"attempt_cap":{"max":7,"window":{"local_days":7}}}"#;
    const WAIT: &str = r#"{"cooldown":{"event":"refusal","days":60}}"#;
    const AGE: &str = r#"{"scrub_age":{"list":"US-DNC","maxDays":31}}"#;

    #[test]
    fn what_does_not_narrow_is_found() {
        for (kind, json) in [
            (WINDOW, r#"{"hours":{"daily":"08:00-20:00"}}"#),
            (WINDOW, r#"{"hours":{"daily":"10:00-22:00"}}"#),
            (WINDOW, r#"{"hours":{"mon-sat":"08:00-21:00"}}"#),
            (WINDOW, r#"{"dates":[{"first":"2026-12-01","last":"2026-12-01"}]}"#),
            (CAP, r#"{"max":6}"#),
            (WAIT, r#"{"days":61}"#),
            (AGE, r#"{"maxDays":30}"#),
        ] {
            assert!(idle(kind, json).is_empty(), "{json}");
        }
        for (kind, json, pointer) in [
            (WINDOW, r#"{"hours":{"daily":"08:00-21:00"}}"#, "/narrow/hours"),
            (WINDOW, r#"{"hours":{"daily":"07:00-12:00, 12:00-22:00"}}"#, "/narrow/hours"),
            (CAP, r#"{"hours":{"daily":"09:00-10:00"}}"#, "/narrow/hours"),
            (CAP, r#"{"max":7}"#, "/narrow/max"),
            (WINDOW, r#"{"max":1}"#, "/narrow/max"),
            (WAIT, r#"{"days":60}"#, "/narrow/days"),
            (AGE, r#"{"maxDays":31}"#, "/narrow/maxDays"),
            (AGE, r#"{"dates":[{"first":"2026-12-01","last":"2026-12-01"}]}"#, "/narrow/dates"),
        ] {
            assert_eq!(idle(kind, json), [pointer], "{json}");
        }
    }

    #[test]
    fn widening_is_what_lets_something_pass_and_not_what_differs() {
        let today: Date = "2026-11-30".parse().unwrap();
        let strict = |kind: &str, after: &str, before: &str| {
            narrowing(after).is_as_strict_as(&narrowing(before), &[&rule(kind)], today)
        };
        assert!(strict(CAP, r#"{"max":3}"#, r#"{"max":5}"#) && !strict(CAP, r#"{"max":5}"#, r#"{"max":3}"#));
        assert!(!strict(CAP, "{}", r#"{"max":5}"#) && strict(CAP, r#"{"max":5}"#, "{}"));
        assert!(strict(CAP, "{}", r#"{"max":9}"#), "what did not narrow is no loss");
        assert!(strict(WAIT, r#"{"days":90}"#, r#"{"days":70}"#) && !strict(WAIT, "{}", r#"{"days":70}"#));
        assert!(strict(AGE, r#"{"maxDays":7}"#, r#"{"maxDays":14}"#));
        let (short, shorter) = (r#"{"hours":{"daily":"09:00-18:00"}}"#, r#"{"hours":{"mon-fri":"10:00-12:00"}}"#);
        assert!(strict(WINDOW, shorter, short) && !strict(WINDOW, short, shorter));
        assert!(!strict(WINDOW, r#"{"hours":{"daily":"08:00-17:00"}}"#, short), "an hour earlier");
        let dates = |first: &str, last: &str| format!(r#"{{"dates":[{{"first":"{first}","last":"{last}"}}]}}"#);
        assert!(strict(WINDOW, &dates("2026-12-01", "2026-12-09"), &dates("2026-12-02", "2026-12-03")));
        assert!(!strict(WINDOW, &dates("2026-12-02", "2026-12-02"), &dates("2026-12-02", "2026-12-03")));
        assert!(strict(WINDOW, "{}", &dates("2026-11-01", "2026-11-29")), "an emergency that is over");
        let joined =
            r#"{"dates":[{"first":"2026-12-02","last":"2026-12-02"},{"first":"2026-12-03","last":"2026-12-04"}]}"#;
        assert!(strict(WINDOW, joined, &dates("2026-12-02", "2026-12-04")));
    }
}
