//! Contents that are gone for users and wait to be taken from the disk. Owning service: list builder.
use sqlx::AssertSqlSafe;

use crate::{Engine, StoreError, Tx, on};

impl Tx {
    /// Marks contents as garbage. Those that a list may want back until `not_before` name it; otherwise `list` is 0.
    pub(crate) async fn garbage_insert(
        &mut self,
        generation: i64,
        list: i64,
        not_before: i64,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO contact_garbage (generation, list, not_before) VALUES ($1, $2, $3)
            ON CONFLICT (generation) DO UPDATE SET list = $2, not_before = $3";
        on!(self, conn => sqlx::query(SQL).bind(generation).bind(list).bind(not_before).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Gives up the contents that a list kept for an undo.
    pub(crate) async fn garbage_release(&mut self, list: i64, now: i64) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE contact_garbage SET list = 0, not_before = $2 WHERE list = $1";
        on!(self, conn => sqlx::query(SQL).bind(list).bind(now).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Takes contents back into use; false when they are gone.
    pub(crate) async fn garbage_reclaim(&mut self, generation: i64, list: i64, now: i64) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM contact_garbage WHERE generation = $1 AND list = $2 AND not_before > $3";
        Ok(
            on!(self, conn => sqlx::query(SQL).bind(generation).bind(list).bind(now).execute(conn).await?.rows_affected())
                == 1,
        )
    }

    /// Takes about `limit` contacts' worth of due garbage from the disk; false when there is none. A
    /// transaction of two thousand holds SQLite's writer for some tens of milliseconds.
    pub async fn garbage_step(&mut self, now: i64, limit: i64) -> Result<bool, StoreError> {
        const NEXT: &str = "SELECT generation FROM contact_garbage WHERE not_before <= $1 ORDER BY generation LIMIT 1";
        const DONE: &str = "DELETE FROM contact_garbage WHERE generation = $1";
        let next: Option<i64> = on!(self, conn => sqlx::query_scalar(NEXT).bind(now).fetch_optional(conn).await?);
        let Some(generation) = next else { return Ok(false) };
        if self.keys_collect(generation, limit).await? {
            return Ok(true);
        }
        self.contacts_leave_garbage(generation, limit).await?;
        if !self.contacts_collect(generation, 0, i64::MAX, limit).await? {
            on!(self, conn => sqlx::query(DONE).bind(generation).execute(conn).await?.rows_affected());
        }
        Ok(true)
    }

    /// Deletes some contacts of a range of ids with their devices; false when none is left.
    pub(crate) async fn contacts_collect(
        &mut self,
        generation: i64,
        above: i64,
        upto: i64,
        limit: i64,
    ) -> Result<bool, StoreError> {
        // a crash may have left contacts without devices or devices without their contact: look at both
        const BOUND: &str = "SELECT max(n) FROM (
            SELECT n FROM (SELECT id AS n FROM contact WHERE generation = $1 AND id > $2 AND id <= $3 ORDER BY id LIMIT $4) AS c
            UNION ALL
            SELECT n FROM (SELECT contact AS n FROM device WHERE generation = $1 AND contact > $2 AND contact <= $3
                ORDER BY contact LIMIT $4) AS d) AS slice";
        const KEYS: &str = "DELETE FROM contact_key WHERE (generation, key_hash, id) IN (
            SELECT generation, key_hash, id FROM contact WHERE generation = $1 AND id > $2 AND id <= $3)";
        const ADDRESSES: &str = "DELETE FROM device_address WHERE (generation, address_hash, contact, position) IN (
            SELECT generation, address_hash, contact, position FROM device WHERE generation = $1 AND contact > $2 AND contact <= $3)";
        const DEVICES: &str = "DELETE FROM device WHERE generation = $1 AND contact > $2 AND contact <= $3";
        const CONTACTS: &str = "DELETE FROM contact WHERE generation = $1 AND id > $2 AND id <= $3";
        let bound: Option<i64> = on!(self, conn => sqlx::query_scalar(BOUND).bind(generation).bind(above).bind(upto)
            .bind(limit).fetch_one(conn).await?);
        let Some(bound) = bound else { return Ok(false) };
        let statements: &[&'static str] = match self.engine() {
            Engine::Postgres => &[DEVICES, CONTACTS],
            Engine::Sqlite => &[KEYS, ADDRESSES, DEVICES, CONTACTS],
        };
        for &sql in statements {
            on!(self, conn => sqlx::query(sql).bind(generation).bind(above).bind(bound).execute(conn).await?.rows_affected());
        }
        Ok(true)
    }

    /// Deletes some of a generation's keys and addresses, in their own order; false when none is left.
    /// A matter of SQLite.
    async fn keys_collect(&mut self, generation: i64, limit: i64) -> Result<bool, StoreError> {
        if self.engine() == Engine::Postgres {
            return Ok(false);
        }
        let mut deleted = 0;
        for (table, key) in [("contact_key", "key_hash, id"), ("device_address", "address_hash, contact, position")] {
            let sql = format!(
                "DELETE FROM {table} WHERE (generation, {key}) IN (SELECT generation, {key} FROM {table} WHERE generation = $1 LIMIT $2)"
            );
            deleted += on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(generation).bind(limit).execute(conn).await?.rows_affected());
        }
        Ok(deleted > 0)
    }
}
