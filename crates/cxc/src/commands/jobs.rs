//! Jobs of the list builder, run by a command under their lease. If the command dies, its job is taken back by a server or the
//! next command, and never run again: what it would read and where it would write may be another by then.
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use cxc_list_builder::Folders;
use cxc_list_builder::import::ImportContext;
use cxc_list_builder::jobs::ListJobs;
use cxc_server::job_runner::{JobHandler, LEASE, run_by_id, run_one};
use cxc_server::{App, Principal};
use cxc_store::StoreError;
use cxc_store::job::{Job, NewJob};
use cxc_store::location::Locations;
use serde::Serialize;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::config::Config;
use crate::failure::Failure;
use crate::services::Shared;
use crate::terminal;
use crate::up::signals;

/// What does the list builder's jobs in this process, with the compliance data that the servers use.
pub async fn list_jobs(config: &Config, app: &App) -> anyhow::Result<ListJobs> {
    let shared = Shared::new(config)?;
    shared.live.take_over(&app.db).await?;
    let checkers = shared.checkers(app);
    let folders = Folders::below(&config.data_dir);
    let context =
        ImportContext { app: app.clone(), checkers, locations: Arc::new(Locations::new()), rejects: folders.rejects };
    Ok(ListJobs { exports: folders.exports, ..ListJobs::new(context, folders.uploads) })
}

/// What listens for signals, for the last job that this process began.
static WATCH: Mutex<Option<AbortHandle>> = Mutex::new(None);

/// Runs a job on a list to its end; answers it as it then is. Ctrl-C, SIGTERM and SIGHUP cancel it. What an interrupted command of
/// before left is taken back first.
pub async fn run(
    app: &App,
    jobs: &ListJobs,
    tenant: i64,
    kind: &'static str,
    list: Uuid,
    payload: impl Serialize,
) -> Result<Job, Failure> {
    take_back(app, jobs, tenant).await?;
    let now = app.now();
    let new = NewJob {
        id: app.ids.next(),
        tenant,
        kind,
        subject: Some(list),
        payload: serde_json::to_value(payload)?,
        run_at: now,
        created_by: Principal::system(tenant).name,
        created_at: now,
    };
    // queued and taken in one step: no running server takes it first
    let mut tx = app.db.begin().await?;
    let job = tx.job_begin_own(&new, now, LEASE).await?.context("a job of our own can be taken")?;
    tx.commit().await?;
    // it stays after the job: what is heard once is not left to the system any more
    let watch = tokio::spawn(cancel_on_signal(app.clone(), tenant, job.id)).abort_handle();
    let before = WATCH.lock().unwrap_or_else(PoisonError::into_inner).replace(watch);
    if let Some(before) = before {
        before.abort();
    }
    Ok(to_its_end(app, jobs, job).await?)
}

/// Runs a job again where the store was away for a moment, or two transactions met: it is nobody else's.
async fn to_its_end(app: &App, jobs: &ListJobs, job: Job) -> Result<Job, StoreError> {
    let mut job = run_one(app, jobs, job, CancellationToken::new()).await?;
    while job.state == "queued" {
        let wait = u64::try_from(job.run_at - app.now()).unwrap_or(0);
        tokio::time::sleep(Duration::from_micros(wait)).await;
        match run_by_id(app, jobs, job.id, CancellationToken::new()).await? {
            Some(ended) => job = ended,
            None => break,
        }
    }
    Ok(job)
}

/// Takes back what commands began whose process is gone, and says so.
async fn take_back(app: &App, jobs: &ListJobs, tenant: i64) -> Result<(), Failure> {
    loop {
        let mut tx = app.db.begin().await?;
        let lost = tx.job_claim_lost(tenant, jobs.kinds(), app.now(), LEASE).await?;
        tx.commit().await?;
        let Some(job) = lost else { return Ok(()) };
        let ended = run_one(app, jobs, job, CancellationToken::new()).await?;
        if ended.state == "queued" {
            return Ok(());
        }
        if ended.state == "cancelled" && ended.kind.ends_with("_import") {
            let list = match ended.subject {
                Some(id) => app.db.read().await?.object_name(tenant, id).await?,
                None => None,
            };
            let into = list.map(|name| format!(" into {name}")).unwrap_or_default();
            let file = ended.payload.0["settings"]["fileName"].as_str().unwrap_or("a file");
            terminal::note(&format!("the import of {file}{into} was interrupted: nothing of it stays in the list"));
        }
    }
}

/// Cancels a job at a signal; once it has ended the signal ends the command as it would any other.
async fn cancel_on_signal(app: App, tenant: i64, job: Uuid) {
    let cancel = async {
        let cancelled = async {
            let mut tx = app.db.begin().await?;
            let runs = tx.job_cancel(tenant, job, app.now()).await?;
            tx.commit().await?;
            Ok::<_, StoreError>(runs)
        };
        cancelled.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the job can't be cancelled");
            false
        })
    };
    if let Err(error) = signals::at_a_command(cancel).await {
        tracing::warn!(%error, "signals can't be heard: an interrupted job is taken back by the next command");
    }
}

/// Why a job did not succeed; `None` if it did.
pub fn refusal(job: &Job) -> Option<String> {
    match job.state.as_str() {
        "succeeded" => None,
        "cancelled" => Some("cancelled; nothing of it stays in the list".to_owned()),
        _ => {
            let problem = job.error.as_ref().map(|e| &e.0);
            let first = problem.and_then(|p| p["errors"][0]["detail"].as_str());
            let detail = first.or_else(|| problem.and_then(|p| p["detail"].as_str()));
            Some(detail.unwrap_or("the job did not end; what it began is taken back").to_owned())
        }
    }
}
