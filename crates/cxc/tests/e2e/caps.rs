//! Several groups contact the same people at once, each by a sender of its own. What a cap allows is never exceeded.
use std::time::Duration;

use cxc_test::{Caller, Smsc, SmtpOptions, SmtpSink};
use serde_json::json;

use crate::audience::{Audience, address, number};
use crate::campaign::Kind;
use crate::whole_path::{numbers, recipients};
use crate::world::{World, until};

const GROUPS: usize = 4;
const CAP: usize = 2;
const PEOPLE: Audience = Audience(600);
const PATIENCE: Duration = Duration::from_secs(180);

#[tokio::test]
async fn a_cap_holds_however_many_senders_contact_the_same_people_at_once() {
    let smsc = Smsc::with(&["--delay", "5"]).unwrap();
    let world = World::start().await;
    let rule = json!({
        "name": "Two a day", "required": true, "maxAttempts": CAP, "window": {"seconds": 86_400}, "results": [],
        "countBy": "device",
    });
    world.make("/compliance/attempt-rules", &rule).await;
    let list = world.import("people", PEOPLE).await;
    let mut groups = Vec::new();
    for n in 0..GROUPS {
        let name = format!("sender {n}");
        let template = world.template_named(&name, Kind::Sms, smsc.port(), &json!({"receipts": false}), 600_000).await;
        groups.push(world.group(&name, &template, &list).await);
    }
    for group in &groups {
        group.start().await;
    }
    // who is over the cap waits until tomorrow, with the reason
    until("everybody is done or held by the cap", PATIENCE, async || {
        let (mut done, mut held) = (0, 0);
        for group in &groups {
            let accounting = group.accounting().await;
            done += accounting["done"]["Ok"].as_u64().unwrap_or(0);
            let waiting = accounting["waiting"].as_array().unwrap();
            let by_rule = waiting.iter().filter(|w| w["reason"] == "attempt_rule");
            held += by_rule.map(|w| w["count"].as_u64().unwrap()).sum::<u64>();
        }
        done + held == (GROUPS * PEOPLE.0) as u64
    })
    .await;
    let received = numbers(&smsc.submits().unwrap());
    let over: Vec<_> = received.iter().filter(|(_, n)| **n > CAP).collect();
    assert!(over.is_empty(), "more than the cap allows: {over:?}");
    assert_eq!(received.values().sum::<usize>(), CAP * PEOPLE.0, "what the cap allows is used");
}

/// Groups of each channel, and outside dialers.
const SIDES: usize = 2;
const CROWD: Audience = Audience(150);

/// Asks about everybody as an outside dialer does, and calls whom it may; how often each person was called.
async fn dial(api: Caller, dialer: usize) -> Vec<usize> {
    let mut called = Vec::new();
    for round in 0..3 {
        for n in 0..CROWD.0 {
            let guid = format!("{dialer}-{round}-{n}");
            let asked = json!({ "type": "voice", "purpose": "informational", "tech": "live", "guid": guid, "hold_ms": 60_000,
                "device": { "e164": number(n) }, "contact": { "client_id": format!("crowd-{n}"), "country": "US" } });
            let answer = api.post("/internal/v1/compliance/validations").json(&asked).await.json();
            if answer["decision"] != "allow" {
                let code = answer["code"].as_str().unwrap_or_default();
                assert!(["attempt_rule", "history_pending", "in_flight_elsewhere"].contains(&code), "{answer}");
                continue;
            }
            called.push(n);
            let report = json!({ "GSW_CALL_ATTEMPT_GUID": guid, "GSW_HIST_SEQUENCE_NUM": 1, "GSW_TENANT_NAME": "acme",
                "GSW_TENANT_CCID": "undefined", "GSW_CALL_RESULT": 6, "cxc_reservation_id": answer["reservation_id"] });
            api.post("/internal/v1/attempts").json(&report).await.expect(200);
        }
    }
    called
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cap_of_one_client_id_holds_over_texts_letters_and_calls_at_once() {
    let smsc = Smsc::with(&["--delay", "5"]).unwrap();
    let sink = SmtpSink::with(SmtpOptions::default()).unwrap();
    let world = World::with("http.internal = false\n").await;
    let rule = json!({
        "name": "Two a day", "required": true, "maxAttempts": CAP, "window": {"seconds": 86_400}, "results": [],
        "countBy": "client_id",
    });
    world.make("/compliance/attempt-rules", &rule).await;
    let list = world.import("crowd", CROWD).await;
    let mut groups = Vec::new();
    for n in 0..SIDES {
        for (kind, port, more) in
            [(Kind::Sms, smsc.port(), json!({"receipts": false})), (Kind::Email, sink.port(), json!({}))]
        {
            let name = format!("{} {n}", kind.name());
            let template = world.template_named(&name, kind, port, &more, 60_000).await;
            groups.push(world.group(&name, &template, &list).await);
        }
    }
    let mut dialers = tokio::task::JoinSet::new();
    for group in &groups {
        group.start().await;
    }
    for dialer in 0..SIDES {
        dialers.spawn(dial(world.api.clone(), dialer));
    }
    let called: Vec<usize> = dialers.join_all().await.concat();
    until("everybody is done or held by the cap", PATIENCE, async || {
        let mut over = 0;
        for group in &groups {
            let accounting = group.accounting().await;
            over += accounting["done"]["Ok"].as_u64().unwrap_or(0);
            let waiting = accounting["waiting"].as_array().unwrap();
            let by_rule = waiting.iter().filter(|w| w["reason"] == "attempt_rule");
            over += by_rule.map(|w| w["count"].as_u64().unwrap()).sum::<u64>();
        }
        over == (groups.len() * CROWD.0) as u64
    })
    .await;
    let (texts, letters) = (numbers(&smsc.submits().unwrap()), recipients(&sink.messages().unwrap()));
    let made = |n: usize| {
        let text = texts.get(&number(n)[1..]).copied().unwrap_or_default();
        let letter = letters.get(&address(n)).copied().unwrap_or_default();
        (text, letter, called.iter().filter(|who| **who == n).count())
    };
    let all: Vec<_> = (0..CROWD.0).map(made).collect();
    for (n, (text, letter, call)) in all.iter().enumerate() {
        assert_eq!(text + letter + call, CAP, "person {n}: {text} texts, {letter} letters, {call} calls");
    }
    let each = all.iter().fold((0, 0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1, sum.2 + one.2));
    assert!(each.0 > 0 && each.1 > 0 && each.2 > 0, "each way had a part in it: {each:?}");
}
