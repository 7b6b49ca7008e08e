//! Pre-dial validation, reservations, reports and evidence by the internal backend.
#![expect(clippy::unwrap_used, reason = "a test that finds something else than it expects has failed")]
use std::time::Duration;

use cxc_server::Scope;
use cxc_test::TestApp;
use serde_json::{Value, json};

const VALIDATE: &str = "/internal/v1/compliance/validations";
const RECORDS: &str = "/internal/v1/validations";
const REPORTS: &str = "/internal/v1/attempts";
/// Noon in New York.
const NOON: &str = "2026-03-03T17:00:00Z";
/// Three in the morning there.
const NIGHT: &str = "2026-03-03T08:00:00Z";

async fn start() -> TestApp {
    let app = TestApp::start(|app| cxc_compliance_manager::service(app).unwrap()).await.unwrap();
    app.clock.set(NOON);
    app
}

/// A cap of attempts for everybody.
async fn cap(app: &TestApp, max: u32, count_by: &str) {
    let body = json!({ "name": format!("cap {count_by}"), "maxAttempts": max, "window": { "seconds": 86_400 },
        "results": [], "countBy": count_by, "required": true });
    app.create("/compliance/attempt-rules", &body).await;
}

fn phone(n: u32) -> String {
    format!("+1212930{n:04}")
}

fn ask(n: u32, client: &str, hold_ms: u32) -> Value {
    json!({ "request_id": "r", "type": "voice", "contact": { "client_id": client }, "device": { "e164": phone(n) },
        "hold_ms": hold_ms })
}

fn report(guid: &str, sequence: u32, more: &Value) -> Value {
    let mut report = json!({ "GSW_CALL_ATTEMPT_GUID": guid, "GSW_HIST_SEQUENCE_NUM": sequence,
        "GSW_TENANT_NAME": "one", "GSW_TENANT_CCID": "undefined" });
    report.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    report
}

async fn attempts(app: &TestApp, n: u32) -> Vec<Value> {
    let found = app.get(&format!("/compliance/attempts?device=%2B{}", &phone(n)[1..])).await.expect(200);
    found["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn only_programs_with_the_scope_ask() {
    let app = start().await;
    for path in [VALIDATE, RECORDS, REPORTS, "/internal/v1/compliance/validations/batch"] {
        assert_eq!(app.stranger().post(path).json(&json!({})).await.expect_problem(401), "unauthenticated");
        let reader = app.with_scopes(&[Scope::ComplianceRead]).await.unwrap();
        assert_eq!(reader.post(path).json(&json!({})).await.expect_problem(403), "scope_missing");
    }
    let dialer = app.with_scopes(&[Scope::ComplianceValidate]).await.unwrap();
    dialer.post(VALIDATE).json(&ask(1, "a", 0)).await.expect(200);
    let mut theirs = ask(1, "a", 0);
    theirs["ccid"] = json!("ccid-other");
    assert_eq!(dialer.post(VALIDATE).json(&theirs).await.expect_problem(403), "forbidden");
}

#[tokio::test]
async fn what_is_wrong_with_a_question_is_named() {
    let app = start().await;
    let wrong = json!({ "type": "voice", "device": { "e164": "12" }, "hold_ms": 3_600_001,
        "contact": { "accounts": vec!["a"; 21], "tz": "Mars/Olympus", "country": "X9" } });
    let refused = app.post(VALIDATE).json(&wrong).await.expect(422);
    let mut pointers: Vec<&str> =
        refused["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/contact/accounts", "/contact/country", "/contact/tz", "/device/e164", "/hold_ms"]);
    app.post(VALIDATE).json(&json!({ "type": "fax", "device": {} })).await.expect(422);
    app.post(VALIDATE).json(&json!({ "type": "email", "device": { "e164": phone(1) } })).await.expect(422);
    app.post(VALIDATE).json_text("{").await.expect(400);
    let many = json!({ "items": vec![ask(1, "a", 0); 501] });
    assert_eq!(
        app.post("/internal/v1/compliance/validations/batch").json(&many).await.expect_problem(413),
        "too_many_items"
    );
    let group =
        json!({ "type": "sms", "device": { "e164": phone(1) }, "group_id": "01890000-0000-7000-8000-000000000000" });
    app.post(VALIDATE).json(&group).await.expect(422);
}

