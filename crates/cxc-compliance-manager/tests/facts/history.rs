//! A person with more attempts than are read at once.
use cxc_store::attempt::{NewAttempt, month_of};

use super::*;

const MANY: i64 = 20_001;

/// Attempts of today on a device.
async fn attempts(app: &TestApp, phone: &str, count: i64) {
    let (tenant, now) = (app.tenant(), app.app.now());
    let device_hash = app.app.hash_key.hash(tenant, phone);
    let attempt = |n| NewAttempt {
        tenant,
        month: month_of(now),
        // beyond the numbers that validations take
        id: 1_000_000_000 + n,
        grp: 1,
        record: 0,
        list: 0,
        contact: 0,
        account: 0,
        epoch: 0,
        channel: 1,
        position: 1,
        device_hash,
        client_hash: None,
        location: 0,
        rule_set: 0,
        regions: None,
        started_at: now - n,
    };
    let all: Vec<NewAttempt> = (1..=count).map(attempt).collect();
    let mut tx = app.app.db.begin().await.unwrap();
    for some in all.chunks(5_000) {
        tx.attempt_insert(&cxc_test::begun(some)).await.unwrap();
    }
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn who_has_more_attempts_than_are_read_is_not_called_and_the_others_of_the_batch_are() {
    let app = start().await;
    let cap = json!({ "name": "cap", "maxAttempts": 10_000, "window": { "seconds": 86_400 }, "results": [],
        "countBy": "device", "required": true });
    app.create("/compliance/attempt-rules", &cap).await;
    attempts(&app, &phone(1), MANY).await;
    for hold in [0, 60_000] {
        let items = json!({ "items": [ask(2, "a", hold), ask(1, "b", hold), ask(3, "c", hold)] });
        let answer = app.post(&format!("{VALIDATE}/batch")).json(&items).await.expect(200);
        let decisions: Vec<&Value> = answer["items"].as_array().unwrap().iter().map(|i| &i["decision"]).collect();
        assert_eq!(decisions, ["allow", "error", "allow"], "{answer:#}");
    }
}
