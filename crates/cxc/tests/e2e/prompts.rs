//! Prompts that were uploaded: the people who are called hear them, and those that replace them.
use std::collections::BTreeMap;
use std::time::Duration;

use cxc_test::{Keypad, Sipp};
use serde_json::{Value, json};

use crate::audience::Audience;
use crate::world::{World, until};

const PATIENCE: Duration = Duration::from_secs(120);
const RATE: u32 = 44_100;

/// A stereo WAV file of 44.1 kHz with a tone of six seconds.
fn tone(hertz: f32) -> Vec<u8> {
    let sample = |at: u32| (at as f32 / RATE as f32 * hertz * std::f32::consts::TAU).sin() * 8_000.0;
    let audio: Vec<u8> = (0..RATE * 6).flat_map(|at| (sample(at) as i16).to_le_bytes().repeat(2)).collect();
    let len = u32::try_from(audio.len()).unwrap();
    let mut file = [b"RIFF".as_slice(), &(len + 36).to_le_bytes(), b"WAVEfmt "].concat();
    file.extend([16, 0, 0, 0, 1, 0, 2, 0]);
    file.extend([RATE.to_le_bytes(), (RATE * 4).to_le_bytes(), [4, 0, 16, 0]].concat());
    file.extend([b"data".as_slice(), &len.to_le_bytes(), &audio].concat());
    file
}

/// G.711 µ-law as numbers.
fn linear(byte: u8) -> f32 {
    let byte = !byte;
    let magnitude = ((u16::from(byte & 0x0f) << 3) + 0x84) << ((byte & 0x70) >> 4);
    let magnitude = f32::from(magnitude) - 132.0;
    if byte & 0x80 == 0 { magnitude } else { -magnitude }
}

/// Which share of the power is at a frequency (Goertzel).
fn share(audio: &[u8], hertz: f32) -> f32 {
    let samples: Vec<f32> = audio.iter().map(|byte| linear(*byte)).collect();
    let factor = 2.0 * (hertz / 8_000.0 * std::f32::consts::TAU).cos();
    let (mut one, mut two, mut power) = (0.0_f32, 0.0_f32, 0.0_f32);
    for sample in &samples {
        (two, one) = (one, sample + factor * one - two);
        power += sample * sample;
    }
    let at = one * one + two * two - factor * one * two;
    if power > 0.0 { 2.0 * at / (power * samples.len() as f32) } else { 0.0 }
}

/// Waits for the call of somebody who was not called before, and hears a moment of it.
async fn hear(trunk: &Sipp, known: &mut BTreeMap<String, std::net::SocketAddr>) -> Vec<u8> {
    let mut new = None;
    until("somebody is called", PATIENCE, async || {
        new = trunk.media().into_iter().find(|(called, _)| !known.contains_key(called));
        new.is_some()
    })
    .await;
    let (called, _) = new.unwrap();
    // what the peer notes of a call may be half written when it is first seen
    tokio::time::sleep(Duration::from_millis(200)).await;
    let audio = trunk.media()[&called];
    known.insert(called, audio);
    let listening = tokio::task::spawn_blocking(move || {
        let mut keypad = Keypad::of(audio).unwrap();
        // what is pressed before the call is answered tells nobody where to send
        let mut heard = (0..8).map(|_| {
            keypad.press("5").unwrap();
            keypad.listens(Duration::from_millis(400))
        });
        heard.find(|audio| audio.len() > 2_000).unwrap_or_default()
    });
    listening.await.unwrap()
}

#[tokio::test]
async fn people_hear_what_was_uploaded_and_a_group_without_it_waits() {
    let (people, world) = (Audience(4), World::start().await);
    let trunk = Sipp::prepared("keys", 4, &[], &[("talk", "60000")], &[]).unwrap();
    let script = json!({"start": "say", "steps": {
        "say": {"type": "prompt", "prompt": "Hello_1", "next": "end"}, "end": {"type": "hang_up"},
    }});
    let calls = json!({"maxRingSeconds": 15, "wrapUpSeconds": 0, "script": script, "prompts": {"abandoned": "sorry"}});
    let settings = json!({"dialing": {"mode": 9, "maxPorts": 1}, "calls": calls,
        "compliance": {"purpose": "informational"}});
    let account = json!({
        "name": "calls", "kind": "sip", "host": "127.0.0.1", "port": trunk.address().port(), "sender": "+12125550100",
        "ratePerSecond": 50, "sip": {"channels": 40, "countries": ["US"]},
    });
    let template = world.call_template("calls", &account, ("ivr", settings)).await;
    let list = world.import("people", people).await;
    let group = world.voice_group("calls", &template, &list).await;
    world.waive(&group).await;
    group.start().await;
    let is_missing = async || group.standing().await["limitedBy"] == "prompt_missing";
    until("it says what is missing", PATIENCE, async || is_missing().await).await;

    let prompt = async |name: &str| world.make("/prompts", &json!({"name": name, "language": "en"})).await;
    let audio = |id: &str| format!("/prompts/{id}/audio");
    let (hello, sorry) = (prompt("Hello_1").await, prompt("sorry").await);
    let upload = async |id: &str, hertz: f32| {
        let kept = world.api.put(&audio(id)).bytes(tone(hertz)).await.expect(200);
        assert_eq!(kept["source"], "PCM, 16 bits, stereo, 44100 Hz");
    };
    upload(&hello, 600.0).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(is_missing().await && trunk.called().is_empty(), "the other one is missing still");
    upload(&sorry, 300.0).await;

    let mut known = BTreeMap::new();
    let heard = hear(&trunk, &mut known).await;
    assert!(heard.len() > 2_000 && share(&heard, 600.0) > 0.8, "{}: {}", heard.len(), share(&heard, 600.0));
    // another one takes its place in calls that begin from then on
    upload(&hello, 1_100.0).await;
    let mut shares = Vec::new();
    for _ in 1..people.0 {
        let heard = hear(&trunk, &mut known).await;
        shares.push((share(&heard, 1_100.0), heard.len()));
    }
    assert!(shares.last().is_some_and(|(share, _)| *share > 0.8), "{shares:?} {known:?}");
    assert_eq!(group.finished(PATIENCE).await["done"], json!({"Ok": 4}));

    // neither goes while they are named
    for id in [&hello, &sorry] {
        let refused = world.api.delete(&format!("/prompts/{id}")).if_match("*").await;
        assert!(refused.status == 409 && refused.text().contains("campaign group"), "{}", refused.text());
    }
    let other = world.cxc.tenant("globex").await.unwrap();
    assert_eq!(other.get(&audio(&hello)).await.status, 404);
    assert_eq!(other.get("/prompts").await.expect(200)["items"], Value::Array(Vec::new()));
    trunk.finish().unwrap();
}
