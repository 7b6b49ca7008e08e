//! Lists of numbers.
use cxc_core::number_set::NumberSetBuilder;
use cxc_core::phone::PhoneNumber;
use cxc_store::number_list::{NewVersion, NumberList};
use cxc_store::{StoreError, number_bytes};
use cxc_test::TestApp;
use serde_json::json;
use uuid::Uuid;

use super::*;

/// A customer's own list, for calls and text messages; its bytes are damaged if that is wanted.
async fn own_list(on: &TestApp, numbers: &[String], is_damaged: bool) -> Uuid {
    let (app, tenant, now) = (&on.app, on.tenant(), on.app.now());
    let id = app.ids.next();
    let row = NumberList {
        number: 0,
        tenant,
        id,
        kind: "customer".into(),
        register: id.to_string(),
        jurisdiction: None,
        channels: 3,
        max_age_days: None,
        active: 0,
    };
    let mut tx = app.db.begin().await.unwrap();
    tx.number_list_insert(&row).await.unwrap();
    let row = tx.number_list_get(tenant, id).await.unwrap().unwrap();
    let new = NewVersion { mode: "replace", job: Uuid::nil(), file_name: "a", as_of: now, created_by: "test", now };
    let mut version = tx.number_list_begin(&row, &new).await.unwrap();
    tx.commit().await.unwrap();
    let mut builder = NumberSetBuilder::new();
    numbers.iter().for_each(|number| builder.push(PhoneNumber::parse(number).unwrap()).unwrap());
    let set = Arc::new(builder.finish().unwrap().0);
    let stored = number_bytes::store::<StoreError>(&app.db, version.blob, set, || Ok(())).await.unwrap();
    (version.sha256, version.bytes, version.state) = (stored.0.to_string(), stored.1, "ready".into());
    if is_damaged {
        version.sha256 = "0".repeat(64);
    }
    let mut tx = app.db.begin().await.unwrap();
    tx.number_list_note(&version).await.unwrap();
    tx.number_list_activate(row.number, version.version, now).await.unwrap();
    tx.commit().await.unwrap();
    id
}

#[tokio::test]
async fn a_number_on_the_customers_own_list_is_not_called_and_the_evidence_names_the_list() {
    let app = start().await;
    let list = own_list(&app, &[phone(1)], false).await;
    for hold in [0, 60_000] {
        let no = app.post(VALIDATE).json(&ask(1, "a", hold)).await.expect(409);
        assert_eq!((&no["decision"], &no["code"]), (&json!("deny"), &json!("suppressed")), "{no}");
        assert_eq!(no["reasons"][0]["rule_id"], list.to_string(), "{no}");
    }
    app.post(VALIDATE).json(&ask(2, "b", 60_000)).await.expect(200);
    let kept = app.get("/compliance/evidence?clientId=a").await.expect(200);
    let inputs = &kept["items"][0]["decision"]["inputs"];
    assert_eq!(inputs["suppression"][0]["list"]["id"], list.to_string(), "{inputs}");
    // email has no number
    let email =
        json!({ "type": "email", "device": { "email": "a@example.com" }, "contact": { "tz": "America/New_York" } });
    app.post(VALIDATE).json(&email).await.expect(200);
}

#[tokio::test]
async fn while_an_own_list_can_not_be_read_nobody_is_called() {
    let app = start().await;
    own_list(&app, &[phone(1)], true).await;
    for hold in [0, 60_000] {
        let no = app.post(VALIDATE).json(&ask(2, "b", hold)).await;
        assert_eq!(no.json()["code"], "compliance_unavailable", "{}", no.json());
        assert!(no.json()["reservation_id"].is_null());
    }
}
