//! Stored rules that can't be used: after an upgrade of the data that they name, above all.
use serde::Serialize;
use utoipa::ToSchema;

use super::documents::{RuleDocuments, RuleRef, Stored};
use super::legal::{unknown_calendar, unknown_zone};
use super::rule_set::RuleSet;
use super::zones::Zones;
use crate::kind;

/// A stored rule that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleProblem {
    /// Which rule: the id of the object, or that of a legal rule.
    pub rule: RuleRef,
    /// What kind of object it is, such as `attempt_rule`.
    pub kind: &'static str,
    /// What is wrong and what is right.
    pub detail: String,
    /// Whether nobody is contacted until it is mended.
    pub stops: bool,
}

impl RuleDocuments {
    /// Every stored rule that can't be used: those that stop everybody first.
    pub fn problems(&self, zones: &Zones) -> Vec<RuleProblem> {
        // a rule that no campaign names is read all the same, since one may
        let named: Vec<String> = self.location_rules.iter().map(|rule| rule.rule.id.to_string()).collect();
        let named: Vec<&str> = named.iter().map(String::as_str).collect();
        let set = RuleSet::compile(self, &named, zones);
        let stopping = set.unreadable().iter().map(|(rule, detail)| RuleProblem {
            rule: rule.clone(),
            kind: self.kind_of(rule),
            detail: detail.clone(),
            stops: true,
        });
        let mut problems: Vec<RuleProblem> = stopping.collect();
        let idle = |rule: RuleRef, kind: &'static str, detail: String| RuleProblem { rule, kind, detail, stops: false };
        for own in self.legal_rules.iter().filter_map(|stored| stored.body.as_ref().ok()) {
            let rule = RuleRef::new(own.id.as_str(), i64::from(own.version));
            let wrong = unknown_zone(own, zones).or_else(|| unknown_calendar(own, &self.calendars));
            if let Some(detail) = wrong.filter(|_| !problems.iter().any(|p| p.rule == rule)) {
                problems.push(idle(rule, kind::LEGAL_RULE, detail));
            }
        }
        for stored in &self.legal_settings {
            if let Some(setting) = stored.body.as_ref().ok().filter(|setting| !self.has_law(&setting.rule)) {
                let detail = format!(
                    "{} is no legal rule any more: the decision about it has no effect and can be taken back",
                    setting.rule
                );
                problems.push(idle(stored.rule.clone(), kind::LEGAL_RULE_SETTING, detail));
            }
        }
        problems
    }

    /// Whether a legal rule, shipped or the tenant's own, goes by this id.
    pub fn has_law(&self, id: &str) -> bool {
        let mut own = self.legal_rules.iter().filter_map(|stored| stored.body.as_ref().ok());
        self.legal_packs.get(id).next().is_some() || own.any(|rule| rule.id == id)
    }

    /// Whether a rule of the tenant's that a campaign may name goes by this id.
    pub fn has_rule(&self, id: &str) -> bool {
        fn holds<T>(rules: &[Stored<T>], id: &str) -> bool {
            rules.iter().any(|stored| *stored.rule.id == *id)
        }
        holds(&self.contact_times, id)
            || holds(&self.contact_dates, id)
            || holds(&self.attempt_rules, id)
            || holds(&self.location_rules, id)
            || holds(&self.custom_rules, id)
            || holds(&self.external_rules, id)
            || holds(&self.time_zones, id)
    }

    fn kind_of(&self, rule: &RuleRef) -> &'static str {
        fn holds<T>(rules: &[Stored<T>], rule: &RuleRef) -> bool {
            rules.iter().any(|stored| stored.rule == *rule)
        }
        let kinds = [
            (holds(&self.contact_times, rule), kind::CONTACT_TIMES),
            (holds(&self.contact_dates, rule), kind::CONTACT_DATES),
            (holds(&self.attempt_rules, rule), kind::ATTEMPT_RULE),
            (holds(&self.location_rules, rule), kind::LOCATION_RULE),
            (holds(&self.custom_rules, rule), kind::CUSTOM_RULE),
            (holds(&self.external_rules, rule), kind::EXTERNAL_RULE),
            (holds(&self.time_zones, rule), kind::TIME_ZONE),
            (holds(&self.legal_settings, rule), kind::LEGAL_RULE_SETTING),
        ];
        kinds.into_iter().find_map(|(holds, kind)| holds.then_some(kind)).unwrap_or(kind::LEGAL_RULE)
    }
}

#[cfg(test)]
mod tests {
    use super::super::attempt_rule::AttemptRule;
    use super::super::legal::{LegalRule, LegalRuleSetting};
    use super::*;

    fn stored<T: super::super::RuleDocument>(id: &str, json: &str) -> Stored<T> {
        Stored::parse(RuleRef::new(id, 1), json)
    }

    fn own(id: &str, default: &str) -> Stored<LegalRule> {
        let json = format!(
            r#"{{"id":"{id}","jurisdiction":{{"country":"GB"}},"kind":{{"blackout_date":{{"holidays":["GB-OLD"]}}}},
            "citation":"c","verifiedOn":"2026-11-22","confidence":"low","default":"{default}"}}"#
        );
        stored(id, &json)
    }

    #[test]
    fn rules_that_name_what_is_not_there_any_more_are_found() {
        let zones = Zones::bundled();
        assert!(RuleDocuments::default().problems(&zones).is_empty());
        let documents = RuleDocuments {
            attempt_rules: vec![stored::<AttemptRule>(
                "a",
                r#"{"maxAttempts":1,"window":{"seconds":60},"to":{"country":"US","state":"ZZ"}}"#,
            )],
            legal_rules: vec![own("GB-ON", "on"), own("GB-OFF", "off")],
            legal_settings: vec![stored::<LegalRuleSetting>("s", r#"{"rule":"US-GONE","state":"on"}"#)],
            ..RuleDocuments::default()
        };
        let found = documents.problems(&zones);
        let short: Vec<_> = found.iter().map(|p| (&*p.rule.id, p.kind, p.stops)).collect();
        assert_eq!(
            short,
            [
                ("a", "attempt_rule", true),
                ("GB-ON", "legal_rule", true),
                ("GB-OFF", "legal_rule", false),
                ("s", "legal_rule_setting", false)
            ],
            "{found:?}"
        );
        assert!(found[0].detail.contains("no region ZZ") && found[1].detail.contains("GB-OLD"), "{found:?}");
    }
}
