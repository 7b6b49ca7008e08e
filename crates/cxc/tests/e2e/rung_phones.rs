//! Agents' phones that are called for each call: real ones, which answer, do not, or hang up.
use std::time::Duration;

use cxc_test::Sipp;
use serde_json::json;

use crate::agents::Floor;
use crate::audience::Audience;
use crate::campaign::Group;
use crate::desk::Desk;
use crate::dialing::FIRST;
use crate::world::until;

const PATIENCE: Duration = Duration::from_secs(120);

/// Phones of the group are called for each call, and ring for five seconds.
pub async fn for_each_call(floor: &Floor, group: &Group) {
    let path = format!("/campaign-groups/{}", group.id());
    let change = json!({"settings": {"calls": {"agentPhones": {"mode": "per_call", "ringSeconds": 5}}}});
    let api = &floor.world.api;
    let tag = api.get(&path).await.etag();
    api.patch(&path).if_match(&tag).json(&change).await.expect(200);
}

#[tokio::test]
async fn a_phone_that_is_called_for_each_call_rings_before_the_person_is_called_and_is_free_after_the_talk() {
    let people = Audience(3);
    let floor = Floor::start(3, people, "60000", 2).await;
    let (away, short) = (Sipp::start("ring", 1, &[]).unwrap(), Sipp::start("hangup", 1, &["-d", "1500"]).unwrap());
    let group = floor.group(people).await;
    for_each_call(&floor, &group).await;
    let desk = |n: usize, phone: String| Desk::start(&floor.world.cxc, &format!("acme\\agent{n}"), &phone);

    // who does not answer their phone takes no calls, and nobody is called for them
    let mut first = desk(0, format!("sip:agent0@{}", away.address()));
    first.sees("logged in as ", 1).await;
    first.types("r");
    group.start().await;
    first.sees("state: ringing", 1).await;
    floor.is(0, "not_ready", Some("phone_no_answer")).await;
    away.finish().unwrap();
    assert!(floor.trunk.called().is_empty(), "{:?}", floor.trunk.called());

    // who hangs up the phone ends the talk
    let mut second = desk(1, format!("sip:agent1@{}", short.address()));
    second.sees("logged in as ", 1).await;
    second.types("r");
    second.sees("call ", 1).await;
    second.types("n Lunch");
    second.sees("state: wrap_up", 1).await;
    second.types("d SALE");
    floor.is(1, "not_ready", Some("Lunch")).await;
    short.finish().unwrap();
    assert_eq!(floor.trunk.called().len(), 1);

    // the phone is called for each call, and hung up after it
    let mut third = floor.desk(2);
    third.sees("logged in as ", 1).await;
    third.types("r");
    for call in 1..=2 {
        third.sees("state: ringing", call).await;
        third.sees("state: talking", call).await;
        third.types("h");
        third.sees("state: wrap_up", call).await;
        third.types("d SALE");
    }
    let accounting = group.finished(PATIENCE).await;
    assert_eq!(accounting["done"], json!({"Answer": 3}), "{accounting}\n{}", floor.world.cxc.log());
    floor.phones.finish().unwrap();
    let called = floor.trunk.called();
    assert!(called.len() == 3 && called.values().all(|n| *n == 1), "{called:?}");
}

#[tokio::test]
async fn what_an_agent_asks_for_is_called_when_their_phone_is_there_and_not_without_it() {
    let floor = Floor::start(2, Audience(9), "60000", 1).await;
    let away = Sipp::start("ring", 1, &[]).unwrap();
    let group = floor.group_of_two().await;
    for_each_call(&floor, &group).await;
    let away_phone = format!("sip:agent0@{}", away.address());
    let mut desks = [Desk::start(&floor.world.cxc, "acme\\agent0", &away_phone), floor.desk(1)];
    for desk in &desks {
        desk.sees("logged in as ", 1).await;
    }
    group.start().await;
    for n in 0..2 {
        until("the phone is known", PATIENCE, async || floor.shown(n).await["phone"] == "per_call").await;
    }
    desks[0].types(&format!("dial {FIRST}"));
    floor.is(0, "not_ready", Some("phone_no_answer")).await;
    away.finish().unwrap();
    assert!(floor.trunk.called().is_empty(), "{:?}", floor.trunk.called());

    desks[1].types(&format!("dial {FIRST}"));
    desks[1].sees("state: dialing", 1).await;
    desks[1].sees("state: talking", 1).await;
    desks[1].types("h");
    desks[1].sees("state: wrap_up", 1).await;
    desks[1].types("d SALE");
    // as before: who took no calls takes none
    floor.is(1, "not_ready", None).await;
    floor.phones.finish().unwrap();
    assert_eq!(floor.trunk.called(), [(FIRST.to_owned(), 1)].into());
}
