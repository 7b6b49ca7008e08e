//! Suppression: who must not be contacted. Owning service: list manager; imports, the API and opt-outs add entries.
//!
//! Keys are normalised by whoever hands them in: phones as E.164, email addresses in lower case, client
//! ids without outer spaces; hashes are those of the tenant.
mod entries;

use cxc_core::channel::Channel;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::int_set::IntSet;
use crate::suppression_change::Changed;
use crate::{Engine, StoreError, Tx, id_block::Numbered, on};

/// The kind of a list whose keys are addresses.
pub const DEVICE: &str = "device";
/// The kind of a list whose keys are client ids.
pub const CLIENT_ID: &str = "client_id";

/// A suppression list's row at work.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SuppressionList {
    /// Names the list.
    pub number: i64,
    /// Whose it is.
    pub tenant: i64,
    /// Its id at the API.
    pub id: Uuid,
    /// [`DEVICE`] or [`CLIENT_ID`].
    pub kind: String,
    /// Bits of the channels that it suppresses.
    pub channels: i16,
    /// Whether it holds for every group of the tenant.
    pub required: bool,
    /// From when on it holds no more, in microseconds.
    pub expires_at: Option<i64>,
    /// What it is kept for by the program, such as `opt_out_sms`.
    pub role: Option<String>,
    /// Whether its entries are opt-outs of people: they stand in the ledger, too.
    pub opt_outs: bool,
    /// Names its entries.
    pub generation: i64,
    /// Its entries.
    pub size: i64,
    /// Grows with every change: copies are reloaded by it.
    pub changes: i64,
}

/// An entry as stored. Times are microseconds; it holds from `from_at` until before `until_at`.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize, serde::Deserialize)]
pub struct SuppressionEntry {
    /// Keyed hash of the key.
    pub key_hash: i64,
    /// The normalised address or client id; empty once the person was erased.
    pub key: String,
    /// Not before.
    pub from_at: Option<i64>,
    /// No longer from then on.
    pub until_at: Option<i64>,
    /// Why, for people.
    pub reason: Option<String>,
    /// `api`, `import`, or how the person opted out: `keyword`, `wording`, `review`, `link`, `complaint`,
    /// `disposition`. A file's entry that was also asked for by a person: `import,keyword` and its like.
    pub source: String,
    /// When it was added.
    pub added_at: i64,
}

/// A person or device that a list suppresses now.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Deserialize)]
pub struct SuppressionHit {
    /// The list.
    pub list: i64,
    /// The hash that was asked for.
    pub key_hash: i64,
    /// The entry's key; empty if it was erased: then the hash alone decides.
    pub key: String,
}

pub(crate) const COLUMNS: &str =
    "number, tenant, id, kind, channels, required, expires_at, role, opt_outs, generation, size, changes";

/// A new suppression list.
#[derive(Debug, Clone)]
pub struct NewSuppressionList {
    /// Its id at the API.
    pub id: Uuid,
    /// [`DEVICE`] or [`CLIENT_ID`].
    pub kind: &'static str,
    /// Bits of its channels.
    pub channels: i16,
    /// Whether it holds for every group.
    pub required: bool,
    /// From when on it holds no more.
    pub expires_at: Option<i64>,
    /// What it is kept for by the program.
    pub role: Option<&'static str>,
    /// Whether its entries are opt-outs of people.
    pub opt_outs: bool,
}

/// The role of the list that collects the opt-outs of a channel.
pub fn opt_out_role(channel: Channel) -> &'static str {
    match channel {
        Channel::Voice => "opt_out_voice",
        Channel::Sms => "opt_out_sms",
        Channel::Email => "opt_out_email",
    }
}

impl SuppressionList {
    /// The channel whose opt-outs the program collects in it, if it does.
    pub fn collects(&self) -> Option<Channel> {
        Channel::ALL.into_iter().find(|channel| self.role.as_deref() == Some(opt_out_role(*channel)))
    }
}

/// The numbers of the lists of a kind.
pub(crate) fn numbers_of(lists: &[SuppressionList], kind: &str) -> IntSet {
    IntSet::of(lists.iter().filter(|l| l.kind == kind).map(|l| l.number))
}

