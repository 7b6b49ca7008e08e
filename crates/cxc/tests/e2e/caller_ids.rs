//! What calls display, and what they may cost.
use std::time::Duration;

use cxc_test::Sipp;
use serde_json::{Value, json};

use crate::audience::Audience;
use crate::campaign::Group;
use crate::ivr::prompt;
use crate::world::{World, until};

const PATIENCE: Duration = Duration::from_secs(120);
pub const NUMBERS: [&str; 2] = ["+12125550100", "+12125550101"];

/// A platform with prompts, and two caller ids.
pub struct Office {
    pub world: World,
    pub ids: Vec<String>,
    // gone with the test
    _folder: tempfile::TempDir,
}

impl Office {
    pub async fn open(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["tone", "inbound", "inbound-opted-out", "inbound-call-back", "inbound-sorry", "inbound-bye"] {
            prompt(folder.path(), name, 300);
        }
        let world = World::with(&format!("voice.prompts = \"{}\"\n{more}", folder.path().display())).await;
        let mut ids = Vec::new();
        for number in NUMBERS {
            let id =
                json!({"name": number, "number": number, "proof": "letter of the carrier", "provenOn": "2026-11-02"});
            ids.push(world.make("/caller-ids", &id).await);
        }
        Self { world, ids, _folder: folder }
    }

    /// Waits until the numbers and trunks of now are known to who answers: they are read every two seconds.
    pub async fn is_read(&self) {
        tokio::time::sleep(Duration::from_millis(2_500)).await;
    }

    /// Settings of calls that say something and end, one at a time.
    fn settings(numbers: &[&str]) -> Value {
        let script = json!({"start": "say", "steps": {
            "say": {"type": "prompt", "prompt": "tone", "next": "end"}, "end": {"type": "hang_up"},
        }});
        let calls = json!({"maxRingSeconds": 15, "wrapUpSeconds": 0, "callerIds": numbers, "script": script});
        json!({"dialing": {"mode": 9, "maxPorts": 1}, "calls": calls, "compliance": {"purpose": "informational"}})
    }

    /// The account of a trunk; `more` is of `sip`.
    async fn account(&self, trunk: &Sipp, more: &Value) -> String {
        let mut sip = json!({"channels": 40, "countries": ["US"]});
        sip.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let account = json!({
            "name": "calls", "kind": "sip", "host": "127.0.0.1", "port": trunk.address().port(), "ratePerSecond": 50,
            "sip": sip,
        });
        self.world.make("/channel-accounts", &account).await
    }

    /// A group that goes on when everybody was called.
    pub async fn group(&self, (trunk, more): (&Sipp, &Value), numbers: &[&str], people: Audience) -> (Group, String) {
        let world = &self.world;
        let account = self.account(trunk, more).await;
        let profile = json!({"name": "calls", "type": "ivr", "settings": Self::settings(numbers)});
        let profile = world.make("/dialing-profiles", &profile).await;
        let session = world.make("/session-profiles", &json!({"name": "calls", "gateway": account})).await;
        let template = json!({"name": "calls", "dialingProfile": profile, "sessionProfile": session});
        let template = world.make("/campaign-templates", &template).await;
        let list = world.import("people", people).await;
        let group = json!({"name": "calls", "template": template, "autoComplete": false});
        let group = Group::known(world, &world.make("/campaign-groups", &group).await);
        let lists = json!({"items": [{"list": list, "weight": 10}]});
        world.api.put(&format!("/campaign-groups/{}/lists", group.id())).json(&lists).await.expect(200);
        world.waive(&group).await;
        (group, account)
    }

    async fn limited(&self, group: &Group, why: &str) {
        until(why, PATIENCE, async || group.standing().await["limitedBy"] == why).await;
    }
}

#[tokio::test]
async fn a_person_sees_one_of_the_tenants_proven_numbers_and_no_other_may_be_named() {
    let office = Office::open("").await;
    let people = Audience(8);
    let trunk = Sipp::prepared("keys", 8, &[], &[("talk", "60000")], &[]).unwrap();
    let (group, _) = office.group((&trunk, &json!({})), &NUMBERS, people).await;
    group.start().await;
    until("everybody is called", PATIENCE, async || trunk.called().len() == 8).await;
    let seen: Vec<String> = trunk.displayed().into_values().collect();
    assert_eq!(seen.len(), 8);
    assert!(seen.iter().all(|number| NUMBERS.contains(&number.as_str())), "{seen:?}");
    assert!(NUMBERS.iter().all(|number| seen.iter().any(|one| one == number)), "{seen:?}");

    // a number that nobody has proven is named by no profile, and by no group
    let settings = Office::settings(&[NUMBERS[0], "+12125550199"]);
    let profile = json!({"name": "other", "type": "ivr", "settings": settings});
    let refused = office.world.api.post("/dialing-profiles").json(&profile).await.expect(422);
    assert_eq!(refused["errors"][0]["pointer"], "/settings/calls/callerIds/1", "{refused}");
    // they may change while the group is at work
    let path = format!("/campaign-groups/{}", group.id());
    let change = json!({"settings": {"calls": {"callerIds": [NUMBERS[1]]}}});
    let tag = office.world.api.get(&path).await.etag();
    office.world.api.patch(&path).if_match(&tag).json(&change).await.expect(200);
    // one that is not enabled any more is passed over
    let id = format!("/caller-ids/{}", office.ids[1]);
    let tag = office.world.api.get(&id).await.etag();
    office.world.api.patch(&id).if_match(&tag).json(&json!({"enabled": false})).await.expect(200);
    office.limited(&group, "no_caller_id").await;
}

