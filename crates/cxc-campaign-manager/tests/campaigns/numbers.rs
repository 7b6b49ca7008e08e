//! Lists of numbers when a group is loaded.
use std::sync::Arc;

use cxc_core::number_set::NumberSetBuilder;
use cxc_core::phone::PhoneNumber;
use cxc_store::number_list::{NewVersion, NumberList};
use cxc_store::{StoreError, number_bytes};
use serde_json::json;
use uuid::Uuid;

use crate::support::{BERLIN, Campaigns, Person, person};

/// A customer's own list of these numbers.
pub async fn own_list(c: &Campaigns, channels: i16, numbers: &[&str]) -> NumberList {
    let id = c.app.app.ids.next();
    list_of(c, id, ("customer", &id.to_string()), channels, numbers, c.app.app.now()).await
}

/// The American national register with these numbers, as of an instant.
pub async fn national_list(c: &Campaigns, numbers: &[&str], as_of: i64) -> NumberList {
    list_of(c, c.app.app.ids.next(), ("national_dnc", "US-DNC"), 3, numbers, as_of).await
}

async fn list_of(
    c: &Campaigns,
    id: Uuid,
    (kind, register): (&str, &str),
    channels: i16,
    numbers: &[&str],
    as_of: i64,
) -> NumberList {
    let (app, tenant) = (&c.app.app, c.app.tenant());
    let row = NumberList {
        number: 0,
        tenant,
        id,
        kind: kind.into(),
        register: register.into(),
        jurisdiction: None,
        channels,
        max_age_days: None,
        active: 0,
    };
    let mut tx = app.db.begin().await.unwrap();
    tx.number_list_insert(&row).await.unwrap();
    let row = tx.number_list_get(tenant, id).await.unwrap().unwrap();
    let now = app.now();
    let new = NewVersion { mode: "replace", job: Uuid::nil(), file_name: "a", as_of, created_by: "test", now };
    let mut version = tx.number_list_begin(&row, &new).await.unwrap();
    tx.commit().await.unwrap();
    let mut builder = NumberSetBuilder::new();
    numbers.iter().for_each(|number| builder.push(PhoneNumber::parse(number).unwrap()).unwrap());
    let set = Arc::new(builder.finish().unwrap().0);
    let stored = number_bytes::store::<StoreError>(&app.db, version.blob, set, || Ok(())).await.unwrap();
    (version.sha256, version.bytes, version.state) = (stored.0.to_string(), stored.1, "ready".into());
    let mut tx = app.db.begin().await.unwrap();
    tx.number_list_note(&version).await.unwrap();
    tx.number_list_activate(row.number, version.version, now).await.unwrap();
    tx.commit().await.unwrap();
    row
}

fn people() -> Vec<Person> {
    let phones = |numbers: &[&str]| numbers.iter().map(|n| (*n).to_owned()).collect();
    vec![
        Person { phones: phones(&["+493012345001"]), ..person("", BERLIN) },
        Person { phones: phones(&["+493012345002", "+493012345003"]), ..person("", BERLIN) },
        Person { phones: phones(&["+493012345004"]), ..person("", BERLIN) },
    ]
}

#[tokio::test]
async fn a_number_on_the_customers_own_list_is_suppressed_and_the_next_phone_is_taken() {
    let c = Campaigns::start().await;
    let list = c.list(people()).await;
    let own = own_list(&c, 3, &["+493012345001", "+493012345002"]).await;
    let group = c.group("one").await;
    group.set_lists(&[&list]).await;
    group.load().await;
    assert_eq!(group.accounting().await["excluded"], json!({ "suppressed": 1 }));
    let records = group.records().await;
    let excluded = records.iter().find(|r| r.cause.is_some()).unwrap();
    assert_eq!(excluded.cause.as_deref(), Some(own.id.to_string().as_str()));
    assert!(records.iter().any(|r| r.device == 2), "the second phone of the second person");
}

#[tokio::test]
async fn a_list_of_another_channel_suppresses_nobody() {
    let c = Campaigns::start().await;
    let list = c.list(people()).await;
    // voice only; the group sends text messages
    own_list(&c, 1, &["+493012345001", "+493012345002"]).await;
    let group = c.group("one").await;
    group.set_lists(&[&list]).await;
    group.load().await;
    assert_eq!(group.accounting().await["excluded"], json!({}));
}

#[tokio::test]
async fn while_an_own_list_can_not_be_read_nobody_is_contacted() {
    let c = Campaigns::start().await;
    let list = c.list(people()).await;
    let own = own_list(&c, 3, &["+493012345001"]).await;
    let mut tx = c.app.app.db.begin().await.unwrap();
    let mut version = tx.number_list_versions(own.number).await.unwrap().remove(0);
    version.sha256 = "0".repeat(64);
    tx.number_list_note(&version).await.unwrap();
    tx.commit().await.unwrap();
    let group = c.group("one").await;
    group.set_lists(&[&list]).await;
    group.load().await;
    let accounting = group.accounting().await;
    let waiting = &accounting["waiting"][0];
    assert_eq!((&waiting["reason"], &waiting["count"]), (&json!("data_missing"), &json!(3)), "{accounting}");
}
