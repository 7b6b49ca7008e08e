//! The one statement of a batch on PostgreSQL: its text, and the values behind it. One array a column, which PostgreSQL
//! reads faster than JSON; what is the same for all is bound once.
use cxc_core::compliance::Purpose;

use super::{Begin, Outgoing};
use crate::attempt::{self, OUTCOME};
use crate::counter;
use crate::in_flight;
use crate::record::{self, CHANGE};
use crate::rows::{PgRowQuery, column};

/// What is bound first: lease, token, holder, shard, now; tenant, month, account, epoch and channel of what begins.
const SHARED: usize = 10;

/// The columns of an attempt that begins and differ within a batch.
const BEGINS: [(&str, &str); 11] = [
    ("id", "BIGINT"),
    ("grp", "BIGINT"),
    ("record", "BIGINT"),
    ("list", "BIGINT"),
    ("contact", "BIGINT"),
    ("position", "SMALLINT"),
    ("device_hash", "BIGINT"),
    ("client_hash", "BIGINT"),
    ("location", "BIGINT"),
    ("rule_set", "BIGINT"),
    ("regions", "TEXT"),
];

/// The columns of an attempt that ended: where it stands, and its answer.
const ENDS: [(&str, &str); 11] = [
    ("key", "BIGINT"),
    ("attempt", "BIGINT"),
    ("state", "SMALLINT"),
    ("result", "SMALLINT"),
    ("provider_id", "TEXT"),
    ("detail", "TEXT"),
    ("finished_at", "BIGINT"),
    ("disposition", "TEXT"),
    ("agent", "TEXT"),
    ("note", "TEXT"),
    ("purpose", "TEXT"),
];

/// The columns of a record whose attempt begins.
const STARTS: [(&str, &str); 6] = [
    ("grp", "BIGINT"),
    ("id", "BIGINT"),
    ("was_reason", "SMALLINT"),
    ("was_due", "BIGINT"),
    ("device", "SMALLINT"),
    ("attempt", "BIGINT"),
];

/// Counts the places of values.
pub(super) struct Values {
    next: usize,
}

impl Default for Values {
    fn default() -> Self {
        Self { next: SHARED + 1 }
    }
}

impl Values {
    /// The place of the next value.
    pub fn next(&self) -> usize {
        self.next
    }

    fn source(&mut self, columns: &[(&str, &str)]) -> String {
        let places = (self.next..).zip(columns).map(|(n, (_, kind))| format!("${n}::{kind}[]"));
        let places: Vec<String> = places.collect();
        self.next += columns.len();
        let names: Vec<&str> = columns.iter().map(|c| c.0).collect();
        format!("unnest({}) AS v({})", places.join(", "), names.join(", "))
    }

    /// Lease, attempts that ended, attempts that begin. Each part sees the tables as they were before the statement, so a
    /// person whose attempt ends in the same batch is not free yet.
    pub fn attempts(&mut self) -> String {
        let ended = in_flight::take_text(&self.source(&ENDS), &OUTCOME.map(|c| c.0));
        let made = attempt::ended_text();
        let begun = in_flight::begin_text(&self.source(&BEGINS));
        format!(
            "held AS (SELECT 1 FROM lease WHERE name = $1 AND token = $2 AND holder = $3 FOR SHARE),
             ended AS ({ended}), made AS ({made}), begun AS ({begun})"
        )
    }

    /// Records and, behind everything else, the counters: their rows are the most wanted.
    pub fn records(&mut self) -> String {
        let started = record::start_text(&self.source(&STARTS), "$2", "$5");
        let applied = record::apply_text(&self.source(&CHANGE), "$2", "$5");
        let source = format!(
            "{} CROSS JOIN (SELECT count(*) FROM begun) m CROSS JOIN (SELECT count(*) FROM started) s
                CROSS JOIN (SELECT count(*) FROM applied) a",
            self.source(&counter::ROW)
        );
        format!("started AS ({started}), applied AS ({applied}), counted AS ({})", counter::add_text(&source, "$4"))
    }
}

impl Outgoing<'_> {
    /// Binds what is the same for all.
    pub(super) fn bind<'q, O>(&'q self, query: PgRowQuery<'q, O>, begins: &[Begin<'q>]) -> PgRowQuery<'q, O> {
        let query = query.bind(&self.lease.name).bind(self.lease.token).bind(&self.lease.holder);
        let query = query.bind(self.shard).bind(self.now);
        let first = begins.first().map(|b| b.attempt);
        query
            .bind(first.map_or(0, |a| a.tenant))
            .bind(first.map_or(0, |a| a.month))
            .bind(first.map_or(0, |a| a.account))
            .bind(first.map_or(0, |a| a.epoch))
            .bind(first.map_or(0, |a| a.channel))
    }
}

/// Binds what [`Values::attempts`] names.
pub(super) fn bind_attempts<'q, O>(
    query: PgRowQuery<'q, O>,
    batch: &'q Outgoing<'_>,
    begins: &[Begin<'q>],
) -> PgRowQuery<'q, O> {
    let made = batch.made;
    let query = batch
        .bind(query, begins)
        .bind(column(made, |m| m.attempt.device_hash))
        .bind(column(made, |m| m.attempt.id))
        .bind(column(made, |m| m.outcome.state))
        .bind(column(made, |m| m.outcome.result))
        .bind(column(made, |m| m.outcome.provider_id.as_deref()))
        .bind(column(made, |m| m.outcome.detail.as_deref()))
        .bind(column(made, |m| m.outcome.finished_at))
        .bind(column(made, |m| m.outcome.disposition.as_deref()))
        .bind(column(made, |m| m.outcome.agent.as_deref()))
        .bind(column(made, |m| m.outcome.note.as_deref()))
        .bind(column(made, |m| m.outcome.purpose.map(Purpose::as_str)));
    query
        .bind(column(begins, |b| b.attempt.id))
        .bind(column(begins, |b| b.attempt.grp))
        .bind(column(begins, |b| b.attempt.record))
        .bind(column(begins, |b| b.attempt.list))
        .bind(column(begins, |b| b.attempt.contact))
        .bind(column(begins, |b| b.attempt.position))
        .bind(column(begins, |b| b.attempt.device_hash))
        .bind(column(begins, |b| b.attempt.client_hash))
        .bind(column(begins, |b| b.attempt.location))
        .bind(column(begins, |b| b.attempt.rule_set))
        .bind(column(begins, |b| b.attempt.regions.as_deref()))
}

/// Binds what [`Values::records`] names.
pub(super) fn bind_records<'q, O>(
    query: PgRowQuery<'q, O>,
    batch: &'q Outgoing<'_>,
    begins: &[Begin<'q>],
    deltas: &'q [counter::Row],
) -> PgRowQuery<'q, O> {
    let query = query
        .bind(column(begins, |b| b.record.grp))
        .bind(column(begins, |b| b.record.id))
        .bind(column(begins, |b| b.record.reason))
        .bind(column(begins, |b| b.record.due))
        .bind(column(begins, |b| b.attempt.position))
        .bind(column(begins, |b| b.attempt.id));
    counter::bind_rows(record::bind_changes(query, batch.changes), deltas)
}
