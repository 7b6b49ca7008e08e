//! Channel accounts and test sends through the real router on a real database.
#![expect(clippy::unwrap_used, reason = "a test that finds something else than it expects has failed")]
use std::sync::Arc;
use std::time::{Duration, Instant};

use cxc_core::channel::Channel;
use cxc_core::compliance::Zones;
use cxc_core::consent::{ConsentKind, ConsentScope};
use cxc_store::consent::{KeyKind, NewConsent};
use cxc_store::location::Locations;
use cxc_test::TestApp;
use serde_json::{Value, json};
use tokio::net::TcpListener;

async fn start() -> TestApp {
    let locations = Arc::new(Locations::new());
    TestApp::start(move |app| cxc_dial_manager::service(app, Zones::bundled(), locations).unwrap()).await.unwrap()
}

fn account(name: &str, host: &str, port: u16) -> Value {
    json!({ "name": name, "kind": "smtp", "host": host, "port": port, "sender": "sales@example.com",
        "postalAddress": "1 Example Street, Springfield" })
}

/// The details of a test send to one address by a mail server at this port.
async fn told(app: &TestApp, name: &str, port: u16) -> (Value, Duration) {
    let account = app.create("/channel-accounts", &account(name, "127.0.0.1", port)).await;
    let templates = json!([{ "subject": "Hello", "html": "<p>Hello</p>" }]);
    let content = json!({ "name": name, "channel": "email", "class": "transactional", "templates": templates });
    let content = app.create("/contents", &content).await;
    let asked = json!({ "account": account["id"], "addresses": ["ann@example.com"] });
    let began = Instant::now();
    let path = format!("/contents/{}/actions/send-test", content["id"].as_str().unwrap());
    let answer = app.post(&path).json(&asked).await.expect(200);
    (answer["results"][0].clone(), began.elapsed())
}

/// Noon in New York.
const NOON: &str = "2026-03-02T17:00:00Z";

/// A simulated account for SMS, and where a content of it is sent as a test.
async fn greeting(app: &TestApp) -> (Value, String) {
    app.clock.set(NOON);
    let account = json!({ "name": "centre", "kind": "simulator", "sender": "+12125550100",
        "simulator": { "channel": "sms", "seed": 1 } });
    let account = app.create("/channel-accounts", &account).await;
    let content = json!({ "name": "hello", "channel": "sms", "templates": [{ "body": "Hello" }] });
    let content = app.create("/contents", &content).await;
    (account, format!("/contents/{}/actions/send-test", content["id"].as_str().unwrap()))
}

