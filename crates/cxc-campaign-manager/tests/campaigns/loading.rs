//! Pre-loading: who is in the audience, who is not and why, and what an interrupted load leaves.
use cxc_core::kind;
use cxc_core::record::{Reason, RecordStatus};
use cxc_store::suppression::{CLIENT_ID, DEVICE};
use jiff::Timestamp;
use serde_json::json;

use crate::legal::waive;
use crate::support::{BERLIN, Campaigns, NEW_YORK, Person, TOKYO, object, people, person};

#[tokio::test]
async fn everybody_of_a_mixed_list_is_accounted_for() {
    let c = Campaigns::start().await;
    let mut crowd = people("30", 1_500);
    crowd.extend((0..1_000).map(|n| person(format!("+1212555{n:04}"), NEW_YORK)));
    crowd.extend((0..500).map(|n| person(format!("+8190{n:08}"), TOKYO)));
    crowd.extend((0..40).map(|_| Person { zone: BERLIN, ..Person::default() }));
    crowd.extend((0..30).map(|n| Person { client: Some(format!("c{n}")), ..person(format!("+4931{n:07}"), BERLIN) }));
    // the second phone of these is free
    crowd.extend(
        (0..20).map(|n| Person { phones: vec![format!("+4932{n:07}"), format!("+4933{n:07}")], ..person("", BERLIN) }),
    );
    let list = c.list(crowd).await;
    c.suppress(DEVICE, &["+49300000000", "+49300000001", "+12125550000", "+49320000003"]).await;
    c.suppress(CLIENT_ID, &["c1", "c2", "c2 "]).await;
    let group = c.group("one").await;
    group.set_lists(&[&list]).await;

    let result = group.load().await;
    assert_eq!((&result["contacts"], &result["excluded"]), (&json!(3_090), &json!(45)));
    assert_eq!(group.state().await, "active");
    let accounting = group.accounting().await;
    assert_eq!(accounting["audience"], 3_090);
    assert_eq!(accounting["excluded"], json!({ "no_device": 40, "suppressed": 5 }));
    assert_eq!(accounting["ready"], 1_498 + 500 + 28 + 20);
    // 08:00 in New York
    let waiting = json!([{ "reason": "contact_times", "count": 999, "next": "2026-03-02T13:00:00Z" }]);
    assert_eq!(accounting["waiting"], waiting);

    c.app.clock.set("2026-03-02T13:00:00Z");
    let accounting = group.accounting().await;
    assert_eq!((&accounting["waiting"], &accounting["ready"]), (&json!([]), &json!(1_498 + 500 + 28 + 20 + 999)));

    let statistics = c.app.get(&format!("{}/statistics", group.path)).await.expect(200);
    assert_eq!((&statistics["ready"], &statistics["queued"]), (&json!(3_045), &json!(0)));
    assert_eq!(statistics["fates"], json!({ "no_device": 40, "ready": 3_045, "suppressed": 5 }));
    let passed_on = group.records().await.into_iter().filter(|r| r.device == 2).count();
    assert_eq!(passed_on, 1, "who has another phone is reached there");
}

#[tokio::test]
async fn a_person_with_only_suppressed_phones_is_left_out_at_once() {
    let c = Campaigns::start().await;
    let both = Person { phones: vec!["+49301".into(), "+49302".into()], ..person("", BERLIN) };
    let list = c.list(vec![both]).await;
    let suppression = c.suppress(DEVICE, &["+49301", "+49302"]).await;
    let group = c.group("one").await;
    group.set_lists(&[&list]).await;
    group.load().await;
    assert_eq!(group.accounting().await["excluded"], json!({ "suppressed": 1 }));
    let record = &group.records().await[0];
    assert_eq!(record.cause.as_deref(), Some(suppression.id.to_string().as_str()));
}

#[tokio::test]
async fn a_device_is_contacted_once_whatever_lists_and_contacts_it_stands_in() {
    let c = Campaigns::start().await;
    let mut first = people("30", 100);
    first.extend(people("30", 10));
    let (a, b) = (c.list(first).await, c.list(people("30", 150)).await);
    let group = c.group("one").await;
    group.set_lists(&[&a, &b]).await;
    group.load().await;
    let accounting = group.accounting().await;
    assert_eq!((&accounting["ready"], &accounting["excluded"]), (&json!(150), &json!({ "duplicate_in_group": 110 })));
    let alike = c.group_with("all", json!({ "dedupe": "none" })).await;
    alike.set_lists(&[&a, &b]).await;
    alike.load().await;
    assert_eq!(alike.accounting().await["ready"], 260);
}

