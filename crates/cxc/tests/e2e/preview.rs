//! Records that agents look at before they are called, and callbacks for one agent: at the desk in a terminal, with real
//! calls.
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::agents::Floor;
use crate::audience::Audience;
use crate::campaign::Group;
use crate::desk::Desk;
use crate::world::until;

const PATIENCE: Duration = Duration::from_secs(120);
const MOMENT: Duration = Duration::from_secs(20);

impl Floor {
    /// Changes the settings of a group that is not loaded.
    pub async fn set(&self, group: &Group, settings: Value) {
        let path = format!("/campaign-groups/{}", group.id());
        let tag = self.world.api.get(&path).await.etag();
        let change = json!({ "settings": settings });
        self.world.api.patch(&path).if_match(&tag).json(&change).await.expect(200);
    }

    async fn acts(&self, group: &Group, action: &str) {
        let path = format!("/campaign-groups/{}/actions/{action}", group.id());
        let answer = self.world.api.post(&path).await;
        assert!(answer.status.is_success(), "{}", answer.text());
    }

    /// Waits until some record of the group has a reason.
    pub async fn rests(&self, group: &Group, reason: &str) -> Value {
        let path = format!("/campaign-groups/{}/records?limit=100", group.id());
        let mut found = Value::Null;
        until(reason, MOMENT, async || {
            let all = self.world.api.get(&path).await.expect(200);
            let record = all["items"].as_array().unwrap().iter().find(|record| record["reason"] == reason);
            found = record.cloned().unwrap_or_default();
            record.is_some()
        })
        .await;
        found
    }
}

pub fn soon(seconds: i64) -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the binary runs by the clock of the machine")]
    let now = Timestamp::now();
    now + SignedDuration::from_secs(seconds)
}

/// Hangs up and says what the call came to; then the agent is ready.
pub async fn finish(desk: &mut Desk, talks: usize) {
    desk.sees("talk: both hear each other", talks).await;
    desk.types("h");
    desk.sees("state: wrap_up", talks).await;
    let before = desk.count("state: ready");
    desk.types("d SALE");
    desk.sees("state: ready", before + 1).await;
}

#[tokio::test]
async fn an_agent_asks_for_records_looks_at_them_and_calls_whom_they_want() {
    let floor = Floor::start(1, Audience(9), "60000", 1).await;
    let group = floor.group_of_two().await;
    floor.set(&group, json!({"dialing": {"mode": 3}})).await;
    let mut desk = floor.desk(0);
    desk.sees("logged in as ", 1).await;
    desk.types("p");
    desk.sees("! a record is asked for while the agent is ready", 1).await;
    desk.types("y");
    desk.sees("! there is no record", 1).await;
    group.start().await;
    desk.types("r");
    desk.sees("state: ready", 1).await;
    until("the group runs", MOMENT, async || group.standing().await["state"] == "running").await;
    // nothing is shown, and nobody is called, that is not asked for
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((desk.count("preview of"), floor.trunk.called().len()), (0, 0));
    desk.types("p");
    desk.sees("preview of calls: Ann", 1).await;
    desk.sees("state: preview", 1).await;
    assert!(desk.shown().contains(&format!("  number 1: {} (next)", crate::dialing::FIRST)), "{:#?}", desk.shown());
    desk.types("reject");
    desk.sees("state: ready", 2).await;
    assert_eq!(floor.rests(&group, "rejected").await["attempts"], json!(0));

    // Bob by a number of his that must not be called, and by the other one
    desk.types("p");
    desk.sees("preview of calls: Bob", 1).await;
    desk.types("y 3");
    desk.sees("! a position is one of those that the preview names", 1).await;
    desk.types("y 2");
    desk.sees("not dialed: suppressed", 1).await;
    desk.types("p");
    desk.sees("preview of calls: Bob", 2).await;
    assert!(floor.trunk.called().is_empty());
    desk.types("y");
    desk.sees("state: dialing", 2).await;
    finish(&mut desk, 1).await;
    desk.types("p");
    desk.sees("no preview: no_records_ready", 1).await;

    // Ann is wanted after all, by her second number
    let ann = floor.rests(&group, "rejected").await;
    let again =
        format!("/campaign-groups/{}/records/{}/actions/reschedule", group.id(), ann["recordId"].as_str().unwrap());
    floor.world.api.post(&again).json(&json!({"at": soon(0)})).await.expect(200);
    desk.types("p");
    desk.sees("preview of calls: Ann", 2).await;
    desk.types("y 2");
    finish(&mut desk, 2).await;
    let accounting = group.finished(PATIENCE).await;
    assert_eq!(accounting["done"]["Answer"], json!(2), "{accounting}");
    let called = floor.trunk.called();
    assert!(called.len() == 2 && called.contains_key(crate::dialing::SECOND), "{called:?}");
}

