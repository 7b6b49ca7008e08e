//! What an answer says besides yes and no.
use axum::Router;
use axum::response::IntoResponse as _;
use axum::routing::post;
use cxc_compliance_manager::service;

use super::*;

/// A call that asks for no consent, to somebody who may be in some places.
fn call(n: u32, state: &str) -> Value {
    json!({ "type": "voice", "purpose": "informational", "tech": "live", "device": { "e164": phone(n) },
        "contact": { "client_id": "a", "country": "US", "state": state, "flags": [] } })
}

#[tokio::test]
async fn a_yes_to_a_call_says_how_long_it_rings_and_who_agrees_to_a_recording() {
    let app = start_with_law().await;
    let of = async |question: &Value| {
        let answer = app.post(VALIDATE).json(question).await;
        let answer = answer.expect(200);
        (answer["ring_min_seconds"].clone(), answer["recording_consent"].clone())
    };
    let (ny, pa) = (of(&call(1, "NY")).await, of(&call(2, "PA")).await);
    assert_eq!((&ny.1, &pa.1), (&json!("one"), &json!("all")), "the strictest of the number's and the person's state");
    let path = "/compliance/evaluations";
    let question = json!({ "at": NOON, "channel": "voice", "purpose": "telemarketing", "tech": "autodialed",
        "contact": { "clientId": "C-1", "country": "US", "state": "PA", "devices": [phone(4)] } });
    let evaluated = app.post(path).json(&question).await.expect(200);
    assert_eq!((&evaluated["ringMinSeconds"], &evaluated["recordingConsent"]), (&json!(15), &json!("all")));
    let mut message = question;
    message["channel"] = json!("sms");
    let evaluated = app.post(path).json(&message).await.expect(200);
    assert!(evaluated.get("ringMinSeconds").is_none() && evaluated.get("recordingConsent").is_none());
    let waived = json!({ "state": "waived", "reason": "the numbers are made up" });
    app.put("/compliance/legal-rules/US-RND/setting").json(&waived).await.expect(200);
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let record = json!({ "GSW_RECORD_HANDLE": 1, "contact_info": phone(5), "cxc_purpose": "emergency",
        "c_country_code": "US", "c_state_code": "PA" });
    let record = app.post(RECORDS).json(&record).await;
    assert_eq!(record.expect(200)["cxc_recording_consent"], "all", "{}", record.text());
}

/// An external rule of everybody's, whose service answers by the client id.
async fn external(app: &TestApp) {
    let answer = |body: String| async move {
        let asked: Value = serde_json::from_str(&body).unwrap();
        let etag = [("etag", format!("\"{}\"", asked["GSW_RECORD_HANDLE"].as_str().unwrap()))];
        match asked["c_client_id"].as_str().unwrap() {
            "vip" => {
                (etag, axum::Json(json!({ "c_other1": "VIP", "contact_info": asked["contact_info"] }))).into_response()
            }
            "moved" => (etag, axum::Json(json!({ "contact_info": phone(99) }))).into_response(),
            "finish" => (axum::http::StatusCode::CONFLICT, axum::Json(json!({ "code": "x", "GSW_CALL_RESULT": 51 })))
                .into_response(),
            _ => axum::http::StatusCode::CONFLICT.into_response(),
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(answer))).await.unwrap() });
    app.create("/compliance/external-rules", &json!({ "name": "Ask us", "required": true, "url": url })).await;
}

#[tokio::test]
async fn an_external_rules_yes_may_change_fields_and_its_no_may_name_the_result() {
    let app = TestApp::start(|app| service(app).unwrap()).await.unwrap();
    app.clock.set(NOON);
    external(&app).await;
    let record =
        |n: u32, client: &str| json!({ "GSW_RECORD_HANDLE": 7, "contact_info": phone(n), "c_client_id": client });
    let yes = app.post(RECORDS).json(&record(1, "vip")).await.expect(200);
    assert_eq!(yes, json!({ "c_other1": "VIP" }));
    let yes = app.post(VALIDATE).json(&ask(2, "vip", 0)).await.expect(200);
    assert_eq!(yes["fields"], json!({ "c_other1": "VIP" }));
    let held = app.post(VALIDATE).json(&ask(3, "vip", 60_000)).await.expect(200);
    assert_eq!(held["fields"], json!({ "c_other1": "VIP" }), "also with a reservation");
    // a service that wants another device dialed has not said yes to this one
    let moved = app.post(VALIDATE).json(&ask(4, "moved", 0)).await.expect(503);
    let detail = moved["reasons"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("contact_info"), "{moved}");
    let no = app.post(RECORDS).json(&record(5, "finish")).await.expect(409);
    assert_eq!((&no["ruleType"], &no["callResult"]), (&json!("external_rule"), &json!(51)));
    let no = app.post(RECORDS).json(&record(6, "other")).await.expect(409);
    assert_eq!(no["callResult"], 52);
}
