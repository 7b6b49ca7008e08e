//! Location, custom and external rules and custom time zones by their API.
#![expect(clippy::unwrap_used, reason = "a test that finds something else than it expects has failed")]
use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use cxc_server::Scope;
use cxc_test::TestApp;
use serde_json::{Value, json};

const LOCATIONS: &str = "/compliance/location-rules";
const CUSTOM: &str = "/compliance/custom-rules";
const EXTERNAL: &str = "/compliance/external-rules";
const ZONES: &str = "/compliance/time-zones";

async fn start() -> TestApp {
    TestApp::start(|app| cxc_compliance_manager::service(app).unwrap()).await.unwrap()
}

fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect()
}

async fn refused(app: &TestApp, path: &str, body: Value) -> Vec<String> {
    let problem = app.post(path).json(&body).await.expect(422);
    pointers(&problem).into_iter().map(ToOwned::to_owned).collect()
}

#[tokio::test]
async fn each_kind_of_rule_is_made_read_changed_and_deleted_and_moves_the_version() {
    let app = start().await;
    let bodies = [
        (
            LOCATIONS,
            json!({ "name": "Not Florida", "required": true, "locations": [{ "country": "US", "state": "FL" }] }),
        ),
        (CUSTOM, json!({ "name": "No VIPs", "expression": "c_other1 != 'VIP' && attempts_on_device(86400) < 2" })),
        (
            EXTERNAL,
            json!({ "name": "Ask us", "url": "https://rules.example.com/check", "headers": { "X-Key": "hush" } }),
        ),
        (ZONES, json!({ "name": "Panhandle", "country": "US", "areaCodes": ["850"], "timezone": "America/Chicago" })),
    ];
    let version = async || app.app.db.read().await.unwrap().rule_set_version(app.tenant()).await.unwrap();
    for (path, body) in bodies {
        let before = version().await;
        let made = app.post(path).json(&body).await;
        let shown = made.expect(201);
        assert_eq!(shown["name"], body["name"], "{path}");
        let item = format!("{path}/{}", made.id());
        app.other.get(&item).await.expect(404);
        let edited = app.patch(&item).if_match(&made.etag()).json(&json!({ "description": "changed" })).await;
        edited.expect(200);
        app.delete(&item).if_match(&edited.etag()).await.expect(204);
        assert_eq!(version().await, before + 3, "{path}");
    }
    let documents = app.app.db.read().await.unwrap().rule_documents(app.tenant()).await.unwrap();
    assert!(documents.location_rules.is_empty() && documents.external_rules.is_empty());
}

#[tokio::test]
async fn what_is_stored_is_what_attempts_are_judged_by() {
    let app = start().await;
    app.create(LOCATIONS, &json!({ "name": "a", "locations": [{ "anywhere": true }] })).await;
    app.create(CUSTOM, &json!({ "name": "a", "expression": "local_hour > 9" })).await;
    app.create(EXTERNAL, &json!({ "name": "a", "url": "https://x.example.com", "headers": { "X-Key": "hush" } })).await;
    app.create(ZONES, &json!({ "name": "a", "country": "GB", "timezone": "Europe/London" })).await;
    let documents = app.app.db.read().await.unwrap().rule_documents(app.tenant()).await.unwrap();
    assert!(documents.location_rules[0].body.is_ok() && documents.custom_rules[0].body.is_ok());
    assert!(documents.time_zones[0].body.is_ok());
    let external = documents.external_rules[0].body.as_ref().unwrap();
    assert_eq!(external.headers["X-Key"], "hush");
}

