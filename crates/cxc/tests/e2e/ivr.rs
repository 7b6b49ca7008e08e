//! Calls with a script: people whose keys are pressed, prompts that are heard, agents who take who asks for them.
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use cxc_test::{Asterisk, Keypad, Sipp};
use serde_json::{Value, json};

use crate::asterisk::by_asterisk;
use crate::audience::{Audience, number};
use crate::campaign::Group;
use crate::world::{World, until};

const PATIENCE: Duration = Duration::from_secs(120);

/// A WAV file of a tone of so many milliseconds.
pub fn prompt(folder: &Path, name: &str, ms: u32) {
    let samples = (0..ms * 8).map(|at| (at as f32 / 8_000.0 * 440.0 * std::f32::consts::TAU).sin() * 8_000.0);
    let audio: Vec<u8> = samples.flat_map(|sample| (sample as i16).to_le_bytes()).collect();
    let len = u32::try_from(audio.len()).unwrap();
    let mut file = [b"RIFF".as_slice(), &(len + 36).to_le_bytes(), b"WAVEfmt "].concat();
    file.extend([16, 0, 0, 0, 1, 0, 1, 0]);
    file.extend([8_000_u32.to_le_bytes(), 16_000_u32.to_le_bytes(), [2, 0, 16, 0]].concat());
    file.extend([b"data".as_slice(), &len.to_le_bytes(), &audio].concat());
    std::fs::write(folder.join(format!("{name}.wav")), file).unwrap();
}

/// 2 leads to a message, 9 to no more calls, 1 to agents if there are any, all else to the end.
fn menu(with_agents: bool) -> Value {
    let (mut choices, mut steps) = (
        json!({"2": "message", "9": "never"}),
        json!({
            "message": {"type": "record", "prompt": "tone", "maxSeconds": 1, "next": "thanks", "otherwise": "bye"},
            "thanks": {"type": "hang_up", "disposition": "MESSAGE"},
            "never": {"type": "opt_out", "next": "gone", "otherwise": "bye"},
            "gone": {"type": "hang_up", "result": 40},
            "bye": {"type": "hang_up", "prompt": "tone", "disposition": "HEARD"},
        }),
    );
    if with_agents {
        choices["1"] = json!("agents");
        steps["agents"] = json!({"type": "transfer"});
    }
    steps["menu"] = json!({
        "type": "gather", "prompt": "menu", "timeoutSeconds": 1, "retries": 1, "choices": choices, "otherwise": "bye",
    });
    json!({"start": "menu", "steps": steps})
}

/// A platform whose prompts are tones, with people who answer and hang up after some milliseconds.
struct Studio {
    world: World,
    trunk: Sipp,
    people: Audience,
    // gone with the test
    _folder: tempfile::TempDir,
}

impl Studio {
    async fn start(people: Audience, talk: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        prompt(folder.path(), "menu", 1_500);
        prompt(folder.path(), "tone", 200);
        let world = World::with(&format!("voice.prompts = \"{}\"\n", folder.path().display())).await;
        let calls = u32::try_from(people.0).unwrap();
        let trunk = Sipp::prepared("keys", calls, &[], &[("talk", talk)], &[]).unwrap();
        Self { world, trunk, people, _folder: folder }
    }

    /// A profile of the type `ivr`; `more` are settings of calls.
    fn profile(name: &str, dialing: &Value, script: &Value, more: &Value) -> Value {
        let mut calls = json!({"maxRingSeconds": 15, "wrapUpSeconds": 0, "recording": {"mode": "messages"}});
        calls["script"] = script.clone();
        calls.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let settings = json!({"dialing": dialing, "calls": calls, "compliance": {"purpose": "informational"}});
        json!({"name": name, "type": "ivr", "settings": settings})
    }

    /// A group of such a profile on all people, not started.
    async fn group(&self, dialing: &Value, script: &Value, more: &Value) -> Group {
        let account = json!({
            "name": "calls", "kind": "sip", "host": "127.0.0.1", "port": self.trunk.address().port(),
            "sender": "+12125550100", "ratePerSecond": 50, "sip": {"channels": 40, "countries": ["US"]},
        });
        self.group_by(&account, dialing, script, more).await
    }

    /// The same by an account.
    async fn group_by(&self, account: &Value, dialing: &Value, script: &Value, more: &Value) -> Group {
        let world = &self.world;
        let account = world.make("/channel-accounts", account).await;
        let profile = world.make("/dialing-profiles", &Self::profile("calls", dialing, script, more)).await;
        let session = world.make("/session-profiles", &json!({"name": "calls", "gateway": account})).await;
        let template = json!({"name": "calls", "dialingProfile": profile, "sessionProfile": session});
        let template = world.make("/campaign-templates", &template).await;
        let list = world.import("people", self.people).await;
        let group = world.voice_group("calls", &template, &list).await;
        world.waive(&group).await;
        group
    }

