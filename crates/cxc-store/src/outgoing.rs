//! What a sender writes in one transaction: the attempts whose answers are there, and those about to leave.
use std::collections::HashSet;

use cxc_core::record::{Reason, RecordStatus};
use sqlx::AssertSqlSafe;

use crate::attempt::{MadeAttempt, NewAttempt};
use crate::counter::{self, Deltas};
use crate::evidence::{Packed, bind_packed, packed_text};
use crate::lease::Lease;
use crate::record::{Record, RecordChange};
use crate::{Db, StoreError, Tx};

mod statement;

use statement::{Values, bind_attempts, bind_records};

/// A batch of one sender. Everything in it belongs to one tenant and one channel account.
pub struct Outgoing<'a> {
    /// The sender's lease.
    pub lease: &'a Lease,
    /// The sender's shard of the counters.
    pub shard: i64,
    /// Attempts that have their answer and are under way no longer.
    pub made: &'a [MadeAttempt],
    /// Attempts that begin.
    pub begins: &'a [Begin<'a>],
    /// Records that move besides those of the attempts that begin.
    pub changes: &'a [RecordChange],
    /// Now, and when the attempts begin.
    pub now: i64,
}

/// An attempt that begins, and its record as it was read.
#[derive(Clone, Copy)]
pub struct Begin<'a> {
    /// The attempt.
    pub attempt: &'a NewAttempt,
    /// The record.
    pub record: &'a Record,
}

impl Begin<'_> {
    /// What becomes of the record.
    pub fn change(&self) -> RecordChange {
        RecordChange {
            device: self.attempt.position,
            attempts: self.record.attempts.saturating_add(1),
            attempt: Some(self.attempt.id),
            ..RecordChange::of(self.record, RecordStatus::InProgress, Reason::None, 0)
        }
    }
}

impl Db {
    /// Writes a whole batch with its evidence by one statement that is a transaction by itself, as it is when nobody
    /// interferes: the lease is held, every person is free and every record stands where it was read. False, and nothing
    /// written, if anything was otherwise: then it is written step by step. Always false on SQLite, which has no such
    /// statement. Of the evidence only the blocks are written: each of its decisions must have its attempt.
    pub async fn outgoing_alone(&self, batch: &Outgoing<'_>, evidence: &Packed) -> Result<bool, StoreError> {
        let Db::Postgres(pool) = self else { return Ok(false) };
        let Some((begins, deltas)) = batch.in_order() else { return Ok(false) };
        let mut values = Values::default();
        let (first, rest) = (values.attempts(), values.records());
        let (kept, next) = packed_text(values.next());
        // what does not fit divides by zero: so PostgreSQL takes all of it back
        let sql = format!(
            "WITH {first}, {rest}, {kept} SELECT 1 / (CASE WHEN (SELECT count(*) FROM held) = 1
                AND (SELECT count(*) FROM ended) = ${next} AND (SELECT count(*) FROM begun) = ${}
                AND (SELECT count(*) FROM started) = ${} AND (SELECT count(*) FROM applied) = ${} THEN 1 ELSE 0 END)",
            next + 1,
            next + 1,
            next + 2
        );
        let query = bind_attempts(sqlx::query_as(AssertSqlSafe(sql)), batch, &begins);
        let query = bind_packed(bind_records(query, batch, &begins, &deltas), evidence);
        let query = query.bind(count(batch.made)).bind(count(&begins)).bind(count(batch.changes));
        let found: Option<(i32,)> = unless_met(query.fetch_one(pool).await)?;
        Ok(found.is_some())
    }
}

