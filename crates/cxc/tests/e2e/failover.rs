//! What takes over when a carrier, or a process, is lost.
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use cxc_store::Engine;
use cxc_test::{Cxc, Postgres, Sipp};
use serde_json::{Value, json};

use crate::audience::Audience;
use crate::campaign::Group;
use crate::voice::{AGENTS, carrier, nobody_is_called_twice_or_forgotten};
use crate::world::{World, binary, until};

const PATIENCE: Duration = Duration::from_secs(300);

/// Calls everybody by a trunk that does not work, and an alternate that does.
async fn by_the_second(first: &Sipp, second: &Sipp, people: Audience) -> (World, Value) {
    let world = World::start().await;
    let phones = Sipp::start("answer", AGENTS, &["-rtp_echo"]).unwrap();
    let account = |name: &str, peer: &Sipp, alternates: &[&str]| {
        json!({
            "name": name, "kind": "sip", "host": "127.0.0.1", "port": peer.address().port(),
            "sender": "+12125550100", "ratePerSecond": 50,
            "sip": {"channels": 20, "countries": ["US"], "alternates": alternates},
        })
    };
    let other = world.make("/channel-accounts", &account("second", second, &[])).await;
    let gateway = world.make("/channel-accounts", &account("first", first, &[&other])).await;
    // it can't go while it is named, and no trunk is its own alternate
    let named = format!("/channel-accounts/{other}");
    let tag = world.api.get(&named).await.etag();
    world.api.delete(&named).if_match(&tag).await.expect(409);
    let path = format!("/channel-accounts/{gateway}");
    let tag = world.api.get(&path).await.etag();
    let own = json!({"sip": {"alternates": [gateway]}});
    world.api.patch(&path).if_match(&tag).json(&own).await.expect(422);

    let list = world.import("people", people).await;
    let template = world.calls("calls", second, &phones, &json!({"mode": 4})).await;
    let group = json!({"name": "calls", "template": template, "gateway": gateway});
    let group = world.make("/campaign-groups", &group).await;
    let lists = json!({"items": [{"list": list, "weight": 10}]});
    world.api.put(&format!("/campaign-groups/{group}/lists")).json(&lists).await.expect(200);
    let group = Group::known(&world, &group);
    world.waive(&group).await;
    group.start().await;
    let accounting = group.finished(PATIENCE).await;
    (world, accounting)
}

#[tokio::test]
async fn calls_that_the_first_trunk_refuses_leave_by_the_second() {
    let people = Audience(20);
    let words = [("status", "503 Service Unavailable"), ("more", "Retry-After: 1")];
    let refuses = Sipp::prepared("refuse", 1_000, &[], &words, &[]).unwrap();
    let works = carrier(people.0, "300");
    let (world, accounting) = by_the_second(&refuses, &works, people).await;
    let called = works.called();
    assert!(called.len() == 20 && called.values().all(|n| *n == 1), "{called:?}\n{}", world.cxc.log());
    assert!(!refuses.called().is_empty(), "it was asked");
    let done: u64 = accounting["done"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!((done, &accounting["inDoubt"]), (20, &json!(0)), "{accounting}");
}

#[tokio::test]
async fn a_trunk_that_says_nothing_is_left_alone_and_whom_it_may_have_called_is_not_called_by_another() {
    let people = Audience(30);
    let silent = Sipp::start("silence", 1_000, &[]).unwrap();
    let works = carrier(people.0, "300");
    let (world, accounting) = by_the_second(&silent, &works, people).await;
    let numbers = |peer: &Sipp| peer.called().into_keys().collect::<BTreeSet<String>>();
    let (lost, called) = (numbers(&silent), numbers(&works));
    assert!(lost.is_disjoint(&called), "{lost:?} {called:?}");
    assert_eq!(lost.len() + called.len(), 30, "{}", world.cxc.log());
    assert!(called.len() >= 5 && works.called().values().all(|n| *n == 1), "{called:?}");
    assert_eq!(accounting["done"]["NoProgress"], json!(lost.len()), "{accounting}");
}

#[tokio::test]
async fn when_a_process_is_killed_another_one_goes_on_within_ten_seconds_and_calls_nobody_twice() {
    if cxc_test::db::engine().unwrap() == Engine::Sqlite {
        // the embedded store is for one process
        return;
    }
    let people = Audience(40);
    let server = Postgres::start().unwrap();
    let url = server.create_database("cxc").unwrap();
    // the usual life of a lease
    let settings = "log.level = \"info\"\noutbound.private_networks = \"127.0.0.0/8\"\n";
    let mut world = World::settled(&url, settings).await;
    let mut second = Cxc::with_settings(binary(), &format!("database.url = \"{url}\"\n{settings}")).unwrap();
    second.up().unwrap();
    let (trunk, phones) = (carrier(people.0 + 1, "1500"), Sipp::start("answer", AGENTS * 4, &["-rtp_echo"]).unwrap());
    let list = world.import("people", people).await;
    let template = world.calls("calls", &trunk, &phones, &json!({"mode": 4})).await;
    let group = world.voice_group("calls", &template, &list).await;
    world.waive(&group).await;
    group.start().await;
    until("calls are placed", Duration::from_secs(60), async || trunk.called().len() >= 12).await;

    let works = |cxc: &Cxc| cxc.log().contains("a group begins to place calls");
    assert_ne!(works(&world.cxc), works(&second), "one of the two has the group");
    let api = second.stranger().unwrap().with_token(world.api.token().unwrap());
    if works(&second) {
        std::mem::swap(&mut world.cxc, &mut second);
    } else {
        world.api = api;
    }
    let live = format!("/campaign-groups/{}/live", group.id());
    let seen = world.api.get(&live).await.expect(200);
    assert!(seen["stale"] == json!(false) && seen["calls"].is_object(), "the other one has its calls: {seen}");
    let (killed, survivor) = (&mut world.cxc, &second);
    killed.kill().unwrap();
    let (at, before) = (Instant::now(), trunk.called().len());
    until("the other one calls", Duration::from_secs(10), async || trunk.called().len() > before).await;
    let took = at.elapsed();
    assert!(works(survivor), "{}", survivor.log());

    let group = Group::known(&world, group.id());
    let accounting = group.finished(PATIENCE).await;
    assert!(survivor.log().contains("attempts of a lost sender are in doubt"), "it says so");
    nobody_is_called_twice_or_forgotten(&world, &trunk, people, &accounting).await;
    eprintln!("the other process called {took:?} after the kill");
}
