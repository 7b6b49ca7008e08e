//! What a sender writes in one transaction: results of messages that left, and the attempts of those about to leave.
use std::collections::HashSet;

use sqlx::AssertSqlSafe;

use crate::attempt::{self, AttemptUpdate, NewAttempt};
use crate::counter::{self, Deltas};
use crate::in_flight::{self, MARK, Mark};
use crate::lease::Lease;
use crate::record::{self, CHANGE, RecordChange};
use crate::rows::PgRowQuery;
use crate::{StoreError, Tx};

/// A batch of one sender. Everything in it belongs to one tenant.
pub struct Outgoing<'a> {
    /// The sender's lease.
    pub lease: &'a Lease,
    /// Whose it is.
    pub tenant: i64,
    /// The sender's shard of the counters.
    pub shard: i64,
    /// What became of attempts.
    pub results: &'a [AttemptUpdate],
    /// Attempts that are over, with the keys under which they were in flight.
    pub ended: &'a [(i64, (i64, Option<i64>))],
    /// Attempts that begin.
    pub attempts: &'a [NewAttempt],
    /// Records that move: those of the results, and those of the attempts.
    pub changes: &'a [RecordChange],
    /// Now.
    pub now: i64,
}

impl Tx {
    /// Writes a whole batch by one statement, as it is when nobody interferes: the lease is held, every person is free
    /// and every record stands where it was read. False if anything was otherwise: then the transaction must be rolled
    /// back, and the batch written step by step. Always false on SQLite, which has no such statement.
    pub async fn outgoing_write(&mut self, batch: &Outgoing<'_>) -> Result<bool, StoreError> {
        let Some(deltas) = batch.deltas() else { return Ok(false) };
        let (ended, marks) = batch.marks();
        let mut values = Values::default();
        let (first, rest) = (values.marks(self), values.records());
        let sql = format!(
            "WITH {first}, {rest} SELECT (SELECT count(*) FROM held), (SELECT count(*) FROM marks), (SELECT count(*) FROM applied)"
        );
        let Tx::Postgres(tx) = self else { return Ok(false) };
        let query = bind_marks(batch.bind(sqlx::query_as(AssertSqlSafe(sql))), batch, &ended, &marks);
        let found: (i64, i64, i64) = bind_records(query, batch, &deltas).fetch_one(&mut **tx).await?;
        Ok([found.0, found.1, found.2] == [1, count(&marks), count(batch.changes)])
    }

    /// The first half of the same: the lease, the results, the marks. What happens under the marks follows, and then
    /// [`Tx::outgoing_finish`].
    pub async fn outgoing_begin(&mut self, batch: &Outgoing<'_>) -> Result<bool, StoreError> {
        let (ended, marks) = batch.marks();
        let sql = format!(
            "WITH {} SELECT (SELECT count(*) FROM held), (SELECT count(*) FROM marks)",
            Values::default().marks(self)
        );
        let Tx::Postgres(tx) = self else { return Ok(false) };
        let query = bind_marks(batch.bind(sqlx::query_as(AssertSqlSafe(sql))), batch, &ended, &marks);
        let found: (i64, i64) = query.fetch_one(&mut **tx).await?;
        Ok([found.0, found.1] == [1, count(&marks)])
    }

    /// The second half: records, attempts, counters.
    pub async fn outgoing_finish(&mut self, batch: &Outgoing<'_>) -> Result<bool, StoreError> {
        let Some(deltas) = batch.deltas() else { return Ok(false) };
        // the counters come behind the marks, which were set before
        let sql =
            format!("WITH marks AS (SELECT 1), {} SELECT (SELECT count(*) FROM applied)", Values::default().records());
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

    fn marks(&self) -> (Vec<Mark>, Vec<Mark>) {
        let (ids, keys): (Vec<_>, Vec<_>) = self.ended.iter().copied().unzip();
        (in_flight::ended(&ids, &keys), in_flight::marks(self.attempts))
    }

    /// Binds the first six values.
    fn bind<'q, O>(&'q self, query: PgRowQuery<'q, O>) -> PgRowQuery<'q, O> {
        let query = query.bind(&self.lease.name).bind(self.lease.token).bind(&self.lease.holder);
        query.bind(self.tenant).bind(self.shard).bind(self.now)
    }
}

fn bind_marks<'q, O>(
    query: PgRowQuery<'q, O>,
    batch: &'q Outgoing<'_>,
    ended: &'q [Mark],
    marks: &'q [Mark],
) -> PgRowQuery<'q, O> {
    let query = attempt::bind_updates(query, batch.results);
    in_flight::bind_marks(in_flight::bind_marks(query, ended), marks)
}

fn bind_records<'q, O>(
    query: PgRowQuery<'q, O>,
    batch: &'q Outgoing<'_>,
    deltas: &'q [counter::Row],
) -> PgRowQuery<'q, O> {
    let query = attempt::bind_new(record::bind_changes(query, batch.changes), batch.attempts);
    counter::bind_rows(query, deltas)
}

/// The values behind the first six: one array a column. PostgreSQL reads arrays faster than JSON.
struct Values {
    next: usize,
}

impl Default for Values {
    fn default() -> Self {
        Self { next: 7 }
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

    /// Lease, results, marks. Each part sees the tables as they were before the statement, so a person whose attempt
    /// ends in the same batch is not free yet.
    fn marks(&mut self, tx: &Tx) -> String {
        let results = attempt::update_text(&self.source(&attempt::UPDATE), "$4");
        let ended = in_flight::delete_text(tx, &self.source(&MARK), "$4");
        let marks = in_flight::insert_text(&self.source(&MARK), "$4");
        format!(
            "held AS (SELECT 1 FROM lease WHERE name = $1 AND token = $2 AND holder = $3 FOR SHARE),
             results AS ({results}), ended AS ({ended}), marks AS ({marks})"
        )
    }

    /// Records, attempts and, behind everything else, the counters: their rows are the most wanted.
    fn records(&mut self) -> String {
        let applied = record::apply_text(&self.source(&CHANGE), "$2", "$6");
        let begun = attempt::insert_text(&self.source(&attempt::NEW));
        let source = format!(
            "{} CROSS JOIN (SELECT count(*) FROM marks) m CROSS JOIN (SELECT count(*) FROM applied) a",
            self.source(&counter::ROW)
        );
        format!("applied AS ({applied}), begun AS ({begun}), counted AS ({})", counter::add_text(&source, "$5"))
    }
}
