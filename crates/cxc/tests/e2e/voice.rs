//! Calls from end to end: a carrier whose people answer, are busy or away, and agents' phones, all of them real SIP.
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cxc_core::attempt::AttemptState;
use cxc_core::channel::Channel;
use cxc_test::{Capture, Heard, Sipp};
use serde_json::{Value, json};

use crate::audience::{Audience, number};
use crate::campaign::Group;
use crate::world::{World, until};

pub const AGENTS: u32 = 10;
const PATIENCE: Duration = Duration::from_secs(600);

/// Numbers of the campaign: `CXC_VOICE_CALLS`, so many if not set.
fn calls(usual: usize) -> Audience {
    Audience(std::env::var("CXC_VOICE_CALLS").map_or(usual, |n| n.parse().unwrap()))
}

/// How often it is killed: `CXC_VOICE_KILLS`, 3 if not set.
fn kills() -> usize {
    std::env::var("CXC_VOICE_KILLS").map_or(3, |n| n.parse().unwrap())
}

/// A carrier whose people talk for so long, milliseconds: of ten numbers six answer, one is busy, two ring on, and at
/// one a machine answers.
pub fn carrier(most: usize, talk: &str) -> Sipp {
    saying(0xd5, most, talk)
}

/// The same, whose people say this byte over and over.
fn saying(speech: u8, most: usize, talk: &str) -> Sipp {
    let most = u32::try_from(most).unwrap();
    Sipp::prepared("people", most, &[], &[("talk", talk)], &[("speech.ul", vec![speech; 16_000])]).unwrap()
}

/// How the numbers of an audience must end, by the last digit.
pub fn expected(people: Audience) -> (usize, usize, usize) {
    let ends = |digits: &[char]| (0..people.0).filter(|n| number(*n).ends_with(digits)).count();
    (ends(&['0', '1', '2', '3', '4', '5', '9']), ends(&['6']), ends(&['7', '8']))
}

impl World {
    /// A template of calls by a trunk; agents' phones are at one address.
    pub async fn calls(&self, name: &str, trunk: &Sipp, phones: &Sipp, dialing: &Value) -> String {
        self.calls_with(name, (trunk, phones), dialing, json!({})).await
    }

    /// The same with more settings of calls.
    async fn calls_with(&self, name: &str, (trunk, phones): (&Sipp, &Sipp), dialing: &Value, more: Value) -> String {
        let port = trunk.address().port();
        let account = json!({
            "name": name, "kind": "sip", "host": "127.0.0.1", "port": port, "sender": "+12125550100",
            "ratePerSecond": 50, "sip": {"channels": 40, "countries": ["US"]},
        });
        let agents: Vec<String> = (0..AGENTS).map(|n| format!("sip:agent{n}@{}", phones.address())).collect();
        let mut calls = json!({"agents": agents, "maxRingSeconds": 15, "wrapUpSeconds": 0});
        calls.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.calls_by(name, &account, dialing, calls).await
    }

    /// A template of calls by an account.
    pub async fn calls_by(&self, name: &str, account: &Value, dialing: &Value, calls: Value) -> String {
        let compliance = json!({"purpose": "informational"});
        let settings = json!({"dialing": dialing, "calls": calls, "compliance": compliance});
        self.call_template(name, account, ("agent", settings)).await
    }

    /// A template of an account and a dialing profile of a type.
    pub async fn call_template(&self, name: &str, account: &Value, (kind, settings): (&str, Value)) -> String {
        let account = self.make("/channel-accounts", account).await;
        let profile = json!({"name": name, "type": kind, "settings": settings});
        let profile = self.make("/dialing-profiles", &profile).await;
        let session = self.make("/session-profiles", &json!({"name": name, "gateway": account})).await;
        let template = json!({"name": name, "dialingProfile": profile, "sessionProfile": session});
        self.make("/campaign-templates", &template).await
    }

