//! Sessions of signed-in users. Only the hash of a session's token is stored. Owner: the server kit.
use uuid::Uuid;

use crate::{StoreError, Tx, on};

/// A session with its user and tenant, as each request needs them. Times are microseconds.
#[derive(Debug, Clone, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns read by themselves")]
pub struct SessionUser {
    pub tenant: i64,
    pub tenant_id: Uuid,
    pub tenant_name: String,
    pub tenant_domain: String,
    pub ccid: String,
    pub tenant_enabled: bool,
    pub user_id: Uuid,
    pub user_name: String,
    #[sqlx(json)]
    pub user_body: serde_json::Value,
    pub created_at: i64,
    pub seen_at: i64,
    pub expires_at: i64,
}

impl Tx {
    /// Starts a session.
    pub async fn session_insert(
        &mut self,
        tenant: i64,
        user: Uuid,
        token_hash: &[u8],
        now: i64,
        expires_at: i64,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO session (token_hash, tenant, user_id, created_at, seen_at, expires_at) VALUES ($1, $2, $3, $4, $4, $5)";
        on!(self, conn => sqlx::query(SQL).bind(token_hash).bind(tenant).bind(user).bind(now).bind(expires_at).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// The session of a token, with its user and tenant. The tenant comes from the session.
    pub async fn session_get(&mut self, token_hash: &[u8]) -> Result<Option<SessionUser>, StoreError> {
        const SQL: &str = "SELECT s.tenant, t.id AS tenant_id, t.short_name AS tenant_name, t.domain AS tenant_domain, t.ccid,
                t.enabled AS tenant_enabled, s.user_id, o.name AS user_name, o.body AS user_body, s.created_at, s.seen_at, s.expires_at
            FROM session s JOIN tenant t ON t.no = s.tenant JOIN object o ON o.tenant = s.tenant AND o.id = s.user_id AND o.kind = 'user'
            WHERE s.token_hash = $1";
        Ok(on!(self, conn => sqlx::query_as(SQL).bind(token_hash).fetch_optional(conn).await?))
    }

    /// Notes that a session was used.
    pub async fn session_touch(&mut self, token_hash: &[u8], now: i64) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE session SET seen_at = $2 WHERE token_hash = $1";
        on!(self, conn => sqlx::query(SQL).bind(token_hash).bind(now).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Ends a session.
    pub async fn session_delete(&mut self, token_hash: &[u8]) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM session WHERE token_hash = $1";
        on!(self, conn => sqlx::query(SQL).bind(token_hash).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Ends every session of a user, save one that is to stay.
    pub async fn session_delete_of_user(&mut self, tenant: i64, user: Uuid, stays: &[u8]) -> Result<u64, StoreError> {
        const SQL: &str = "DELETE FROM session WHERE tenant = $1 AND user_id = $2 AND token_hash <> $3";
        Ok(on!(self, conn => sqlx::query(SQL).bind(tenant).bind(user).bind(stays).execute(conn).await?.rows_affected()))
    }

    /// Forgets sessions that ended, or were last used before `idle`.
    pub async fn session_sweep(&mut self, now: i64, idle: i64) -> Result<u64, StoreError> {
        const SQL: &str = "DELETE FROM session WHERE expires_at <= $1 OR seen_at <= $2";
        Ok(on!(self, conn => sqlx::query(SQL).bind(now).bind(idle).execute(conn).await?.rows_affected()))
    }

    /// How many users of all tenants have a session: a gauge of the whole installation.
    pub async fn session_count(&mut self, now: i64) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT count(*) FROM session WHERE expires_at > $1";
        Ok(on!(self, conn => sqlx::query_scalar(SQL).bind(now).fetch_one(conn).await?))
    }
}
