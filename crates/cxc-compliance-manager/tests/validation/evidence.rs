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
    let digest = app.get("/compliance/evidence-digest?day=20260303").await.expect(200);
    assert_eq!((&digest["holds"], &digest["isOver"], &digest["broken"]), (&json!(true), &json!(false), &json!([])));
    assert_eq!(digest["digest"].as_str().unwrap().len(), 64);
    let none = json!({ "day": 20_240_229, "chains": 0, "blocks": 0, "isOver": true, "holds": true, "broken": [] });
    assert_eq!(app.get("/compliance/evidence-digest?day=20240229").await.expect(200), none);
    assert_eq!(app.get("/compliance/evidence-digest?day=20260230").await.expect_problem(400), "bad_filter");
    for day in ["0", "20260230", "2026-03-03", "202603031", "-20260303"] {
        let refused = app.get(&format!("/compliance/evidence-chains?day={day}")).await;
        assert_eq!(refused.expect_problem(400), "bad_filter", "{day}");
    }
    assert_eq!(app.get("/compliance/evidence-chains?day=20240229").await.expect(200), json!([]));
}

/// A clock that goes on whenever somebody looks.
struct Ticking(std::sync::atomic::AtomicI64);

impl cxc_server::Clock for Ticking {
    fn now(&self) -> jiff::Timestamp {
        let at = self.0.fetch_add(1_000, std::sync::atomic::Ordering::Relaxed);
        jiff::Timestamp::from_microsecond(at).unwrap()
    }
}

#[tokio::test]
async fn a_decision_is_answered_kept_and_judged_by_one_instant() {
    let noon: jiff::Timestamp = NOON.parse().unwrap();
    let clock: std::sync::Arc<dyn cxc_server::Clock> =
        std::sync::Arc::new(Ticking(std::sync::atomic::AtomicI64::new(noon.as_microsecond())));
    let service = move |app| cxc_compliance_manager::service(cxc_server::App { clock, ..app }).unwrap();
    let app = TestApp::start(service).await.unwrap();
    let held = app.post(VALIDATE).json(&ask(1, "a", 60_000)).await.expect(200);
    let kept = app.get(&format!("/compliance/evidence/{}", held["evidence_id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&kept["at"], &kept["decision"]["inputs"]["at"]), (&held["evaluated_at"], &held["evaluated_at"]));
}

#[tokio::test]
async fn whom_evidence_is_about_is_told_to_who_may_see_peoples_data_only() {
    let app = start().await;
    let held = app.post(VALIDATE).json(&ask(1, "a", 60_000)).await.expect(200);
    let begun = json!({ "contact_info": phone(1), "cxc_reservation_id": held["reservation_id"] });
    app.post(REPORTS).json(&report("g", 0, &begun)).await.expect(200);
    let path = format!("/compliance/evidence/{}", held["evidence_id"].as_str().unwrap());
    let attempts = "/compliance/attempts?clientId=a";
    let reader = app.with_scopes(&[Scope::ComplianceRead, Scope::ListsRead]).await.unwrap();
    let kept = reader.get(&path).await.expect(200);
    assert_eq!((&kept["device"], &kept["outcome"]), (&Value::Null, &json!("allow")), "{kept}");
    let shown = reader.get(attempts).await.expect(200);
    let attempt = &shown["items"][0];
    assert_eq!((&attempt["guid"], &attempt["address"], &attempt["report"]), (&json!("g"), &Value::Null, &Value::Null));
    assert!(!kept.to_string().contains(&phone(1)) && !shown.to_string().contains(&phone(1)));
    let exported = reader.post("/compliance/evidence-exports").json(&json!({ "clientId": "a" })).await;
    assert_eq!(exported.expect_problem(403), "scope_missing");
    // to who may, all of it
    let officer = app.with_scopes(&[Scope::ComplianceRead, Scope::PrivacyAdmin]).await.unwrap();
    assert_eq!(officer.get(&path).await.expect(200)["device"], phone(1));
    assert_eq!(officer.get(attempts).await.expect(200)["items"][0]["address"], phone(1));
    let exported = officer.post("/compliance/evidence-exports").json(&json!({ "clientId": "a" })).await;
    assert_eq!(exported.status.as_u16(), 200);
}

#[tokio::test]
async fn what_was_decided_is_decided_again_from_what_is_kept() {
    use cxc_core::compliance::{CheckInputs, IntervalCache, RuleSet, Zones};
    use cxc_store::evidence::EvidenceFilter;
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
    let keys = vec![app.app.hash_key.hash(app.tenant(), "a")];
    let filter = EvidenceFilter { keys, to: i64::MAX, ..Default::default() };
    let found = app.app.db.read().await.unwrap().evidence_find(app.tenant(), &filter, 10).await.unwrap();
    let documents = app.app.db.read().await.unwrap().rule_documents(app.tenant()).await.unwrap();
    let rules = RuleSet::compile(&documents, &[], &Zones::bundled());
    let mut cache = IntervalCache::new(Zones::bundled(), 10);
    let mut decisions = Vec::new();
    for found in found {
        let inputs: CheckInputs = serde_json::from_value(found.decision.inputs).unwrap();
        let again = serde_json::to_string(&inputs.check(&rules, &mut cache)).unwrap();
        let verdict = found.decision.verdict;
        assert_eq!(again, serde_json::to_string(&verdict).unwrap());
        decisions.push(verdict["decision"].as_str().unwrap().to_owned());
    }
    assert_eq!(decisions, ["allow", "defer"]);
}
