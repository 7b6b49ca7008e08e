//! Suppression after a group was loaded: its records, accounting and explanations follow at once.
use cxc_core::record::{Reason, RecordStatus};
use cxc_store::suppression::{CLIENT_ID, DEVICE, NewSuppressionList, SuppressionEntry, SuppressionList};
use serde_json::{Value, json};

use crate::numbers::own_list;
use crate::support::{Campaigns, Group, NEW_YORK, Person, person};

const FIRST: &str = "+12125550100";
const SECOND: &str = "+12125550101";
const THIRD: &str = "+12125550102";

/// Three people who wait for the morning in New York, the last with two phones.
fn crowd() -> Vec<Person> {
    let client = |id: &str, who: Person| Person { client: Some(id.into()), ..who };
    let two = Person { phones: vec![THIRD.into(), "+12125550103".into()], ..person("", NEW_YORK) };
    vec![client("c1", person(FIRST, NEW_YORK)), client("c2", person(SECOND, NEW_YORK)), client("c3", two)]
}

async fn loaded<'a>(c: &'a Campaigns, name: &str) -> Group<'a> {
    let list = c.list(crowd()).await;
    let group = c.group(name).await;
    group.set_lists(&[&list]).await;
    group.work("load").await;
    assert_eq!(group.accounting().await["waiting"][0]["count"], 3);
    group
}

/// Waits until the accounting excludes so many as suppressed; then everything of it must be right.
async fn shows(group: &Group<'_>, suppressed: usize) {
    let expected = if suppressed == 0 { json!({}) } else { json!({ "suppressed": suppressed }) };
    let path = format!("{}/accounting", group.path);
    let excluded = async |g: &Group<'_>| g.campaigns.app.get(&path).await.expect(200)["excluded"] == expected;
    group.until("suppression is shown", excluded).await;
    group.accounting().await;
}

async fn record(group: &Group<'_>, place: usize) -> Value {
    let id = group.records().await[place].id;
    group.campaigns.app.get(&format!("{}/records/{id}", group.path)).await.expect(200)
}

async fn remove(c: &Campaigns, list: &SuppressionList, key: &str) {
    let entry = c.entry(key);
    let mut tx = c.app.app.db.begin().await.unwrap();
    assert_eq!(tx.suppression_remove(list, &[(entry.key_hash, entry.key)]).await.unwrap(), 1);
    tx.commit().await.unwrap();
}

