//! Runs queued jobs under their leases: claim, work with progress and cancel, finish. A job whose runner
//! vanishes is claimed again by another, so a handler must be safe to run twice.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use cxc_core::Micros;
use cxc_store::job::{Job, MAX_TRIES};
use cxc_store::{StoreError, Tx};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::App;
use crate::error::ApiError;

#[cfg(test)]
mod tests;

/// How long a job's lease lives, in microseconds.
pub const LEASE: i64 = 20_000_000;
const BEAT: Duration = Duration::from_millis(250);
/// Without progress the lease is renewed after so many beats.
const QUIET_BEATS: u32 = 16;
/// Without progress a cancel is looked for after so many beats.
const LOOK_BEATS: u32 = 4;
const LOOK: Duration = Duration::from_millis(250);
/// A job that found the database gone is tried again after so long, in microseconds.
const UNAVAILABLE_WAIT: i64 = 5_000_000;
const SWEEP: Duration = Duration::from_secs(60);
/// Jobs that ended are kept for so long, in microseconds: 30 days.
const KEPT: i64 = 30 * 86_400 * 1_000_000;

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
        // the runner before may have vanished after it was asked to stop
        let cancelled = AtomicBool::new(job.cancel);
        Self(Arc::new(Shared { job, done, total, cancelled, lost: AtomicBool::new(false), stop }))
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

    /// Like [`JobControl::check`] inside a transaction of the work, and sure: the transaction only commits if the
    /// job is still this runner's and nobody cancelled it. Call it late in the transaction, the row stays locked.
    pub async fn hold(&self, tx: &mut Tx, now: Micros) -> Result<(), JobError> {
        let (done, total) = self.reported();
        match tx.job_progress(&self.0.job, done, total, now, LEASE).await {
            Ok(cancel) => drop(self.0.cancelled.fetch_or(cancel, Ordering::Relaxed)),
            Err(StoreError::LeaseLost(_)) => self.0.lost.store(true, Ordering::Relaxed),
            Err(error) => return Err(error.into()),
        }
        self.check()
    }

    /// Renews the lease and writes the progress until the work ends.
    async fn beat(&self, app: &App) {
        let (mut written, mut quiet) = (self.reported(), 0);
        loop {
            tokio::time::sleep(BEAT).await;
            let now = self.reported();
            let done = if now != written || quiet >= QUIET_BEATS {
                (written, quiet) = (now, 0);
                self.write(app, now).await
            } else {
                quiet += 1;
                if quiet % LOOK_BEATS == 0 { self.look(app).await } else { continue }
            };
            match done {
                Ok(cancel) => drop(self.0.cancelled.fetch_or(cancel, Ordering::Relaxed)),
                Err(StoreError::LeaseLost(_)) => return self.0.lost.store(true, Ordering::Relaxed),
                // the next beat tries again; a lease that runs out meanwhile is found lost then
                Err(error) => tracing::warn!(job = %self.0.job.id, %error, "a job's progress could not be written"),
            }
        }
    }

    /// Whether a cancel was asked for; writes nothing.
    async fn look(&self, app: &App) -> Result<bool, StoreError> {
        let job = &self.0.job;
        let now = app.db.read().await?.job_get(job.tenant, job.id).await?;
        let own = now.filter(|now| now.lease_token == job.lease_token && now.state == "running");
        own.map(|now| now.cancel).ok_or_else(|| StoreError::LeaseLost(format!("job {}", job.id)))
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
    let mut sweep_at = tokio::time::Instant::now();
    while !stop.is_cancelled() {
        if sweep_at.elapsed() > Duration::ZERO {
            sweep_at = tokio::time::Instant::now() + SWEEP;
            if let Err(error) = sweep(&app).await {
                tracing::warn!(%error, "old jobs can't be swept");
            }
        }
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

/// Gives up jobs whose runner vanished again and again, and forgets those that ended long ago.
async fn sweep(app: &App) -> Result<(), StoreError> {
    let now = app.now();
    let mut tx = app.db.begin_relaxed().await?;
    tx.job_sweep(now, now - KEPT).await?;
    tx.commit().await
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
pub async fn run_by_id(
    app: &App,
    handler: &dyn JobHandler,
    id: Uuid,
    stop: CancellationToken,
) -> Result<Option<Job>, StoreError> {
    let mut tx = app.db.begin().await?;
    let job = tx.job_claim_one(id, app.now(), LEASE).await?;
    tx.commit().await?;
    match job {
        Some(job) => run_one(app, handler, job, stop).await.map(Some),
        None => Ok(None),
    }
}

/// Runs a claimed job and stores how it ended; answers the job as it then is.
pub async fn run_one(
    app: &App,
    handler: &dyn JobHandler,
    job: Job,
    stop: CancellationToken,
) -> Result<Job, StoreError> {
    if job.own && job.tries > 1 && job.cancel {
        tracing::warn!(job = %job.id, tenant = job.tenant, kind = job.kind, "a command was interrupted: what it began is taken back");
    }
    let control = JobControl::new(job.clone(), stop);
    let started = tokio::time::Instant::now();
    let done = tokio::select! {
        done = handler.run(&job, &control) => done,
        () = async { control.beat(app).await; std::future::pending().await } => return Ok(job),
    };
    let end = End::of(&job, done)?;
    loop {
        match end.write(app, &job, &control).await {
            Ok(ended) => {
                if let End::Finish { state, .. } = end {
                    let seconds = started.elapsed().as_secs_f64();
                    tracing::info!(job = %job.id, tenant = job.tenant, kind = job.kind, state, seconds, "a job ended");
                    handler.ended(&job, state, started.elapsed());
                }
                return Ok(ended.unwrap_or(job));
            }
            // the work is done: only its end is to be told
            Err(error) if error.is_unavailable() && !control.0.stop.is_cancelled() => {
                tracing::warn!(job = %job.id, %error, "a job's end can't be written yet");
                tokio::time::sleep(4 * BEAT).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// How a run of a job ends.
enum End {
    Finish {
        state: &'static str,
        result: Option<Value>,
        error: Option<Value>,
    },
    /// It runs again after so many microseconds.
    Again(Micros),
}

impl End {
    fn of(job: &Job, done: Result<Value, JobError>) -> Result<Self, StoreError> {
        let finish = |state, result, error| Self::Finish { state, result, error };
        Ok(match done {
            Ok(result) => finish("succeeded", Some(result), None),
            Err(JobError::Cancelled) => finish("cancelled", None, None),
            Err(JobError::Stopping) => Self::Again(0),
            Err(JobError::Store(error)) if error.is_unavailable() => Self::Again(UNAVAILABLE_WAIT),
            // two transactions met: the handler is safe to run again
            Err(JobError::Store(error)) if error.is_conflict() && job.tries < MAX_TRIES => Self::Again(0),
            Err(JobError::Store(StoreError::LeaseLost(what))) => return Err(StoreError::LeaseLost(what)),
            Err(error) => finish("failed", None, Some(explain(job, error))),
        })
    }

    async fn write(&self, app: &App, job: &Job, control: &JobControl) -> Result<Option<Job>, StoreError> {
        let now = app.now();
        let mut tx = app.db.begin().await?;
        let (last, total) = control.reported();
        tx.job_progress(job, last, total, now, LEASE).await?;
        match self {
            Self::Finish { state, result, error } => {
                tx.job_finish(job, state, result.as_ref(), error.as_ref(), now).await?;
            }
            Self::Again(wait) => tx.job_requeue(job, now + wait).await?,
        }
        let ended = tx.job_get(job.tenant, job.id).await?;
        tx.commit().await?;
        Ok(ended)
    }
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