/// The [`SuppressionHit`]s of lists and hashes, of devices and of client ids.
pub(crate) fn hits_text(engine: Engine, now: &str, devices: [&str; 2], clients: [&str; 2]) -> String {
    // by the list, not by its entries as they were: an import may have put others in their place since
    let part = |[lists, hashes]: [&str; 2]| {
        format!(
            "SELECT l.number AS list, e.key_hash, e.key FROM suppression_list l
             JOIN suppression_entry e ON e.generation = l.generation
             WHERE l.number{} AND e.key_hash{} AND (e.from_at IS NULL OR e.from_at <= {now})
               AND (e.until_at IS NULL OR e.until_at > {now})",
            IntSet::test_on(engine, lists),
            IntSet::test_on(engine, hashes)
        )
    };
    format!("{} UNION ALL {}", part(devices), part(clients))
}

impl Tx {
    /// Adds the row of a new, empty list. Goes with its document. False when the tenant has a list of this role.
    pub async fn suppression_list_insert(&mut self, tenant: i64, new: &NewSuppressionList) -> Result<bool, StoreError> {
        const SQL: &str =
            "INSERT INTO suppression_list (number, tenant, id, kind, channels, required, expires_at, role, opt_outs, generation)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING";
        let number = self.id_block_take(Numbered::SuppressionList, 2).await?;
        let made = on!(self, conn => sqlx::query(SQL).bind(number).bind(tenant).bind(new.id).bind(new.kind).bind(new.channels)
            .bind(new.required).bind(new.expires_at).bind(new.role).bind(new.opt_outs).bind(number + 1).execute(conn).await?.rows_affected())
            == 1;
        self.suppression_changed(tenant, new.expires_at.map(|at| (Changed::List(number), at)).filter(|_| made)).await?;
        Ok(made)
    }

    /// Changes what a list suppresses.
    pub async fn suppression_list_update(
        &mut self,
        tenant: i64,
        id: Uuid,
        channels: i16,
        required: bool,
        expires_at: Option<i64>,
    ) -> Result<bool, StoreError> {
        const SQL: &str =
            "UPDATE suppression_list SET channels = $3, required = $4, expires_at = $5, changes = changes + 1
            WHERE tenant = $1 AND id = $2 RETURNING number";
        let number: Option<i64> = on!(self, conn => sqlx::query_scalar(SQL).bind(tenant).bind(id).bind(channels)
            .bind(required).bind(expires_at).fetch_optional(conn).await?);
        let moments = [Some(0), expires_at].into_iter().flatten();
        let changed = number.into_iter().flat_map(|number| moments.clone().map(move |at| (Changed::List(number), at)));
        self.suppression_changed(tenant, changed).await?;
        Ok(number.is_some())
    }

    /// Says whether the entries of a list are opt-outs of people. Those that are there do not join the ledger by it.
    pub async fn suppression_list_means(&mut self, tenant: i64, id: Uuid, opt_outs: bool) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE suppression_list SET opt_outs = $3 WHERE tenant = $1 AND id = $2";
        on!(self, conn => sqlx::query(SQL).bind(tenant).bind(id).bind(opt_outs).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Removes a list; its entries leave the disk in the background.
    pub async fn suppression_list_delete(&mut self, tenant: i64, id: Uuid, now: i64) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM suppression_list WHERE tenant = $1 AND id = $2";
        let Some(list) = self.suppression_list_lock(tenant, id).await? else { return Ok(false) };
        on!(self, conn => sqlx::query(SQL).bind(tenant).bind(id).execute(conn).await?.rows_affected());
        self.suppression_garbage_release(list.number, now).await?;
        self.suppression_garbage_insert(list.generation, 0, now).await?;
        self.imports_forget("suppression", list.number).await?;
        self.suppression_changed(tenant, [(Changed::List(list.number), 0)]).await?;
        Ok(true)
    }

