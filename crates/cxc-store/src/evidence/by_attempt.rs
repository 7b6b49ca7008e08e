//! Decisions that attempts lead to. A sender's attempts begin at the instant of the block that explains them, so
//! their own index finds it and nothing is written twice; whoever takes an attempt away indexes its decision first.
use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::Serialize;
use sqlx::AssertSqlSafe;

use super::EvidenceId;
use super::block::unpack_of;
use super::read::BlockRow;
use super::read::Found;
use crate::attempt::ERASED;
use crate::int_set::IntSet;
use crate::{Rows, StoreError, Tx, on};

/// How the decisions that allowed an attempt are found later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indexed {
    /// By an entry of their own for each device and client id: their attempts may change.
    Itself,
    /// By their attempts, which began at the instant of the batch and keep it.
    ByAttempt,
}

/// Attempts that are looked at together.
const SOME: i64 = 500;
const SOME_ROWS: usize = SOME as usize;

#[derive(Serialize)]
struct SubjectRow {
    key: i64,
    at: i64,
    day: i64,
    chain: i64,
    seq: i64,
    item: i64,
}

/// An attempt's beginning, month and number.
type Begun = (i64, i64, i64);

/// From where to look on behind a page that was full. One person has no page of attempts at one instant.
fn next(from: i64, page: &[Begun]) -> Option<i64> {
    page.last().filter(|_| page.len() >= SOME_ROWS).map(|last| last.0.max(from + 1))
}

impl Tx {
    /// Indexes decisions by device or client id: key, instant of the block, place. Those that are indexed stay so.
    pub(super) async fn evidence_index(
        &mut self,
        tenant: i64,
        keys: &[(i64, i64, EvidenceId)],
    ) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        let row = |(key, at, id): &(i64, i64, EvidenceId)| SubjectRow {
            key: *key,
            at: *at,
            day: id.day,
            chain: id.chain,
            seq: id.seq,
            item: id.item,
        };
        let rows: Vec<SubjectRow> = keys.iter().map(row).collect();
        let columns = ["key", "at", "day", "chain", "seq", "item"].map(|name| (name, "BIGINT"));
        let sql = format!(
            "INSERT INTO evidence_subject (tenant, key_hash, at, day, chain, seq, item)
             SELECT $2, v.key, v.at, v.day, v.chain, v.seq, v.item FROM {} WHERE true ON CONFLICT DO NOTHING",
            Rows::source(self, "$1", &columns)
        );
        let rows = Rows::of(&rows)?;
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(rows.text()).bind(tenant).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// The decisions that allowed the attempts on these devices and people, oldest first, from an instant until
    /// before another: at least `limit` of them, if there are so many.
    pub(super) async fn evidence_of_attempts(
        &mut self,
        tenant: i64,
        keys: &[i64],
        (mut from, to): (i64, i64),
        limit: usize,
    ) -> Result<Vec<Found>, StoreError> {
        let mut found = Vec::new();
        loop {
            let begun = self.attempts_begun(tenant, keys, (from, to)).await?;
            found.extend(self.evidence_at(tenant, &begun).await?);
            match next(from, &begun).filter(|_| found.len() < limit) {
                Some(next) => from = next,
                None => return Ok(found),
            }
        }
    }

    async fn attempts_begun(
        &mut self,
        tenant: i64,
        keys: &[i64],
        (from, to): (i64, i64),
    ) -> Result<Vec<Begun>, StoreError> {
        let mut begun = BTreeSet::new();
        for column in ["device_hash", "client_hash"] {
            // the hash tells the tenant apart, so its index is the only way
            let sql = format!(
                "SELECT started_at, month, id FROM attempt_known WHERE {column}{} AND tenant + 0 = $1
                 AND started_at >= $3 AND started_at < $4 AND contact <> {ERASED} ORDER BY started_at, id LIMIT $5",
                IntSet::test(self, "$2")
            );
            let keys = IntSet::of(keys.iter().copied());
            let rows: Vec<Begun> = on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(keys.text())
                .bind(from).bind(to).bind(SOME).fetch_all(conn).await?);
            begun.extend(rows);
        }
        Ok(begun.into_iter().take(SOME_ROWS).collect())
    }

    /// The decisions that allowed some attempts. An attempt without one is passed over.
    async fn evidence_at(&mut self, tenant: i64, begun: &[Begun]) -> Result<Vec<Found>, StoreError> {
        let sql = format!(
            "SELECT at, day, chain, seq, body, devices FROM evidence WHERE tenant = $1 AND at{} ORDER BY at, chain, seq",
            IntSet::test(self, "$2")
        );
        let mut found = Vec::new();
        // few at once: each block may hold a hundred decisions
        for some in begun.chunks(20) {
            let wanted: HashSet<(i64, i64)> = some.iter().map(|(_, month, id)| (*month, *id)).collect();
            let instants: BTreeSet<i64> = some.iter().map(|b| b.0).collect();
            let instants = IntSet::of(instants);
            let blocks: Vec<BlockRow> = on!(self, conn =>
                sqlx::query_as(AssertSqlSafe(sql.as_str())).bind(tenant).bind(instants.text()).fetch_all(conn).await?);
            for (at, day, chain, seq, body, devices) in blocks {
                let decisions = (0..).zip(unpack_of((day, chain, seq), &body)?);
                let decisions = decisions.filter(|(_, d)| d.attempt.is_some_and(|a| wanted.contains(&a)));
                found.extend(decisions.map(|(item, decision)| {
                    Found::new(EvidenceId { day, chain, seq, item }, at, decision, devices.as_deref())
                }));
            }
        }
        Ok(found)
    }

    /// Indexes the decisions of attempts that are about to lose their person or to be deleted: afterwards they are
    /// found without them. `begun` are their beginnings, months and numbers.
    pub async fn evidence_keep_findable(&mut self, tenant: i64, begun: &[Begun]) -> Result<(), StoreError> {
        for some in begun.chunks(SOME_ROWS) {
            let found = self.evidence_at(tenant, some).await?;
            let keys: BTreeMap<_, _> = found
                .iter()
                .flat_map(|f| [Some(f.decision.device), f.decision.client].into_iter().flatten().map(move |k| (k, f)))
                .map(|(key, f)| ((key, f.id), (key, f.block_at, f.id)))
                .collect();
            self.evidence_index(tenant, &keys.into_values().collect::<Vec<_>>()).await?;
        }
        Ok(())
    }

    /// Forgets the devices of a person, given all the hashes: the decisions stay, are found by the hashes and their
    /// chains hold, but they name nobody any more. Before the attempts lose the person. Answers how many.
    pub async fn evidence_forget(&mut self, tenant: i64, keys: &[i64]) -> Result<u64, StoreError> {
        let mut from = Some(0);
        while let Some(since) = from {
            let begun = self.attempts_begun(tenant, keys, (since, i64::MAX)).await?;
            self.evidence_keep_findable(tenant, &begun).await?;
            from = next(since, &begun);
        }
        let sql = format!(
            "SELECT DISTINCT day, chain, seq, item FROM evidence_subject WHERE tenant = $1 AND key_hash{}",
            IntSet::test(self, "$2")
        );
        let hashes = IntSet::of(keys.iter().copied());
        let places: Vec<(i64, i64, i64, i64)> = on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(hashes.text()).fetch_all(conn).await?);
        let mut blocks: BTreeMap<(i64, i64, i64), HashSet<i64>> = BTreeMap::new();
        for (day, chain, seq, item) in places {
            blocks.entry((day, chain, seq)).or_default().insert(item);
        }
        self.evidence_take_devices(tenant, &blocks).await
    }
}
