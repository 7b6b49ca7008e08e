//! How many records of a group stand where, kept with the rows so that an audience is never scanned.
//! Each writer has a shard of its own; readers sum over the shards.
use std::collections::BTreeMap;

use cxc_core::record::{Reason, RecordStatus};
use serde::Serialize;
use sqlx::AssertSqlSafe;

use crate::rows::{PgRowQuery, column};
use crate::{Rows, StoreError, Tx, on};

const MINUTE: i64 = 60_000_000;

/// Where a record stands, as far as accounting tells records apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bucket {
    /// Its status code.
    pub status: i16,
    /// The reason of a waiting or excluded record, the result of a finished one, else 0.
    pub code: i16,
    /// For a waiting record the minute since 1970 after which it is ready, else 0.
    pub due_minute: i64,
}

impl Bucket {
    /// The bucket of a record.
    pub fn of(status: RecordStatus, reason: Reason, due: i64, result: Option<i16>) -> Self {
        let (code, due_minute) = match status {
            RecordStatus::Ready if reason != Reason::None => {
                // the first minute that begins when it may be contacted, not before
                (reason.code(), due.saturating_add(MINUTE - 1).div_euclid(MINUTE))
            }
            RecordStatus::Ready | RecordStatus::InDoubt => (0, 0),
            RecordStatus::InProgress | RecordStatus::Excluded => (reason.code(), 0),
            RecordStatus::Done => (result.unwrap_or(0), 0),
        };
        Self { status: status.code(), code, due_minute }
    }

    /// Whether who stands here may be contacted only after an instant.
    pub fn waits(&self, now: i64) -> bool {
        self.status == RecordStatus::Ready.code() && self.due_minute * MINUTE > now
    }
}

/// Changes of counters, gathered over a batch.
#[derive(Debug, Default)]
pub struct Deltas(BTreeMap<(i64, Bucket), i64>);

impl Deltas {
    /// `n` records of a group more (or fewer) stand here.
    pub fn add(&mut self, grp: i64, bucket: Bucket, n: i64) {
        *self.0.entry((grp, bucket)).or_default() += n;
    }

    /// A record of a group moved.
    pub fn moved(&mut self, grp: i64, from: Bucket, to: Bucket) {
        self.add(grp, from, -1);
        self.add(grp, to, 1);
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.0.values().all(|n| *n == 0)
    }
}

impl Deltas {
    /// What changes, in the one order of all writers.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let changed = self.0.iter().filter(|(_, n)| **n != 0);
        changed
            .map(|((grp, b), n)| Row { grp: *grp, status: b.status, code: b.code, due_minute: b.due_minute, n: *n })
            .collect()
    }
}

/// The columns of a counter's change.
pub(crate) const ROW: [(&str, &str); 5] =
    [("grp", "BIGINT"), ("status", "SMALLINT"), ("code", "SMALLINT"), ("due_minute", "BIGINT"), ("n", "BIGINT")];

/// Adds a source of [`ROW`] to a shard.
pub(crate) fn add_text(source: &str, shard: &str) -> String {
    format!(
        "INSERT INTO record_counter (grp, shard, status, code, due_minute, n)
         SELECT v.grp, {shard}, v.status, v.code, v.due_minute, v.n FROM {source} WHERE true
         ON CONFLICT (grp, shard, status, code, due_minute) DO UPDATE SET n = record_counter.n + excluded.n"
    )
}

#[derive(Serialize)]
pub(crate) struct Row {
    grp: i64,
    status: i16,
    code: i16,
    due_minute: i64,
    n: i64,
}

/// Binds a source of [`ROW`] as arrays.
pub(crate) fn bind_rows<'q, O>(query: PgRowQuery<'q, O>, rows: &'q [Row]) -> PgRowQuery<'q, O> {
    query
        .bind(column(rows, |r| r.grp))
        .bind(column(rows, |r| r.status))
        .bind(column(rows, |r| r.code))
        .bind(column(rows, |r| r.due_minute))
        .bind(column(rows, |r| r.n))
}

