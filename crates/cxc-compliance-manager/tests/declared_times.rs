//! What people said of convenient times, and what a tenant decided about consents, by their API.
use cxc_test::TestApp;
use serde_json::json;

const TIMES: &str = "/compliance/declared-times";
const POLICY: &str = "/compliance/consent-policy";

#[tokio::test]
async fn a_statement_is_recorded_shown_and_ended_with_a_reason() {
    let app = TestApp::start(|app| cxc_compliance_manager::service(app).unwrap()).await.unwrap();
    let of = format!("{TIMES}?device=%2B12125550100");
    assert_eq!(app.get(&of).await.expect(200)["items"], json!([]));
    let said =
        json!({ "device": "+12125550100", "times": { "notBefore": "10:00", "notOn": ["fri"] }, "note": "by phone" });
    let made = app.post(TIMES).json(&said).await;
    let made = made.expect(201);
    assert_eq!((&made["hours"]["mon"], &made["hours"]["fri"]), (&json!("10:00-24:00"), &json!("closed")));
    assert_eq!((&made["note"], &made["endedAt"]), (&json!("by phone"), &json!(null)));
    for (times, says) in [
        (json!({}), "say when"),
        (json!({ "notBefore": "18:00", "notAfter": "09:00" }), "no hour is left"),
        (json!({ "notOn": ["friday"] }), "mon to sun"),
    ] {
        let wrong = json!({ "device": "+12125550100", "times": times });
        let problem = app.post(TIMES).json(&wrong).await.expect(422).to_string();
        assert!(problem.contains(says), "{problem}");
    }
    assert_eq!(app.other.get(&of).await.expect(200)["items"], json!([]), "another tenant sees nothing");
    let tenant = app.tenant();
    let hash = [app.app.hash_key.hash(tenant, "+12125550100")];
    let standing = app.app.db.read().await.unwrap().declared_of(tenant, &hash, &[]).await.unwrap();
    assert_eq!((standing.len(), standing[0].times().hours.0[4].len()), (1, 0));
    let end = format!("{TIMES}/{}/actions/end", made["id"].as_str().unwrap());
    app.post(&end).json(&json!({ "device": "+12125550100", "reason": " " })).await.expect(422);
    app.post(&end).json(&json!({ "device": "+12125550101", "reason": "moved" })).await.expect(404);
    app.post(&end).json(&json!({ "device": "+12125550100", "reason": "moved" })).await.expect(204);
    app.post(&end).json(&json!({ "device": "+12125550100", "reason": "moved" })).await.expect(404);
    let shown = app.get(&of).await;
    assert_eq!(shown.expect(200)["items"][0]["endReason"], "moved");
    assert!(app.app.db.read().await.unwrap().declared_of(tenant, &hash, &[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_consent_policy_is_strict_until_somebody_decides_and_only_shortens_terms() {
    let app = TestApp::start(|app| cxc_compliance_manager::service(app).unwrap()).await.unwrap();
    let strict = json!({ "filesLiftOptOuts": false, "revocationDays": null, "confirmMinutes": null });
    assert_eq!(app.get(POLICY).await.expect(200), strict);
    let revoke = async |device: &str| {
        let asked = json!({ "device": device, "channels": ["sms"] });
        app.post("/compliance/consents/revoke").json(&asked).await.expect(200)["deadline"].as_str().unwrap().to_owned()
    };
    let by_law = revoke("+12125550100").await;
    let decide = |days: i64, reason: &str| json!({ "revocationDays": days, "reason": reason });
    for (wrong, pointer) in [(decide(3, ""), "/reason"), (decide(31, "more time"), "/revocationDays")] {
        assert_eq!(app.put(POLICY).json(&wrong).await.expect(422)["errors"][0]["pointer"], pointer);
    }
    let first = app.put(POLICY).json(&decide(30, "as long as it gets")).await;
    first.expect(200);
    assert_eq!(revoke("+12125550101").await, by_law, "no longer than the law's");
    app.put(POLICY).if_match(&first.etag()).json(&decide(3, "we are quicker")).await.expect(200);
    assert_eq!(revoke("+12125550102").await, "2026-03-05T09:00:00Z");
    assert!(by_law.as_str() > "2026-03-05T09:00:00Z");
    assert_eq!(app.other.get(POLICY).await.expect(200), strict);
}

#[tokio::test]
async fn a_consent_policy_is_written_as_it_is_read_and_by_nobody_who_did_not_read_it() {
    let app = TestApp::start(|app| cxc_compliance_manager::service(app).unwrap()).await.unwrap();
    let read = app.get(POLICY).await;
    let mut wanted = read.expect(200);
    wanted["confirmMinutes"] = json!(2);
    let mut told = wanted.clone();
    told["reason"] = json!("our counsel says so");
    let set = app.put(POLICY).if_match(&read.etag()).json(&told).await;
    assert_eq!(set.expect(200), wanted);
    let again = app.get(POLICY).await;
    assert_eq!((again.expect(200), again.etag()), (wanted.clone(), set.etag()));
    assert_eq!(app.put(POLICY).json(&told).await.expect_problem(428), "if_match_required");
    assert_eq!(app.put(POLICY).if_match(&read.etag()).json(&told).await.expect_problem(412), "etag_mismatch");
    let audited = app.get("/audit-events?objectKind=consent_policy").await.expect(200);
    let change = &audited["items"][0];
    let strict = json!({ "filesLiftOptOuts": false, "revocationDays": null, "confirmMinutes": null });
    assert_eq!((&change["before"], &change["after"]), (&strict, &told), "{audited}");
}
