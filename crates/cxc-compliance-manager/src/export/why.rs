//! What stood in the way, in words: each rule by the name that people gave it or its code, and why.
use std::collections::BTreeMap;

use serde_json::Value;

use super::bundle::text;

/// What the tenant's rules and lists are called, by their ids.
pub type Names = BTreeMap<String, String>;

/// What the rule of a reason is called: by its name, else by its code. One of the tenant's own that is gone has only its id.
pub fn called<'a>(reason: &'a Value, names: &'a Names) -> &'a str {
    let id = reason["rule"]["id"].as_str().unwrap_or_default();
    names.get(id).map_or(id, String::as_str)
}

/// A reason as a sentence.
pub fn sentence(reason: &Value, names: &Names) -> String {
    let who = called(reason, names);
    let detail = reason["detail"].as_str();
    let (from, till) = (text(&reason["windowStart"]), text(&reason["windowEnd"]));
    let said = match (reason["code"].as_str().unwrap_or_default(), reason["observed"].as_i64()) {
        ("contact_times" | "contact_date", _) => {
            let why = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
            let next = if from.is_empty() { String::new() } else { format!("; it opens at {from}") };
            format!("is closed{why}{next}")
        }
        (_, Some(observed)) => {
            let since = if from.is_empty() { String::new() } else { format!(" since {from}") };
            let next = if till.is_empty() { String::new() } else { format!("; the next fits at {till}") };
            let attempts = if observed == 1 { "attempt" } else { "attempts" };
            format!("counts {observed} {attempts}{since} and allows {}{next}", text(&reason["limit"]))
        }
        (code, None) => format!("bars: {}", detail.map_or_else(|| code.replace('_', " "), str::to_owned)),
    };
    format!("{who} {said}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reason_is_a_sentence_about_the_rule_by_its_name_or_its_code() {
        let names = Names::from([("01a2".to_owned(), "Office hours".to_owned())]);
        let rule = |id: &str| json!({ "id": id, "version": 1 });
        for (reason, wanted) in [
            (
                json!({ "rule": rule("01a2"), "code": "contact_times", "windowStart": "2026-12-02T13:00:00Z" }),
                "Office hours is closed; it opens at 2026-12-02T13:00:00Z",
            ),
            (
                json!({ "rule": rule("AU-TMS-HOURS"), "code": "contact_times",
                    "detail": "2026-12-25 is Christmas Day (holiday calendar AU)" }),
                "AU-TMS-HOURS is closed: 2026-12-25 is Christmas Day (holiday calendar AU)",
            ),
            (
                json!({ "rule": rule("US-FL-CAP"), "code": "attempt_rule", "observed": 3, "limit": 3,
                    "windowStart": "2026-12-01T14:00:00Z", "windowEnd": "2026-12-02T15:00:00Z" }),
                "US-FL-CAP counts 3 attempts since 2026-12-01T14:00:00Z and allows 3; the next fits at \
                 2026-12-02T15:00:00Z",
            ),
            (json!({ "rule": rule("01a3"), "code": "blocked" }), "01a3 bars: blocked"),
        ] {
            assert_eq!(sentence(&reason, &names), wanted);
        }
    }
}
