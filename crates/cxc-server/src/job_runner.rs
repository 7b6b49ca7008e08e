//! Runs queued jobs under their leases: claim, work with progress and cancel, finish. A job whose runner
//! vanishes is claimed again by another, so a handler must be safe to run twice.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use cxc_store::StoreError;
use cxc_store::job::Job;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::App;
use crate::error::ApiError;

/// How long a job's lease lives, in microseconds.
pub const LEASE: i64 = 20_000_000;
const BEAT: Duration = Duration::from_millis(250);
/// Without progress the lease is renewed after so many beats.
const QUIET_BEATS: u32 = 16;
const LOOK: Duration = Duration::from_millis(250);
const MINUTE: i64 = 60_000_000;

/// Why a job ended without a result.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// What was asked for can't be done; shown to the person who asked.
    #[error("{0}")]
    Refused(#[from] ApiError),
    /// Somebody cancelled it.
    #[error("cancelled")]
    Cancelled,
    /// The process stops; the job goes on elsewhere.
    #[error("the process stops")]
    Stopping,
    /// The store failed, or another runner has taken the job.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something of ours failed; the cause goes to the log.
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

/// What does the work of some kinds of jobs.
#[async_trait]
pub trait JobHandler: Send + Sync + 'static {
    /// The kinds that it does.
    fn kinds(&self) -> &'static [&'static str];

    /// Does a job. On cancel it cleans up and answers [`JobError::Cancelled`].
    async fn run(&self, job: &Job, control: &JobControl) -> Result<Value, JobError>;

    /// Told when a job has ended, after its state is stored: for metrics.
    fn ended(&self, job: &Job, state: &'static str, elapsed: Duration) {
        let _ = (job, state, elapsed);
    }
}

/// What a running job reports to and hears from. Cheap to call as often as one likes.
#[derive(Clone)]
pub struct JobControl(Arc<Shared>);

struct Shared {
    job: Job,
    done: AtomicI64,
    total: AtomicI64,
    cancelled: AtomicBool,
    lost: AtomicBool,
    stop: CancellationToken,
}

impl JobControl {
    /// Control of a claimed job.
    pub fn new(job: Job, stop: CancellationToken) -> Self {
        let (done, total) = (AtomicI64::new(job.done), AtomicI64::new(job.total));
        Self(Arc::new(Shared { job, done, total, cancelled: AtomicBool::new(false), lost: AtomicBool::new(false), stop }))
    }

    /// The job.
    pub fn job(&self) -> &Job {
        &self.0.job
    }

    /// How far the work is.
    pub fn progress(&self, done: i64, total: i64) {
        self.0.done.store(done, Ordering::Relaxed);
        self.0.total.store(total, Ordering::Relaxed);
    }

    /// How far the work is, as last reported.
    pub fn reported(&self) -> (i64, i64) {
        (self.0.done.load(Ordering::Relaxed), self.0.total.load(Ordering::Relaxed))
    }

    /// Asks the work to stop as if the job had been cancelled.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
    }

    /// Fails when the work is to stop: cancelled, taken by another runner, or the process ends.
    pub fn check(&self) -> Result<(), JobError> {
        if self.0.lost.load(Ordering::Relaxed) {
            return Err(StoreError::LeaseLost(format!("job {}", self.0.job.id)).into());
        }
        if self.0.cancelled.load(Ordering::Relaxed) {
            return Err(JobError::Cancelled);
        }
        if self.0.stop.is_cancelled() { Err(JobError::Stopping) } else { Ok(()) }
    }

    /// Renews the lease and writes the progress until the work ends.
    async fn beat(&self, app: &App) {
        let (mut written, mut quiet) = (self.reported(), 0);
        loop {
            tokio::time::sleep(BEAT).await;
            let now = self.reported();
            if now == written && quiet < QUIET_BEATS {
                quiet += 1;
                continue;
            }
            match self.write(app, now).await {
                Ok(cancel) => {
                    (written, quiet) = (now, 0);
                    self.0.cancelled.fetch_or(cancel, Ordering::Relaxed);
                }
                Err(StoreError::LeaseLost(_)) => return self.0.lost.store(true, Ordering::Relaxed),
                // the next beat tries again; a lease that runs out meanwhile is found lost then
                Err(error) => tracing::warn!(job = %self.0.job.id, %error, "a job's progress could not be written"),
            }
        }
    }

    async fn write(&self, app: &App, (done, total): (i64, i64)) -> Result<bool, StoreError> {
        let mut tx = app.db.begin_relaxed().await?;
        let cancel = tx.job_progress(&self.0.job, done, total, app.now(), LEASE).await?;
        tx.commit().await?;
        Ok(cancel)
    }
}

