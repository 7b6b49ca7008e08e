//! Words that people answer: of several languages, the tenant's own, for one topic, everything, and back again.
use std::time::Duration;

use cxc_test::{Smsc, SmtpOptions, SmtpSink};
use serde_json::{Value, json};

use crate::audience::{Audience, number};
use crate::campaign::Kind;
use crate::world::{World, until};

const PEOPLE: Audience = Audience(8);
const PATIENCE: Duration = Duration::from_secs(60);
const WORDS: &str = "/compliance/opt-out-words";

/// What the ledger says of a person's number.
async fn ledger(world: &World, person: usize) -> Value {
    let device = number(person).replace('+', "%2B");
    world.api.get(&format!("/compliance/consents?device={device}")).await.expect(200)
}

/// A person answers, and it is done on these channels.
async fn says(world: &World, smsc: &Smsc, person: usize, text: &str, ended: &Value) {
    says_from(world, smsc, (person, &number(person)[1..], 1), text, ended).await;
}

/// The same, as a centre writes the person's number: of a type of number (TON).
async fn says_from(world: &World, smsc: &Smsc, (person, from, ton): (usize, &str, u8), text: &str, ended: &Value) {
    smsc.command(&json!({ "mo": { "from": from, "fromTon": ton, "to": "44555", "text": text } })).unwrap();
    let what = format!("{text} of {person}");
    until(&what, PATIENCE, async || ledger(world, person).await["optedOut"] == *ended).await;
}

#[tokio::test]
async fn words_of_several_languages_own_words_a_topic_everything_and_back_again() {
    let smsc = Smsc::with(&["--receipts", "30"]).unwrap();
    let sink = SmtpSink::with(SmtpOptions::default()).unwrap();
    let world = World::start().await;
    let list = world.import("spring", PEOPLE).await;
    let about = async |name: &str| {
        let compliance = json!({ "purpose": "informational", "topic": name });
        world.template_about(name, Kind::Sms, (smsc.port(), &json!({})), 60_000, &compliance).await
    };
    let (news, parcels) = (about("news").await, about("parcels").await);
    let first = world.group("news", &news, &list).await;
    first.start().await;
    assert_eq!(first.finished(PATIENCE).await["done"], json!({ "Ok": 8 }));

    // the shipped words, whatever the script, also with a NUL, which PostgreSQL can't keep; one that ends everything
    let sms = json!(["sms"]);
    says(&world, &smsc, 0, "Arrêt !\0", &sms).await;
    says_from(&world, &smsc, (1, &number(1)[2..], 2), "退订", &sms).await;
    says(&world, &smsc, 2, "STOP ALL", &json!(["voice", "sms", "email"])).await;
    // the tenant's own take their place at once; the words that carriers name stay
    let own = json!({ "optOut": ["Nada"], "optOutAll": [], "optIn": ["START"], "help": ["HELP"],
        "reason": "our people write Spanish" });
    world.api.put(WORDS).json(&own).await.expect(200);
    says(&world, &smsc, 3, "nada!!", &sms).await;
    smsc.reply(&number(4)[1..], "44555", "Baja").unwrap();
    says_from(&world, &smsc, (5, &format!("011{}", &number(5)[1..]), 0), "stop", &sms).await;
    let entry = ledger(&world, 5).await["items"][0].clone();
    assert_eq!((&entry["entry"]["source"], &entry["entry"]["scope"]), (&json!("keyword"), &json!({ "kind": "all" })));
    assert!(entry["effectiveAt"].as_str() < entry["deadline"].as_str(), "it holds before the law wants it: {entry}");
    // and back again by the tenant's word, once; a word of the shipped set is none any more
    smsc.reply(&number(3)[1..], "44555", "UNSTOP").unwrap();
    says(&world, &smsc, 5, "Start", &json!([])).await;
    // one topic, said to an agent
    let topic = json!({ "device": number(6), "channels": ["sms"], "scope": { "kind": "topic", "name": "news" } });
    world.api.post("/compliance/consents/revoke").json(&topic).await.expect(200);

    let second = world.group("parcels", &parcels, &list).await;
    second.start().await;
    let accounting = second.finished(PATIENCE).await;
    assert_eq!(
        (&accounting["done"], &accounting["excluded"]),
        (&json!({ "Ok": 4 }), &json!({ "suppressed": 4 })),
        "those who used no word that counts, and who came back: {accounting}"
    );
    assert_eq!(ledger(&world, 4).await["optedOut"], json!([]), "Baja is a word of the shipped set only");
    let third = world.group("news again", &news, &list).await;
    third.start().await;
    let accounting = third.finished(PATIENCE).await;
    assert_eq!(accounting["done"], json!({ "Ok": 3 }), "{accounting}");
    assert_eq!(accounting["excluded"], json!({ "suppressed": 4, "opted_out": 1 }), "{accounting}");
    let letters = world.template(Kind::Email, sink.port(), &json!({}), 60_000).await;
    let letters = world.group("letters", &letters, &list).await;
    letters.start().await;
    let accounting = letters.finished(PATIENCE).await;
    assert_eq!(
        (&accounting["done"], &accounting["excluded"]),
        (&json!({ "Ok": 7 }), &json!({ "suppressed": 1 })),
        "{accounting}"
    );
    // each opt-out is confirmed once: five, and nobody else got one
    let confirmed = smsc.submits().unwrap().iter().filter(|s| s.text.contains("no more messages")).count();
    assert_eq!(confirmed, 5);
}