#[tokio::test]
async fn a_selection_rule_and_the_reached_of_another_group_narrow_the_audience() {
    let c = Campaigns::start().await;
    let company = |n: usize| Some(if n.is_multiple_of(4) { "Acme" } else { "Other" }.to_owned());
    let crowd = people("30", 400).into_iter().enumerate().map(|(n, p)| Person { company: company(n), ..p }).collect();
    let list = c.list(crowd).await;
    let first = c.group("first").await;
    first.set_lists(&[&list]).await;
    first.load().await;
    let records = first.records().await;
    first.move_to(&records[..8], RecordStatus::Done, Reason::None, Some(0)).await;
    first.move_to(&records[8..12], RecordStatus::Done, Reason::None, Some(53)).await;

    let condition = json!({ "field": "c_company", "type": "string", "operator": "equal", "value": "acme" });
    let rule =
        object(&c.app, kind::SELECTION_RULE, "acme", json!({ "kind": "contacts", "conditionSets": [[condition]] }))
            .await;
    let second = c.group_with("second", json!({ "excludeReachedBy": [first.id] })).await;
    let items = json!({ "items": [{ "list": list.id, "selectionRule": rule }] });
    c.app.put(&format!("{}/lists", second.path)).json(&items).await.expect(200);
    second.load().await;
    let accounting = second.accounting().await;
    assert_eq!((&accounting["ready"], &accounting["excluded"]), (&json!(98), &json!({ "not_selected": 302 })));
    let causes = |of: &str| c.app.get(&format!("{}/records?limit=500&reason={of}", second.path));
    let page = causes("not_selected").await.expect(200);
    let reached = page["items"].as_array().unwrap().iter().filter(|r| r["cause"] == "reached by another group").count();
    assert_eq!((page["items"].as_array().unwrap().len(), reached), (302, 2));
}

#[tokio::test]
async fn a_selection_rule_sees_what_the_latest_attempt_in_any_group_left() {
    let c = Campaigns::start().await;
    let list = c.list(people("30", 20)).await;
    let first = c.group("first").await;
    first.set_lists(&[&list]).await;
    first.load().await;
    let records = first.records().await;
    first.move_to(&records[..8], RecordStatus::Done, Reason::None, Some(0)).await;
    first.move_to(&records[8..12], RecordStatus::Done, Reason::None, Some(53)).await;
    let chosen = [("Attempts", "equal", 0, 8), ("Attempts", "greater_than", 0, 12), ("call_result", "equal", 53, 4)];
    for (n, (field, operator, value, wanted)) in chosen.into_iter().enumerate() {
        let condition = json!({ "field": field, "type": "numeric", "operator": operator, "value": value });
        let body = json!({ "kind": "contacts", "conditionSets": [[condition]] });
        let rule = object(&c.app, kind::SELECTION_RULE, &format!("rule {n}"), body).await;
        let group = c.group(&format!("group {n}")).await;
        let items = json!({ "items": [{ "list": list.id, "selectionRule": rule }] });
        c.app.put(&format!("{}/lists", group.path)).json(&items).await.expect(200);
        group.load().await;
        assert_eq!(group.accounting().await["ready"], wanted, "{field} {operator} {value}");
    }
}

#[tokio::test]
async fn a_group_names_rules_of_every_kind_that_is_not_required() {
    let c = Campaigns::start().await;
    let custom = json!({ "expression": "c_company == 'Acme'", "required": false });
    let custom = object(&c.app, kind::CUSTOM_RULE, "acme", custom).await;
    let times = json!({ "weekdays": [[], [], [], [], [], [], []], "required": false });
    let times = object(&c.app, kind::CONTACT_TIMES, "never", times).await;
    c.group_with("named", json!({ "rules": [custom, times] })).await;
    let wrong = json!({ "name": "wrong", "template": c.template, "settings": { "rules": [c.content] } });
    let problem = c.app.post("/campaign-groups").json(&wrong).await.expect(422);
    assert_eq!(problem["errors"][0]["pointer"], "/settings/rules/0", "{problem}");
}

#[tokio::test]
async fn a_load_that_is_stopped_leaves_what_it_has_and_the_next_one_goes_on() {
    let c = Campaigns::start().await;
    let list = c.list(people("30", 25_000)).await;
    let group = c.group("one").await;
    group.set_lists(&[&list]).await;
    let job = group.act("start").await.expect(202)["job"].as_str().unwrap().parse().unwrap();
    assert!(group.run_halfway(job, false).await.is_err());
    // whoever cancels the job gets the group at rest
    assert_eq!(group.state().await, "not_loaded");
    assert_eq!(group.get().await["lastError"], "loading ended: cancelled");
    let some = group.accounting().await["audience"].as_i64().unwrap();
    assert!(some > 0 && some < 25_000, "{some}");
    group.load().await;
    assert_eq!(group.accounting().await["audience"], 25_000);
    assert_eq!(group.get().await["lastError"], json!(null));
}

#[tokio::test]
async fn stop_ends_a_load_and_a_new_start_does_not_meet_the_old_one() {
    let c = Campaigns::start().await;
    let list = c.list(people("30", 25_000)).await;
    let group = c.group("one").await;
    group.set_lists(&[&list]).await;
    let old = group.act("start").await.expect(202)["job"].as_str().unwrap().parse().unwrap();
    // the old run is in the middle of a slice when the group is stopped and started again
    group.run_halfway(old, true).await.unwrap();
    assert_eq!(group.act("stop").await.expect(200)["state"], "not_loaded");
    let new = group.act("load").await.expect(202)["job"].as_str().unwrap().parse().unwrap();
    c.app.clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(group.run_job(old).await.state, "cancelled");
    assert_eq!(group.state().await, "pre_loading");
    assert_eq!(group.run_job(new).await.state, "succeeded");
    assert_eq!((group.state().await.as_str(), group.accounting().await["audience"].clone()), ("active", json!(25_000)));
}

