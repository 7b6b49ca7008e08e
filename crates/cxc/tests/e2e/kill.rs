//! The process is killed again and again in the middle of a campaign. Nobody gets anything twice, and whoever got
//! nothing is shown in doubt.
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use cxc_core::attempt::AttemptState;
use cxc_core::channel::Channel;
use cxc_test::{Smsc, SmtpOptions, SmtpSink};
use serde_json::json;

use crate::audience::Audience;
use crate::campaign::{Group, Kind};
use crate::whole_path::{numbers, recipients};
use crate::world::World;

const KILLS: usize = 10;
/// The most attempts of one channel account whose result is not yet in the store.
const WINDOW: usize = 800;
const PATIENCE: Duration = Duration::from_secs(600);

/// Messages of the campaign, half of them by each channel: `CXC_KILL_MESSAGES`, 4,000 if not set.
fn messages() -> usize {
    std::env::var("CXC_KILL_MESSAGES").map_or(4_000, |n| n.parse().unwrap())
}

#[tokio::test]
async fn a_campaign_that_is_killed_ten_times_contacts_nobody_twice_and_forgets_nobody() {
    let people = Audience(messages() / 2);
    let smsc = Smsc::with(&["--delay", "15"]).unwrap();
    let sink = SmtpSink::with(SmtpOptions { delay: Duration::from_millis(15), ..SmtpOptions::default() }).unwrap();
    let mut world = World::start().await;
    let (texts, letters) = (world.import("texts", people).await, world.import("letters", people).await);
    let sms = world.template(Kind::Sms, smsc.port(), &json!({"receipts": false}), 600_000).await;
    let email = world.template(Kind::Email, sink.port(), &json!({}), 600_000).await;
    let (texts, letters) = (world.group("texts", &sms, &texts).await, world.group("letters", &email, &letters).await);
    texts.start().await;
    letters.start().await;

    let random = RandomState::new();
    // each kill comes after a part of its share of all messages; what it puts in doubt belongs to the share, too
    let share = people.0 * 2 / (KILLS + 1);
    for kill in 0..KILLS {
        let more = 1 + usize::try_from(random.hash_one(kill) % (share / 2) as u64).unwrap();
        reached(&smsc, &sink, received(&smsc, &sink) + more).await;
        // and at any moment of a batch
        tokio::time::sleep(Duration::from_micros(random.hash_one(kill + 1_000) % 20_000)).await;
        world.cxc.kill().unwrap();
        world.cxc.up().unwrap();
    }
    let (texts, letters) = (texts.finished(PATIENCE).await, letters.finished(PATIENCE).await);
    let lost = lost_at_once(&world.cxc.log());
    assert!(!lost.is_empty(), "the kills came while messages were under way");
    assert!(lost.iter().all(|n| *n <= WINDOW), "more than a batch of an account was lost at once: {lost:?}");
    let sms = &world.attempts(Channel::Sms).await;
    let email = &world.attempts(Channel::Email).await;
    accounted(&texts, people, &numbers(&smsc.submits().unwrap()), sms);
    accounted(&letters, people, &recipients(&sink.messages().unwrap()), email);
}

/// How many attempts each start found in doubt for each channel account, from the log.
fn lost_at_once(log: &str) -> Vec<usize> {
    let lines = log.lines().filter(|line| line.contains("attempts of a lost sender are in doubt"));
    lines.map(|line| line.split("count=").nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap()).collect()
}

fn received(smsc: &Smsc, sink: &SmtpSink) -> usize {
    smsc.count().unwrap() + sink.count().unwrap()
}

async fn reached(smsc: &Smsc, sink: &SmtpSink, count: usize) {
    let wanted = async {
        while received(smsc, sink) < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wanted).await.unwrap_or_else(|_| panic!("{count} messages come"));
}

/// Everybody got one message, or an attempt in doubt says why it may have been none.
fn accounted(
    accounting: &serde_json::Value,
    people: Audience,
    received: &BTreeMap<String, usize>,
    attempts: &BTreeMap<String, Vec<AttemptState>>,
) {
    let twice: Vec<_> = received.iter().filter(|(_, n)| **n > 1).collect();
    assert!(twice.is_empty(), "more than once: {twice:?}");
    let in_doubt = |address: &String| attempts.get(address).is_some_and(|a| a.contains(&AttemptState::InDoubt));
    let everybody = if received.keys().any(|a| a.contains('@')) { people.addresses() } else { people.numbers() };
    let missing: Vec<_> = everybody.iter().filter(|a| !received.contains_key(*a) && !in_doubt(a)).collect();
    assert!(missing.is_empty(), "neither received nor in doubt: {missing:?}");
    let doubted = everybody.iter().filter(|a| in_doubt(a)).count();
    let done = accounting["done"]["Ok"].as_u64().unwrap_or(0);
    assert_eq!(accounting["inDoubt"], json!(doubted), "{accounting}");
    assert_eq!(done + doubted as u64, people.0 as u64, "{accounting}");
}

#[tokio::test]
async fn a_campaign_that_is_asked_to_stop_finishes_what_it_began_and_goes_on_later() {
    let people = Audience(1_000);
    let smsc = Smsc::with(&["--delay", "15"]).unwrap();
    let mut world = World::start().await;
    let list = world.import("texts", people).await;
    let template = world.template(Kind::Sms, smsc.port(), &json!({"receipts": false}), 600_000).await;
    let group: Group = world.group("texts", &template, &list).await;
    group.start().await;
    for at in [100, 400, 700] {
        smsc.wait_for(at, PATIENCE).await.unwrap();
        let ended = world.cxc.end(cxc_test::Signal::Term, Duration::from_secs(30)).unwrap();
        assert!(ended.success(), "{}", world.cxc.log());
        let states = world.attempts(Channel::Sms).await;
        assert!(states.values().flatten().all(|s| *s == AttemptState::Final), "something is in doubt: {states:?}");
        world.cxc.up().unwrap();
    }
    let accounting = group.finished(PATIENCE).await;
    assert_eq!(accounting["done"], json!({"Ok": people.0}));
    assert_eq!(crate::whole_path::each_once(numbers(&smsc.submits().unwrap())), people.numbers());
}