/// Nothing where somebody was there before: a row that must be new is not (unique_violation), or something did not fit
/// (division_by_zero).
fn unless_met<T>(found: Result<T, sqlx::Error>) -> Result<Option<T>, StoreError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(sqlx::Error::Database(e)) if matches!(e.code().as_deref(), Some("23505" | "22012")) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Tx {
    /// Writes a whole batch by one statement, as it is when nobody interferes: the lease is held, every person is free
    /// and every record stands where it was read. False if anything was otherwise: then the transaction must be rolled
    /// back, and the batch written step by step. Always false on SQLite, which has no such statement.
    pub async fn outgoing_write(&mut self, batch: &Outgoing<'_>) -> Result<bool, StoreError> {
        let Some((begins, deltas)) = batch.in_order() else { return Ok(false) };
        let mut values = Values::default();
        let (first, rest) = (values.attempts(), values.records());
        let sql = format!(
            "WITH {first}, {rest} SELECT (SELECT count(*) FROM held), (SELECT count(*) FROM ended),
                (SELECT count(*) FROM begun), (SELECT count(*) FROM started), (SELECT count(*) FROM applied)"
        );
        let Tx::Postgres(tx) = self else { return Ok(false) };
        let query = bind_attempts(sqlx::query_as(AssertSqlSafe(sql)), batch, &begins);
        let query = bind_records(query, batch, &begins, &deltas);
        let found: Option<(i64, i64, i64, i64, i64)> = unless_met(query.fetch_one(&mut **tx).await)?;
        let begun = count(&begins);
        Ok(found == Some((1, count(batch.made), begun, begun, count(batch.changes))))
    }

    /// The first half of the same: the lease and the attempts. What happens while they mark their people follows, and
    /// then [`Tx::outgoing_finish`].
    pub async fn outgoing_begin(&mut self, batch: &Outgoing<'_>) -> Result<bool, StoreError> {
        let Some((begins, _)) = batch.in_order() else { return Ok(false) };
        let sql = format!(
            "WITH {} SELECT (SELECT count(*) FROM held), (SELECT count(*) FROM ended), (SELECT count(*) FROM begun)",
            Values::default().attempts()
        );
        let Tx::Postgres(tx) = self else { return Ok(false) };
        let query = bind_attempts(sqlx::query_as(AssertSqlSafe(sql)), batch, &begins);
        let found: Option<(i64, i64, i64)> = unless_met(query.fetch_one(&mut **tx).await)?;
        Ok(found == Some((1, count(batch.made), count(&begins))))
    }

    /// The second half: records and counters.
    pub async fn outgoing_finish(&mut self, batch: &Outgoing<'_>) -> Result<bool, StoreError> {
        let Some((begins, deltas)) = batch.in_order() else { return Ok(false) };
        // the counters come behind the attempts, which are written already
        let records = Values::default().records();
        let sql = format!(
            "WITH begun AS (SELECT 1), {records}
             SELECT (SELECT count(*) FROM started), (SELECT count(*) FROM applied)"
        );
        let Tx::Postgres(tx) = self else { return Ok(false) };
        let query = batch.bind(sqlx::query_as(AssertSqlSafe(sql)), &begins);
        let found: (i64, i64) = bind_records(query, batch, &begins, &deltas).fetch_one(&mut **tx).await?;
        Ok(found == (count(&begins), count(batch.changes)))
    }
}

fn count<T>(rows: &[T]) -> i64 {
    i64::try_from(rows.len()).unwrap_or(i64::MAX)
}

impl<'a> Outgoing<'a> {
    /// The attempts that begin in the one order of all writers, and what the counters change by if every change
    /// applies; `None` if a record changes twice, or if the attempts are not of one sender.
    fn in_order(&self) -> Option<(Vec<Begin<'a>>, Vec<counter::Row>)> {
        let mut begins = self.begins.to_vec();
        begins.sort_by_key(|b| b.attempt.order());
        let alike = |b: &Begin<'_>| (b.attempt.account, b.attempt.channel, b.attempt.epoch, b.attempt.tenant);
        let is_alone = begins.iter().all(|b| Some(alike(b)) == begins.first().map(alike));
        let are_now = begins.iter().all(|b| b.attempt.started_at == self.now);
        Some((begins, self.deltas()?)).filter(|_| is_alone && are_now)
    }

    fn deltas(&self) -> Option<Vec<counter::Row>> {
        let mut deltas = Deltas::default();
        let mut records = HashSet::with_capacity(self.changes.len() + self.begins.len());
        for change in self.changes {
            change.count(&mut deltas);
            if !records.insert((change.grp, change.id)) {
                return None;
            }
        }
        for begin in self.begins {
            begin.change().count(&mut deltas);
            if !records.insert((begin.record.grp, begin.record.id)) {
                return None;
            }
        }
        Some(deltas.rows())
    }
}