#[tokio::test]
async fn a_load_that_crashed_is_taken_up_again_without_a_record_twice() {
    let c = Campaigns::start().await;
    let list = c.list(people("30", 25_000)).await;
    let group = c.group("one").await;
    group.set_lists(&[&list]).await;
    let job = group.act("start").await.expect(202)["job"].as_str().unwrap().parse().unwrap();
    group.run_halfway(job, true).await.unwrap();
    group.accounting().await;
    c.app.clock.advance(std::time::Duration::from_secs(60));
    let done = group.run_job(job).await;
    assert_eq!((done.state.as_str(), done.tries), ("succeeded", 2));
    let accounting = group.accounting().await;
    assert_eq!((&accounting["audience"], &accounting["ready"]), (&json!(25_000), &json!(25_000)));
    let contacts: std::collections::HashSet<i64> = group.records().await.iter().map(|r| r.id).collect();
    assert_eq!(contacts.len(), 25_000);
    assert_eq!(group.state().await, "running");
}

#[tokio::test]
async fn a_rule_that_is_gone_ends_the_load_with_words_for_people() {
    let c = Campaigns::start().await;
    let list = c.list(people("30", 2)).await;
    let group = c.group("one").await;
    let rule = object(&c.app, kind::SELECTION_RULE, "gone", json!({ "kind": "contacts", "conditionSets": [] })).await;
    let items = json!({ "items": [{ "list": list.id, "selectionRule": rule }] });
    c.app.put(&format!("{}/lists", group.path)).json(&items).await.expect(200);
    let mut tx = c.app.app.db.begin().await.unwrap();
    assert!(tx.object_delete(c.app.tenant(), kind::SELECTION_RULE, rule, 1).await.unwrap());
    tx.commit().await.unwrap();
    let job = group.run("start").await;
    assert_eq!((job.state.as_str(), group.state().await.as_str()), ("failed", "not_loaded"));
    let said = group.get().await["lastError"].as_str().unwrap().to_owned();
    assert_eq!(said, "loading ended: a selection rule of the group is gone: give its list another");
}

#[tokio::test]
async fn whom_a_custom_rule_always_bars_is_left_out_when_the_audience_is_loaded_and_nobody_else() {
    let c = Campaigns::start().await;
    let rule = json!({ "required": true, "expression": "c_client_id != 'vip' && local_hour >= 25" });
    object(&c.app, kind::CUSTOM_RULE, "Never the VIP", rule).await;
    let vip = Person { client: Some("vip".into()), ..person("+493012345001", BERLIN) };
    let list = c.list(vec![vip, person("+493012345002", BERLIN)]).await;
    let group = c.group("one").await;
    group.set_lists(&[&list]).await;
    group.load().await;
    let accounting = group.accounting().await;
    assert_eq!((&accounting["excluded"], &accounting["ready"]), (&json!({ "blocked": 1 }), &json!(1)), "{accounting}");
}

#[tokio::test]
async fn who_said_when_contacts_are_convenient_is_loaded_for_that_hour() {
    let c = Campaigns::with_compliance().await;
    // eleven in Berlin on a Tuesday
    c.app.clock.set("2026-12-01T10:00:00Z");
    waive(&c, "US-RND").await;
    let crowd = ["+493012345001", "+493012345002", "+493012345003", "+493012345004"]
        .map(|phone| Person { client: Some(format!("C{phone}")), ..person(phone, BERLIN) });
    let list = c.list(crowd.to_vec()).await;
    let group = c.group_with("one", json!({ "compliance": { "purpose": "informational" } })).await;
    group.set_lists(&[&list]).await;
    let times = "/compliance/declared-times";
    let said = [
        json!({ "device": "+493012345001", "times": { "notBefore": "14:00" } }),
        json!({ "clientId": "C+493012345002", "times": { "notOn": ["tue", "wed"] } }),
        // both statements of one person hold
        json!({ "device": "+493012345003", "times": { "notOn": ["tue"] } }),
        json!({ "clientId": "C+493012345003", "times": { "notBefore": "15:30" } }),
    ];
    for said in &said {
        c.app.post(times).json(said).await.expect(201);
    }
    group.load().await;
    let records = group.records().await;
    let of = |n: usize| {
        let record = &records[n];
        assert_eq!(record.status, RecordStatus::Ready.code());
        let due = (record.reason != 0).then(|| Timestamp::from_microsecond(record.due).unwrap().to_string());
        (record.cause.clone(), due)
    };
    let until = |text: &str| (Some("declared_times".to_owned()), Some(text.to_owned()));
    assert_eq!(of(0), until("2026-12-01T13:00:00Z"));
    assert_eq!(of(1), until("2026-12-03T07:00:00Z"), "the hours of the law begin at eight");
    assert_eq!(of(2), until("2026-12-02T14:30:00Z"));
    assert_eq!(of(3), (None, None), "who said nothing is ready");
}
