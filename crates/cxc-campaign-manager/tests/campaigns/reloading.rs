//! What later loads and refreshes make of what changed: suppression, lists that come and go, rules.
use cxc_core::kind;
use cxc_core::record::{Reason, RecordStatus};
use cxc_store::suppression::DEVICE;
use serde_json::json;

use crate::support::{BERLIN, Campaigns, Person, object, people, person};

#[tokio::test]
async fn who_is_suppressed_no_longer_is_readmitted_once_though_it_stands_in_two_lists() {
    let c = Campaigns::start().await;
    let (a, b) = (c.list(people("30", 3)).await, c.list(people("30", 2)).await);
    let suppression = c.suppress(DEVICE, &["+49300000000", "+49300000001"]).await;
    let group = c.group("one").await;
    group.set_lists(&[&a, &b]).await;
    group.load().await;
    assert_eq!(group.accounting().await["excluded"], json!({ "suppressed": 4 }));

    let mut tx = c.app.app.db.begin().await.unwrap();
    let entry = c.entry("+49300000000");
    assert_eq!(tx.suppression_remove(&suppression, &[(entry.key_hash, entry.key)]).await.unwrap(), 1);
    tx.commit().await.unwrap();
    let job = group.run("refresh").await;
    assert_eq!(job.result.unwrap()["readmitted"], 1);
    let accounting = group.accounting().await;
    assert_eq!(accounting["ready"], 2);
    assert_eq!(accounting["excluded"], json!({ "duplicate_in_group": 1, "suppressed": 2 }));
    // nor does the next one bring the double in
    group.run("refresh").await;
    assert_eq!(group.accounting().await["ready"], 2);
}

#[tokio::test]
async fn a_double_comes_in_when_the_list_of_its_first_is_taken_away() {
    let c = Campaigns::at_work().await;
    let (a, b) = (c.list(people("30", 3)).await, c.list(people("30", 5)).await);
    let group = c.group("one").await;
    group.set_lists(&[&a, &b]).await;
    group.work("load").await;
    assert_eq!(group.accounting().await["excluded"], json!({ "duplicate_in_group": 3 }));
    group.set_lists(&[&b]).await;
    group.swept().await;
    group.work("refresh").await;
    let accounting = group.accounting().await;
    assert_eq!((&accounting["audience"], &accounting["ready"]), (&json!(5), &json!(5)));
}

#[tokio::test]
async fn a_list_that_was_taken_away_and_put_back_contacts_nobody_twice() {
    let c = Campaigns::at_work().await;
    let (a, b) = (c.list(people("30", 5_000)).await, c.list(people("31", 10)).await);
    let group = c.group("one").await;
    group.set_lists(&[&a, &b]).await;
    group.work("load").await;
    let records = group.records().await;
    group.move_to(&records[..3], RecordStatus::Done, Reason::None, Some(0)).await;
    group.move_to(&records[3..4], RecordStatus::InDoubt, Reason::None, None).await;
    let cancel = format!("{}/records/{}/actions/cancel", group.path, records[4].id);
    c.app.post(&cancel).await.expect(200);

    group.set_lists(&[&b]).await;
    group.swept().await;
    let accounting = group.accounting().await;
    assert_eq!((&accounting["audience"], &accounting["ready"]), (&json!(15), &json!(10)));
    assert_eq!((&accounting["done"], &accounting["inDoubt"]), (&json!({ "Ok": 3 }), &json!(1)));

    group.set_lists(&[&a, &b]).await;
    let back = async |g: &crate::support::Group<'_>| g.accounting().await["audience"] == 5_010;
    group.until("the list is back", back).await;
    let accounting = group.accounting().await;
    assert_eq!((&accounting["ready"], &accounting["excluded"]), (&json!(5_005), &json!({ "cancelled": 1 })));
    assert_eq!((&accounting["done"], &accounting["inDoubt"]), (&json!({ "Ok": 3 }), &json!(1)));
}

#[tokio::test]
async fn a_deleted_group_leaves_the_disk() {
    let c = Campaigns::at_work().await;
    let list = c.list(people("30", 12_000)).await;
    let group = c.group("one").await;
    group.set_lists(&[&list]).await;
    group.work("load").await;
    group.act("force-stop").await.expect(200);
    group.until("it is at rest", async |g| g.state().await == "not_loaded").await;
    let tag = c.app.get(&group.path).await.etag();
    c.app.delete(&group.path).if_match(&tag).await.expect(204);
    group.swept().await;
    let mut tx = c.app.app.db.read().await.unwrap();
    assert!(tx.record_page(group.number, None, None, 0, 1).await.unwrap().is_empty());
    assert!(tx.record_counters(group.number).await.unwrap().is_empty());
}

#[tokio::test]
async fn appended_contacts_reach_a_running_group_within_seconds() {
    let c = Campaigns::at_work().await;
    let list = c.list(people("30", 50)).await;
    let group = c.group("one").await;
    group.set_lists(&[&list]).await;
    group.work("start").await;
    assert_eq!(group.accounting().await["ready"], 50);
    let since = std::time::Instant::now();
    c.append(list.id, people("31", 30)).await;
    group.until("they are there", async |g| g.accounting().await["ready"] == 80).await;
    assert!(since.elapsed().as_secs() < 5, "{:?}", since.elapsed());
}

