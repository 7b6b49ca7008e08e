//! What the campaign leans on goes away for a while and comes back.
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use cxc_core::attempt::AttemptState;
use cxc_core::channel::Channel;
use cxc_store::Engine;
use cxc_test::{Postgres, Smsc, SmtpSink};
use serde_json::json;

use crate::audience::Audience;
use crate::campaign::Kind;
use crate::whole_path::{each_once, numbers, recipients};
use crate::world::{World, until};

const PATIENCE: Duration = Duration::from_secs(240);
/// How long the database is away.
const AWAY: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_campaign_waits_while_the_database_is_away_and_goes_on_by_itself() {
    if cxc_test::db::engine().unwrap() == Engine::Sqlite {
        // the embedded store can't go away
        return;
    }
    let people = Audience(2_000);
    let mut server = Postgres::start().unwrap();
    let url = server.create_database("cxc").unwrap();
    let (smsc, sink) = (Smsc::with(&["--delay", "5"]).unwrap(), SmtpSink::start().unwrap());
    let world = World::on(&url).await;
    let (texts, letters) = (world.import("texts", people).await, world.import("letters", people).await);
    let sms = world.template(Kind::Sms, smsc.port(), &json!({"receipts": false}), 12_000).await;
    let email = world.template(Kind::Email, sink.port(), &json!({}), 12_000).await;
    let (texts, letters) = (world.group("texts", &sms, &texts).await, world.group("letters", &email, &letters).await);
    texts.start().await;
    letters.start().await;
    smsc.wait_for(200, PATIENCE).await.unwrap();
    sink.wait_for(200, PATIENCE).await.unwrap();

    server.stop().unwrap();
    let stopped = Instant::now();
    until("it is not ready", Duration::from_secs(10), async || ready(&world).await == 503).await;
    // what was under way is answered; nothing new leaves
    tokio::time::sleep(AWAY / 2).await;
    let sent = (smsc.count().unwrap(), sink.count().unwrap());
    tokio::time::sleep(AWAY.saturating_sub(stopped.elapsed())).await;
    assert_eq!((smsc.count().unwrap(), sink.count().unwrap()), sent, "without a database nothing is sent");
    server.start_again().unwrap();
    until("it is ready", Duration::from_secs(30), async || ready(&world).await == 200).await;

    assert_eq!(texts.finished(PATIENCE).await["done"], json!({"Ok": people.0}));
    assert_eq!(letters.finished(PATIENCE).await["done"], json!({"Ok": people.0}));
    assert!(world.cxc.log().contains("sending waits for the database"), "{}", world.cxc.log());
    assert_eq!(each_once(numbers(&smsc.submits().unwrap())), people.numbers());
    assert_eq!(each_once(recipients(&sink.messages().unwrap())), people.addresses());
    assert_eq!((doubted(&world, Channel::Sms).await, doubted(&world, Channel::Email).await), (0, 0));
}

async fn ready(world: &World) -> u16 {
    world.api.get("/health/ready").await.status.as_u16()
}

async fn doubted(world: &World, channel: Channel) -> usize {
    let states = world.attempts(channel).await;
    states.values().flatten().filter(|state| **state == AttemptState::InDoubt).count()
}

#[tokio::test]
async fn a_carrier_that_goes_away_and_comes_back_costs_no_message() {
    let people = Audience(600);
    let (mut smsc, mut sink) = (Smsc::with(&["--delay", "20"]).unwrap(), SmtpSink::start().unwrap());
    let world = World::start().await;
    let (texts, letters) = (world.import("texts", people).await, world.import("letters", people).await);
    let sms = world.template(Kind::Sms, smsc.port(), &json!({"receipts": false}), 6_000).await;
    let email = world.template(Kind::Email, sink.port(), &json!({}), 6_000).await;
    let (texts, letters) = (world.group("texts", &sms, &texts).await, world.group("letters", &email, &letters).await);
    texts.start().await;
    letters.start().await;
    smsc.wait_for(100, PATIENCE).await.unwrap();
    sink.wait_for(100, PATIENCE).await.unwrap();
    smsc.stop().unwrap();
    sink.stop().unwrap();
    let held = async || texts.standing().await["limitedBy"].as_str().is_some_and(|why| why.starts_with("carrier"));
    until("the group says what holds it", Duration::from_secs(20), held).await;
    smsc.start_again().unwrap();
    sink.start_again().unwrap();
    let texts = texts.finished(PATIENCE).await;
    let letters = letters.finished(PATIENCE).await;
    let sms = world.attempts(Channel::Sms).await;
    let email = world.attempts(Channel::Email).await;
    one_or_in_doubt(people.numbers().iter(), &numbers(&smsc.submits().unwrap()), &sms);
    one_or_in_doubt(people.addresses().iter(), &recipients(&sink.messages().unwrap()), &email);
    for accounting in [texts, letters] {
        let done = accounting["done"]["Ok"].as_u64().unwrap_or(0);
        let doubt = accounting["inDoubt"].as_u64().unwrap();
        assert_eq!(done + doubt, people.0 as u64, "{accounting}");
    }
}

/// Everybody got one message, or was sent one whose answer was cut off.
fn one_or_in_doubt<'a>(
    everybody: impl Iterator<Item = &'a String>,
    received: &BTreeMap<String, usize>,
    attempts: &BTreeMap<String, Vec<AttemptState>>,
) {
    for address in everybody {
        let states = &attempts[address];
        let in_doubt = states.iter().filter(|s| **s == AttemptState::InDoubt).count();
        let sent = states.iter().filter(|s| **s == AttemptState::Final).count();
        let got = received.get(address).copied().unwrap_or(0);
        assert_eq!(sent + in_doubt, 1, "{address}: {states:?}");
        assert!(got == 1 || (got == 0 && in_doubt == 1), "{address} got {got}: {states:?}");
    }
}
