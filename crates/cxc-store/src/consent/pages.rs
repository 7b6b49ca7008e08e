//! The ledger of a tenant from its beginning to its end, for an export.
use sqlx::AssertSqlSafe;

use super::{KeyKind, SELECT, StoredConsent};
use crate::{StoreError, Tx, on};

/// Where a page of the ledger ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerPlace(i16, i64, i64);

impl StoredConsent {
    /// Its place in the order of [`Tx::consent_page`].
    pub fn place(&self) -> LedgerPlace {
        LedgerPlace(self.key_kind, self.key_hash, self.id)
    }

    /// The name of its kind, as stored.
    pub fn kind_name(&self) -> &str {
        &self.kind
    }

    /// Whether the key is a client id.
    pub fn is_of_client(&self) -> bool {
        self.key_kind() == KeyKind::Client
    }
}

impl Tx {
    /// A page of a tenant's ledger behind a place: every entry, also those that were voided.
    pub async fn consent_page(
        &mut self,
        tenant: i64,
        after: Option<LedgerPlace>,
        limit: i64,
    ) -> Result<Vec<StoredConsent>, StoreError> {
        let sql = format!(
            "SELECT {SELECT} FROM consent c WHERE c.tenant = $1 AND (c.key_kind, c.key_hash, c.id) > ($2, $3, $4)
             ORDER BY c.key_kind, c.key_hash, c.id LIMIT $5"
        );
        let LedgerPlace(kind, hash, id) = after.unwrap_or(LedgerPlace(0, i64::MIN, 0));
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(kind).bind(hash).bind(id).bind(limit)
            .fetch_all(conn).await?))
    }

    /// About how many entries a tenant's ledger has, for progress.
    pub async fn consent_count(&mut self, tenant: i64) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT count(*) FROM consent WHERE tenant = $1";
        Ok(on!(self, conn => sqlx::query_scalar(SQL).bind(tenant).fetch_one(conn).await?))
    }
}
