//! Taking an import back: after a cancel or a crash, or because a person asks. Owning service: list builder.
use serde::Serialize;
use sqlx::AssertSqlSafe;

use crate::contact::FullContact;
use crate::import::{ListImport, UNDO_TIME};
use crate::list::ContactList;
use crate::{Rows, StoreError, Tx, on};

/// Whether a list's latest import can be undone.
#[derive(Debug)]
pub enum Undo {
    /// It can.
    Possible(Box<ListImport>),
    /// There is none, or it was undone already.
    Nothing,
    /// It is older than seven days.
    TooLate,
    /// A contact of it was attempted (`undo_blocked`).
    Attempted,
    /// So many contacts of it were written by hand since (`undo_blocked`).
    Edited(i64),
}

#[derive(Serialize)]
struct Image {
    contact: i64,
    image: String,
}

impl Tx {
    /// The import of a list that a crash, a cancel or an undo left half done, if there is one.
    pub async fn import_unsettled(&mut self, kind: &str, list: i64) -> Result<Option<ListImport>, StoreError> {
        const SQL: &str = "SELECT tenant, number FROM list_import WHERE kind = $1 AND list = $2
            AND state IN ('running', 'undoing') ORDER BY number LIMIT 1";
        let found: Option<(i64, i64)> =
            on!(self, conn => sqlx::query_as(SQL).bind(kind).bind(list).fetch_optional(conn).await?);
        match found {
            Some((tenant, number)) => self.import_get(tenant, number).await,
            None => Ok(None),
        }
    }

    /// Takes back some of what an unsettled import of contacts did, about `limit` contacts' worth; true when
    /// nothing is left, and the import has its last state: `ended` for one that ran, else `undone`. The
    /// caller holds the list's lease.
    pub async fn import_settle_step(
        &mut self,
        import: &ListImport,
        ended: &str,
        limit: i64,
        now: i64,
    ) -> Result<bool, StoreError> {
        const DONE: &str = "UPDATE list_import SET state = $2, finished_at = coalesce(finished_at, $3)
            WHERE number = $1 AND state IN ('running', 'undoing')";
        if self.consent_take_back(import, limit, now).await? {
            return Ok(false);
        }
        let running = import.state == "running";
        if running && import.mode == "replace" {
            self.garbage_insert(import.generation, 0, now).await?;
        } else if import.mode != "replace" {
            let upto = if running { i64::MAX } else { import.visible_after };
            if self.contacts_collect(import.generation, import.visible_before, upto, limit).await? {
                return Ok(false);
            }
            if self.contacts_restore(import, limit).await? {
                return Ok(false);
            }
        }
        let state = if running { ended } else { "undone" };
        on!(self, conn => sqlx::query(DONE).bind(import.number).bind(state).bind(now).execute(conn).await?.rows_affected());
        Ok(true)
    }

