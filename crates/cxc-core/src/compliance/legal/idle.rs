//! Legal rules of a tenant's own that would do nothing.
use jiff::civil::Date;

use super::{LegalRule, RuleBody};
use crate::field_error::FieldError;

impl LegalRule {
    /// What it says in vain from a day on: it holds on no day that is to come, or there is nothing that it holds about.
    pub fn idle(&self, from: Date) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let mut idle = |pointer: &str, detail: String| errors.push(FieldError::new(pointer, "idle", detail));
        if let Some(until) = self.effective_until.filter(|until| *until <= from) {
            idle(
                "/effectiveUntil",
                format!("the rule ended before {until}, and no day is left: name a later day, or leave it out"),
            );
        }
        match &self.kind {
            RuleBody::BlackoutDate(body) if body.waits() => {
                let detail = "nobody declares the days of a rule of your own: name them in `dates`";
                idle("/kind/blackout_date/dates", detail.to_owned());
            }
            RuleBody::BlackoutDate(body) if body.holidays.is_empty() && body.dates.iter().all(|d| d.last < from) => {
                let detail = format!("these days are over everywhere: name days from {from} on, or holidays");
                idle("/kind/blackout_date/dates", detail);
            }
            RuleBody::PersonFlags(body) if body.flags.is_empty() => {
                idle("/kind/person_flags/flags", "name the flags that forbid contacts, such as bankruptcy".to_owned());
            }
            RuleBody::CountExclusion(body) if body.rules.is_empty() || body.exclude.is_empty() => {
                let detail = "name the caps and cool-downs in `rules`, and in `exclude` what they leave out";
                idle("/kind/count_exclusion", detail.to_owned());
            }
            RuleBody::PortGrace(body) if body.days == 0 => {
                idle("/kind/port_grace/days", "a number is still fixed for at least a day".to_owned());
            }
            RuleBody::RingMin(body) if body.seconds == 0 && body.rings.is_none_or(|rings| rings == 0) => {
                idle("/kind/ring_min/seconds", "it rings for at least a second".to_owned());
            }
            _ => {}
        }
        errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idle(more: &str) -> Vec<String> {
        let json = format!(
            r#"{{"id":"GB-X","jurisdiction":{{"country":"GB"}},"citation":"a law","verifiedOn":"2026-11-22",
                "confidence":"low","default":"on",{more}}}"#
        );
        let rule: LegalRule = serde_json::from_str(&json).unwrap();
        assert_eq!(rule.validate(), [], "it is read where it is stored: {more}");
        rule.idle("2026-12-02".parse().unwrap()).into_iter().map(|e| e.pointer).collect()
    }

    #[test]
    fn a_rule_of_no_day_or_about_nothing_is_idle() {
        let window = r#""kind":{"window":{"hours":{"daily":"08:00-21:00"}}}"#;
        assert!(idle(window).is_empty());
        assert_eq!(idle(&format!(r#"{window},"effectiveUntil":"2026-12-02""#)), ["/effectiveUntil"]);
        assert!(idle(&format!(r#"{window},"effectiveUntil":"2026-12-03""#)).is_empty());
        let days = |last: &str| {
            format!(r#""kind":{{"blackout_date":{{"dates":[{{"first":"2026-11-01","last":"{last}"}}]}}}}"#)
        };
        assert_eq!(idle(&days("2026-12-01")), ["/kind/blackout_date/dates"]);
        assert!(idle(&days("2026-12-02")).is_empty());
        assert!(idle(r#""kind":{"blackout_date":{"holidays":["GB-ENG"]}}"#).is_empty());
        for (kind, pointer) in [
            (r#"{"blackout_date":{"declared":true}}"#, "/kind/blackout_date/dates"),
            (r#"{"person_flags":{"flags":[]}}"#, "/kind/person_flags/flags"),
            (r#"{"count_exclusion":{"rules":[],"exclude":[],"consentDays":7}}"#, "/kind/count_exclusion"),
            (r#"{"port_grace":{"days":0}}"#, "/kind/port_grace/days"),
            (r#"{"ring_min":{"seconds":0}}"#, "/kind/ring_min/seconds"),
        ] {
            assert_eq!(idle(&format!(r#""kind":{kind}"#)), [pointer], "{kind}");
        }
    }
}
