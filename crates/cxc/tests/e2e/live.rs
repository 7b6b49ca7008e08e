//! What goes on in a group is shown by every process of an installation, also by one that places no calls.
use std::time::Duration;

use cxc_test::{Caller, Cxc, Sipp};
use serde_json::{Value, json};

use crate::audience::Audience;
use crate::voice::{AGENTS, carrier};
use crate::world::{SETTINGS, World, binary, until};

const PATIENCE: Duration = Duration::from_secs(120);

/// All of an API but who places calls, on the database of another process.
fn without_dialer(world: &World) -> (Cxc, Caller) {
    let settings = format!("database.url = \"{}\"\n{SETTINGS}", world.url());
    let mut other = Cxc::with_settings(binary(), &settings).unwrap();
    let components = ["api-aggregator", "list-manager", "campaign-manager", "compliance-manager", "dial-manager"];
    let named: Vec<&str> = components.iter().flat_map(|name| ["--component", name]).collect();
    other.up_with(&named).unwrap();
    let api = other.stranger().unwrap().with_token(world.api.token().unwrap());
    (other, api)
}

fn sum(part: &Value) -> u64 {
    part.as_object().unwrap().values().filter_map(Value::as_u64).sum()
}

#[tokio::test]
async fn a_process_that_places_no_calls_shows_what_goes_on_and_says_when_nobody_does() {
    let people = Audience(60);
    let mut world = World::start().await;
    let (trunk, phones) = (carrier(people.0 + 1, "2000"), Sipp::start("answer", AGENTS * 3, &["-rtp_echo"]).unwrap());
    let list = world.import("people", people).await;
    let template = world.calls("calls", &trunk, &phones, &json!({"mode": 4})).await;
    let group = world.voice_group("calls", &template, &list).await;
    world.waive(&group).await;
    let (_other, api) = without_dialer(&world);
    let live = format!("/campaign-groups/{}/live", group.id());
    for path in [live.clone(), format!("{live}/events")] {
        assert_eq!(api.get(&path).await.expect_problem(409), "group_not_loaded");
    }
    group.start().await;
    let sees = async |what: &str, wanted: fn(&Value) -> bool| {
        let mut seen = Value::Null;
        until(what, PATIENCE, async || {
            let now = api.get(&live).await;
            seen = if now.status == 200 { now.json() } else { Value::Null };
            wanted(&seen)
        })
        .await;
        seen
    };
    let seen = sees("somebody talks", |now| now["calls"]["talking"].as_u64() > Some(0)).await;
    assert_eq!((sum(&seen["agents"]), &seen["stale"]), (u64::from(AGENTS), &json!(false)), "{seen}");
    assert!(seen["ageSeconds"].as_f64() < Some(4.0) && seen["answerRate"].as_f64() > Some(0.0), "{seen}");
    assert!(seen["limitedBy"].is_string() && seen["budget"]["limitPercent"] == 3.0, "{seen}");
    // both see the same, and it goes on
    let at = seen["at"].clone();
    until("the next second is seen", Duration::from_secs(10), async || {
        let (own, other) = (world.api.get(&live).await.expect(200), api.get(&live).await.expect(200));
        own["at"] == other["at"] && own["at"] != at && own["calls"] == other["calls"]
    })
    .await;

    // figures of a process that is gone are no live ones
    world.cxc.kill().unwrap();
    let lost = sees("it is known that nobody has the group", |now| now["limitedBy"] == "lease_not_held").await;
    assert_eq!(lost["stale"], json!(true), "{lost}");
    assert!(lost["ageSeconds"].as_f64() >= Some(4.0), "{lost}");
    let first = lost["ageSeconds"].as_f64();
    let older = sees("they grow older", |now| now["ageSeconds"].as_f64() > Some(6.0)).await;
    assert!(older["ageSeconds"].as_f64() > first && older["at"] == lost["at"], "{older}");
    world.cxc.up().unwrap();
    let again = sees("it goes on", |now| now["stale"] == json!(false)).await;
    assert!(again["at"].as_str() > lost["at"].as_str(), "{again}");

    // who follows it gets an event each second, until it is unloaded
    let events = tokio::spawn(api.get(&format!("{live}/events")).into_future());
    group.finished(PATIENCE).await;
    let told = events.await.unwrap().text();
    assert!(told.matches("event: live").count() >= 2, "{told}");
    assert_eq!(api.get(&live).await.expect_problem(409), "group_not_loaded");
}
