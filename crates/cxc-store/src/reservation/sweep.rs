//! The ends of attempts that nobody reported: released because they were never placed, or hardened.
use cxc_core::attempt::AttemptState;
use sqlx::AssertSqlSafe;

use crate::int_set::IntSet;
use crate::{StoreError, Tx, on};

impl Tx {
    /// Gives a reservation back whose dialer says that it was never placed. False if it was reported as begun, has
    /// hardened or is not known: it stays counted then. A report that comes all the same is the later word.
    pub async fn reservation_release(
        &mut self,
        tenant: i64,
        month: i64,
        attempt: i64,
        now: i64,
    ) -> Result<bool, StoreError> {
        const CLOSE: &str = "UPDATE attempt_report SET open_until = NULL
            WHERE tenant = $1 AND attempt = $2 AND month = $3 AND sequence = -1 AND open_until > $4";
        let closed = on!(self, conn => sqlx::query(CLOSE).bind(tenant).bind(attempt).bind(month).bind(now).execute(conn)
            .await?.rows_affected());
        if closed == 0 {
            return Ok(false);
        }
        const RELEASE: &str = "UPDATE attempt SET state = $4, finished_at = $5
            WHERE tenant = $1 AND month = $2 AND id = $3 RETURNING device_hash, client_hash";
        let keys: Option<(i64, Option<i64>)> = on!(self, conn => sqlx::query_as(RELEASE).bind(tenant).bind(month)
            .bind(attempt).bind(AttemptState::NotSent.code()).bind(now).fetch_optional(conn).await?);
        if let Some(keys) = keys {
            self.in_flight_delete(&[attempt], &[keys]).await?;
        }
        Ok(true)
    }

    /// Hardens some of the attempts whose time is over: reserved or begun and never ended, they are in doubt and count
    /// for good. Answers how many. Any process may do it.
    pub async fn reservation_harden(&mut self, now: i64, limit: i64) -> Result<usize, StoreError> {
        let lock = self.choose("FOR UPDATE SKIP LOCKED", "");
        let sql = format!(
            "SELECT tenant, month, attempt FROM attempt_report WHERE open_until <= $1 ORDER BY open_until LIMIT $2 {lock}"
        );
        let mut over: Vec<(i64, i64, i64)> =
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(now).bind(limit).fetch_all(conn).await?);
        over.sort_unstable();
        for of_month in over.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let (tenant, month) = (of_month[0].0, of_month[0].1);
            self.harden(tenant, month, IntSet::of(of_month.iter().map(|o| o.2))).await?;
        }
        Ok(over.len())
    }

    async fn harden(&mut self, tenant: i64, month: i64, attempts: IntSet) -> Result<(), StoreError> {
        let close = format!(
            "UPDATE attempt_report SET open_until = NULL WHERE tenant = $1 AND attempt{}",
            IntSet::test(self, "$2")
        );
        on!(self, conn => sqlx::query(AssertSqlSafe(close)).bind(tenant).bind(attempts.text()).execute(conn).await?.rows_affected());
        let doubt = format!(
            "UPDATE attempt SET state = {} WHERE tenant = $1 AND month = $3 AND id{} AND state IN ({}, {})
             RETURNING id, device_hash, client_hash",
            AttemptState::InDoubt.code(),
            IntSet::test(self, "$2"),
            AttemptState::Reserved.code(),
            AttemptState::Sending.code()
        );
        let ended: Vec<(i64, i64, Option<i64>)> = on!(self, conn => sqlx::query_as(AssertSqlSafe(doubt)).bind(tenant)
            .bind(attempts.text()).bind(month).fetch_all(conn).await?);
        let ids: Vec<i64> = ended.iter().map(|e| e.0).collect();
        let keys: Vec<(i64, Option<i64>)> = ended.iter().map(|e| (e.1, e.2)).collect();
        self.in_flight_delete(&ids, &keys).await
    }
}
