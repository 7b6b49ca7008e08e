//! Records: one contact's chain in one campaign group. Written by pre-loading and by the sender that
//! holds the lease of the group's channel account; owning service: campaign manager.
use std::collections::HashMap;

use cxc_core::record::{Reason, RecordStatus};
use serde::Serialize;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::bulk::BulkTable;
use crate::counter::{Bucket, Deltas};
use crate::int_set::IntSet;
use crate::rows::{PgRowQuery, column};
use crate::{Rows, StoreError, Tx, on};

/// The columns that pre-loading fills; `epoch` starts at 0.
pub const RECORD: BulkTable = BulkTable {
    name: "record",
    columns: &[
        "grp",
        "id",
        "list",
        "status",
        "reason",
        "priority",
        "due",
        "device",
        "attempts",
        "retries",
        "epoch",
        "dedupe_hash",
        "cause",
        "changed_at",
    ],
};

/// The devices for which records stand.
pub const RECORD_DEDUPE: BulkTable = BulkTable { name: "record_dedupe", columns: &["grp", "dedupe_hash", "id"] };

/// A record as stored. Its id is its contact's: a contact has one record in a group. Times are microseconds.
#[derive(Debug, Clone, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns are explained in the migration")]
pub struct Record {
    pub grp: i64,
    pub id: i64,
    pub list: i64,
    pub status: i16,
    pub reason: i16,
    pub priority: i16,
    pub due: i64,
    pub not_after: Option<i64>,
    pub device: i16,
    pub attempts: i16,
    pub retries: i16,
    pub last_result: Option<i16>,
    pub last_attempt: Option<i64>,
    pub cause: Option<String>,
    pub changed_at: i64,
}

const COLUMNS: &str = "grp, id, list, status, reason, priority, due, not_after, device, attempts, retries,
    last_result, last_attempt, cause, changed_at";

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

