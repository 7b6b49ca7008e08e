//! The tools of a tenant at work: a required rule reaches a running group, a service is asked before each attempt.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use cxc_server::{Clock, SystemClock};
use cxc_test::Smsc;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::audience::{Audience, number};
use crate::campaign::Kind;
use crate::world::{World, until};

const PEOPLE: Audience = Audience(300);
const SECOND: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test]
async fn a_required_rule_reaches_a_running_group_within_two_seconds() {
    let smsc = Smsc::with(&[]).unwrap();
    let world = World::start().await;
    let list = world.import("spring", PEOPLE).await;
    // twenty a second: 300 take fifteen seconds
    let template = world.template(Kind::Sms, smsc.port(), &json!({}), 1_200).await;
    let group = world.group("texts", &template, &list).await;
    group.start().await;
    smsc.wait_for(20, SECOND).await.unwrap();
    let rule = json!({ "name": "Nobody", "required": true, "locations": [{ "anywhere": true }] });
    world.make("/compliance/location-rules", &rule).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let sent = smsc.submits().unwrap().len();
    assert!(sent < 150, "{sent} left before the rule was made");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(smsc.submits().unwrap().len(), sent, "nothing leaves once the rule holds");
    let all_are_out = async || {
        let accounting = group.accounting().await;
        accounting["excluded"]["location_rule"].as_i64() == Some(300 - i64::try_from(sent).unwrap())
    };
    until("the rest is left out", SECOND, all_are_out).await;
}