#[tokio::test]
async fn records_are_offered_to_who_is_ready_and_go_back_if_nobody_answers_to_them() {
    // the people's phones at 7 and 8 ring on
    let mut floor = Floor::start(2, Audience(9), "60000", 9).await;
    let file = floor.world.cxc.home().join("two.csv");
    std::fs::write(&file, "Client ID,First Name,Mobile\na,Ann,+12125550147\nb,Bob,+12125550150\n").unwrap();
    let import = ["import", "--list", "two", "--default-country", "US", file.to_str().unwrap()];
    floor.world.cxc.run_ok(&import).unwrap();
    let lists = floor.world.api.get("/lists?limit=500").await.expect(200);
    let list = lists["items"].as_array().unwrap().iter().find(|list| list["name"] == "two").unwrap();
    let group = floor.world.voice_group("calls", &floor.template, list["id"].as_str().unwrap()).await;
    floor.world.waive(&group).await;
    floor.set(&group, json!({"dialing": {"mode": 8, "previewTimeoutSeconds": 4}})).await;
    let mut first = floor.desk(0);
    first.sees("logged in as ", 1).await;
    first.types("r");
    group.start().await;
    first.sees("preview of calls: Ann", 1).await;
    first.types("p");
    first.sees("! a record is asked for while the agent is ready", 1).await;
    first.sees("preview ended: expired", 1).await;
    first.sees("state: not_ready (preview_expired)", 1).await;

    let mut second = floor.desk(1);
    second.sees("logged in as ", 1).await;
    second.types("cancel");
    second.sees("! no call is being dialed", 1).await;
    second.types("r");
    second.sees("preview of calls: Ann", 1).await;
    second.types("y");
    until("Ann's phone rings", MOMENT, async || floor.trunk.called().contains_key("+12125550147")).await;
    // two agents do not look at the same record
    first.types("r");
    first.sees("preview of calls: Bob", 1).await;
    second.types("cancel");
    let cancelled = floor.rests(&group, "rejected").await;
    assert_eq!((&cancelled["attempts"], &cancelled["lastResult"]), (&json!(1), &json!("Cleared")));
    second.sees("state: ready", 1).await;
    floor.acts(&group, "pause").await;
    first.sees("preview ended: ", 2).await;
    second.types("o");
    assert!(second.ended().await);
    floor.acts(&group, "resume").await;

    // a crash loses nothing, and calls nobody twice
    first.types("r");
    first.sees("preview of calls: Bob", 2).await;
    floor.world.cxc.kill().unwrap();
    floor.world.cxc.up().unwrap();
    let mut again = floor.desk(0);
    again.sees("logged in as ", 1).await;
    again.types("r");
    again.sees("preview of calls: Bob", 1).await;
    again.types("y");
    finish(&mut again, 1).await;
    until("Bob is done", MOMENT, async || group.accounting().await["done"]["Answer"] == json!(1)).await;
    let called = floor.trunk.called();
    assert!(called.len() == 2 && called.values().all(|times| *times == 1), "{called:?}");
}

#[tokio::test]
async fn who_asks_for_one_agent_is_called_by_that_agent_and_by_anybody_if_they_are_not_there() {
    let floor = Floor::start(2, Audience(9), "60000", 2).await;
    let group = floor.group(Audience(1)).await;
    floor.set(&group, json!({"calls": {"callbackGraceMinutes": 1}})).await;
    let [mut ann, mut bob] = [floor.desk(0), floor.desk(1)];
    ann.sees("logged in as ", 1).await;
    bob.sees("logged in as ", 1).await;
    ann.types("r");
    group.start().await;
    ann.sees("talk: both hear each other", 1).await;
    bob.types("r");
    ann.types(&format!("c {} mine", soon(8)));
    ann.types("h");
    ann.sees("state: wrap_up", 1).await;
    ann.types("d SALE");
    let waits = floor.rests(&group, "personal_callback").await;
    assert_eq!(waits["cause"], json!(floor.users[0]), "{waits}");
    let waiting = &group.accounting().await["waiting"];
    assert_eq!((&waiting[0]["reason"], &waiting[0]["count"]), (&json!("personal_callback"), &json!(1)), "{waiting}");
    // both are ready, and Bob for longer
    ann.sees("state: dialing", 1).await;
    ann.sees("talk: both hear each other", 2).await;

    // the second time she is away: Bob gets the call after the grace
    let at = soon(2);
    ann.types(&format!("c {at} mine"));
    ann.types("n Lunch");
    ann.types("h");
    ann.sees("state: wrap_up", 2).await;
    ann.types("d SALE");
    ann.sees("state: not_ready (Lunch)", 1).await;
    until("Bob talks", PATIENCE, async || bob.count("talk: both hear each other") == 1).await;
    assert!(soon(0) >= at + SignedDuration::from_secs(60), "that was too early");
    assert_eq!(bob.count("state: dialing"), 0, "it is a call like all others");
    bob.types("h");
    bob.sees("state: wrap_up", 1).await;
    bob.types("d SALE");
    let accounting = group.finished(PATIENCE).await;
    assert_eq!(accounting["done"]["Answer"], json!(1), "{accounting}");
    assert_eq!(floor.trunk.called().values().sum::<usize>(), 3);
}

