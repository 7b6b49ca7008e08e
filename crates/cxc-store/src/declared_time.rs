//! When people said that contacts are convenient: "not before ten, not on Fridays". Each statement holds until somebody
//! ends it. Owning service: compliance manager; whoever judges reads.
use cxc_core::compliance::DeclaredTimes;
use cxc_core::compliance::legal::WeekHours;
use jiff::Timestamp;
use serde::Deserialize;
use sqlx::AssertSqlSafe;
use sqlx::types::Json;

use crate::consent::KeyKind;
use crate::id_block::Numbered;
use crate::int_set::IntSet;
use crate::{Engine, StoreError, Tx, on};

/// Statements that stand for one device or client id at most.
pub const MOST_DECLARED: usize = 20;

/// A statement that is recorded. Times are microseconds.
#[derive(Debug, Clone)]
pub struct NewDeclared<'a> {
    /// What the key is.
    pub key_kind: KeyKind,
    /// Keyed hash of the key.
    pub key_hash: i64,
    /// The normalised address or client id.
    pub key: &'a str,
    /// The convenient hours.
    pub hours: &'a WeekHours,
    /// What the tenant wants to remember of it.
    pub note: Option<&'a str>,
    /// When the person said so.
    pub said_at: i64,
    /// When it was recorded.
    pub added_at: i64,
    /// By whom.
    pub added_by: &'a str,
}

/// A statement as stored. Times are microseconds.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Deserialize)]
pub struct StoredDeclared {
    key_kind: i16,
    /// Keyed hash of the key.
    pub key_hash: i64,
    /// Its number.
    pub id: i64,
    /// The key; empty once the person was erased: then the hash alone decides.
    pub key: String,
    /// The convenient hours.
    hours: Json<WeekHours>,
    /// What the tenant wants to remember of it.
    pub note: Option<String>,
    /// When the person said so.
    pub said_at: i64,
    /// When it was recorded.
    pub added_at: i64,
    /// By whom.
    pub added_by: String,
    /// Since when it holds no more.
    pub ended_at: Option<i64>,
    /// Who ended it.
    pub ended_by: Option<String>,
    /// Why.
    pub end_reason: Option<String>,
}

impl StoredDeclared {
    /// What the key is.
    pub fn key_kind(&self) -> KeyKind {
        if self.key_kind == KeyKind::Client.code() { KeyKind::Client } else { KeyKind::Device }
    }

    /// The convenient hours.
    pub fn hours(&self) -> &WeekHours {
        &self.hours.0
    }

    /// What the core judges by.
    pub fn times(&self) -> DeclaredTimes {
        DeclaredTimes { hours: self.hours.0.clone(), at: Timestamp::from_microsecond(self.said_at).ok() }
    }
}

const NAMES: &str =
    "key_kind, key_hash, id, key, hours, note, said_at, added_at, added_by, ended_at, ended_by, end_reason";

const STANDS: &str = " AND ended_at IS NULL";

/// The [`StoredDeclared`] that stand, in no order: of a tenant's devices and client ids by their hashes.
pub(crate) fn standing_text(engine: Engine, parameters: [&str; 3]) -> String {
    text(engine, parameters, STANDS)
}

fn text(engine: Engine, [tenant, devices, clients]: [&str; 3], which: &str) -> String {
    let part = |kind: KeyKind, hashes: &str| {
        let (kind, test) = (kind.code(), IntSet::test_on(engine, hashes));
        format!(
            "SELECT {NAMES} FROM declared_time WHERE tenant = {tenant} AND key_kind = {kind} AND key_hash{test}{which}"
        )
    };
    format!("{} UNION ALL {}", part(KeyKind::Device, devices), part(KeyKind::Client, clients))
}

impl Tx {
    /// Records a statement; answers its number.
    pub async fn declared_add(&mut self, tenant: i64, new: &NewDeclared<'_>) -> Result<i64, StoreError> {
        const SQL: &str =
            "INSERT INTO declared_time (tenant, key_kind, key_hash, id, key, hours, note, said_at, added_at, added_by)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        let id = self.id_block_take(Numbered::Consent, 1).await?;
        on!(self, conn => sqlx::query(SQL).bind(tenant).bind(new.key_kind.code()).bind(new.key_hash).bind(id).bind(new.key)
            .bind(Json(new.hours)).bind(new.note).bind(new.said_at).bind(new.added_at).bind(new.added_by)
            .execute(conn).await?.rows_affected());
        Ok(id)
    }

    /// The statements of these devices and clients that stand, oldest first: one statement a batch. Confirm one on its
    /// key, unless that is empty; put several of a person together by [`DeclaredTimes::all`].
    pub async fn declared_of(
        &mut self,
        tenant: i64,
        devices: &[i64],
        clients: &[i64],
    ) -> Result<Vec<StoredDeclared>, StoreError> {
        self.declared_where(tenant, devices, clients, STANDS).await
    }

    /// Every statement of these devices and clients, also those that were ended.
    pub async fn declared_all(
        &mut self,
        tenant: i64,
        devices: &[i64],
        clients: &[i64],
    ) -> Result<Vec<StoredDeclared>, StoreError> {
        self.declared_where(tenant, devices, clients, "").await
    }

    async fn declared_where(
        &mut self,
        tenant: i64,
        devices: &[i64],
        clients: &[i64],
        which: &str,
    ) -> Result<Vec<StoredDeclared>, StoreError> {
        let sql = format!("{} ORDER BY id", text(self.engine(), ["$1", "$2", "$3"], which));
        let (devices, clients) = (IntSet::of(devices.iter().copied()), IntSet::of(clients.iter().copied()));
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(devices.text()).bind(clients.text())
            .fetch_all(conn).await?))
    }

    /// Whether a tenant has any statement: most batches are spared the question.
    pub async fn declared_any(&mut self, tenant: i64) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT 1 FROM declared_time WHERE tenant = $1 LIMIT 1";
        let found: Option<i32> = on!(self, conn => sqlx::query_scalar(SQL).bind(tenant).fetch_optional(conn).await?);
        Ok(found.is_some())
    }

    /// Ends a statement of a device or client; answers whether it stood.
    pub async fn declared_end(
        &mut self,
        tenant: i64,
        (kind, key_hash): (KeyKind, i64),
        id: i64,
        (by, reason): (&str, &str),
        now: i64,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE declared_time SET ended_at = $5, ended_by = $6, end_reason = $7
            WHERE tenant = $1 AND key_kind = $2 AND key_hash = $3 AND id = $4 AND ended_at IS NULL";
        let ended = on!(self, conn => sqlx::query(SQL).bind(tenant).bind(kind.code()).bind(key_hash).bind(id).bind(now)
            .bind(by).bind(reason).execute(conn).await?.rows_affected());
        Ok(ended == 1)
    }

    /// Takes keys and words of these; the statements still hold by their keyed hash.
    pub async fn declared_erase(
        &mut self,
        tenant: i64,
        kind: KeyKind,
        keys: &[(String, i64)],
    ) -> Result<u64, StoreError> {
        let sql = format!(
            "UPDATE declared_time SET key = '', note = NULL, end_reason = NULL
             WHERE tenant = $1 AND key_kind = $2 AND key_hash{} AND key <> ''",
            IntSet::test(self, "$3")
        );
        let hashes = IntSet::of(keys.iter().map(|key| key.1));
        Ok(on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(tenant).bind(kind.code()).bind(hashes.text())
            .execute(conn).await?.rows_affected()))
    }
}
