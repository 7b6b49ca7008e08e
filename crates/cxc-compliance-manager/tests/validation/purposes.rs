//! What an attempt is for, and what else a request tells of it.
use super::*;

#[tokio::test]
async fn an_emergency_is_believed_only_of_a_program_that_was_given_the_scope() {
    let app = start().await;
    app.clock.set(NIGHT);
    let dialer = app.with_scopes(&[Scope::ComplianceValidate]).await.unwrap();
    let record = json!({ "GSW_RECORD_HANDLE": "h", "contact_info": phone(1), "cxc_purpose": "emergency" });
    let refused = dialer.post(RECORDS).json(&record).await;
    assert_eq!(refused.expect_problem(403), "scope_missing");
    assert!(refused.text().contains("compliance:emergency"), "{}", refused.text());
    let mut asked = ask(1, "a", 0);
    asked["purpose"] = json!("emergency");
    assert_eq!(dialer.post(VALIDATE).json(&asked).await.expect_problem(403), "scope_missing");
    let batch = json!({ "items": [ask(2, "b", 0), asked] });
    let path = "/internal/v1/compliance/validations/batch";
    assert_eq!(dialer.post(path).json(&batch).await.expect_problem(403), "scope_missing");
    let trusted = app.with_scopes(&[Scope::ComplianceValidate, Scope::ComplianceEmergency]).await.unwrap();
    trusted.post(RECORDS).json(&record).await.expect(200);
    asked["purpose"] = json!("informational");
    trusted.post(VALIDATE).json(&asked).await.expect(409);
}

#[tokio::test]
async fn campaign_and_trace_are_kept_and_the_kind_of_device_tells_the_line() {
    let app = start().await;
    let mut asked = ask(1, "a", 60_000);
    (asked["campaign_id"], asked["trace"]) = (json!("spring"), json!("00-4bf92f-01"));
    asked["device"]["kind"] = json!("mobile");
    let answer = app.post(VALIDATE).json(&asked).await.expect(200);
    assert_eq!(answer["trace"], "00-4bf92f-01");
    let evidence = format!("/compliance/evidence/{}", answer["evidence_id"].as_str().unwrap());
    let kept = app.get(&evidence).await.expect(200)["decision"].clone();
    assert_eq!((&kept["campaignId"], &kept["trace"]), (&json!("spring"), &json!("00-4bf92f-01")), "{kept}");
    assert!(kept["inputs"].to_string().contains(r#""mobile""#), "{kept}");
    let record =
        json!({ "GSW_RECORD_HANDLE": "h", "contact_info": phone(2), "cxc_campaign_id": "fall", "cxc_trace": "t" });
    app.post(RECORDS).json(&record).await.expect(200);
    let found = app.get(&format!("/compliance/evidence?device=%2B{}", &phone(2)[1..])).await.expect(200);
    assert_eq!(found["items"][0]["decision"]["campaignId"], "fall");
    for (kind, line, pointer) in [("email", "mobile", "/device/kind"), ("fixed", "mobile", "/device/kind")] {
        let mut asked = ask(3, "a", 0);
        (asked["device"]["kind"], asked["line_type"]) = (json!(kind), json!(line));
        let refused = app.post(VALIDATE).json(&asked).await.expect(422);
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
    }
}
