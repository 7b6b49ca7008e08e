//! Changes of records, in batches.
use std::collections::HashMap;

use cxc_core::record::{Reason, RecordStatus};
use serde::Serialize;
use sqlx::AssertSqlSafe;

use super::fetch::{GENERAL, PUT_OFF, RESCHEDULED};
use super::{Record, bucket};
use crate::counter::Deltas;
use crate::rows::{PgRowQuery, column};
use crate::{Rows, StoreError, Tx, on};

/// A change of one record, written in a batch. It applies only while the record stands where it was read: a record
/// that somebody else moved meanwhile stays as it is.
#[derive(Debug, Clone, Serialize)]
pub struct RecordChange {
    /// Its group.
    pub grp: i64,
    /// Its id.
    pub id: i64,
    /// The status it must have.
    #[serde(rename = "was")]
    pub from: i16,
    /// The reason it must have.
    #[serde(rename = "was_reason")]
    pub from_reason: i16,
    /// The due time it must have.
    #[serde(rename = "was_due")]
    pub from_due: i64,
    /// The last result it had, by which accounting counted it.
    #[serde(skip)]
    pub from_result: Option<i16>,
    /// Its new status.
    pub status: i16,
    /// Its new reason.
    pub reason: i16,
    /// Not before this instant.
    pub due: i64,
    /// The position of its next device.
    pub device: i16,
    /// How many attempts were made.
    pub attempts: i16,
    /// How many retries of the present rule were used.
    pub retries: i16,
    /// The last result, if it changes.
    pub result: Option<i16>,
    /// The last attempt, if it changes.
    pub attempt: Option<i64>,
    /// The last instant at which it may be contacted, if it has one.
    pub not_after: Option<i64>,
    /// In words or ids: which entry, rule or filter.
    pub cause: Option<String>,
}

impl RecordChange {
    /// A change of this record to a status, a reason and a due time; everything else stays.
    pub fn of(record: &Record, status: RecordStatus, reason: Reason, due: i64) -> Self {
        Self {
            grp: record.grp,
            id: record.id,
            from: record.status,
            from_reason: record.reason,
            from_due: record.due,
            from_result: record.last_result,
            status: status.code(),
            reason: reason.code(),
            due,
            device: record.device,
            attempts: record.attempts,
            retries: record.retries,
            result: None,
            attempt: None,
            not_after: record.not_after,
            cause: None,
        }
    }
}

impl RecordChange {
    /// A change of this record to a later time. One that waits for an agent waits for that agent then, too.
    pub fn put_off(record: &Record, reason: Reason, due: i64, cause: Option<String>) -> Self {
        let (reason, cause) = match record.agent() {
            Some(agent) => (Reason::PersonalCallback, Some(agent.to_owned())),
            None => (reason, cause),
        };
        Self { cause, ..Self::of(record, RecordStatus::Ready, reason, due) }
    }

    /// Adds to the counters' changes what this one means, once it is applied.
    pub fn count(&self, deltas: &mut Deltas) {
        deltas.moved(
            self.grp,
            bucket(self.from, self.from_reason, self.from_due, self.from_result),
            bucket(self.status, self.reason, self.due, self.result.or(self.from_result)),
        );
    }
}

/// The columns of a [`RecordChange`].
pub(crate) const CHANGE: [(&str, &str); 15] = [
    ("grp", "BIGINT"),
    ("id", "BIGINT"),
    ("was", "SMALLINT"),
    ("was_reason", "SMALLINT"),
    ("was_due", "BIGINT"),
    ("status", "SMALLINT"),
    ("reason", "SMALLINT"),
    ("due", "BIGINT"),
    ("device", "SMALLINT"),
    ("attempts", "SMALLINT"),
    ("retries", "SMALLINT"),
    ("result", "SMALLINT"),
    ("attempt", "BIGINT"),
    ("not_after", "BIGINT"),
    ("cause", "TEXT"),
];

