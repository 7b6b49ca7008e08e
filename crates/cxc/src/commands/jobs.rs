//! Jobs of the list builder, run by a command under their lease: another process takes one over if this one dies.
use std::sync::Arc;

use anyhow::Context;
use cxc_list_builder::Folders;
use cxc_list_builder::import::ImportContext;
use cxc_list_builder::jobs::ListJobs;
use cxc_server::job_runner::{LEASE, run_one};
use cxc_server::{App, Principal};
use cxc_store::job::{Job, NewJob};
use cxc_store::location::Locations;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::config::Config;
use crate::failure::Failure;
use crate::services::Shared;

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

/// Runs a job on a list to its end; answers it as it then is. Ctrl-C cancels it.
pub async fn run(
    app: &App,
    jobs: &ListJobs,
    tenant: i64,
    kind: &'static str,
    list: Uuid,
    payload: impl Serialize,
) -> Result<Job, Failure> {
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
    tx.job_insert(&new).await?;
    let job = tx.job_claim_one(new.id, now, LEASE).await?.context("a job of our own can be taken")?;
    tx.commit().await?;
    let watch = tokio::spawn(cancel_on_signal(app.clone(), tenant, job.id));
    let ended = run_one(app, jobs, job, CancellationToken::new()).await;
    watch.abort();
    Ok(ended?)
}

async fn cancel_on_signal(app: App, tenant: i64, job: Uuid) {
    if tokio::signal::ctrl_c().await.is_err() {
        return;
    }
    let cancelled = async {
        let mut tx = app.db.begin().await?;
        tx.job_cancel(tenant, job, app.now()).await?;
        tx.commit().await
    };
    if let Err(error) = cancelled.await {
        tracing::warn!(%error, "the job can't be cancelled");
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
            Some(detail.unwrap_or("the job did not end; a running server takes it up again").to_owned())
        }
    }
}
