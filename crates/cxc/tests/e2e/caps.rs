//! Several groups contact the same people at once, each by a sender of its own. What a cap allows is never exceeded.
use std::time::Duration;

use cxc_test::Smsc;
use serde_json::json;

use crate::audience::Audience;
use crate::campaign::Kind;
use crate::whole_path::numbers;
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
