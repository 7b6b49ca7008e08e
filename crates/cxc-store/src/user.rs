//! Passwords of users and the counting of bad ones. Users themselves are objects. Owner: the server kit.
use uuid::Uuid;

use crate::{Engine, StoreError, Tx, on};

impl Tx {
    /// Lets one transaction at a time take rights from the users of a tenant, until its end.
    pub async fn user_rights_lock(&mut self, tenant: i64) -> Result<(), StoreError> {
        if self.engine() == Engine::Postgres {
            const SQL: &str = "SELECT no FROM tenant WHERE no = $1 FOR NO KEY UPDATE";
            on!(self, conn => sqlx::query(SQL).bind(tenant).execute(conn).await?.rows_affected());
        }
        Ok(())
    }

    /// Sets a user's password hash (a PHC string).
    pub async fn user_password_set(&mut self, tenant: i64, user: Uuid, hash: &str, now: i64) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO user_password (tenant, user_id, hash, changed_at) VALUES ($1, $2, $3, $4)
            ON CONFLICT (tenant, user_id) DO UPDATE SET hash = $3, changed_at = $4";
        on!(self, conn => sqlx::query(SQL).bind(tenant).bind(user).bind(hash).bind(now).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// A user's password hash.
    pub async fn user_password_get(&mut self, tenant: i64, user: Uuid) -> Result<Option<String>, StoreError> {
        const SQL: &str = "SELECT hash FROM user_password WHERE tenant = $1 AND user_id = $2";
        Ok(on!(self, conn => sqlx::query_scalar(SQL).bind(tenant).bind(user).fetch_optional(conn).await?))
    }

    /// The users of a tenant who have a password.
    pub async fn user_password_holders(&mut self, tenant: i64) -> Result<Vec<Uuid>, StoreError> {
        const SQL: &str = "SELECT user_id FROM user_password WHERE tenant = $1";
        Ok(on!(self, conn => sqlx::query_scalar(SQL).bind(tenant).fetch_all(conn).await?))
    }

    /// Counts a sign-in as failed before its password is looked at, so that tries side by side are all
    /// counted; `None` when it may go on, else the instant until which `who` is locked. The count starts
    /// anew after `window` microseconds; with `limit` failures the lock holds as long.
    pub async fn login_failure_count(
        &mut self,
        who: i64,
        limit: i64,
        window: i64,
        now: i64,
    ) -> Result<Option<i64>, StoreError> {
        const SQL: &str = "INSERT INTO login_failure (who, failures, since, locked_until) VALUES ($1, 1, $2, CASE WHEN $3 <= 1 THEN $2 + $4 ELSE 0 END)
            ON CONFLICT (who) DO UPDATE SET
                failures = CASE WHEN login_failure.since + $4 <= $2 THEN 1 ELSE login_failure.failures + 1 END,
                since = CASE WHEN login_failure.since + $4 <= $2 THEN $2 ELSE login_failure.since END,
                locked_until = CASE WHEN login_failure.since + $4 > $2 AND login_failure.failures + 1 >= $3 THEN $2 + $4 ELSE 0 END
            WHERE login_failure.locked_until <= $2
            RETURNING failures";
        const LOCK: &str = "SELECT locked_until FROM login_failure WHERE who = $1";
        let counted: Option<i64> = on!(self, conn => sqlx::query_scalar(SQL).bind(who).bind(now).bind(limit).bind(window).fetch_optional(conn).await?);
        if counted.is_some() {
            return Ok(None);
        }
        Ok(on!(self, conn => sqlx::query_scalar(LOCK).bind(who).fetch_optional(conn).await?))
    }

    /// Forgets the failures of a user who signed in.
    pub async fn login_failure_clear(&mut self, who: i64) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM login_failure WHERE who = $1";
        on!(self, conn => sqlx::query(SQL).bind(who).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Takes back one failure: the sign-in from this address was good, others from it still count.
    pub async fn login_failure_undo(&mut self, who: i64) -> Result<(), StoreError> {
        const SQL: &str =
            "UPDATE login_failure SET failures = failures - 1, locked_until = 0 WHERE who = $1 AND failures > 0";
        on!(self, conn => sqlx::query(SQL).bind(who).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Forgets counts that no longer matter.
    pub async fn login_failure_sweep(&mut self, before: i64) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM login_failure WHERE since < $1 AND locked_until < $1";
        on!(self, conn => sqlx::query(SQL).bind(before).execute(conn).await?.rows_affected());
        Ok(())
    }
}
