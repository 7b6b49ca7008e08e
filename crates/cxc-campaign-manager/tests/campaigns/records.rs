//! Records: why somebody was or was not contacted, and what a person decides about them.
use cxc_core::attempt::AttemptState;
use cxc_core::kind;
use cxc_core::record::{Reason, RecordStatus};
use cxc_store::attempt::{AttemptUpdate, NewAttempt, month_of};
use cxc_store::counter::Deltas;
use cxc_store::object::{Json, Object};
use cxc_store::record::{Record, RecordChange};
use cxc_store::suppression::DEVICE;
use serde_json::{Value, json};

use crate::legal::waive;
use crate::support::{Campaigns, Group, NEW_YORK, TOKYO, people, person};

/// Gives a suppression list its document, which holds its name.
async fn name(c: &Campaigns, list: uuid::Uuid, name: &str) {
    let now = c.app.app.now();
    let (created_by, updated_by) = ("test".to_owned(), "test".to_owned());
    let (description, body) = (String::new(), Json(json!({})));
    let (created_at, updated_at, version) = (now, now, 1);
    let name = name.to_owned();
    let object = Object { id: list, name, description, body, version, created_at, created_by, updated_at, updated_by };
    let mut tx = c.app.app.db.begin().await.unwrap();
    tx.object_insert(c.app.tenant(), kind::SUPPRESSION_LIST, &object).await.unwrap();
    tx.commit().await.unwrap();
}

/// An attempt on a record's first device, as its sender left it.
async fn attempt(group: &Group<'_>, record: &Record, id: i64, state: AttemptState) {
    attempt_with(group, record, id, state, None).await;
}

/// The same with the carrier's words.
async fn attempt_with(group: &Group<'_>, record: &Record, id: i64, state: AttemptState, detail: Option<&str>) {
    let (app, tenant) = (&group.campaigns.app.app, group.campaigns.app.tenant());
    let mut tx = app.db.begin().await.unwrap();
    let contact = tx.contacts_of_lists(tenant, &[(record.list, record.id)]).await.unwrap().remove(0).1;
    let new = NewAttempt {
        tenant,
        month: month_of(app.now()),
        id,
        grp: record.grp,
        record: record.id,
        list: record.list,
        contact: record.id,
        account: 1,
        epoch: 1,
        channel: 2,
        position: 1,
        device_hash: contact.devices[0].address_hash,
        client_hash: None,
        location: 0,
        rule_set: 0,
        regions: None,
        started_at: app.now(),
    };
    tx.attempt_insert(&cxc_test::begun(&[new])).await.unwrap();
    let update = AttemptUpdate {
        month: month_of(app.now()),
        id,
        state: state.code(),
        result: None,
        provider_id: None,
        detail: detail.map(ToOwned::to_owned),
        finished_at: None,
    };
    tx.attempt_update(tenant, &[update]).await.unwrap();
    tx.commit().await.unwrap();
}

async fn loaded<'a>(c: &'a Campaigns, count: usize) -> (Group<'a>, Vec<Record>) {
    let list = c.list(people("30", count)).await;
    let group = c.group("one").await;
    group.set_lists(&[&list]).await;
    group.load().await;
    let records = group.records().await;
    (group, records)
}

