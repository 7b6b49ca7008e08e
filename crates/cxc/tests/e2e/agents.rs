//! People who take calls: real calls of a carrier, real phones, and the desk that is used in a terminal.
use std::time::Duration;

use cxc_test::{Asterisk, Sipp};
use serde_json::{Value, json};

use crate::asterisk::by_asterisk;
use crate::audience::{Audience, number};
use crate::campaign::Group;
use crate::desk::{Bare, Desk, PASSWORD};
use crate::voice::carrier;
use crate::world::{World, until};

const PATIENCE: Duration = Duration::from_secs(300);

/// A platform with agents, who take the calls of one campaign group.
pub struct Floor {
    pub world: World,
    pub agents: String,
    pub users: Vec<String>,
    pub template: String,
    pub trunk: Sipp,
    pub phones: Sipp,
    /// Which places the calls, if it is one.
    pub asterisk: Option<Asterisk>,
}

impl Floor {
    /// So many agents, people who talk for so long (milliseconds), calls of phones.
    pub async fn start(agents: usize, people: Audience, talk: &str, phones: u32) -> Self {
        Self::by(agents, (people, talk), phones, false).await
    }

    /// The same, whose calls an Asterisk places.
    pub async fn by_asterisk(agents: usize, people: Audience, talk: &str, phones: u32) -> Self {
        Self::by(agents, (people, talk), phones, true).await
    }

    async fn by(agents: usize, (people, talk): (Audience, &str), phones: u32, is_asterisk: bool) -> Self {
        let world = World::start().await;
        let (trunk, phones) = (carrier(people.0, talk), Sipp::start("answer", phones, &["-rtp_echo"]).unwrap());
        let asterisk = is_asterisk.then(|| Asterisk::before(trunk.address()).unwrap());
        let account = match &asterisk {
            Some(asterisk) => by_asterisk("calls", asterisk),
            None => json!({
                "name": "calls", "kind": "sip", "host": "127.0.0.1", "port": trunk.address().port(),
                "sender": "+12125550100", "ratePerSecond": 50, "sip": {"channels": 40, "countries": ["US"]},
            }),
        };
        let mut users = Vec::new();
        for n in 0..agents {
            users.push(world.person(&format!("agent{n}"), "agent").await);
        }
        let group = world.make("/agent-groups", &json!({"name": "Sales", "members": users})).await;
        world.make("/disposition-codes", &json!({"name": "Sold", "code": "SALE"})).await;
        world.make("/disposition-codes", &json!({"name": "Never again", "code": "NEVER", "doNotCall": true})).await;
        world.make("/not-ready-reasons", &json!({"name": "Lunch"})).await;
        let template = world.manned_template(&group, &account).await;
        Self { world, agents: group, users, template, trunk, phones, asterisk }
    }

    pub async fn group(&self, people: Audience) -> Group {
        let list = self.world.import("people", people).await;
        let group = self.world.voice_group("calls", &self.template, &list).await;
        self.world.waive(&group).await;
        group
    }

    pub fn phone(&self, n: usize) -> String {
        format!("sip:agent{n}@{}", self.phones.address())
    }

    pub fn desk(&self, n: usize) -> Desk {
        Desk::start(&self.world.cxc, &format!("acme\\agent{n}"), &self.phone(n))
    }

    pub async fn shown(&self, n: usize) -> Value {
        let all = self.world.api.get(&format!("/agent-groups/{}/agents", self.agents)).await.expect(200);
        all["items"][n].clone()
    }

    pub async fn is(&self, n: usize, state: &str, reason: Option<&str>) {
        let what = format!("agent {n} is {state} {reason:?}");
        until(&what, Duration::from_secs(40), async || {
            let shown = self.shown(n).await;
            shown["state"] == state && shown["reason"].as_str() == reason
        })
        .await;
    }

    /// Tells an agent something as a supervisor.
    async fn orders(&self, n: usize, action: &str, status: u16) -> Value {
        let path = format!("/agent-groups/{}/agents/{}/actions/{action}", self.agents, self.users[n]);
        self.world.api.post(&path).json(&json!({})).await.expect(status)
    }