    /// One list of a tenant.
    pub async fn suppression_list_get(&mut self, tenant: i64, id: Uuid) -> Result<Option<SuppressionList>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM suppression_list WHERE tenant = $1 AND id = $2");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(id).fetch_optional(conn).await?))
    }

    /// Reads a list's row and keeps it locked until the end of the transaction.
    pub async fn suppression_list_lock(
        &mut self,
        tenant: i64,
        id: Uuid,
    ) -> Result<Option<SuppressionList>, StoreError> {
        let lock = self.choose(" FOR UPDATE", "");
        let sql = format!("SELECT {COLUMNS} FROM suppression_list WHERE tenant = $1 AND id = $2{lock}");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(id).fetch_optional(conn).await?))
    }

    /// Every suppression list of a tenant.
    pub async fn suppression_lists(&mut self, tenant: i64) -> Result<Vec<SuppressionList>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM suppression_list WHERE tenant = $1 ORDER BY number");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).fetch_all(conn).await?))
    }

    /// How many objects refer to each list of a tenant that any refers to.
    pub async fn suppression_uses(&mut self, tenant: i64) -> Result<Vec<(Uuid, i64)>, StoreError> {
        const SQL: &str = "SELECT l.id, count(*) FROM suppression_list l
            JOIN object_reference r ON r.tenant = l.tenant AND r.to_id = l.id WHERE l.tenant = $1 GROUP BY l.id";
        Ok(on!(self, conn => sqlx::query_as(SQL).bind(tenant).fetch_all(conn).await?))
    }

    /// The lists that bind a group now: the required ones and those that it chose, for its channel.
    pub async fn suppression_applicable(
        &mut self,
        tenant: i64,
        chosen: &[Uuid],
        channel: Channel,
        now: i64,
    ) -> Result<Vec<SuppressionList>, StoreError> {
        let mut lists = self.suppression_lists(tenant).await?;
        lists.retain(|list| {
            list.channels & channel.bit() != 0
                && list.expires_at.is_none_or(|at| at > now)
                && (list.required || chosen.contains(&list.id))
        });
        Ok(lists)
    }

    /// Who of these is suppressed by one of these lists at an instant: one statement a batch. Each list is
    /// asked for the hashes of its kind. Confirm a hit on its key, unless that is empty.
    pub async fn suppression_hits(
        &mut self,
        lists: &[SuppressionList],
        devices: &[i64],
        clients: &[i64],
        now: i64,
    ) -> Result<Vec<SuppressionHit>, StoreError> {
        let sql = hits_text(self.engine(), "$1", ["$2", "$3"], ["$4", "$5"]);
        let (device_lists, client_lists) = (numbers_of(lists, DEVICE), numbers_of(lists, CLIENT_ID));
        let (devices, clients) = (IntSet::of(devices.iter().copied()), IntSet::of(clients.iter().copied()));
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(now).bind(device_lists.text()).bind(devices.text())
            .bind(client_lists.text()).bind(clients.text()).fetch_all(conn).await?),
        )
    }

    /// The list that collects the opt-outs of a channel, made on demand with its document under `id`.
    pub async fn suppression_opt_out_list(
        &mut self,
        tenant: i64,
        channel: Channel,
        id: Uuid,
        now: i64,
    ) -> Result<SuppressionList, StoreError> {
        let role = opt_out_role(channel);
        if let Some(list) = self.suppression_of_role(tenant, role).await? {
            return Ok(list);
        }
        let new = NewSuppressionList {
            id,
            kind: DEVICE,
            channels: channel.bit(),
            required: true,
            expires_at: None,
            role: Some(role),
            opt_outs: true,
        };
        // another sender may be making it at this moment
        if self.suppression_list_insert(tenant, &new).await? {
            self.opt_out_document(tenant, channel, id, now).await?;
        }
        let list = self.suppression_of_role(tenant, role).await?;
        list.ok_or_else(|| StoreError::Corrupt("the opt-out list could not be made".into()))
    }

    /// The list that collects the opt-outs of a channel, if there was any.
    pub async fn suppression_opt_out_list_if_any(
        &mut self,
        tenant: i64,
        channel: Channel,
    ) -> Result<Option<SuppressionList>, StoreError> {
        self.suppression_of_role(tenant, opt_out_role(channel)).await
    }

    async fn suppression_of_role(&mut self, tenant: i64, role: &str) -> Result<Option<SuppressionList>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM suppression_list WHERE tenant = $1 AND role = $2");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(role).fetch_optional(conn).await?))
    }
}
