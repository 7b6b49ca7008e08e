//! What a sender writes in one transaction: the attempts whose answers are there, and those about to leave.
use std::collections::HashSet;

use sqlx::AssertSqlSafe;

use crate::attempt::{self, AttemptOutcome, MadeAttempt};
use crate::counter::{self, Deltas};
use crate::evidence::{Packed, bind_packed, packed_text};
use crate::in_flight::{self, NEW, NewAttempt};
use crate::lease::Lease;
use crate::record::{self, CHANGE, RecordChange};
use crate::rows::PgRowQuery;
use crate::{Db, Engine, StoreError, Tx};

/// A batch of one sender. Everything in it belongs to one tenant.
pub struct Outgoing<'a> {
    /// The sender's lease.
    pub lease: &'a Lease,
    /// The sender's shard of the counters.
    pub shard: i64,
    /// Attempts that have their answer and are under way no longer.
    pub made: &'a [MadeAttempt],
    /// Attempts that begin.
    pub attempts: &'a [NewAttempt],
    /// Records that move: those of the answers, and those of the attempts.
    pub changes: &'a [RecordChange],
    /// Now.
    pub now: i64,
}

impl Db {
    /// Writes a whole batch with its evidence by one statement that is a transaction by itself, as it is when nobody
    /// interferes: the lease is held, every person is free and every record stands where it was read. False, and nothing
    /// written, if anything was otherwise: then it is written step by step. Always false on SQLite, which has no such
    /// statement. Of the evidence
    /// only the blocks are written: each of its decisions must have its attempt.
    pub async fn outgoing_alone(&self, batch: &Outgoing<'_>, evidence: &Packed) -> Result<bool, StoreError> {
        let Db::Postgres(pool) = self else { return Ok(false) };
        let Some(deltas) = batch.deltas() else { return Ok(false) };
        let (made, begun) = (Made::of(batch.made), in_flight::in_order(batch.attempts));
        let mut values = Values::default();
        let (first, rest) = (values.attempts(), values.records());
        let (kept, next) = packed_text(values.next);
        // what does not fit divides by zero: so PostgreSQL takes all of it back
        let sql = format!(
            "WITH {first}, {rest}, {kept} SELECT 1 / (CASE WHEN (SELECT count(*) FROM held) = 1
                AND (SELECT count(*) FROM begun) = ${next} AND (SELECT count(*) FROM applied) = ${} THEN 1 ELSE 0 END)",
            next + 1
        );
        let query = made.bind(batch.bind(sqlx::query_as(AssertSqlSafe(sql))), &begun);
        let query = bind_packed(bind_records(query, batch, &deltas), evidence);
        let query = query.bind(count(&begun)).bind(count(batch.changes));
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
        let Some(deltas) = batch.deltas() else { return Ok(false) };
        let (made, begun) = (Made::of(batch.made), in_flight::in_order(batch.attempts));
        let mut values = Values::default();
        let (first, rest) = (values.attempts(), values.records());
        let sql = format!(
            "WITH {first}, {rest} SELECT (SELECT count(*) FROM held), (SELECT count(*) FROM begun), (SELECT count(*) FROM applied)"
        );
        let Tx::Postgres(tx) = self else { return Ok(false) };
        let query = made.bind(batch.bind(sqlx::query_as(AssertSqlSafe(sql))), &begun);
        let found: Option<(i64, i64, i64)> =
            unless_met(bind_records(query, batch, &deltas).fetch_one(&mut **tx).await)?;
        Ok(found == Some((1, count(&begun), count(batch.changes))))
    }

    /// The first half of the same: the lease and the attempts. What happens while they mark their people follows, and
    /// then [`Tx::outgoing_finish`].
    pub async fn outgoing_begin(&mut self, batch: &Outgoing<'_>) -> Result<bool, StoreError> {
        let (made, begun) = (Made::of(batch.made), in_flight::in_order(batch.attempts));
        let sql = format!(
            "WITH {} SELECT (SELECT count(*) FROM held), (SELECT count(*) FROM begun)",
            Values::default().attempts()
        );
        let Tx::Postgres(tx) = self else { return Ok(false) };
        let query = made.bind(batch.bind(sqlx::query_as(AssertSqlSafe(sql))), &begun);
        let found: Option<(i64, i64)> = unless_met(query.fetch_one(&mut **tx).await)?;
        Ok(found == Some((1, count(&begun))))
    }

    /// The second half: records and counters.
    pub async fn outgoing_finish(&mut self, batch: &Outgoing<'_>) -> Result<bool, StoreError> {
        let Some(deltas) = batch.deltas() else { return Ok(false) };
        // the counters come behind the attempts, which are written already
        let sql =
            format!("WITH begun AS (SELECT 1), {} SELECT (SELECT count(*) FROM applied)", Values::default().records());
        let Tx::Postgres(tx) = self else { return Ok(false) };
        let query = bind_records(batch.bind(sqlx::query_as(AssertSqlSafe(sql))), batch, &deltas);
        let (applied,): (i64,) = query.fetch_one(&mut **tx).await?;
        Ok(applied == count(batch.changes))
    }
}

