//! Duplicates, within a batch, across batches and against the list; and that every line is accounted for.
use cxc_list_builder::import::{Dedupe, ImportMode};

use crate::support::{World, deduped, settings};

#[tokio::test(flavor = "multi_thread")]
async fn the_first_line_of_a_key_wins_however_far_the_next_is() {
    let world = World::start().await;
    let mut file = String::from("clientid,first,phone\n");
    let mut lines = 0;
    // every key twice: the second time in the same batch, in the next, and thousands of lines later
    for (from, to) in [(0, 700), (600, 1_500), (0, 100), (1_500, 9_000), (0, 9_000)] {
        for n in from..to {
            file.push_str(&format!("k{n},line{lines},212555{:04}\n", n % 10_000));
            lines += 1;
        }
    }
    let outcome = world.import(&file, settings(ImportMode::Append)).await;
    assert_eq!((outcome.lines, outcome.imported, outcome.duplicate), (lines, 9_000, lines - 9_000));
    let names = world.names().await;
    assert_eq!(names.len(), 9_000);
    assert!(names.iter().any(|n| n == &("k650".to_owned(), "line650".to_owned())));
    let again = world.job(&file, settings(ImportMode::Append)).await;
    assert_eq!(again.error.unwrap().0["errors"][0]["code"], "nothing_taken");
    // a refresh finds all of them again
    let before: Vec<i64> = world.contacts().await.iter().map(|c| c.contact.id).collect();
    let outcome = world.import(&file, settings(ImportMode::Replace)).await;
    assert_eq!((outcome.imported, outcome.duplicate), (9_000, lines - 9_000));
    assert_eq!(world.contacts().await.iter().map(|c| c.contact.id).collect::<Vec<_>>(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_client_id_the_first_device_is_the_key_whatever_its_form() {
    let world = World::start().await;
    let file = "email,phone\nAnn@Example.com,\nann@example.COM,2125550100\n,+1 212 555 0101\n,(212) 555-0101\n";
    let outcome = world.import(file, settings(ImportMode::Append)).await;
    assert_eq!((outcome.imported, outcome.duplicate), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn by_any_device_a_line_with_a_known_device_is_a_duplicate() {
    let file = "clientid,device1,device2\n1,2125550101,2125550102\n2,2125550103,2125550101\n3,2125550104,\n";
    let more = "clientid,device1,device2\n4,2125550105,2125550104\n5,2125550106,\n";
    for (dedupe, first, second) in [(Dedupe::AnyDevice, (2, 1), (1, 1)), (Dedupe::Key, (3, 0), (2, 0))] {
        let world = World::start().await;
        let outcome = world.import(file, deduped(ImportMode::Append, dedupe)).await;
        assert_eq!((outcome.imported, outcome.duplicate), first, "{dedupe:?}");
        let outcome = world.import(more, deduped(ImportMode::Append, dedupe)).await;
        assert_eq!((outcome.imported, outcome.duplicate), second, "{dedupe:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_dedupe_every_line_is_a_contact() {
    let world = World::start().await;
    let file = "clientid,device1\n1,2125550101\n1,2125550101\n1,2125550101\n";
    let none = || deduped(ImportMode::Append, Dedupe::None);
    assert_eq!(world.import(file, none()).await.imported, 3);
    assert_eq!(world.import(file, none()).await.imported, 3);
    let outcome = world.import(file, deduped(ImportMode::Replace, Dedupe::None)).await;
    assert_eq!((outcome.imported, world.contacts().await.len()), (3, 3));
}
