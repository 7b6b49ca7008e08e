//! What is known of people and devices that forbids contacts for some purposes: a bankruptcy, a request to cease.
//! Owning service: compliance manager; whoever judges reads.
use cxc_core::compliance::PersonFlag;
use serde::Deserialize;
use sqlx::AssertSqlSafe;

use crate::consent::KeyKind;
use crate::int_set::IntSet;
use crate::{Engine, StoreError, Tx, on};

/// A flag as stored.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Deserialize)]
pub struct StoredFlag {
    key_kind: i16,
    /// Keyed hash of the key.
    pub key_hash: i64,
    flag: String,
    /// The normalised address or client id; empty once the person was erased: then the hash alone decides.
    pub key: String,
    /// What the tenant wants to remember of it.
    pub note: Option<String>,
    /// When it was recorded, microseconds.
    pub added_at: i64,
    /// By whom.
    pub added_by: String,
}

impl StoredFlag {
    /// A flag that is to be recorded.
    pub fn new(kind: KeyKind, key_hash: i64, key: &str, flag: PersonFlag) -> Self {
        Self {
            key_kind: kind.code(),
            key_hash,
            flag: flag.as_str().into(),
            key: key.into(),
            note: None,
            added_at: 0,
            added_by: String::new(),
        }
    }

    /// What the key is.
    pub fn key_kind(&self) -> KeyKind {
        if self.key_kind == KeyKind::Client.code() { KeyKind::Client } else { KeyKind::Device }
    }

    /// Its place in the order of flags.
    pub(crate) fn place(&self) -> (i16, i64, &str) {
        (self.key_kind, self.key_hash, &self.flag)
    }

    /// What is known. A name that this version does not know is read as the flag that forbids most: a request to cease.
    pub fn flag(&self) -> PersonFlag {
        PersonFlag::from_name(&self.flag).unwrap_or(PersonFlag::Cease)
    }
}

/// The [`StoredFlag`]s, in no order: of a tenant's devices and client ids by their hashes.
pub(crate) fn text(engine: Engine, [tenant, devices, clients]: [&str; 3]) -> String {
    let part = |kind: KeyKind, hashes: &str| {
        format!(
            "SELECT key_kind, key_hash, flag, key, note, added_at, added_by FROM person_flag
             WHERE tenant = {tenant} AND key_kind = {} AND key_hash{}",
            kind.code(),
            IntSet::test_on(engine, hashes)
        )
    };
    format!("{} UNION ALL {}", part(KeyKind::Device, devices), part(KeyKind::Client, clients))
}

impl Tx {
    /// Records a flag; answers whether it is new.
    pub async fn person_flag_add(&mut self, tenant: i64, new: &StoredFlag) -> Result<bool, StoreError> {
        const SQL: &str = "INSERT INTO person_flag (tenant, key_kind, key_hash, flag, key, note, added_at, added_by)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant, key_kind, key_hash, flag) DO NOTHING";
        let added = on!(self, conn => sqlx::query(SQL).bind(tenant).bind(new.key_kind).bind(new.key_hash).bind(&new.flag)
            .bind(&new.key).bind(&new.note).bind(new.added_at).bind(&new.added_by).execute(conn).await?.rows_affected());
        Ok(added == 1)
    }

    /// Takes a flag away; answers whether there was one.
    pub async fn person_flag_remove(
        &mut self,
        tenant: i64,
        kind: KeyKind,
        key_hash: i64,
        flag: PersonFlag,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM person_flag WHERE tenant = $1 AND key_kind = $2 AND key_hash = $3 AND flag = $4";
        let removed = on!(self, conn => sqlx::query(SQL).bind(tenant).bind(kind.code()).bind(key_hash)
            .bind(flag.as_str()).execute(conn).await?.rows_affected());
        Ok(removed == 1)
    }

    /// The flags of these devices and clients: one statement a batch. Confirm a flag on its key, unless that is empty.
    pub async fn person_flags_of(
        &mut self,
        tenant: i64,
        devices: &[i64],
        clients: &[i64],
    ) -> Result<Vec<StoredFlag>, StoreError> {
        let sql = format!("{} ORDER BY key_kind, key_hash, flag", text(self.engine(), ["$1", "$2", "$3"]));
        let (devices, clients) = (IntSet::of(devices.iter().copied()), IntSet::of(clients.iter().copied()));
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(devices.text()).bind(clients.text())
            .fetch_all(conn).await?))
    }

    /// Takes keys and notes of these hashes; the flags still hold by their keyed hash.
    pub async fn person_flag_erase(
        &mut self,
        tenant: i64,
        kind: KeyKind,
        keys: &[(String, i64)],
    ) -> Result<u64, StoreError> {
        let sql = format!(
            "UPDATE person_flag SET key = '', note = NULL WHERE tenant = $1 AND key_kind = $2 AND key_hash{} AND key <> ''",
            IntSet::test(self, "$3")
        );
        let hashes = IntSet::of(keys.iter().map(|key| key.1));
        Ok(on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(tenant).bind(kind.code()).bind(hashes.text())
            .execute(conn).await?.rows_affected()))
    }
}
