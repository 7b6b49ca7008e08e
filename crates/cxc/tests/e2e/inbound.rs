//! People who call the number that they saw: they are recognised, and get what they ask for.
use std::net::UdpSocket;
use std::time::Duration;

use cxc_test::{Keypad, Sipp};
use serde_json::json;

use crate::audience::{Audience, number};
use crate::caller_ids::{NUMBERS, Office};
use crate::world::until;

const PATIENCE: Duration = Duration::from_secs(120);
pub const SDP: &str = "Content-Type: application/sdp\n      Content-Length: [len]\n\n      v=0\n      o=peer 1 1 IN IP4 [local_ip]\n      \
                   s=-\n      c=IN IP4 [media_ip]\n      t=0 0\n      m=audio [media_port] RTP/AVP 0 101\n      \
                   a=rtpmap:0 PCMU/8000\n      a=rtpmap:101 telephone-event/8000\n";

/// Calls a number as somebody, presses a key, and waits until the call is over.
async fn calls(port: &str, from: &str, to: &str, key: &'static str) {
    let words =
        [("caller", from), ("late", "0"), ("talk", "60000"), ("offer", SDP), ("accepted", "Content-Length: 0\n\n")];
    let peer = Sipp::prepared("caller", 1, &[port, "-s", &to[1..]], &words, &[]).unwrap();
    until("the call is answered", PATIENCE, async || peer.media().contains_key(from)).await;
    let audio = peer.media()[from];
    let pressed = tokio::task::spawn_blocking(move || {
        let mut keypad = Keypad::of(audio).unwrap();
        keypad.press(key).unwrap();
        keypad.hears(Duration::from_secs(3))
    });
    assert!(pressed.await.unwrap() > 5, "something is heard");
    peer.finish().unwrap();
}

#[tokio::test]
async fn who_calls_back_is_called_no_more_or_again_as_they_wish() {
    // of the range that media ports are not of
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let office = Office::open(&format!("voice.inbound_listen = \"{port}\"\n")).await;
    // the second number has words of its own
    let script = json!({"start": "ask", "steps": {
        "ask": {"type": "gather", "prompt": "tone", "choices": {"5": "again"}, "otherwise": "end"},
        "again": {"type": "call_back", "next": "end", "otherwise": "end"},
        "end": {"type": "hang_up", "prompt": "inbound-bye"},
    }});
    let path = format!("/caller-ids/{}", office.ids[1]);
    let tag = office.world.api.get(&path).await.etag();
    office.world.api.patch(&path).if_match(&tag).json(&json!({"inbound": script})).await.expect(200);
    let trunk = Sipp::prepared("keys", 4, &[], &[("talk", "60000")], &[]).unwrap();
    let (group, _) = office.group((&trunk, &json!({})), &NUMBERS, Audience(3)).await;
    group.start().await;
    let done = async |n: i64| group.accounting().await["done"]["Ok"] == n;
    until("everybody was called", PATIENCE, async || done(3).await).await;
    let displayed = trunk.displayed();

    // the first wants no more calls
    assert!(NUMBERS.contains(&displayed[&number(0)].as_str()), "{displayed:?}");
    calls(&port, &number(0), NUMBERS[0], "1").await;
    let api = &office.world.api;
    let suppressed = async || -> i64 {
        let lists = api.get("/suppression-lists?limit=100").await.expect(200);
        lists["items"].as_array().unwrap().iter().filter_map(|list| list["size"].as_i64()).sum()
    };
    assert_eq!(suppressed().await, 1);
    // and is not called though they ask for it then
    calls(&port, &number(0), NUMBERS[0], "2").await;
    // the second wants to be called, and is; they call without the + and from another country's view
    let second = number(1);
    calls(&port, &second[2..], NUMBERS[1], "5").await;
    until("the second is called again", PATIENCE, async || trunk.called()[&second] == 2).await;
    // who does not want to be known, and who was never called, get neither
    calls(&port, "anonymous", NUMBERS[0], "1").await;
    calls(&port, "+12125550177", NUMBERS[0], "2").await;
    assert_eq!(suppressed().await, 1);
    until("the callback is over", PATIENCE, async || group.accounting().await["inProgress"] == 0).await;
    let called = trunk.called();
    assert_eq!((called[&number(0)], called[&second], called[&number(2)]), (1, 2, 1), "{called:?}");
    let kinds = office.world.inbound().await;
    let count = |kind: &str| kinds.iter().filter(|(one, _)| one == kind).count();
    assert_eq!((count("call"), count("opt_out")), (5, 1), "{kinds:?}");
    assert_eq!(count("call_back"), 2, "{kinds:?}");
    assert_eq!(kinds.iter().filter(|(_, device)| *device == 0).count(), 1, "who is not known is nobody: {kinds:?}");

    // no number of ours
    let words = [("status", "404"), ("more", "Contact: <sip:c@[local_ip]:[local_port]>"), ("codec", "0")];
    let peer = Sipp::prepared("refused", 1, &[&port, "-s", "12125550199"], &words, &[]).unwrap();
    peer.finish().unwrap();
}
