//! Pre-loading, dry runs and explanations say the same of everybody, because they judge by the same facts.
use std::collections::{BTreeMap, BTreeSet};

use cxc_compliance_manager::dry_run::DryRuns;
use cxc_compliance_manager::{EvaluationKit, Evaluator};
use cxc_core::record::{Reason, RecordStatus};
use cxc_server::job_runner::run_by_id;
use cxc_store::attempt::{NewAttempt, month_of};
use cxc_store::list::ContactList;
use cxc_store::record::Record;
use cxc_store::suppression::{CLIENT_ID, DEVICE};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::legal::waive;
use crate::numbers::own_list;
use crate::support::{BERLIN, Campaigns, Group, NEW_YORK, Person, TOKYO, person};

/// Noon in New York, six in the evening in Berlin, two at night in Tokyo.
const NOON: &str = "2026-12-01T17:00:00Z";
const HOUR: i64 = 3_600_000_000;

/// A made-up audience, the same in every run.
fn audience(count: u32) -> Vec<Person> {
    let somebody = |n: u32| {
        let phones = (0..=n % 2).map(|i| format!("+1212{:07}", 5_550_000 + n * 2 + i)).collect();
        let client = (n % 4 != 3).then(|| format!("C-{n}"));
        Person { phones, client, company: None, zone: [NEW_YORK, BERLIN, NEW_YORK, TOKYO, NEW_YORK][n as usize % 5] }
    };
    (0..count).map(somebody).collect()
}

/// Attempts of the last hours on the first phone of somebody, at most `most`.
async fn attempts(c: &Campaigns, group: &Group<'_>, phone: &str, ids: std::ops::Range<i64>) {
    let (app, tenant) = (&c.app.app, c.app.tenant());
    let made = ids.map(|id| NewAttempt {
        tenant,
        month: month_of(app.now()),
        id,
        grp: group.number,
        record: 0,
        list: 0,
        contact: 0,
        account: 0,
        epoch: 0,
        channel: 2,
        position: 1,
        device_hash: app.hash_key.hash(tenant, phone),
        client_hash: None,
        location: 0,
        rule_set: 0,
        regions: None,
        started_at: app.now() - HOUR - id,
    });
    let made: Vec<NewAttempt> = made.collect();
    let mut tx = app.db.begin().await.unwrap();
    tx.attempt_insert(&cxc_test::begun(&made)).await.unwrap();
    tx.commit().await.unwrap();
}

/// A group that collects, at noon, with a cap of two a day on each device and every open question answered.
async fn collecting(c: &Campaigns) -> Group<'_> {
    c.app.clock.set(NOON);
    c.app.app.db.attempt_partitions(c.app.app.now()).await.unwrap();
    let cap = json!({ "name": "two a day", "maxAttempts": 2, "window": { "seconds": 86_400 }, "results": [],
        "countBy": "device", "required": true });
    c.app.create("/compliance/attempt-rules", &cap).await;
    waive(c, "US-RND").await;
    c.group_with("all", json!({ "compliance": { "purpose": "collections", "brand": "acme" } })).await
}

async fn explanation(c: &Campaigns, group: &Group<'_>, list: &ContactList, contact: i64) -> Value {
    let path = format!("/lists/{}/contacts/{contact}/explanation?groupId={}", list.id, group.id);
    c.app.get(&path).await.expect(200)
}

async fn dry_run(c: &Campaigns, group: &Group<'_>) -> Value {
    let queued = c.app.post("/compliance/dry-runs").json(&json!({ "groupId": group.id })).await.expect(202);
    let evaluator = Evaluator::new(EvaluationKit::embedded().unwrap());
    let runs = DryRuns::new(c.app.app.clone(), evaluator);
    let id = queued["id"].as_str().unwrap().parse().unwrap();
    let done = run_by_id(&c.app.app, &runs, id, CancellationToken::new()).await.unwrap().unwrap();
    assert_eq!(done.state, "succeeded", "{:?}", done.error);
    done.result.unwrap().0
}