    /// Presses a key in each new call until all were called; how many packets each heard after it, and why the group
    /// called no more people meanwhile.
    async fn answer(&self, group: &Group, key: impl Fn(usize) -> &'static str) -> (Vec<usize>, BTreeSet<String>) {
        let (mut pressed, mut listening, mut limits) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
        until("everybody is called", PATIENCE, async || {
            for (called, to) in self.trunk.media() {
                if pressed.insert(called.clone(), to).is_some() {
                    continue;
                }
                let keys = key((0..self.people.0).find(|n| number(*n) == called).unwrap());
                listening.push(std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(500));
                    let mut keypad = Keypad::of(to).unwrap();
                    keypad.press(keys).unwrap();
                    keypad.hears(Duration::from_millis(700))
                }));
            }
            limits.extend(group.standing().await["limitedBy"].as_str().map(ToOwned::to_owned));
            pressed.len() == self.people.0
        })
        .await;
        (listening.into_iter().map(|thread| thread.join().unwrap()).collect(), limits)
    }

    /// The attempt of a person, and what was said of the call.
    async fn attempt(&self, n: usize) -> (Value, Value) {
        let path = format!("/compliance/attempts?device=%2B{}", &number(n)[1..]);
        let attempts = self.world.api.get(&path).await.expect(200);
        let attempt = attempts["items"][0].clone();
        let said = attempt["disposition"].clone();
        (attempt, said)
    }
}

#[tokio::test]
async fn keys_of_people_lead_where_the_script_says_and_every_call_ends_in_one_result() {
    let studio = Studio::start(Audience(8), "60000").await;
    let group = studio.group(&json!({"mode": 9, "maxPorts": 3}), &menu(false), &json!({})).await;
    assert_eq!(group.standing().await["type"], "ivr");
    group.start().await;
    // 2 and 9 are choices, 7 is none, and some press nothing
    let (heard, limits) = studio.answer(&group, |n| ["2", "9", "7", "77", "", "9", "2", ""][n]).await;
    assert!(heard.iter().filter(|packets| **packets > 5).count() >= 2, "prompts are heard: {heard:?}");
    let accounting = group.finished(PATIENCE).await;
    let log = studio.world.cxc.log();
    assert_eq!(accounting["done"], json!({"Ok": 6, "WrongParty": 2}), "{accounting}\n{log}");
    assert!(limits.contains("ports_full"), "{limits:?}");
    let called = studio.trunk.called();
    assert!(called.len() == 8 && called.values().all(|n| *n == 1), "{called:?}");

    // who wants no more calls is suppressed, with the attempt as the proof
    let lists = studio.world.api.get("/suppression-lists?limit=100").await.expect(200);
    let size: i64 = lists["items"].as_array().unwrap().iter().filter_map(|list| list["size"].as_i64()).sum();
    assert_eq!(size, 2, "{lists}");
    for n in [1, 5] {
        assert_eq!(studio.attempt(n).await.1, "DO_NOT_CALL", "{n}");
    }
    for n in [2, 3, 4, 6, 7] {
        assert_eq!(studio.attempt(n).await.1, "HEARD", "{n}");
    }
    // a message of New York, where one side may agree, is recorded; in Washington everybody must, and nobody can be told
    let recorded = async |n: usize| {
        let (attempt, said) = studio.attempt(n).await;
        let path = format!("/compliance/attempts/{}/recording", attempt["id"].as_str().unwrap());
        (said, studio.world.api.get(&path).await.status.as_u16())
    };
    until("the message is there", Duration::from_secs(10), async || recorded(0).await == (json!("MESSAGE"), 200)).await;
    assert_eq!(recorded(1).await.1, 404, "who leaves no message is not recorded");
    studio.trunk.finish().unwrap();
}

#[tokio::test]
async fn keys_lead_the_same_way_where_an_asterisk_places_the_calls() {
    let studio = Studio::start(Audience(6), "60000").await;
    let asterisk = Asterisk::before(studio.trunk.address()).unwrap();
    let (dialing, none) = (json!({"mode": 9, "maxPorts": 3}), json!({}));
    let group = studio.group_by(&by_asterisk("calls", &asterisk), &dialing, &menu(false), &none).await;
    group.start().await;
    let (heard, _) = studio.answer(&group, |n| ["2", "9", "7", "77", "", "9"][n]).await;
    assert!(heard.iter().filter(|packets| **packets > 5).count() >= 2, "prompts are heard: {heard:?}");
    let accounting = group.finished(PATIENCE).await;
    let log = studio.world.cxc.log();
    assert_eq!(accounting["done"], json!({"Ok": 4, "WrongParty": 2}), "{accounting}\n{log}");
    for (n, said) in [(0, "MESSAGE"), (1, "DO_NOT_CALL"), (2, "HEARD"), (4, "HEARD"), (5, "DO_NOT_CALL")] {
        assert_eq!(studio.attempt(n).await.1, said, "{n}");
    }
    studio.trunk.finish().unwrap();
    asterisk.is_empty().await.unwrap();
}

