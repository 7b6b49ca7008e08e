//! What the law asks before a group starts.
use cxc_core::kind;
use serde_json::{Value, json};

use crate::support::{Campaigns, Group, NEW_YORK, object, people, person};

/// The rules that an answer refuses to start for.
fn named(problem: &Value) -> Vec<String> {
    let errors = problem["errors"].as_array().unwrap().iter();
    errors.map(|e| e["pointer"].as_str().unwrap().trim_start_matches("/legalRules/").to_owned()).collect()
}

async fn with_people<'a>(c: &'a Campaigns, settings: Value) -> Group<'a> {
    let group = c.group_with("one", settings).await;
    let mut all = people("30", 3);
    all.push(person("+12125550100", NEW_YORK));
    let list = c.list(all).await;
    group.set_lists(&[&list]).await;
    group
}

#[tokio::test]
async fn a_sales_campaign_does_not_start_while_rules_for_its_people_are_not_decided() {
    let c = Campaigns::under_law().await;
    let group = with_people(&c, json!({ "compliance": { "purpose": "telemarketing" } })).await;
    let answer = group.act("start").await;
    assert_eq!(answer.expect_problem(422), "rules_unanswered");
    let problem = answer.expect(422);
    let rules = named(&problem);
    assert!(rules.contains(&"EU-CONSENT".to_owned()) && rules.contains(&"US-CONSENT-PEWC".to_owned()), "{rules:?}");
    assert!(!rules.iter().any(|r| r.starts_with("GB-") || r.starts_with("AU-")), "nobody is there: {rules:?}");
    let standing = c.app.get(&format!("{}/legal-standing", group.path)).await.expect(200);
    assert_eq!((&standing["purpose"], &standing["lookedAt"]), (&json!("telemarketing"), &json!(4)));
    let unanswered = standing["unanswered"].as_array().unwrap();
    assert_eq!(unanswered.len(), rules.len());
    let eu = unanswered.iter().find(|r| r["rule"] == "EU-CONSENT").unwrap();
    assert_eq!((&eu["contacts"], &eu["area"]), (&json!(3), &json!("EU")));
    assert_eq!(group.state().await, "not_loaded");

    for rule in &rules {
        let body = json!({ "rule": rule, "state": "waived", "reason": "consents are kept elsewhere" });
        object(&c.app, kind::LEGAL_RULE_SETTING, rule, body).await;
    }
    let started = group.act("start").await.expect(202);
    let disabled: Vec<&str> =
        started["disabledRules"].as_array().unwrap().iter().map(|r| r["rule"].as_str().unwrap()).collect();
    assert!(rules.iter().all(|r| disabled.contains(&r.as_str())), "{disabled:?}");
}

#[tokio::test]
async fn the_purpose_left_out_is_that_of_the_content() {
    let c = Campaigns::under_law().await;
    let content = json!({ "channel": "sms", "class": "transactional", "templates": [{ "body": "Hello" }] });
    let content = object(&c.app, kind::CONTENT, "told", content).await;
    let group = with_people(&c, json!({ "content": content })).await;
    let standing = c.app.get(&format!("{}/legal-standing", group.path)).await.expect(200);
    assert_eq!((&standing["purpose"], &standing["technique"]), (&json!("informational"), &json!("autodialed")));
    assert!(!standing["unanswered"].as_array().unwrap().iter().any(|r| r["rule"] == "US-CONSENT-PEWC"), "{standing}");
    c.app.other.get(&format!("{}/legal-standing", group.path)).await.expect(404);
}