/// What a record says, in the words of an explanation: decision, code, and the moment to come back.
fn of_record(record: &Record) -> (String, Value, Option<i64>) {
    let reason = Reason::from_code(record.reason).unwrap();
    let code = json!(reason);
    match (record.status == RecordStatus::Ready.code(), reason) {
        (true, Reason::None) => ("allow".to_owned(), Value::Null, None),
        (true, _) => ("wait".to_owned(), code, Some(record.due)),
        (false, _) => ("deny".to_owned(), code, None),
    }
}

fn of_explanation(told: &Value) -> (String, Value, Option<i64>) {
    let decision = told["decision"].as_str().unwrap();
    let waits = ["defer", "error"].contains(&decision);
    let due = told["notBefore"].as_str().filter(|_| waits);
    let due = due.map(|at| at.parse::<Timestamp>().unwrap().as_microsecond());
    (if waits { "wait" } else { decision }.to_owned(), told["code"].clone(), due)
}

#[tokio::test]
async fn a_load_a_dry_run_and_an_explanation_agree_about_everybody() {
    let c = Campaigns::with_compliance().await;
    let group = collecting(&c).await;
    let people = audience(300);
    let phone = |n: usize| people[n].phones[0].as_str();
    let every = |nth: usize| (0..people.len()).filter(move |n| n % nth == nth - 1);
    c.suppress(DEVICE, &every(7).map(phone).collect::<Vec<_>>()).await;
    c.suppress(CLIENT_ID, &every(11).filter_map(|n| people[n].client.as_deref()).collect::<Vec<_>>()).await;
    own_list(&c, 3, &every(19).map(phone).collect::<Vec<_>>()).await;
    for n in every(13) {
        // of one brand: it stands in the ledger and in no suppression list
        let revocation = json!({ "device": phone(n), "scope": { "kind": "brand", "name": "acme" } });
        c.app.post("/compliance/consents/revoke").json(&revocation).await.expect(200);
    }
    for client in every(9).filter_map(|n| people[n].client.as_deref()) {
        c.app.post("/compliance/person-flags").json(&json!({ "clientId": client, "flag": "cease" })).await.expect(201);
    }
    for n in every(17) {
        // of the device or of the person, in their own time
        let said =
            people[n].client.as_ref().map_or_else(|| json!({ "device": phone(n) }), |c| json!({ "clientId": c }));
        let said = merged(said, json!({ "times": { "notBefore": "13:00", "notAfter": "17:00" } }));
        c.app.post("/compliance/declared-times").json(&said).await.expect(201);
    }
    for n in every(5) {
        let first = 1 + i64::try_from(n).unwrap() * 4;
        attempts(&c, &group, phone(n), first..first + i64::try_from(n % 4).unwrap()).await;
    }
    let list = c.list(people.clone()).await;
    group.set_lists(&[&list]).await;

    let counted = dry_run(&c, &group).await;
    group.load().await;
    let records = group.records().await;
    assert_eq!(records.len(), people.len());
    let mut seen: BTreeMap<String, i64> = BTreeMap::new();
    let mut codes: BTreeMap<String, i64> = BTreeMap::new();
    // by rule and code: in whose way it stands, and for whom it decides
    let mut rules: BTreeMap<(String, String), (i64, i64)> = BTreeMap::new();
    for record in &records {
        let told = explanation(&c, &group, &list, record.id).await;
        let loaded = of_record(record);
        assert_eq!(of_explanation(&told), loaded, "{record:?}\n{told:#}");
        let deciding = told["reasons"].as_array().unwrap().iter().find(|r| r["code"] == told["code"]);
        assert_eq!(deciding.map(|r| &r["rule"]["id"]), record.cause.as_ref().map(|id| json!(id)).as_ref(), "{told:#}");
        let of = |reason: &Value| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            (text(&reason["rule"]["id"]), text(&reason["code"]))
        };
        let failing: BTreeSet<_> = told["reasons"].as_array().unwrap().iter().map(of).collect();
        failing.into_iter().for_each(|rule| rules.entry(rule).or_default().0 += 1);
        deciding.into_iter().for_each(|reason| rules.entry(of(reason)).or_default().1 += 1);
        *seen.entry(loaded.0).or_default() += 1;
        *codes.entry(told["code"].as_str().unwrap_or("none").to_owned()).or_default() += 1;
    }
    let declared = records.iter().filter(|r| r.cause.as_deref() == Some("declared_times")).count();
    assert!(declared > 3, "{declared} wait for what they said");
    let of = |decision: &str| seen.get(decision).copied().unwrap_or_default();
    assert!(of("allow") > 30 && of("wait") > 30 && of("deny") > 30, "{seen:?} {codes:?}");
    for code in ["suppressed", "opted_out", "legal_block", "attempt_rule", "contact_times"] {
        assert!(codes.contains_key(code), "{code} is not among {codes:?}");
    }
    let totals = ["allowed", "deferred", "denied"].map(|name| counted[name].as_i64().unwrap());
    assert_eq!(totals, [of("allow"), of("wait"), of("deny")], "{counted:#}");
    assert_eq!((&counted["contacts"], &counted["held"], &counted["errors"]), (&json!(300), &json!(0), &json!(0)));
    // every rule that an explanation names is counted, and the sums agree
    let lines = counted["byRule"].as_array().unwrap();
    let number = |line: &Value, name: &str| line[name].as_i64().unwrap();
    let sum = |of: &Value, name: &str| of.as_array().unwrap().iter().map(|line| number(line, name)).sum::<i64>();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let told =
        lines.iter().map(|l| ((text(&l["rule"]), text(&l["reason"])), (number(l, "contacts"), number(l, "decided"))));
    assert_eq!(told.collect::<BTreeMap<_, _>>(), rules, "{counted:#}");
    assert_eq!(number(&counted, "heldBack"), totals[1] + totals[2]);
    assert_eq!(sum(&counted["byRule"], "decided"), totals[1] + totals[2]);
    assert!(sum(&counted["byRule"], "contacts") > totals[1] + totals[2], "some are held back by several: {counted:#}");
    assert_eq!(sum(&counted["byZone"], "contacts"), 300);
    assert_eq!(sum(&counted["byZone"], "allowed"), totals[0]);
    assert_eq!(sum(&counted["byHour"], "contacts") + number(&counted, "later"), totals[0] + totals[1]);
}

