//! Compliance rules and the stop switch by their API.
#![expect(clippy::unwrap_used, reason = "a test that finds something else than it expects has failed")]
use cxc_server::Scope;
use cxc_test::{Caller, TestApp};
use serde_json::{Value, json};

async fn start() -> TestApp {
    TestApp::start(|app| cxc_compliance_manager::service(app).unwrap()).await.unwrap()
}

async fn version(app: &TestApp) -> i64 {
    app.app.db.read().await.unwrap().rule_set_version(app.tenant()).await.unwrap()
}

/// A compliance officer's assistant, who may not touch what is required.
async fn assistant(app: &TestApp) -> Caller {
    app.with_scopes(&[Scope::ComplianceRead, Scope::ComplianceWrite]).await.unwrap()
}

fn week(windows: &Value) -> Value {
    json!(vec![windows; 7])
}

fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect()
}

const TIMES: &str = "/compliance/contact-times";
const RULES: &str = "/compliance/attempt-rules";

#[tokio::test]
async fn a_bad_window_is_refused_at_its_place() {
    let app = start().await;
    let mut days = week(&json!([{ "from": "09:00", "till": "17:00" }]));
    days[2] = json!([{ "from": "17:00", "till": "09:00" }]);
    let body = json!({ "name": "office hours", "country": "us", "weekdays": days });
    let refused = app.post(TIMES).json(&body).await.expect(422);
    assert_eq!(pointers(&refused), ["/country", "/weekdays/2/0/till"]);
    let short = app.post(TIMES).json(&json!({ "name": "x", "weekdays": [[]] })).await.expect(422);
    assert_eq!(pointers(&short), ["/weekdays"]);
    let unread = app
        .post(TIMES)
        .json(&json!({ "name": "x", "weekdays": week(&json!([{ "from": "25:00", "till": "26:00" }])) }))
        .await;
    assert!(pointers(&unread.expect(422))[0].starts_with("/weekdays/0/0"), "{}", unread.text());
    let rule = json!({ "name": "x", "maxAttempts": 0, "window": { "today": true, "seconds": 5 }, "results": [99] });
    assert_eq!(pointers(&app.post(RULES).json(&rule).await.expect(422)), ["/maxAttempts", "/window", "/results/0"]);
    let date = app.post("/compliance/contact-dates").json(&json!({ "name": "x", "date": "2026-02-30" })).await;
    assert_eq!(date.expect_problem(422), "validation_failed");
    assert_eq!(version(&app).await, 0, "what was refused moves nothing");
}