#[tokio::test]
async fn who_asks_the_script_for_an_agent_gets_one_and_the_limit_of_abandoned_calls_holds() {
    let studio = Studio::start(Audience(4), "3000").await;
    let phones = Sipp::start("answer", 2, &["-rtp_echo"]).unwrap();
    let agents = json!({"agents": [format!("sip:one@{}", phones.address()), format!("sip:two@{}", phones.address())]});
    let group = studio.group(&json!({"mode": 10, "maxPorts": 4}), &menu(true), &agents).await;
    group.start().await;
    let (_, limits) = studio.answer(&group, |_| "1").await;
    let accounting = group.finished(PATIENCE).await;
    assert_eq!(accounting["done"], json!({"Answer": 4}), "{accounting}\n{}", studio.world.cxc.log());
    // one call for each idle agent: nobody is called whom no agent could take
    assert!(limits.contains("warming_up") && !limits.contains("ports_full"), "{limits:?}");
    studio.trunk.finish().unwrap();
    phones.finish().unwrap();
}

#[tokio::test]
async fn so_many_calls_a_minute_are_placed_without_any_agent() {
    let studio = Studio::start(Audience(12), "60000").await;
    let script = json!({"start": "say", "steps": {
        "say": {"type": "prompt", "prompt": "tone", "next": "end"}, "end": {"type": "hang_up"},
    }});
    let group = studio.group(&json!({"mode": 11, "callsPerMinute": 60}), &script, &json!({})).await;
    group.start().await;
    until("the first is called", PATIENCE, async || !studio.trunk.called().is_empty()).await;
    let start = std::time::Instant::now();
    let (_, limits) = studio.answer(&group, |_| "").await;
    let took = start.elapsed();
    assert!(took > Duration::from_secs(7), "eleven more at one a second, two of them saved up: {took:?}");
    assert!(limits.contains("calls_per_minute"), "{limits:?}");
    assert_eq!(group.finished(PATIENCE).await["done"], json!({"Ok": 12}));
    studio.trunk.finish().unwrap();
}

#[tokio::test]
async fn a_script_that_can_not_work_is_refused_and_one_without_its_prompts_calls_nobody() {
    let studio = Studio::start(Audience(1), "1000").await;
    let refused = async |profile: Value| {
        let problem = studio.world.api.post("/dialing-profiles").json(&profile).await.expect(422);
        problem["errors"][0]["pointer"].as_str().unwrap().to_owned()
    };
    let none = json!({});
    let profile = |dialing: Value, script: &Value, more: &Value| Studio::profile("wrong", &dialing, script, more);
    let nowhere = json!({"start": "a", "steps": {"a": {"type": "prompt", "prompt": "x", "next": "b"}}});
    let by_nine = || json!({"mode": 9});
    assert_eq!(refused(profile(by_nine(), &nowhere, &none)).await, "/settings/calls/script/steps/a/next");
    assert_eq!(refused(profile(json!({"mode": 5}), &menu(false), &none)).await, "/settings/dialing/mode");
    assert_eq!(refused(profile(json!({"mode": 11}), &menu(true), &none)).await, "/settings/dialing/mode");
    let off = json!({"recording": {"mode": "off"}});
    assert_eq!(refused(profile(by_nine(), &menu(false), &off)).await, "/settings/calls/recording/mode");
    let mut agents = profile(by_nine(), &menu(false), &none);
    agents["type"] = json!("agent");
    assert_eq!(refused(agents).await, "/settings/calls/script");
    let mut silent = profile(by_nine(), &menu(false), &none);
    silent["settings"]["calls"].as_object_mut().unwrap().remove("script");
    assert_eq!(refused(silent).await, "/settings/calls/script");

    let absent = json!({"start": "a", "steps": {"a": {"type": "hang_up", "prompt": "not-there"}}});
    let group = studio.group(&by_nine(), &absent, &none).await;
    group.start().await;
    until("it says why", PATIENCE, async || group.standing().await["limitedBy"] == "prompt_missing").await;
    // the mode of a group at work may not become one of another kind
    let api = &studio.world.api;
    let change = json!({"settings": {"dialing": {"mode": 11}}});
    let path = format!("/campaign-groups/{}", group.id());
    let tag = api.get(&path).await.etag();
    api.patch(&path).if_match(&tag).json(&change).await.expect(409);
    assert!(studio.trunk.called().is_empty());
}
