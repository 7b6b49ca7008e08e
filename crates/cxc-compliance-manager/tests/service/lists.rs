//! Suppression lists that come, change and go while the service runs.
use std::sync::Arc;

use super::*;

async fn with_lists() -> TestApp {
    let app = TestApp::start_all(vec![
        Box::new(|app| cxc_compliance_manager::service(app).unwrap()),
        Box::new(|app| {
            let readers = cxc_list_manager::Readers {
                phones: Arc::new(cxc_core::phone::PhoneParser::new().unwrap()),
                tables: cxc_core::location::LiveTables::new(cxc_core::location::LocationTables::embedded().unwrap()),
                locations: Arc::new(cxc_store::location::Locations::new()),
            };
            cxc_list_manager::service(app, readers).unwrap()
        }),
    ])
    .await
    .unwrap();
    app.clock.set(NOON);
    app
}

/// Longer than what is known may be old.
const LOOK: Duration = Duration::from_millis(2_100);

#[tokio::test]
async fn a_list_binds_within_two_seconds_of_its_making_and_an_entry_at_once() {
    let app = with_lists().await;
    let asked = async |n: u32| app.post(VALIDATE).json(&ask(n, "a", 0)).await.status.as_u16();
    assert_eq!(asked(1).await, 200);
    let body = json!({ "name": "stop", "type": "device", "required": true, "channels": ["voice"] });
    let list = app.post("/suppression-lists").json(&body).await;
    let path = format!("/suppression-lists/{}", list.id());
    let entries = format!("{path}/entries");
    app.post(&entries).json(&json!({ "value": phone(1) })).await.expect(201);
    tokio::time::sleep(LOOK).await;
    assert_eq!((asked(1).await, asked(2).await), (409, 200), "a new list");
    app.post(&entries).json(&json!({ "value": phone(2) })).await.expect(201);
    assert_eq!(asked(2).await, 409, "a new entry");
    let now = app.get(&path).await;
    let edited = app.patch(&path).if_match(&now.etag()).json(&json!({ "channels": ["sms"] })).await;
    edited.expect(200);
    tokio::time::sleep(LOOK).await;
    assert_eq!(asked(1).await, 200, "a list of another channel");
    let edited = app.patch(&path).if_match(&edited.etag()).json(&json!({ "channels": ["voice", "sms"] })).await;
    edited.expect(200);
    tokio::time::sleep(LOOK).await;
    assert_eq!(asked(1).await, 409, "a list that was changed back");
    app.delete(&path).if_match(&edited.etag()).await.expect(204);
    tokio::time::sleep(LOOK).await;
    assert_eq!(asked(1).await, 200, "a list that is gone");
}

#[tokio::test]
async fn entries_that_take_the_place_of_all_others_bind_at_once() {
    let app = with_lists().await;
    let body = json!({ "name": "stop", "type": "device", "required": true, "channels": ["voice"] });
    let list = app.post("/suppression-lists").json(&body).await;
    let entries = format!("/suppression-lists/{}/entries", list.id());
    app.post(&entries).json(&json!({ "value": phone(1) })).await.expect(201);
    app.post(VALIDATE).json(&ask(1, "a", 0)).await.expect(409);
    // as a replacing import does it: the entries have a new generation from one moment to the next
    let mut tx = app.app.db.begin().await.unwrap();
    for sql in [
        "UPDATE suppression_entry SET generation = generation + 1000000",
        "UPDATE suppression_list SET generation = generation + 1000000, changes = changes + 1",
    ] {
        cxc_store::on!(&mut tx, conn => sqlx::query(sql).execute(conn).await.unwrap().rows_affected());
    }
    tx.commit().await.unwrap();
    app.post(VALIDATE).json(&ask(1, "a", 0)).await.expect(409);
    app.post(VALIDATE).json(&ask(1, "a", 60_000)).await.expect(409);
}
