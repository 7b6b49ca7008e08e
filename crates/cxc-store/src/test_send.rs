//! How many test messages a tenant sends a day. Owner: the dial manager.
use crate::evidence::day_of;
use crate::{StoreError, Tx, on};

impl Tx {
    /// Takes so many test messages of the day's allowance, all or none; nothing where it has not so many left. In the
    /// transaction of what is sent: whoever comes at the same time waits.
    pub async fn test_send_take(&mut self, tenant: i64, count: i64, most: i64, now: i64) -> Result<bool, StoreError> {
        const SQL: &str = "INSERT INTO test_send (tenant, day, sent) SELECT $1, $2, $3 WHERE $3 <= $4
            ON CONFLICT (tenant) DO UPDATE SET day = excluded.day,
                sent = excluded.sent + CASE WHEN test_send.day = excluded.day THEN test_send.sent ELSE 0 END
            WHERE excluded.sent + CASE WHEN test_send.day = excluded.day THEN test_send.sent ELSE 0 END <= $4";
        let taken = on!(self, conn => sqlx::query(SQL).bind(tenant).bind(day_of(now)).bind(count).bind(most)
            .execute(conn).await?.rows_affected());
        Ok(taken > 0)
    }

    /// How many test messages a tenant sent on the day.
    pub async fn test_send_count(&mut self, tenant: i64, now: i64) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT sent FROM test_send WHERE tenant = $1 AND day = $2";
        let sent: Option<i64> =
            on!(self, conn => sqlx::query_scalar(SQL).bind(tenant).bind(day_of(now)).fetch_optional(conn).await?);
        Ok(sent.unwrap_or(0))
    }
}