    /// The last attempt of each record of a group.
    pub async fn attempts(&self, group: &Group) -> Vec<Value> {
        let path = format!("/campaign-groups/{}/records", group.id());
        let records = self.world.api.get(&format!("{path}?limit=500")).await.expect(200);
        let mut attempts = Vec::new();
        for record in records["items"].as_array().unwrap() {
            let id = record["contactId"].as_str().unwrap();
            let detail = self.world.api.get(&format!("{path}/{id}")).await.expect(200);
            attempts.extend(detail["history"].as_array().unwrap().first().cloned());
        }
        attempts
    }
}

impl World {
    /// A user with a role.
    pub async fn person(&self, name: &str, role: &str) -> String {
        let role_name = role;
        let roles = self.api.get("/roles?limit=100").await.expect(200);
        let role = roles["items"].as_array().unwrap().iter().find(|role| role["builtIn"] == role_name).unwrap();
        let user = json!({"name": name, "fullName": "Ann Example", "roles": [role["id"]], "password": PASSWORD});
        self.make("/users", &user).await
    }

    /// A template of progressive calls for an agent group, whose wrap-up only a word of the agent ends in time.
    async fn manned_template(&self, agents: &str, account: &Value) -> String {
        let account = self.make("/channel-accounts", account).await;
        let settings = json!({
            "dialing": {"mode": 4}, "calls": {"agentGroup": agents, "maxRingSeconds": 15, "wrapUpSeconds": 600},
            "compliance": {"purpose": "informational"},
        });
        let profile = json!({"name": "calls", "type": "agent", "settings": settings});
        let profile = self.make("/dialing-profiles", &profile).await;
        let session = self.make("/session-profiles", &json!({"name": "calls", "gateway": account})).await;
        let template = json!({"name": "calls", "dialingProfile": profile, "sessionProfile": session});
        self.make("/campaign-templates", &template).await
    }
}

#[tokio::test]
async fn agents_take_calls_at_their_desks_and_what_they_say_of_them_is_kept() {
    // 0 to 9: seven answer, one is busy, two are away
    let people = Audience(10);
    let floor = Floor::start(2, people, "300", 2).await;
    let group = floor.group(people).await;
    let mut desks = [floor.desk(0), floor.desk(1)];
    for desk in &mut desks {
        desk.sees("logged in as ", 1).await;
        desk.types("ready");
        desk.sees("state: not_ready (no_campaign)", 1).await;
    }
    group.start().await;
    for desk in &desks {
        desk.sees("state: ready", 1).await;
    }
    // each call ends with the word of its agent, and the next one comes by that
    let mut said = [0, 0];
    until("seven calls are taken", PATIENCE, async || {
        for (desk, said) in desks.iter_mut().zip(&mut said) {
            let ended = desk.shown().iter().filter(|line| line.contains(" ended: Answer")).count();
            if ended > *said {
                *said += 1;
                desk.types("d SALE two of them");
            }
        }
        said.iter().sum::<usize>() == 7
    })
    .await;
    let accounting = group.finished(PATIENCE).await;
    assert_eq!(accounting["done"]["Answer"], json!(7), "{accounting}\n{}", floor.world.cxc.log());

    // the screen shows who it is
    let shown: Vec<String> = desks.iter().flat_map(Desk::shown).collect();
    for n in (0..10).filter(|n| !number(*n).ends_with(['6', '7', '8'])) {
        assert!(shown.iter().any(|line| line.ends_with(&format!(": Ann{n}"))), "{n}: {shown:#?}");
        assert!(shown.iter().any(|line| line.contains(&number(n)) && line.ends_with("(dialed)")), "{n}");
    }
    let attempts = floor.attempts(&group).await;
    let sold: Vec<&Value> = attempts.iter().filter(|attempt| attempt["disposition"] == "SALE").collect();
    assert_eq!(sold.len(), 7, "{attempts:#?}");
    for attempt in sold {
        assert_eq!((&attempt["result"], &attempt["note"]), (&json!("Answer"), &json!("two of them")));
        assert!(floor.users.iter().any(|user| attempt["agent"] == **user), "{attempt}");
    }
    for desk in &mut desks {
        desk.types("o");
        assert!(desk.ended().await, "{:#?}", desk.shown());
    }
    let called = floor.trunk.called();
    assert!(called.len() == 10 && called.values().all(|n| *n == 1), "{called:?}");
    floor.trunk.finish().unwrap();
    floor.phones.finish().unwrap();
}