/// Says no for every third person, and nothing that counts for one.
async fn service(asked: Arc<AtomicUsize>) -> String {
    let answer = move |body: String| async move {
        asked.fetch_add(1, Ordering::Relaxed);
        let body: Value = serde_json::from_str(&body).unwrap();
        let number = body["contact_info"].as_str().unwrap().to_owned();
        let last = number.bytes().last().unwrap();
        if last == b'3' { (StatusCode::CONFLICT, r#"{"code":"complained"}"#) } else { (StatusCode::OK, "") }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(answer))).await.unwrap() });
    url
}

#[tokio::test]
async fn a_service_is_asked_before_each_attempt_and_its_no_holds() {
    let smsc = Smsc::with(&["--receipts", "30"]).unwrap();
    let world = World::start().await;
    let list = world.import("spring", PEOPLE).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let url = service(Arc::clone(&asked)).await;
    world.make("/compliance/external-rules", &json!({ "name": "Ask", "required": true, "url": url })).await;
    let custom = json!({ "name": "Not fives", "required": true, "expression": "!contact_info.endsWith('5')" });
    world.make("/compliance/custom-rules", &custom).await;
    let template = world.template(Kind::Sms, smsc.port(), &json!({}), 60_000).await;
    let group = world.group("texts", &template, &list).await;
    group.start().await;
    let accounting = group.finished(PATIENCE).await;
    assert_eq!((&accounting["done"], &accounting["excluded"]), (&json!({"Ok": 240}), &json!({"blocked": 60})));
    let wrong = smsc.submits().unwrap().into_iter().filter(|s| s.to.ends_with('3') || s.to.ends_with('5')).count();
    assert_eq!(wrong, 0);
    assert!(asked.load(Ordering::Relaxed) >= 270, "whoever the custom rule stops is not asked about");
}

#[tokio::test]
async fn a_register_that_becomes_too_old_stops_a_running_group_with_its_own_reason() {
    let smsc = Smsc::with(&[]).unwrap();
    let world = World::start().await;
    let list = world.import("spring", PEOPLE).await;
    let rule = json!({ "id": "US-HOUSE-AGE", "jurisdiction": { "country": "US" }, "citation": "house rule", "default": "on",
        "verifiedOn": "2026-11-01", "confidence": "high", "kind": { "scrub_age": { "list": "US-DNC", "maxDays": 31 } } });
    world.make("/compliance/own-legal-rules", &json!({ "name": "Scrubbed", "rule": rule })).await;
    // twenty a second: 300 take fifteen seconds
    let template = world.template(Kind::Sms, smsc.port(), &json!({}), 1_200).await;
    let group = world.group("texts", &template, &list).await;
    let file = world.cxc.home().join("dnc.txt");
    std::fs::write(&file, "+12125559999\n").unwrap();
    // nine seconds before its legal age
    let as_of = (SystemClock.now() - (31 * 24).hours() + 9.seconds()).to_string();
    let load = ["numbers", "load", "--list", "FTC", "--kind", "national-dnc", "--country", "US", "--as-of", &as_of];
    world.cxc.run_ok(&[&load[..], &[file.to_str().unwrap()]].concat()).unwrap();
    group.start().await;
    smsc.wait_for(20, SECOND).await.unwrap();
    let stale = async || {
        let accounting = group.accounting().await;
        let waiting = accounting["waiting"].as_array().unwrap().iter().find(|w| w["reason"] == "data_stale").cloned();
        waiting.map_or(0, |w| w["count"].as_i64().unwrap())
    };
    until("the rest waits for a younger list", SECOND, async || {
        usize::try_from(stale().await).unwrap() + smsc.submits().unwrap().len() == PEOPLE.0
    })
    .await;
    let sent = smsc.submits().unwrap().len();
    assert!((20..290).contains(&sent), "{sent} left while the list was young");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(smsc.submits().unwrap().len(), sent, "nobody is contacted by an old list");
}

#[tokio::test]
async fn what_people_say_of_convenient_times_holds_in_a_running_group() {
    let smsc = Smsc::with(&[]).unwrap();
    let world = World::start().await;
    let list = world.import("spring", PEOPLE).await;
    // yesterday, today and tomorrow: wherever the person is, it is none of the other four days
    let today = SystemClock.now().to_zoned(TimeZone::UTC).date();
    let named = |date: Date| date.weekday().to_monday_zero_offset();
    let days = [today - 1.day(), today, today + 1.day()]
        .map(|date| ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][usize::try_from(named(date)).unwrap()]);
    let say = async |n: usize| {
        let said = json!({ "device": number(n), "times": { "notOn": days } });
        world.make("/compliance/declared-times", &said).await;
    };
    for n in (0..PEOPLE.0).filter(|n| n % 3 == 0) {
        say(n).await;
    }
    // twenty a second: 200 take ten seconds
    let template = world.template(Kind::Sms, smsc.port(), &json!({}), 1_200).await;
    let group = world.group("texts", &template, &list).await;
    group.start().await;
    smsc.wait_for(20, SECOND).await.unwrap();
    for n in (0..PEOPLE.0).rev().filter(|n| n % 3 == 1) {
        say(n).await;
    }
    let before = smsc.submits().unwrap().len();
    let waiting = async || {
        let accounting = group.accounting().await;
        let waiting =
            accounting["waiting"].as_array().unwrap().iter().find(|w| w["reason"] == "contact_times").cloned();
        waiting.map_or(0, |w| usize::try_from(w["count"].as_u64().unwrap()).unwrap())
    };
    until("everybody is reached or waits for the day", PATIENCE, async || {
        waiting().await + smsc.submits().unwrap().len() == PEOPLE.0
    })
    .await;
    let sent: Vec<String> = smsc.submits().unwrap().into_iter().map(|s| s.to).collect();
    let reached =
        |rest: usize| (0..PEOPLE.0).filter(|n| n % 3 == rest && sent.contains(&number(*n)[1..].to_owned())).count();
    assert_eq!((reached(0), reached(2)), (0, 100), "who spoke before the load, and who said nothing");
    // what had left already, and at most what was under way when the last one had spoken
    assert!(reached(1) < 60 && reached(1) <= before, "{} of those who spoke meanwhile", reached(1));
}
