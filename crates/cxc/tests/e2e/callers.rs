//! People who call the number that they saw and ask for an agent: real calls, real phones, and desks.
use std::net::UdpSocket;
use std::time::Duration;

use cxc_test::{Keypad, Sipp};
use serde_json::{Value, json};

use crate::audience::{Audience, number};
use crate::caller_ids::{NUMBERS, Office};
use crate::campaign::Group;
use crate::desk::Desk;
use crate::inbound::SDP;
use crate::voice::carrier;
use crate::world::until;

const PATIENCE: Duration = Duration::from_secs(60);
/// Nothing else on the machine says this.
const SPEECH: u8 = 0x3c;

/// A platform whose group displays the first number, with agents' phones that send back what they hear.
pub struct House {
    office: Office,
    port: String,
    trunk: Sipp,
    phones: Sipp,
    group: Group,
}

/// A person who calls in.
struct Caller {
    peer: Sipp,
    from: String,
    keypad: Keypad,
}

impl House {
    /// So many agents; `calls` are more settings of the group's calls.
    async fn open(agents: usize, people: Audience, (calls, compliance): (Value, Value)) -> Self {
        // of the range that media ports are not of
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let office = Office::open(&format!("voice.inbound_listen = \"{port}\"\n")).await;
        let (trunk, phones) = (carrier(people.0, "60000"), Sipp::start("answer", 20, &["-rtp_echo"]).unwrap());
        let world = &office.world;
        let mut users = Vec::new();
        for n in 0..agents {
            users.push(world.person(&format!("agent{n}"), "agent").await);
        }
        let agents = world.make("/agent-groups", &json!({"name": "Sales", "members": users})).await;
        world.make("/disposition-codes", &json!({"name": "Sold", "code": "SALE"})).await;
        let account = json!({
            "name": "calls", "kind": "sip", "host": "127.0.0.1", "port": trunk.address().port(),
            "ratePerSecond": 50, "sip": {"channels": 40, "countries": ["US"]},
        });
        let mut all =
            json!({"agentGroup": agents, "maxRingSeconds": 15, "wrapUpSeconds": 600, "callerIds": [NUMBERS[0]]});
        all.as_object_mut().unwrap().extend(calls.as_object().unwrap().clone());
        let settings = json!({"dialing": {"mode": 4}, "calls": all, "compliance": compliance});
        let template = world.call_template("calls", &account, ("agent", settings)).await;
        let list = world.import("people", people).await;
        let group = world.voice_group("calls", &template, &list).await;
        world.waive(&group).await;
        office.is_read().await;
        Self { office, port, trunk, phones, group }
    }

    async fn informational(agents: usize, people: Audience) -> Self {
        Self::open(agents, people, (json!({}), json!({"purpose": "informational"}))).await
    }

    /// Calls agents' phones, and nobody else.
    async fn load(&self) {
        let answer = self.office.world.api.post(&format!("/campaign-groups/{}/actions/load", self.group.id())).await;
        assert!(answer.status.is_success(), "{}", answer.text());
    }

    fn desk(&self, n: usize) -> Desk {
        let phone = format!("sip:agent{n}@{}", self.phones.address());
        Desk::start(&self.office.world.cxc, &format!("acme\\agent{n}"), &phone)
    }

    /// A ready agent.
    async fn ready(&self, n: usize) -> Desk {
        let mut desk = self.desk(n);
        desk.sees("logged in as ", 1).await;
        desk.types("r");
        desk.sees("state: ready", 1).await;
        desk
    }

    /// Somebody calls the first number and is answered.
    async fn caller(&self, from: &str, talk: &str) -> Caller {
        let words =
            [("caller", from), ("late", "0"), ("talk", talk), ("offer", SDP), ("accepted", "Content-Length: 0\n\n")];
        let peer = Sipp::prepared("caller", 1, &[&self.port, "-s", &NUMBERS[0][1..]], &words, &[]).unwrap();
        until("the call is answered", PATIENCE, async || peer.media().contains_key(from)).await;
        let keypad = Keypad::of(peer.media()[from]).unwrap();
        Caller { peer, from: from.to_owned(), keypad }
    }

    /// The same, who asks for an agent.
    async fn asks(&self, from: &str, talk: &str) -> Caller {
        let mut caller = self.caller(from, talk).await;
        caller.presses("3").await;
        caller
    }

