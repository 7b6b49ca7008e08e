//! Pre-dial validations that name a campaign group: what it is for holds.
use serde_json::{Value, json};

use crate::legal::waive;
use crate::support::*;

const VALIDATE: &str = "/internal/v1/compliance/validations";

#[tokio::test]
async fn a_validation_has_the_purpose_of_its_group_and_no_other() {
    let c = Campaigns::with_compliance().await;
    c.app.clock.set("2026-03-03T08:00:00Z");
    let ask = async |group: &str, purpose: Value| {
        let mut asked = json!({ "type": "sms", "group_id": group, "device": { "e164": "+12129300001" } });
        if !purpose.is_null() {
            asked["purpose"] = purpose;
        }
        c.app.post(VALIDATE).json(&asked).await
    };
    waive(&c, "US-RND").await;
    let news = c.group_with("news", json!({ "compliance": { "purpose": "informational" } })).await;
    for purpose in [Value::Null, json!("informational")] {
        let answer = ask(&news.id, purpose).await.expect(409);
        let rules: Vec<&str> =
            answer["reasons"].as_array().unwrap().iter().map(|r| r["rule_id"].as_str().unwrap()).collect();
        assert_eq!(rules, ["shipped_contact_times"], "no law about sales: {answer}");
    }
    for purpose in ["telemarketing", "emergency"] {
        let refused = ask(&news.id, json!(purpose)).await.expect(422);
        let error = &refused["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!("/purpose"), &json!("not_of_group")), "{refused}");
        assert!(error["detail"].as_str().unwrap().contains("informational"), "{refused}");
    }
    // who made such a group may change required rules
    let alarm = c.group_with("alarm", json!({ "compliance": { "purpose": "emergency" } })).await;
    let dialer = c.app.with_scopes(&[cxc_server::Scope::ComplianceValidate]).await.unwrap();
    let asked = json!({ "type": "sms", "group_id": alarm.id, "device": { "e164": "+12129300002" } });
    dialer.post(VALIDATE).json(&asked).await.expect(200);
}

#[tokio::test]
async fn an_attempt_that_is_reported_of_a_group_is_for_what_the_group_is_for() {
    let c = Campaigns::with_compliance().await;
    c.app.clock.set("2026-03-03T17:00:00Z");
    c.app.put("/compliance/legal-rules/US-NYC-COLLECT/setting").json(&json!({ "state": "on" })).await.expect(200);
    let news = c.group_with("news", json!({ "compliance": { "purpose": "informational" } })).await;
    let debts = c.group_with("debts", json!({ "compliance": { "purpose": "collections" } })).await;
    for (n, group, counts) in [(1, Some(&news), false), (2, Some(&debts), true), (3, None, true)] {
        let phone = format!("+1212930000{n}");
        for i in 0..3 {
            let report = json!({ "GSW_CALL_ATTEMPT_GUID": format!("{n} {i}"), "GSW_HIST_SEQUENCE_NUM": 1,
                "GSW_TENANT_NAME": "one", "GSW_TENANT_CCID": "undefined", "contact_info": phone, "cxc_type": "sms",
                "GSW_CAMPAIGN_GROUP_GUID": group.map(|group| &group.id), "GSW_CALL_RESULT": 0 });
            c.app.post("/internal/v1/attempts").json(&report).await.expect(200);
        }
        let asked = json!({ "type": "sms", "purpose": "collections", "device": { "e164": phone } });
        let answer = c.app.post(VALIDATE).json(&asked).await.json();
        let barred = answer["reasons"].as_array().unwrap().iter().any(|r| r["rule_id"] == "US-NYC-COLLECT");
        assert_eq!(barred, counts, "{n}: {answer}");
    }
}