    /// Keeps how contacts were before an update changes them.
    pub async fn contact_before_insert(&mut self, import: i64, before: &[FullContact]) -> Result<(), StoreError> {
        let images = before
            .iter()
            .map(|full| Ok(Image { contact: full.contact.id, image: serde_json::to_string(full)? }))
            .collect::<Result<Vec<_>, StoreError>>()?;
        let sql = format!(
            "INSERT INTO contact_before (import, contact, image) SELECT $1, v.contact, v.image FROM {} WHERE TRUE
             ON CONFLICT (import, contact) DO NOTHING",
            Rows::source(self, "$2", &[("contact", "BIGINT"), ("image", "TEXT")])
        );
        let rows = Rows::of(&images)?;
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(import).bind(rows.text()).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Which of these contacts an import has changed already.
    pub async fn contact_before_ids(&mut self, import: i64, contacts: &[i64]) -> Result<Vec<i64>, StoreError> {
        let sql = format!(
            "SELECT contact FROM contact_before WHERE import = $1 AND contact{}",
            crate::int_set::IntSet::test(self, "$2")
        );
        let set = crate::int_set::IntSet::of(contacts.iter().copied());
        Ok(
            on!(self, conn => sqlx::query_scalar(AssertSqlSafe(sql)).bind(import).bind(set.text()).fetch_all(conn).await?),
        )
    }

    /// Puts some contacts back to how they were; false when none is left to be.
    async fn contacts_restore(&mut self, import: &ListImport, limit: i64) -> Result<bool, StoreError> {
        const NEXT: &str = "SELECT contact, image FROM contact_before WHERE import = $1 ORDER BY contact LIMIT $2";
        const DONE: &str = "DELETE FROM contact_before WHERE import = $1 AND contact <= $2";
        let rows: Vec<(i64, String)> =
            on!(self, conn => sqlx::query_as(NEXT).bind(import.number).bind(limit).fetch_all(conn).await?);
        let Some(&(last, _)) = rows.last() else { return Ok(false) };
        let ids: Vec<i64> = rows.iter().map(|row| row.0).collect();
        // one that was deleted by hand since then stays deleted
        let present = self.contact_ids(import.generation, &ids).await?;
        let mut images = Vec::with_capacity(present.len());
        for (id, image) in &rows {
            if present.contains(id) {
                images.push(serde_json::from_str::<FullContact>(image)?);
            }
        }
        let (_, devices) = self.contacts_remove(import.generation, &present).await?;
        self.contacts_insert(import.generation, &images).await?;
        if import.state == "undoing" {
            let restored: usize = images.iter().map(|full| full.devices.len()).sum();
            let difference = i64::try_from(restored).unwrap_or(0) - devices.cast_signed();
            self.contact_list_count(import.list, 0, difference, 0).await?;
        }
        on!(self, conn => sqlx::query(DONE).bind(import.number).bind(last).execute(conn).await?.rows_affected());
        Ok(true)
    }

    /// Whether a list's latest import can be undone now. May read much: use a reading transaction.
    pub async fn import_undoable(&mut self, list: &ContactList, now: i64) -> Result<Undo, StoreError> {
        let Some(import) = self.import_latest("contacts", list.number).await? else { return Ok(Undo::Nothing) };
        if import.state != "published" {
            return Ok(Undo::Nothing);
        }
        if import.finished_at.unwrap_or(0) + UNDO_TIME <= now {
            return Ok(Undo::TooLate);
        }
        if self.import_attempted(list, &import).await? {
            return Ok(Undo::Attempted);
        }
        let edited = self.import_edited(&import).await?;
        Ok(if edited > 0 { Undo::Edited(edited) } else { Undo::Possible(import.into()) })
    }

    /// Notes that contacts of a list were written by hand.
    pub async fn contacts_edited(&mut self, list: i64, contacts: &[i64], now: i64) -> Result<(), StoreError> {
        #[derive(Serialize)]
        struct Id {
            id: i64,
        }
        if contacts.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "INSERT INTO contact_edit (list, contact, at) SELECT $2, v.id, $3 FROM {} WHERE TRUE
             ON CONFLICT (list, contact) DO UPDATE SET at = excluded.at",
            Rows::source(self, "$1", &[("id", "BIGINT")])
        );
        let rows = Rows::of(&contacts.iter().map(|id| Id { id: *id }).collect::<Vec<_>>())?;
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(rows.text()).bind(list).bind(now).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Forgets who was written by hand in a list: its next import is published, and no undo reaches back behind that.
    pub(crate) async fn contacts_edited_forget(&mut self, list: i64) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM contact_edit WHERE list = $1";
        on!(self, conn => sqlx::query(SQL).bind(list).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// How many contacts an undo of an import would take away or change that were written by hand since.
    async fn import_edited(&mut self, import: &ListImport) -> Result<i64, StoreError> {
        const SQL: &str =
            "SELECT count(*) FROM contact_edit e WHERE e.list = $1 AND ((e.contact > $2 AND e.contact <= $3)
            OR EXISTS (SELECT 1 FROM contact_before b WHERE b.import = $4 AND b.contact = e.contact))";
        let (above, upto) = match import.mode.as_str() {
            "replace" => (0, i64::MAX),
            _ => (import.visible_before, import.visible_after),
        };
        Ok(on!(self, conn => sqlx::query_scalar(SQL).bind(import.list).bind(above).bind(upto).bind(import.number)
            .fetch_one(conn).await?))
    }

    /// Whether any contact of an import was attempted since.
    async fn import_attempted(&mut self, list: &ContactList, import: &ListImport) -> Result<bool, StoreError> {
        const ATTEMPTED: &str = "(r.status IN (2, 5) OR (r.attempts > 0 AND coalesce(r.attempted_at, $3) >= $3))";
        let (above, upto) = match import.mode.as_str() {
            "replace" => (0, i64::MAX),
            _ => (import.visible_before, import.visible_after),
        };
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM campaign_group g JOIN record r ON r.grp = g.number
                WHERE g.tenant = $1 AND r.list = $2 AND r.id > $4 AND r.id <= $5 AND {ATTEMPTED})"
        );
        let fresh: bool = on!(self, conn => sqlx::query_scalar(AssertSqlSafe(sql)).bind(list.tenant).bind(list.number)
            .bind(import.started_at).bind(above).bind(upto).fetch_one(conn).await?);
        if fresh || !import.images {
            return Ok(fresh);
        }
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM campaign_group g CROSS JOIN contact_before b
                JOIN record r ON r.grp = g.number AND r.id = b.contact
                WHERE g.tenant = $1 AND r.list = $2 AND b.import = $4 AND {ATTEMPTED})"
        );
        Ok(on!(self, conn => sqlx::query_scalar(AssertSqlSafe(sql)).bind(list.tenant).bind(list.number)
            .bind(import.started_at).bind(import.number).fetch_one(conn).await?))
    }

    /// The visible contacts, and their devices, that an import added and that still are. Reads all of them.
    pub async fn import_range_count(&mut self, import: &ListImport) -> Result<(i64, i64), StoreError> {
        const SQL: &str = "SELECT (SELECT count(*) FROM contact WHERE generation = $1 AND id > $2 AND id <= $3),
            (SELECT count(*) FROM device WHERE generation = $1 AND contact > $2 AND contact <= $3)";
        Ok(on!(self, conn => sqlx::query_as(SQL).bind(import.generation).bind(import.visible_before)
            .bind(import.visible_after).fetch_one(conn).await?))
    }

    /// Begins the undo of an import: what it added is gone for users with this transaction. The caller
    /// holds the list's lease, hands in what [`Tx::import_range_count`] told, and settles afterwards.
    /// False when the contents of before are gone.
    pub async fn import_undo(
        &mut self,
        list: &ContactList,
        import: &ListImport,
        added: (i64, i64),
        now: i64,
    ) -> Result<bool, StoreError> {
        const STATE: &str = "UPDATE list_import SET state = 'undoing' WHERE number = $1 AND state = 'published'";
        const SWAP: &str = "UPDATE contact_list SET generation = $2, visible_to = $3, contacts = $4, devices = $5,
            changes = changes + 1, rejects = 0 WHERE number = $1";
        // contacts that were added by hand since then have higher ids and stay visible
        const LOWER: &str = "UPDATE contact_list SET contacts = contacts - $4, devices = devices - $5, changes = changes + 1, rejects = 0,
            visible_to = CASE WHEN visible_to = $3 THEN $2 ELSE visible_to END WHERE number = $1";
        if import.mode == "replace" {
            if !self.garbage_reclaim(import.generation_before, list.number, now).await? {
                return Ok(false);
            }
            self.garbage_insert(import.generation, 0, now).await?;
            on!(self, conn => sqlx::query(SWAP).bind(list.number).bind(import.generation_before).bind(import.visible_before)
                .bind(import.contacts_before).bind(import.devices_before).execute(conn).await?.rows_affected());
        } else {
            on!(self, conn => sqlx::query(LOWER).bind(list.number).bind(import.visible_before).bind(import.visible_after)
                .bind(added.0).bind(added.1).execute(conn).await?.rows_affected());
        }
        let changed = on!(self, conn => sqlx::query(STATE).bind(import.number).execute(conn).await?.rows_affected());
        Ok(changed == 1)
    }

    /// Forgets some images that no undo can want; false when there are none.
    pub async fn contact_before_forget(&mut self, now: i64, limit: i64) -> Result<bool, StoreError> {
        const NEXT: &str = "SELECT i.number FROM list_import i WHERE i.images AND i.state NOT IN ('running', 'undoing')
            AND (i.state <> 'published' OR i.finished_at <= $1 OR EXISTS (SELECT 1 FROM list_import n
                WHERE n.kind = i.kind AND n.list = i.list AND n.number > i.number AND n.state = 'published')) LIMIT 1";
        const FORGET: &str = "DELETE FROM contact_before WHERE import = $1 AND contact IN (
            SELECT contact FROM contact_before WHERE import = $1 LIMIT $2)";
        const DONE: &str = "UPDATE list_import SET images = FALSE WHERE number = $1";
        let next: Option<i64> =
            on!(self, conn => sqlx::query_scalar(NEXT).bind(now - UNDO_TIME).fetch_optional(conn).await?);
        let Some(number) = next else { return Ok(false) };
        if on!(self, conn => sqlx::query(FORGET).bind(number).bind(limit).execute(conn).await?.rows_affected()) == 0 {
            on!(self, conn => sqlx::query(DONE).bind(number).execute(conn).await?.rows_affected());
        }
        Ok(true)
    }
}