/// Changes records by a source of [`CHANGE`], each only where it stands as it was read. What was attempted and is ready
/// again goes before what was never attempted, and of that goes first what was put off.
pub(crate) fn apply_text(source: &str, epoch: &str, now: &str) -> String {
    format!(
        "UPDATE record SET status = v.status, reason = v.reason, due = v.due, device = v.device, attempts = v.attempts,
            retries = v.retries, last_result = coalesce(v.result, record.last_result),
            last_attempt = coalesce(v.attempt, record.last_attempt), not_after = v.not_after, cause = v.cause,
            attempted_at = CASE WHEN v.attempt IS NULL OR v.attempt = record.last_attempt THEN record.attempted_at
                ELSE {now} END,
            priority = CASE WHEN v.status = 1 AND v.attempts > 0 AND record.priority > {RESCHEDULED} THEN {RESCHEDULED}
                WHEN v.status = 1 AND v.due > record.due AND record.priority = {GENERAL} THEN {PUT_OFF}
                ELSE record.priority END,
            epoch = {epoch}, changed_at = {now}
         FROM {source} WHERE record.grp = v.grp AND record.id = v.id AND record.status = v.was
            AND record.reason = v.was_reason AND record.due = v.was_due RETURNING record.grp, record.id"
    )
}

/// Sets records on their way by a source of (grp, id, was_reason, was_due, device, attempt), each only where it stands
/// ready as it was read.
pub(crate) fn start_text(source: &str, epoch: &str, now: &str) -> String {
    let (ready, under_way) = (RecordStatus::Ready.code(), RecordStatus::InProgress.code());
    format!(
        "UPDATE record SET status = {under_way}, reason = {}, due = 0, device = v.device,
            attempts = least(record.attempts::INTEGER + 1, {})::SMALLINT, last_attempt = v.attempt, attempted_at = {now}, cause = NULL,
            epoch = {epoch}, changed_at = {now}
         FROM {source} WHERE record.grp = v.grp AND record.id = v.id AND record.status = {ready}
            AND record.reason = v.was_reason AND record.due = v.was_due RETURNING 1",
        Reason::None.code(),
        i16::MAX
    )
}

/// Binds a source of [`CHANGE`] as arrays.
pub(crate) fn bind_changes<'q, O>(query: PgRowQuery<'q, O>, rows: &'q [RecordChange]) -> PgRowQuery<'q, O> {
    query
        .bind(column(rows, |r| r.grp))
        .bind(column(rows, |r| r.id))
        .bind(column(rows, |r| r.from))
        .bind(column(rows, |r| r.from_reason))
        .bind(column(rows, |r| r.from_due))
        .bind(column(rows, |r| r.status))
        .bind(column(rows, |r| r.reason))
        .bind(column(rows, |r| r.due))
        .bind(column(rows, |r| r.device))
        .bind(column(rows, |r| r.attempts))
        .bind(column(rows, |r| r.retries))
        .bind(column(rows, |r| r.result))
        .bind(column(rows, |r| r.attempt))
        .bind(column(rows, |r| r.not_after))
        .bind(column(rows, |r| r.cause.as_deref()))
}

impl Tx {
    /// Applies changes that still fit (status is `from`), stamps `epoch`, and gathers the counters' changes.
    /// Answers the ids that were changed, with what they were before.
    pub async fn record_apply(
        &mut self,
        changes: &[RecordChange],
        epoch: i64,
        now: i64,
        deltas: &mut Deltas,
    ) -> Result<Vec<(i64, i64)>, StoreError> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        // of two changes of one record the later holds: the database would pick either of them
        let new: HashMap<(i64, i64), &RecordChange> = changes.iter().map(|c| ((c.grp, c.id), c)).collect();
        let once: Vec<&RecordChange> =
            changes.iter().filter(|c| new.get(&(c.grp, c.id)).is_some_and(|last| std::ptr::eq(*last, *c))).collect();
        let rows = Rows::of(&once)?;
        let update = apply_text(&Rows::source(self, "$1", &CHANGE), "$2", "$3");
        let applied: Vec<(i64, i64)> = on!(self, conn => sqlx::query_as(AssertSqlSafe(update)).bind(rows.text()).bind(epoch).bind(now).fetch_all(conn).await?);
        for place in &applied {
            if let Some(change) = new.get(place) {
                change.count(deltas);
            }
        }
        Ok(applied)
    }
}