#[tokio::test]
async fn a_callback_is_offered_to_its_agent_where_records_are_looked_at_before() {
    let floor = Floor::start(1, Audience(9), "60000", 1).await;
    let group = floor.group(Audience(2)).await;
    floor.set(&group, json!({"dialing": {"mode": 3}})).await;
    let mut desk = floor.desk(0);
    desk.sees("logged in as ", 1).await;
    desk.types("r");
    group.start().await;
    until("the group runs", PATIENCE, async || group.standing().await["state"] == "running").await;
    desk.sees("state: ready", 1).await;
    desk.types("p");
    desk.sees("preview of calls: Ann0", 1).await;
    desk.types("y");
    desk.sees("talk: both hear each other", 1).await;
    desk.types(&format!("c {} mine", soon(4)));
    desk.types("h");
    desk.sees("state: wrap_up", 1).await;
    desk.types("d SALE");
    // unasked, since the time is the person's
    desk.sees("callback of calls: Ann0", 1).await;
    desk.types("y");
    // due while the agent is busy: it follows
    desk.sees("talk: both hear each other", 2).await;
    desk.types(&format!("c {} mine", soon(1)));
    desk.types("h");
    desk.sees("state: wrap_up", 2).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(desk.count("callback of calls"), 1, "not before the wrap-up is over");
    desk.types("d SALE");
    desk.sees("callback of calls: Ann0", 2).await;
    desk.types("y");
    finish(&mut desk, 3).await;
    desk.types("p");
    desk.sees("preview of calls: Ann1", 1).await;
    desk.types("y");
    finish(&mut desk, 4).await;
    let accounting = group.finished(PATIENCE).await;
    assert_eq!(accounting["done"]["Answer"], json!(2), "{accounting}");
}

#[tokio::test]
async fn who_must_say_what_a_call_came_to_gets_no_other_before() {
    let floor = Floor::start(1, Audience(9), "60000", 1).await;
    let group = floor.group(Audience(2)).await;
    floor.set(&group, json!({"calls": {"dispositionRequired": true, "wrapUpSeconds": 5}})).await;
    let mut desk = floor.desk(0);
    desk.sees("logged in as ", 1).await;
    desk.types("r");
    group.start().await;
    desk.sees("talk: both hear each other", 1).await;
    desk.types("h");
    desk.sees("state: wrap_up", 1).await;
    desk.types("r");
    desk.sees("! say what the call came to", 1).await;
    desk.sees("state: not_ready (wrap_up_ended)", 1).await;
    desk.types("r");
    desk.sees("talk: both hear each other", 2).await;
    desk.types("h");
    desk.sees("state: wrap_up", 2).await;
    desk.types("d SALE");
    desk.sees("state: ready", 3).await;
    assert_eq!(group.finished(PATIENCE).await["done"]["Answer"], json!(2));
}

#[tokio::test]
async fn agents_side_by_side_look_at_different_records_and_call_each_once() {
    let people = Audience(10);
    let floor = Floor::start(3, people, "300", 3).await;
    let group = floor.group(people).await;
    floor.set(&group, json!({"dialing": {"mode": 8}})).await;
    let mut desks = [floor.desk(0), floor.desk(1), floor.desk(2)];
    for desk in &mut desks {
        desk.sees("logged in as ", 1).await;
        desk.types("r");
    }
    group.start().await;
    // all three look before anybody calls
    for desk in &desks {
        desk.sees("preview of calls: ", 1).await;
    }
    let first = |desk: &Desk| desk.shown().into_iter().find(|line| line.starts_with("preview of"));
    let looked_at: std::collections::BTreeSet<_> = desks.iter().filter_map(first).collect();
    assert_eq!(looked_at.len(), 3, "{looked_at:?}");
    let mut done = [(0, 0); 3];
    until("everybody is called", Duration::from_secs(200), async || {
        for (desk, (accepted, said)) in desks.iter_mut().zip(&mut done) {
            if desk.count("preview of") > *accepted {
                *accepted += 1;
                desk.types("y");
            }
            if desk.shown().iter().filter(|line| line.contains(" ended: Answer")).count() > *said {
                *said += 1;
                desk.types("d SALE");
            }
        }
        group.standing().await["state"] == "not_loaded"
    })
    .await;
    let accounting = group.accounting().await;
    assert_eq!(accounting["done"]["Answer"], json!(7), "{accounting}\n{}", floor.world.cxc.log());
    let called = floor.trunk.called();
    assert!(called.len() == 10 && called.values().all(|times| *times == 1), "{called:?}");
}
