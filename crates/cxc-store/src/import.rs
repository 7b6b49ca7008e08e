//! Imports of lists: what ran, what it took, and how its rows become visible by one statement.
//! Owning service: list builder.
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::types::Json;
use uuid::Uuid;

use crate::list::ContactList;
use crate::{StoreError, Tx, id_block::Numbered, on};

/// The latest import can be undone for so long, in microseconds: seven days.
pub const UNDO_TIME: i64 = 7 * 24 * 3600 * 1_000_000;

/// What became of the lines of a file. A line is a record of the file after its header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
#[expect(missing_docs, reason = "the words of the functional specification, section 10")]
pub struct ImportCounts {
    pub lines: i64,
    pub imported: i64,
    pub updated: i64,
    pub duplicate: i64,
    pub rejected: i64,
    pub filtered: i64,
    pub blank: i64,
    /// Devices of the contacts that were imported or updated.
    pub devices: i64,
}

impl ImportCounts {
    /// Whether every line is accounted for.
    pub fn add_up(&self) -> bool {
        self.lines == self.imported + self.updated + self.duplicate + self.rejected + self.filtered + self.blank
    }

    /// Lines that were taken.
    pub fn taken(&self) -> i64 {
        self.imported + self.updated
    }
}

/// An import as stored. Times are microseconds.
#[derive(Debug, Clone, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns are explained in the migration")]
pub struct ListImport {
    pub number: i64,
    pub tenant: i64,
    pub kind: String,
    pub list: i64,
    pub job: Uuid,
    pub mode: String,
    pub state: String,
    pub file_name: String,
    pub generation: i64,
    pub generation_before: i64,
    pub visible_before: i64,
    pub visible_after: i64,
    pub contacts_before: i64,
    pub devices_before: i64,
    #[sqlx(flatten)]
    pub counts: ImportCounts,
    pub detail: Json<Value>,
    pub images: bool,
    pub started_at: i64,
    pub finished_at: Option<i64>,
}

/// A new import.
#[derive(Debug, Clone)]
pub struct NewImport<'a> {
    /// The job that runs it.
    pub job: Uuid,
    /// `append`, `update` or `replace`.
    pub mode: &'a str,
    /// The name of the file, for people.
    pub file_name: &'a str,
    /// When, in microseconds.
    pub now: i64,
}

/// What an import of contacts changed, besides its counts.
#[derive(Debug, Clone, Copy, Default)]
pub struct ContactsChange {
    /// The highest id of its contacts, or of the list before.
    pub visible_to: i64,
    /// Contacts more than before; in replace mode: contacts.
    pub contacts: i64,
    /// Devices more than before; in replace mode: devices.
    pub devices: i64,
}

const COLUMNS: &str = "number, tenant, kind, list, job, mode, state, file_name, generation, generation_before, visible_before,
    visible_after, contacts_before, devices_before, lines, imported, updated, duplicate, rejected, filtered, blank, devices,
    detail, images, started_at, finished_at";

impl Tx {
    /// Notes the start of an import of contacts. The caller holds the list's lease, and nothing is unsettled.
    pub async fn import_begin(&mut self, list: &ContactList, new: &NewImport<'_>) -> Result<ListImport, StoreError> {
        let generation = match new.mode {
            "replace" => self.id_block_take(Numbered::List, 1).await?,
            _ => list.generation,
        };
        let before = ListBefore {
            kind: "contacts",
            tenant: list.tenant,
            list: list.number,
            generation: list.generation,
            visible_to: list.visible_to,
            contacts: list.contacts,
            devices: list.devices,
        };
        self.import_insert(&before, generation, new).await
    }

