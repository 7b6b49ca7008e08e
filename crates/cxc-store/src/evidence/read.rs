//! Reading decisions: one by its id, or those about a person, a group and a time.
use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::AssertSqlSafe;

use super::block::unpack_of;
use super::sealed::DeviceSeal;
use super::{Decision, EvidenceId, Personal, devices};
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
    /// What is personal in it, as it was sealed, unless the person was erased.
    sealed: Option<Vec<u8>>,
}

impl Found {
    pub(super) fn new(id: EvidenceId, block_at: i64, decision: Decision, devices: Option<&[u8]>) -> Self {
        let sealed = devices.and_then(|bytes| devices::of(bytes, id.item));
        Self { id, block_at, decision, sealed }
    }

    /// What is personal in it, unless the person was erased.
    pub fn personal(&self, seal: &DeviceSeal, tenant: i64) -> Result<Option<Personal>, StoreError> {
        let open = |sealed: &Vec<u8>| devices::open(seal, tenant, self.decision.device, sealed);
        self.sealed.as_ref().map(open).transpose()
    }

    /// The device behind the hash, unless the person was erased; the columns that it was judged by go back to its inputs.
    pub fn open(&mut self, seal: &DeviceSeal, tenant: i64) -> Result<Option<String>, StoreError> {
        let Some(Personal { device, columns }) = self.personal(seal, tenant)? else { return Ok(None) };
        if let (Some(columns), Value::Object(inputs)) = (columns, &mut self.decision.inputs) {
            inputs.insert("columns".to_owned(), serde_json::from_str(&columns)?);
        }
        Ok(Some(device).filter(|device| !device.is_empty()))
    }
}

type Place = (i64, i64, i64, i64, i64);

/// A block of evidence: when, day, chain, number, its decisions and its sealed devices.
pub(super) type BlockRow = (i64, i64, i64, i64, Vec<u8>, Option<Vec<u8>>);

impl Tx {
    /// One decision.
    pub async fn evidence_get(&mut self, tenant: i64, id: EvidenceId) -> Result<Option<Found>, StoreError> {
        const SQL: &str =
            "SELECT at, body, devices FROM evidence WHERE tenant = $1 AND day = $2 AND chain = $3 AND seq = $4";
        let row: Option<(i64, Vec<u8>, Option<Vec<u8>>)> = on!(self, conn => sqlx::query_as(SQL).bind(tenant).bind(id.day).bind(id.chain)
            .bind(id.seq).fetch_optional(conn).await?);
        let Some((block_at, body, devices)) = row else { return Ok(None) };
        let decisions = unpack_of((id.day, id.chain, id.seq), &body)?;
        let decision = usize::try_from(id.item).ok().and_then(|item| decisions.into_iter().nth(item));
        Ok(decision.map(|decision| Found::new(id, block_at, decision, devices.as_deref())))
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
        let (mut found, mut next) = (Vec::new(), filter.clone());
        loop {
            let (page, last) = self.evidence_of_keys(tenant, &next, limit).await?;
            found.extend(page.into_iter().filter(|f| filter.grp.is_none_or(|grp| grp == f.decision.grp)));
            next.after = last.filter(|_| found.len() < limit);
            if next.after.is_none() {
                found.truncate(limit);
                return Ok(found);
            }
        }
    }