#[tokio::test]
async fn nobody_is_called_by_a_number_that_is_being_blocked_until_somebody_clears_it() {
    let office = Office::open("").await;
    let words = [("status", "608 Rejected"), ("more", "X-By: analytics")];
    let trunk = Sipp::prepared("refuse", 8, &[], &words, &[]).unwrap();
    let (group, _) = office.group((&trunk, &json!({})), &NUMBERS[..1], Audience(8)).await;
    group.start().await;
    office.limited(&group, "no_caller_id").await;
    assert_eq!(trunk.called().len(), 5, "{:?}", trunk.called());
    let path = format!("/caller-ids/{}", office.ids[0]);
    let api = &office.world.api;
    until("the mark is written", PATIENCE, async || api.get(&path).await.expect(200)["blockedSince"].is_string()).await;
    let marked = api.get(&path).await.expect(200);
    assert_eq!((&marked["blockedCalls"], &marked["lastCalls"]), (&json!(5), &json!(5)));
    let gauge = |value: u8| format!("cxc_dialer_caller_id_blocked{{caller_id=\"{}\"}} {value}", office.ids[0]);
    let shows = |value: u8| office.world.cxc.metrics("dialer").unwrap().contains(&gauge(value));
    until("the gauge shows it", PATIENCE, async || shows(1)).await;
    // what goes on is told once a second
    let live = format!("/campaign-groups/{}/live", group.id());
    let told = async || api.get(&live).await.expect(200)["callerIds"] == json!({"usable": 0, "blocked": 1});
    until("the live statistics show it", PATIENCE, told).await;

    api.post(&format!("{path}/actions/unblock")).await.expect(204);
    until("the others are called", PATIENCE, async || trunk.called().len() == 8).await;
    until("the gauge shows it", PATIENCE, async || shows(0)).await;
    trunk.finish().unwrap();
}

#[tokio::test]
async fn a_trunk_costs_no_more_a_day_than_it_may_and_a_restart_forgets_nothing() {
    let mut office = Office::open("").await;
    let trunk = Sipp::prepared("keys", 6, &[], &[("talk", "60000")], &[]).unwrap();
    let costs = json!({"spendPerDay": 3, "costPerCall": 0.4, "costPerMinute": 0.6});
    let (group, account) = office.group((&trunk, &costs), &NUMBERS, Audience(6)).await;
    group.start().await;
    office.limited(&group, "spend_cap").await;
    assert_eq!(trunk.called().len(), 3);
    let path = format!("/channel-accounts/{account}");
    let api = office.world.api.clone();
    let shown = async || api.get(&path).await.expect(200);
    until("it is shown what was spent", PATIENCE, async || shown().await["spendToday"] == json!(3.0)).await;
    assert!(shown().await["spendResetsAt"].as_str().unwrap().ends_with("T00:00:00Z"), "{}", shown().await);
    office.world.cxc.kill().unwrap();
    office.world.cxc.up().unwrap();
    // what was said before the restart stays until something else is known
    let live = format!("/campaign-groups/{}/live", group.id());
    until("it is known again", PATIENCE, async || {
        let now = office.world.api.get(&live).await;
        now.status == 200 && now.json()["limitedBy"] == "spend_cap"
    })
    .await;
    assert_eq!(trunk.called().len(), 3, "{:?}", trunk.called());
    let now = office.world.api.get(&live).await.expect(200);
    let spend = &now["spend"][0];
    assert_eq!((&spend["spendToday"], &spend["spendPerDay"]), (&json!(3.0), &json!(3.0)), "{now}");
    assert_eq!((&spend["trunk"], &spend["spendResetsAt"]), (&json!("calls"), &shown().await["spendResetsAt"]), "{now}");
    let tag = office.world.api.get(&path).await.etag();
    let more = json!({"sip": {"spendPerDay": 100}});
    office.world.api.patch(&path).if_match(&tag).json(&more).await.expect(200);
    until("the others are called", PATIENCE, async || trunk.called().len() == 6).await;
    assert!(trunk.called().values().all(|n| *n == 1));
}
