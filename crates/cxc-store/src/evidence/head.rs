//! The last block of each chain, kept beside the blocks: a chain whose end was removed does not reach it.
use sqlx::AssertSqlSafe;

use super::chain::hash_of;
use super::links::ChainHead;
use crate::{StoreError, Tx, on};

pub(super) const INTO: &str = "INSERT INTO evidence_head (tenant, day, chain, seq, hash)";
pub(super) const OVER: &str = "ON CONFLICT (tenant, day, chain) DO UPDATE SET seq = excluded.seq, hash = excluded.hash";

impl Tx {
    /// Notes the last block of a chain, in the transaction that appends it.
    pub(super) async fn evidence_head_put(
        &mut self,
        tenant: i64,
        day: i64,
        chain: i64,
        head: &ChainHead,
    ) -> Result<(), StoreError> {
        let sql = format!("{INTO} VALUES ($1, $2, $3, $4, $5) {OVER}");
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(tenant).bind(day).bind(chain).bind(head.seq).bind(&head.hash[..])
            .execute(conn).await?.rows_affected());
        Ok(())
    }

    /// The last block of a chain as it was noted.
    pub(super) async fn evidence_head_kept(
        &mut self,
        tenant: i64,
        day: i64,
        chain: i64,
    ) -> Result<Option<ChainHead>, StoreError> {
        const SQL: &str = "SELECT seq, hash FROM evidence_head WHERE tenant = $1 AND day = $2 AND chain = $3";
        let row: Option<(i64, Vec<u8>)> =
            on!(self, conn => sqlx::query_as(SQL).bind(tenant).bind(day).bind(chain).fetch_optional(conn).await?);
        row.map(|(seq, hash)| Ok(ChainHead { seq, hash: hash_of(&hash)? })).transpose()
    }

    /// The chains of days, from one until another, that lack the end that was noted: day and chain.
    pub async fn evidence_cut(&mut self, tenant: i64, from: i64, until: i64) -> Result<Vec<(i64, i64)>, StoreError> {
        const SQL: &str =
            "SELECT h.day, h.chain FROM evidence_head h WHERE h.tenant = $1 AND h.day >= $2 AND h.day <= $3
            AND NOT EXISTS (SELECT 1 FROM evidence e WHERE e.tenant = h.tenant AND e.day = h.day AND e.chain = h.chain
            AND e.seq = h.seq AND e.hash = h.hash)";
        Ok(on!(self, conn => sqlx::query_as(SQL).bind(tenant).bind(from).bind(until).fetch_all(conn).await?))
    }

    /// Forgets the heads of days before one of which no block is left.
    pub(super) async fn evidence_heads_expire(&mut self, tenant: i64, before: i64) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM evidence_head WHERE tenant = $1 AND day < $2 AND NOT EXISTS (
            SELECT 1 FROM evidence e WHERE e.tenant = evidence_head.tenant AND e.day = evidence_head.day
            AND e.chain = evidence_head.chain)";
        on!(self, conn => sqlx::query(SQL).bind(tenant).bind(before).execute(conn).await?.rows_affected());
        Ok(())
    }
}

/// What is wrong with the end of a chain that holds by itself, beside the end that was noted.
pub(super) fn beside(last: ChainHead, kept: Option<ChainHead>) -> Option<(i64, &'static str)> {
    match kept {
        None if last == ChainHead::START => None,
        None => Some((last.seq, "where the chain ends is not kept: its end may have been removed")),
        Some(kept) if kept.seq > last.seq => Some((last.seq + 1, "it was removed, and whatever came after it")),
        Some(kept) if kept.seq < last.seq => Some((kept.seq + 1, "it was put in behind the end of the chain")),
        Some(kept) if kept.hash != last.hash => Some((last.seq, "the chain ended with another block")),
        Some(_) => None,
    }
}