    /// The chains that lack a block in which the index has a decision about the people of a filter: day and chain.
    pub async fn evidence_lost(&mut self, tenant: i64, filter: &EvidenceFilter) -> Result<Vec<(i64, i64)>, StoreError> {
        let sql = format!(
            "SELECT DISTINCT s.day, s.chain FROM evidence_subject s
             WHERE s.tenant = $1 AND s.key_hash{} AND s.at >= $3 AND s.at < $4 AND NOT EXISTS (SELECT 1 FROM evidence e
             WHERE e.tenant = s.tenant AND e.day = s.day AND e.chain = s.chain AND e.seq = s.seq)",
            IntSet::test(self, "$2")
        );
        let keys = IntSet::of(filter.keys.iter().copied());
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(keys.text()).bind(filter.from)
            .bind(filter.to).fetch_all(conn).await?))
    }

    /// The decisions about the people of a filter, of whatever group; and behind what to go on, if there may be more.
    async fn evidence_of_keys(
        &mut self,
        tenant: i64,
        filter: &EvidenceFilter,
        limit: usize,
    ) -> Result<(Vec<Found>, Option<(i64, EvidenceId)>), StoreError> {
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
        let place = |f: &Found| (f.block_at, f.id.chain, f.id.seq, f.id.item);
        // entries that lead nowhere any more hide nothing behind them
        let bound = places.last().filter(|_| places.len() >= limit);
        let bound = bound
            .map(|(at, day, chain, seq, item)| (*at, EvidenceId { day: *day, chain: *chain, seq: *seq, item: *item }));
        let mut found = BTreeMap::new();
        for (_, day, chain, seq, item) in places {
            let one = self.evidence_get(tenant, EvidenceId { day, chain, seq, item }).await?;
            // an entry that was put in leads to nobody else's decision
            let is_about =
                |f: &Found| filter.keys.iter().any(|key| *key == f.decision.device || Some(*key) == f.decision.client);
            if let Some(one) = one.filter(is_about) {
                found.insert(place(&one), one);
            }
        }
        let window = (after.0.max(filter.from), filter.to);
        // those of the page before that began at its last instant come again
        for one in self.evidence_of_attempts(tenant, &filter.keys, window, limit + REPEATED).await? {
            if place(&one) > (after.0, after.1.chain, after.1.seq, after.1.item) {
                found.insert(place(&one), one);
            }
        }
        if let Some((at, id)) = bound {
            found.retain(|place, _| *place <= (at, id.chain, id.seq, id.item));
        }
        let page: Vec<Found> = found.into_values().take(limit).collect();
        let next = if page.len() >= limit { page.last().map(|last| (last.block_at, last.id)) } else { bound };
        Ok((page, next))
    }

    async fn evidence_of_blocks(
        &mut self,
        tenant: i64,
        filter: &EvidenceFilter,
        limit: usize,
    ) -> Result<Vec<Found>, StoreError> {
        let group = if filter.grp.is_some() { "grp = $2" } else { "$2 = 0" };
        let sql = format!(
            "SELECT at, day, chain, seq, body, devices FROM evidence WHERE tenant = $1 AND {group} AND at >= $3 AND at < $4
             AND (at, chain, seq) >= ($5, $6, $7) ORDER BY at, chain, seq LIMIT $8"
        );
        let mut after = filter.after.unwrap_or((filter.from, NOWHERE));
        let mut found = Vec::new();
        while found.len() < limit {
            // a few blocks at once: each may hold a hundred decisions
            let blocks: Vec<BlockRow> = on!(self, conn => sqlx::query_as(AssertSqlSafe(sql.as_str()))
                .bind(tenant).bind(filter.grp.unwrap_or(0)).bind(filter.from).bind(filter.to)
                .bind(after.0).bind(after.1.chain).bind(after.1.seq).bind(BLOCKS).fetch_all(conn).await?);
            let page = blocks.len();
            for (at, day, chain, seq, body, devices) in blocks {
                for (item, decision) in (0..).zip(unpack_of((day, chain, seq), &body)?) {
                    let id = EvidenceId { day, chain, seq, item };
                    if (at, chain, seq, item) > (after.0, after.1.chain, after.1.seq, after.1.item) {
                        found.push(Found::new(id, at, decision, devices.as_deref()));
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
}

/// Blocks that are read at once.
const BLOCKS: i64 = 10;

/// The most attempts of a person that begin at one instant.
const REPEATED: usize = 50;

/// Before every place.
const NOWHERE: EvidenceId = EvidenceId { day: 0, chain: -1, seq: 0, item: 0 };