    /// A group of such a template on one list, not started.
    pub async fn voice_group(&self, name: &str, template: &str, list: &str) -> Group {
        let id = self.make("/campaign-groups", &json!({"name": name, "template": template})).await;
        let lists = json!({"items": [{"list": list, "weight": 10}]});
        self.api.put(&format!("/campaign-groups/{id}/lists")).json(&lists).await.expect(200);
        Group::known(self, &id)
    }

    /// A decision on each legal rule that concerns these made-up people.
    pub async fn waive(&self, group: &Group) {
        let standing = self.api.get(&format!("/campaign-groups/{}/legal-standing", group.id())).await.expect(200);
        for list in ["unanswered", "unscrubbed"] {
            for rule in standing[list].as_array().unwrap() {
                let rule = rule["rule"].as_str().unwrap();
                let decision = json!({"state": "waived", "reason": "the people are made up"});
                self.api.put(&format!("/compliance/legal-rules/{rule}/setting")).json(&decision).await.expect(200);
            }
        }
    }
}

/// Whose people say `speech`, which nothing else on the machine does.
async fn run(dialing: Value, people: Audience, speech: u8) {
    let world = World::start().await;
    let (trunk, phones) = (saying(speech, people.0, "1000"), Sipp::start("answer", AGENTS, &["-rtp_echo"]).unwrap());
    let list = world.import("people", people).await;
    let template = world.calls("calls", &trunk, &phones, &dialing).await;
    let group = world.voice_group("calls", &template, &list).await;
    world.waive(&group).await;
    let live = format!("/campaign-groups/{}/live", group.id());
    assert_eq!(world.api.get(&live).await.expect_problem(409), "group_not_loaded");
    let capture = Capture::start(speech).unwrap();
    group.start().await;
    goes_on(&world, &live).await;
    let accounting = group.finished(PATIENCE).await;
    is_heard_by_both(&capture.heard().unwrap(), &trunk, &phones, &accounting);

    let (answered, busy, away) = expected(people);
    let done = |result: &str| usize::try_from(accounting["done"][result].as_u64().unwrap_or(0)).unwrap();
    let log = world.cxc.log();
    assert_eq!(accounting["audience"], json!(people.0), "{accounting}");
    assert_eq!((done("Busy"), done("NoAnswer")), (busy, away), "{accounting}\n{log}");
    let unserved = done("Abandoned") + done("Dropped");
    assert_eq!(done("Answer") + unserved, answered, "{accounting}\n{log}");
    let live = answered as f64;
    assert!(done("Abandoned") as f64 <= live * 0.03, "{accounting}");

    // each number once, at the carrier as in the history
    let called = trunk.called();
    assert!(called.values().all(|n| *n == 1), "{called:?}");
    let attempts = world.attempts(Channel::Voice).await;
    assert_eq!((called.len(), attempts.len()), (people.0, people.0));
    assert!(attempts.values().all(|states| states[..] == [AttemptState::Final]), "{attempts:?}");
    assert!(attempts.keys().all(|number| called.contains_key(&format!("+{number}"))));
    // all its calls have gone as the scenario says: everybody was hung up or hung up
    trunk.finish().unwrap();
    phones.finish().unwrap();

    // the results are told as they came
    let told = async || counted(&world.cxc.metrics("compliance-manager").unwrap());
    until("results are counted", Duration::from_secs(20), async || {
        told().await.values().sum::<f64>() >= people.0 as f64
    })
    .await;
    let counted = told().await;
    let of = |result: &str| counted.get(result).copied().unwrap_or(0.0);
    assert_eq!((of("6"), of("7")), (busy as f64, away as f64), "{counted:?}");
    assert_eq!(counted.values().sum::<f64>(), people.0 as f64, "{counted:?}");
}