#[tokio::test]
async fn a_person_is_called_again_when_it_suits_and_never_again_if_it_does_not() {
    let people = Audience(2);
    let floor = Floor::start(1, people, "60000", 3).await;
    let group = floor.group(people).await;
    let mut desk = floor.desk(0);
    desk.sees("logged in as ", 1).await;
    desk.types("x");
    desk.sees("! ", 1).await;
    desk.types("r");
    group.start().await;
    desk.sees("call ", 1).await;
    desk.types("c 2h");
    desk.types("d NOTHING");
    desk.sees("! a code is one of those that hello names", 1).await;
    desk.types("n Breakfast");
    desk.sees("! a reason is one of those that hello names", 1).await;
    desk.types("n Lunch");
    desk.types("h");
    desk.sees("state: wrap_up", 1).await;
    desk.types("d SALE");
    desk.sees("state: not_ready (Lunch)", 1).await;
    let records = format!("/campaign-groups/{}/records?limit=10", group.id());
    let api = &floor.world.api;
    until("the record waits", Duration::from_secs(20), async || {
        let all = api.get(&records).await.expect(200);
        all["items"].as_array().unwrap().iter().any(|record| record["reason"] == "rescheduled")
    })
    .await;

    // the other person wants no more calls: that is written while they still talk
    desk.types("r");
    desk.sees("call ", 3).await;
    desk.types("x");
    let dialed: Vec<String> = floor.trunk.called().into_keys().collect();
    assert_eq!(dialed.len(), 2);
    let lists = async || api.get("/suppression-lists?limit=100").await.expect(200);
    until("the number is suppressed", Duration::from_secs(20), async || {
        lists().await["items"].as_array().unwrap().iter().any(|list| list["size"].as_i64() > Some(0))
    })
    .await;
    assert_eq!(desk.count("state: wrap_up"), 1, "they still talk");
    desk.types("h");
    desk.sees("state: wrap_up", 2).await;
    desk.types("r");
    until("both attempts are kept", Duration::from_secs(20), async || {
        let attempts = floor.attempts(&group).await;
        let said: Vec<&Value> = attempts.iter().map(|attempt| &attempt["disposition"]).collect();
        said.len() == 2 && said.contains(&&json!("SALE")) && said.contains(&&json!("DO_NOT_CALL"))
    })
    .await;
    let accounting = group.accounting().await;
    assert_eq!(accounting["done"]["Answer"], json!(1), "{accounting}");
    assert_eq!(floor.trunk.called().values().sum::<usize>(), 2);
}

#[tokio::test]
async fn who_logs_out_in_a_talk_still_says_what_it_came_to_and_is_gone_then_also_without_a_phone() {
    let floor = Floor::start(1, Audience(2), "60000", 2).await;
    let group = floor.group(Audience(2)).await;
    group.start().await;
    for is_phone_lost in [false, true] {
        let mut desk = floor.desk(0);
        desk.sees("logged in as ", 1).await;
        desk.types("r");
        desk.sees("call ", 1).await;
        desk.types("o");
        until("that is known", PATIENCE, async || desk.shown().iter().any(|line| line.contains(", then logged_out")))
            .await;
        match is_phone_lost {
            true => floor.phones.freeze().unwrap(),
            false => desk.types("h"),
        }
        desk.sees("state: wrap_up", 1).await;
        desk.types("d SALE two of them");
        assert!(desk.ended().await, "{:#?}", desk.shown());
        assert_eq!(floor.shown(0).await["state"], "logged_out");
    }
    until("both attempts are kept", PATIENCE, async || {
        let attempts = floor.attempts(&group).await;
        let of = |result: &str| attempts.iter().any(|a| a["result"] == result && a["disposition"] == "SALE");
        of("Answer") && of("CallDropError")
    })
    .await;
}

