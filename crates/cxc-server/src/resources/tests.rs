//! Jobs, events and serving, over a real connection where a stream is read.
use std::time::Duration;

use axum::http::Method;
use cxc_store::job::NewJob;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::principal::SYSTEM_TENANT;
use crate::service;
use crate::testing::{Client, TestApp};

async fn queue(test: &TestApp, tenant: i64) -> Uuid {
    let id = test.app.ids.next();
    let job = NewJob {
        id,
        tenant,
        kind: "list_import",
        subject: None,
        payload: json!({}),
        run_at: test.app.now(),
        created_by: "admin".into(),
        created_at: test.app.now(),
    };
    let mut tx = test.app.db.begin().await.unwrap();
    tx.job_insert(&job).await.unwrap();
    tx.commit().await.unwrap();
    id
}

#[tokio::test]
async fn a_queued_job_is_seen_listed_and_cancelled_once_by_its_own_tenant() {
    let test = TestApp::start().await;
    let admin = test.sign_in("acme\\admin").await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(queue(&test, test.tenant.no).await.to_string());
        test.clock.advance_seconds(1);
    }
    let foreign = queue(&test, SYSTEM_TENANT).await;
    let page = admin.get("/jobs?limit=2").await.expect(200);
    assert_eq!((&page["items"][0]["id"], &page["items"][1]["id"]), (&json!(ids[2]), &json!(ids[1])));
    let rest = admin.get(&format!("/jobs?limit=2&cursor={}", page["next"].as_str().unwrap())).await.expect(200);
    assert_eq!((&rest["items"][0]["id"], &rest["next"]), (&json!(ids[0]), &Value::Null));
    admin.get(&format!("/jobs/{foreign}")).await.expect_problem(404, "not_found");
    admin.post(&format!("/jobs/{foreign}/actions/cancel"), &Value::Null).await.expect_problem(404, "not_found");
    let path = format!("/jobs/{}/actions/cancel", ids[0]);
    assert_eq!(admin.post(&path, &Value::Null).await.expect(200)["state"], "cancelled");
    admin.post(&path, &Value::Null).await.expect_problem(409, "job_finished");
}

/// The stream of an address over a real connection, from a server that is told to stop at the end.
async fn lines(test: &TestApp, client: &Client<'_>, path: &str, last: Option<&str>, until: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let server = tokio::spawn(service::serve_within(listener, test.router.clone(), stop.clone(), Duration::ZERO));
    let mut request =
        reqwest_client().get(format!("http://{address}{}{path}", crate::BASE)).headers(client.headers.clone());
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut text = String::new();
    let mut chunks = response.bytes_stream();
    while !text.contains(until) {
        let chunk = tokio::time::timeout(Duration::from_secs(10), chunks.next()).await.expect(&text);
        let Some(chunk) = chunk else { break };
        text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
    }
    drop(chunks);
    stop.cancel();
    server.await.unwrap().unwrap();
    text
}

fn reqwest_client() -> reqwest::Client {
    // without a TLS provider reqwest can't be built, though these connections are plain
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

#[tokio::test]
async fn a_job_is_followed_to_its_end() {
    let test = TestApp::start().await;
    let admin = test.sign_in("acme\\admin").await;
    let id = queue(&test, test.tenant.no).await;
    let cancel = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        admin.send(Method::POST, &format!("/jobs/{id}/actions/cancel"), None, &[]).await.expect(200);
    };
    let path = format!("/jobs/{id}/events");
    let (text, ()) = tokio::join!(lines(&test, &admin, &path, None, "\"cancelled\""), cancel);
    assert_eq!(text.matches("event: job\n").count(), 2, "{text}");
    assert!(text.contains("\"state\":\"queued\"") && text.contains("\"state\":\"cancelled\""), "{text}");
}

#[tokio::test]
async fn events_are_told_in_order_resumed_and_reset_when_too_old() {
    let test = TestApp::start().await;
    let admin = test.sign_in("acme\\admin").await;
    let stop = CancellationToken::new();
    let dispatcher = tokio::spawn(super::dispatch_events(test.app.clone(), stop.clone()));
    let emit = async |tenant: i64, subject: &str| {
        let mut tx = test.app.db.begin().await.unwrap();
        tx.event_insert(tenant, "lists", "changed", subject, &json!({"n": 1}), test.app.now()).await.unwrap();
        tx.commit().await.unwrap();
    };
    emit(test.tenant.no, "before").await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let later = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        emit(SYSTEM_TENANT, "foreign").await;
        emit(test.tenant.no, "one").await;
        emit(test.tenant.no, "two").await;
    };
    let (text, ()) = tokio::join!(lines(&test, &admin, "/events?topics=lists", None, "\"two\""), later);
    assert!(!text.contains("before") && !text.contains("foreign"), "{text}");
    let (one, two) = (text.find("\"one\"").unwrap(), text.find("\"two\"").unwrap());
    assert!(one < two && text.contains("event: lists\n"), "{text}");

    let resumed = lines(&test, &admin, "/events", Some("1"), "\"two\"").await;
    assert!(resumed.contains("\"one\"") && !resumed.contains("before"), "{resumed}");
    let ahead = lines(&test, &admin, "/events", Some("999"), "event: reset").await;
    assert!(ahead.contains("event: reset"), "{ahead}");
    test.clock.advance_seconds(11 * 60);
    let old = lines(&test, &admin, "/events", Some("1"), "event: reset").await;
    assert!(!old.contains("\"one\""), "{old}");
    admin.get("/events?topics=weather").await.expect_problem(400, "bad_filter");
    stop.cancel();
    dispatcher.await.unwrap().unwrap();
}
