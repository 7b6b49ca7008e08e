//! A group that is stopped at once while some talk and others ring.
use std::time::Duration;

use serde_json::{Value, json};

use crate::agents::Floor;
use crate::audience::Audience;
use crate::campaign::Group;
use crate::desk::Desk;
use crate::world::until;

const MOMENT: Duration = Duration::from_secs(30);
/// Rings on.
const RINGS: &str = "+12125550147";
/// Answers.
const TALKS: &str = "+12125550150";

impl Floor {
    /// A group of two people, one of whom talks while the phone of the other rings.
    async fn one_talks_and_one_rings(&self) -> (Group, [Desk; 2]) {
        let file = self.world.cxc.home().join("two.csv");
        std::fs::write(&file, format!("Client ID,First Name,Mobile\na,Ann,{RINGS}\nb,Bob,{TALKS}\n")).unwrap();
        let import = ["import", "--list", "two", "--default-country", "US", file.to_str().unwrap()];
        self.world.cxc.run_ok(&import).unwrap();
        let lists = self.world.api.get("/lists?limit=500").await.expect(200);
        let list = lists["items"].as_array().unwrap().iter().find(|list| list["name"] == "two").unwrap();
        let group = self.world.voice_group("calls", &self.template, list["id"].as_str().unwrap()).await;
        self.world.waive(&group).await;
        let mut desks = [self.desk(0), self.desk(1)];
        for desk in &mut desks {
            desk.sees("logged in as ", 1).await;
            desk.types("r");
        }
        group.start().await;
        let talks = || desks.iter().map(|desk| desk.count("talk: both hear each other")).sum::<usize>();
        until("one talks, and one rings", MOMENT, async || talks() == 1 && self.trunk.called().len() == 2).await;
        (group, desks)
    }

    async fn force_stop(&self, group: &Group, how: &Value) -> Value {
        let path = format!("/campaign-groups/{}/actions/force-stop", group.id());
        self.world.api.post(&path).json(how).await.expect(200)
    }

    /// The attempt that ended so.
    async fn ended(&self, group: &Group, result: &str) -> Value {
        let attempts = self.attempts(group).await;
        let found = attempts.iter().find(|attempt| attempt["result"] == result).cloned();
        found.unwrap_or_else(|| panic!("no attempt ended with {result}: {attempts:#?}"))
    }
}

#[tokio::test]
async fn a_group_that_is_stopped_at_once_gives_up_who_rings_and_is_at_rest_when_the_last_talk_is_over() {
    let floor = Floor::start(2, Audience(9), "60000", 2).await;
    let (group, mut desks) = floor.one_talks_and_one_rings().await;
    let stopped = floor.force_stop(&group, &json!({})).await;
    assert_eq!((&stopped["state"], &stopped["changed"]), (&json!("unload_in_progress"), &json!(true)));
    until("who rings is given up", MOMENT, async || group.accounting().await["inProgress"] == json!(1)).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(group.standing().await["state"], "unload_in_progress", "they still talk");
    let live = floor.world.api.get(&format!("/campaign-groups/{}/live", group.id())).await.expect(200);
    assert_eq!((&live["calls"]["talking"], &live["limitedBy"]), (&json!(1), &json!("not_started")), "{live}");
    let talking = desks.iter_mut().find(|desk| desk.count("talk: both hear each other") == 1).unwrap();
    assert_eq!(talking.count("state: wrap_up"), 0, "nobody cut the talk");
    talking.types("h");
    talking.sees("state: wrap_up", 1).await;
    // the wrap-up is no call
    until("it is at rest", MOMENT, async || group.standing().await["state"] == "not_loaded").await;
    talking.types("d SALE");
    until("the talk is kept", MOMENT, async || group.accounting().await["done"]["Answer"] == json!(1)).await;

    let ready = group.records("ready").await;
    assert_eq!((ready.len(), &ready[0]["lastResult"]), (1, &json!("Cleared")), "{ready:?}");
    let rang = floor.ended(&group, "Cleared").await;
    assert_eq!(rang["detail"], "given up: the group was stopped", "{rang}");
    let talked = floor.ended(&group, "Answer").await;
    assert_eq!((&talked["disposition"], &talked["detail"]), (&json!("SALE"), &json!(null)), "{talked}");
}

#[tokio::test]
async fn a_group_that_is_stopped_with_its_talks_hangs_up_and_says_so_in_the_record() {
    let floor = Floor::start(2, Audience(2), "60000", 2).await;
    let (group, mut desks) = floor.one_talks_and_one_rings().await;
    floor.force_stop(&group, &json!({"talks": "end"})).await;
    let talking = desks.iter_mut().find(|desk| desk.count("talk: both hear each other") == 1).unwrap();
    talking.sees("state: wrap_up", 1).await;
    until("it is at rest", MOMENT, async || group.standing().await["state"] == "not_loaded").await;
    talking.types("d SALE");
    until("the talk is kept", MOMENT, async || group.accounting().await["done"]["Answer"] == json!(1)).await;
    for (result, detail) in
        [("Answer", "hung up: the group was stopped"), ("Cleared", "given up: the group was stopped")]
    {
        let attempt = floor.ended(&group, result).await;
        assert_eq!(attempt["detail"], detail, "{attempt}");
    }
    // the person's phone was hung up, and the other one was cancelled
    floor.trunk.finish().unwrap();
}
