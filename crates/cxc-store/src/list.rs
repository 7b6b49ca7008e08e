//! Contact lists at work: which contents are theirs, how far they are visible, how many there are.
//! Owning service: list manager; the list builder publishes imports. The document of a list is an object.
use serde::Serialize;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::lease::Lease;
use crate::{StoreError, Tx, id_block::Numbered, on};

/// A contact list's row at work.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct ContactList {
    /// Names the list in large tables.
    pub number: i64,
    /// Whose it is.
    pub tenant: i64,
    /// Its id at the API.
    pub id: Uuid,
    /// Names its contents; a replacing import swaps it.
    pub generation: i64,
    /// Contacts of its generation with an id above this are not visible.
    pub visible_to: i64,
    /// Its visible contacts.
    pub contacts: i64,
    /// Their devices.
    pub devices: i64,
    /// Lines in the rejects file of its latest import.
    pub rejects: i64,
    /// Grows with every published change of the contents.
    pub changes: i64,
}

/// Whether a list's contents may be changed now.
#[derive(Debug)]
pub enum ListAccess {
    /// Yes; the row is locked until the end of the transaction.
    Free(ContactList),
    /// An import or another long change is under way (`list_importing`).
    Busy(ContactList),
}

pub(crate) const COLUMNS: &str = "number, tenant, id, generation, visible_to, contacts, devices, rejects, changes";

/// How long a list's lease lives unless renewed, in microseconds.
pub const LIST_LEASE: i64 = 30_000_000;

impl ContactList {
    /// The name of the lease under which a long change of its contents runs.
    pub fn lease_name(&self) -> String {
        lease_name("contacts", self.number)
    }
}

/// The name of the lease of a contact list (`contacts`) or a suppression list (`suppression`).
pub fn lease_name(kind: &str, number: i64) -> String {
    format!("{}{number}", lease_prefix(kind))
}

fn lease_prefix(kind: &str) -> String {
    format!("list:{kind}:")
}

impl Tx {
    /// Adds the row of a new, empty list and answers its number. Goes with the insert of its document.
    pub async fn contact_list_insert(&mut self, tenant: i64, id: Uuid) -> Result<i64, StoreError> {
        const SQL: &str = "INSERT INTO contact_list (number, tenant, id, generation) VALUES ($1, $2, $3, $4)";
        let number = self.id_block_take(Numbered::List, 2).await?;
        on!(self, conn => sqlx::query(SQL).bind(number).bind(tenant).bind(id).bind(number + 1).execute(conn).await?.rows_affected());
        Ok(number)
    }

