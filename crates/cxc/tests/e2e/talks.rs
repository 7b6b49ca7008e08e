//! What agents and supervisors do with a talk: at the desk in a terminal, with real calls.
use std::time::Duration;

use serde_json::{Value, json};

use crate::agents::Floor;
use crate::audience::Audience;
use crate::world::until;

const COLLEAGUE: &str = "+12125550170";
const BUSY: &str = "+12125550176";
const AWAY: &str = "+12125550177";

#[tokio::test]
async fn an_agent_lets_a_person_wait_asks_a_colleague_and_gives_the_call_away() {
    asks_a_colleague(Floor::start(1, Audience(4), "60000", 3).await).await;
}

#[tokio::test]
async fn an_agent_does_the_same_with_talks_that_an_asterisk_placed() {
    asks_a_colleague(Floor::by_asterisk(1, Audience(4), "60000", 3).await).await;
}

async fn asks_a_colleague(floor: Floor) {
    let group = floor.group(Audience(2)).await;
    let path = format!("/campaign-groups/{}", group.id());
    let tag = floor.world.api.get(&path).await.etag();
    let change = json!({"settings": {"calls": {"recording": {"mode": "all", "announce": "never"}}}});
    floor.world.api.patch(&path).if_match(&tag).json(&change).await.expect(200);
    let mut desk = floor.desk(0);
    desk.sees("logged in as ", 1).await;
    desk.types("hold");
    desk.sees("! there is no talk", 1).await;
    desk.types("r");
    group.start().await;
    desk.sees("call ", 1).await;
    desk.sees("talk: both hear each other", 1).await;
    desk.types("hold");
    desk.sees("talk: the person waits", 1).await;
    desk.types("resume");
    desk.sees("talk: both hear each other", 2).await;
    desk.types("pause");
    desk.sees("talk: both hear each other, recording paused", 1).await;
    desk.types("record");
    desk.types("mute");
    desk.sees("talk: mute, recorded", 1).await;
    desk.types("unmute");
    desk.types("k 12#");
    desk.sees("talk: both hear each other, recorded", 5).await;
    desk.types("k twelve");
    desk.sees("! digits are", 1).await;
    desk.types("g");
    desk.sees("! there is no third person", 1).await;
    // neither a premium number nor one in disguise
    desk.types("t +19005550142");
    desk.sees("! a premium number is never dialed", 1).await;
    desk.types(&format!("a sip:19005550142@{}", floor.phones.address()));
    desk.sees("! a telephone number is no phone", 1).await;

    desk.types(&format!("a {COLLEAGUE}"));
    desk.sees(&format!("talk: the person waits, talking {COLLEAGUE}"), 1).await;
    desk.types("hold");
    desk.sees("! there is a third person", 1).await;
    desk.types("3");
    desk.sees(&format!("talk: conference {COLLEAGUE}"), 1).await;
    desk.types("n Lunch");
    desk.types("g");
    desk.sees("state: wrap_up", 1).await;
    assert!(desk.shown().iter().any(|line| line.ends_with(" ended: Transferred")), "{:#?}", desk.shown());
    desk.types("d SALE");
    desk.sees("state: not_ready (Lunch)", 1).await;
    until("the attempt is kept", Duration::from_secs(20), async || {
        let attempts = floor.attempts(&group).await;
        attempts.iter().any(|attempt| attempt["result"] == "Transferred" && attempt["disposition"] == "SALE")
    })
    .await;

    // the other call is one of three to its end
    desk.types("r");
    desk.sees("call ", 3).await;
    desk.types(&format!("a {COLLEAGUE}"));
    desk.sees(&format!("talk: the person waits, talking {COLLEAGUE}"), 2).await;
    desk.types("3");
    desk.sees(&format!("talk: conference {COLLEAGUE}"), 2).await;
    desk.types("h");
    desk.sees("state: wrap_up", 2).await;
    desk.types("d SALE");
    let accounting = group.finished(Duration::from_secs(100)).await;
    assert_eq!((&accounting["done"]["Transferred"], &accounting["done"]["Conferenced"]), (&json!(1), &json!(1)));
    let called = floor.trunk.called();
    assert_eq!((called.len(), called[COLLEAGUE]), (3, 2), "{called:?}");
    nothing_is_left(&floor).await;
}

/// Of calls that an Asterisk placed.
async fn nothing_is_left(floor: &Floor) {
    if let Some(asterisk) = &floor.asterisk {
        asterisk.is_empty().await.unwrap();
    }
}

