//! Whether the decisions of blocks are found by the people whom they are about. The index lies beside the chain and is not
//! covered by its hashes, so it is compared with the blocks, which are.
use std::collections::{BTreeSet, HashMap, HashSet};

use serde::Serialize;
use sqlx::AssertSqlSafe;

use super::block::{Keys, keys_of};
use crate::attempt::ERASED;
use crate::int_set::IntSet;
use crate::{Rows, StoreError, Tx, on};

/// A block as far as it is looked at here: its number, instant and body.
pub(super) type Looked<'a> = (i64, i64, &'a [u8]);

/// A key and a place: the hash, the block, the decision.
type Entry = (i64, i64, i64);

#[derive(Serialize)]
struct AttemptRow {
    month: i64,
    id: i64,
}

/// An attempt as it is known now: where it is, when it began, and the keys that it is found by.
type Known = (i64, i64, i64, i64, Option<i64>);

/// Blocks that are compared together: each may hold a hundred decisions.
pub(super) const SOME_BLOCKS: usize = 20;

impl Tx {
    /// The first of some blocks of a chain with a decision that is not found any more by its device or client id: neither
    /// by an entry of the index nor by its attempt.
    pub(super) async fn evidence_unfindable(
        &mut self,
        (tenant, day, chain): (i64, i64, i64),
        blocks: &[Looked<'_>],
    ) -> Result<Option<i64>, StoreError> {
        let mut decisions: Vec<(i64, i64, i64, Keys)> = Vec::new();
        for (seq, at, body) in blocks {
            // what can't be read has another hash
            let keys = keys_of((day, chain, *seq), body)?;
            decisions.extend((0..).zip(keys).map(|(item, keys)| (*seq, *at, item, keys)));
        }
        let indexed = self.evidence_entries((tenant, day, chain), &decisions).await?;
        let is_indexed = |seq: i64, item: i64, keys: &Keys| keys.all().all(|key| indexed.contains(&(key, seq, item)));
        let lacking: Vec<&(i64, i64, i64, Keys)> =
            decisions.iter().filter(|(seq, _, item, keys)| !is_indexed(*seq, *item, keys)).collect();
        let attempts = self.attempts_known(tenant, lacking.iter().filter_map(|(.., keys)| keys.attempt)).await?;
        let leads = |at: i64, keys: &Keys| {
            let known = keys.attempt.and_then(|attempt| attempts.get(&attempt));
            known.is_some_and(|(begun, device, client)| {
                (*begun, *device) == (at, keys.device) && keys.client.is_none_or(|own| Some(own) == *client)
            })
        };
        Ok(lacking.into_iter().find(|(_, at, _, keys)| !leads(*at, keys)).map(|(seq, ..)| *seq))
    }

    /// The entries of the index that lead to some decisions of a chain.
    async fn evidence_entries(
        &mut self,
        (tenant, day, chain): (i64, i64, i64),
        decisions: &[(i64, i64, i64, Keys)],
    ) -> Result<HashSet<Entry>, StoreError> {
        let sql = format!(
            "SELECT key_hash, seq, item FROM evidence_subject WHERE tenant = $1 AND key_hash{} AND at{}
             AND day = $4 AND chain = $5",
            IntSet::test(self, "$2"),
            IntSet::test(self, "$3")
        );
        let keys: BTreeSet<i64> = decisions.iter().flat_map(|(.., keys)| keys.all()).collect();
        let instants: BTreeSet<i64> = decisions.iter().map(|(_, at, ..)| *at).collect();
        let (keys, instants) = (IntSet::of(keys), IntSet::of(instants));
        let found: Vec<Entry> = on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(keys.text())
            .bind(instants.text()).bind(day).bind(chain).fetch_all(conn).await?);
        Ok(found.into_iter().collect())
    }

    /// When some attempts began and by what they are found, by month and number; those of people who were erased are not.
    async fn attempts_known(
        &mut self,
        tenant: i64,
        attempts: impl Iterator<Item = (i64, i64)>,
    ) -> Result<HashMap<(i64, i64), (i64, i64, Option<i64>)>, StoreError> {
        let rows: Vec<AttemptRow> = attempts.map(|(month, id)| AttemptRow { month, id }).collect();
        if rows.is_empty() {
            return Ok(HashMap::new());
        }
        let sql = format!(
            "SELECT a.month, a.id, a.started_at, a.device_hash, a.client_hash FROM {}
             JOIN attempt_known a ON a.tenant = $2 AND a.month = v.month AND a.id = v.id WHERE a.contact <> {ERASED}",
            Rows::source(self, "$1", &[("month", "BIGINT"), ("id", "BIGINT")])
        );
        let rows = Rows::of(&rows)?;
        let known: Vec<Known> = on!(self, conn =>
            sqlx::query_as(AssertSqlSafe(sql)).bind(rows.text()).bind(tenant).fetch_all(conn).await?);
        Ok(known.into_iter().map(|(month, id, at, device, client)| ((month, id), (at, device, client))).collect())
    }
}
