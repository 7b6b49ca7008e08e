//! Recorded flags of people, with those that a caller tells.
use serde_json::json;

use super::*;

const FLAGS: &str = "/compliance/person-flags";

fn collect(n: u32, client: &str, more: &Value) -> Value {
    let mut contact = json!({ "client_id": client });
    contact.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "type": "voice", "purpose": "collections", "tech": "live", "contact": contact,
        "device": { "e164": phone(n) }, "hold_ms": 60_000 })
}

#[tokio::test]
async fn whom_a_recorded_or_told_flag_names_is_not_called_and_anybody_else_is() {
    let app = start_with_law().await;
    app.post(FLAGS).json(&json!({ "clientId": "bankrupt", "flag": "bankruptcy" })).await.expect(201);
    app.post(FLAGS).json(&json!({ "device": phone(2), "flag": "cease" })).await.expect(201);
    // nobody told anything, and nothing is recorded
    app.post(VALIDATE).json(&collect(1, "solvent", &json!({}))).await.expect(200);
    let told = json!({ "flags": ["dispute"] });
    for ask in [collect(3, "bankrupt", &json!({})), collect(2, "x", &json!({})), collect(4, "y", &told)] {
        let no = app.post(VALIDATE).json(&ask).await.expect(409);
        assert_eq!((&no["decision"], &no["reasons"][0]["rule_id"]), (&json!("deny"), &json!("US-FDCPA-HARD")), "{no}");
    }
    let both = app.post(VALIDATE).json(&collect(5, "bankrupt", &told)).await.expect(409);
    let kept = app.get(&format!("/compliance/evidence/{}", both["evidence_id"].as_str().unwrap())).await.expect(200);
    assert_eq!(kept["decision"]["inputs"]["flags"], json!(["bankruptcy", "dispute"]));
    // a record has no place for flags
    let record = json!({ "GSW_RECORD_HANDLE": "h", "contact_info": phone(6), "cxc_purpose": "collections",
        "c_client_id": "bankrupt" });
    let no = app.post("/internal/v1/validations").json(&record).await.expect(409);
    assert_eq!((&no["code"], &no["ruleId"]), (&json!("legal_block"), &json!("US-FDCPA-HARD")), "{no}");
}

#[tokio::test]
async fn who_said_that_the_hour_is_inconvenient_is_called_later_and_the_decision_keeps_why() {
    const TIMES: &str = "/compliance/declared-times";
    let app = start().await;
    // it is noon of a Tuesday in New York
    let said = json!({ "device": phone(1), "times": { "notBefore": "13:00" } });
    let made = app.post(TIMES).json(&said).await.expect(201);
    let said = json!({ "clientId": "C-7", "times": { "notOn": ["tue"] } });
    app.post(TIMES).json(&said).await.expect(201);
    let no = app.post(VALIDATE).json(&collect(1, "x", &json!({}))).await.expect(409);
    assert_eq!((&no["decision"], &no["reasons"][0]["rule_id"]), (&json!("defer"), &json!("declared_times")), "{no}");
    assert_eq!(no["not_before"], "2026-03-03T18:00:00Z", "{no}");
    let kept = app.get(&format!("/compliance/evidence/{}", no["evidence_id"].as_str().unwrap())).await.expect(200);
    assert_eq!(kept["decision"]["inputs"]["declared"]["hours"]["tue"], "13:00-24:00", "{kept}");
    // both statements hold together
    let no = app.post(VALIDATE).json(&collect(1, "C-7", &json!({}))).await.expect(409);
    assert_eq!(no["not_before"], "2026-03-04T18:00:00Z", "{no}");
    app.post(VALIDATE).json(&collect(2, "z", &json!({}))).await.expect(200);
    let end = format!("{TIMES}/{}/actions/end", made["id"].as_str().unwrap());
    app.post(&end).json(&json!({ "device": phone(1), "reason": "new job" })).await.expect(204);
    app.post(VALIDATE).json(&collect(1, "x", &json!({}))).await.expect(200);
}
