//! Agents' phones that are called for each call: real ones, which answer, do not, or hang up.
use std::time::Duration;

use cxc_test::Sipp;
use serde_json::json;

use crate::agents::Floor;
use crate::audience::Audience;
use crate::desk::Desk;

const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test]
async fn a_phone_that_is_called_for_each_call_rings_before_the_person_is_called_and_is_free_after_the_talk() {
    let people = Audience(3);
    let floor = Floor::start(3, people, "60000", 2).await;
    let (away, short) = (Sipp::start("ring", 1, &[]).unwrap(), Sipp::start("hangup", 1, &["-d", "1500"]).unwrap());
    let group = floor.group(people).await;
    let path = format!("/campaign-groups/{}", group.id());
    let change = json!({"settings": {"calls": {"agentPhones": {"mode": "per_call", "ringSeconds": 5}}}});
    let api = &floor.world.api;
    let tag = api.get(&path).await.etag();
    api.patch(&path).if_match(&tag).json(&change).await.expect(200);
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