async fn add(c: &Campaigns, list: &SuppressionList, entry: SuppressionEntry) {
    let mut tx = c.app.app.db.begin().await.unwrap();
    tx.suppression_add(list, &[entry], 0).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn who_is_suppressed_while_it_waits_is_shown_so_with_the_cause_and_comes_back_with_the_entrys_end() {
    let c = Campaigns::at_work().await;
    let group = loaded(&c, "one").await;
    let stopped = loaded(&c, "two").await;
    stopped.put_state("not_loaded", None).await;
    assert_eq!(record(&group, 0).await["reason"], "contact_times");
    // a device of one, the client id of another; of the third only one of two phones
    let devices = c.suppress(DEVICE, &[FIRST, THIRD]).await;
    let clients = c.suppress(CLIENT_ID, &["c2"]).await;
    for of in [&group, &stopped] {
        shows(of, 2).await;
        for (place, cause) in [(0, &devices), (1, &clients)] {
            let shown = record(of, place).await;
            assert_eq!((&shown["status"], &shown["reason"]), (&json!("excluded"), &json!("suppressed")));
            assert_eq!(shown["cause"], json!(cause.id.to_string()));
            let why = shown["explanation"].as_str().unwrap();
            assert!(why.starts_with("Not contacted because of suppressed"), "{why}");
        }
        assert_eq!(record(of, 2).await["reason"], "contact_times");
    }
    remove(&c, &clients, "c2").await;
    for of in [&group, &stopped] {
        shows(of, 1).await;
        assert_eq!(record(of, 1).await["reason"], "contact_times");
    }
    // the list itself goes
    let mut tx = c.app.app.db.begin().await.unwrap();
    assert!(tx.suppression_list_delete(c.app.tenant(), devices.id, c.app.app.now()).await.unwrap());
    tx.commit().await.unwrap();
    shows(&group, 0).await;
}

#[tokio::test]
async fn who_is_suppressed_while_a_message_is_under_way_is_shown_so_once_it_waits_for_a_retry() {
    let c = Campaigns::at_work().await;
    let group = loaded(&c, "one").await;
    group.move_to(&group.records().await[..1], RecordStatus::InProgress, Reason::None, None).await;
    let list = c.suppress(DEVICE, &[FIRST, SECOND]).await;
    shows(&group, 1).await;
    assert_eq!(record(&group, 0).await["status"], "in_progress", "it is its sender's");
    c.app.clock.advance(std::time::Duration::from_secs(3));
    shows(&group, 1).await;
    // its sender gives it back
    group.move_to(&group.records().await[..1], RecordStatus::Ready, Reason::Retry, None).await;
    c.app.clock.advance(std::time::Duration::from_secs(3));
    shows(&group, 2).await;
    let shown = record(&group, 0).await;
    assert_eq!((&shown["reason"], &shown["cause"]), (&json!("suppressed"), &json!(list.id.to_string())));
    assert_eq!(shown["due"], Value::Null);
}

#[tokio::test]
async fn an_entry_is_shown_from_its_beginning_to_its_end() {
    let c = Campaigns::at_work().await;
    let group = loaded(&c, "one").await;
    let list = c.suppress(DEVICE, &[]).await;
    let now = c.app.app.now();
    let minutes = |n: i64| Some(now + n * 60_000_000);
    add(&c, &list, SuppressionEntry { from_at: minutes(10), until_at: minutes(20), ..c.entry(FIRST) }).await;
    add(&c, &list, SuppressionEntry { until_at: minutes(20), ..c.entry(SECOND) }).await;
    shows(&group, 1).await;
    c.app.clock.advance(std::time::Duration::from_secs(11 * 60));
    shows(&group, 2).await;
    c.app.clock.advance(std::time::Duration::from_secs(10 * 60));
    let mut tx = c.app.app.db.begin().await.unwrap();
    assert_eq!(tx.suppression_expire(c.app.app.now(), 100).await.unwrap(), 2);
    tx.commit().await.unwrap();
    shows(&group, 0).await;
}

#[tokio::test]
async fn a_whole_list_that_begins_or_ceases_to_hold_is_shown() {
    let c = Campaigns::at_work().await;
    let group = loaded(&c, "one").await;
    let (tenant, id) = (c.app.tenant(), c.app.app.ids.next());
    let new = NewSuppressionList {
        id,
        kind: DEVICE,
        channels: 2,
        required: false,
        expires_at: None,
        role: None,
        opt_outs: false,
    };
    let mut tx = c.app.app.db.begin().await.unwrap();
    assert!(tx.suppression_list_insert(tenant, &new).await.unwrap());
    let list = tx.suppression_list_get(tenant, id).await.unwrap().unwrap();
    tx.suppression_add(&list, &[c.entry(FIRST), c.entry(SECOND)], 0).await.unwrap();
    tx.commit().await.unwrap();
    own_list(&c, 2, &[THIRD, "+12125550103"]).await;
    // the chosen list does not bind the group, the customer's own list of numbers does
    shows(&group, 1).await;
    for (required, suppressed) in [(true, 3), (false, 1)] {
        let mut tx = c.app.app.db.begin().await.unwrap();
        assert!(tx.suppression_list_update(tenant, id, 2, required, None).await.unwrap());
        tx.commit().await.unwrap();
        shows(&group, suppressed).await;
    }
}

#[tokio::test]
async fn suppression_during_a_load_is_shown_after_it() {
    let c = Campaigns::start().await;
    let list = c.list(crowd()).await;
    let group = c.group("one").await;
    group.set_lists(&[&list]).await;
    group.load().await;
    group.put_state("pre_loading", Some("active")).await;
    c.suppress(DEVICE, &[FIRST]).await;
    let zones = cxc_core::compliance::Zones::bundled();
    cxc_campaign_manager::suppressed::catch_up(&c.app.app, zones.clone()).await.unwrap();
    assert_eq!(group.records().await[0].reason, Reason::ContactTimes.code());
    group.put_state("active", None).await;
    cxc_campaign_manager::suppressed::catch_up(&c.app.app, zones).await.unwrap();
    assert_eq!(group.records().await[0].reason, Reason::Suppressed.code());
    group.accounting().await;
}