#[tokio::test]
async fn every_change_of_a_rule_moves_the_version_that_senders_read() {
    let app = start().await;
    let body = json!({ "name": "office hours", "weekdays": week(&json!([{ "from": "09:00", "till": "17:00" }])) });
    let made = app.post(TIMES).json(&body).await;
    let shown = made.expect(201);
    assert_eq!((&shown["name"], &shown["required"], version(&app).await), (&json!("office hours"), &json!(true), 1));
    let path = format!("{TIMES}/{}", made.id());
    let edited = app.patch(&path).if_match(&made.etag()).json(&json!({ "country": "DE" })).await;
    assert_eq!((&edited.expect(200)["country"], version(&app).await), (&json!("DE"), 2));
    let documents = app.app.db.read().await.unwrap().rule_documents(app.tenant()).await.unwrap();
    assert_eq!((documents.version, documents.contact_times.len()), (2, 1));
    assert!(documents.contact_times[0].body.is_ok());
    app.delete(&path).if_match(&edited.etag()).await.expect(204);
    assert_eq!(version(&app).await, 3);
    let audited = app.get("/audit-events?objectKind=contact_times").await.expect(200);
    let actions: Vec<&str> =
        audited["items"].as_array().unwrap().iter().map(|e| e["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["delete", "update", "create"]);
    let other = app.app.db.read().await.unwrap().rule_set_version(app.other.no()).await.unwrap();
    assert_eq!(other, 0);
    app.other.get(&path).await.expect(404);
}

#[tokio::test]
async fn what_is_required_is_changed_only_by_those_who_may() {
    let app = start().await;
    let assistant = assistant(&app).await;
    let rule = |name: &str, required: bool| json!({ "name": name, "required": required, "maxAttempts": 3, "window": { "today": true } });
    assert_eq!(assistant.post(RULES).json(&rule("a", true)).await.expect_problem(403), "scope_missing");
    let free = assistant.post(RULES).json(&rule("a", false)).await;
    free.expect(201);
    let path = format!("{RULES}/{}", free.id());
    let raised = assistant.patch(&path).if_match(&free.etag()).json(&json!({ "required": true })).await;
    assert_eq!(raised.expect_problem(403), "scope_missing");
    let eased = assistant.patch(&path).if_match(&free.etag()).json(&json!({ "maxAttempts": 4 })).await;
    eased.expect(200);
    let required = app.patch(&path).if_match(&eased.etag()).json(&json!({ "required": true })).await;
    required.expect(200);
    for body in [json!({ "required": false }), json!({ "maxAttempts": 9 })] {
        let answer = assistant.patch(&path).if_match(&required.etag()).json(&body).await;
        assert_eq!(answer.expect_problem(403), "scope_missing", "{body}");
    }
    assert_eq!(assistant.delete(&path).if_match(&required.etag()).await.expect_problem(403), "scope_missing");
    app.delete(&path).if_match(&required.etag()).await.expect(204);
    // contact times are required unless they say otherwise, special dates always
    let times = json!({ "name": "t", "weekdays": week(&json!([{ "from": "09:00", "till": "17:00" }])) });
    assert_eq!(assistant.post(TIMES).json(&times).await.expect_problem(403), "scope_missing");
    let date = json!({ "name": "d", "date": "2026-12-25" });
    assert_eq!(assistant.post("/compliance/contact-dates").json(&date).await.expect_problem(403), "scope_missing");
    let reader = app.with_scopes(&[Scope::ComplianceRead]).await.unwrap();
    assert_eq!(reader.post(RULES).json(&rule("b", false)).await.expect_problem(403), "scope_missing");
}

#[tokio::test]
async fn the_stop_switch_needs_a_reason_and_is_audited() {
    let app = start().await;
    let path = "/compliance/stop-switch";
    assert_eq!(app.get(path).await.expect(200), json!({ "stopped": false, "reason": "" }));
    let put = async |who: &Caller, body: Value| who.put(path).json(&body).await;
    assert_eq!(pointers(&put(&app, json!({ "stopped": true, "reason": " " })).await.expect(422)), ["/reason"]);
    assert_eq!(
        pointers(&put(&app, json!({ "stopped": true, "reason": "x".repeat(501) })).await.expect(422)),
        ["/reason"]
    );
    let assistant = assistant(&app).await;
    assert_eq!(put(&assistant, json!({ "stopped": true, "reason": "x" })).await.expect_problem(403), "scope_missing");
    assert_eq!(version(&app).await, 0);

    let stopped = put(&app, json!({ "stopped": true, "reason": " a wrong list " })).await.expect(200);
    assert_eq!(stopped, json!({ "stopped": true, "reason": "a wrong list" }));
    assert_eq!((app.get(path).await.expect(200), version(&app).await), (stopped, 1));
    let documents = app.app.db.read().await.unwrap().rule_documents(app.tenant()).await.unwrap();
    assert_eq!(documents.stop_switch.as_deref(), Some("a wrong list"));
    assert_eq!(app.other.get(path).await.expect(200)["stopped"], false);

    for none in ["", " ", "\u{200b}", "\u{200b}\u{2060} \u{feff}", "\u{3164}", "..."] {
        let lifted = put(&app, json!({ "stopped": false, "reason": none })).await;
        assert_eq!(lifted.expect(422)["errors"][0]["pointer"], "/reason", "{none:?}");
    }
    assert_eq!(put(&app, json!({ "stopped": false })).await.expect_problem(422), "validation_failed");
    let going = put(&app, json!({ "stopped": false, "reason": "it was the right one" })).await.expect(200);
    assert_eq!((going, version(&app).await), (json!({ "stopped": false, "reason": "" }), 2));
    let audited = app.get("/audit-events?objectKind=stop_switch").await.expect(200);
    let changes: Vec<_> = audited["items"].as_array().unwrap().iter().map(|e| (&e["before"], &e["after"])).collect();
    let because = |stopped: bool, reason: &str| json!({ "stopped": stopped, "reason": reason });
    let (on, lifted) = (because(true, "a wrong list"), because(false, "it was the right one"));
    assert_eq!(changes, [(&on, &lifted), (&json!({ "stopped": false }), &on)]);
}