fn count<T>(rows: &[T]) -> i64 {
    i64::try_from(rows.len()).unwrap_or(i64::MAX)
}

impl Outgoing<'_> {
    /// What the counters change by if every change applies; `None` if a record changes twice.
    fn deltas(&self) -> Option<Vec<counter::Row>> {
        let (mut deltas, mut records) = (Deltas::default(), HashSet::with_capacity(self.changes.len()));
        for change in self.changes {
            change.count(&mut deltas);
            if !records.insert((change.grp, change.id)) {
                return None;
            }
        }
        Some(deltas.rows())
    }

    /// Binds the first five values.
    fn bind<'q, O>(&'q self, query: PgRowQuery<'q, O>) -> PgRowQuery<'q, O> {
        let query = query.bind(&self.lease.name).bind(self.lease.token).bind(&self.lease.holder);
        query.bind(self.shard).bind(self.now)
    }
}

/// Attempts and their outcomes, side by side as they are bound.
struct Made {
    attempts: Vec<NewAttempt>,
    outcomes: Vec<AttemptOutcome>,
}

impl Made {
    fn of(made: &[MadeAttempt]) -> Self {
        let (attempts, outcomes) = made.iter().map(|m| (m.attempt.clone(), m.outcome.clone())).unzip();
        Self { attempts, outcomes }
    }

    fn bind<'q, O>(&'q self, query: PgRowQuery<'q, O>, begun: &'q [NewAttempt]) -> PgRowQuery<'q, O> {
        let query = attempt::bind_outcomes(in_flight::bind_new(query, &self.attempts), &self.outcomes);
        in_flight::bind_new(query, begun)
    }
}

fn bind_records<'q, O>(
    query: PgRowQuery<'q, O>,
    batch: &'q Outgoing<'_>,
    deltas: &'q [counter::Row],
) -> PgRowQuery<'q, O> {
    counter::bind_rows(record::bind_changes(query, batch.changes), deltas)
}

/// The values behind the first five: one array a column. PostgreSQL reads arrays faster than JSON.
struct Values {
    next: usize,
}

impl Default for Values {
    fn default() -> Self {
        Self { next: 6 }
    }
}

impl Values {
    fn source(&mut self, columns: &[(&str, &str)]) -> String {
        let places = (self.next..).zip(columns).map(|(n, (_, kind))| format!("${n}::{kind}[]"));
        let places: Vec<String> = places.collect();
        self.next += columns.len();
        let names: Vec<&str> = columns.iter().map(|c| c.0).collect();
        format!("unnest({}) AS v({})", places.join(", "), names.join(", "))
    }

    /// Lease, attempts that were made, attempts that begin. Each part sees the tables as they were before the
    /// statement, so a person whose attempt ends in the same batch is not free yet.
    fn attempts(&mut self) -> String {
        let columns = attempt::made_columns();
        let place = |name| self.next + columns.iter().position(|c| c.0 == name).unwrap_or_default();
        let keys =
            format!("unnest(${}::BIGINT[], ${}::BIGINT[]) AS v(key, attempt)", place("device_hash"), place("id"));
        let ended = in_flight::delete_text(Engine::Postgres, &keys, "device_hash");
        let made = attempt::insert_text(&self.source(&columns), "");
        let begun = in_flight::insert_text(&self.source(&NEW), "");
        format!(
            "held AS (SELECT 1 FROM lease WHERE name = $1 AND token = $2 AND holder = $3 FOR SHARE),
             made AS ({made}), ended AS ({ended}), begun AS ({begun})"
        )
    }

    /// Records and, behind everything else, the counters: their rows are the most wanted.
    fn records(&mut self) -> String {
        let applied = record::apply_text(&self.source(&CHANGE), "$2", "$5");
        let source = format!(
            "{} CROSS JOIN (SELECT count(*) FROM begun) m CROSS JOIN (SELECT count(*) FROM applied) a",
            self.source(&counter::ROW)
        );
        format!("applied AS ({applied}), counted AS ({})", counter::add_text(&source, "$4"))
    }
}
