//! The job queue: long work with progress, cancel and a lease. Handlers must be safe to run twice.
use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{StoreError, Tx, on};

/// The most jobs of one tenant that run at the same time.
pub const RUNNING_PER_TENANT: i64 = 10;
/// How often a job whose runner vanished is tried again before it fails.
pub const MAX_TRIES: i64 = 5;

/// A new job.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub tenant: i64,
    /// What is to be done, such as `list_import`.
    pub kind: &'static str,
    /// The object it works on.
    pub subject: Option<Uuid>,
    /// What its handler needs.
    pub payload: Value,
    /// Not before this instant, in microseconds.
    pub run_at: i64,
    /// Who asked for it.
    pub created_by: String,
    /// When, in microseconds.
    pub created_at: i64,
}

/// A job as stored. Times are microseconds.
#[derive(Debug, Clone, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns are explained at NewJob and in the migration")]
pub struct Job {
    pub id: Uuid,
    pub tenant: i64,
    pub kind: String,
    pub subject: Option<Uuid>,
    pub payload: Json<Value>,
    pub state: String,
    pub done: i64,
    pub total: i64,
    pub result: Option<Json<Value>>,
    pub error: Option<Json<Value>>,
    pub cancel: bool,
    pub tries: i64,
    pub run_at: i64,
    pub lease_token: i64,
    pub created_by: String,
    pub created_at: i64,
    pub updated_at: i64,
    pub finished_at: Option<i64>,
    /// A command began it for itself: nobody else runs it again.
    pub own: bool,
}

/// Which jobs of a tenant somebody may see: those that they asked for, and those of some families.
#[derive(Debug, Clone)]
pub struct JobsSeen {
    /// Who asked for a job.
    pub asked_by: String,
    /// The first words of kinds, such as `list` of `list_import`: names from the program, never from outside.
    pub families: Vec<&'static str>,
}

impl JobsSeen {
    /// The test of a job; the name of the asker is bound to `asked_by`.
    fn test(&self, asked_by: &str) -> String {
        let of = |family: &&str| format!(" OR substr(kind, 1, {}) = '{family}_'", family.len() + 1);
        format!("(created_by = {asked_by}{})", self.families.iter().map(of).collect::<String>())
    }
}

const COLUMNS: &str = "id, tenant, kind, subject, payload, state, done, total, result, error, cancel, tries, run_at,
    lease_token, created_by, created_at, updated_at, finished_at, own";

impl Tx {
    /// Queues a job, in the transaction of the change that causes it.
    pub async fn job_insert(&mut self, job: &NewJob) -> Result<(), StoreError> {
        const SQL: &str =
            "INSERT INTO job (id, tenant, kind, subject, payload, state, run_at, created_by, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, 'queued', $6, $7, $8, $8)";
        on!(self, conn => sqlx::query(SQL).bind(job.id).bind(job.tenant).bind(job.kind).bind(job.subject)
            .bind(Json(&job.payload)).bind(job.run_at).bind(&job.created_by).bind(job.created_at).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Takes the oldest due job of these kinds under a lease of `lease` microseconds: a queued one, or
    /// one whose runner vanished. `kinds` are names from the program, never from outside. What a command began for itself is
    /// taken to be taken back: it is cancelled.
    pub async fn job_claim(&mut self, kinds: &[&'static str], now: i64, lease: i64) -> Result<Option<Job>, StoreError> {
        let skip = self.choose(" FOR UPDATE SKIP LOCKED", "");
        let kinds = kinds.join("', '");
        let sql = format!(
            "UPDATE job SET state = 'running', lease_until = $1 + $2, lease_token = lease_token + 1, tries = tries + 1, updated_at = $1,
                cancel = (cancel OR own)
             WHERE id = (
                SELECT j.id FROM job j
                WHERE j.state IN ('queued', 'running') AND j.kind IN ('{kinds}') AND j.run_at <= $1 AND j.lease_until <= $1
                  AND (SELECT count(*) FROM job r WHERE r.state = 'running' AND r.tenant = j.tenant AND r.lease_until > $1) < $3
                ORDER BY j.run_at LIMIT 1{skip})
             RETURNING {COLUMNS}"
        );
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(now).bind(lease).bind(RUNNING_PER_TENANT).fetch_optional(conn).await?),
        )
    }

    /// Whether a job of these kinds is due: a look that writes nothing.
    pub async fn job_is_due(&mut self, kinds: &[&'static str], now: i64) -> Result<bool, StoreError> {
        let kinds = kinds.join("', '");
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM job WHERE state IN ('queued', 'running') AND kind IN ('{kinds}') AND run_at <= $1 AND lease_until <= $1)"
        );
        Ok(on!(self, conn => sqlx::query_scalar(AssertSqlSafe(sql)).bind(now).fetch_one(conn).await?))
    }