/// Runs jobs of a handler, at most `at_once` at a time, until it is told to stop.
pub async fn run_jobs(app: App, handler: Arc<dyn JobHandler>, at_once: usize, stop: CancellationToken) {
    let mut running = JoinSet::new();
    while !stop.is_cancelled() {
        let mut claimed = false;
        if running.len() < at_once {
            match claim(&app, handler.kinds()).await {
                Ok(Some(job)) => {
                    claimed = true;
                    let (app, handler, stop) = (app.clone(), Arc::clone(&handler), stop.clone());
                    running.spawn(async move { run_one(&app, handler.as_ref(), job, stop).await.map(drop) });
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "jobs can't be claimed"),
            }
        }
        if !claimed {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(LOOK) => {}
                Some(ended) = running.join_next() => note(ended),
            }
        }
    }
    while let Some(ended) = running.join_next().await {
        note(ended);
    }
}

fn note(ended: Result<Result<(), StoreError>, tokio::task::JoinError>) {
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "a job's end could not be written; it runs again"),
        Err(error) => tracing::error!(%error, "a job's handler failed; it runs again"),
    }
}

async fn claim(app: &App, kinds: &[&'static str]) -> Result<Option<Job>, StoreError> {
    // looking first spares the writer of the embedded store
    let mut tx = app.db.read().await?;
    if !tx.job_is_due(kinds, app.now()).await? {
        return Ok(None);
    }
    drop(tx);
    let mut tx = app.db.begin().await?;
    let job = tx.job_claim(kinds, app.now(), LEASE).await?;
    tx.commit().await?;
    Ok(job)
}

/// Runs one job of any kind that a handler does, whatever its turn: for a command that runs its own job.
pub async fn run_by_id(app: &App, handler: &dyn JobHandler, id: Uuid, stop: CancellationToken) -> Result<Option<Job>, StoreError> {
    let mut tx = app.db.begin().await?;
    let job = tx.job_claim_one(id, app.now(), LEASE).await?;
    tx.commit().await?;
    match job {
        Some(job) => run_one(app, handler, job, stop).await.map(Some),
        None => Ok(None),
    }
}

/// Runs a claimed job and stores how it ended; answers the job as it then is.
pub async fn run_one(app: &App, handler: &dyn JobHandler, job: Job, stop: CancellationToken) -> Result<Job, StoreError> {
    let control = JobControl::new(job.clone(), stop);
    let started = tokio::time::Instant::now();
    let done = tokio::select! {
        done = handler.run(&job, &control) => done,
        () = async { control.beat(app).await; std::future::pending().await } => return Ok(job),
    };
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let (last, total) = control.reported();
    tx.job_progress(&job, last, total, now, LEASE).await?;
    let state = match done {
        Ok(result) => {
            tx.job_finish(&job, "succeeded", Some(&result), None, now).await?;
            "succeeded"
        }
        Err(JobError::Cancelled) => {
            tx.job_finish(&job, "cancelled", None, None, now).await?;
            "cancelled"
        }
        Err(JobError::Stopping) => {
            tx.job_requeue(&job, now).await?;
            "queued"
        }
        Err(JobError::Store(error)) if error.is_unavailable() => {
            tx.job_requeue(&job, now + MINUTE / 12).await?;
            "queued"
        }
        Err(JobError::Store(StoreError::LeaseLost(what))) => return Err(StoreError::LeaseLost(what)),
        Err(error) => {
            let problem = explain(&job, error);
            tx.job_finish(&job, "failed", None, Some(&problem), now).await?;
            "failed"
        }
    };
    let ended = tx.job_get(job.tenant, job.id).await?;
    tx.commit().await?;
    handler.ended(&job, state, started.elapsed());
    Ok(ended.unwrap_or(job))
}

/// The error as the job shows it: a refusal in full, a failure of ours without its cause.
fn explain(job: &Job, error: JobError) -> Value {
    match error {
        JobError::Refused(error) => error.to_problem(),
        other => {
            tracing::error!(job = %job.id, kind = job.kind, error = %format!("{other:#}"), "a job failed");
            json!({ "status": 500, "code": "internal", "title": "Internal error", "detail": "The job failed; the log of the server says why." })
        }
    }
}
