//! Records that agents look at, and callbacks for one agent, where the agents' phones are called for each call.
use std::time::Duration;

use cxc_test::Sipp;
use jiff::SignedDuration;
use serde_json::json;

use crate::agents::Floor;
use crate::audience::Audience;
use crate::campaign::Group;
use crate::desk::Desk;
use crate::dialing::{FIRST, SECOND};
use crate::preview::{finish, soon};
use crate::rung_phones::for_each_call;
use crate::world::until;

const PATIENCE: Duration = Duration::from_secs(120);

impl Floor {
    /// A desk of an agent whose phone is somewhere else.
    fn desk_at(&self, n: usize, phone: &Sipp) -> Desk {
        let phone = format!("sip:agent{n}@{}", phone.address());
        Desk::start(&self.world.cxc, &format!("acme\\agent{n}"), &phone)
    }

    async fn loaded(&self, group: &Group, settings: serde_json::Value) {
        self.set(group, settings).await;
        for_each_call(self, group).await;
        group.start().await;
        until("the group runs", PATIENCE, async || group.standing().await["state"] == "running").await;
    }

    /// An agent takes records or calls.
    async fn is_there(&self, desk: &mut Desk, n: usize) {
        desk.sees("logged in as ", 1).await;
        until("the phone is known", PATIENCE, async || self.shown(n).await["phone"] == "per_call").await;
        desk.types("r");
        desk.sees("state: ready", 1).await;
    }
}

#[tokio::test]
async fn a_phone_is_silent_while_its_agent_looks_and_rings_before_the_person_is_called() {
    let floor = Floor::start(2, Audience(9), "60000", 2).await;
    let (away, group) = (Sipp::start("ring", 1, &[]).unwrap(), floor.group_of_two().await);
    floor.loaded(&group, json!({"dialing": {"mode": 3}})).await;
    // whose phone nobody answers: the record goes back untouched, and the agent takes no calls
    let mut first = floor.desk_at(0, &away);
    floor.is_there(&mut first, 0).await;
    first.types("p");
    first.sees("preview of calls: Ann", 1).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(floor.shown(0).await["state"], "preview");
    first.types("y");
    first.sees("not dialed: phone", 1).await;
    floor.is(0, "not_ready", Some("phone_no_answer")).await;
    away.finish().unwrap();
    assert!(floor.trunk.called().is_empty(), "{:?}", floor.trunk.called());
    let accounting = group.accounting().await;
    assert_eq!((&accounting["ready"], &accounting["inProgress"]), (&json!(2), &json!(0)), "{accounting}");

    let mut second = floor.desk(1);
    floor.is_there(&mut second, 1).await;
    second.types("p");
    second.sees("preview of calls: Ann", 1).await;
    second.types("reject");
    second.sees("state: ready", 2).await;
    second.types("p");
    second.sees("preview of calls: Bob", 1).await;
    assert!(floor.trunk.called().is_empty(), "nobody is called who is only looked at");
    second.types("y");
    second.sees("state: dialing", 1).await;
    finish(&mut second, 1).await;

    // by another number of hers
    let ann = floor.rests(&group, "rejected").await;
    assert_eq!(ann["attempts"], json!(0), "{ann}");
    let again =
        format!("/campaign-groups/{}/records/{}/actions/reschedule", group.id(), ann["recordId"].as_str().unwrap());
    floor.world.api.post(&again).json(&json!({"at": soon(0)})).await.expect(200);
    second.types("p");
    second.sees("preview of calls: Ann", 2).await;
    second.types("y 2");
    finish(&mut second, 2).await;
    let accounting = group.finished(PATIENCE).await;
    assert_eq!(accounting["done"], json!({"Answer": 2}), "{accounting}");
    let called = floor.trunk.called();
    assert!(called.contains_key(SECOND) && !called.contains_key(FIRST) && called.len() == 2, "{called:?}");
    // the phone was called once for each talk, and hung up after it
    floor.phones.finish().unwrap();
}

#[tokio::test]
async fn records_are_offered_to_agents_whose_phones_ring_when_they_accept() {
    let floor = Floor::start(2, Audience(9), "60000", 2).await;
    let group = floor.group_of_two().await;
    floor.loaded(&group, json!({"dialing": {"mode": 8, "previewTimeoutSeconds": 4}})).await;
    let mut first = floor.desk(0);
    first.sees("logged in as ", 1).await;
    first.types("r");
    first.sees("preview of calls: Ann", 1).await;
    first.sees("preview ended: expired", 1).await;
    first.sees("state: not_ready (preview_expired)", 1).await;
    let mut second = floor.desk(1);
    second.sees("logged in as ", 1).await;
    second.types("r");
    second.sees("preview of calls: Ann", 1).await;
    second.types("y");
    second.sees("talk: both hear each other", 1).await;
    // the other one is not held up by that
    first.types("r");
    first.sees("preview of calls: Bob", 1).await;
    first.types("y");
    finish(&mut first, 1).await;
    finish(&mut second, 1).await;
    let accounting = group.finished(PATIENCE).await;
    assert_eq!(accounting["done"], json!({"Answer": 2}), "{accounting}");
    assert!(floor.trunk.called().values().all(|times| *times == 1), "{:?}", floor.trunk.called());
    floor.phones.finish().unwrap();
}