#[tokio::test]
async fn a_dry_run_gives_no_hour_to_whom_an_open_question_holds_and_calls_errors_errors() {
    let c = Campaigns::with_compliance().await;
    c.app.clock.set(NOON);
    // the American register is not loaded, and Germany's consent is a question that nobody answered
    let group = c.group_with("all", json!({ "compliance": { "purpose": "telemarketing" } })).await;
    let people = (0..6u32).map(|n| person(format!("+1212555010{n}"), NEW_YORK));
    let people = people.chain(crate::support::people("30", 4)).chain([person("+81312345678", TOKYO)]);
    let list = c.list(people.collect()).await;
    group.set_lists(&[&list]).await;
    let mut tx = c.app.app.db.read().await.unwrap();
    let (contacts, _) = tx.contact_slice_full(&list, 0, 100, None).await.unwrap().unwrap();
    drop(tx);
    let mut expected: BTreeMap<&str, i64> = BTreeMap::new();
    for full in &contacts {
        let told = explanation(&c, &group, &list, full.contact.id).await;
        let counted = match (told["decision"].as_str().unwrap(), told["code"].as_str()) {
            ("allow", _) => "allowed",
            ("defer", _) => "deferred",
            ("deny", _) => "denied",
            (_, Some("rule_unanswered")) => "held",
            _ => "errors",
        };
        *expected.entry(counted).or_default() += 1;
    }
    assert!(expected["held"] >= 4 && expected["errors"] >= 6, "{expected:?}");
    let counted = dry_run(&c, &group).await;
    for name in ["allowed", "deferred", "held", "errors", "denied"] {
        assert_eq!(counted[name], expected.get(name).copied().unwrap_or_default(), "{name}: {counted:#}");
    }
    let number = |name: &str| counted[name].as_i64().unwrap();
    let hours = counted["byHour"].as_array().unwrap().iter().map(|hour| hour["contacts"].as_i64().unwrap());
    assert_eq!(hours.sum::<i64>() + number("later"), number("allowed") + number("deferred"), "{counted:#}");
    assert_eq!(number("heldBack"), 11 - number("allowed"));
    // whoever is stopped waits for somebody to decide, too
    c.app.put("/compliance/stop-switch").json(&json!({ "stopped": true, "reason": "a letter" })).await.expect(200);
    let stopped = dry_run(&c, &group).await;
    assert_eq!((&stopped["allowed"], &stopped["deferred"], &stopped["byHour"]), (&json!(0), &json!(0), &json!([])));
}

