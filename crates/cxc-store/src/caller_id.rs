//! Caller ids that are being blocked on the way to the people. Written by the dialer, cleared by hand.
use crate::{StoreError, Tx, on};

/// A caller id that was seen to be blocked.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct CallerIdBlock {
    /// The number.
    pub number: String,
    /// Since when, microseconds.
    pub blocked_at: i64,
    /// Calls that were blocked.
    pub blocked: i64,
    /// Of so many that were answered or rejected.
    pub calls: i64,
}

impl Tx {
    /// Marks a caller id of a tenant; one that is marked anew is marked for longer.
    pub async fn caller_id_block(&mut self, tenant: i64, block: &CallerIdBlock) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO caller_id_block (tenant, number, blocked_at, blocked, calls)
            VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant, number) DO UPDATE SET
                blocked_at = excluded.blocked_at, blocked = excluded.blocked, calls = excluded.calls";
        on!(self, conn => sqlx::query(SQL).bind(tenant).bind(&block.number).bind(block.blocked_at)
            .bind(block.blocked).bind(block.calls).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// The caller ids of a tenant that were marked after an instant.
    pub async fn caller_id_blocks(&mut self, tenant: i64, after: i64) -> Result<Vec<CallerIdBlock>, StoreError> {
        const SQL: &str = "SELECT number, blocked_at, blocked, calls FROM caller_id_block
            WHERE tenant = $1 AND blocked_at > $2 ORDER BY number";
        Ok(on!(self, conn => sqlx::query_as(SQL).bind(tenant).bind(after).fetch_all(conn).await?))
    }

    /// Takes the mark of a caller id away; whether it had one.
    pub async fn caller_id_unblock(&mut self, tenant: i64, number: &str) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM caller_id_block WHERE tenant = $1 AND number = $2";
        let gone = on!(self, conn => sqlx::query(SQL).bind(tenant).bind(number).execute(conn).await?.rows_affected());
        Ok(gone > 0)
    }
}
