//! Custom zones, custom rules and external rules.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::json;

use super::*;

#[tokio::test]
async fn a_tenants_own_zone_of_an_area_code_decides_about_the_hour() {
    let app = start().await;
    // half past eight in New York, half past five in Los Angeles
    app.clock.set("2026-03-03T13:30:00Z");
    app.post(VALIDATE).json(&ask(1, "a", 0)).await.expect(200);
    let zone = json!({ "name": "z", "country": "US", "areaCodes": ["212"], "timezone": "America/Los_Angeles" });
    app.create("/compliance/time-zones", &zone).await;
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let no = app.post(VALIDATE).json(&ask(1, "a", 60_000)).await.expect(409);
    assert_eq!((&no["code"], &no["not_before"]), (&json!("contact_times"), &json!("2026-03-03T16:00:00Z")), "{no}");
}

#[tokio::test]
async fn a_custom_rule_sees_what_the_record_tells() {
    let app = start().await;
    let rule =
        json!({ "name": "no VIPs", "required": true, "expression": "c_other1 != 'VIP' && cd_area_code == '212'" });
    app.create("/compliance/custom-rules", &rule).await;
    let record = |other: &str| json!({ "GSW_RECORD_HANDLE": "h", "contact_info": phone(1), "C_OTHER1": other });
    app.post("/internal/v1/validations").json(&record("usual")).await.expect(200);
    let no = app.post("/internal/v1/validations").json(&record("VIP")).await.expect(409);
    assert_eq!(no["ruleType"], "custom_rule", "{no}");
}

#[tokio::test]
async fn an_external_rule_is_asked_before_a_reservation_and_only_about_those_whom_nothing_else_holds() {
    let app = start().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let answer = move |body: String| async move {
        count.fetch_add(1, Ordering::Relaxed);
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((&body["channel"], &body["purpose"]), (&json!("voice"), &json!("telemarketing")));
        match body["c_client_id"].as_str() {
            Some("yes") => (StatusCode::OK, String::new()),
            Some("no") => (StatusCode::CONFLICT, "complained".to_owned()),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, String::new()),
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(answer))).await.unwrap() });
    app.create("/compliance/external-rules", &json!({ "name": "a", "url": url, "required": true })).await;
    app.post(VALIDATE).json(&ask(1, "yes", 60_000)).await.expect(200);
    let no = app.post(VALIDATE).json(&ask(2, "no", 60_000)).await;
    assert_eq!(
        (&no.json()["reasons"][0]["scope"], no.json()["reservation_id"].is_null()),
        (&json!("external_rule"), true)
    );
    let broken = app.post(VALIDATE).json(&ask(3, "broken", 60_000)).await.json();
    assert!(broken["decision"] != "allow" && broken["reservation_id"].is_null(), "{broken}");
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    app.clock.set("2026-03-03T08:00:00Z");
    let night = app.post(VALIDATE).json(&ask(4, "somebody", 60_000)).await.expect(409);
    assert_eq!((&night["decision"], &night["code"]), (&json!("defer"), &json!("contact_times")), "{night}");
    assert_eq!(asked.load(Ordering::Relaxed), 3, "nobody is asked about at night");
    let kept = app.get("/compliance/evidence?clientId=no").await.expect(200);
    let outcome = &kept["items"][0]["decision"]["inputs"]["tools"]["external"][0]["outcome"];
    assert_eq!(outcome["block"], "complained", "{kept}");
}

#[tokio::test]
async fn a_stop_holds_for_an_attempt_that_waits_for_an_external_rule() {
    let app = start().await;
    let asked = Arc::new(tokio::sync::Notify::new());
    let told = Arc::clone(&asked);
    let answer = move || async move {
        told.notify_one();
        // longer than what is known of rules may be old
        tokio::time::sleep(Duration::from_secs(3)).await;
        StatusCode::OK
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(answer))).await.unwrap() });
    let rule = json!({ "name": "a", "url": url, "required": true, "timeoutSeconds": 5 });
    app.create("/compliance/external-rules", &rule).await;
    let stop = async {
        asked.notified().await;
        let switch = json!({ "stopped": true, "reason": "a court says so" });
        app.put("/compliance/stop-switch").json(&switch).await.expect(200);
    };
    let (answer, ()) = tokio::join!(async { app.post(VALIDATE).json(&ask(1, "a", 60_000)).await }, stop);
    let no = answer.expect(409);
    assert!(no["reservation_id"].is_null(), "{no}");
    assert!(no["reasons"].as_array().unwrap().iter().any(|r| r["scope"] == "stop_switch"), "{no}");
}
