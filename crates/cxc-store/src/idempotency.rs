//! First answers to requests with an idempotency key. Owner: the server kit.
use uuid::Uuid;

use crate::{StoreError, Tx, on};

/// What is known of a key.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct IdempotencyKey {
    /// The hash of the first request.
    pub fingerprint: Vec<u8>,
    /// The status of its answer; 0 while it runs.
    pub status: i64,
    /// The headers of its answer, as JSON.
    pub headers: String,
    /// The body of its answer.
    pub body: Vec<u8>,
}

impl Tx {
    /// Claims a key for a first request: `None` when it is the first. A claim that is older than
    /// `abandoned` without an answer (its process died) is taken over, one older than `expired` is new.
    pub async fn idempotency_claim(
        &mut self,
        (tenant, client, name): (i64, Uuid, &str),
        fingerprint: &[u8],
        now: i64,
        (abandoned, expired): (i64, i64),
    ) -> Result<Option<IdempotencyKey>, StoreError> {
        const SQL: &str = "INSERT INTO idempotency_key (tenant, client, name, fingerprint, status, headers, body, created_at)
            VALUES ($1, $2, $3, $4, 0, '', $8, $5)
            ON CONFLICT (tenant, client, name) DO UPDATE SET fingerprint = $4, status = 0, headers = '', body = $8, created_at = $5
            WHERE idempotency_key.created_at <= $7
               OR (idempotency_key.status = 0 AND idempotency_key.created_at <= $6 AND idempotency_key.fingerprint = $4)";
        const GET: &str = "SELECT fingerprint, status, headers, body FROM idempotency_key WHERE tenant = $1 AND client = $2 AND name = $3";
        let claimed = on!(self, conn => sqlx::query(SQL).bind(tenant).bind(client).bind(name).bind(fingerprint).bind(now)
            .bind(abandoned).bind(expired).bind(Vec::<u8>::new()).execute(conn).await?.rows_affected());
        if claimed == 1 {
            return Ok(None);
        }
        Ok(on!(self, conn => sqlx::query_as(GET).bind(tenant).bind(client).bind(name).fetch_optional(conn).await?))
    }

    /// Keeps the answer to the first request.
    pub async fn idempotency_finish(
        &mut self,
        (tenant, client, name): (i64, Uuid, &str),
        status: i64,
        headers: &str,
        body: &[u8],
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE idempotency_key SET status = $4, headers = $5, body = $6 WHERE tenant = $1 AND client = $2 AND name = $3";
        on!(self, conn => sqlx::query(SQL).bind(tenant).bind(client).bind(name).bind(status).bind(headers).bind(body).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Forgets a key whose request failed on our side, so that it can be tried again.
    pub async fn idempotency_release(&mut self, (tenant, client, name): (i64, Uuid, &str)) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM idempotency_key WHERE tenant = $1 AND client = $2 AND name = $3 AND status = 0";
        on!(self, conn => sqlx::query(SQL).bind(tenant).bind(client).bind(name).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Forgets keys from before an instant.
    pub async fn idempotency_sweep(&mut self, before: i64) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM idempotency_key WHERE created_at <= $1";
        on!(self, conn => sqlx::query(SQL).bind(before).execute(conn).await?.rows_affected());
        Ok(())
    }
}
