//! The rule documents of a version, kept when first used, so that a decision can be made again years later.
use std::collections::HashSet;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::block::{unzlib, zlib};
use super::hex;
use crate::{StoreError, Tx, on};

/// The rules of a version as JSON text, with their hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSnapshot {
    /// The version.
    pub version: i64,
    /// The hash of the text.
    pub sha256: [u8; 32],
    /// The documents, JSON.
    pub body: String,
}

impl RuleSnapshot {
    /// The snapshot of documents that serialise.
    pub fn of(version: i64, documents: &impl Serialize) -> Result<Self, StoreError> {
        let body = serde_json::to_string(documents)?;
        Ok(Self { version, sha256: Sha256::digest(body.as_bytes()).into(), body })
    }

    /// Its hash in hexadecimal, as decisions name it.
    pub fn key(&self) -> String {
        hex(&self.sha256)
    }
}

/// Which snapshots are known to be stored. A value that is handed down; it may be lost.
#[derive(Debug, Default)]
pub struct Snapshots(HashSet<(i64, i64, [u8; 32])>);

/// The most that are remembered; what is forgotten is offered again.
const MOST: usize = 10_000;

impl Snapshots {
    /// Notes a snapshot, once its transaction is committed.
    pub fn committed(&mut self, tenant: i64, snapshot: &RuleSnapshot) {
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert((tenant, snapshot.version, snapshot.sha256));
    }

    /// Whether it is known to be stored.
    pub fn has(&self, tenant: i64, snapshot: &RuleSnapshot) -> bool {
        self.0.contains(&(tenant, snapshot.version, snapshot.sha256))
    }
}

impl Tx {
    /// Keeps the rules of a version unless they are kept already.
    pub async fn rule_snapshot_put(
        &mut self,
        tenant: i64,
        snapshot: &RuleSnapshot,
        now: i64,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO rule_snapshot (tenant, version, sha256, body, at) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (tenant, version, sha256) DO NOTHING";
        let body = zlib(snapshot.body.as_bytes())?;
        on!(self, conn => sqlx::query(SQL).bind(tenant).bind(snapshot.version).bind(&snapshot.sha256[..]).bind(body)
            .bind(now).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// The rules of a version by their hash in hexadecimal.
    pub async fn rule_snapshot_get(
        &mut self,
        tenant: i64,
        version: i64,
        sha256: &str,
    ) -> Result<Option<RuleSnapshot>, StoreError> {
        const SQL: &str = "SELECT sha256, body FROM rule_snapshot WHERE tenant = $1 AND version = $2";
        let rows: Vec<(Vec<u8>, Vec<u8>)> =
            on!(self, conn => sqlx::query_as(SQL).bind(tenant).bind(version).fetch_all(conn).await?);
        let Some((_, body)) = rows.into_iter().find(|(hash, _)| hex(hash) == sha256) else { return Ok(None) };
        let body = String::from_utf8(unzlib(&body)?).map_err(|e| StoreError::Corrupt(e.to_string()))?;
        let found = RuleSnapshot { version, sha256: Sha256::digest(body.as_bytes()).into(), body };
        if found.key() != sha256 {
            return Err(StoreError::Corrupt("the rules of a version are not those that were kept".into()));
        }
        Ok(Some(found))
    }
}