fn merged(mut one: Value, more: Value) -> Value {
    if let (Some(one), Value::Object(more)) = (one.as_object_mut(), more) {
        one.extend(more);
    }
    one
}

#[tokio::test]
async fn each_fact_about_a_stored_contact_is_a_reason_of_its_explanation() {
    let c = Campaigns::with_compliance().await;
    let group = collecting(&c).await;
    let numbers = ["+12125550100", "+12125550101", "+12125550102", "+12125550103", "+12125550104"];
    let person = |(n, phone): (usize, &&str)| Person {
        client: Some(format!("C-{n}")),
        company: Some(format!("Company {n}")),
        ..person(*phone, NEW_YORK)
    };
    let list = c.list(numbers.iter().enumerate().map(person).collect()).await;
    group.set_lists(&[&list]).await;
    let revocation = json!({ "device": numbers[0], "scope": { "kind": "brand", "name": "any" } });
    c.app.post("/compliance/consents/revoke").json(&revocation).await.expect(200);
    let all = json!({ "clientId": "C-0", "channels": ["sms"] });
    c.app.post("/compliance/consents/revoke").json(&all).await.expect(200);
    c.app
        .post("/compliance/person-flags")
        .json(&json!({ "device": numbers[1], "flag": "bankruptcy" }))
        .await
        .expect(201);
    let own = own_list(&c, 3, &[numbers[2]]).await;
    attempts(&c, &group, numbers[3], 1..3).await;

    let records = async || {
        let mut tx = c.app.app.db.read().await.unwrap();
        let slice = tx.contact_slice_full(&list, 0, 10, None).await.unwrap().unwrap();
        slice.0.iter().map(|full| full.contact.id).collect::<Vec<_>>()
    };
    let ids = records().await;
    let barred = async |n: usize| {
        let told = explanation(&c, &group, &list, ids[n]).await;
        let reasons = told["reasons"].as_array().unwrap();
        let pairs: Vec<(String, String)> = reasons
            .iter()
            .map(|r| (r["rule"]["id"].as_str().unwrap().to_owned(), r["code"].as_str().unwrap().to_owned()))
            .collect();
        (told["decision"].as_str().unwrap().to_owned(), pairs, told)
    };
    let (decision, reasons, _) = barred(0).await;
    assert_eq!(decision, "deny");
    assert!(reasons.contains(&("opt_out".into(), "opted_out".into())), "{reasons:?}");
    let (decision, reasons, told) = barred(1).await;
    assert_eq!(
        (decision.as_str(), reasons),
        ("deny", vec![("US-FDCPA-HARD".into(), "legal_block".into())]),
        "{told:#}"
    );
    let (decision, reasons, _) = barred(2).await;
    assert_eq!((decision.as_str(), reasons), ("deny", vec![(own.id.to_string(), "suppressed".into())]));
    let (decision, reasons, told) = barred(3).await;
    assert_eq!((decision.as_str(), reasons[0].1.as_str()), ("defer", "attempt_rule"), "{told:#}");
    assert_eq!(told["reasons"][0]["observed"], 2);
    let counted = told["steps"].as_array().unwrap().iter().find(|s| s["step"] == "count" && s["observed"] == 2);
    assert_eq!(counted.unwrap()["attempts"].as_array().unwrap().len(), 2, "{told:#}");
    let (decision, reasons, told) = barred(4).await;
    assert_eq!((decision.as_str(), reasons.len()), ("allow", 0), "{told:#}");

    // a custom rule sees the columns of a stored contact, and rules that let it pass are told as well
    let vip = json!({ "name": "vip", "expression": "c_client_id != \"C-4\"", "required": true });
    let rule = c.app.create("/compliance/custom-rules", &vip).await["id"].clone();
    let (decision, reasons, _) = barred(4).await;
    assert_eq!((decision.as_str(), &reasons[0].1), ("deny", &"blocked".to_owned()));
    let (_, _, told) = barred(3).await;
    let passed = told["steps"].as_array().unwrap().iter().find(|s| s["rule"]["id"] == rule).unwrap();
    assert_eq!((&passed["standing"], &passed["kind"]), (&json!("passes"), &json!("custom_rule")), "{passed}");
    // what is tried out is added to what is known
    let number = ids[3];
    let asked = json!({ "listId": list.id, "contactId": number, "groupId": group.id,
        "suppression": [{ "list": "tried" }], "history": [{ "at": "2026-12-01T16:30:00Z", "result": "NoAnswer" }] });
    let tried = c.app.post("/compliance/evaluations").json(&asked).await.expect(200);
    assert_eq!(
        (&tried["decision"], &tried["reasons"][0]["rule"]["id"]),
        (&json!("deny"), &json!("tried")),
        "{tried:#}"
    );
    let cap = tried["reasons"].as_array().unwrap().iter().find(|r| r["code"] == "attempt_rule").unwrap();
    assert_eq!(cap["observed"], 3, "{tried:#}");
}

