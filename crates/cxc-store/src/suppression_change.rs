//! What changed in suppression and is not shown by the records of campaign groups yet. Written by whoever changes
//! suppression, in the same transaction; owning service: campaign manager, which shows it and takes it away.
//!
//! A change by hand names its keys: whoever has one of them is found by the index of addresses or keys, which costs some
//! look-ups whatever the size of the audience. A file names its list only: it may hold more numbers than there are
//! people who wait, so that those are walked over and looked up in it.
use serde::Serialize;
use sqlx::AssertSqlSafe;

use crate::suppression::{CLIENT_ID, SuppressionEntry, SuppressionList};
use crate::{Rows, StoreError, Tx, on};

/// What a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// A device, by the keyed hash of its address.
    Device(i64),
    /// A client id, by its keyed hash.
    Client(i64),
    /// A whole suppression list, by its number.
    List(i64),
    /// A list of numbers, by its number.
    Numbers(i64),
}

/// A change that the records do not show yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct SuppressionChange {
    /// Whose it is; of the installation for its lists of numbers.
    pub tenant: i64,
    kind: i16,
    key_hash: i64,
    due: i64,
    stamp: i64,
}

impl Changed {
    fn columns(self) -> (i16, i64) {
        match self {
            Self::Device(hash) => (1, hash),
            Self::Client(hash) => (2, hash),
            Self::List(number) => (3, number),
            Self::Numbers(number) => (4, number),
        }
    }

    /// A key of a list of a kind ([`crate::suppression::DEVICE`] or [`CLIENT_ID`]).
    pub(crate) fn key(kind: &str, hash: i64) -> Self {
        if kind == CLIENT_ID { Self::Client(hash) } else { Self::Device(hash) }
    }
}

impl SuppressionChange {
    /// What it is about.
    pub fn what(&self) -> Changed {
        match self.kind {
            1 => Changed::Device(self.key_hash),
            2 => Changed::Client(self.key_hash),
            3 => Changed::List(self.key_hash),
            _ => Changed::Numbers(self.key_hash),
        }
    }
}

const COLUMNS: &[(&str, &str)] =
    &[("tenant", "BIGINT"), ("kind", "SMALLINT"), ("key_hash", "BIGINT"), ("due", "BIGINT"), ("stamp", "BIGINT")];

impl Tx {
    /// Notes what changes at some instants, in microseconds: 0 for now.
    pub(crate) async fn suppression_changed(
        &mut self,
        tenant: i64,
        changed: impl IntoIterator<Item = (Changed, i64)>,
    ) -> Result<(), StoreError> {
        let mut rows: Vec<SuppressionChange> = changed
            .into_iter()
            .map(|(what, due)| {
                let (kind, key_hash) = what.columns();
                SuppressionChange { tenant, kind, key_hash, due, stamp: 1 }
            })
            .collect();
        // one statement can't change a row twice; in one order, so that two writers do not wait for each other
        rows.sort_unstable_by_key(|row| (row.kind, row.key_hash, row.due));
        rows.dedup();
        if rows.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "INSERT INTO suppression_change (tenant, kind, key_hash, due, stamp)
             SELECT v.tenant, v.kind, v.key_hash, v.due, v.stamp FROM {} WHERE TRUE
             ON CONFLICT (tenant, kind, key_hash, due) DO UPDATE SET stamp = suppression_change.stamp + 1",
            Rows::source(self, "$1", COLUMNS)
        );
        let rows = Rows::of(&rows)?;
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(rows.text()).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Has the records of who has these devices looked at once more at an instant: while they are being sent to, they
    /// can't show what changed.
    pub async fn suppression_look_again(&mut self, tenant: i64, devices: &[i64], at: i64) -> Result<(), StoreError> {
        self.suppression_changed(tenant, devices.iter().map(|hash| (Changed::Device(*hash), at))).await
    }

    /// Notes entries of a list that were added or changed: they hold from now on, or from an instant to come.
    pub(crate) async fn suppression_changed_entries(
        &mut self,
        list: &SuppressionList,
        entries: &[SuppressionEntry],
    ) -> Result<(), StoreError> {
        let begins = |e: &SuppressionEntry| e.from_at.filter(|from| *from > e.added_at).unwrap_or(0);
        let changed = entries.iter().map(|e| (Changed::key(&list.kind, e.key_hash), begins(e)));
        self.suppression_changed(list.tenant, changed).await
    }

    /// The oldest changes of one tenant that are due and not shown yet, at most so many.
    pub async fn suppression_changes(&mut self, now: i64, limit: i64) -> Result<Vec<SuppressionChange>, StoreError> {
        const SQL: &str = "SELECT tenant, kind, key_hash, due, stamp FROM suppression_change
            WHERE tenant = (SELECT tenant FROM suppression_change WHERE due <= $1 ORDER BY due, tenant LIMIT 1)
              AND due <= $1 ORDER BY kind, key_hash, due LIMIT $2";
        Ok(on!(self, conn => sqlx::query_as(SQL).bind(now).bind(limit).fetch_all(conn).await?))
    }

    /// Forgets changes that are shown, unless they changed once more meanwhile.
    pub async fn suppression_changes_shown(&mut self, shown: &[SuppressionChange]) -> Result<(), StoreError> {
        let sql = format!(
            "DELETE FROM suppression_change WHERE (tenant, kind, key_hash, due, stamp) IN
                (SELECT v.tenant, v.kind, v.key_hash, v.due, v.stamp FROM {})",
            Rows::source(self, "$1", COLUMNS)
        );
        let rows = Rows::of(shown)?;
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(rows.text()).execute(conn).await?.rows_affected());
        Ok(())
    }
}
