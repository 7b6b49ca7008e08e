//! How long evidence is kept, and what erasure takes: the devices behind the hashes.
use serde::Serialize;
use sqlx::AssertSqlSafe;

use super::block::unpack_of;
use super::{PACKS, day_of};
use crate::{Rows, StoreError, Tx, on};

type Block = (i64, i64, i64, i64, Vec<u8>);

#[derive(Serialize)]
struct Key {
    key: i64,
    at: i64,
    chain: i64,
    seq: i64,
}

#[derive(Serialize)]
struct Place {
    day: i64,
    chain: i64,
    seq: i64,
}

/// Five years with two leap days: no setting makes it shorter.
pub const LEAST_KEPT_DAYS: i64 = 5 * 365 + 2;

const DAY: i64 = 86_400 * 1_000_000;

/// How many days evidence is kept where `wanted` are asked for: it can only be lengthened.
pub fn kept_days(wanted: Option<i64>) -> i64 {
    wanted.unwrap_or(0).max(LEAST_KEPT_DAYS)
}

impl Tx {
    /// Deletes some of the blocks of a tenant that are older than they must be kept; answers how many.
    pub async fn evidence_expire(
        &mut self,
        tenant: i64,
        wanted_days: Option<i64>,
        now: i64,
        limit: i64,
    ) -> Result<u64, StoreError> {
        let before = day_of(now.saturating_sub(kept_days(wanted_days).saturating_mul(DAY)));
        const OLDEST: &str = "SELECT day, chain, seq, at, body FROM evidence WHERE tenant = $1 AND day < $2
            ORDER BY day, chain, seq LIMIT $3";
        let oldest: Vec<Block> =
            on!(self, conn => sqlx::query_as(OLDEST).bind(tenant).bind(before).bind(limit).fetch_all(conn).await?);
        let mut keys = Vec::new();
        for (day, chain, seq, at, body) in &oldest {
            let of_block =
                unpack_of((*day, *chain, *seq), body)?.into_iter().flat_map(|d| [Some(d.device), d.client]).flatten();
            keys.extend(of_block.map(|key| Key { key, at: *at, chain: *chain, seq: *seq }));
        }
        self.evidence_unindex(tenant, &keys).await?;
        let columns = [("day", "BIGINT"), ("chain", "BIGINT"), ("seq", "BIGINT")];
        let source = Rows::source(self, "$1", &columns);
        let sql = format!(
            "DELETE FROM evidence WHERE tenant = $2 AND (day, chain, seq) IN (SELECT v.day, v.chain, v.seq FROM {source})"
        );
        let places: Vec<Place> =
            oldest.iter().map(|(day, chain, seq, ..)| Place { day: *day, chain: *chain, seq: *seq }).collect();
        let rows = Rows::of(&places)?;
        let gone = on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(rows.text()).bind(tenant).execute(conn).await?.rows_affected());
        self.evidence_heads_expire(tenant, before).await?;
        Ok(gone)
    }

    /// Deletes time zones, holidays and rules that no decision can name which is still kept: those that were last used, or
    /// replaced, a day before the oldest block of any tenant, and five years ago. Processes note what they use when they
    /// start and each hour. Answers how many. Call it after [`Tx::evidence_expire`].
    pub async fn snapshots_expire(&mut self, now: i64) -> Result<u64, StoreError> {
        // by the index of each tenant
        const OLDEST: &str = "SELECT min(o.at) FROM
            (SELECT (SELECT min(e.at) FROM evidence e WHERE e.tenant = t.no) AS at FROM tenant t) AS o";
        const DATA: &str = "DELETE FROM data_snapshot WHERE at < $1";
        // the rules of a version are used no more once those of a later one are
        const RULES: &str = "DELETE FROM rule_snapshot WHERE tenant <> $2 AND EXISTS (SELECT 1 FROM rule_snapshot n
            WHERE n.tenant = rule_snapshot.tenant AND n.version > rule_snapshot.version AND n.at < $1)";
        let oldest: Option<i64> = on!(self, conn => sqlx::query_scalar(OLDEST).fetch_one(conn).await?);
        let before = now.saturating_sub(LEAST_KEPT_DAYS * DAY).min(oldest.unwrap_or(now)).saturating_sub(DAY);
        let data = on!(self, conn => sqlx::query(DATA).bind(before).execute(conn).await?.rows_affected());
        let rules = on!(self, conn => sqlx::query(RULES).bind(before).bind(PACKS).execute(conn).await?.rows_affected());
        Ok(data + rules)
    }

    /// Takes blocks out of the index by the keys that they hold: the index has no other order than by key.
    async fn evidence_unindex(&mut self, tenant: i64, keys: &[Key]) -> Result<(), StoreError> {
        let columns = [("key", "BIGINT"), ("at", "BIGINT"), ("chain", "BIGINT"), ("seq", "BIGINT")];
        let source = Rows::source(self, "$1", &columns);
        let sql = format!(
            "DELETE FROM evidence_subject WHERE tenant = $2
             AND (key_hash, at, chain, seq) IN (SELECT v.key, v.at, v.chain, v.seq FROM {source})"
        );
        let rows = Rows::of(keys)?;
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(rows.text()).bind(tenant).execute(conn).await?.rows_affected());
        Ok(())
    }
}
