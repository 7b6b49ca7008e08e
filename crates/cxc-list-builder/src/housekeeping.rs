//! What the list builder does by the by: garbage leaves the disk, old files go, large lists are counted.
use std::path::Path;
use std::time::Duration;

use cxc_server::App;
use cxc_store::StoreError;
use cxc_store::list_places::keep_list_places;
use tokio_util::sync::CancellationToken;

use crate::Folders;
use crate::upload_store::{LIFE, PIPED, UploadStore};

/// Contacts of a step: some tens of milliseconds of SQLite's only writer.
const STEP: i64 = 1_000;
/// Chunks of lists of numbers of a step: 4 MiB.
const CHUNKS: i64 = 4;
const PAUSE: Duration = Duration::from_millis(100);
/// An upload whose job has ended stays so long, in microseconds: for another try with another mapping, or another list.
const USED_KEPT: i64 = 10 * 60 * 1_000_000;
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const IDLE: Duration = Duration::from_secs(15);
/// Rejects and exports are kept for thirty days, like the jobs that made them.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// A command that is killed leaves its copy of a piped file.
const PIPED_KEPT: Duration = Duration::from_secs(24 * 3600);

/// Collects garbage until told to stop.
pub(crate) async fn collect_garbage(app: App, stop: CancellationToken) -> anyhow::Result<()> {
    while !stop.is_cancelled() {
        let pause = match step(&app).await {
            Ok(true) => PAUSE,
            Ok(false) => IDLE,
            Err(error) => {
                tracing::warn!(%error, "garbage could not be collected");
                IDLE
            }
        };
        rest(&stop, pause).await;
    }
    Ok(())
}

async fn step(app: &App) -> Result<bool, StoreError> {
    let now = app.now();
    let mut tx = app.db.begin_relaxed().await?;
    let more = tx.garbage_step(now, STEP).await?
        || tx.contact_before_forget(now, STEP).await?
        || tx.suppression_garbage_step(now, STEP).await?
        || tx.number_list_garbage_step(CHUNKS).await?;
    tx.commit().await?;
    Ok(more)
}

/// Counts where the people of large lists are, one list at a time, until told to stop: a group that starts asks for it.
pub(crate) async fn count_places(app: App, stop: CancellationToken) -> anyhow::Result<()> {
    while !stop.is_cancelled() {
        if let Err(error) = count_one(&app).await {
            tracing::warn!(%error, "a list could not be counted");
        }
        rest(&stop, IDLE).await;
    }
    Ok(())
}

async fn count_one(app: &App) -> Result<(), StoreError> {
    let due = app.db.read().await?.list_places_due().await?;
    match due {
        Some(list) => keep_list_places(&app.db, &list).await,
        None => Ok(()),
    }
}

/// Removes old files until told to stop.
pub(crate) async fn sweep_files(app: App, folders: Folders, stop: CancellationToken) -> anyhow::Result<()> {
    let uploads = UploadStore::new(folders.uploads.clone());
    while !stop.is_cancelled() {
        let mut done = uploads.sweep(app.now() - LIFE).await;
        for folder in [&folders.rejects, &folders.exports] {
            done = done.and(remove_old(folder, "", KEPT).await);
        }
        done = done.and(remove_old(&folders.uploads, PIPED, PIPED_KEPT).await);
        if let Err(error) = done {
            tracing::warn!(%error, "old files could not be removed");
        }
        rest(&stop, HOUR).await;
    }
    Ok(())
}

/// Removes uploads whose imports have ended until told to stop: the contents are in the list, and people are in them.
pub(crate) async fn sweep_used(app: App, uploads: UploadStore, stop: CancellationToken) -> anyhow::Result<()> {
    while !stop.is_cancelled() {
        if let Err(error) = remove_used(&app, &uploads).await {
            tracing::warn!(%error, "used uploads could not be removed");
        }
        rest(&stop, MINUTE).await;
    }
    Ok(())
}