#[tokio::test]
async fn zones_that_are_too_old_let_nobody_be_loaded_as_ready() {
    let c = Campaigns::start().await;
    let group = c.group("one").await;
    let list = c.list(vec![person("+493012345001", BERLIN)]).await;
    group.set_lists(&[&list]).await;
    let handler = c.handler();
    // somebody asks for a newer release while the program runs
    handler.zones.demand(Some("2099a".parse().unwrap()));
    let id = group.act("load").await.expect(202)["job"].as_str().unwrap().parse().unwrap();
    let job = run_by_id(&c.app.app, &handler, id, CancellationToken::new()).await.unwrap().unwrap();
    assert_eq!(job.state, "succeeded", "{:?}", job.error);
    let records = group.records().await;
    let found: Vec<_> = records.iter().map(|r| (r.reason, r.cause.as_deref())).collect();
    assert_eq!(found, [(Reason::TzdbTooOld.code(), Some("tzdb"))]);
}

#[tokio::test]
async fn an_explanation_without_a_group_is_by_the_one_that_has_the_contact_and_of_several_it_asks_for_one() {
    let c = Campaigns::with_compliance().await;
    c.app.clock.set(NOON);
    let list = c.list(crate::support::people("30", 2)).await;
    let group = c.group_with("one", json!({ "compliance": { "purpose": "informational" } })).await;
    group.set_lists(&[&list]).await;
    group.load().await;
    let contact = group.records().await[0].id;
    let plain = format!("/lists/{}/contacts/{contact}/explanation", list.id);
    let by_group = explanation(&c, &group, &list, contact).await;
    let told = c.app.get(&plain).await.expect(200);
    assert_eq!((&told["decision"], &told["code"]), (&by_group["decision"], &by_group["code"]), "{told:#}");
    assert_ne!(told["code"], "data_missing");
    // a purpose does without a group
    assert_ne!(
        c.app.get(&format!("{plain}?purpose=informational&channel=sms")).await.expect(200)["code"],
        "data_missing"
    );
    let second = c.group_with("two", json!({ "compliance": { "purpose": "informational" } })).await;
    second.set_lists(&[&list]).await;
    second.load().await;
    let refused = c.app.get(&plain).await.expect(422);
    assert_eq!(refused["errors"][0]["pointer"], "/groupId");
    let detail = refused["errors"][0]["detail"].as_str().unwrap();
    assert!(
        detail.contains("2 campaign groups") && detail.contains(&second.id) && detail.contains("(one)"),
        "{detail}"
    );
}