#[tokio::test]
async fn a_record_says_why_it_was_or_was_not_contacted() {
    let c = Campaigns::start().await;
    let mut crowd = people("30", 4);
    crowd.push(person("+12125550000", NEW_YORK));
    let list = c.list(crowd).await;
    let suppression = c.suppress(DEVICE, &["+49300000000"]).await;
    name(&c, suppression.id, "our stop list").await;
    let group = c.group("one").await;
    group.set_lists(&[&list]).await;
    group.load().await;
    let records = group.records().await;
    group.move_to(&records[1..2], RecordStatus::InProgress, Reason::AwaitingReceipt, None).await;
    group.move_to(&records[2..3], RecordStatus::InDoubt, Reason::None, None).await;
    let read = async |n: usize| c.app.get(&format!("{}/records/{}", group.path, records[n].id)).await.expect(200);
    let said = async |n: usize| read(n).await["explanation"].as_str().unwrap().to_owned();
    assert_eq!(said(0).await, "Not contacted because of suppressed (our stop list).");
    assert_eq!(read(0).await["cause"], json!(suppression.id.to_string()));
    assert_eq!(said(1).await, "The carrier took the message; its delivery receipt is awaited.");
    assert!(said(2).await.starts_with("It is not known whether the last message left. It is not repeated"));
    attempt_with(&group, &records[2], 77, AttemptState::InDoubt, Some("the server hung up")).await;
    let doubt = said(2).await;
    assert!(doubt.starts_with("It is not known whether the last message left (the server hung up)."), "{doubt}");
    attempt_with(&group, &records[3], 78, AttemptState::NotSent, Some("451 come back later")).await;
    group.move_to(&records[3..4], RecordStatus::Done, Reason::None, Some(53)).await;
    assert_eq!(said(3).await, "Done after 1 attempt with the result WrongNumber.");
    let done = group.records().await.remove(3);
    let mut tx = c.app.app.db.begin().await.unwrap();
    let (mut deltas, due) = (Deltas::default(), c.app.app.now() + 60_000_000);
    let refused = RecordChange::of(&done, RecordStatus::Ready, Reason::CarrierRefused, due);
    assert_eq!(tx.record_apply(&[refused], 1, c.app.app.now(), &mut deltas).await.unwrap().len(), 1);
    tx.record_counters_add(9, &deltas).await.unwrap();
    tx.commit().await.unwrap();
    let refused = said(3).await;
    let words = "Not contacted yet because of carrier refused (last answer: 451 come back later); may be";
    assert!(refused.starts_with(words), "{refused}");
    let ready = RecordChange::of(&group.records().await[3], RecordStatus::Ready, Reason::None, 0);
    let (mut tx, mut deltas) = (c.app.app.db.begin().await.unwrap(), Deltas::default());
    tx.record_apply(&[ready], 1, c.app.app.now(), &mut deltas).await.unwrap();
    tx.record_counters_add(9, &deltas).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(said(3).await, "May be contacted: it waits for its turn.");
    let waits = said(4).await;
    assert!(waits.starts_with("Not contacted yet because of contact times"), "{waits}");
    assert!(waits.ends_with("may be contacted from 2026-03-02T13:00:00Z."), "{waits}");
    c.app.clock.set("2026-03-02T13:00:01Z");
    assert_eq!(said(4).await, "May be contacted: it waits for its turn.");
    assert_eq!(read(3).await["list"], json!(list.id));
    let of_other = c.app.other.get(&format!("{}/records/{}", group.path, records[0].id)).await;
    assert_eq!(of_other.expect_problem(404), "not_found");
}

