//! From a file to every person contacted once, with opt-outs that hold.
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cxc_test::{Received, Smsc, SmtpOptions, SmtpSink, Submit};
use serde_json::{Value, json};

use crate::audience::{Audience, address, number};
use crate::campaign::Kind;
use crate::world::{World, until};

const PEOPLE: Audience = Audience(500);
const PATIENCE: Duration = Duration::from_secs(120);
const SECOND: Duration = Duration::from_secs(30);

#[tokio::test]
async fn every_contact_of_a_file_is_contacted_once_and_an_opt_out_holds() {
    let smsc = Smsc::with(&["--receipts", "30"]).unwrap();
    let sink = SmtpSink::with(SmtpOptions { keep_bodies: true, ..SmtpOptions::default() }).unwrap();
    let world = World::start().await;
    let list = world.import("spring", PEOPLE).await;
    let sms = world.template(Kind::Sms, smsc.port(), &json!({}), 60_000).await;
    let email = world.template(Kind::Email, sink.port(), &json!({}), 60_000).await;

    let texts = world.group("texts", &sms, &list).await;
    let letters = world.group("letters", &email, &list).await;
    texts.start().await;
    letters.start().await;
    assert_eq!(texts.finished(PATIENCE).await["done"], json!({"Ok": 500}));
    assert_eq!(letters.finished(PATIENCE).await["done"], json!({"Ok": 500}));
    assert_eq!(each_once(numbers(&smsc.submits().unwrap())), PEOPLE.numbers());
    assert_eq!(each_once(recipients(&sink.messages().unwrap())), PEOPLE.addresses());
    assert_eq!(world.sent("cxc_dm_processed_messages_total", "media=\"sms\"") as i64, 500);
    assert_eq!(world.sent("cxc_dm_processed_messages_total", "media=\"email\"") as i64, 500);
    let record = &texts.records("done").await[0];
    let record = texts.record(record["recordId"].as_str().unwrap()).await;
    assert_eq!(record["history"][0]["state"], "final", "{record}");
    assert!(!record["explanation"].as_str().unwrap().is_empty(), "{record}");

    why_each_was_contacted(&world, texts.id()).await;

    // a word ends the texts at once, a link the letters; the other channel goes on
    smsc.reply(&number(7)[1..], "44555", "Stop").unwrap();
    smsc.wait_for(501, SECOND).await.unwrap();
    unsubscribe(sink.messages().unwrap().iter().find(|m| m.rcpt == [address(9)]).unwrap()).await;

    let texts = world.group("texts again", &sms, &list).await;
    let letters = world.group("letters again", &email, &list).await;
    texts.start().await;
    letters.start().await;
    let accounting = texts.finished(PATIENCE).await;
    assert_eq!((&accounting["done"], &accounting["excluded"]), (&json!({"Ok": 499}), &json!({"suppressed": 1})));
    let accounting = letters.finished(PATIENCE).await;
    assert_eq!((&accounting["done"], &accounting["excluded"]), (&json!({"Ok": 499}), &json!({"suppressed": 1})));
    // whom the first of these two groups left out has a decision, too
    let device = number(7).replace('+', "%2B");
    let about = world.api.get(&format!("/compliance/evidence?device={device}")).await.expect(200);
    let said: Vec<&Value> = about["items"].as_array().unwrap().iter().map(|i| &i["decision"]["verdict"]).collect();
    assert_eq!(said[0]["decision"], "allow", "{about}");
    let submits = smsc.submits().unwrap();
    let to_the_one: Vec<&Submit> = submits.iter().filter(|s| s.to == number(7)[1..]).collect();
    assert_eq!(to_the_one.len(), 2, "the campaign's and the confirmation: {to_the_one:?}");
    assert!(to_the_one[1].text.contains("no more messages"), "{to_the_one:?}");
    assert_eq!(submits.len(), 500 + 1 + 499);
    let letters = recipients(&sink.messages().unwrap());
    assert_eq!((letters.get(&address(9)), letters.get(&address(7))), (Some(&1), Some(&2)));
    assert_eq!(world.sent("cxc_dm_opt_out_messages_total", "") as i64, 2);
}