#[tokio::test]
async fn a_question_is_answered_with_every_reason_and_the_earliest_instant() {
    let app = start().await;
    let answer = app.post(VALIDATE).json(&ask(1, "a", 0)).await.expect(200);
    assert_eq!((&answer["decision"], &answer["request_id"]), (&json!("allow"), &json!("r")));
    assert!(answer["evidence_id"].is_null() && answer["reservation_id"].is_null(), "a question leaves nothing behind");
    app.clock.set(NIGHT);
    let answer = app.post(VALIDATE).json(&ask(1, "a", 60_000)).await.expect(409);
    assert_eq!((&answer["decision"], &answer["code"]), (&json!("defer"), &json!("contact_times")));
    assert_eq!(answer["not_before"], "2026-03-03T13:00:00Z");
    assert_eq!(answer["reasons"][0]["scope"], "contact_times");
    assert!(answer["reservation_id"].is_null() && answer["evidence_id"].is_string());
    assert!(attempts(&app, 1).await.is_empty());
    app.clock.set(NOON);
    app.post(VALIDATE).json(&ask(1, "a", 60_000)).await.expect(200);
}

#[tokio::test]
async fn a_reservation_is_an_attempt_until_it_is_reported_or_released() {
    let app = start().await;
    cap(&app, 1, "device").await;
    let held = app.post(VALIDATE).json(&ask(1, "a", 60_000)).await.expect(200);
    assert_eq!(held["expires_at"], "2026-03-03T17:01:00Z");
    let second = app.post(VALIDATE).json(&ask(1, "a", 60_000)).await.expect(409);
    assert_eq!(second["code"], "history_pending");
    let elsewhere = app.post(VALIDATE).json(&ask(2, "a", 60_000)).await.expect(409);
    assert_eq!(elsewhere["code"], "history_pending", "the same person on another device");
    assert_eq!(attempts(&app, 1).await[0]["state"], "reserved");
    let id = held["reservation_id"].as_str().unwrap();
    app.post(&format!("/internal/v1/reservations/{id}/actions/release")).await.expect(204);
    app.post(&format!("/internal/v1/reservations/{id}/actions/release")).await.expect(409);
    assert_eq!(attempts(&app, 1).await[0]["state"], "not_sent");
    app.post(VALIDATE).json(&ask(1, "a", 60_000)).await.expect(200);
}