    /// One list of a tenant.
    pub async fn contact_list_get(&mut self, tenant: i64, id: Uuid) -> Result<Option<ContactList>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM contact_list WHERE tenant = $1 AND id = $2");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(id).fetch_optional(conn).await?))
    }

    /// One list of a tenant by its number.
    pub async fn contact_list_of_number(
        &mut self,
        tenant: i64,
        number: i64,
    ) -> Result<Option<ContactList>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM contact_list WHERE tenant = $1 AND number = $2");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(number).fetch_optional(conn).await?))
    }

    /// The lists of a tenant after a number, by number: the rows that belong to its list documents.
    pub async fn contact_list_page(
        &mut self,
        tenant: i64,
        after: i64,
        limit: i64,
    ) -> Result<Vec<ContactList>, StoreError> {
        let sql =
            format!("SELECT {COLUMNS} FROM contact_list WHERE tenant = $1 AND number > $2 ORDER BY number LIMIT $3");
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(after).bind(limit).fetch_all(conn).await?),
        )
    }

    /// The rows of these lists of a tenant, in no order; at most 1,000 ids.
    pub async fn contact_lists_of(&mut self, tenant: i64, ids: &[Uuid]) -> Result<Vec<ContactList>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let places: Vec<String> = (0..ids.len()).map(|n| format!("${}", n + 2)).collect();
        let sql = format!("SELECT {COLUMNS} FROM contact_list WHERE tenant = $1 AND id IN ({})", places.join(", "));
        Ok(on!(self, conn => {
            let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(tenant);
            for id in ids {
                query = query.bind(*id);
            }
            query.fetch_all(conn).await?
        }))
    }

    /// Locks a list for a short change of its contents, unless a long one is under way.
    pub async fn contact_list_edit(&mut self, tenant: i64, id: Uuid) -> Result<Option<ListAccess>, StoreError> {
        let Some(list) = self.contact_list_lock(tenant, id).await? else { return Ok(None) };
        let busy = self.lease_holder(&list.lease_name()).await?.is_some()
            || self.import_unsettled("contacts", list.number).await?.is_some();
        Ok(Some(if busy { ListAccess::Busy(list) } else { ListAccess::Free(list) }))
    }

    /// Whether an import that updates a list, or an undo, has changed a part of it only: it is under way, or was interrupted and
    /// is not taken back yet.
    pub async fn contact_list_half_changed(&mut self, list: i64) -> Result<bool, StoreError> {
        let unsettled = self.import_unsettled("contacts", list).await?;
        Ok(unsettled.is_some_and(|import| import.mode == "update" || import.state == "undoing"))
    }

    /// Reads a list's row and keeps it locked until the end of the transaction.
    pub async fn contact_list_lock(&mut self, tenant: i64, id: Uuid) -> Result<Option<ContactList>, StoreError> {
        let lock = self.choose(" FOR UPDATE", "");
        let sql = format!("SELECT {COLUMNS} FROM contact_list WHERE tenant = $1 AND id = $2{lock}");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(id).fetch_optional(conn).await?))
    }

    /// Takes or renews the lease for a long change of a list; `None` while another holds it.
    pub async fn list_lease(&mut self, kind: &str, number: i64, holder: &str) -> Result<Option<Lease>, StoreError> {
        self.lease_acquire(&lease_name(kind, number), holder, LIST_LEASE).await
    }

    /// A contact list of a tenant whose contents are being changed by a job, if there is one.
    pub async fn list_in_work(&mut self, tenant: i64) -> Result<Option<i64>, StoreError> {
        const SQL: &str = "SELECT l.number FROM contact_list l JOIN lease ON lease.name = $2 || l.number
            WHERE l.tenant = $1 AND lease.expires_at > $3 ORDER BY l.number LIMIT 1";
        let (now, prefix) = (self.now().await?, lease_prefix("contacts"));
        Ok(on!(self, conn => sqlx::query_scalar(SQL).bind(tenant).bind(&prefix).bind(now).fetch_optional(conn).await?))
    }

    /// Keeps a list's counters after a short change: differences, and how far it is visible now.
    pub async fn contact_list_count(
        &mut self,
        number: i64,
        contacts: i64,
        devices: i64,
        visible_to: i64,
    ) -> Result<(), StoreError> {
        const SQL: &str =
            "UPDATE contact_list SET contacts = contacts + $2, devices = devices + $3, changes = changes + 1,
            visible_to = CASE WHEN visible_to < $4 THEN $4 ELSE visible_to END WHERE number = $1";
        on!(self, conn => sqlx::query(SQL).bind(number).bind(contacts).bind(devices).bind(visible_to)
            .execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Removes a list's row; its contents are gone for users at once and leave the disk in the background.
    pub async fn contact_list_delete(&mut self, tenant: i64, id: Uuid, now: i64) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM contact_list WHERE tenant = $1 AND id = $2 RETURNING left_generation";
        const PLACES: &str = "DELETE FROM list_places WHERE list = $1";
        let Some(list) = self.contact_list_lock(tenant, id).await? else { return Ok(false) };
        let left: Option<i64> =
            on!(self, conn => sqlx::query_scalar(SQL).bind(tenant).bind(id).fetch_optional(conn).await?);
        on!(self, conn => sqlx::query(PLACES).bind(list.number).execute(conn).await?.rows_affected());
        self.garbage_release(list.number, now).await?;
        self.garbage_insert(list.generation, 0, now).await?;
        if let Some(left) = left.filter(|left| *left != 0) {
            self.garbage_insert(left, 0, now).await?;
        }
        // an import that a crash left half done has contents of its own
        if let Some(import) = self.import_unsettled("contacts", list.number).await?
            && import.generation != list.generation
        {
            self.garbage_insert(import.generation, 0, now).await?;
        }
        self.imports_forget("contacts", list.number).await?;
        self.contacts_edited_forget(list.number).await?;
        Ok(true)
    }
}