impl Tx {
    /// Applies changes to a writer's shard. Call it last in the transaction: these rows are the most wanted.
    pub async fn record_counters_add(&mut self, shard: i64, deltas: &Deltas) -> Result<(), StoreError> {
        let rows = deltas.rows();
        if rows.is_empty() {
            return Ok(());
        }
        let rows = Rows::of(&rows)?;
        let sql = add_text(&Rows::source(self, "$1", &ROW), "$2");
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(rows.text()).bind(shard).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Where the records of a group stand.
    pub async fn record_counters(&mut self, grp: i64) -> Result<Vec<(Bucket, i64)>, StoreError> {
        const SQL: &str = "SELECT status, code, due_minute, CAST(sum(n) AS BIGINT) FROM record_counter WHERE grp = $1
            GROUP BY status, code, due_minute HAVING sum(n) <> 0 ORDER BY status, code, due_minute";
        let rows: Vec<(i16, i16, i64, i64)> = on!(self, conn => sqlx::query_as(SQL).bind(grp).fetch_all(conn).await?);
        Ok(rows.into_iter().map(|(status, code, due_minute, n)| (Bucket { status, code, due_minute }, n)).collect())
    }

    /// Forgets what the shards of a group cancel out among themselves: records that wait go from one writer's
    /// minute to another's, and each minute would leave its rows behind. Answers how many rows went.
    pub async fn record_counters_fold(&mut self, grp: i64) -> Result<u64, StoreError> {
        #[derive(Serialize)]
        struct Key {
            shard: i64,
            status: i16,
            code: i16,
            due_minute: i64,
        }
        // the rows stay locked: what a writer adds meanwhile goes to rows of its own or waits
        let lock = self.choose(" FOR UPDATE", "");
        let sql = format!(
            "SELECT shard, status, code, due_minute, n FROM record_counter WHERE grp = $1 ORDER BY shard, status, code, due_minute{lock}"
        );
        let rows: Vec<(i64, i16, i16, i64, i64)> =
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(grp).fetch_all(conn).await?);
        let mut sums: BTreeMap<(i16, i16, i64), i64> = BTreeMap::new();
        for (_, status, code, due_minute, n) in &rows {
            *sums.entry((*status, *code, *due_minute)).or_default() += n;
        }
        let gone = rows.into_iter().filter(|(_, status, code, due, _)| sums.get(&(*status, *code, *due)) == Some(&0));
        let gone: Vec<Key> =
            gone.map(|(shard, status, code, due_minute, _)| Key { shard, status, code, due_minute }).collect();
        if gone.is_empty() {
            return Ok(0);
        }
        let columns = [("shard", "BIGINT"), ("status", "SMALLINT"), ("code", "SMALLINT"), ("due_minute", "BIGINT")];
        let source = Rows::source(self, "$1", &columns);
        let sql = format!(
            "DELETE FROM record_counter WHERE grp = $2 AND (shard, status, code, due_minute) IN
                (SELECT v.shard, v.status, v.code, v.due_minute FROM {source})"
        );
        let rows = Rows::of(&gone)?;
        Ok(
            on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(rows.text()).bind(grp).execute(conn).await?.rows_affected()),
        )
    }

    /// Where the records of a group stand, counted one by one: for tests and repairs, it reads them all.
    pub async fn record_recount(&mut self, grp: i64) -> Result<Vec<(Bucket, i64)>, StoreError> {
        const SQL: &str = "SELECT status, reason, due, last_result FROM record WHERE grp = $1";
        let rows: Vec<(i16, i16, i64, Option<i16>)> =
            on!(self, conn => sqlx::query_as(SQL).bind(grp).fetch_all(conn).await?);
        let mut counts: BTreeMap<Bucket, i64> = BTreeMap::new();
        for (status, reason, due, result) in rows {
            let status = RecordStatus::from_code(status).unwrap_or(RecordStatus::InDoubt);
            let reason = Reason::from_code(reason).unwrap_or(Reason::None);
            *counts.entry(Bucket::of(status, reason, due, result)).or_default() += 1;
        }
        Ok(counts.into_iter().collect())
    }

    /// Forgets the counters of a group whose records are gone.
    pub async fn record_counters_delete(&mut self, grp: i64) -> Result<(), StoreError> {
        on!(self, conn => sqlx::query("DELETE FROM record_counter WHERE grp = $1").bind(grp).execute(conn).await?.rows_affected());
        Ok(())
    }
}