#[tokio::test]
async fn one_desk_shows_an_agent_and_a_supervisor_sees_and_steers() {
    let floor = Floor::start(2, Audience(1), "60000", 9).await;
    let cxc = &floor.world.cxc;
    // a page of somebody else may not open a desk with the cookie of an agent
    let foreign = Bare::open(cxc, "acme\\agent0", &[("origin", "https://evil.example.com")]).await;
    assert_eq!(foreign.err(), Some(403));
    floor.world.api.get("/agent-session").await.expect(403);
    assert_eq!(floor.shown(0).await["state"], "logged_out");
    floor.orders(0, "ready", 404).await;
    let strangers = cxc.tenant("other").await.unwrap();
    let path = format!("/agent-groups/{}/agents", floor.agents);
    strangers.get(&path).await.expect(404);
    strangers.post(&format!("{path}/{}/actions/log-out", floor.users[0])).json(&json!({})).await.expect(404);

    let mut first = Bare::open(cxc, "acme\\agent0", &[]).await.unwrap();
    let hello = first.next("hello").await.unwrap();
    assert_eq!((&hello["heartbeatSeconds"], &hello["reasons"]), (&json!(5), &json!(["Lunch"])));
    first.send(&json!({"type": "ready", "id": 1})).await;
    let refused = first.next("error").await.unwrap();
    assert_eq!((&refused["id"], &refused["code"]), (&json!(1), &json!("not_logged_in")));
    first.send(&json!({"type": "login", "phone": "sip:a@h;maddr=1.2.3.4", "id": 2})).await;
    assert_eq!(first.next("error").await.unwrap()["code"], "bad_phone");
    // nor is a number one, or a host out of reach
    let unfit = [
        ("sip:911@127.0.0.1", "bad_phone"),
        ("sip:+19005550142@127.0.0.1", "bad_phone"),
        ("sip:a@10.1.2.3", "out_of_reach"),
    ];
    for (phone, code) in unfit {
        first.send(&json!({"type": "login", "phone": phone})).await;
        assert_eq!(first.next("error").await.unwrap()["code"], code, "{phone}");
    }
    first.text("{").await;
    assert_eq!(first.next("error").await.unwrap()["code"], "bad_message");
    first.send(&json!({"type": "login", "phone": floor.phone(0)})).await;
    let token = first.next("session").await.unwrap()["token"].clone();

    // the second desk takes over, and the first can't take it back by itself
    let mut second = Bare::open(cxc, "acme\\agent0", &[]).await.unwrap();
    second.send(&json!({"type": "login", "phone": floor.phone(0)})).await;
    let own = second.next("session").await.unwrap()["token"].clone();
    assert_eq!(first.next("closed").await.unwrap()["reason"], "taken_over");
    assert_eq!(first.next("anything").await, None, "the connection is closed");
    let mut third = Bare::open(cxc, "acme\\agent0", &[]).await.unwrap();
    third.send(&json!({"type": "resume", "token": token})).await;
    assert_eq!(third.next("error").await.unwrap()["code"], "resume_refused");
    // another agent's token is nobody's
    let mut other = Bare::open(cxc, "acme\\agent1", &[]).await.unwrap();
    other.send(&json!({"type": "resume", "token": own})).await;
    assert_eq!(other.next("error").await.unwrap()["code"], "no_place");
    // another phone is taken while no call is there
    second.send(&json!({"type": "login", "phone": floor.phone(1)})).await;
    let session = second.next("session").await.unwrap();
    assert_eq!((&session["phone"], &session["token"]), (&json!(floor.phone(1)), &own));

    second.send(&json!({"type": "ready"})).await;
    second.next("ok").await.unwrap();
    floor.is(0, "not_ready", Some("no_campaign")).await;
    floor.orders(0, "not-ready", 200).await;
    floor.is(0, "not_ready", Some("supervisor")).await;
    floor.orders(0, "ready", 200).await;
    // a connection that is lost for a moment changes nothing ...
    second.vanish();
    let mut again = Bare::open(cxc, "acme\\agent0", &[]).await.unwrap();
    again.send(&json!({"type": "resume", "token": own})).await;
    assert_eq!(again.next("session").await.unwrap()["token"], own);
    // it answers pings while it listens
    let quiet = tokio::time::timeout(Duration::from_secs(20), again.next("nothing")).await;
    assert!(quiet.is_err(), "the connection stays open");
    assert_eq!(floor.shown(0).await["reason"], "no_campaign");
    // ... and for longer makes the agent not ready
    again.vanish();
    floor.is(0, "not_ready", Some("desk_lost")).await;
    assert_eq!(floor.shown(0).await["desk"], false);
    floor.orders(0, "log-out", 200).await;
    floor.is(0, "logged_out", None).await;

    let audit = floor.world.api.get("/audit-events?limit=50").await.expect(200);
    for action in ["make_ready", "make_not_ready", "log_out"] {
        let found = audit["items"].as_array().unwrap().iter().any(|event| event["action"] == action);
        assert!(found, "{action} is audited: {audit}");
    }
    // so many desks are open at once
    let mut open = Vec::new();
    while open.len() < 8 {
        open.push(Bare::open(cxc, "acme\\agent1", &[]).await.unwrap());
    }
    assert_eq!(Bare::open(cxc, "acme\\agent1", &[]).await.err(), Some(429));
    open.into_iter().for_each(Bare::vanish);
    until("they are closed", PATIENCE, async || Bare::open(cxc, "acme\\agent1", &[]).await.is_ok()).await;
    // who floods is closed
    let mut flood = Bare::open(cxc, "acme\\agent1", &[]).await.unwrap();
    flood.flood(r#"{"type":"ping"}"#).await;
    // the word of farewell may be lost among what was not read any more
    assert!(flood.next("closed").await.is_none_or(|closed| closed["reason"] == "refused"));
    assert_eq!(flood.next("anything").await, None);
    // nobody is an agent without the permission
    floor.world.person("ada", "analyst").await;
    assert_eq!(Bare::open(cxc, "acme\\ada", &[]).await.err(), Some(403));
}

#[tokio::test]
async fn who_may_not_work_as_an_agent_any_more_is_logged_out() {
    let floor = Floor::start(1, Audience(1), "60000", 1).await;
    let mut desk = Bare::open(&floor.world.cxc, "acme\\agent0", &[]).await.unwrap();
    desk.send(&json!({"type": "login", "phone": floor.phone(0)})).await;
    desk.next("session").await.unwrap();
    let (api, path) = (&floor.world.api, format!("/users/{}", floor.users[0]));
    let roles = api.get("/roles?limit=100").await.expect(200);
    let analyst = roles["items"].as_array().unwrap().iter().find(|role| role["builtIn"] == "analyst").unwrap();
    let tag = api.get(&path).await.etag();
    api.patch(&path).if_match(&tag).json(&json!({"roles": [analyst["id"]]})).await.expect(200);
    assert_eq!(desk.next("closed").await.unwrap()["reason"], "signed_out");
    floor.is(0, "logged_out", None).await;
}

#[tokio::test]
async fn a_desk_asks_for_a_new_place_when_the_dialer_was_killed() {
    let mut floor = Floor::start(1, Audience(1), "60000", 3).await;
    let mut desk = floor.desk(0);
    desk.sees("logged in as ", 1).await;
    floor.world.cxc.kill().unwrap();
    floor.world.cxc.up().unwrap();
    desk.sees("the server has no place for you any more", 1).await;
    desk.sees("logged in as ", 2).await;
    desk.types("x y");
    desk.sees("? x stands alone", 1).await;
    desk.types("o");
    assert!(desk.ended().await, "{:#?}", desk.shown());
}