    pub(crate) async fn import_insert(
        &mut self,
        before: &ListBefore,
        generation: i64,
        new: &NewImport<'_>,
    ) -> Result<ListImport, StoreError> {
        let sql = format!(
            "INSERT INTO list_import (number, tenant, kind, list, job, mode, state, file_name, generation, generation_before,
                visible_before, contacts_before, devices_before, detail, images, started_at)
             VALUES ($1, $2, $3, $4, $5, $6, 'running', $7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING {COLUMNS}"
        );
        let number = self.id_block_take(Numbered::Import, 1).await?;
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(number).bind(before.tenant).bind(before.kind)
            .bind(before.list).bind(new.job).bind(new.mode).bind(new.file_name).bind(generation).bind(before.generation)
            .bind(before.visible_to).bind(before.contacts).bind(before.devices).bind(Json(Value::Null))
            .bind(new.mode == "update").bind(new.now).fetch_one(conn).await?))
    }

    /// Makes an import's rows visible, by one statement on the list. Goes with the end of its job.
    pub async fn import_publish(
        &mut self,
        import: &ListImport,
        change: ContactsChange,
        counts: &ImportCounts,
        detail: &Value,
        now: i64,
    ) -> Result<(), StoreError> {
        const APPEND: &str =
            "UPDATE contact_list SET visible_to = $2, contacts = contacts + $3, devices = devices + $4,
            rejects = $5, changes = changes + 1 WHERE number = $1 AND generation = $6";
        const REPLACE: &str = "UPDATE contact_list SET visible_to = $2, contacts = $3, devices = $4, rejects = $5,
            changes = changes + 1, generation = $6 WHERE number = $1";
        let replace = import.mode == "replace";
        let sql = if replace { REPLACE } else { APPEND };
        let changed = on!(self, conn => sqlx::query(sql).bind(import.list).bind(change.visible_to).bind(change.contacts)
            .bind(change.devices).bind(counts.rejected + counts.duplicate).bind(import.generation).execute(conn).await?.rows_affected());
        if changed != 1 {
            return Err(StoreError::LeaseLost("the list was deleted".into()));
        }
        self.garbage_release(import.list, now).await?;
        self.contacts_edited_forget(import.list).await?;
        if replace {
            self.garbage_insert(import.generation_before, import.list, now + UNDO_TIME).await?;
        }
        self.import_finish(import, "published", change.visible_to, counts, detail, now).await
    }

    /// Notes how an import ended.
    pub(crate) async fn import_finish(
        &mut self,
        import: &ListImport,
        state: &str,
        visible_after: i64,
        counts: &ImportCounts,
        detail: &Value,
        now: i64,
    ) -> Result<(), StoreError> {
        const SQL: &str =
            "UPDATE list_import SET state = $2, visible_after = $3, lines = $4, imported = $5, updated = $6,
            duplicate = $7, rejected = $8, filtered = $9, blank = $10, devices = $11, detail = $12, finished_at = $13
            WHERE number = $1 AND state = 'running'";
        let changed = on!(self, conn => sqlx::query(SQL).bind(import.number).bind(state).bind(visible_after).bind(counts.lines)
            .bind(counts.imported).bind(counts.updated).bind(counts.duplicate).bind(counts.rejected).bind(counts.filtered)
            .bind(counts.blank).bind(counts.devices).bind(Json(detail)).bind(now).execute(conn).await?.rows_affected());
        if changed == 1 { Ok(()) } else { Err(StoreError::LeaseLost(format!("import {}", import.number))) }
    }

    /// Notes why an import changed nothing, and what its counts were. Settle it first.
    pub async fn import_note(
        &mut self,
        import: i64,
        state: &str,
        counts: &ImportCounts,
        detail: &Value,
        now: i64,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE list_import SET state = $2, lines = $3, imported = $4, updated = $5, duplicate = $6,
            rejected = $7, filtered = $8, blank = $9, devices = $10, detail = $11, finished_at = $12 WHERE number = $1
            AND state IN ('failed', 'cancelled')";
        on!(self, conn => sqlx::query(SQL).bind(import).bind(state).bind(counts.lines)
            .bind(counts.imported).bind(counts.updated).bind(counts.duplicate).bind(counts.rejected).bind(counts.filtered)
            .bind(counts.blank).bind(counts.devices).bind(Json(detail)).bind(now).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Changes what is kept of an import besides its counts.
    pub async fn import_detail_set(&mut self, import: i64, detail: &Value) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE list_import SET detail = $2 WHERE number = $1";
        on!(self, conn => sqlx::query(SQL).bind(import).bind(Json(detail)).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// One import of a list of a tenant.
    pub async fn import_get(&mut self, tenant: i64, number: i64) -> Result<Option<ListImport>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM list_import WHERE tenant = $1 AND number = $2");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(number).fetch_optional(conn).await?))
    }

    /// The import that a job ran last.
    pub async fn import_of_job(&mut self, tenant: i64, job: Uuid) -> Result<Option<ListImport>, StoreError> {
        let sql =
            format!("SELECT {COLUMNS} FROM list_import WHERE tenant = $1 AND job = $2 ORDER BY number DESC LIMIT 1");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(job).fetch_optional(conn).await?))
    }

    /// The imports of a list (`contacts` or `suppression`), newest first, before a number.
    pub async fn import_page(
        &mut self,
        tenant: i64,
        kind: &str,
        list: i64,
        before: i64,
        limit: i64,
    ) -> Result<Vec<ListImport>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM list_import WHERE kind = $1 AND list = $2 AND number < $3 AND tenant = $4
             ORDER BY number DESC LIMIT $5"
        );
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(kind).bind(list).bind(before).bind(tenant)
            .bind(limit).fetch_all(conn).await?))
    }

    /// The newest import of a list that changed it and still stands.
    pub async fn import_latest(&mut self, kind: &str, list: i64) -> Result<Option<ListImport>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM list_import WHERE kind = $1 AND list = $2 AND state IN ('published', 'undoing', 'undone')
             ORDER BY number DESC LIMIT 1"
        );
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(kind).bind(list).fetch_optional(conn).await?))
    }

    /// Forgets the imports of a deleted list.
    pub(crate) async fn imports_forget(&mut self, kind: &str, list: i64) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE list_import SET state = 'undone' WHERE kind = $1 AND list = $2";
        on!(self, conn => sqlx::query(SQL).bind(kind).bind(list).execute(conn).await?.rows_affected());
        Ok(())
    }
}

/// How a list was when its import began.
pub(crate) struct ListBefore {
    pub kind: &'static str,
    pub tenant: i64,
    pub list: i64,
    pub generation: i64,
    pub visible_to: i64,
    pub contacts: i64,
    pub devices: i64,
}
