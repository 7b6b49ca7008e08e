//! Bad files, cancels and crashes: nothing of them is seen.
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cxc_list_builder::import::{ImportMode, ImportSettings, Progress};
use cxc_list_builder::jobs::{ImportPayload, LIST_EXPORT, LIST_IMPORT, Source};
use cxc_server::job_runner::{JobControl, run_by_id, run_one};
use cxc_store::import_undo::Undo;
use cxc_store::job::NewJob;
use tokio_util::sync::CancellationToken;

use crate::support::{World, settings};

const ONE: &str = "clientid,first,device1\n1,Ann,2125550101\n";

fn noise() -> Vec<u8> {
    (0..4096_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn many(lines: usize) -> String {
    let mut file = String::from("clientid,first,device1\n");
    for n in 0..lines {
        file.push_str(&format!("m{n},Name{n},212{:03}{:04}\n", 200 + n / 10_000, n % 10_000));
    }
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_is_refused_and_changes_nothing() {
    let world = World::start().await;
    world.import(ONE, settings(ImportMode::Append)).await;
    let nothing_good = "clientid,first,device1\n1,,2125550101\n2,,12\n";
    for mode in [ImportMode::Append, ImportMode::Replace, ImportMode::Update] {
        let forced = ImportSettings { encoding: Some("UTF-16LE".into()), ..settings(mode) };
        assert_eq!(world.refused("", settings(mode)).await.0, "file_empty");
        assert_eq!(world.refused(noise(), settings(mode)).await.0, "file_binary");
        assert_eq!(world.refused("a,b\nx,y\n", settings(mode)).await.0, "no_device_column");
        assert_eq!(world.refused(ONE, forced).await.0, "wrong_encoding");
    }
    let (code, text) = world.refused(nothing_good, settings(ImportMode::Append)).await;
    assert_eq!(code, "nothing_taken", "{text}");
    assert!(text.contains("the rejects file says why"), "{text}");
    let row = world.row().await;
    assert_eq!((row.contacts, row.changes), (1, 1));
    let mut tx = world.app.db.read().await.unwrap();
    let imports = tx.import_page(1, "contacts", row.number, i64::MAX, 50).await.unwrap();
    assert_eq!(imports.len(), 14);
    let last = &imports[0];
    assert_eq!(
        (last.state.as_str(), last.counts.lines, last.counts.rejected, last.counts.duplicate),
        ("failed", 2, 1, 1)
    );
    assert!(last.detail.0["rejectsFile"].is_string());
    assert!(matches!(tx.import_undoable(&row, world.app.now()).await.unwrap(), Undo::Possible(_)), "the good one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_data_says_that_it_has_none() {
    let world = World::start().await;
    for file in ["clientid,first,device1\n", "clientid,first,device1\n\n\n"] {
        let (code, text) = world.refused(file, settings(ImportMode::Append)).await;
        assert_eq!(code, "nothing_taken");
        assert!(text.contains("a header and no line of data"), "{text}");
    }
    let rule = r#"{"conditionSets":[[{"field":"c_first_name","type":"string","operator":"equal","value":"Zoe"}]]}"#;
    let rule = Some(serde_json::from_str(rule).unwrap());
    let (_, text) = world.refused(ONE, ImportSettings { rule, ..settings(ImportMode::Append) }).await;
    assert!(text.contains("the selection rule takes no line"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_progress_of_an_import_ends_at_the_end_of_its_file() {
    let mut world = World::start().await;
    let last = Arc::new(std::sync::Mutex::new(Progress::default()));
    let told = Arc::clone(&last);
    world.watch(move |progress| *told.lock().unwrap() = progress);
    // as many contacts as fill their units on either engine: the last unit is empty
    let file = many(10_000);
    let job = world.job(&file, settings(ImportMode::Append)).await;
    assert_eq!(job.state, "succeeded", "{:?}", job.error);
    let size = file.len() as u64;
    assert_eq!(*last.lock().unwrap(), Progress { bytes: size, total_bytes: size, lines: 10_000 });
    assert_eq!((job.done, job.total), (size as i64, size as i64));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_import_leaves_nothing_behind() {
    for mode in [ImportMode::Append, ImportMode::Update, ImportMode::Replace] {
        let mut world = World::start().await;
        world.import(&many(50), settings(ImportMode::Append)).await;
        let before = world.contacts().await;
        let path = world.write("many.csv", many(30_000).replace("Name", "Changed"));
        let payload = ImportPayload { source: Source::Path(path), settings: settings(mode) };
        let id = world.queue(LIST_IMPORT, serde_json::to_value(payload).unwrap()).await;
        let seen = Arc::new(AtomicU64::new(0));
        let control: Arc<std::sync::Mutex<Option<JobControl>>> = Arc::default();
        let (told, cancel) = (Arc::clone(&seen), Arc::clone(&control));
        world.watch(move |progress| {
            told.store(progress.bytes, Ordering::SeqCst);
            if let Some(control) = cancel.lock().unwrap().as_ref() {
                control.cancel();
            }
        });
        let mut tx = world.app.db.begin().await.unwrap();
        let job = tx.job_claim_one(id, world.app.now(), 20_000_000).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        let handle = JobControl::new(job.clone(), CancellationToken::new());
        *control.lock().unwrap() = Some(handle.clone());
        use cxc_server::job_runner::JobHandler;
        let error = world.jobs.run(&job, &handle).await.unwrap_err();
        assert_eq!(error.to_string(), "cancelled", "{mode:?}");
        assert!(seen.load(Ordering::SeqCst) > 0, "some of it was written");
        assert_eq!(world.contacts().await, before, "{mode:?}");
        let row = world.row().await;
        let mut tx = world.app.db.begin().await.unwrap();
        let last = tx.import_page(1, "contacts", row.number, i64::MAX, 1).await.unwrap().remove(0);
        assert_eq!(last.state, "cancelled");
        while tx.garbage_step(world.app.now(), 5_000).await.unwrap() {}
        let left =
            tx.contact_page(&cxc_store::list::ContactList { visible_to: i64::MAX, ..row }, 0, 1_000).await.unwrap();
        assert_eq!(left.len(), 50, "nothing invisible is left either");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_runner_vanished_starts_again_from_the_file() {
    let mut world = World::start().await;
    world.import(&many(50), settings(ImportMode::Append)).await;
    let path = world.write("many.csv", many(30_000));
    let payload = ImportPayload { source: Source::Path(path), settings: settings(ImportMode::Update) };
    let id = world.queue(LIST_IMPORT, serde_json::to_value(payload).unwrap()).await;
    let (begun_in, begun) = tokio::sync::watch::channel(false);
    world.watch(move |_| {
        begun_in.send_replace(true);
    });
    let mut tx = world.app.db.begin().await.unwrap();
    let job = tx.job_claim_one(id, world.app.now(), 20_000_000).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    // dropping the run in the middle is what a crash leaves in the database
    {
        let mut begun = begun.clone();
        let run = run_one(&world.app, &world.jobs, job.clone(), world.stop.clone());
        tokio::select! {
            ended = run => panic!("it ended too soon: {ended:?}"),
            seen = begun.wait_for(|begun| *begun) => drop(seen.unwrap()),
        }
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.start_again().await;
    assert!(
        world
            .app
            .db
            .read()
            .await
            .unwrap()
            .import_unsettled("contacts", world.row().await.number)
            .await
            .unwrap()
            .is_some()
    );
    // both leases run out: the job's by the clock of the test, the list's by that of the database
    world.clock.advance(Duration::from_secs(60));
    let mut tx = world.app.db.begin().await.unwrap();
    cxc_store::on!(&mut tx, conn => sqlx::query("UPDATE lease SET expires_at = 0").execute(conn).await.unwrap().rows_affected());
    tx.commit().await.unwrap();
    let done = run_by_id(&world.app, &world.jobs, id, world.stop.clone()).await.unwrap().unwrap();
    assert_eq!(done.state, "succeeded", "{:?}", done.error);
    let result = done.result.unwrap().0;
    assert_eq!((result["updated"].as_i64(), result["imported"].as_i64()), (Some(50), Some(29_950)));
    assert_eq!(world.row().await.contacts, 30_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_import_of_a_list_runs_at_a_time() {
    let world = World::start().await;
    let number = world.row().await.number;
    let mut tx = world.app.db.begin().await.unwrap();
    tx.list_lease("contacts", number, "somebody else").await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let job = world.job(ONE, settings(ImportMode::Append)).await;
    assert_eq!(job.error.unwrap().0["code"], "list_importing");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_of_a_command_that_was_killed_is_taken_back_and_not_run_over_later_data() {
    let mut world = World::start().await;
    world.import(&many(50), settings(ImportMode::Append)).await;
    let before = world.contacts().await;
    let path = world.write("many.csv", many(30_000).replace("Name", "Other"));
    let payload = ImportPayload { source: Source::Path(path), settings: settings(ImportMode::Update) };
    let (begun_in, begun) = tokio::sync::watch::channel(false);
    world.watch(move |_| {
        begun_in.send_replace(true);
    });
    let now = world.app.now();
    let new = NewJob {
        id: world.app.ids.next(),
        tenant: 1,
        kind: LIST_IMPORT,
        subject: Some(world.list),
        payload: serde_json::to_value(payload).unwrap(),
        run_at: now,
        created_by: "test".into(),
        created_at: now,
    };
    let mut tx = world.app.db.begin().await.unwrap();
    let job = tx.job_begin_own(&new, now, 20_000_000).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    {
        let mut begun = begun.clone();
        tokio::select! {
            ended = run_one(&world.app, &world.jobs, job.clone(), world.stop.clone()) => panic!("too soon: {ended:?}"),
            seen = begun.wait_for(|begun| *begun) => drop(seen.unwrap()),
        }
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.start_again().await;
    // another import right then says how long the dead one's lease lasts, and an export that half of it is changed
    let refused = world.job(ONE, settings(ImportMode::Append)).await.error.unwrap().0;
    assert_eq!(refused["code"], "list_importing");
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("if it was interrupted, in ") && detail.ends_with(" seconds"), "{detail}");
    let id = world.queue(LIST_EXPORT, serde_json::json!({ "rule": null })).await;
    let export = run_by_id(&world.app, &world.jobs, id, world.stop.clone()).await.unwrap().unwrap();
    assert_eq!(export.error.unwrap().0["code"], "list_importing");
    world.clock.advance(Duration::from_secs(60));
    let mut tx = world.app.db.begin().await.unwrap();
    cxc_store::on!(&mut tx, conn => sqlx::query("UPDATE lease SET expires_at = 0").execute(conn).await.unwrap().rows_affected());
    let lost = tx.job_claim(&[LIST_IMPORT], world.app.now(), 20_000_000).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    assert_eq!((lost.id, lost.cancel), (job.id, true));
    let ended = run_one(&world.app, &world.jobs, lost, world.stop.clone()).await.unwrap();
    assert_eq!(ended.state, "cancelled", "{:?}", ended.error);
    assert_eq!(world.contacts().await, before);
    let row = world.row().await;
    let last = world.app.db.read().await.unwrap().import_page(1, "contacts", row.number, i64::MAX, 1).await.unwrap();
    assert_eq!(last[0].state, "cancelled");
}
