//! Reading decisions: one by its id, or those about a person, a group and a time.
use sqlx::AssertSqlSafe;

use super::block::unpack;
use super::sealed::DeviceSeal;
use super::{Decision, EvidenceId};
use crate::int_set::IntSet;
use crate::{StoreError, Tx, on};

/// Which decisions are looked for. Without keys and group: all of the time.
#[derive(Debug, Clone, Default)]
pub struct EvidenceFilter {
    /// The keyed hashes of the person's devices and client ids; empty for everybody.
    pub keys: Vec<i64>,
    /// A group.
    pub grp: Option<i64>,
    /// Not before, microseconds.
    pub from: i64,
    /// Before, microseconds.
    pub to: i64,
    /// Behind this one of an earlier page, with its block's instant.
    pub after: Option<(i64, EvidenceId)>,
}

/// A decision that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Where it is kept.
    pub id: EvidenceId,
    /// The instant of its block: the key of the order.
    pub block_at: i64,
    /// The decision.
    pub decision: Decision,
}

type Place = (i64, i64, i64, i64, i64);

impl Tx {
    /// One decision.
    pub async fn evidence_get(&mut self, tenant: i64, id: EvidenceId) -> Result<Option<Found>, StoreError> {
        const SQL: &str = "SELECT at, body FROM evidence WHERE tenant = $1 AND day = $2 AND chain = $3 AND seq = $4";
        let row: Option<(i64, Vec<u8>)> = on!(self, conn => sqlx::query_as(SQL).bind(tenant).bind(id.day).bind(id.chain)
            .bind(id.seq).fetch_optional(conn).await?);
        let Some((block_at, body)) = row else { return Ok(None) };
        let decision =
            usize::try_from(id.item).ok().and_then(|item| unpack(&body).map(|d| d.into_iter().nth(item)).transpose());
        Ok(decision.transpose()?.map(|decision| Found { id, block_at, decision }))
    }

    /// The decisions of a filter, oldest first, at most `limit`.
    pub async fn evidence_find(
        &mut self,
        tenant: i64,
        filter: &EvidenceFilter,
        limit: usize,
    ) -> Result<Vec<Found>, StoreError> {
        if filter.keys.is_empty() {
            return self.evidence_of_blocks(tenant, filter, limit).await;
        }
        let after = filter.after.unwrap_or((filter.from, NOWHERE));
        let sql = format!(
            "SELECT at, day, chain, seq, item FROM evidence_subject
             WHERE tenant = $1 AND key_hash{} AND at >= $3 AND at < $4 AND (at, chain, seq, item) > ($5, $6, $7, $8)
             GROUP BY at, day, chain, seq, item ORDER BY at, chain, seq, item LIMIT $9",
            IntSet::test(self, "$2")
        );
        let keys = IntSet::of(filter.keys.iter().copied());
        let places: Vec<Place> = on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(keys.text())
            .bind(filter.from).bind(filter.to).bind(after.0).bind(after.1.chain).bind(after.1.seq).bind(after.1.item)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX)).fetch_all(conn).await?);
        let mut found = Vec::with_capacity(places.len());
        for (_, day, chain, seq, item) in places {
            let one = self.evidence_get(tenant, EvidenceId { day, chain, seq, item }).await?;
            found.extend(one.filter(|f| filter.grp.is_none_or(|grp| grp == f.decision.grp)));
        }
        Ok(found)
    }

    async fn evidence_of_blocks(
        &mut self,
        tenant: i64,
        filter: &EvidenceFilter,
        limit: usize,
    ) -> Result<Vec<Found>, StoreError> {
        let group = if filter.grp.is_some() { "grp = $2" } else { "$2 = 0" };
        let sql = format!(
            "SELECT at, day, chain, seq, body FROM evidence WHERE tenant = $1 AND {group} AND at >= $3 AND at < $4
             AND (at, chain, seq) >= ($5, $6, $7) ORDER BY at, chain, seq LIMIT $8"
        );
        let mut after = filter.after.unwrap_or((filter.from, NOWHERE));
        let mut found = Vec::new();
        while found.len() < limit {
            // a few blocks at once: each may hold a hundred decisions
            let blocks: Vec<(i64, i64, i64, i64, Vec<u8>)> = on!(self, conn => sqlx::query_as(AssertSqlSafe(sql.as_str()))
                .bind(tenant).bind(filter.grp.unwrap_or(0)).bind(filter.from).bind(filter.to)
                .bind(after.0).bind(after.1.chain).bind(after.1.seq).bind(BLOCKS).fetch_all(conn).await?);
            let page = blocks.len();
            for (at, day, chain, seq, body) in blocks {
                for (item, decision) in (0..).zip(unpack(&body)?) {
                    let id = EvidenceId { day, chain, seq, item };
                    if (at, chain, seq, item) > (after.0, after.1.chain, after.1.seq, after.1.item) {
                        found.push(Found { id, block_at: at, decision });
                    }
                }
                after = (at, EvidenceId { day, chain, seq, item: i64::MAX });
            }
            // the last block of a page comes again as the first of the next
            if page < BLOCKS as usize {
                break;
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    /// The device behind a hash, unless the person was erased.
    pub async fn evidence_device(
        &mut self,
        seal: &DeviceSeal,
        tenant: i64,
        device: i64,
    ) -> Result<Option<String>, StoreError> {
        const SQL: &str = "SELECT original FROM evidence_device WHERE tenant = $1 AND device_hash = $2";
        let sealed: Option<Vec<u8>> =
            on!(self, conn => sqlx::query_scalar(SQL).bind(tenant).bind(device).fetch_optional(conn).await?);
        sealed.map(|sealed| seal.open(tenant, device, &sealed)).transpose()
    }
}

/// Blocks that are read at once.
const BLOCKS: i64 = 10;

/// Before every place.
const NOWHERE: EvidenceId = EvidenceId { day: 0, chain: -1, seq: 0, item: 0 };