/// Waits until the ledger has so many entries of a person.
async fn said(world: &World, smsc: &Smsc, person: usize, text: &str, entries: usize) -> Value {
    smsc.reply(&number(person)[1..], "44555", text).unwrap();
    let what = format!("{text} of {person}");
    let count = async || ledger(world, person).await["items"].as_array().unwrap().len();
    until(&what, PATIENCE, async || count().await == entries).await;
    ledger(world, person).await["items"][0]["entry"]["scope"].clone()
}

#[tokio::test]
async fn a_word_ends_the_brand_or_topic_that_it_answers_where_the_tenant_decided_so() {
    let smsc = Smsc::with(&["--receipts", "30"]).unwrap();
    let world = World::start().await;
    let list = world.import("spring", Audience(4)).await;
    let about = async |name: &str, compliance: Value| {
        world.template_about(name, Kind::Sms, (smsc.port(), &json!({})), 60_000, &compliance).await
    };
    let acme = about("acme", json!({ "purpose": "informational", "brand": "acme", "topic": "news" })).await;
    let other = about("other", json!({ "purpose": "informational", "brand": "other", "topic": "bills" })).await;
    let run = async |name: &str, template| {
        let group = world.group(name, template, &list).await;
        group.start().await;
        let accounting = group.finished(PATIENCE).await;
        (accounting["done"]["Ok"].as_i64().unwrap_or(0), accounting["excluded"].clone())
    };
    assert_eq!(run("first", &acme).await.0, 4);
    let reach = async |of: &str| {
        let scope = json!({ "of": of, "from": "2026-01-01", "until": "2100-01-01" });
        world.api.put(WORDS).json(&json!({ "scope": scope, "reason": "many brands" })).await.expect(200);
    };
    reach("brand").await;
    assert_eq!(said(&world, &smsc, 0, "STOP", 1).await, json!({ "kind": "brand", "name": "acme" }));
    reach("topic").await;
    assert_eq!(said(&world, &smsc, 1, "stop!", 1).await, json!({ "kind": "topic", "name": "news" }));
    reach("all").await;
    assert_eq!(said(&world, &smsc, 2, "Stop", 1).await, json!({ "kind": "all" }));
    // the brand and the topic go on elsewhere; everything is over for the third
    assert_eq!(run("other", &other).await, (3, json!({ "suppressed": 1 })));
    assert_eq!(run("again", &acme).await, (1, json!({ "opted_out": 2, "suppressed": 1 })));
    reach("brand").await;
    assert_eq!(
        said(&world, &smsc, 3, "STOP", 1).await,
        json!({ "kind": "brand", "name": "acme" }),
        "it answers the newest"
    );
    // START brings back what words have ended, once each
    for person in [0, 3] {
        said(&world, &smsc, person, "START", 2).await;
    }
    assert_eq!(run("back", &acme).await, (2, json!({ "opted_out": 1, "suppressed": 1 })));
}