    /// Queues a job and takes it in one step: for a command that runs its own job, which nobody else ever runs.
    pub async fn job_begin_own(&mut self, job: &NewJob, now: i64, lease: i64) -> Result<Option<Job>, StoreError> {
        const OWN: &str = "UPDATE job SET own = TRUE WHERE id = $1";
        self.job_insert(job).await?;
        on!(self, conn => sqlx::query(OWN).bind(job.id).execute(conn).await?.rows_affected());
        self.job_claim_one(job.id, now, lease).await
    }

    /// Takes a job that a command of a tenant began for itself and whose command is gone, to take it back. `kinds` are names
    /// from the program, never from outside.
    pub async fn job_claim_lost(
        &mut self,
        tenant: i64,
        kinds: &[&'static str],
        now: i64,
        lease: i64,
    ) -> Result<Option<Job>, StoreError> {
        let skip = self.choose(" FOR UPDATE SKIP LOCKED", "");
        let kinds = kinds.join("', '");
        let sql = format!(
            "UPDATE job SET state = 'running', lease_until = $1 + $2, lease_token = lease_token + 1, tries = tries + 1, updated_at = $1,
                cancel = TRUE
             WHERE id = (
                SELECT j.id FROM job j
                WHERE j.state IN ('queued', 'running') AND j.own AND j.tenant = $3 AND j.kind IN ('{kinds}') AND j.lease_until <= $1
                ORDER BY j.run_at LIMIT 1{skip})
             RETURNING {COLUMNS}"
        );
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(now).bind(lease).bind(tenant).fetch_optional(conn).await?),
        )
    }

    /// Takes one queued job by its id, whatever its turn: for a command that runs its own job.
    pub async fn job_claim_one(&mut self, id: Uuid, now: i64, lease: i64) -> Result<Option<Job>, StoreError> {
        let sql = format!(
            "UPDATE job SET state = 'running', lease_until = $1 + $2, lease_token = lease_token + 1, tries = tries + 1, updated_at = $1
             WHERE id = $3 AND state IN ('queued', 'running') AND (lease_until <= $1 OR (own AND state = 'queued')) RETURNING {COLUMNS}"
        );
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(now).bind(lease).bind(id).fetch_optional(conn).await?),
        )
    }

    /// Reports progress and renews the lease; answers whether a cancel was asked for. Fails with
    /// [`StoreError::LeaseLost`] when another runner has taken the job.
    pub async fn job_progress(
        &mut self,
        job: &Job,
        done: i64,
        total: i64,
        now: i64,
        lease: i64,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE job SET done = $3, total = $4, lease_until = $5 + $6, updated_at = $5
            WHERE id = $1 AND lease_token = $2 AND state = 'running' RETURNING cancel";
        let cancel: Option<bool> = on!(self, conn => sqlx::query_scalar(SQL).bind(job.id).bind(job.lease_token)
            .bind(done).bind(total).bind(now).bind(lease).fetch_optional(conn).await?);
        cancel.ok_or_else(|| StoreError::LeaseLost(format!("job {}", job.id)))
    }

    /// Changes what the handler is told when it runs again: its checkpoint.
    pub async fn job_checkpoint(&mut self, job: &Job, payload: &Value) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE job SET payload = $3 WHERE id = $1 AND lease_token = $2 AND state = 'running'";
        let changed = on!(self, conn => sqlx::query(SQL).bind(job.id).bind(job.lease_token).bind(Json(payload)).execute(conn).await?.rows_affected());
        if changed == 1 { Ok(()) } else { Err(StoreError::LeaseLost(format!("job {}", job.id))) }
    }

    /// Ends a job as `succeeded`, `failed` or `cancelled`.
    pub async fn job_finish(
        &mut self,
        job: &Job,
        state: &str,
        result: Option<&Value>,
        error: Option<&Value>,
        now: i64,
    ) -> Result<(), StoreError> {
        const SQL: &str =
            "UPDATE job SET state = $3, result = $4, error = $5, finished_at = $6, updated_at = $6, lease_until = 0
            WHERE id = $1 AND lease_token = $2 AND state = 'running'";
        let changed = on!(self, conn => sqlx::query(SQL).bind(job.id).bind(job.lease_token).bind(state)
            .bind(result.map(Json)).bind(error.map(Json)).bind(now).execute(conn).await?.rows_affected());
        if changed == 1 { Ok(()) } else { Err(StoreError::LeaseLost(format!("job {}", job.id))) }
    }

    /// Puts a job back in the queue, to run at `run_at`. One that a command began for itself stays the command's a while.
    pub async fn job_requeue(&mut self, job: &Job, run_at: i64) -> Result<(), StoreError> {
        const SQL: &str =
            "UPDATE job SET state = 'queued', lease_until = CASE WHEN own THEN $3 + 20000000 ELSE 0 END, run_at = $3
            WHERE id = $1 AND lease_token = $2 AND state = 'running'";
        on!(self, conn => sqlx::query(SQL).bind(job.id).bind(job.lease_token).bind(run_at).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Asks a job to stop; a queued one is cancelled at once. False when it has already ended.
    pub async fn job_cancel(&mut self, tenant: i64, id: Uuid, now: i64) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE job SET cancel = TRUE, updated_at = $3,
                finished_at = CASE WHEN state = 'queued' THEN $3 ELSE finished_at END,
                state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END
            WHERE tenant = $1 AND id = $2 AND state IN ('queued', 'running')";
        Ok(on!(self, conn => sqlx::query(SQL).bind(tenant).bind(id).bind(now).execute(conn).await?.rows_affected())
            == 1)
    }

    /// One job of a tenant.
    pub async fn job_get(&mut self, tenant: i64, id: Uuid) -> Result<Option<Job>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM job WHERE tenant = $1 AND id = $2");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(id).fetch_optional(conn).await?))
    }

    /// The newest job of a kind on an object.
    pub async fn job_latest(&mut self, tenant: i64, subject: Uuid, kind: &str) -> Result<Option<Job>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM job WHERE tenant = $1 AND subject = $2 AND kind = $3 ORDER BY created_at DESC, id DESC LIMIT 1"
        );
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(subject).bind(kind).fetch_optional(conn).await?),
        )
    }

    /// A page of a tenant's jobs, newest first, after the last one seen.
    pub async fn job_page(
        &mut self,
        tenant: i64,
        seen: &JobsSeen,
        after: Option<(i64, Uuid)>,
        limit: i64,
    ) -> Result<Vec<Job>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM job WHERE tenant = $1 AND (created_at < $2 OR (created_at = $2 AND id < $3)) AND {}
             ORDER BY created_at DESC, id DESC LIMIT $4",
            seen.test("$5")
        );
        let (at, id) = after.unwrap_or((i64::MAX, Uuid::max()));
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(at).bind(id).bind(limit)
            .bind(&seen.asked_by).fetch_all(conn).await?))
    }

    /// The jobs of a tenant that moved at an instant or later, the oldest change first.
    pub async fn job_changed(
        &mut self,
        tenant: i64,
        seen: &JobsSeen,
        since: i64,
        limit: i64,
    ) -> Result<Vec<Job>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM job WHERE tenant = $1 AND updated_at >= $2 AND {} ORDER BY updated_at, id LIMIT $3",
            seen.test("$4")
        );
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(since).bind(limit)
            .bind(&seen.asked_by).fetch_all(conn).await?))
    }

    /// Whether a job of a tenant that names an upload runs or waits, and when the last one ended; `None` if there is none.
    pub async fn job_of_upload(&mut self, tenant: i64, upload: Uuid) -> Result<Option<(bool, i64)>, StoreError> {
        let text = self.choose("strpos(payload::text, $2) > 0", "instr(payload, $2) > 0");
        let sql = format!(
            "SELECT count(*), sum(CASE WHEN finished_at IS NULL THEN 1 ELSE 0 END), max(finished_at) FROM job
             WHERE tenant = $1 AND {text}"
        );
        let (jobs, open, last): (i64, Option<i64>, Option<i64>) = on!(self, conn => sqlx::query_as(AssertSqlSafe(sql))
            .bind(tenant).bind(upload.to_string()).fetch_one(conn).await?);
        Ok((jobs > 0).then_some((open.unwrap_or(0) > 0, last.unwrap_or(0))))
    }

    /// How many jobs of these kinds run or wait in a tenant.
    pub async fn job_open_count(&mut self, tenant: i64, kind: &str) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT count(*) FROM job WHERE tenant = $1 AND kind = $2 AND state IN ('queued', 'running')";
        Ok(on!(self, conn => sqlx::query_scalar(SQL).bind(tenant).bind(kind).fetch_one(conn).await?))
    }

    /// Fails the jobs whose runner vanished too often, and forgets those that ended before `before`.
    pub async fn job_sweep(&mut self, now: i64, before: i64) -> Result<(), StoreError> {
        const FAIL: &str = "UPDATE job SET state = 'failed', finished_at = $1, updated_at = $1
            WHERE state = 'running' AND lease_until <= $1 AND tries >= $2";
        const FORGET: &str = "DELETE FROM job WHERE finished_at < $1";
        on!(self, conn => sqlx::query(FAIL).bind(now).bind(MAX_TRIES).execute(conn).await?.rows_affected());
        on!(self, conn => sqlx::query(FORGET).bind(before).execute(conn).await?.rows_affected());
        Ok(())
    }
}
