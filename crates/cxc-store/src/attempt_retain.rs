//! How long attempts are kept: those of a tenant go slice by slice, and on PostgreSQL months of which nothing is kept
//! go whole. Owner: the history service.
use cxc_core::attempt::AttemptState;
use sqlx::AssertSqlSafe;

use crate::int_set::IntSet;
use crate::{Db, StoreError, Tx, on};

/// A slice of a month's attempts that was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AttemptSlice {
    /// How many were removed.
    pub removed: u64,
    /// The last one that was looked at; nothing once the month is through.
    pub last: Option<i64>,
}

/// What becomes of attempts that need not be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// They go.
    Rows,
    /// What else is known of them goes; they go with their whole month: see [`Db::attempt_month_drop`].
    Besides,
}

type Row = (i64, i64, i16, Option<i64>);

impl Tx {
    /// The oldest month, from `from` on, of which a tenant has attempts.
    pub async fn attempt_oldest_month(&mut self, tenant: i64, from: i64) -> Result<Option<i64>, StoreError> {
        const SQL: &str = "SELECT month FROM attempt WHERE tenant = $1 AND month >= $2 ORDER BY month LIMIT 1";
        Ok(on!(self, conn => sqlx::query_scalar(SQL).bind(tenant).bind(from).fetch_optional(conn).await?))
    }

    /// Removes those of the next `limit` attempts of a month, behind the attempt `after`, that began before an instant
    /// (microseconds), with their subjects and reports; decisions that they lead to are found without them afterwards. One that is held, under way or waits for its receipt stays.
    pub async fn attempt_expire(
        &mut self,
        tenant: i64,
        month: i64,
        (before, after): (i64, i64),
        limit: i64,
        removal: Removal,
    ) -> Result<AttemptSlice, StoreError> {
        const SQL: &str = "SELECT id, started_at, state, awaiting_since FROM attempt
            WHERE tenant = $1 AND month = $2 AND id > $3 ORDER BY id LIMIT $4";
        let slice: Vec<Row> = on!(self, conn => sqlx::query_as(SQL).bind(tenant).bind(month).bind(after).bind(limit)
            .fetch_all(conn).await?);
        let is_open = |state: i16| state == AttemptState::Sending.code() || state == AttemptState::Reserved.code();
        let over =
            slice.iter().filter(|(_, began, state, awaits)| *began < before && !is_open(*state) && awaits.is_none());
        let over: Vec<(i64, i64, i64)> = over.map(|row| (row.1, month, row.0)).collect();
        let last = slice.last().filter(|_| slice.len() as i64 == limit).map(|row| row.0);
        if over.is_empty() {
            return Ok(AttemptSlice { removed: 0, last });
        }
        self.evidence_keep_findable(tenant, &over).await?;
        let test = IntSet::test(self, "$2");
        let mut texts = vec![
            format!("DELETE FROM attempt_subject WHERE tenant = $1 AND attempt{test} AND month = $3"),
            format!("DELETE FROM attempt_report WHERE tenant = $1 AND attempt{test} AND month = $3"),
        ];
        if removal == Removal::Rows {
            texts.push(format!("DELETE FROM attempt WHERE tenant = $1 AND month = $3 AND id{test}"));
        }
        let ids = IntSet::of(over.iter().map(|begun| begun.2));
        for text in texts {
            on!(self, conn => sqlx::query(AssertSqlSafe(text)).bind(tenant).bind(ids.text()).bind(month).execute(conn)
                .await?.rows_affected());
        }
        Ok(AttemptSlice { removed: over.len() as u64, last })
    }

    /// Takes the keyed hashes of people who were erased from the attempts that no rule counts any more: those that began
    /// before an instant (microseconds). Answers how many.
    pub async fn attempt_forget_erased(&mut self, tenant: i64, before: i64) -> Result<u64, StoreError> {
        const WHICH: &str = "tenant = $1 AND contact = -1 AND started_at < $2 AND device_hash <> 0";
        let subjects = format!(
            "DELETE FROM attempt_subject WHERE tenant = $1 AND attempt IN (SELECT id FROM attempt WHERE {WHICH})"
        );
        let hashes = format!("UPDATE attempt SET device_hash = 0, client_hash = NULL WHERE {WHICH}");
        on!(self, conn => sqlx::query(AssertSqlSafe(subjects)).bind(tenant).bind(before).execute(conn).await?.rows_affected());
        Ok(
            on!(self, conn => sqlx::query(AssertSqlSafe(hashes)).bind(tenant).bind(before).execute(conn).await?.rows_affected()),
        )
    }
}

impl Db {
    /// The months before one that have a partition of their own, oldest first: on PostgreSQL only.
    pub async fn attempt_months(&self, before: i64) -> Result<Vec<i64>, StoreError> {
        let Db::Postgres(pool) = self else { return Ok(Vec::new()) };
        const SQL: &str = "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'attempt'::regclass ORDER BY 1";
        let names: Vec<String> = sqlx::query_scalar(SQL).fetch_all(pool).await?;
        let month = |name: &String| name.strip_prefix("attempt_")?.parse().ok().filter(|month| *month < before);
        Ok(names.iter().filter_map(month).collect())
    }

    /// Drops the partition of a month. Its attempts are dropped whosever they are: so every tenant's must be over. False
    /// if some are still under way, or if others kept it in use for too long; it stays then.
    pub async fn attempt_month_drop(&self, month: i64) -> Result<bool, StoreError> {
        let Db::Postgres(pool) = self else { return Ok(false) };
        let mut tx = pool.begin().await?;
        let open = format!(
            "SELECT EXISTS (SELECT 1 FROM attempt_{month} WHERE state IN ({}, {}) OR awaiting_since IS NOT NULL)",
            AttemptState::Sending.code(),
            AttemptState::Reserved.code()
        );
        if sqlx::query_scalar::<_, bool>(AssertSqlSafe(open)).fetch_one(&mut *tx).await? {
            return Ok(false);
        }
        // senders wait behind this lock: it is not waited for
        sqlx::query("SET LOCAL lock_timeout = '500ms'").execute(&mut *tx).await?;
        match sqlx::query(AssertSqlSafe(format!("DROP TABLE attempt_{month}"))).execute(&mut *tx).await {
            // lock_not_available, deadlock_detected
            Err(sqlx::Error::Database(e)) if matches!(e.code().as_deref(), Some("55P03" | "40P01")) => Ok(false),
            Err(error) => Err(error.into()),
            Ok(_) => {
                tx.commit().await?;
                Ok(true)
            }
        }
    }
}