#[tokio::test]
async fn who_asks_for_one_agent_is_called_once_the_phone_of_that_agent_is_answered() {
    let floor = Floor::start(1, Audience(9), "60000", 3).await;
    let group = floor.group(Audience(1)).await;
    floor.loaded(&group, json!({"dialing": {"mode": 4}})).await;
    let mut ann = floor.desk(0);
    ann.sees("logged in as ", 1).await;
    ann.types("r");
    ann.sees("talk: both hear each other", 1).await;
    ann.types(&format!("c {} mine", soon(8)));
    ann.types("h");
    ann.sees("state: wrap_up", 1).await;
    ann.types("d SALE");
    let waits = floor.rests(&group, "personal_callback").await;
    assert_eq!(waits["cause"], json!(floor.users[0]), "{waits}");
    // her phone is called, then the person
    ann.sees("state: dialing", 1).await;
    ann.sees("talk: both hear each other", 2).await;
    // due while she is busy: it follows the wrap-up
    ann.types(&format!("c {} mine", soon(1)));
    ann.types("h");
    ann.sees("state: wrap_up", 2).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    ann.types("d SALE");
    ann.sees("talk: both hear each other", 3).await;
    ann.types("h");
    ann.sees("state: wrap_up", 3).await;
    ann.types("d SALE");
    let accounting = group.finished(PATIENCE).await;
    assert_eq!(accounting["done"], json!({"Answer": 1}), "{accounting}");
    assert_eq!(floor.trunk.called().values().sum::<usize>(), 3);
    floor.phones.finish().unwrap();
}

#[tokio::test]
async fn a_callback_whose_agent_does_not_answer_the_phone_is_left_to_the_others_after_the_grace() {
    let floor = Floor::start(2, Audience(9), "60000", 1).await;
    // answers once; later nobody is at it
    let once = Sipp::start("answer", 1, &["-rtp_echo"]).unwrap();
    let group = floor.group(Audience(1)).await;
    floor.loaded(&group, json!({"dialing": {"mode": 4}, "calls": {"callbackGraceMinutes": 1}})).await;
    let mut ann = floor.desk_at(0, &once);
    ann.sees("logged in as ", 1).await;
    ann.types("r");
    ann.sees("talk: both hear each other", 1).await;
    let at = soon(6);
    ann.types(&format!("c {at} mine"));
    ann.types("h");
    ann.sees("state: wrap_up", 1).await;
    ann.types("d SALE");
    once.finish().unwrap();
    let mut bob = floor.desk(1);
    floor.is_there(&mut bob, 1).await;
    ann.sees("not dialed: phone", 1).await;
    floor.is(0, "not_ready", Some("phone_no_answer")).await;
    assert_eq!(floor.trunk.called().values().sum::<usize>(), 1, "the person was not called in vain");
    until("Bob talks", PATIENCE, async || bob.count("talk: both hear each other") == 1).await;
    assert!(soon(0) >= at + SignedDuration::from_secs(60), "that was too early");
    finish(&mut bob, 1).await;
    let accounting = group.finished(PATIENCE).await;
    assert_eq!(accounting["done"], json!({"Answer": 1}), "{accounting}");
    floor.phones.finish().unwrap();
}

#[tokio::test]
async fn a_callback_is_offered_to_its_agent_and_rings_the_phone_when_it_is_accepted() {
    let floor = Floor::start(1, Audience(9), "60000", 2).await;
    let group = floor.group(Audience(1)).await;
    floor.loaded(&group, json!({"dialing": {"mode": 3}})).await;
    let mut desk = floor.desk(0);
    floor.is_there(&mut desk, 0).await;
    desk.types("p");
    desk.sees("preview of calls: Ann0", 1).await;
    desk.types("y");
    desk.sees("talk: both hear each other", 1).await;
    desk.types(&format!("c {} mine", soon(4)));
    desk.types("h");
    desk.sees("state: wrap_up", 1).await;
    desk.types("d SALE");
    desk.sees("callback of calls: Ann0", 1).await;
    assert_eq!(floor.trunk.called().values().sum::<usize>(), 1);
    desk.types("y");
    finish(&mut desk, 2).await;
    let accounting = group.finished(PATIENCE).await;
    assert_eq!(accounting["done"], json!({"Answer": 1}), "{accounting}");
    floor.phones.finish().unwrap();
}
