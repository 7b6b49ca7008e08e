//! Trunks that can't carry calls: the group says so and waits, and the list is not used up.
use std::time::Duration;

use cxc_test::Sipp;
use serde_json::{Value, json};

use crate::audience::Audience;
use crate::campaign::Group;
use crate::voice::AGENTS;
use crate::world::{World, until};

const PATIENCE: Duration = Duration::from_secs(60);

/// A group of a trunk named "Carrier" at a port, started.
async fn by(world: &World, port: u16, phones: &Sipp, people: Audience, sip: Value) -> Group {
    let mut account = json!({
        "name": "Carrier", "kind": "sip", "host": "127.0.0.1", "port": port, "sender": "+12125550100",
        "ratePerSecond": 50, "sip": {"channels": 40, "countries": ["US"]},
    });
    account["sip"].as_object_mut().unwrap().extend(sip.as_object().unwrap().clone());
    let agents: Vec<String> = (0..AGENTS).map(|n| format!("sip:agent{n}@{}", phones.address())).collect();
    let calls = json!({"agents": agents, "maxRingSeconds": 15, "wrapUpSeconds": 0});
    let list = world.import("people", people).await;
    let template = world.calls_by("calls", &account, &json!({"mode": 4}), calls).await;
    let group = world.voice_group("calls", &template, &list).await;
    world.waive(&group).await;
    group.start().await;
    group
}

/// Waits until the group says that its trunk does not work, and sees that it stays so.
async fn waits(world: &World, group: &Group, time: Duration) {
    let says = async || group.standing().await["limitedBy"] == "trunk_down";
    until("it says why it waits", PATIENCE, says).await;
    tokio::time::sleep(time).await;
    assert!(says().await, "{}\n{}", group.standing().await, world.cxc.log());
    let live = world.api.get(&format!("/campaign-groups/{}/live", group.id())).await.expect(200);
    assert_eq!(live["limitedBy"], "trunk_down", "{live}");
    assert!(live["totals"]["limitedSeconds"]["trunk_down"].as_f64().unwrap() > 0.0, "{live}");
}

/// Nobody counts as tried, and those whose turn it was wait for another try, with a reason.
async fn nobody_was_tried(world: &World, group: &Group, reason: &str) {
    let accounting = group.accounting().await;
    assert_eq!((&accounting["done"], &accounting["inDoubt"]), (&json!({}), &json!(0)), "{accounting}");
    let mut refused = 0;
    for record in group.records("ready").await {
        let record = group.record(record["recordId"].as_str().unwrap()).await;
        assert_eq!(record["attempts"], 0, "{record}");
        for attempt in record["history"].as_array().unwrap() {
            let detail = attempt["detail"].as_str().unwrap_or_default();
            assert_eq!(attempt["state"], "not_sent", "{attempt}\n{}", world.cxc.log());
            // others were held back when the first had failed
            refused += usize::from(detail.contains(reason));
        }
    }
    assert!((1..=8).contains(&refused), "a few calls ask: {refused}");
}

#[tokio::test]
async fn a_trunk_that_challenges_for_ever_uses_up_no_list_and_the_group_says_why_it_waits() {
    let world = World::start().await;
    let more = "WWW-Authenticate: Digest realm=\"example.com\", nonce=\"a1\", algorithm=MD5";
    let words = [("status", "401 Unauthorized"), ("more", more)];
    let carrier = Sipp::prepared("refuse", 1_000, &[], &words, &[]).unwrap();
    let phones = Sipp::start("answer", AGENTS, &["-rtp_echo"]).unwrap();
    let group = by(&world, carrier.address().port(), &phones, Audience(30), json!({})).await;
    waits(&world, &group, Duration::from_secs(8)).await;
    nobody_was_tried(&world, &group, "Carrier SIP 401 (it does not take our credentials)").await;
    let log = world.cxc.log();
    assert!(log.contains("the carrier does not take our credentials") && log.contains("Carrier"), "{log}");
}

#[tokio::test]
async fn a_trunk_that_can_not_be_connected_to_uses_up_no_list_and_the_group_says_why_it_waits() {
    let world = World::start().await;
    let phones = Sipp::start("answer", AGENTS, &["-rtp_echo"]).unwrap();
    // nobody listens there
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let group = by(&world, port, &phones, Audience(30), json!({"transport": "tls"})).await;
    waits(&world, &group, Duration::from_secs(8)).await;
    nobody_was_tried(&world, &group, "can't be opened").await;
}

#[tokio::test]
async fn a_carrier_that_says_nothing_costs_few_records_and_the_group_says_why_it_waits() {
    let world = World::start().await;
    let silent = Sipp::start("silence", 1_000, &[]).unwrap();
    let phones = Sipp::start("answer", AGENTS, &["-rtp_echo"]).unwrap();
    let group = by(&world, silent.address().port(), &phones, Audience(30), json!({})).await;
    // the first calls end when their transactions do
    waits(&world, &group, Duration::from_secs(45)).await;
    let accounting = group.accounting().await;
    let lost = accounting["done"]["NoProgress"].as_u64().unwrap_or(0);
    assert!((1..=5).contains(&lost), "a phone might have rung, so they count: {accounting}");
}
