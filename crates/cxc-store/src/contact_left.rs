//! Who was attempted and has left its list since, because it was deleted or its contents were replaced: kept with the
//! client id and the addresses and nothing else, so that a campaign group's results name whom they are about. They are
//! contents of the list like any other, so that whoever looks for a person, exports or erases one finds them; they go
//! with the last attempt that tells of them, and with the list. Owning service: list builder.
use std::collections::HashSet;

use sqlx::AssertSqlSafe;

use crate::contact::{Contact, Device, FullContact};
use crate::id_block::Numbered;
use crate::int_set::IntSet;
use crate::{StoreError, Tx, on};

/// Where a look through those who left has come: a list and a contact.
pub type LeftKey = (i64, i64);

impl Tx {
    /// Keeps those of some contacts that were attempted. Call it before they are removed from contents of a list.
    pub async fn contacts_leave(
        &mut self,
        tenant: i64,
        list: i64,
        generation: i64,
        ids: &[i64],
    ) -> Result<(), StoreError> {
        const MAKE: &str = "UPDATE contact_list SET left_generation = $2 WHERE number = $1";
        let mut leaving = self.contacts_attempted(tenant, list, ids).await?;
        if leaving.is_empty() {
            return Ok(());
        }
        // locked: two who leave at the same time go to the same contents
        let lock = self.choose(" FOR UPDATE", "");
        let contents =
            format!("SELECT generation, left_generation FROM contact_list WHERE tenant = $1 AND number = $2{lock}");
        let contents: Option<(i64, i64)> = on!(self, conn => sqlx::query_as(AssertSqlSafe(contents)).bind(tenant).bind(list).fetch_optional(conn).await?);
        let Some((current, mut left)) = contents else { return Ok(()) };
        let mut known: HashSet<i64> = self.contact_ids(left, &leaving).await?.into_iter().collect();
        if current != generation {
            // whose key recurred is in the list under the same id
            known.extend(self.contact_ids(current, &leaving).await?);
        }
        leaving.retain(|id| !known.contains(id));
        let contacts: Vec<FullContact> = self.contacts_of(generation, &leaving).await?.into_iter().map(named).collect();
        if contacts.is_empty() {
            return Ok(());
        }
        if left == 0 {
            left = self.id_block_take(Numbered::List, 1).await?;
            on!(self, conn => sqlx::query(MAKE).bind(list).bind(left).execute(conn).await?.rows_affected());
        }
        self.contacts_insert(left, &contacts).await
    }

    /// The same for contents that are garbage, about as many as will be taken from the disk next.
    pub(crate) async fn contacts_leave_garbage(&mut self, generation: i64, limit: i64) -> Result<(), StoreError> {
        const LIST: &str = "SELECT l.tenant, l.number FROM list_import i JOIN contact_list l ON l.number = i.list
            WHERE i.kind = 'contacts' AND (i.generation = $1 OR i.generation_before = $1) LIMIT 1";
        const NEXT: &str = "SELECT id FROM contact WHERE generation = $1 ORDER BY id LIMIT $2";
        let list: Option<(i64, i64)> =
            on!(self, conn => sqlx::query_as(LIST).bind(generation).fetch_optional(conn).await?);
        // of a deleted list nothing is kept
        let Some((tenant, list)) = list else { return Ok(()) };
        let ids: Vec<i64> =
            on!(self, conn => sqlx::query_scalar(NEXT).bind(generation).bind(limit).fetch_all(conn).await?);
        self.contacts_leave(tenant, list, generation, &ids).await
    }

