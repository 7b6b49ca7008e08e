//! The devices for which the records of a group stand: nobody is contacted there twice.
use serde::Serialize;
use sqlx::AssertSqlSafe;

use crate::bulk::BulkTable;
use crate::{Rows, StoreError, Tx, on};

/// The devices for which records stand.
pub const RECORD_DEDUPE: BulkTable = BulkTable { name: "record_dedupe", columns: &["grp", "dedupe_hash", "id"] };

impl Tx {
    /// Says which device each of these records stands for: (id, address hash).
    pub async fn record_set_dedupe(&mut self, grp: i64, hashes: &[(i64, i64)]) -> Result<(), StoreError> {
        #[derive(Serialize)]
        struct Row {
            id: i64,
            h: i64,
        }
        if hashes.is_empty() {
            return Ok(());
        }
        let rows = Rows::of(&hashes.iter().map(|(id, h)| Row { id: *id, h: *h }).collect::<Vec<_>>())?;
        let source = Rows::source(self, "$1", &[("id", "BIGINT"), ("h", "BIGINT")]);
        let sql =
            format!("UPDATE record SET dedupe_hash = v.h FROM {source} WHERE record.grp = $2 AND record.id = v.id");
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(rows.text()).bind(grp).execute(conn).await?.rows_affected());
        let sql = format!(
            "INSERT INTO record_dedupe (grp, dedupe_hash, id) SELECT $2, v.h, v.id FROM {source} WHERE true ON CONFLICT DO NOTHING"
        );
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(rows.text()).bind(grp).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Which of these dedupe hashes already stand in a group.
    pub async fn record_dedupe_hits(&mut self, grp: i64, hashes: &[i64]) -> Result<Vec<i64>, StoreError> {
        #[derive(Serialize)]
        struct Hash {
            h: i64,
        }
        if hashes.is_empty() {
            return Ok(Vec::new());
        }
        let rows = Rows::of(&hashes.iter().map(|h| Hash { h: *h }).collect::<Vec<_>>())?;
        let source = Rows::source(self, "$1", &[("h", "BIGINT")]);
        let sql = format!(
            "SELECT DISTINCT v.h FROM {source} CROSS JOIN record_dedupe r WHERE r.grp = $2 AND r.dedupe_hash = v.h"
        );
        Ok(on!(self, conn => sqlx::query_scalar(AssertSqlSafe(sql)).bind(rows.text()).bind(grp).fetch_all(conn).await?))
    }

    /// Which of these records (id, hash of its device) stand in a group beside another for the same device.
    pub async fn record_dedupe_others(&mut self, grp: i64, devices: &[(i64, i64)]) -> Result<Vec<i64>, StoreError> {
        #[derive(Serialize)]
        struct Row {
            id: i64,
            h: i64,
        }
        if devices.is_empty() {
            return Ok(Vec::new());
        }
        let rows = Rows::of(&devices.iter().map(|(id, h)| Row { id: *id, h: *h }).collect::<Vec<_>>())?;
        let source = Rows::source(self, "$1", &[("id", "BIGINT"), ("h", "BIGINT")]);
        let sql = format!(
            "SELECT DISTINCT v.id FROM {source} CROSS JOIN record_dedupe r WHERE r.grp = $2 AND r.dedupe_hash = v.h AND r.id <> v.id"
        );
        Ok(on!(self, conn => sqlx::query_scalar(AssertSqlSafe(sql)).bind(rows.text()).bind(grp).fetch_all(conn).await?))
    }

    /// The dedupe hashes of a group, in order, behind one of them and its record.
    pub async fn record_dedupe_page(
        &mut self,
        grp: i64,
        after: (i64, i64),
        limit: i64,
    ) -> Result<Vec<(i64, i64)>, StoreError> {
        const SQL: &str = "SELECT dedupe_hash, id FROM record_dedupe WHERE grp = $1 AND (dedupe_hash, id) > ($2, $3)
            ORDER BY dedupe_hash, id LIMIT $4";
        Ok(
            on!(self, conn => sqlx::query_as(SQL).bind(grp).bind(after.0).bind(after.1).bind(limit).fetch_all(conn).await?),
        )
    }
}