/// Writes an opt-out into the ledger.
async fn revoke(app: &TestApp, number: &str, scope: ConsentScope) {
    let revoked = NewConsent {
        key_kind: KeyKind::Device,
        key_hash: app.app.hash_key.hash(app.tenant(), number),
        key: number.into(),
        kind: ConsentKind::Express,
        revoked: true,
        channels: vec![Channel::Sms],
        scope,
        said_at: app.app.now(),
        received_at: app.app.now(),
        effective_at: app.app.now(),
        deadline: None,
        expires_at: None,
        source: "api".into(),
        words: None,
        evidence: None,
        import: 0,
        asked_for: None,
        lifts: false,
    };
    let mut tx = app.app.db.begin().await.unwrap();
    tx.consent_insert(app.tenant(), &[revoked]).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_test_send_tells_soon_why_nothing_was_sent() {
    let app = start().await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (result, took) = told(&app, "silent", silent.local_addr().unwrap().port()).await;
    assert_eq!(result["accepted"], false);
    assert!(result["detail"].as_str().unwrap().contains("did not answer within 10 seconds"), "{result}");
    assert!(took < Duration::from_secs(14), "{took:?}");
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let (result, took) = told(&app, "closed", closed).await;
    assert!(result["detail"].as_str().unwrap().contains("can't be reached"), "{result}");
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[tokio::test]
async fn an_account_may_not_point_at_a_neighbour_of_this_machine() {
    let app = start().await;
    for host in ["169.254.169.254", "10.0.0.1", "192.168.1.1", "::ffff:10.0.0.1", "0.0.0.0"] {
        let refused = app.post("/channel-accounts").json(&account("a", host, 25)).await.expect(422);
        assert_eq!(refused["errors"][0]["pointer"], "/host", "{host}: {refused}");
        assert!(refused["errors"][0]["detail"].as_str().unwrap().contains("outbound.channel_networks"), "{refused}");
    }
    for (n, host) in ["127.0.0.1", "::1", "mail.example.com", "8.8.8.8"].into_iter().enumerate() {
        app.create("/channel-accounts", &account(&format!("account {n}"), host, 25)).await;
    }
}

#[tokio::test]
async fn a_tenant_sends_no_more_tests_a_day_than_its_settings_say() {
    let app = start().await;
    let (account, path) = greeting(&app).await;
    let send = async |count: usize| {
        let numbers: Vec<String> = (0..count).map(|n| format!("+1212555{:04}", 100 + n)).collect();
        app.post(&path).json(&json!({ "account": account["id"], "addresses": numbers })).await
    };
    let allow = async |most: u32| {
        let tag = app.get("/settings").await.etag();
        app.patch("/settings").if_match(&tag).json(&json!({ "testMessagesPerDay": most })).await.expect(200)
    };
    assert_eq!(app.get("/settings").await.expect(200)["testMessagesPerDay"], 200);
    allow(5).await;
    send(3).await.expect(200);
    let refused = send(3).await;
    assert_eq!(refused.expect_problem(429), "rate_limited");
    assert!(refused.text().contains("at most 5 test messages a day, and 2 are left"), "{}", refused.text());
    send(2).await.expect(200);
    assert_eq!(send(1).await.expect_problem(429), "rate_limited");
    // another day, another allowance
    app.clock.advance(Duration::from_secs(86_400));
    send(5).await.expect(200);
    allow(0).await;
    app.clock.advance(Duration::from_secs(86_400));
    assert_eq!(send(1).await.expect_problem(429), "rate_limited");
}

#[tokio::test]
async fn a_test_goes_to_nobody_who_opted_out_and_nowhere_while_everything_is_stopped() {
    let app = start().await;
    let (account, path) = greeting(&app).await;
    let numbers = ["+12125550101", "+12125550102"];
    let sent = async || {
        let asked = json!({ "account": account["id"], "addresses": numbers });
        let results = app.post(&path).json(&asked).await.expect(200)["results"].clone();
        let told = |n: usize| (results[n]["accepted"] == true, results[n]["detail"].as_str().unwrap_or("").to_owned());
        [told(0), told(1)]
    };
    assert!(sent().await.iter().all(|(accepted, _)| *accepted));
    // of the ledger alone: nothing of it stands in a suppression list
    revoke(&app, numbers[0], ConsentScope::All).await;
    let [first, second] = sent().await;
    assert_eq!((first, second.0), ((false, "opted out".to_owned()), true));
    let mut tx = app.app.db.begin().await.unwrap();
    tx.stop_switch_set(app.tenant(), Some("a regulator called")).await.unwrap();
    tx.commit().await.unwrap();
    let stopped = (false, "everything is stopped: a regulator called".to_owned());
    assert_eq!(sent().await, [stopped.clone(), stopped]);
}

#[tokio::test]
async fn a_test_goes_to_nobody_on_a_list_of_numbers_or_by_night_or_who_opted_out_of_a_brand() {
    let app = start().await;
    let (account, path) = greeting(&app).await;
    let numbers = ["+12129300101", "+12129300102", "+12129300103", "+442079460123"];
    let told = async || {
        let asked = json!({ "account": account["id"], "addresses": numbers });
        let results = app.post(&path).json(&asked).await.expect(200)["results"].clone();
        let of = |r: &Value| match r["accepted"] == true {
            true => "sent".to_owned(),
            false => r["detail"].as_str().unwrap().chars().take(20).collect(),
        };
        results.as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(told().await, ["sent"; 4]);
    revoke(&app, numbers[1], ConsentScope::Brand { name: "Acme".into() }).await;
    assert_eq!(told().await, ["sent", "opted out", "sent", "sent"]);
    // 21:00 in London, 16:00 in New York; then three at night in New York
    app.clock.set("2026-03-02T21:00:00Z");
    assert_eq!(told().await, ["sent", "opted out", "sent", "not sent: what adver"]);
    app.clock.set("2026-03-03T08:00:00Z");
    assert_eq!(told().await, ["not sent: what adver", "opted out", "not sent: what adver", "sent"]);
}
