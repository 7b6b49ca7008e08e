//! Lists of numbers: versions in the store, sets in memory, swaps under look-ups.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cxc_core::number_set::{NumberSet, NumberSetBuilder};
use cxc_core::phone::PhoneNumber;
use cxc_store::number_list::{NewVersion, NumberList, NumberListVersion};
use cxc_store::number_lists::{ListState, NumberLists, TenantLists};
use cxc_store::{Db, StoreError, number_bytes};
use cxc_test::TestDb;
use uuid::Uuid;

const TENANT: i64 = 7;
const NOW: i64 = 1_700_000_000_000_000;
/// Of every version.
const ALWAYS: u64 = 12_125_550_100;

async fn list(db: &Db, tenant: i64, id: u128, kind: &str) -> NumberList {
    let id = Uuid::from_u128(id);
    let row = NumberList {
        number: 0,
        tenant,
        id,
        kind: kind.into(),
        register: "US-DNC".into(),
        jurisdiction: Some("US".into()),
        channels: 3,
        max_age_days: None,
        active: 0,
    };
    let mut tx = db.begin().await.unwrap();
    tx.number_list_insert(&row).await.unwrap();
    let row = tx.number_list_get(tenant, id).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    row
}

fn set_of(numbers: impl IntoIterator<Item = u64>) -> NumberSet {
    let mut builder = NumberSetBuilder::new();
    numbers.into_iter().for_each(|number| builder.push_digits(number).unwrap());
    builder.finish().unwrap().0
}

/// Stores and activates a version.
async fn activate(db: &Db, list: &NumberList, set: NumberSet, as_of: i64) -> NumberListVersion {
    let mut tx = db.begin().await.unwrap();
    let new = NewVersion { mode: "replace", job: Uuid::nil(), file_name: "a.txt", as_of, created_by: "test", now: NOW };
    let mut version = tx.number_list_begin(list, &new).await.unwrap();
    tx.commit().await.unwrap();
    version.numbers = i64::try_from(set.len()).unwrap();
    let stored = number_bytes::store::<StoreError>(db, version.blob, Arc::new(set), || Ok(())).await.unwrap();
    (version.sha256, version.bytes, version.state) = (stored.0.to_string(), stored.1, "ready".into());
    let mut tx = db.begin().await.unwrap();
    tx.number_list_note(&version).await.unwrap();
    tx.number_list_activate(list.number, version.version, NOW + version.version).await.unwrap();
    tx.commit().await.unwrap();
    version
}

async fn at_hand(db: &Db, lists: &NumberLists, tenant: i64) -> Arc<TenantLists> {
    lists.at_hand(&mut db.read().await.unwrap(), tenant).await.unwrap()
}

fn holds(lists: &TenantLists, number: u64) -> bool {
    let number = PhoneNumber::parse(&format!("+{number}")).unwrap();
    lists.lists().iter().any(|list| list.holds(number))
}

fn version_of(lists: &TenantLists) -> Option<i64> {
    lists.lists().iter().find_map(|list| match list.state {
        ListState::Loaded { version, .. } => Some(version),
        _ => None,
    })
}

#[tokio::test]
async fn a_version_is_asked_once_it_is_active_and_a_list_without_one_says_so() {
    let db = TestDb::start().await.unwrap();
    let own = list(&db, TENANT, 1, "national_dnc").await;
    let lists = NumberLists::new(db.clone(), None);
    assert_eq!(at_hand(&db, &lists, TENANT).await.lists()[0].state, ListState::NotLoaded);
    activate(&db, &own, set_of([ALWAYS]), NOW).await;
    // nobody has loaded it: it is under way, not empty
    assert_eq!(
        NumberLists::new(db.clone(), None).at_hand(&mut db.read().await.unwrap(), TENANT).await.unwrap().lists()[0]
            .state,
        ListState::Loading
    );
    lists.prepare(TENANT).await;
    let found = at_hand(&db, &lists, TENANT).await;
    assert!(holds(&found, ALWAYS) && !holds(&found, ALWAYS + 1));
    assert!(at_hand(&db, &lists, 8).await.lists().is_empty(), "another tenant sees nothing of it");
    assert_eq!(lists.held(), (1, 1));
}

