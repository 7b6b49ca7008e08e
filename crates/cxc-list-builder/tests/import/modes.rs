//! Append, update and replace, and their undo.
use std::time::Duration;

use cxc_list_builder::import::{ImportMode, ImportSettings};
use cxc_store::audit::AuditQuery;

use crate::support::{World, pairs, settings};

const FIRST: &str = "clientid,first,device1,device2,other1\n1,Ann,2125550101,ann@example.com,a\n2,Bob,2125550102,,b\n3,Cid,2125550103,,c\n";

#[tokio::test(flavor = "multi_thread")]
async fn append_leaves_what_is_there_and_undo_takes_the_new_away() {
    let world = World::start().await;
    world.import(FIRST, settings(ImportMode::Append)).await;
    let outcome = world
        .import("clientid,first,device1\n2,Other,2125550199\n4,Dan,2125550104\n", settings(ImportMode::Append))
        .await;
    assert_eq!((outcome.imported, outcome.duplicate), (1, 1));
    assert_eq!(world.rejects(&outcome)[1][5], "duplicate_in_list");
    assert_eq!(world.names().await, pairs(&[("1", "Ann"), ("2", "Bob"), ("3", "Cid"), ("4", "Dan")]));
    assert_eq!(world.undo().await.state, "succeeded");
    assert_eq!(world.names().await, pairs(&[("1", "Ann"), ("2", "Bob"), ("3", "Cid")]));
    let again = world.undo().await;
    assert_eq!(again.error.unwrap().0["code"], "undo_blocked", "the import before can't be undone any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn update_changes_only_what_the_line_has_and_keeps_the_id() {
    let world = World::start().await;
    world.import(FIRST, settings(ImportMode::Append)).await;
    let before = world.contacts().await;
    let file = "clientid,first,device1,other2\n1,Anna,,z\n1,Late,2125550188,\n9,New,2125550109,\n";
    let file = file.replace("1,Anna,,z", "1,Anna,2125550177,z");
    let outcome = world.import(&file, settings(ImportMode::Update)).await;
    assert_eq!((outcome.updated, outcome.imported, outcome.duplicate), (1, 1, 1));
    let after = world.contacts().await;
    let ann = &after[0];
    assert_eq!((ann.contact.id, ann.contact.first_name.as_deref()), (before[0].contact.id, Some("Anna")));
    assert_eq!(ann.contact.custom.as_deref(), Some(r#"{"c_other1":"a","c_other2":"z"}"#));
    let addresses: Vec<_> = ann.devices.iter().map(|d| d.address.as_str()).collect();
    assert_eq!(addresses, ["+12125550177", "ann@example.com"]);
    assert_eq!(world.undo().await.state, "succeeded");
    assert_eq!(world.contacts().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn update_only_rejects_what_the_list_does_not_have() {
    let world = World::start().await;
    world.import(FIRST, settings(ImportMode::Append)).await;
    let only = ImportSettings { update_only: true, ..settings(ImportMode::Update) };
    let outcome = world.import("clientid,first,device1\n2,Rob,2125550102\n9,New,2125550109\n", only).await;
    assert_eq!((outcome.updated, outcome.rejected), (1, 1));
    assert_eq!(world.rejects(&outcome)[1][5], "not_found");
    assert_eq!(world.names().await, pairs(&[("1", "Ann"), ("2", "Rob"), ("3", "Cid")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn replace_swaps_the_contents_and_keeps_the_ids_of_keys_that_recur() {
    let world = World::start().await;
    world.import(FIRST, settings(ImportMode::Append)).await;
    let before = world.contacts().await;
    let outcome = world
        .import("clientid,first,device1\n7,Gus,2125550107\n2,Bobby,2125550102\n", settings(ImportMode::Replace))
        .await;
    assert_eq!(outcome.imported, 2);
    assert_eq!(world.names().await, pairs(&[("2", "Bobby"), ("7", "Gus")]));
    let after = world.contacts().await;
    assert_eq!(after[0].contact.id, before[1].contact.id);
    assert!(after[1].contact.id > before[2].contact.id);
    assert_eq!(world.undo().await.state, "succeeded");
    assert_eq!(world.contacts().await, before);
    // and once more after the undo
    world.import("clientid,first,device1\n3,Sid,2125550103\n", settings(ImportMode::Replace)).await;
    assert_eq!(world.contacts().await[0].contact.id, before[2].contact.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_can_be_undone_for_seven_days() {
    let world = World::start().await;
    world.import(FIRST, settings(ImportMode::Append)).await;
    world.clock.advance(Duration::from_secs(7 * 24 * 3600));
    assert_eq!(world.undo().await.error.unwrap().0["code"], "undo_blocked");
    assert_eq!(world.contacts().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_id_alone_is_enough_for_an_update() {
    let world = World::start().await;
    world.import(FIRST, settings(ImportMode::Append)).await;
    let before = world.contacts().await;
    let mut update = settings(ImportMode::Update);
    update.default_country = Some("DE".into());
    let outcome = world.import("clientid,first\n2,Rob\n9,New\n", update).await;
    assert_eq!((outcome.updated, outcome.imported, outcome.rejected), (1, 0, 1));
    assert_eq!(world.rejects(&outcome)[1][4], "no_device");
    assert_eq!(world.names().await, pairs(&[("1", "Ann"), ("2", "Rob"), ("3", "Cid")]));
    let after = world.contacts().await;
    assert_eq!((&after[1].devices, &after[1].contact.country), (&before[1].devices, &before[1].contact.country));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_by_hand_since_an_import_is_not_thrown_away_by_its_undo() {
    let world = World::start().await;
    let edit = async |n: usize| {
        let (list, id) = (world.row().await.number, world.contacts().await[n].contact.id);
        let mut tx = world.app.db.begin().await.unwrap();
        tx.contacts_edited(list, &[id], world.app.now()).await.unwrap();
        tx.commit().await.unwrap();
    };
    let blocked = async |mode: &str| {
        let error = world.undo().await.error.unwrap().0;
        assert_eq!(error["code"], "undo_blocked", "{mode}");
        assert!(error["detail"].as_str().unwrap().contains("by hand since the import: 1."), "{mode}: {error}");
    };
    let two = "clientid,first,device1\n1,Ann,2125550101\n2,Ben,2125550102\n";
    world.import(two, settings(ImportMode::Append)).await;
    edit(0).await;
    blocked("append").await;
    world.import("clientid,first,device1\n2,Bob,2125550102\n", settings(ImportMode::Update)).await;
    edit(0).await;
    assert_eq!(world.undo().await.state, "succeeded", "another contact than that of the update was written");
    world.import("clientid,first,device1\n2,Bob,2125550102\n", settings(ImportMode::Update)).await;
    edit(1).await;
    blocked("update").await;
    world.import("clientid,first,device1\n3,Cat,2125550103\n", settings(ImportMode::Replace)).await;
    edit(0).await;
    blocked("replace").await;
    // the next import begins anew, and each stands in the audit log with what came of it
    world.import("clientid,first,device1\n4,Dan,2125550104\n", settings(ImportMode::Append)).await;
    assert_eq!(world.undo().await.state, "succeeded");
    let query = AuditQuery { limit: 100, ..AuditQuery::default() };
    let events = world.app.db.read().await.unwrap().audit_page(1, &query).await.unwrap();
    let of = |action: &str| events.iter().filter(|event| event.action == action).collect::<Vec<_>>();
    assert_eq!((of("import_published").len(), of("import_undone").len()), (5, 2));
    let (last, undone) = (of("import_published")[0], of("import_undone")[0]);
    let after = last.after.as_ref().unwrap();
    assert_eq!((last.actor.as_str(), &after["imported"], &after["mode"]), ("test", &1.into(), &"append".into()));
    assert_eq!(last.before.as_ref().unwrap()["contacts"], 1, "as many as before it");
    assert_eq!(undone.before.as_ref().unwrap()["imported"], 1);
}