#[tokio::test]
async fn a_rule_that_changes_takes_some_out_and_brings_others_in() {
    let c = Campaigns::start().await;
    let company = |n: usize| Some(if n.is_multiple_of(2) { "Acme" } else { "Other" }.to_owned());
    let crowd = people("30", 100).into_iter().enumerate().map(|(n, p)| Person { company: company(n), ..p }).collect();
    let list = c.list(crowd).await;
    let rule = async |name: &'static str| {
        let condition = json!({ "field": "c_company", "type": "string", "operator": "equal", "value": name });
        object(&c.app, kind::SELECTION_RULE, name, json!({ "kind": "contacts", "conditionSets": [[condition]] })).await
    };
    let group = c.group("one").await;
    let path = format!("{}/lists", group.path);
    let put = async |rule| {
        c.app.put(&path).json(&json!({ "items": [{ "list": list.id, "selectionRule": rule }] })).await.expect(200)
    };
    put(rule("acme").await).await;
    group.load().await;
    let records = group.records().await;
    let tried: Vec<_> = records.iter().filter(|r| r.status == 1).take(5).cloned().collect();
    group.move_to(&tried, RecordStatus::Done, Reason::None, Some(0)).await;

    put(rule("other").await).await;
    let result = group.run("refresh").await.result.unwrap();
    assert_eq!((&result["deselected"], &result["readmitted"]), (&json!(45), &json!(50)));
    let accounting = group.accounting().await;
    assert_eq!((&accounting["ready"], &accounting["excluded"]), (&json!(50), &json!({ "not_selected": 45 })));
    assert_eq!(accounting["done"], json!({ "Ok": 5 }));
}

#[tokio::test]
async fn a_second_load_adds_what_is_new_and_repeats_nobody() {
    let c = Campaigns::start().await;
    let list = c.list(people("30", 20)).await;
    let group = c.group("one").await;
    group.set_lists(&[&list]).await;
    group.load().await;
    let records = group.records().await;
    group.move_to(&records, RecordStatus::Done, Reason::None, Some(0)).await;
    group.put_state("not_loaded", None).await;
    c.append(list.id, vec![person("+49310000001", BERLIN)]).await;
    let again = group.load().await;
    assert_eq!((&again["contacts"], &again["ready"]), (&json!(1), &json!(1)));
    let accounting = group.accounting().await;
    assert_eq!((&accounting["ready"], &accounting["done"]), (&json!(1), &json!({ "Ok": 20 })));
}

/// A rule for people in Germany: on each day of the week these windows. Answers how to take it away again.
async fn hours(c: &Campaigns, windows: serde_json::Value) -> uuid::Uuid {
    let body = json!({ "country": "DE", "weekdays": vec![windows; 7], "required": true });
    let id = object(&c.app, kind::CONTACT_TIMES, "hours", body).await;
    moved(c).await;
    id
}

async fn moved(c: &Campaigns) {
    let mut tx = c.app.app.db.begin().await.unwrap();
    tx.rule_set_moved(c.app.tenant()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn take_away(c: &Campaigns, rule: uuid::Uuid) {
    let mut tx = c.app.app.db.begin().await.unwrap();
    assert!(tx.object_delete(c.app.tenant(), kind::CONTACT_TIMES, rule, 1).await.unwrap());
    tx.commit().await.unwrap();
    moved(c).await;
}

#[tokio::test]
async fn who_waits_because_of_a_rule_that_is_gone_is_ready_after_a_refresh_and_after_a_load() {
    let c = Campaigns::start().await;
    let list = c.list(people("30", 5)).await;
    for (name, action) in [("one", "refresh"), ("two", "load")] {
        let evening = hours(&c, json!([{ "from": "18:00", "till": "19:00" }])).await;
        let group = c.group(name).await;
        group.set_lists(&[&list]).await;
        group.load().await;
        let waiting = group.accounting().await["waiting"].clone();
        assert_eq!((&waiting[0]["reason"], &waiting[0]["count"]), (&json!("contact_times"), &json!(5)));
        let put_off = format!("{}/records/{}/actions/reschedule", group.path, group.records().await[0].id);
        c.app.post(&put_off).json(&json!({ "at": "2026-03-04T09:00:00Z" })).await.expect(200);
        take_away(&c, evening).await;
        if action == "load" {
            group.put_state("not_loaded", None).await;
        }
        assert_eq!(group.run(action).await.result.unwrap()["moved"], 4, "{action}");
        let accounting = group.accounting().await;
        assert_eq!(accounting["ready"], 4, "{action}: {accounting}");
        // what a person put off stays put off
        assert_eq!(accounting["waiting"][0]["reason"], "rescheduled");
    }
}

#[tokio::test]
async fn a_rule_that_allows_more_reaches_a_loaded_group_by_itself() {
    let c = Campaigns::at_work().await;
    let never = hours(&c, json!([])).await;
    let list = c.list(people("30", 3)).await;
    let group = c.group("one").await;
    group.set_lists(&[&list]).await;
    group.work("load").await;
    assert_eq!(group.accounting().await["excluded"], json!({ "never_open": 3 }));
    take_away(&c, never).await;
    group.until("they came back", async |g| g.accounting().await["ready"] == 3).await;
    // and is not looked at again until the rules move on
    let refreshes = async || {
        let page = c.app.get("/jobs").await.expect(200);
        let kinds = page["items"].as_array().unwrap().iter().map(|j| j["kind"].clone());
        kinds.filter(|kind| kind == "campaign_group_refresh").count()
    };
    let before = refreshes().await;
    c.app.clock.advance(std::time::Duration::from_secs(60));
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    assert_eq!((before, refreshes().await), (1, 1));
}