#[tokio::test]
async fn the_lists_of_the_installation_hold_for_every_tenant_and_are_in_memory_once() {
    let db = TestDb::start().await.unwrap();
    let national = list(&db, 1, 1, "national_dnc").await;
    activate(&db, &national, set_of([ALWAYS]), NOW).await;
    let lists = NumberLists::new(db.clone(), None);
    for tenant in [7, 8, 9] {
        lists.prepare(tenant).await;
        assert!(holds(&at_hand(&db, &lists, tenant).await.as_ref().clone(), ALWAYS));
    }
    assert_eq!(lists.held(), (1, 1));
}

#[tokio::test]
async fn two_versions_before_are_kept_and_older_ones_leave_with_their_bytes() {
    let db = TestDb::start().await.unwrap();
    let own = list(&db, TENANT, 1, "national_dnc").await;
    let mut blobs = Vec::new();
    for n in 1..=4_u64 {
        blobs.push(activate(&db, &own, set_of([ALWAYS, ALWAYS + n]), NOW).await.blob);
    }
    let mut tx = db.begin().await.unwrap();
    let versions = tx.number_list_versions(own.number).await.unwrap();
    let kept: Vec<(i64, &str)> = versions.iter().map(|v| (v.version, v.state.as_str())).collect();
    assert_eq!(kept, [(4, "active"), (3, "retired"), (2, "retired")]);
    while tx.number_list_garbage_step(4).await.unwrap() {}
    let mut left = Vec::new();
    for blob in &blobs {
        left.push(tx.number_list_chunks(*blob, 0, 10).await.unwrap().len());
    }
    assert_eq!(left, [0, 1, 1, 1]);
    // back by one action
    tx.number_list_activate(own.number, 2, NOW + 100).await.unwrap();
    tx.commit().await.unwrap();
    let lists = NumberLists::new(db.clone(), None);
    lists.prepare(TENANT).await;
    assert_eq!(version_of(&*at_hand(&db, &lists, TENANT).await), Some(2));
    let mut tx = db.begin().await.unwrap();
    tx.number_list_delete(TENANT, own.id).await.unwrap();
    while tx.number_list_garbage_step(4).await.unwrap() {}
    assert!(tx.number_list_chunks(blobs[3], 0, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_set_of_many_chunks_comes_back_through_the_cache_and_without_it() {
    let db = TestDb::start().await.unwrap();
    let own = list(&db, TENANT, 1, "national_dnc").await;
    // every third number: two bytes each, more than two chunks
    let set = set_of((0..1_500_000_u64).map(|i| 12_000_000_000 + i * 37));
    let version = activate(&db, &own, set.clone(), NOW).await;
    assert!(version.bytes > 2 << 20, "{}", version.bytes);
    let cache = tempfile::tempdir().unwrap();
    let folder = cache.path().join("numbers");
    let load = |cache| number_bytes::load(&db, version.blob, &version.sha256, cache);
    assert_eq!(load(None).await.unwrap(), set);
    assert_eq!(load(Some(&folder)).await.unwrap(), set);
    let file = folder.join(&version.sha256);
    assert_eq!(file.metadata().unwrap().len(), u64::try_from(version.bytes).unwrap());
    // a restart reads the file, not the database
    let mut tx = db.begin().await.unwrap();
    tx.number_list_delete(TENANT, own.id).await.unwrap();
    while tx.number_list_garbage_step(1).await.unwrap() {}
    tx.commit().await.unwrap();
    assert_eq!(load(Some(&folder)).await.unwrap(), set);
    assert!(load(None).await.is_err());
    number_bytes::sweep(&folder, &[]).unwrap();
    assert!(!file.exists());
}

#[tokio::test]
async fn a_spoilt_file_of_the_cache_is_fetched_anew() {
    let db = TestDb::start().await.unwrap();
    let own = list(&db, TENANT, 1, "national_dnc").await;
    let version = activate(&db, &own, set_of([ALWAYS]), NOW).await;
    let cache = tempfile::tempdir().unwrap();
    let file = cache.path().join(&version.sha256);
    for spoilt in [&b""[..], b"cxcnums\0nonsense", &[0; 4096]] {
        std::fs::write(&file, spoilt).unwrap();
        let lists = NumberLists::new(db.clone(), Some(cache.path().to_owned()));
        lists.prepare(TENANT).await;
        assert!(holds(&*at_hand(&db, &lists, TENANT).await, ALWAYS));
    }
    assert_eq!(file.metadata().unwrap().len(), u64::try_from(version.bytes).unwrap());
}

#[tokio::test]
async fn where_the_new_version_can_not_be_read_the_last_good_one_stays() {
    let db = TestDb::start().await.unwrap();
    let own = list(&db, TENANT, 1, "national_dnc").await;
    activate(&db, &own, set_of([ALWAYS]), NOW).await;
    let lists = NumberLists::new(db.clone(), None);
    lists.prepare(TENANT).await;
    let broken = activate(&db, &own, set_of([ALWAYS, ALWAYS + 1]), NOW).await;
    let mut tx = db.begin().await.unwrap();
    let wrong = NumberListVersion { sha256: "0".repeat(64), state: "active".into(), ..broken };
    tx.number_list_note(&wrong).await.unwrap();
    tx.commit().await.unwrap();
    assert!(lists.refresh().await.is_err());
    let found = at_hand(&db, &lists, TENANT).await;
    assert_eq!(version_of(&found), Some(1));
    assert!(holds(&found, ALWAYS));
    assert!(lists.refresh().await.is_ok(), "it is not read again and again: that would hold up the others");
    let other = list(&db, TENANT, 2, "customer").await;
    activate(&db, &other, set_of([ALWAYS + 7]), NOW).await;
    lists.refresh().await.unwrap();
    assert!(holds(&*at_hand(&db, &lists, TENANT).await, ALWAYS + 7));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_swap_under_constant_look_ups_never_misses() {
    let db = TestDb::start().await.unwrap();
    let own = list(&db, TENANT, 1, "national_dnc").await;
    // version n holds what all hold, and n blocks of its own
    let version = |n: u64| set_of((0..50_000).map(|i| ALWAYS + i * 3).chain([18_005_550_000 + n]));
    activate(&db, &own, version(1), NOW).await;
    let lists = NumberLists::new(db.clone(), None);
    lists.prepare(TENANT).await;
    let watcher = tokio::spawn({
        let lists = lists.clone();
        async move { lists.watch().await }
    });
    let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let askers: Vec<_> = (0..3)
        .map(|_| {
            let (db, lists, stop, asked) = (db.clone(), lists.clone(), Arc::clone(&stop), Arc::clone(&asked));
            tokio::spawn(async move {
                let mut seen = 0;
                while !stop.load(Ordering::Relaxed) {
                    let found = at_hand(&db, &lists, TENANT).await;
                    let now = version_of(&found).expect("a version is always at hand");
                    assert!(now >= seen, "from version {seen} to {now}");
                    seen = now;
                    for i in 0..200 {
                        assert!(holds(&found, ALWAYS + i * 3), "version {now} misses a number that all versions hold");
                        assert!(!holds(&found, ALWAYS + i * 3 + 1));
                    }
                    assert!(holds(&found, 18_005_550_000 + u64::try_from(now).unwrap()), "half of a version");
                    asked.fetch_add(401, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
                seen
            })
        })
        .collect();
    for n in 2..=6 {
        activate(&db, &own, version(n), NOW).await;
        let noticed = async {
            while version_of(&*at_hand(&db, &lists, TENANT).await) != Some(i64::try_from(n).unwrap()) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(2), noticed)
            .await
            .expect("a new version is noticed within two seconds");
    }
    stop.store(true, Ordering::Relaxed);
    for asker in askers {
        asker.await.unwrap();
    }
    watcher.abort();
    assert!(asked.load(Ordering::Relaxed) > 10_000);
    assert_eq!(lists.held().0, 1, "old versions are gone");
}