    async fn live(&self) -> Value {
        self.office.world.api.get(&format!("/campaign-groups/{}/live", self.group.id())).await.expect(200)
    }

    /// Waits until the live statistics show something.
    async fn shows(&self, what: &str, wanted: impl Fn(&Value) -> bool) {
        until(what, PATIENCE, async || wanted(&self.live().await)).await;
    }

    /// The history of somebody's number.
    async fn history(&self, from: &str) -> Vec<Value> {
        let path = format!("/compliance/attempts?device={}", from.replace('+', "%2B"));
        let all = self.office.world.api.get(&path).await.expect(200);
        all["items"].as_array().unwrap().clone()
    }
}

impl Caller {
    async fn presses(&mut self, keys: &'static str) {
        let keypad = &mut self.keypad;
        tokio::task::block_in_place(|| keypad.press(keys)).unwrap();
    }

    /// Whether what they say comes back from the agent's phone: each heard the other then.
    fn is_heard(&mut self) -> bool {
        let heard = tokio::task::block_in_place(|| self.keypad.says(SPEECH, Duration::from_secs(2))).unwrap();
        heard.iter().filter(|byte| **byte == SPEECH).count() > 50 * 160
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_calls_back_and_asks_for_an_agent_talks_with_one_and_that_is_no_call_of_ours() {
    let recorded = json!({"recording": {"mode": "all"}, "prompts": {"recording": "tone"}});
    let house = House::open(1, Audience(1), (recorded, json!({"purpose": "informational"}))).await;
    house.load().await;
    let mut desk = house.ready(0).await;
    let mut caller = house.asks(&number(0), "60000").await;
    desk.sees("call ", 1).await;
    let shown = desk.shown();
    assert!(shown.iter().any(|line| line.ends_with(&format!(": Ann0 (called {})", NUMBERS[0]))), "{shown:#?}");
    assert!(shown.iter().any(|line| line.contains(&number(0)) && line.ends_with("(dialed)")), "{shown:#?}");
    // where they are nobody looked: they are told that they are recorded
    desk.sees("talk: both hear each other, recorded", 1).await;
    assert!(caller.is_heard(), "both ways");
    house.shows("the talk", |live| live["callers"] == json!({"waiting": 0, "talking": 1})).await;
    let gauge = format!("cxc_dialer_calls{{group=\"{}\",state=\"caller_talking\"}} 1", house.group.id());
    let cxc = &house.office.world.cxc;
    until("the gauge shows it", PATIENCE, async || cxc.metrics("dialer").unwrap().contains(&gauge)).await;
    // all that can be done with a talk can be done with this one
    desk.types("hold");
    desk.sees("talk: the person waits", 1).await;
    desk.types("resume");
    desk.sees("talk: both hear each other", 2).await;
    assert!(caller.is_heard(), "again");
    // the conversation is known while it lasts
    let history = house.history(&caller.from).await;
    assert_eq!(history.len(), 1, "{history:?}");
    desk.types("h");
    desk.sees("state: wrap_up", 1).await;
    caller.peer.finish().unwrap();
    assert!(desk.shown().iter().any(|line| line.ends_with(" ended: Answer")), "{:#?}", desk.shown());
    desk.types("d SALE two of them");
    desk.sees("state: ready", 2).await;
    until("it is kept", PATIENCE, async || house.history(&number(0)).await[0]["disposition"] == "SALE").await;
    house.shows("it is over", |live| live["callers"]["talking"] == 0).await;
    let live = house.live().await;
    assert_eq!(
        (&live["totals"]["dials"], &live["totals"]["live"], &live["totals"]["connected"]),
        (&json!(0), &json!(0), &json!(0))
    );
    assert_eq!((&live["totals"]["callers"]["came"], &live["totals"]["callers"]["connected"]), (&json!(1), &json!(1)));
    assert_eq!((&live["budget"]["live"], &live["budget"]["abandoned"]), (&json!(0), &json!(0)));
    let recording =
        format!("/compliance/attempts/{}/recording", house.history(&number(0)).await[0]["id"].as_str().unwrap());
    until("it is recorded", PATIENCE, async || house.office.world.api.get(&recording).await.status == 200).await;
    // the person need not be called any more
    assert_eq!(house.group.accounting().await["done"]["Answer"], json!(1));
    assert!(house.trunk.called().is_empty());
}

/// Callers come to agents at once, and are asked what they want if there is none in so many seconds.
async fn at_once(house: &House, seconds: u32) {
    let script = json!({"start": "agent", "steps": {
        "agent": {"type": "agent", "prompt": "tone", "maxSeconds": seconds, "otherwise": "offer"},
        "offer": {"type": "gather", "prompt": "inbound", "choices": {"1": "never", "2": "again"}, "otherwise": "end"},
        "never": {"type": "opt_out", "next": "end", "otherwise": "end"},
        "again": {"type": "call_back", "next": "end", "otherwise": "end"},
        "end": {"type": "hang_up", "prompt": "inbound-bye"},
    }});
    let (api, path) = (&house.office.world.api, format!("/caller-ids/{}", house.office.ids[0]));
    let tag = api.get(&path).await.etag();
    api.patch(&path).if_match(&tag).json(&json!({"inbound": script})).await.expect(200);
    house.office.is_read().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_longest_is_next_and_nobody_is_dialed_for_an_agent_whom_callers_want() {
    let house = House::informational(1, Audience(2)).await;
    at_once(&house, 25).await;
    house.load().await;
    let mut desk = house.ready(0).await;
    let waiting = async |n: u64| house.shows("so many wait", |live| live["callers"]["waiting"] == n).await;
    let [first, second, third, fourth] = ["+16465550101", "+16465550102", "+16465550103", "+16465550104"];
    let mut first = house.caller(first, "60000").await;
    desk.sees("call ", 1).await;
    assert!(first.is_heard());
    house.group.start().await;
    let mut second = house.caller(second, "60000").await;
    waiting(1).await;
    let mut third = house.caller(third, "60000").await;
    waiting(2).await;
    assert!(
        tokio::task::block_in_place(|| third.keypad.press("*").map(|()| third.keypad.hears(Duration::from_secs(1))))
            .unwrap()
            > 40
    );
    // who hangs up leaves nothing behind
    let fourth = house.caller(fourth, "1500").await;
    fourth.peer.finish().unwrap();
    house
        .shows("who left is gone", |live| live["totals"]["callers"]["left"] == 1 && live["callers"]["waiting"] == 2)
        .await;
    desk.types("h");
    desk.sees("state: wrap_up", 1).await;
    first.peer.finish().unwrap();
    desk.types("d SALE");
    desk.sees("call ", 3).await;
    let shown = desk.shown();
    assert!(shown.iter().any(|line| line.contains(&second.from)), "{shown:#?}");
    assert!(second.is_heard());
    // who wants no more calls is suppressed while they still talk
    desk.types("x");
    let api = &house.office.world.api;
    until("the number is suppressed", PATIENCE, async || {
        let lists = api.get("/suppression-lists?limit=100").await.expect(200);
        lists["items"].as_array().unwrap().iter().any(|list| list["size"] == 1)
    })
    .await;
    // nobody comes to the last one, who is asked for something else
    house
        .shows("nobody came", |live| live["totals"]["callers"]["unserved"] == 1 && live["callers"]["waiting"] == 0)
        .await;
    assert!(house.trunk.called().is_empty(), "the agent talks: {:?}", house.trunk.called());
    third.presses("1").await;
    third.peer.finish().unwrap();
    let kinds = house.office.world.inbound().await;
    assert_eq!(kinds.iter().filter(|(kind, _)| kind == "opt_out").count(), 1, "{kinds:?}");
    desk.types("h");
    desk.sees("state: wrap_up", 2).await;
    assert!(house.trunk.called().is_empty(), "the agent works on");
    desk.types("d SALE");
    until("the agent's next call is one of ours", PATIENCE, async || house.trunk.called().len() == 1).await;
    house.shows("it is counted as one", |live| live["totals"]["dials"] == 1).await;
    let callers = house.live().await["totals"]["callers"].clone();
    assert_eq!((&callers["came"], &callers["connected"]), (&json!(4), &json!(2)), "{callers}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_whose_agent_or_group_is_gone_is_not_left_alone() {
    let house = House::informational(1, Audience(1)).await;
    // the group is not loaded: who asks for an agent is asked again
    let mut caller = house.asks("+16465550101", "60000").await;
    assert!(tokio::task::block_in_place(|| caller.keypad.hears(Duration::from_secs(3))) > 5, "the menu again");
    caller.presses("1").await;
    caller.peer.finish().unwrap();
    let kinds = house.office.world.inbound().await;
    assert_eq!(kinds.iter().filter(|(kind, _)| kind == "opt_out").count(), 1, "{kinds:?}");

    // an agent's phone that is gone ends the talk, with a reason
    house.load().await;
    let mut desk = house.ready(0).await;
    let mut caller = house.asks(&number(0), "60000").await;
    desk.sees("call ", 1).await;
    assert!(caller.is_heard());
    house.phones.freeze().unwrap();
    caller.peer.finish().unwrap();
    until("the desk says why", PATIENCE, async || {
        desk.shown().iter().any(|line| line.ends_with(" ended: CallDropError"))
    })
    .await;
    // what it came to can still be said
    desk.sees("state: wrap_up", 1).await;
    desk.types("d SALE");
    desk.sees("state: not_ready (phone)", 1).await;
    until("so does the history", PATIENCE, async || house.history(&number(0)).await[0]["result"]["code"] == 42).await;

    // a group that ends gives back who waits
    let mut caller = house.asks("+16465550102", "60000").await;
    house.shows("somebody waits", |live| live["callers"]["waiting"] == 1).await;
    desk.types("o");
    let stop = format!("/campaign-groups/{}/actions/force-stop", house.group.id());
    house.office.world.api.post(&stop).await.expect(200);
    until("it is unloaded", PATIENCE, async || house.group.standing().await["state"] == "not_loaded").await;
    caller.presses("1").await;
    caller.peer.finish().unwrap();
    let kinds = house.office.world.inbound().await;
    assert_eq!(kinds.iter().filter(|(kind, _)| kind == "opt_out").count(), 2, "{kinds:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_stop_gives_back_who_waits_and_lets_who_talks_talk_on() {
    let house = House::informational(1, Audience(1)).await;
    house.load().await;
    let mut desk = house.ready(0).await;
    let mut talks = house.asks(&number(0), "60000").await;
    desk.sees("call ", 1).await;
    let mut waits = house.asks("+16465550102", "60000").await;
    house.shows("somebody waits", |live| live["callers"] == json!({"waiting": 1, "talking": 1})).await;
    let stop = format!("/campaign-groups/{}/actions/stop", house.group.id());
    house.office.world.api.post(&stop).await.expect(200);
    house.shows("nobody waits", |live| live["callers"] == json!({"waiting": 0, "talking": 1})).await;
    // back in the script
    waits.presses("1").await;
    waits.peer.finish().unwrap();
    let kinds = house.office.world.inbound().await;
    assert_eq!(kinds.iter().filter(|(kind, _)| kind == "opt_out").count(), 1, "{kinds:?}");
    assert!(talks.is_heard(), "both ways");
    assert_ne!(house.group.standing().await["state"], "not_loaded");
    desk.types("h");
    talks.peer.finish().unwrap();
    desk.types("d SALE");
    until("it is unloaded", PATIENCE, async || house.group.standing().await["state"] == "not_loaded").await;
    until("it is kept", PATIENCE, async || house.history(&number(0)).await[0]["disposition"] == "SALE").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_with_who_called_opens_the_cool_down_of_debt_collectors() {
    let compliance = json!({"purpose": "collections", "collector": "Acme Collections"});
    let house = House::open(1, Audience(1), (json!({}), compliance)).await;
    let api = &house.office.world.api;
    let off = json!({"state": "off", "reason": "it is night where these made-up people are"});
    api.put("/compliance/legal-rules/US-REGF-TIME/setting").json(&off).await.expect(200);
    house.load().await;
    let mut desk = house.ready(0).await;
    let _caller = house.asks(&number(0), "60000").await;
    desk.sees("talk: both hear each other", 1).await;
    let soon = cxc_server::Clock::now(&cxc_server::SystemClock) + Duration::from_secs(5);
    desk.types(&format!("c {soon:.0}"));
    desk.types("h");
    desk.sees("state: wrap_up", 1).await;
    desk.types("d SALE");
    desk.sees("state: ready", 2).await;
    let reason = async || house.group.records("ready").await.first().map(|record| record["reason"].clone());
    until("the record waits", PATIENCE, async || reason().await == Some(json!("rescheduled"))).await;
    house.group.start().await;
    until("it is not called so soon", PATIENCE, async || reason().await == Some(json!("cool_down"))).await;
    assert!(house.trunk.called().is_empty());
}