#[tokio::test]
async fn a_bad_rule_is_refused_with_its_place_and_reason() {
    let app = start().await;
    let place = |place: Value| json!({ "name": "x", "locations": [place] });
    assert_eq!(refused(&app, LOCATIONS, place(json!({}))).await, ["/locations/0"]);
    assert_eq!(refused(&app, LOCATIONS, place(json!({ "timeZone": "Mars/Olympus" }))).await, ["/locations/0/timeZone"]);
    for code in ["000", "123", "222", "416"] {
        let nowhere = place(json!({ "country": "US", "areaCode": code }));
        assert_eq!(refused(&app, LOCATIONS, nowhere).await, ["/locations/0/areaCode"], "{code}");
        let zone = json!({ "name": "x", "country": "US", "areaCodes": ["212", code], "timezone": "America/Chicago" });
        assert_eq!(refused(&app, ZONES, zone).await, ["/areaCodes/1"], "{code}");
    }
    let expression = |text: &str| json!({ "name": "x", "expression": text });
    for bad in ["c_other1 ==", "c_nothing == 1", "1 + 1", "c_other1.matches('(a+)+')"] {
        assert_eq!(refused(&app, CUSTOM, expression(bad)).await, ["/expression"], "{bad}");
    }
    let deep = format!("{}true{}", "(".repeat(500), ")".repeat(500));
    assert_eq!(refused(&app, CUSTOM, expression(&deep)).await, ["/expression"]);
    let url = |url: &str| json!({ "name": "x", "url": url, "timeoutSeconds": 6 });
    assert_eq!(refused(&app, EXTERNAL, url("ftp://x")).await, ["/url", "/timeoutSeconds"]);
    let zone =
        |country: &str| json!({ "name": "x", "country": country, "timezone": "Nowhere", "reason": "they say so" });
    assert_eq!(refused(&app, ZONES, zone("us")).await, ["/country"]);
    assert_eq!(refused(&app, ZONES, zone("US")).await, ["/timezone"]);
}

#[tokio::test]
async fn headers_are_kept_and_never_shown() {
    let app = start().await;
    let body = json!({ "name": "Ask us", "url": "https://rules.example.com", "headers": { "X-Key": "hush" } });
    let made = app.post(EXTERNAL).json(&body).await;
    assert!(!made.text().contains("hush"));
    let item = format!("{EXTERNAL}/{}", made.id());
    assert!(!app.get(&item).await.text().contains("hush"));
    let put = json!({ "name": "Ask us", "url": "https://rules.example.com/2" });
    app.put(&item).if_match(&made.etag()).json(&put).await.expect(200);
    let documents = app.app.db.read().await.unwrap().rule_documents(app.tenant()).await.unwrap();
    let rule = documents.external_rules[0].body.as_ref().unwrap();
    assert_eq!((rule.url.as_str(), rule.headers["X-Key"].as_str()), ("https://rules.example.com/2", "hush"));
    assert!(!app.get("/audit-events?objectKind=external_rule").await.text().contains("hush"));
}

#[tokio::test]
async fn required_rules_and_time_zones_are_changed_only_by_those_who_may() {
    let app = start().await;
    let assistant = app.with_scopes(&[Scope::ComplianceRead, Scope::ComplianceWrite]).await.unwrap();
    let rule = |required: bool| json!({ "name": format!("r{required}"), "required": required, "expression": "true" });
    assert_eq!(assistant.post(CUSTOM).json(&rule(true)).await.expect_problem(403), "scope_missing");
    assistant.post(CUSTOM).json(&rule(false)).await.expect(201);
    let zone = json!({ "name": "z", "country": "GB", "timezone": "Europe/London" });
    assert_eq!(assistant.post(ZONES).json(&zone).await.expect_problem(403), "scope_missing");
}

#[tokio::test]
async fn a_zone_that_replaces_what_is_known_needs_a_reason_that_is_audited() {
    let app = start().await;
    let zone = |more: Value| {
        let mut zone = json!({ "name": "z", "country": "US", "areaCodes": ["850"], "timezone": "America/Chicago" });
        zone.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        zone
    };
    assert_eq!(app.create(ZONES, &zone(json!({ "name": "beside" }))).await["effect"], "add");
    assert_eq!(refused(&app, ZONES, zone(json!({ "effect": "replace" }))).await, ["/reason"]);
    assert_eq!(refused(&app, ZONES, zone(json!({ "effect": "replace", "reason": " " }))).await, ["/reason"]);
    app.create(ZONES, &zone(json!({ "effect": "replace", "reason": "all are of Pensacola" }))).await;
    let audited = app.get("/audit-events?objectKind=time_zone").await.expect(200);
    assert_eq!(audited["items"][0]["after"]["reason"], "all are of Pensacola", "{audited}");
}

