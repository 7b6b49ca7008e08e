//! Requests for a person's data and its erasure by the API.
#![expect(clippy::unwrap_used, reason = "a test that finds something else than it expects has failed")]
use std::time::Duration;

use cxc_server::Scope;
use cxc_test::{Caller, TestApp};
use serde_json::{Value, json};

const PATH: &str = "/privacy/requests";
const FLAGS: &str = "/compliance/person-flags";
const PHONE: &str = "+12125550123";
const OF_PHONE: &str = "/compliance/person-flags?device=%2B12125550123";

async fn start() -> TestApp {
    TestApp::start(|app| cxc_compliance_manager::service(app).unwrap()).await.unwrap()
}

fn asked(kind: &str) -> Value {
    json!({ "kind": kind, "device": PHONE, "reason": "letter of 1 March" })
}

/// What is known of the person in a tenant.
async fn remember(who: &Caller) {
    let flag = json!({ "device": PHONE, "flag": "cease", "note": "said so on the phone" });
    who.post(FLAGS).json(&flag).await.expect(201);
}

/// Waits until a request has ended; answers it.
async fn ended(who: &Caller, id: &str) -> Value {
    let started = std::time::Instant::now();
    loop {
        let request = who.get(&format!("{PATH}/{id}")).await.expect(200);
        if !matches!(request["state"].as_str(), Some("queued" | "running")) {
            return request;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "it does not end: {request}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

async fn ask(who: &Caller, kind: &str) -> String {
    who.post(PATH).json(&asked(kind)).await.expect(202)["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_request_says_who_is_meant_and_why_and_only_who_may_makes_one() {
    let app = start().await;
    let officer = app.with_scopes(&[Scope::ComplianceRead, Scope::ComplianceRequired]).await.unwrap();
    assert_eq!(officer.post(PATH).json(&asked("erase")).await.expect_problem(403), "scope_missing");
    assert_eq!(officer.get(PATH).await.expect_problem(403), "scope_missing");
    let pointer = async |body: Value| {
        let refused = app.post(PATH).json(&body).await.expect(422);
        refused["errors"][0]["pointer"].as_str().unwrap().to_owned()
    };
    assert_eq!(pointer(json!({ "kind": "erase", "device": PHONE, "reason": " " })).await, "/reason");
    assert_eq!(pointer(json!({ "kind": "erase", "reason": "letter" })).await, "/device");
    let both = json!({ "kind": "erase", "device": PHONE, "clientId": "C-1", "reason": "letter" });
    assert_eq!(pointer(both).await, "/device");
    let named = json!({ "kind": "erase", "clientId": "C-1", "reason": "c-1, by letter" });
    assert_eq!(pointer(named).await, "/reason", "the audit log would go on naming the person");
    assert_eq!(app.get(PATH).await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn an_export_is_made_once_fetched_and_gone_with_the_person() {
    let mut app = start().await;
    remember(&app).await;
    remember(&app.other).await;
    let first = app.post(PATH).header("idempotency-key", "request-0001").json(&asked("export")).await;
    let job = first.expect(202);
    let id = job["id"].as_str().unwrap().to_owned();
    assert_eq!(job["kind"], "privacy_export");
    assert!(first.header("location").unwrap().ends_with(&format!("/jobs/{id}")));
    let again = app.post(PATH).header("idempotency-key", "request-0001").json(&asked("export")).await;
    assert_eq!((again.expect(202)["id"].as_str(), again.header("idempotent-replayed")), (Some(&*id), Some("true")));
    assert_eq!(ask(&app, "export").await, id, "one that waits is not asked for twice");
    let export = format!("{PATH}/{id}/export");
    app.get(&export).await.expect(404);
    app.run_work();
    let done = ended(&app, &id).await;
    assert_eq!(
        (&done["state"], &done["kind"], &done["reason"]),
        (&json!("succeeded"), &json!("export"), &asked("")["reason"])
    );
    assert_eq!((&done["result"]["known"], &done["result"]["flags"]), (&json!(true), &json!(1)), "{done}");
    assert_eq!(done["progress"], json!({ "done": 3, "total": 3 }));
    assert!(done["exportUrl"].as_str().unwrap().ends_with(&export));
    let file = app.get(&export).await;
    assert_eq!(file.expect(200)["flags"][0]["note"], "said so on the phone");
    assert_eq!(file.header("cache-control"), Some("no-store"));

    // another tenant has neither the request nor the person's data
    assert_eq!(app.other.get(PATH).await.expect(200)["items"], json!([]));
    for path in [&format!("{PATH}/{id}"), &export] {
        assert_eq!(app.other.get(path).await.expect_problem(404), "not_found");
    }
    let erasure = ask(&app, "erase").await;
    assert_ne!(erasure, id);
    let done = ended(&app, &erasure).await;
    assert_eq!((&done["state"], &done["result"]["known"]), (&json!("succeeded"), &json!(true)), "{done}");
    app.get(&export).await.expect(404);
    assert_eq!(app.get(&format!("{PATH}/{id}")).await.expect(200)["exportUrl"], Value::Null);
    let held = app.get(OF_PHONE).await.expect(200);
    assert_eq!((&held["items"][0]["flag"], &held["items"][0]["note"]), (&json!("cease"), &Value::Null));
    assert_eq!(app.other.get(OF_PHONE).await.expect(200)["items"][0]["note"], "said so on the phone");
    let found = ask(&app.other, "find").await;
    assert_eq!(ended(&app.other, &found).await["result"]["flags"], 1);
    app.stop_work().await.unwrap();
}

#[tokio::test]
async fn what_was_asked_for_is_listed_and_audited_and_nothing_names_the_person_after_its_erasure() {
    let mut app = start().await;
    remember(&app).await;
    app.run_work();
    let mut made = Vec::new();
    for kind in ["find", "export", "erase", "erase"] {
        let id = ask(&app, kind).await;
        let done = ended(&app, &id).await;
        assert_eq!((&done["kind"], &done["state"]), (&json!(kind), &json!("succeeded")), "{done}");
        made.insert(0, id);
        app.clock.advance(Duration::from_secs(1));
    }
    app.stop_work().await.unwrap();
    let first = app.get(&format!("{PATH}?limit=3")).await.expect(200);
    let next = first["next"].as_str().unwrap();
    let rest = app.get(&format!("{PATH}?limit=3&cursor={next}")).await.expect(200);
    let ids = |page: &Value| {
        let items = page["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!([ids(&first), ids(&rest)].concat(), made);
    let audited = app.get("/audit-events?limit=500").await.expect(200);
    let count = |action: &str, kind: &str| {
        let events = audited["items"].as_array().unwrap().iter();
        events.filter(|event| event["action"] == action && event["objectKind"] == kind).count()
    };
    assert_eq!(count("create", "privacy_request"), 4);
    assert_eq!((count("export", "person"), count("erase", "person")), (1, 2));
    for text in [audited.to_string(), app.get(PATH).await.text(), app.get("/jobs").await.text()] {
        assert!(!text.contains(&PHONE[1..]), "{text}");
    }
}

#[tokio::test]
async fn a_request_about_somebody_who_was_erased_meanwhile_says_so() {
    let mut app = start().await;
    remember(&app).await;
    let erasure = ask(&app, "erase").await;
    app.clock.advance(Duration::from_secs(1));
    let late = ask(&app, "export").await;
    app.run_work();
    assert_eq!(ended(&app, &erasure).await["state"], "succeeded");
    let failed = ended(&app, &late).await;
    assert_eq!((&failed["state"], &failed["error"]["code"]), (&json!("failed"), &json!("not_found")), "{failed}");
    assert!(failed["error"]["detail"].as_str().unwrap().contains("was erased"));
    app.stop_work().await.unwrap();
}

#[tokio::test]
async fn an_erasure_opens_no_cap_and_leaves_nothing_to_be_found() {
    let mut app = start().await;
    app.clock.set("2026-03-03T17:00:00Z");
    let rule = json!({ "name": "once", "maxAttempts": 1, "window": { "seconds": 86_400 }, "results": [],
        "countBy": "client_id", "required": true });
    app.create("/compliance/attempt-rules", &rule).await;
    let report = json!({ "GSW_CALL_ATTEMPT_GUID": "g", "GSW_HIST_SEQUENCE_NUM": 1, "GSW_TENANT_NAME": "one",
        "GSW_TENANT_CCID": "undefined", "contact_info": PHONE, "c_client_id": "C-1", "GSW_CALL_RESULT": 7 });
    app.post("/internal/v1/attempts").json(&report).await.expect(200);
    app.run_work();
    let id = ask(&app, "erase").await;
    assert_eq!(ended(&app, &id).await["state"], "succeeded");
    let asked = json!({ "type": "voice", "contact": { "client_id": "C-1" }, "device": { "e164": "+12125550124" } });
    let no = app.post("/internal/v1/compliance/validations").json(&asked).await.expect(409);
    assert_eq!(no["code"], "attempt_rule", "{no}");
    for path in ["/compliance/attempts?clientId=C-1", "/compliance/attempts?device=%2B12125550123"] {
        assert_eq!(app.get(path).await.expect(200)["items"], json!([]), "{path}");
    }
    // who asked not to be called in that call, and is told so late, is not called
    let late = json!({ "GSW_CALL_ATTEMPT_GUID": "g", "GSW_HIST_SEQUENCE_NUM": 1, "GSW_TENANT_NAME": "one",
        "GSW_TENANT_CCID": "undefined", "GSW_CALL_RESULT": 51 });
    app.post("/internal/v1/attempts").json(&late).await.expect(200);
    let asked = json!({ "type": "voice", "contact": {}, "device": { "e164": PHONE } });
    let no = app.post("/internal/v1/compliance/validations").json(&asked).await.expect(409);
    assert!(no["reasons"].to_string().contains("opted_out"), "{no}");
}
