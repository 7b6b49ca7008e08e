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