    async fn contacts_attempted(&mut self, tenant: i64, list: i64, ids: &[i64]) -> Result<Vec<i64>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT DISTINCT r.id FROM record r WHERE r.grp IN (SELECT number FROM campaign_group WHERE tenant = $1)
                AND r.id{} AND r.list = $2 AND r.attempts > 0",
            IntSet::test(self, "$3")
        );
        let set = IntSet::of(ids.iter().copied());
        Ok(
            on!(self, conn => sqlx::query_scalar(AssertSqlSafe(sql)).bind(tenant).bind(list).bind(set.text()).fetch_all(conn).await?),
        )
    }

    /// Those of these contacts that have left a list.
    pub async fn contacts_left(&mut self, tenant: i64, list: i64, ids: &[i64]) -> Result<Vec<FullContact>, StoreError> {
        const LEFT: &str = "SELECT left_generation FROM contact_list WHERE tenant = $1 AND number = $2";
        let left: Option<i64> =
            on!(self, conn => sqlx::query_scalar(LEFT).bind(tenant).bind(list).fetch_optional(conn).await?);
        match left.unwrap_or(0) {
            0 => Ok(Vec::new()),
            left => self.contacts_of(left, ids).await,
        }
    }

    /// Looks at about `limit` of those who left, behind a place, and forgets whom no attempt tells of any more; answers
    /// where to go on, or nothing at the end.
    pub async fn contacts_left_forget(&mut self, after: LeftKey, limit: i64) -> Result<Option<LeftKey>, StoreError> {
        const NEXT: &str = "SELECT tenant, number, left_generation FROM contact_list
            WHERE number >= $1 AND left_generation <> 0 ORDER BY number LIMIT 1";
        const PAGE: &str = "SELECT id FROM contact WHERE generation = $1 AND id > $2 ORDER BY id LIMIT $3";
        let next: Option<(i64, i64, i64)> =
            on!(self, conn => sqlx::query_as(NEXT).bind(after.0).fetch_optional(conn).await?);
        let Some((tenant, list, left)) = next else { return Ok(None) };
        let from = if list == after.0 { after.1 } else { 0 };
        let ids: Vec<i64> =
            on!(self, conn => sqlx::query_scalar(PAGE).bind(left).bind(from).bind(limit).fetch_all(conn).await?);
        let Some(last) = ids.last().copied() else { return Ok(Some((list + 1, 0))) };
        let contacts = self.contacts_of(left, &ids).await?;
        let devices: Vec<i64> = contacts.iter().flat_map(|c| c.devices.iter().map(|d| d.address_hash)).collect();
        let clients: Vec<i64> =
            contacts.iter().filter(|c| c.contact.client_id.is_some()).map(|c| c.contact.key_hash).collect();
        let told = [
            self.attempted_by("device_hash", tenant, &devices).await?,
            self.attempted_by("client_hash", tenant, &clients).await?,
        ]
        .concat();
        let told: HashSet<i64> = told.into_iter().collect();
        let is_told = |c: &&FullContact| {
            told.contains(&c.contact.key_hash) || c.devices.iter().any(|d| told.contains(&d.address_hash))
        };
        let gone: Vec<i64> = contacts.iter().filter(|c| !is_told(c)).map(|c| c.contact.id).collect();
        self.contacts_remove(left, &gone).await?;
        Ok(Some((list, last)))
    }

    /// Which of these hashes attempts have.
    async fn attempted_by(&mut self, column: &str, tenant: i64, hashes: &[i64]) -> Result<Vec<i64>, StoreError> {
        // the tenant is no choice of an index: the hashes hold it
        let sql = format!(
            "SELECT DISTINCT {column} FROM attempt_known WHERE tenant + 0 = $1 AND {column}{}",
            IntSet::test(self, "$2")
        );
        let set = IntSet::of(hashes.iter().copied());
        Ok(
            on!(self, conn => sqlx::query_scalar(AssertSqlSafe(sql)).bind(tenant).bind(set.text()).fetch_all(conn).await?),
        )
    }
}

/// What names a contact.
fn named(full: FullContact) -> FullContact {
    let Contact { id, key_hash, client_id, .. } = full.contact;
    let device = |d: Device| Device {
        contact: d.contact,
        position: d.position,
        kind: d.kind,
        address: d.address,
        address_hash: d.address_hash,
        ..Device::default()
    };
    FullContact {
        contact: Contact { id, key_hash, client_id, ..Contact::default() },
        devices: full.devices.into_iter().map(device).collect(),
    }
}