#[tokio::test]
async fn a_reservation_that_nobody_confirms_hardens_and_counts() {
    let mut app = start().await;
    cap(&app, 1, "device").await;
    let held = app.post(VALIDATE).json(&ask(1, "a", 1_000)).await.expect(200);
    app.clock.advance(Duration::from_secs(2));
    app.run_work();
    let state = async || attempts(&app, 1).await[0]["state"].as_str().unwrap().to_owned();
    for _ in 0..100 {
        if state().await == "in_doubt" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(state().await, "in_doubt");
    let refused = app.post(VALIDATE).json(&ask(1, "a", 1_000)).await.expect(409);
    assert_eq!((&refused["code"], &refused["reasons"][0]["observed"]), (&json!("attempt_rule"), &json!(1)));
    let id = held["reservation_id"].as_str().unwrap();
    app.post(&format!("/internal/v1/reservations/{id}/actions/release")).await.expect(409);
    // the result comes after all
    let late = report("late", 1, &json!({ "cxc_reservation_id": id, "GSW_CALL_RESULT": 6 }));
    assert_eq!(app.post(REPORTS).json(&late).await.expect(200)["advanced"], 1);
    assert_eq!(state().await, "final");
    app.stop_work().await.unwrap();
}

#[tokio::test]
async fn a_record_is_dialed_with_its_handle_as_etag_and_once_at_a_time() {
    let app = start().await;
    let record = |guid: &str| {
        json!({ "GSW_RECORD_HANDLE": 4711, "contact_info": phone(1), "c_client_id": "a",
        "GSW_CALL_ATTEMPT_GUID": guid, "GSW_TENANT_CCID": "ccid-one", "something_else": [1] })
    };
    let yes = app.post(RECORDS).json(&record("g1")).await;
    let id = yes.expect(200)["cxc_reservation_id"].clone();
    assert_eq!(yes.header("etag"), Some("4711"));
    let again = app.post(RECORDS).json(&record("g1")).await.expect(200);
    assert_eq!(again["cxc_reservation_id"], id, "a repeated question has the same answer");
    let no = app.post(RECORDS).json(&record("g2")).await.expect(409);
    assert_eq!(no["code"], "history_pending");
    for (member, other) in [("contact_info", json!(phone(2))), ("c_client_id", json!("b"))] {
        let mut moved = record("g1");
        moved[member] = other;
        let refused = app.post(RECORDS).json(&moved).await.expect(409);
        assert_eq!(refused["code"], "guid_used", "the same id with another {member}");
    }
    for (sequence, more) in [(0, json!({})), (1, json!({ "GSW_CALL_RESULT": 7, "contact_info": phone(1) }))] {
        app.post(REPORTS).json(&report("g1", sequence, &more)).await.expect(200);
    }
    let used = app.post(RECORDS).json(&record("g1")).await.expect(409);
    assert_eq!(used["code"], "guid_used", "an id stands for one attempt");
    app.post(RECORDS).json(&record("g3")).await.expect(200);
    app.post(RECORDS).json(&json!({ "contact_info": phone(1) })).await.expect(422);
}

#[tokio::test]
async fn a_record_that_is_not_to_be_dialed_names_the_rule_and_the_result() {
    let app = start().await;
    let switch = json!({ "stopped": true, "reason": "audit" });
    app.put("/compliance/stop-switch").json(&switch).await.expect(200);
    let record = json!({ "GSW_RECORD_HANDLE": "h", "contact_info": phone(1) });
    let stopped = app.post(RECORDS).json(&record).await.expect(409);
    assert_eq!((&stopped["ruleType"], &stopped["ruleId"]), (&json!("stop_switch"), &json!("stop_switch")));
    assert!(stopped["earliest"].is_string() && stopped["callResult"].is_null());
}

#[tokio::test]
async fn a_suppressed_device_ends_as_do_not_call() {
    let app = TestApp::start_all(vec![
        Box::new(|app| cxc_compliance_manager::service(app).unwrap()),
        Box::new(|app| {
            use std::sync::Arc;
            let readers = cxc_list_manager::Readers {
                phones: Arc::new(cxc_core::phone::PhoneParser::new().unwrap()),
                tables: cxc_core::location::LiveTables::new(cxc_core::location::LocationTables::embedded().unwrap()),
                locations: Arc::new(cxc_store::location::Locations::new()),
            };
            cxc_list_manager::service(app, readers).unwrap()
        }),
    ])
    .await
    .unwrap();
    app.clock.set(NOON);
    let list = json!({ "name": "do not call", "type": "device", "required": true, "channels": ["voice", "sms"] });
    let list = app.create("/suppression-lists", &list).await;
    let entries = format!("/suppression-lists/{}/entries", list["id"].as_str().unwrap());
    app.post(&entries).json(&json!({ "value": phone(1) })).await.expect(201);
    let record = json!({ "GSW_RECORD_HANDLE": "h", "contact_info": phone(1), "GSW_CALL_ATTEMPT_GUID": "g" });
    let no = app.post(RECORDS).json(&record).await.expect(409);
    assert_eq!((&no["code"], &no["callResult"], &no["ruleId"]), (&json!("suppressed"), &json!(51), &list["id"]));
    let email =
        json!({ "type": "email", "device": { "email": "A@Example.com" }, "contact": { "tz": "America/New_York" } });
    app.post(VALIDATE).json(&email).await.expect(200);
}

#[tokio::test]
async fn reports_come_in_any_order_and_any_number_of_times() {
    let app = start().await;
    let begun = report("g", 0, &json!({ "contact_info": phone(1), "unknown_field": { "x": [1, 2] } }));
    let ended = report("g", 1, &json!({ "contact_info": phone(1), "GSW_CALL_RESULT": 33, "unknown_field": "kept" }));
    let counts = |answer: &Value| ["new", "advanced", "repeated"].map(|c| answer[c].as_i64().unwrap());
    assert_eq!(counts(&app.post(REPORTS).json(&begun).await.expect(200)), [1, 0, 0]);
    assert_eq!(attempts(&app, 1).await[0]["state"], "sending");
    assert_eq!(app.post(VALIDATE).json(&ask(1, "a", 0)).await.expect(409)["code"], "history_pending");
    assert_eq!(counts(&app.post(REPORTS).json(&ended).await.expect(200)), [0, 1, 0]);
    for late in [&begun, &ended, &begun] {
        assert_eq!(counts(&app.post(REPORTS).json(late).await.expect(200)), [0, 0, 1]);
    }
    let shown = attempts(&app, 1).await;
    assert_eq!(shown.len(), 1);
    assert_eq!((&shown[0]["state"], &shown[0]["result"]["code"]), (&json!("final"), &json!(33)));
    assert_eq!(shown[0]["report"]["unknown_field"], "kept");
    app.post(VALIDATE).json(&ask(1, "a", 0)).await.expect(200);
    // the final result alone, and a whole batch with both
    let batch = json!([
        report("h", 1, &json!({ "contact_info": phone(2), "GSW_CALL_RESULT": 6 })),
        report("i", 0, &json!({ "contact_info": phone(3) })),
        report("i", 1, &json!({ "contact_info": phone(3), "GSW_CALL_RESULT": 7 }))
    ]);
    assert_eq!(counts(&app.post(REPORTS).json(&batch).await.expect(200)), [2, 0, 1]);
    assert_eq!(attempts(&app, 3).await[0]["state"], "final");
}

#[tokio::test]
async fn a_report_that_says_too_little_is_refused_whole() {
    let app = start().await;
    for name in ["GSW_CALL_ATTEMPT_GUID", "GSW_HIST_SEQUENCE_NUM", "GSW_TENANT_NAME", "GSW_TENANT_CCID"] {
        let mut lacking = report("g", 0, &json!({ "contact_info": phone(1) }));
        lacking.as_object_mut().unwrap().remove(name);
        let refused = app.post(REPORTS).json(&json!([report("f", 0, &json!({})), lacking])).await.expect(400);
        assert!(refused["detail"].as_str().unwrap().contains(name), "{refused}");
    }
    for wrong in [json!({ "GSW_HIST_SEQUENCE_NUM": 2 }), json!({ "GSW_CALL_RESULT": 99 })] {
        app.post(REPORTS).json(&report("g", 1, &wrong)).await.expect(400);
    }
    app.post(REPORTS).json(&json!([])).await.expect(413);
    app.post(REPORTS).json(&report("g", 0, &json!({ "GSW_TENANT_CCID": "ccid-other" }))).await.expect(403);
    let other = app.other.get("/compliance/attempts?guid=f").await.expect(200);
    assert_eq!(other["items"], json!([]));
    assert_eq!(
        app.get("/compliance/attempts?guid=f").await.expect(200)["items"],
        json!([]),
        "nothing of a refused batch"
    );
}

#[tokio::test]
async fn each_limit_is_answered_with_its_reason() {
    let app = start().await;
    for _ in 0..10 {
        app.post(VALIDATE).json(&ask(1, "a", 0)).await.expect(200);
    }
    let refused = app.post(VALIDATE).json(&ask(1, "a", 0)).await;
    assert_eq!(refused.expect(429)["reason"], "device");
    assert!(refused.header("retry-after").unwrap().parse::<u32>().unwrap() <= 6);
    for n in 2..12 {
        app.post(VALIDATE).json(&ask(n, "a", 0)).await.expect(200);
    }
    assert_eq!(app.post(VALIDATE).json(&ask(12, "a", 0)).await.expect(429)["reason"], "customerId");
    let batch = json!({ "items": (0..15).map(|_| ask(50, "b", 0)).collect::<Vec<_>>() });
    let answers = app.post("/internal/v1/compliance/validations/batch").json(&batch).await.expect(200);
    let codes: Vec<_> = answers["items"].as_array().unwrap().iter().map(|i| i["code"].clone()).collect();
    assert_eq!(codes.iter().filter(|c| **c == json!("rate_limited")).count(), 5, "a batch counts its items");
}

#[tokio::test]
async fn a_batch_holds_a_cap_also_among_its_own_items() {
    let app = start().await;
    cap(&app, 2, "client_id").await;
    let items: Vec<Value> =
        (0..5).map(|n| ask(n, &format!("client {n}"), 60_000)).chain([ask(9, "client 0", 60_000)]).collect();
    let answers =
        app.post("/internal/v1/compliance/validations/batch").json(&json!({ "items": items })).await.expect(200);
    let decisions: Vec<&str> =
        answers["items"].as_array().unwrap().iter().map(|i| i["decision"].as_str().unwrap()).collect();
    assert_eq!(decisions, ["allow", "allow", "allow", "allow", "allow", "defer"]);
    assert_eq!(answers["items"][5]["code"], "history_pending");
}

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

#[tokio::test]
async fn rules_that_cannot_be_read_allow_nobody() {
    let app = start().await;
    cap(&app, 5, "device").await;
    let mut tx = app.app.db.begin().await.unwrap();
    let sql = tx.choose(
        "UPDATE object SET body = '{\"maxAttempts\": \"many\"}'::jsonb WHERE kind = 'attempt_rule'",
        "UPDATE object SET body = '{\"maxAttempts\": \"many\"}' WHERE kind = 'attempt_rule'",
    );
    cxc_store::on!(&mut tx, conn => sqlx::query(sql).execute(conn).await.unwrap().rows_affected());
    tx.rule_set_moved(app.tenant()).await.unwrap();
    tx.commit().await.unwrap();
    let refused = app.post(VALIDATE).json(&ask(1, "a", 60_000)).await.expect(503);
    assert_eq!((&refused["decision"], &refused["reasons"][0]["scope"]), (&json!("error"), &json!("unreadable_rule")));
    let record = json!({ "GSW_RECORD_HANDLE": "h", "contact_info": phone(1) });
    assert_eq!(app.post(RECORDS).json(&record).await.expect_problem(503), "dependency_unavailable");
}

#[tokio::test]
async fn a_database_that_is_gone_allows_nobody_and_asks_to_keep_reports() {
    let app = start().await;
    app.post(VALIDATE).json(&ask(1, "a", 0)).await.expect(200);
    app.app.db.close().await;
    app.post(VALIDATE).json(&ask(2, "a", 0)).await.expect(503);
    app.post(VALIDATE).json(&ask(3, "a", 60_000)).await.expect(503);
    let answer = app.post(REPORTS).json(&report("g", 0, &json!({ "contact_info": phone(1) }))).await;
    assert_eq!(answer.expect_problem(503), "dependency_unavailable");
}

#[tokio::test]
async fn every_metric_is_fed_by_what_happens() {
    let app = start().await;
    let service = std::sync::Arc::new(std::sync::Mutex::new(None));
    let kept = std::sync::Arc::clone(&service);
    drop(app);
    let app = TestApp::start(move |app| {
        *kept.lock().unwrap() = Some(std::sync::Arc::clone(&app.metrics));
        cxc_compliance_manager::service(app).unwrap()
    })
    .await
    .unwrap();
    app.clock.set(NOON);
    for _ in 0..11 {
        app.post(VALIDATE).json(&ask(1, "a", 0)).await;
    }
    app.post(REPORTS)
        .json(&report("g", 1, &json!({ "contact_info": phone(1), "GSW_CALL_RESULT": 6 })))
        .await
        .expect(200);
    let text = service.lock().unwrap().as_ref().unwrap().render();
    let voice = "ccid=\"ccid-one\",tenant_name=\"one\",type=\"voice\"";
    for line in [
        format!("compliance_validation_complete_total{{{voice}}} 11"),
        format!("compliance_validation_success_total{{{voice}}} 10"),
        format!("compliance_validation_failed_total{{{voice}}} 1"),
        "compliance_validation_success_by_tenant{tenant_name=\"one\",type=\"voice\"} 10".into(),
        "compliance_validation_failed_by_tenant{tenant_name=\"one\",type=\"voice\"} 1".into(),
        format!("compliance_validation_under_processing_total{{{voice}}} 0"),
        format!("compliance_api_history_requests_total{{{voice}}} 1"),
        "compliance_ocs_calls_placed{GSW_CALL_RESULT=\"6\"} 1".into(),
        "cxc_compliance_validation_rate_limit_reached{ccid=\"ccid-one\",reason=\"device\"} 1".into(),
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
    }
    assert!(text.contains("cxc_compliance_request_latencies_ms_count"), "{text}");
}
