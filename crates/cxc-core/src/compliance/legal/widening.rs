//! Whether a change of what holds lets contacts pass that were held back before: the one answer for decisions on legal
//! rules, for taking them back, and for rules of the tenant's own.
use jiff::civil::Date;

use super::body::RuleBody;
use super::narrowing::Narrowing;
use super::rule::{DefaultState, LegalRule};
use super::setting::{LegalRuleSetting, SettingState};

/// Whether a rule holds for the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holding {
    /// It does.
    Holds,
    /// The tenant has neither turned it on nor waived it: nobody that it concerns is contacted.
    Unanswered,
    /// It is off or waived.
    Dormant,
}

impl Holding {
    /// Of a rule with this default, under what the tenant decided about it.
    pub fn of(default: DefaultState, setting: Option<&LegalRuleSetting>) -> Self {
        match (setting.map(|s| s.state), default) {
            (Some(SettingState::On), _) | (None, DefaultState::On) => Self::Holds,
            (Some(SettingState::Off) | None, DefaultState::Ask) => Self::Unanswered,
            (Some(SettingState::Off | SettingState::Waived), _) | (None, DefaultState::Off) => Self::Dormant,
        }
    }
}

impl RuleBody {
    /// Whether a rule that stands otherwise than before lets contacts pass that were held back. One that makes others ask
    /// for less does so where it comes to hold, any other where it ceases to. To answer a rule that asks, by turning it on,
    /// is what it asks for.
    pub fn lets_pass(&self, before: Holding, after: Holding) -> bool {
        if self.widens() {
            return before != Holding::Holds && after == Holding::Holds
                || before == Holding::Unanswered && after == Holding::Dormant;
        }
        before != Holding::Dormant && after == Holding::Dormant
    }
}

/// Whether a change of what the tenant decided about a shipped rule, of whatever versions, lets contacts pass from a day on
/// that were held back before it. Nothing stands for no decision: what is shipped holds.
pub fn widens(
    versions: &[&LegalRule],
    before: Option<&LegalRuleSetting>,
    after: Option<&LegalRuleSetting>,
    from: Date,
) -> bool {
    // a rule that is not shipped any more holds nobody
    let Some(default) = versions.first().map(|rule| rule.default) else { return false };
    let (was, is) = (Holding::of(default, before), Holding::of(default, after));
    if versions.iter().any(|rule| rule.kind.lets_pass(was, is)) {
        return true;
    }
    let wide = Narrowing::default();
    let narrowing = |setting: Option<&LegalRuleSetting>| setting.and_then(|s| s.narrow.clone()).unwrap_or_default();
    let narrowed = if was == Holding::Holds { narrowing(before) } else { wide };
    is == Holding::Holds && !narrowing(after).is_as_strict_as(&narrowed, versions, from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(kind: &str, default: &str) -> LegalRule {
        let kind: serde_json::Value = serde_json::from_str(kind).unwrap();
        serde_json::from_value(serde_json::json!({ "id": "US-X", "jurisdiction": { "country": "US" }, "kind": kind,
            "citation": "a law", "verifiedOn": "2026-11-22", "confidence": "low", "default": default }))
        .unwrap()
    }

    /// Of the states between which a change widens; `-` is no decision.
    fn widening(kind: &str, default: &str) -> Vec<String> {
        let (rule, today) = (rule(kind, default), "2026-12-01".parse().unwrap());
        let setting = |state: &str| {
            let json = format!(r#"{{"rule":"US-X","state":"{state}","reason":"we say so"}}"#);
            (state != "-").then(|| serde_json::from_str::<LegalRuleSetting>(&json).unwrap())
        };
        let states = ["-", "on", "off", "waived"];
        let pairs = states.iter().flat_map(|before| states.iter().map(move |after| (before, after)));
        let wide =
            pairs.filter(|(before, after)| widens(&[&rule], setting(before).as_ref(), setting(after).as_ref(), today));
        wide.map(|(before, after)| format!("{before}>{after}")).collect()
    }

    #[test]
    fn a_rule_that_holds_back_widens_where_it_ceases_to() {
        let cap = r#"{"attempt_cap":{"max":7,"window":{"local_days":7}}}"#;
        assert_eq!(widening(cap, "on"), ["->off", "->waived", "on>off", "on>waived"]);
        assert_eq!(widening(cap, "off"), ["on>-", "on>off", "on>waived"]);
        assert_eq!(widening(cap, "ask"), ["->waived", "on>waived", "off>waived"]);
    }

    #[test]
    fn a_rule_that_makes_others_ask_for_less_widens_where_it_comes_to_hold() {
        for kind in [
            r#"{"port_grace":{"days":15}}"#,
            r#"{"count_exclusion":{"rules":["US-Y"],"exclude":["not_connected"],"consentDays":7}}"#,
        ] {
            assert_eq!(widening(kind, "on"), ["off>-", "off>on", "waived>-", "waived>on"]);
            assert_eq!(widening(kind, "off"), ["->on", "off>on", "waived>on"]);
            assert_eq!(widening(kind, "ask"), ["->on", "->waived", "off>on", "off>waived", "waived>on"]);
        }
    }

    #[test]
    fn a_narrowing_that_is_taken_back_widens() {
        let (rule, today) =
            (rule(r#"{"attempt_cap":{"max":7,"window":{"local_days":7}}}"#, "on"), "2026-12-01".parse().unwrap());
        let narrowed = |max: u32| -> LegalRuleSetting {
            serde_json::from_str(&format!(r#"{{"rule":"US-X","state":"on","narrow":{{"max":{max}}}}}"#)).unwrap()
        };
        let (three, five) = (narrowed(3), narrowed(5));
        let wide = |before: Option<&LegalRuleSetting>, after| widens(&[&rule], before, after, today);
        assert!(wide(Some(&three), Some(&five)) && wide(Some(&three), None));
        assert!(!wide(Some(&five), Some(&three)) && !wide(None, Some(&three)));
        assert!(!widens(&[], Some(&three), None, today), "one that is not shipped any more holds nobody");
    }
}