/// Each contact of the texts has one decision, which allowed its attempt, and the chains hold.
async fn why_each_was_contacted(world: &World, group: &str) {
    let (mut devices, mut cursor) = (BTreeSet::new(), String::new());
    loop {
        let page = world.api.get(&format!("/compliance/evidence?groupId={group}&limit=200{cursor}")).await.expect(200);
        for item in page["items"].as_array().unwrap() {
            let decision = &item["decision"];
            assert_eq!(
                (&decision["verdict"]["decision"], decision["attempt"].is_string()),
                (&json!("allow"), true),
                "{item}"
            );
            assert!(decision["inputs"]["parts"].is_array() && decision["data"]["tzdb"].is_string(), "{item}");
            assert!(devices.insert(decision["device"].as_str().map(str::to_owned)), "decided twice: {item}");
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(devices.len(), PEOPLE.0);
    let device = number(3).replace('+', "%2B");
    let about = world.api.get(&format!("/compliance/evidence?device={device}")).await.expect(200);
    let id = about["items"][0]["id"].as_str().unwrap();
    assert_eq!(world.api.get(&format!("/compliance/evidence/{id}")).await.expect(200)["device"], number(3));
    let again = world.api.post(&format!("/compliance/evidence/{id}/actions/replay")).await.expect(200);
    assert_eq!((&again["sameReasons"], &again["sameVerdict"]), (&json!(true), &json!(true)), "{again}");
    let day = cxc_server::Clock::now(&cxc_server::SystemClock).strftime("%Y%m%d");
    let chains = world.api.get(&format!("/compliance/evidence-chains?day={day}")).await.expect(200);
    assert!(chains.as_array().unwrap().iter().all(|chain| chain["holds"] == true), "{chains}");
    let digest = world.api.get(&format!("/compliance/evidence-digest?day={day}")).await.expect(200);
    let blocks: i64 = chains.as_array().unwrap().iter().filter_map(|chain| chain["blocks"].as_i64()).sum();
    assert_eq!((&digest["blocks"], &digest["holds"]), (&json!(blocks), &json!(true)), "{digest}");
}

/// Follows the link of an email as a person does, and as a mail program does.
async fn unsubscribe(message: &Received) {
    let header = message.header("list-unsubscribe").unwrap();
    assert_eq!(message.header("list-unsubscribe-post"), Some("List-Unsubscribe=One-Click"));
    let link = header.trim_start_matches('<').split('>').next().unwrap();
    let source = message.source.as_deref().unwrap().replace("=\r\n", "").replace("=\n", "").replace("=3D", "=");
    assert!(source.contains("Unsubscribe") && source.contains("1 Main Street, Springfield"), "{source}");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let shown = client.get(link).send().await.unwrap();
    assert_eq!(shown.status(), 200, "{link}");
    assert!(shown.text().await.unwrap().contains("<form method=\"post\">"));
    let form = "List-Unsubscribe=One-Click";
    let post = client.post(link).header("content-type", "application/x-www-form-urlencoded").body(form);
    assert_eq!(post.send().await.unwrap().status(), 200);
    let broken = client.get(format!("{}x", &link[..link.len() - 2])).send().await.unwrap();
    assert_eq!(broken.status(), 404);
}

#[tokio::test]
async fn an_opt_out_in_the_middle_of_a_campaign_binds_at_once() {
    let smsc = Smsc::with(&["--receipts", "30"]).unwrap();
    let world = World::start().await;
    let list = world.import("spring", PEOPLE).await;
    // slow enough to be in the middle
    let template = world.template(Kind::Sms, smsc.port(), &json!({}), 3_000).await;
    let group = world.group("texts", &template, &list).await;
    group.start().await;
    let early = smsc.wait_for(20, SECOND).await.unwrap();
    let reached: BTreeSet<&str> = early.iter().map(|s| s.to.as_str()).collect();
    // somebody who has not been reached yet
    let late = (0..PEOPLE.0).rev().map(|n| number(n)[1..].to_owned()).find(|n| !reached.contains(n.as_str())).unwrap();
    smsc.reply(&late, "44555", "STOP").unwrap();
    until("the word is answered", SECOND, async || smsc.submits().unwrap().iter().any(|s| s.to == late)).await;
    let accounting = group.finished(PATIENCE).await;
    assert_eq!((&accounting["done"], &accounting["excluded"]), (&json!({"Ok": 499}), &json!({"suppressed": 1})));
    assert_eq!(numbers(&smsc.submits().unwrap())[&late], 1, "only the confirmation");
}

/// How often each number got something.
pub fn numbers(submits: &[Submit]) -> BTreeMap<String, usize> {
    count(submits.iter().map(|submit| submit.to.clone()))
}

/// How often each address got something.
pub fn recipients(messages: &[Received]) -> BTreeMap<String, usize> {
    count(messages.iter().flat_map(|message| message.rcpt.iter().cloned()))
}

fn count(all: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    all.for_each(|one| *counts.entry(one).or_default() += 1);
    counts
}

/// Who got something, none of them more than once.
pub fn each_once(counts: BTreeMap<String, usize>) -> BTreeSet<String> {
    let twice: Vec<_> = counts.iter().filter(|(_, n)| **n > 1).collect();
    assert!(twice.is_empty(), "more than once: {twice:?}");
    counts.into_keys().collect()
}
