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

fn counts(outcome: &cxc_list_builder::import::ImportOutcome) -> (i64, i64, i64) {
    (outcome.imported, outcome.updated, outcome.duplicate)
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_line_or_a_contact_has_no_client_id_the_first_device_tells() {
    let world = World::start().await;
    let file = "clientid,first,device1,device2\n\
        C1,a,2125550101,\n\
        ,b,2125550101,\n\
        ,c,2125550102,\n\
        C2,d,2125550102,\n\
        C3,e,2125550101,\n\
        ,f,2125550109,2125550101\n";
    let outcome = world.import(file, settings(ImportMode::Append)).await;
    // the second is the first, the fourth the third; two with client ids of their own may share a phone
    assert_eq!(counts(&outcome), (4, 0, 2));
    let rejects = world.rejects(&outcome);
    let refused: Vec<_> = rejects[1..].iter().map(|r| (r[4].as_str(), r[6].as_str())).collect();
    assert_eq!(refused, [("3", "duplicate_in_file"), ("5", "duplicate_in_file")]);
    let more = "clientid,device1\n,2125550101\nC9,2125550102\nC8,2125550103\n";
    assert_eq!(counts(&world.import(more, settings(ImportMode::Append)).await), (1, 0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_device_tells_however_far_the_earlier_line_is() {
    for named_first in [true, false] {
        let world = World::start().await;
        let mut file = String::from("clientid,phone\n");
        for named in [named_first, !named_first] {
            for n in 0..3_000 {
                let id = if named { format!("k{n}") } else { String::new() };
                file.push_str(&format!("{id},212555{n:04}\n"));
            }
        }
        let outcome = world.import(&file, settings(ImportMode::Append)).await;
        assert_eq!(counts(&outcome), (3_000, 0, 3_000), "{named_first}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_finds_people_by_their_first_device_and_gives_them_client_ids() {
    let world = World::start().await;
    let file = "clientid,first,device1\nC1,a,2125550101\nC2,b,2125550101\nC3,c,2125550102\n,d,2125550103\n";
    assert_eq!(counts(&world.import(file, settings(ImportMode::Append)).await), (4, 0, 0));
    let changes = "clientid,first,device1\n\
        ,x,2125550102\n\
        ,y,2125550101\n\
        C9,z,2125550103\n\
        C8,w,2125550103\n\
        C3,v,2125550102\n";
    let outcome = world.import(changes, settings(ImportMode::Update)).await;
    // two have the phone of the second line; the last is the first once more
    assert_eq!(counts(&outcome), (1, 2, 2), "{:?}", world.names().await);
    let names = world.names().await;
    let expected = [("C1", "a"), ("C2", "b"), ("C3", "x"), ("C8", "w"), ("C9", "z")];
    assert_eq!(names, crate::support::pairs(&expected));
    let outcome = world.import("clientid,first\nC9,q\n", settings(ImportMode::Update)).await;
    assert_eq!(counts(&outcome), (0, 1, 0), "who was given a client id is found by it");
    let replaced = "clientid,first,device1\nC1,new,2125550101\n,n,2125550101\n,o,2125550103\n";
    assert_eq!(counts(&world.import(replaced, settings(ImportMode::Replace)).await), (2, 0, 1));
}
