//! Records: one contact's chain in one campaign group. Written by pre-loading and by the sender that
//! holds the lease of the group's channel account; owning service: campaign manager.
mod change;
mod dedupe;
mod fetch;

use cxc_core::record::{Reason, RecordStatus};
use serde::Serialize;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

pub use self::change::RecordChange;
pub(crate) use self::change::{CHANGE, apply_text, bind_changes, start_text};
pub use self::dedupe::RECORD_DEDUPE;
pub(crate) use self::fetch::RESCHEDULED;
pub use self::fetch::{FetchKey, GENERAL, PUT_OFF};
use crate::bulk::BulkTable;
use crate::counter::Bucket;
use crate::int_set::IntSet;
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
    pub attempted_at: Option<i64>,
    pub cause: Option<String>,
    pub changed_at: i64,
}

const COLUMNS: &str = "grp, id, list, status, reason, priority, due, not_after, device, attempts, retries,
    last_result, last_attempt, attempted_at, cause, changed_at";

impl Record {
    /// The user for whom it waits, if it waits for one.
    pub fn agent(&self) -> Option<&str> {
        self.cause.as_deref().filter(|_| self.reason == Reason::PersonalCallback.code())
    }

    /// Why it waits or is left out, at an instant: what put a record off says nothing any more once its time has come, unless
    /// it waits for one agent.
    pub fn standing_reason(&self, now: i64) -> Reason {
        let reason = Reason::from_code(self.reason).unwrap_or(Reason::None);
        let is_over = self.status == RecordStatus::Ready.code() && self.due <= now && self.agent().is_none();
        if is_over { Reason::None } else { reason }
    }

    /// Where accounting counts it.
    pub fn bucket(&self) -> Bucket {
        let status = RecordStatus::from_code(self.status).unwrap_or(RecordStatus::InDoubt);
        Bucket::of(status, Reason::from_code(self.reason).unwrap_or(Reason::None), self.due, self.last_result)
    }
}

impl Tx {
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
}

fn bucket(status: i16, reason: i16, due: i64, result: Option<i16>) -> Bucket {
    let status = RecordStatus::from_code(status).unwrap_or(RecordStatus::InDoubt);
    Bucket::of(status, Reason::from_code(reason).unwrap_or(Reason::None), due, result)
}