#[tokio::test]
async fn who_is_given_away_unseen_talks_with_whom_answers_and_else_stays_with_the_agent() {
    gives_away_unseen(Floor::start(1, Audience(6), "60000", 2).await).await;
}

#[tokio::test]
async fn who_is_given_away_unseen_by_an_asterisk_talks_with_whom_answers_and_else_stays_with_the_agent() {
    gives_away_unseen(Floor::by_asterisk(1, Audience(6), "60000", 2).await).await;
}

/// To somebody who is busy, to somebody who does not answer and is given up, and to somebody who answers.
async fn gives_away_unseen(floor: Floor) {
    let group = floor.group(Audience(1)).await;
    let mut desk = floor.desk(0);
    desk.sees("logged in as ", 1).await;
    desk.types("r");
    group.start().await;
    desk.sees("talk: both hear each other", 1).await;
    desk.types(&format!("t {BUSY}"));
    desk.sees(&format!("talk: the person waits, calling {BUSY}"), 1).await;
    desk.sees("talk: the other is not there: Busy", 1).await;
    desk.types(&format!("a {AWAY}"));
    desk.sees(&format!("talk: the person waits, calling {AWAY}"), 1).await;
    until("the third phone rings", Duration::from_secs(20), async || floor.trunk.called().contains_key(AWAY)).await;
    desk.types("b");
    desk.sees("talk: both hear each other", 2).await;
    desk.types(&format!("t {COLLEAGUE}"));
    desk.sees("state: wrap_up", 1).await;
    assert!(desk.shown().iter().any(|line| line.ends_with(" ended: Transferred")), "{:#?}", desk.shown());
    desk.types("d SALE");
    let path = format!("/campaign-groups/{}/actions/force-stop", group.id());
    // the two talk on without the group, and end with it if that is asked for
    floor.world.api.post(&path).json(&json!({})).await.expect(200);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(group.standing().await["state"], "unload_in_progress");
    floor.world.api.post(&path).json(&json!({"talks": "end"})).await.expect(200);
    let accounting = group.finished(Duration::from_secs(30)).await;
    assert_eq!(accounting["done"]["Transferred"], json!(1), "{accounting}");
    let called = floor.trunk.called();
    assert_eq!((called.len(), called[COLLEAGUE]), (4, 1), "{called:?}");
    nothing_is_left(&floor).await;
}

#[tokio::test]
async fn a_supervisor_comes_to_a_talk_and_goes_and_that_is_written_down() {
    is_supervised(Floor::start(1, Audience(1), "60000", 3).await).await;
}

#[tokio::test]
async fn a_supervisor_comes_to_a_talk_that_an_asterisk_placed() {
    is_supervised(Floor::by_asterisk(1, Audience(1), "60000", 3).await).await;
}

async fn is_supervised(floor: Floor) {
    let group = floor.group(Audience(1)).await;
    let mut desk = floor.desk(0);
    desk.sees("logged in as ", 1).await;
    let path = format!("/agent-groups/{}/agents/{}/actions", floor.agents, floor.users[0]);
    let sue = format!("sip:sue@{}", floor.phones.address());
    let supervise = async |level: &str, status| -> Value {
        let asked = json!({"level": level, "phone": sue});
        floor.world.api.post(&format!("{path}/supervise")).json(&asked).await.expect(status)
    };
    supervise("listen", 409).await;
    desk.types("r");
    group.start().await;
    desk.sees("talk: both hear each other", 1).await;
    // who listens is not shown
    supervise("listen", 200).await;
    desk.sees("talk: both hear each other", 2).await;
    supervise("whisper", 200).await;
    desk.sees("talk: supervisor whisper", 1).await;
    supervise("barge", 200).await;
    desk.sees("talk: supervisor barge", 1).await;
    let asked = json!({"level": "shout", "phone": sue});
    floor.world.api.post(&format!("{path}/supervise")).json(&asked).await.expect(422);
    floor.world.api.post(&format!("{path}/supervise")).json(&json!({"level": "listen"})).await.expect(422);
    floor.world.api.post(&format!("{path}/leave")).json(&json!({})).await.expect(200);
    desk.sees("talk: both hear each other", 3).await;
    desk.types("h");
    desk.sees("state: wrap_up", 1).await;
    supervise("barge", 409).await;
    let audit = floor.world.api.get("/audit-events?limit=50").await.expect(200);
    for action in ["listen", "whisper", "barge", "leave_talk"] {
        let found = audit["items"].as_array().unwrap().iter().any(|event| event["action"] == action);
        assert!(found, "{action} is audited: {audit}");
    }
    nothing_is_left(&floor).await;
}
