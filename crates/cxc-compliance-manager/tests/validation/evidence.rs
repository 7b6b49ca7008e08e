//! What is kept of decisions.
use super::*;

#[tokio::test]
async fn every_dial_time_decision_is_kept_and_found_again() {
    let app = start().await;
    let held = app.post(VALIDATE).json(&ask(1, "a", 60_000)).await.expect(200);
    app.post(VALIDATE).json(&ask(1, "a", 60_000)).await.expect(409);
    app.post(VALIDATE).json(&ask(2, "b", 60_000)).await.expect(200);
    let path = format!("/compliance/evidence/{}", held["evidence_id"].as_str().unwrap());
    let kept = app.get(&path).await.expect(200);
    assert_eq!(kept["device"], phone(1));
    let decision = &kept["decision"];
    assert_eq!((&decision["verdict"]["decision"], &decision["requestId"]), (&json!("allow"), &json!("r")));
    assert!(decision["inputs"]["parts"][0]["zones"].as_str().unwrap().contains("America/New_York"));
    app.other.get(&path).await.expect(404);
    let of_person = app.get("/compliance/evidence?clientId=a").await.expect(200);
    assert_eq!(of_person["items"].as_array().unwrap().len(), 2);
    assert_eq!(of_person["items"][1]["decision"]["held"], "history_pending");
    let first = app.get("/compliance/evidence?limit=2").await.expect(200);
    let rest =
        app.get(&format!("/compliance/evidence?limit=2&cursor={}", first["next"].as_str().unwrap())).await.expect(200);
    assert_eq!((first["items"].as_array().unwrap().len(), rest["items"].as_array().unwrap().len()), (2, 1));
    assert_eq!(rest["next"], Value::Null);
    let chains = app.get("/compliance/evidence-chains?day=20260303").await.expect(200);
    assert!(chains.as_array().unwrap().iter().all(|c| c["holds"] == true), "{chains}");
}

#[tokio::test]
async fn what_was_decided_is_decided_again_from_what_is_kept() {
    use cxc_core::compliance::{CheckInputs, IntervalCache, RuleSet, Zones};
    let app = start().await;
    cap(&app, 1, "device").await;
    let held = app.post(VALIDATE).json(&ask(1, "a", 60_000)).await.expect(200);
    let id = held["reservation_id"].clone();
    app.post(REPORTS)
        .json(&report("g", 1, &json!({ "cxc_reservation_id": id, "GSW_CALL_RESULT": 6 })))
        .await
        .expect(200);
    app.clock.advance(Duration::from_secs(60));
    app.post(VALIDATE).json(&ask(1, "a", 60_000)).await.expect(409);
    let found = app.get("/compliance/evidence?clientId=a").await.expect(200);
    let documents = app.app.db.read().await.unwrap().rule_documents(app.tenant()).await.unwrap();
    let rules = RuleSet::compile(&documents, &[], &Zones::bundled());
    let mut cache = IntervalCache::new(Zones::bundled(), 10);
    let mut decisions = Vec::new();
    for item in found["items"].as_array().unwrap() {
        let inputs: CheckInputs = serde_json::from_value(item["decision"]["inputs"].clone()).unwrap();
        let again = serde_json::to_string(&inputs.check(&rules, &mut cache)).unwrap();
        assert_eq!(again, serde_json::to_string(&item["decision"]["verdict"]).unwrap());
        decisions.push(item["decision"]["verdict"]["decision"].as_str().unwrap().to_owned());
    }
    assert_eq!(decisions, ["allow", "defer"]);
}