/// What people say reaches the agents' phones, which echo it, and comes back to those who said it.
fn is_heard_by_both(heard: &BTreeSet<Heard>, trunk: &Sipp, phones: &Sipp, accounting: &Value) {
    let legs: BTreeSet<u16> = heard.iter().filter(|h| h.to == phones.media_port()).map(|h| h.from).collect();
    assert_eq!(legs.len(), AGENTS as usize, "every agent heard somebody: {heard:?}");
    let ears: BTreeSet<u16> = heard.iter().filter(|h| h.from != phones.media_port()).map(|h| h.to).collect();
    let reached = trunk.hears().values().filter(|port| ears.contains(port)).count();
    let connected = usize::try_from(accounting["done"]["Answer"].as_u64().unwrap()).unwrap();
    // who hangs up just when an agent comes hears nobody
    assert!(reached * 100 >= connected * 95, "{reached} of {connected} heard their agent: {accounting}");
}

/// What is told of a group while its people talk.
async fn goes_on(world: &World, live: &str) {
    until("somebody talks", PATIENCE, async || {
        let now = world.api.get(live).await;
        now.status == 200 && now.json()["calls"]["talking"].as_u64() > Some(0)
    })
    .await;
    let now = world.api.get(live).await.expect(200);
    let count = |part: &str| now[part].as_object().unwrap().values().filter_map(Value::as_u64).sum::<u64>();
    assert_eq!(count("agents"), u64::from(AGENTS), "{now}");
    let totals = &now["totals"];
    let ended: u64 = totals["results"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!(ended + count("calls"), totals["dials"].as_u64().unwrap(), "each call is somewhere: {now}");
    assert!(totals["meanSetUpSeconds"].as_f64() > Some(0.0) && totals["live"].as_u64() > Some(0), "{now}");
    assert!(now["ports"]["inUse"].as_u64() >= Some(AGENTS.into()), "{now}");
    let is_gauge = |line: &str| line.starts_with("cxc_dialer_agents{group=") && !line.ends_with(" 0");
    until("the gauges show it", Duration::from_secs(10), async || {
        world.cxc.metrics("dialer").unwrap().lines().any(is_gauge)
    })
    .await;
}

/// Calls placed, by the number of their result.
fn counted(metrics: &str) -> BTreeMap<String, f64> {
    let lines = metrics.lines().filter_map(|line| line.strip_prefix("compliance_ocs_calls_placed{GSW_CALL_RESULT=\""));
    lines
        .filter_map(|line| {
            let (result, rest) = line.split_once('"')?;
            Some((result.to_owned(), rest.rsplit(' ').next()?.parse().ok()?))
        })
        .collect()
}

#[tokio::test]
async fn every_number_of_a_predictive_group_is_called_once_and_ends_in_one_result() {
    // phones that ring in vain make it long: once is enough
    let usual = if cxc_test::db::engine().unwrap() == cxc_store::Engine::Sqlite { 500 } else { 50 };
    run(json!({"mode": 5}), calls(usual), 0xb7).await;
}

#[tokio::test]
async fn every_number_of_a_progressive_group_is_called_once_and_ends_in_one_result() {
    run(json!({"mode": 4, "linesPerAgent": 1.0}), calls(50), 0xb9).await;
}

#[tokio::test]
async fn a_group_at_work_changes_from_predictive_to_progressive_and_back() {
    let people = Audience(40);
    let world = World::start().await;
    let (trunk, phones) = (carrier(people.0, "900"), Sipp::start("answer", AGENTS, &["-rtp_echo"]).unwrap());
    let list = world.import("people", people).await;
    // two ports, so that it lasts
    let dialing = |mode: u8| json!({"mode": mode, "maxPorts": 2});
    let template = world.calls("calls", &trunk, &phones, &dialing(5)).await;
    let group = world.voice_group("calls", &template, &list).await;
    world.waive(&group).await;
    group.start().await;
    let path = format!("/campaign-groups/{}", group.id());
    let becomes = async |mode| {
        let tag = world.api.get(&path).await.etag();
        let change = json!({"settings": {"dialing": dialing(mode)}});
        world.api.patch(&path).if_match(&tag).json(&change).await.expect(200);
    };
    let called = async |n: usize| {
        until("calls go on", Duration::from_secs(120), async || trunk.called().len() >= n).await;
    };
    for (mode, enough) in [(4, 6), (1, 12), (2, 18)] {
        called(enough).await;
        becomes(mode).await;
    }
    let accounting = group.finished(PATIENCE).await;
    assert_eq!(accounting["done"].as_object().unwrap().values().filter_map(Value::as_u64).sum::<u64>(), 40);
    assert!(trunk.called().values().all(|n| *n == 1));
    let log = world.cxc.log();
    assert_eq!(log.matches("a group is paced anew").count(), 3, "{log}");
    assert_eq!(log.matches("a group begins to place calls").count(), 1, "its agents stay on the line");
    // what was learned of these people serves the next run: seven of ten answer, where three are a first guess
    world.api.post(&format!("{path}/actions/load")).await.expect(202);
    let mut rate = None;
    until("it is loaded again", Duration::from_secs(30), async || {
        let live = world.api.get(&format!("{path}/live")).await;
        rate = (live.status == 200).then(|| live.json()["answerRate"].as_f64().unwrap());
        rate.is_some()
    })
    .await;
    assert!(rate > Some(0.45), "{rate:?}");
}

/// What holds after a campaign of calls was killed while some were under way.
pub async fn nobody_is_called_twice_or_forgotten(world: &World, trunk: &Sipp, people: Audience, accounting: &Value) {
    let called = trunk.called();
    assert!(called.values().all(|n| *n == 1), "called twice: {called:?}");
    let attempts = world.attempts(Channel::Voice).await;
    let in_doubt = attempts.values().flatten().filter(|state| **state == AttemptState::InDoubt).count();
    assert!(in_doubt > 0, "it was killed while calls were under way");
    assert_eq!(accounting["inDoubt"], json!(in_doubt), "{accounting}");
    let done: u64 = accounting["done"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!(done + in_doubt as u64, people.0 as u64, "{accounting}");
    // who was not called has an attempt in doubt, and nobody was called without an attempt
    for n in 0..people.0 {
        let states = attempts.get(&number(n)[1..]).unwrap_or_else(|| panic!("an attempt for {n}"));
        assert!(called.contains_key(&number(n)) || states[..] == [AttemptState::InDoubt], "{n}: {states:?}");
    }
}

#[tokio::test]
async fn a_campaign_of_calls_that_is_killed_calls_nobody_twice_and_forgets_nobody() {
    let (people, kills) = (calls(50), kills());
    let mut world = World::start().await;
    // phones of each start, and more than enough people
    let phones = AGENTS * 3 * u32::try_from(kills).unwrap();
    let (trunk, phones) = (carrier(people.0 + 1, "1000"), Sipp::start("answer", phones, &["-rtp_echo"]).unwrap());
    let list = world.import("people", people).await;
    let template = world.calls("calls", &trunk, &phones, &json!({"mode": 4})).await;
    let group = world.voice_group("calls", &template, &list).await;
    world.waive(&group).await;
    group.start().await;
    for kill in 1..=kills {
        let enough = people.0 * kill / (kills + 2);
        until("calls are placed", Duration::from_secs(120), async || trunk.called().len() >= enough).await;
        world.cxc.kill().unwrap();
        world.cxc.up().unwrap();
    }
    let accounting = group.finished(PATIENCE).await;
    nobody_is_called_twice_or_forgotten(&world, &trunk, people, &accounting).await;
}

#[tokio::test]
async fn numbers_outside_the_countries_of_the_trunk_are_never_dialed() {
    let world = World::start().await;
    let (trunk, phones) = (carrier(10, "300"), Sipp::start("answer", AGENTS, &["-rtp_echo"]).unwrap());
    // a Canadian number, and a premium one
    let file = world.cxc.home().join("abroad.csv");
    std::fs::write(&file, "Client ID,First Name,Mobile\na,Ann,+14165550142\nb,Bob,+19005550142\n").unwrap();
    world.cxc.run_ok(&["import", "--list", "abroad", "--default-country", "US", file.to_str().unwrap()]).unwrap();
    let lists = world.api.get("/lists?limit=500").await.expect(200);
    let list = lists["items"].as_array().unwrap().iter().find(|list| list["name"] == "abroad").unwrap();
    let template = world.calls("calls", &trunk, &phones, &json!({"mode": 4})).await;
    let group = world.voice_group("calls", &template, list["id"].as_str().unwrap()).await;
    world.waive(&group).await;
    group.start().await;
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert!(trunk.called().is_empty(), "{:?}", trunk.called());
    let accounting = group.accounting().await;
    assert_eq!(accounting["done"].get("Answer"), None, "{accounting}");
    // each says why, and none is counted as tried
    let done = group.records("done").await;
    assert!(!done.is_empty(), "{accounting}");
    for record in done {
        let record = group.record(record["recordId"].as_str().unwrap()).await;
        let last = &record["history"][0];
        let detail = last["detail"].as_str().unwrap_or_default();
        assert!(detail.starts_with("never dialed: "), "{record}");
        assert_eq!((&record["attempts"], &last["state"]), (&json!(0), &json!("not_sent")), "{record}");
    }
}

#[tokio::test]
async fn who_is_recorded_follows_the_strictest_region_and_a_recording_is_of_its_tenant_only() {
    let people = Audience(40);
    let world = World::start().await;
    let (trunk, phones) = (carrier(people.0, "600"), Sipp::start("answer", AGENTS, &["-rtp_echo"]).unwrap());
    let list = world.import("people", people).await;
    let recorded = json!({"recording": {"mode": "all", "keepDays": 30}});
    let template = world.calls_with("calls", (&trunk, &phones), &json!({"mode": 4}), recorded).await;
    let group = world.voice_group("calls", &template, &list).await;
    world.waive(&group).await;
    group.start().await;
    let accounting = group.finished(PATIENCE).await;

    let (mut with, mut without, mut last, other) = (0, 0, None, world.cxc.tenant("other").await.unwrap());
    for n in 0..people.0 {
        let number = number(n);
        let found = world.api.get(&format!("/compliance/attempts?device=%2B{}", &number[1..])).await.expect(200);
        let attempt = &found["items"][0];
        if attempt["result"]["code"] != 33 {
            continue;
        }
        let path = format!("/compliance/attempts/{}/recording", attempt["id"].as_str().unwrap());
        // all are Texans, where one side may agree; by their numbers some may be in California, Florida, Illinois or
        // Washington, where everybody must, and there is no notice that they could hear
        let may_be = ["212", "713", "303", "602"].contains(&&number[2..5]);
        match may_be {
            true => {
                let patience = Duration::from_secs(10);
                until("the recording is finished", patience, async || world.api.get(&path).await.status == 200).await;
                with += 1;
                last = Some((number.clone(), path.clone()));
            }
            false => {
                assert_eq!(world.api.get(&path).await.status, 404, "{number}");
                without += 1;
            }
        }
        assert_eq!(other.get(&path).await.status, 404, "{number}");
    }
    assert!(with > 0 && without > 0, "{accounting}");
    let audit = world.api.get("/audit-events?objectKind=recording&limit=500").await.expect(200);
    let reads = audit["items"].as_array().unwrap().len();
    assert!(reads >= with, "each look is audited: {audit}");
    // below the data folder, by the number of the tenant
    let files = walk(&world.cxc.data().join("recordings"));
    assert_eq!(files.len(), with, "{files:?}");

    // who is erased is recorded no more
    let (number, path) = last.unwrap();
    let asked = json!({"kind": "erase", "device": number, "reason": "asked for by letter"});
    world.api.post("/privacy/requests").json(&asked).await.expect(202);
    let patience = Duration::from_secs(20);
    until("the person is erased", patience, async || world.api.get(&path).await.status == 404).await;
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
