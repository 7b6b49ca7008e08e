//! Data that is swapped while the service runs.
use std::sync::Arc;

use cxc_compliance_manager::{Kit, service_with};
use cxc_core::compliance::{DataVersion, TzdbVersion, Zones};
use cxc_core::location::{Country, CountryRows, LiveTables, LocationTables, PlaceRow, TableReleases};
use cxc_core::phone::PhoneParser;

use super::*;

fn kit(zones: Zones) -> Kit {
    let tables = LiveTables::new(LocationTables::embedded().unwrap());
    Kit { zones, phones: Arc::new(PhoneParser::new().unwrap()), tables }
}

async fn started(kit: &Kit) -> TestApp {
    let kit = kit.clone();
    let app = TestApp::start(|app| service_with(app, kit).unwrap()).await.unwrap();
    app.clock.set(NOON);
    app
}

/// New York's numbers as though they were in Los Angeles.
fn moved() -> LocationTables {
    let row = PlaceRow { key: "1212".into(), regions: vec!["US-CA".into()], zones: vec!["America/Los_Angeles".into()] };
    let rows = CountryRows { phones: Some(vec![row]), ..CountryRows::default() };
    let tables = LocationTables::embedded().unwrap().with_rows(&[(Country::US, rows)].into()).unwrap();
    let phone = DataVersion { version: "2026-11".into(), sha256: "abc".into() };
    tables.with_releases(TableReleases { phone: Some(phone), postal: None })
}

#[tokio::test]
async fn a_decision_names_the_tables_that_it_used_and_not_those_of_the_start() {
    let kit = kit(Zones::bundled());
    let app = started(&kit).await;
    // half past eight in New York
    app.clock.set("2026-03-03T13:30:00Z");
    let before = app.post(VALIDATE).json(&ask(1, "a", 60_000)).await.expect(200);
    let shipped = before["data_versions"]["phone"].as_str().unwrap().to_owned();
    assert!(shipped.starts_with("9."), "{shipped}");
    kit.tables.swap(moved());
    let after = app.post(VALIDATE).json(&ask(2, "b", 60_000)).await.expect(409);
    assert_eq!((&after["code"], &after["not_before"]), (&json!("contact_times"), &json!("2026-03-03T16:00:00Z")));
    assert_eq!(after["data_versions"]["phone"], "2026-11 sha256:abc");
    assert_eq!(after["data_versions"]["postal"], before["data_versions"]["postal"]);
    let kept = async |client: &str| {
        let found = app.get(&format!("/compliance/evidence?clientId={client}")).await.expect(200);
        found["items"][0]["decision"]["data"]["phone"].clone()
    };
    assert_eq!((kept("a").await, kept("b").await), (json!(shipped), json!("2026-11 sha256:abc")));
    let question = json!({ "at": NOON, "channel": "voice", "contact": { "devices": [phone(3)] } });
    let evaluated = app.post("/compliance/evaluations").json(&question).await.expect(200);
    assert_eq!(evaluated["dataVersions"]["phone"]["version"], "2026-11");
}

#[tokio::test]
async fn a_newer_time_zone_database_that_is_asked_for_stops_everything_within_two_seconds() {
    let kit = kit(Zones::bundled());
    let app = started(&kit).await;
    app.post(VALIDATE).json(&ask(1, "a", 0)).await.expect(200);
    kit.zones.demand(Some("2099a".parse::<TzdbVersion>().unwrap()));
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let refused = app.post(VALIDATE).json(&ask(2, "a", 0)).await.expect(503);
    assert_eq!(refused["reasons"][0]["reason_code"], "tzdb_too_old", "{refused}");
}