async fn remove_used(app: &App, uploads: &UploadStore) -> anyhow::Result<()> {
    for known in uploads.all().await? {
        let used = app.db.read().await?.job_of_upload(known.tenant, known.id).await?;
        if used.is_some_and(|(is_open, ended)| !is_open && ended + USED_KEPT <= app.now()) {
            uploads.remove(known.id).await?;
        }
    }
    Ok(())
}

async fn remove_old(folder: &Path, prefix: &str, kept: Duration) -> std::io::Result<()> {
    let mut entries = match tokio::fs::read_dir(folder).await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    while let Some(entry) = entries.next_entry().await? {
        let age = entry.metadata().await?.modified()?.elapsed();
        let is_meant = entry.file_type().await?.is_file() && entry.file_name().to_string_lossy().starts_with(prefix);
        if is_meant && age.is_ok_and(|age: Duration| age > kept) {
            tokio::fs::remove_file(entry.path()).await?;
        }
    }
    Ok(())
}

/// Forgets those who left their lists and of whom no attempt tells any more, until told to stop.
pub(crate) async fn forget_left(app: App, stop: CancellationToken) -> anyhow::Result<()> {
    let mut place = (0, 0);
    while !stop.is_cancelled() {
        let step = async {
            let mut tx = app.db.begin_relaxed().await?;
            let next = tx.contacts_left_forget(place, STEP).await?;
            tx.commit().await?;
            Ok::<_, StoreError>(next)
        };
        let pause = match step.await {
            Ok(Some(next)) => {
                place = next;
                PAUSE
            }
            Ok(None) => {
                place = (0, 0);
                HOUR
            }
            Err(error) => {
                tracing::warn!(%error, "who left a list could not be looked through");
                HOUR
            }
        };
        rest(&stop, pause).await;
    }
    Ok(())
}

async fn rest(stop: &CancellationToken, pause: Duration) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(pause) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::LIST_IMPORT;
    use crate::upload_store::Known;
    use cxc_core::hash::HashKey;
    use cxc_server::ServerConfig;
    use cxc_server::rule_data::RuleData;
    use cxc_store::job::NewJob;
    use cxc_test::{TestClock, TestDb};
    use std::sync::Arc;

    #[tokio::test]
    async fn an_upload_goes_ten_minutes_after_its_last_import_has_ended() {
        let (db, clock, folder) = (TestDb::start().await.unwrap(), TestClock::default(), tempfile::tempdir().unwrap());
        let config = ServerConfig::default();
        let app = App::new(db.db().clone(), Arc::new(clock.clone()), HashKey([3; 16]), config, RuleData::default());
        let uploads = UploadStore::new(folder.path().to_owned());
        let mut known = Vec::new();
        for name in ["used", "in use", "new"] {
            let (id, created_at) = (app.ids.next(), app.now());
            let one = Known { id, tenant: 1, file_name: name.into(), size: None, sha256: None, created_at };
            uploads.create(&one).await.unwrap();
            known.push(one);
        }
        let mut tx = app.db.begin().await.unwrap();
        for (upload, ends) in [(0, true), (1, true), (1, false)] {
            let new = NewJob {
                id: app.ids.next(),
                tenant: 1,
                kind: LIST_IMPORT,
                subject: None,
                payload: serde_json::json!({ "source": { "upload": known[upload].id } }),
                run_at: app.now(),
                created_by: "test".into(),
                created_at: app.now(),
            };
            tx.job_insert(&new).await.unwrap();
            let job = tx.job_claim_one(new.id, app.now(), 1).await.unwrap().unwrap();
            if ends {
                tx.job_finish(&job, "succeeded", None, None, app.now()).await.unwrap();
            }
        }
        tx.commit().await.unwrap();
        let left = async || uploads.all().await.unwrap().len();
        remove_used(&app, &uploads).await.unwrap();
        assert_eq!(left().await, 3, "somebody may want it once more");
        clock.advance(Duration::from_secs(601));
        remove_used(&app, &uploads).await.unwrap();
        let names: Vec<String> = uploads.all().await.unwrap().into_iter().map(|k| k.file_name).collect();
        assert!(names.len() == 2 && !names.contains(&"used".to_owned()), "{names:?}");
    }
}
