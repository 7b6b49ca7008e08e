//! Calls that agents ask for themselves: another number of a person, a number of the group's records.
use std::time::Duration;

use serde_json::json;

use crate::agents::Floor;
use crate::audience::Audience;
use crate::campaign::Group;
use crate::world::until;

pub const FIRST: &str = "+12125550140";
pub const SECOND: &str = "+12125550141";
const OTHER: &str = "+12125550150";
const FORBIDDEN: &str = "+12125550151";

impl Floor {
    /// A group of two people with two numbers each, of which one must not be called.
    pub async fn group_of_two(&self) -> Group {
        let api = &self.world.api;
        let file = self.world.cxc.home().join("two.csv");
        let rows = format!(
            "Client ID,First Name,Mobile,Home Phone,State,Zip\n\
             a,Ann,{FIRST},{SECOND},TX,75001\nb,Bob,{OTHER},{FORBIDDEN},TX,75002\n"
        );
        std::fs::write(&file, rows).unwrap();
        let import = ["import", "--list", "two", "--default-country", "US", "--json", file.to_str().unwrap()];
        self.world.cxc.run_ok(&import).unwrap();
        let lists = api.get("/lists?limit=500").await.expect(200);
        let list = lists["items"].as_array().unwrap().iter().find(|list| list["name"] == "two").unwrap();
        let never = json!({"name": "never", "type": "device", "required": true, "channels": ["voice"]});
        let never = self.world.make("/suppression-lists", &never).await;
        let entries = format!("/suppression-lists/{never}/entries");
        api.post(&entries).json(&json!({"value": FORBIDDEN})).await.expect(201);
        let group = self.world.voice_group("calls", &self.template, list["id"].as_str().unwrap()).await;
        self.world.waive(&group).await;
        group
    }

    async fn results(&self, group: &Group) -> Vec<String> {
        let attempts = self.attempts(group).await;
        attempts.iter().map(|attempt| attempt["result"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

#[tokio::test]
async fn what_an_agent_dials_is_checked_and_kept_as_any_call_and_comes_to_that_agent() {
    let floor = Floor::start(1, Audience(9), "60000", 3).await;
    let group = floor.group_of_two().await;
    let mut desk = floor.desk(0);
    desk.sees("logged in as ", 1).await;
    desk.types(&format!("dial {OTHER}"));
    desk.sees("! a number is dialed while no call is there", 1).await;
    let load = format!("/campaign-groups/{}/actions/load", group.id());
    let answer = floor.world.api.post(&load).await;
    assert!(answer.status.is_success(), "{}", answer.text());
    desk.sees("state: not_ready since", 1).await;
    until("the phone is there", Duration::from_secs(40), async || floor.shown(0).await["phone"] == "connected").await;
    desk.types(&format!("dial {OTHER}"));
    desk.sees("! the group places no calls now", 1).await;
    until("it is loaded", Duration::from_secs(40), async || group.standing().await["state"] == "active").await;
    group.start().await;
    until("the group runs", Duration::from_secs(40), async || group.standing().await["state"] == "running").await;
    // the dialer hears of it a moment later
    tokio::time::sleep(Duration::from_secs(3)).await;
    desk.types("dial +12125550199");
    desk.sees("! no record of the group has this number", 1).await;
    desk.types(&format!("dial {FORBIDDEN}"));
    until("it is refused", Duration::from_secs(30), async || desk.count("not dialed: suppressed") == 1).await;
    assert!(floor.trunk.called().is_empty());

    desk.types(&format!("dial {OTHER}"));
    desk.sees("state: dialing", 1).await;
    desk.sees("talk: both hear each other", 1).await;
    assert!(desk.shown().iter().any(|line| line.ends_with(": Bob")), "{:#?}", desk.shown());
    desk.types("dial 2");
    desk.sees("! another number is dialed when the talk is over", 1).await;
    desk.types("h");
    desk.sees("state: wrap_up", 1).await;
    desk.types("dial 3");
    desk.sees("! a position is one of those that the call names", 1).await;
    // the rules forbid it: the record is done with what it came to
    desk.types("dial 2");
    desk.sees("not dialed: suppressed", 2).await;
    until("the record is done", Duration::from_secs(20), async || {
        group.accounting().await["done"]["Answer"] == json!(1)
    })
    .await;
    assert_eq!(floor.shown(0).await["state"], "not_ready", "as before");
    desk.types(&format!("dial {OTHER}"));
    desk.sees("not dialed: not_ready", 1).await;

    // Ann by one number, and then by the other
    desk.types("r");
    desk.sees("talk: both hear each other", 2).await;
    desk.types("h");
    desk.sees("state: wrap_up", 2).await;
    desk.types("dial 2");
    desk.sees("talk: both hear each other", 3).await;
    let dialed = format!("  number 2: {SECOND} (dialed)");
    assert!(desk.shown().contains(&dialed), "{:#?}", desk.shown());
    desk.types("h");
    desk.sees("state: wrap_up", 3).await;
    desk.types("d SALE");
    let accounting = group.finished(Duration::from_secs(60)).await;
    assert_eq!(accounting["done"]["Answer"], json!(2), "{accounting}");
    assert_eq!(floor.results(&group).await, ["Answer", "Answer"]);
    let called = floor.trunk.called();
    let numbers: Vec<&str> = called.keys().map(String::as_str).collect();
    assert_eq!(numbers, [FIRST, SECOND, OTHER]);
    assert!(called.values().all(|times| *times == 1), "{called:?}");
}
