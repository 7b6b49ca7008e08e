//! Places of stored contacts, found anew after a provider published other tables.
use std::collections::BTreeMap;

use cxc_core::location::{Country, LocationTables, Name};
use cxc_list_builder::import::ImportMode;
use cxc_list_builder::jobs::LIST_RELOCATE;
use cxc_list_builder::relocate::{RelocateSettings, Relocated};
use cxc_server::job_runner::run_by_id;
use cxc_store::job::Job;

use crate::support::{World, settings};

const PEOPLE: &str = "client id,phone,email,postal code,country,time zone\n\
     1,2125550101,,,US,\n\
     2,2125550102,,75201,US,\n\
     3,3105550103,,90210,US,America/Denver\n\
     4,,d@example.com,,,\n\
     5,+81312345678,,,JP,\n";

async fn relocate(world: &World, dry_run: bool) -> Job {
    let payload = serde_json::to_value(RelocateSettings { dry_run }).unwrap();
    let id = world.queue(LIST_RELOCATE, payload).await;
    run_by_id(&world.app, &world.jobs, id, world.stop.clone()).await.unwrap().unwrap()
}

async fn counted(world: &World, dry_run: bool) -> Relocated {
    let job = relocate(world, dry_run).await;
    assert_eq!(job.state, "succeeded", "{:?}", job.error);
    serde_json::from_value(job.result.unwrap().0).unwrap()
}

/// The embedded tables, but that area code 212 is in Chicago's zone and all postal codes of 752 in Denver's.
fn other_tables() -> LocationTables {
    let embedded = || LocationTables::embedded().unwrap();
    let mut rows = embedded().rows_of(Country::US).unwrap();
    let mut changed = 0;
    for row in rows.phones.iter_mut().flatten().filter(|row| row.key.starts_with("1212")) {
        row.zones = vec![Name::from("America/Chicago")];
        changed += 1;
    }
    for row in rows.postal.iter_mut().flatten().filter(|row| row.key.starts_with("752")) {
        row.zones = vec![Name::from("America/Denver")];
        changed += 1;
    }
    assert!(changed > 1, "the tables have such rows");
    embedded().with_rows(&BTreeMap::from([(Country::US, rows)])).unwrap()
}

#[tokio::test]
async fn who_is_elsewhere_by_the_new_tables_is_moved_and_counted_and_nobody_else() {
    let world = World::start().await;
    world.import(PEOPLE, settings(ImportMode::Append)).await;
    let (before, row) = (world.contacts().await, world.row().await);
    let unchanged = counted(&world, false).await;
    assert_eq!(unchanged, Relocated { contacts: 5, ..Relocated::default() }, "the same tables move nobody");
    assert_eq!((world.contacts().await, world.row().await), (before.clone(), row.clone()));

    world.jobs.context.checkers.tables.swap(other_tables());
    let wanted = Relocated { contacts: 5, moved_contacts: 1, moved_devices: 2, other_zones: 3, other_regions: 0 };
    assert_eq!(counted(&world, true).await, wanted);
    assert_eq!((world.contacts().await, world.row().await), (before.clone(), row.clone()), "a dry run changes nothing");

    assert_eq!(counted(&world, false).await, wanted);
    let after = world.contacts().await;
    assert_ne!(after[0].devices[0].location, before[0].devices[0].location);
    assert_ne!(after[1].contact.location, before[1].contact.location);
    assert_eq!(after[2..], before[2..]);
    assert!(world.row().await.changes > row.changes, "groups take it over");
    let again = counted(&world, false).await;
    assert_eq!(again, Relocated { contacts: 5, ..Relocated::default() });
    let mut tx = world.app.db.read().await.unwrap();
    let wanted = [after[0].devices[0].location, after[1].contact.location];
    let places = world.jobs.context.locations.resolve(&mut tx, &wanted).await.unwrap();
    assert!(places[&wanted[0]].key().ends_with("America/Chicago"), "{places:?}");
    assert!(places[&wanted[1]].key().ends_with("America/Denver"), "{places:?}");
}

#[tokio::test]
async fn a_list_that_is_being_imported_is_left_alone() {
    let world = World::start().await;
    world.import(PEOPLE, settings(ImportMode::Append)).await;
    let number = world.row().await.number;
    let mut tx = world.app.db.begin().await.unwrap();
    tx.list_lease("contacts", number, "another").await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let job = relocate(&world, false).await;
    assert_eq!(job.state, "failed");
    assert_eq!(job.error.unwrap().0["code"], "list_importing");
}

#[tokio::test]
async fn a_state_of_another_country_than_the_phones_is_found_and_stays_found() {
    let world = World::start().await;
    let people = "client id,phone,state\n1,+442079460123,US-FL\n2,+442079460124,Florida\n";
    world.import(people, settings(ImportMode::Append)).await;
    let before = world.contacts().await;
    let at: Vec<i64> = before.iter().map(|full| full.contact.location).collect();
    let mut tx = world.app.db.read().await.unwrap();
    let places = world.jobs.context.locations.resolve(&mut tx, &at).await.unwrap();
    drop(tx);
    for full in &before {
        assert!(places[&full.contact.location].key().starts_with("e|US|US-FL|"), "{places:?}");
        assert_eq!((full.contact.country.as_deref(), full.contact.region.as_deref()), (Some("US"), Some("FL")));
    }
    assert_eq!(counted(&world, false).await, Relocated { contacts: 2, ..Relocated::default() }, "nobody is moved");
}