#[tokio::test]
async fn an_expression_is_tried_before_and_after_it_is_stored() {
    let app = start().await;
    let on = json!({ "columns": { "c_other1": "VIP" }, "timeZones": ["America/New_York"], "at": "2026-11-30T17:00:00Z", "attempts": 1 });
    let tried = async |expression: &str| {
        let body = json!({ "expression": expression, "on": on });
        app.post(&format!("{CUSTOM}/actions/test")).json(&body).await.expect(200)
    };
    assert_eq!(
        tried("c_other1 == 'VIP' && local_hour == 12 && attempts_on_device(60) == 1").await,
        json!({ "passed": true })
    );
    assert_eq!(tried("c_other1 == 'x'").await, json!({ "passed": false }));
    let failed = tried("1 / size(c_other2) == 1").await;
    assert_eq!((&failed["passed"], &failed["error"]), (&json!(false), &json!("it divides by zero")));
    let bad = json!({ "expression": "c_other1 ==", "on": { "timeZones": [] } });
    assert_eq!(pointers(&app.post(&format!("{CUSTOM}/actions/test")).json(&bad).await.expect(422)), ["/expression"]);
    let made = app.create(CUSTOM, &json!({ "name": "a", "expression": "channel == 'email'" })).await;
    let item = format!("{CUSTOM}/{}/actions/test", made["id"].as_str().unwrap());
    assert_eq!(app.post(&item).json(&json!({ "channel": "email" })).await.expect(200), json!({ "passed": true }));
    let zone = app.post(&item).json(&json!({ "timeZones": ["Mars/Olympus"] })).await.expect(422);
    assert_eq!(pointers(&zone), ["/timeZones/0"]);
    app.other.post(&item).json(&json!({})).await.expect(404);
}

#[tokio::test]
async fn the_service_of_an_external_rule_is_really_asked() {
    let app = start().await;
    let answer = |body: String| async move {
        let body: Value = serde_json::from_str(&body).unwrap();
        match body["c_client_id"].as_str() {
            Some("no") => (StatusCode::CONFLICT, "complained".to_owned()),
            _ => (StatusCode::OK, json!({ "GSW_RECORD_HANDLE": body["GSW_RECORD_HANDLE"] }).to_string()),
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(answer))).await.unwrap() });
    let made = app.create(EXTERNAL, &json!({ "name": "a", "url": url })).await;
    let item = format!("{EXTERNAL}/{}/actions/test", made["id"].as_str().unwrap());
    let asked = async |properties: Value| app.post(&item).json(&json!({ "properties": properties })).await.expect(200);
    assert_eq!(asked(json!({ "c_client_id": "yes" })).await["passed"], true);
    let no = asked(json!({ "c_client_id": "no" })).await;
    assert_eq!((&no["passed"], &no["answered"], &no["detail"]), (&json!(false), &json!(true), &json!("complained")));
    let nobody = app.create(EXTERNAL, &json!({ "name": "b", "url": "http://10.255.255.1:9/" })).await;
    let item = format!("{EXTERNAL}/{}/actions/test", nobody["id"].as_str().unwrap());
    let private = app.post(&item).json(&json!({})).await.expect(200);
    assert_eq!((&private["passed"], &private["answered"]), (&json!(false), &json!(false)));
    assert!(private["detail"].as_str().unwrap().contains("private_networks"), "{private}");
}

#[tokio::test]
async fn a_zone_of_numbers_that_tell_of_no_place_needs_a_reason_which_is_audited() {
    let app = start().await;
    let mut zone =
        json!({ "name": "freephone", "country": "US", "areaCodes": ["800"], "timezone": "America/New_York" });
    assert_eq!(refused(&app, ZONES, zone.clone()).await, ["/reason"]);
    zone["reason"] = json!("our freephone customers are all in New York");
    app.create(ZONES, &zone).await;
    let audited = app.get("/audit-events?objectKind=time_zone").await.expect(200);
    assert_eq!(audited["items"][0]["after"]["reason"], zone["reason"], "{audited}");
}