#[tokio::test]
async fn records_are_paged_to_their_end() {
    let c = Campaigns::start().await;
    let (group, records) = loaded(&c, 10).await;
    let (mut seen, mut cursor): (Vec<Value>, String) = (Vec::new(), String::new());
    loop {
        let page = c.app.get(&format!("{}/records?limit=5{cursor}", group.path)).await.expect(200);
        seen.extend(page["items"].as_array().unwrap().iter().map(|r| r["recordId"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
        assert!(seen.len() < 10, "a page that ends the list says so");
    }
    assert_eq!(seen, records.iter().map(|r| json!(r.id.to_string())).collect::<Vec<_>>());
    assert_eq!(c.app.get(&format!("{}/records?limit=0", group.path)).await.expect_problem(400), "bad_filter");
    assert_eq!(c.app.get(&format!("{}/records?cursor=x", group.path)).await.expect_problem(400), "bad_cursor");
    group.move_to(&records[..2], RecordStatus::InDoubt, Reason::None, None).await;
    let doubt = c.app.get(&format!("{}/records?status=in_doubt", group.path)).await.expect(200);
    assert_eq!(doubt["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_waiting_record_is_cancelled_or_put_off_and_others_are_left_alone() {
    let c = Campaigns::start().await;
    let (group, records) = loaded(&c, 3).await;
    group.move_to(&records[2..], RecordStatus::InProgress, Reason::None, None).await;
    let act = async |n: usize, action: &str, body: Value| {
        let path = format!("{}/records/{}/actions/{action}", group.path, records[n].id);
        c.app.post(&path).json(&body).await.expect(200)["records"].clone()
    };
    assert_eq!(act(0, "cancel", json!({})).await, 1);
    assert_eq!(act(0, "cancel", json!({})).await, 0);
    let later = json!({ "at": "2026-03-03T10:00:00Z" });
    assert_eq!(act(1, "reschedule", later.clone()).await, 1);
    assert_eq!(act(2, "reschedule", later).await, 0);
    assert_eq!(act(2, "cancel", json!({})).await, 0);
    let accounting = group.accounting().await;
    assert_eq!(accounting["excluded"], json!({ "cancelled": 1 }));
    assert_eq!(accounting["waiting"], json!([{ "reason": "rescheduled", "count": 1, "next": "2026-03-03T10:00:00Z" }]));
    assert_eq!(accounting["inProgress"], 1);
    let cancelled = c.audited("cancel_record").await;
    assert_eq!((cancelled.len(), &cancelled[0]["before"]["status"]), (1, &json!("ready")));
    assert_eq!(c.audited("reschedule_record").await.len(), 1);
    let path = format!("{}/records/999999/actions/cancel", group.path);
    assert_eq!(c.app.post(&path).await.expect_problem(404), "not_found");
}

#[tokio::test]
async fn what_is_in_doubt_is_settled_as_done_together_with_its_attempt() {
    let c = Campaigns::start().await;
    let (group, records) = loaded(&c, 3).await;
    for (record, id) in records[..2].iter().zip(1..) {
        attempt(&group, record, id, AttemptState::InDoubt).await;
    }
    group.move_to(&records[..2], RecordStatus::InDoubt, Reason::None, None).await;
    let settle = async |how: &str| {
        let path = format!("{}/actions/settle-in-doubt", group.path);
        c.app.post(&path).json(&json!({ "as": how })).await
    };
    let perhaps = settle("perhaps").await.expect(422);
    assert_eq!(perhaps["errors"][0]["pointer"], "/as", "{perhaps}");
    assert_eq!(perhaps["errors"][0]["detail"], "what is in doubt is settled as done or retry");
    assert_eq!(settle("done").await.expect(200), json!({ "records": 2 }));
    let accounting = group.accounting().await;
    assert_eq!(
        (&accounting["inDoubt"], &accounting["done"], &accounting["ready"]),
        (&json!(0), &json!({ "Unknown": 2 }), &json!(1))
    );
    let detail = c.app.get(&format!("{}/records/{}", group.path, records[0].id)).await.expect(200);
    let history = &detail["history"][0];
    assert_eq!((&history["state"], &history["result"]), (&json!("final"), &json!("Unknown")));
    // nobody knows whether it arrived: it is no success, and no failure to be repeated either
    let statistics = c.app.get(&format!("{}/statistics", group.path)).await.expect(200);
    assert_eq!((&statistics["dialed"], &statistics["hitRatio"]), (&json!(2), &json!(0.0)));
    let mut tx = c.app.app.db.read().await.unwrap();
    let reached = tx.record_reached(c.app.tenant(), &[group.id.parse().unwrap()], 0, i64::MAX).await.unwrap();
    assert!(reached.is_empty(), "{reached:?}");
    drop(tx);
    let retry = format!("{}/actions/retry-failed", group.path);
    assert_eq!(c.app.post(&retry).json(&json!({})).await.expect(200)["records"], 0);
    assert_eq!(c.audited("settle_done").await[0]["after"], json!({ "records": 2 }));
    assert_eq!(settle("done").await.expect(200), json!({ "records": 0 }));
    assert_eq!(c.audited("settle_done").await.len(), 1, "nothing was changed");
}

#[tokio::test]
async fn what_is_in_doubt_may_be_sent_again_and_still_counts_as_an_attempt() {
    let c = Campaigns::start().await;
    let (group, records) = loaded(&c, 1).await;
    attempt(&group, &records[0], 1, AttemptState::InDoubt).await;
    group.move_to(&records, RecordStatus::InDoubt, Reason::None, None).await;
    let path = format!("{}/actions/settle-in-doubt", group.path);
    assert_eq!(c.app.post(&path).json(&json!({ "as": "retry" })).await.expect(200)["records"], 1);
    assert_eq!(group.accounting().await["ready"], 1);
    let detail = c.app.get(&format!("{}/records/{}", group.path, records[0].id)).await.expect(200);
    assert_eq!((&detail["attempts"], &detail["history"][0]["state"]), (&json!(1), &json!("in_doubt")));
    assert_eq!(c.audited("settle_retry").await.len(), 1);
}

#[tokio::test]
async fn what_failed_is_tried_again_and_what_succeeded_is_not() {
    let c = Campaigns::start().await;
    let (group, records) = loaded(&c, 4).await;
    group.move_to(&records[..1], RecordStatus::Done, Reason::None, Some(0)).await;
    group.move_to(&records[1..2], RecordStatus::Done, Reason::None, Some(3)).await;
    group.move_to(&records[2..3], RecordStatus::Done, Reason::None, Some(53)).await;
    let path = format!("{}/actions/retry-failed", group.path);
    assert_eq!(c.app.post(&path).json(&json!({ "results": [53] })).await.expect(200)["records"], 1);
    assert_eq!(c.app.post(&path).json(&json!({})).await.expect(200)["records"], 1);
    let accounting = group.accounting().await;
    assert_eq!((&accounting["done"], &accounting["ready"]), (&json!({ "Ok": 1 }), &json!(3)));
    assert_eq!(c.audited("retry_failed").await.len(), 2);
}

#[tokio::test]
async fn the_fate_of_a_contact_is_told_for_every_group_that_has_it() {
    let c = Campaigns::start().await;
    let list = c.list(people("30", 2)).await;
    let (one, two) = (c.group("one").await, c.group("two").await);
    for group in [&one, &two] {
        group.set_lists(&[&list]).await;
        group.load().await;
    }
    let records = one.records().await;
    one.move_to(&records[..1], RecordStatus::Done, Reason::None, Some(0)).await;
    let path = format!("/lists/{}/contacts/{}/fate", list.id, records[0].id);
    let items = c.app.get(&path).await.expect(200)["items"].clone();
    let fates: Vec<_> =
        items.as_array().unwrap().iter().map(|f| (&f["campaignGroupName"], &f["record"]["status"])).collect();
    assert_eq!(fates, [(&json!("one"), &json!("done")), (&json!("two"), &json!("ready"))]);
    assert_eq!(
        c.app.get(&format!("/lists/{}/contacts/1/fate", c.app.app.ids.next())).await.expect_problem(404),
        "not_found"
    );
    assert_eq!(c.app.get(&format!("/lists/{}/contacts/999999/fate", list.id)).await.expect_problem(404), "not_found");
    assert_eq!(c.app.other.get(&path).await.expect_problem(404), "not_found");
}

#[tokio::test]
async fn while_everything_is_stopped_each_record_says_so_and_why() {
    let c = Campaigns::with_compliance().await;
    c.app.clock.set("2026-12-01T17:00:00Z");
    waive(&c, "US-RND").await;
    let group = c.group_with("one", json!({ "compliance": { "purpose": "informational" } })).await;
    // one may be contacted, one waits for the morning, one is left out
    let people =
        vec![person("+12125550100", NEW_YORK), person("+81312345678", TOKYO), person("+12125550102", NEW_YORK)];
    c.suppress(DEVICE, &["+12125550102"]).await;
    let list = c.list(people).await;
    group.set_lists(&[&list]).await;
    group.load().await;
    let records = group.records().await;
    let told = async |record: &Record| {
        let shown = c.app.get(&format!("{}/records/{}", group.path, record.id)).await.expect(200);
        let fate = c.app.get(&format!("/lists/{}/contacts/{}/fate", list.id, record.id)).await.expect(200);
        let of_fate = &fate["items"][0]["record"];
        assert_eq!(
            (&of_fate["explanation"], &of_fate["stopped"]),
            (&shown["explanation"], &shown["stopped"]),
            "{fate}"
        );
        (shown["explanation"].as_str().unwrap().to_owned(), shown["stopped"].clone())
    };
    let (free, stopped) = told(&records[0]).await;
    assert_eq!((free.as_str(), &stopped), ("May be contacted: it waits for its turn.", &Value::Null));
    let switch = |stopped: bool| json!({ "stopped": stopped, "reason": "a regulator called" });
    c.app.put("/compliance/stop-switch").json(&switch(true)).await.expect(200);
    for record in &records[..2] {
        let (sentence, stopped) = told(record).await;
        let wanted = "Not contacted because everything is stopped (a regulator called), on every channel.";
        assert_eq!((sentence.as_str(), &stopped), (wanted, &json!("a regulator called")));
        // and so says compliance, on each channel
        for channel in ["sms", "voice"] {
            let query = format!("channel={channel}&purpose=informational&at=2026-12-01T17:00:00Z");
            let path = format!("/lists/{}/contacts/{}/explanation?{query}", list.id, record.id);
            let explained = c.app.get(&path).await.expect(200);
            assert_eq!(explained["reasons"][0]["rule"]["id"], "stop_switch", "{explained}");
            assert_eq!(explained["reasons"][0]["detail"], "a regulator called", "{explained}");
        }
    }
    let (sentence, stopped) = told(&records[2]).await;
    assert!(sentence.starts_with("Not contacted because of suppressed") && stopped.is_null(), "{sentence}");
    // one that a sender looked at meanwhile, and one that was under way
    let waits = RecordChange {
        cause: Some("stop_switch".into()),
        ..RecordChange::of(
            &records[0],
            RecordStatus::Ready,
            Reason::ComplianceUnavailable,
            c.app.app.now() + 300_000_000,
        )
    };
    let mut tx = c.app.app.db.begin().await.unwrap();
    let mut deltas = Deltas::default();
    assert_eq!(tx.record_apply(&[waits], 1, c.app.app.now(), &mut deltas).await.unwrap().len(), 1);
    tx.record_counters_add(9, &deltas).await.unwrap();
    tx.commit().await.unwrap();
    group.move_to(&records[1..2], RecordStatus::InProgress, Reason::None, None).await;
    assert!(told(&records[0]).await.0.contains("everything is stopped (a regulator called)"));
    assert!(told(&records[1]).await.0.contains("was being contacted when everything was stopped (a regulator called)"));
    c.app.put("/compliance/stop-switch").json(&switch(false)).await.expect(200);
    let (sentence, stopped) = told(&records[0]).await;
    assert!(sentence.contains("until a moment ago") && stopped.is_null(), "{sentence}");
}
