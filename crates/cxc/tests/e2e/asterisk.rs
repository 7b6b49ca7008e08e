//! Calls that an Asterisk places: a carrier behind it, and agents' phones that are called by our own SIP.
use std::time::Duration;

use cxc_core::attempt::AttemptState;
use cxc_core::channel::Channel;
use cxc_test::{ASTERISK_PASSWORD, ASTERISK_USER, Asterisk, Sipp};
use serde_json::{Value, json};

use crate::audience::Audience;
use crate::campaign::Group;
use crate::voice::{AGENTS, carrier, expected};
use crate::world::{World, until};

const PATIENCE: Duration = Duration::from_secs(300);

/// An account of an Asterisk.
pub fn by_asterisk(name: &str, asterisk: &Asterisk) -> Value {
    json!({
        "name": name, "kind": "ari", "host": "127.0.0.1", "port": asterisk.address().port(),
        "sender": "+12125550100", "ratePerSecond": 50,
        "credential": {"username": ASTERISK_USER, "password": ASTERISK_PASSWORD},
        "ari": {"endpoint": "PJSIP/{number}@carrier", "channels": 40, "countries": ["US"]},
    })
}

/// A group of all people by an account, not started.
async fn group(world: &World, account: &Value, phones: &Sipp, people: Audience) -> Group {
    let list = world.import("people", people).await;
    let agents: Vec<String> = (0..AGENTS).map(|n| format!("sip:agent{n}@{}", phones.address())).collect();
    let calls = json!({"agents": agents, "maxRingSeconds": 15, "wrapUpSeconds": 0});
    let template = world.calls_by("calls", account, &json!({"mode": 4}), calls).await;
    let group = world.voice_group("calls", &template, &list).await;
    world.waive(&group).await;
    group
}

fn sum(done: &Value) -> usize {
    usize::try_from(done.as_object().unwrap().values().filter_map(Value::as_u64).sum::<u64>()).unwrap()
}

#[tokio::test]
async fn every_number_that_an_asterisk_calls_is_called_once_and_ends_in_one_result() {
    let people = Audience(40);
    let world = World::start().await;
    let (trunk, phones) = (carrier(people.0, "300"), Sipp::start("answer", AGENTS, &["-rtp_echo"]).unwrap());
    let asterisk = Asterisk::before(trunk.address()).unwrap();
    let group = group(&world, &by_asterisk("calls", &asterisk), &phones, people).await;
    group.start().await;
    let accounting = group.finished(PATIENCE).await;

    let (answered, busy, away) = expected(people);
    let done = |result: &str| usize::try_from(accounting["done"][result].as_u64().unwrap_or(0)).unwrap();
    let log = world.cxc.log();
    assert_eq!((done("Busy"), done("NoAnswer")), (busy, away), "{accounting}\n{log}");
    let unserved = done("Abandoned") + done("Dropped");
    assert_eq!(done("Answer") + unserved, answered, "{accounting}\n{log}");
    let called = trunk.called();
    assert!(called.len() == people.0 && called.values().all(|n| *n == 1), "{called:?}");
    let attempts = world.attempts(Channel::Voice).await;
    assert!(attempts.values().all(|states| states[..] == [AttemptState::Final]), "{attempts:?}");
    trunk.finish().unwrap();
    phones.finish().unwrap();
    asterisk.is_empty().await.unwrap();
    assert!(!log.contains(ASTERISK_PASSWORD));
}

#[tokio::test]
async fn an_asterisk_that_is_killed_in_mid_campaign_and_comes_back_calls_nobody_twice() {
    let people = Audience(30);
    let world = World::start().await;
    let (trunk, phones) = (carrier(people.0 + 1, "1500"), Sipp::start("answer", AGENTS, &["-rtp_echo"]).unwrap());
    let mut asterisk = Asterisk::before(trunk.address()).unwrap();
    let account = by_asterisk("calls", &asterisk);
    let group = group(&world, &account, &phones, people).await;
    group.start().await;
    until("calls are placed", Duration::from_secs(60), async || trunk.called().len() >= 10).await;
    asterisk.kill().unwrap();
    let why = async || group.standing().await["limitedBy"].clone();
    until("it says why it waits", Duration::from_secs(20), async || why().await == "trunk_down").await;
    let before = trunk.called().len();
    asterisk.start_again().unwrap();
    until("it goes on", Duration::from_secs(30), async || trunk.called().len() > before).await;
    let accounting = group.finished(PATIENCE).await;

    let (called, log) = (trunk.called(), world.cxc.log());
    assert!(called.values().all(|n| *n == 1), "called twice: {called:?}\n{log}");
    assert_eq!((sum(&accounting["done"]), &accounting["inDoubt"]), (people.0, &json!(0)), "{accounting}\n{log}");
    assert!(log.contains("the connection to it was lost"), "it says so: {log}");
    // calls that Asterisk was never asked for reached nobody, and are no calls
    assert!(called.len() + 5 >= people.0, "{called:?} {accounting}");
    asterisk.is_empty().await.unwrap();
}

#[tokio::test]
async fn calls_that_an_asterisk_can_not_take_leave_by_the_alternate() {
    let people = Audience(10);
    let world = World::start().await;
    let (trunk, phones) = (carrier(people.0, "300"), Sipp::start("answer", AGENTS, &["-rtp_echo"]).unwrap());
    let mut asterisk = Asterisk::before(trunk.address()).unwrap();
    let own = json!({
        "name": "own", "kind": "sip", "host": "127.0.0.1", "port": trunk.address().port(), "sender": "+12125550100",
        "ratePerSecond": 50, "sip": {"channels": 20, "countries": ["US"]},
    });
    let alternate = world.make("/channel-accounts", &own).await;
    let mut account = by_asterisk("calls", &asterisk);
    account["ari"]["alternates"] = json!([alternate]);
    asterisk.kill().unwrap();
    let group = group(&world, &account, &phones, people).await;
    group.start().await;
    let accounting = group.finished(PATIENCE).await;
    let called = trunk.called();
    assert!(called.len() == people.0 && called.values().all(|n| *n == 1), "{called:?}\n{}", world.cxc.log());
    assert_eq!(sum(&accounting["done"]), people.0, "{accounting}");
}