/// Changes records by a source of [`CHANGE`], each only where it stands as it was read.
pub(crate) fn apply_text(source: &str, epoch: &str, now: &str) -> String {
    format!(
        "UPDATE record SET status = v.status, reason = v.reason, due = v.due, device = v.device, attempts = v.attempts,
            retries = v.retries, last_result = coalesce(v.result, record.last_result),
            last_attempt = coalesce(v.attempt, record.last_attempt), not_after = v.not_after, cause = v.cause,
            epoch = {epoch}, changed_at = {now}
         FROM {source} WHERE record.grp = v.grp AND record.id = v.id AND record.status = v.was
            AND record.reason = v.was_reason AND record.due = v.was_due RETURNING record.grp, record.id"
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

impl Record {
    /// Where accounting counts it.
    pub fn bucket(&self) -> Bucket {
        let status = RecordStatus::from_code(self.status).unwrap_or(RecordStatus::InDoubt);
        Bucket::of(status, Reason::from_code(self.reason).unwrap_or(Reason::None), self.due, self.last_result)
    }
}

/// Where a fetch left off: the next one starts behind it, so that it does not walk again over what is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FetchKey {
    /// Priority, due time and id of the last record seen.
    pub last: Option<(i16, i64, i64)>,
}

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

impl Tx {
    /// Ready records of one list of a group that are due, in order of priority, due time and age,
    /// behind `key`; newest first if `lifo`. One walk over the partial index; nothing is written.
    pub async fn record_fetch(
        &mut self,
        grp: i64,
        list: i64,
        now: i64,
        key: FetchKey,
        lifo: bool,
        limit: i64,
    ) -> Result<Vec<Record>, StoreError> {
        let (start, behind, order) = if lifo { (i64::MAX, "<", "due DESC, id DESC") } else { (-1, ">", "due, id") };
        let ready = self.choose("open_status = 1", "status = 1");
        let mut found: Vec<Record> = Vec::new();
        for priority in 0..=2_i16 {
            let (due, id) = match key.last {
                Some((seen, _, _)) if seen > priority => continue,
                Some((seen, due, id)) if seen == priority => (due, id),
                _ => (start, start),
            };
            let sql = format!(
                "SELECT {COLUMNS} FROM record
                 WHERE grp = $1 AND list = $2 AND {ready} AND priority = $3 AND due <= $4 AND (due, id) {behind} ($5, $6)
                 ORDER BY {order} LIMIT $7"
            );
            let rest = limit - i64::try_from(found.len()).unwrap_or(limit);
            let page: Vec<Record> = on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(grp).bind(list).bind(priority)
                .bind(now).bind(due).bind(id).bind(rest).fetch_all(conn).await?);
            found.extend(page);
            if i64::try_from(found.len()).unwrap_or(limit) >= limit {
                break;
            }
        }
        Ok(found)
    }

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

    /// One record of a group, by its contact's id.
    pub async fn record_get(&mut self, grp: i64, id: i64) -> Result<Option<Record>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM record WHERE grp = $1 AND id = $2");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(grp).bind(id).fetch_optional(conn).await?))
    }

    /// Records of a group by their ids.
    pub async fn record_get_many(&mut self, grp: i64, ids: &[i64]) -> Result<Vec<Record>, StoreError> {
        #[derive(Serialize)]
        struct Id {
            id: i64,
        }
        let rows = Rows::of(&ids.iter().map(|id| Id { id: *id }).collect::<Vec<_>>())?;
        let source = Rows::source(self, "$1", &[("id", "BIGINT")]);
        let columns = COLUMNS.split(", ").map(|c| format!("r.{}", c.trim())).collect::<Vec<_>>().join(", ");
        let sql = format!("SELECT {columns} FROM {source} CROSS JOIN record r WHERE r.grp = $2 AND r.id = v.id");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(rows.text()).bind(grp).fetch_all(conn).await?))
    }

    /// A page of a group's records behind an id, all of them or those with a status (and reason).
    pub async fn record_page(
        &mut self,
        grp: i64,
        status: Option<i16>,
        reason: Option<i16>,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Record>, StoreError> {
        // written out, not bound: only so is a partial index of one status found
        let mut sql = format!("SELECT {COLUMNS} FROM record WHERE grp = $1 AND id > $2");
        if let Some(status) = status {
            sql.push_str(&format!(" AND status = {status}"));
        }
        if let Some(reason) = reason {
            sql.push_str(&format!(" AND reason = {reason}"));
        }
        sql.push_str(" ORDER BY id LIMIT $3");
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(grp).bind(after).bind(limit).fetch_all(conn).await?),
        )
    }

    /// A page of a group's records behind an id, locked until the end of the transaction.
    pub async fn record_page_locked(&mut self, grp: i64, after: i64, limit: i64) -> Result<Vec<Record>, StoreError> {
        let lock = self.choose(" FOR UPDATE", "");
        let sql = format!("SELECT {COLUMNS} FROM record WHERE grp = $1 AND id > $2 ORDER BY id LIMIT $3{lock}");
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(grp).bind(after).bind(limit).fetch_all(conn).await?),
        )
    }

    /// Deletes records of a group by their ids; the caller has locked them and keeps the counters.
    pub async fn record_delete_many(&mut self, grp: i64, ids: &[i64]) -> Result<u64, StoreError> {
        let set = IntSet::of(ids.iter().copied());
        let these = IntSet::test(self, "$2");
        let sql = format!(
            "DELETE FROM record_dedupe WHERE grp = $1 AND (dedupe_hash, id) IN
                (SELECT dedupe_hash, id FROM record WHERE grp = $1 AND id{these})"
        );
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(grp).bind(set.text()).execute(conn).await?.rows_affected());
        let sql = format!("DELETE FROM record WHERE grp = $1 AND id{these}");
        Ok(
            on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(grp).bind(set.text()).execute(conn).await?.rows_affected()),
        )
    }

    /// The contacts, by a range of their ids, that have a record in a group.
    pub async fn record_contacts(&mut self, grp: i64, first: i64, last: i64) -> Result<Vec<i64>, StoreError> {
        const SQL: &str = "SELECT id FROM record WHERE grp = $1 AND id BETWEEN $2 AND $3";
        Ok(on!(self, conn => sqlx::query_scalar(SQL).bind(grp).bind(first).bind(last).fetch_all(conn).await?))
    }

    /// Records of one list of a group that wait for their first attempt, behind a contact, by contact.
    pub async fn record_waiting(
        &mut self,
        grp: i64,
        list: i64,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Record>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM record WHERE grp = $1 AND id > $3 AND list = $2 AND status = 1 AND attempts = 0
             ORDER BY id LIMIT $4"
        );
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(grp).bind(list).bind(after).bind(limit).fetch_all(conn).await?),
        )
    }

    /// The records of a contact in the groups of its tenant, each with its group's id: one look-up a group.
    pub async fn records_of_contact(&mut self, tenant: i64, contact: i64) -> Result<Vec<(Uuid, Record)>, StoreError> {
        #[derive(sqlx::FromRow)]
        struct Found {
            group_id: Uuid,
            #[sqlx(flatten)]
            record: Record,
        }
        let columns = COLUMNS.split(',').map(|c| format!("r.{}", c.trim())).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "SELECT g.id AS group_id, {columns} FROM campaign_group g JOIN record r ON r.grp = g.number AND r.id = $2
             WHERE g.tenant = $1 ORDER BY g.number LIMIT 1000"
        );
        let found: Vec<Found> =
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(contact).fetch_all(conn).await?);
        Ok(found.into_iter().map(|f| (f.group_id, f.record)).collect())
    }

    /// Says which device each of these records stands for: (id, address hash).
    pub async fn record_set_dedupe(&mut self, grp: i64, hashes: &[(i64, i64)]) -> Result<(), StoreError> {
        #[derive(Serialize)]
        struct Row {
            id: i64,
            h: i64,
        }
        if hashes.is_empty() {
            return Ok(());
        }
        let rows = Rows::of(&hashes.iter().map(|(id, h)| Row { id: *id, h: *h }).collect::<Vec<_>>())?;
        let source = Rows::source(self, "$1", &[("id", "BIGINT"), ("h", "BIGINT")]);
        let sql =
            format!("UPDATE record SET dedupe_hash = v.h FROM {source} WHERE record.grp = $2 AND record.id = v.id");
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(rows.text()).bind(grp).execute(conn).await?.rows_affected());
        let sql = format!(
            "INSERT INTO record_dedupe (grp, dedupe_hash, id) SELECT $2, v.h, v.id FROM {source} WHERE true ON CONFLICT DO NOTHING"
        );
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(rows.text()).bind(grp).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// The contacts, by a range of their ids, that these groups of a tenant have reached.
    pub async fn record_reached(
        &mut self,
        tenant: i64,
        groups: &[Uuid],
        first: i64,
        last: i64,
    ) -> Result<Vec<i64>, StoreError> {
        let mut numbers = Vec::with_capacity(groups.len());
        for id in groups {
            numbers.extend(self.group_get(tenant, *id, false).await?.map(|g| g.number.to_string()));
        }
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT id FROM record WHERE grp IN ({}) AND id BETWEEN $1 AND $2 AND status = 3 AND last_result = 0",
            numbers.join(", ")
        );
        Ok(on!(self, conn => sqlx::query_scalar(AssertSqlSafe(sql)).bind(first).bind(last).fetch_all(conn).await?))
    }

    /// Deletes a slice of a group's records; answers how many.
    pub async fn record_delete(&mut self, grp: i64, limit: i64) -> Result<u64, StoreError> {
        const DEDUPE: &str = "DELETE FROM record_dedupe WHERE grp = $1 AND (dedupe_hash, id) IN
            (SELECT dedupe_hash, id FROM record WHERE grp = $1 ORDER BY id LIMIT $2)";
        const SQL: &str =
            "DELETE FROM record WHERE grp = $1 AND id IN (SELECT id FROM record WHERE grp = $1 ORDER BY id LIMIT $2)";
        on!(self, conn => sqlx::query(DEDUPE).bind(grp).bind(limit).execute(conn).await?.rows_affected());
        Ok(on!(self, conn => sqlx::query(SQL).bind(grp).bind(limit).execute(conn).await?.rows_affected()))
    }

    /// Which of these dedupe hashes already stand in a group.
    pub async fn record_dedupe_hits(&mut self, grp: i64, hashes: &[i64]) -> Result<Vec<i64>, StoreError> {
        #[derive(Serialize)]
        struct Hash {
            h: i64,
        }
        if hashes.is_empty() {
            return Ok(Vec::new());
        }
        let rows = Rows::of(&hashes.iter().map(|h| Hash { h: *h }).collect::<Vec<_>>())?;
        let source = Rows::source(self, "$1", &[("h", "BIGINT")]);
        let sql = format!(
            "SELECT DISTINCT v.h FROM {source} CROSS JOIN record_dedupe r WHERE r.grp = $2 AND r.dedupe_hash = v.h"
        );
        Ok(on!(self, conn => sqlx::query_scalar(AssertSqlSafe(sql)).bind(rows.text()).bind(grp).fetch_all(conn).await?))
    }

    /// Which of these records (id, hash of its device) stand in a group beside another for the same device.
    pub async fn record_dedupe_others(&mut self, grp: i64, devices: &[(i64, i64)]) -> Result<Vec<i64>, StoreError> {
        #[derive(Serialize)]
        struct Row {
            id: i64,
            h: i64,
        }
        if devices.is_empty() {
            return Ok(Vec::new());
        }
        let rows = Rows::of(&devices.iter().map(|(id, h)| Row { id: *id, h: *h }).collect::<Vec<_>>())?;
        let source = Rows::source(self, "$1", &[("id", "BIGINT"), ("h", "BIGINT")]);
        let sql = format!(
            "SELECT DISTINCT v.id FROM {source} CROSS JOIN record_dedupe r WHERE r.grp = $2 AND r.dedupe_hash = v.h AND r.id <> v.id"
        );
        Ok(on!(self, conn => sqlx::query_scalar(AssertSqlSafe(sql)).bind(rows.text()).bind(grp).fetch_all(conn).await?))
    }

    /// The dedupe hashes of a group, in order, behind one of them and its record.
    pub async fn record_dedupe_page(
        &mut self,
        grp: i64,
        after: (i64, i64),
        limit: i64,
    ) -> Result<Vec<(i64, i64)>, StoreError> {
        const SQL: &str = "SELECT dedupe_hash, id FROM record_dedupe WHERE grp = $1 AND (dedupe_hash, id) > ($2, $3)
            ORDER BY dedupe_hash, id LIMIT $4";
        Ok(
            on!(self, conn => sqlx::query_as(SQL).bind(grp).bind(after.0).bind(after.1).bind(limit).fetch_all(conn).await?),
        )
    }
}

fn bucket(status: i16, reason: i16, due: i64, result: Option<i16>) -> Bucket {
    let status = RecordStatus::from_code(status).unwrap_or(RecordStatus::InDoubt);
    Bucket::of(status, Reason::from_code(reason).unwrap_or(Reason::None), due, result)
}
