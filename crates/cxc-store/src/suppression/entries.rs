//! The entries of suppression lists: added, taken away, paged, and let go when their time is over.
use serde::Serialize;
use sqlx::AssertSqlSafe;

use super::{SuppressionEntry, SuppressionList};
use crate::int_set::IntSet;
use crate::suppression_change::Changed;
use crate::{Rows, StoreError, Tx, on};

const ENTRY: &str = "e.key_hash, e.key, e.from_at, e.until_at, e.reason, e.source, e.added_at";
const ENTRY_ROWS: &[(&str, &str)] = &[
    ("key_hash", "BIGINT"),
    ("key", "TEXT"),
    ("from_at", "BIGINT"),
    ("until_at", "BIGINT"),
    ("reason", "TEXT"),
    ("source", "TEXT"),
    ("added_at", "BIGINT"),
];

/// What becomes of an entry that is there. In a list of opt-outs its time only grows, whoever writes it again: what ends it
/// is its removal; a file alone may bring other times for what a file brought. Each
/// source that put an entry there is remembered, so that START lifts only what a word made alone, and a replace or
/// an undo keeps what a file did not bring.
const ON_CONFLICT: &str = "
    from_at = CASE WHEN NOT (excluded.source = 'import' AND suppression_entry.source = 'import') AND EXISTS (
            SELECT 1 FROM suppression_list l WHERE l.generation = suppression_entry.generation AND l.opt_outs)
        THEN CASE WHEN suppression_entry.from_at < excluded.from_at THEN suppression_entry.from_at
            WHEN suppression_entry.from_at >= excluded.from_at THEN excluded.from_at END
        ELSE excluded.from_at END,
    until_at = CASE WHEN NOT (excluded.source = 'import' AND suppression_entry.source = 'import') AND EXISTS (
            SELECT 1 FROM suppression_list l WHERE l.generation = suppression_entry.generation AND l.opt_outs)
        THEN CASE WHEN suppression_entry.until_at > excluded.until_at THEN suppression_entry.until_at
            WHEN suppression_entry.until_at <= excluded.until_at THEN excluded.until_at END
        ELSE excluded.until_at END,
    reason = coalesce(excluded.reason, suppression_entry.reason),
    import = CASE WHEN excluded.source <> 'import' AND suppression_entry.source = 'import' THEN 0
        ELSE suppression_entry.import END,
    source = CASE WHEN suppression_entry.source = excluded.source THEN suppression_entry.source
        WHEN suppression_entry.source = 'import' THEN 'import,' || excluded.source
        WHEN excluded.source = 'import' AND suppression_entry.source IN ('keyword', 'review')
            THEN 'import,' || suppression_entry.source
        WHEN suppression_entry.source = 'review' OR (suppression_entry.source = 'keyword'
            AND excluded.source NOT IN ('import', 'review')) THEN excluded.source
        ELSE suppression_entry.source END";

impl Tx {
    /// Adds entries, or gives those that are there new times and reasons; answers how many are new.
    pub async fn suppression_add(
        &mut self,
        list: &SuppressionList,
        entries: &[SuppressionEntry],
        import: i64,
    ) -> Result<i64, StoreError> {
        // the row's lock keeps the size right while others add; a replace may have ended while we waited for it
        const TOUCH: &str = "UPDATE suppression_list SET changes = changes + 1 WHERE number = $1 RETURNING generation";
        let generation: Option<i64> =
            on!(self, conn => sqlx::query_scalar(TOUCH).bind(list.number).fetch_optional(conn).await?);
        let added = self.suppression_write(generation.unwrap_or(list.generation), entries, import).await?;
        self.suppression_changed_entries(list, entries).await?;
        self.suppression_count(list.number, added).await?;
        Ok(added)
    }

    /// Writes entries under a generation; answers how many are new.
    pub(crate) async fn suppression_write(
        &mut self,
        generation: i64,
        entries: &[SuppressionEntry],
        import: i64,
    ) -> Result<i64, StoreError> {
        // one statement can't change a row twice
        let mut seen = std::collections::HashSet::with_capacity(entries.len());
        let once: Vec<&SuppressionEntry> = entries.iter().filter(|e| seen.insert((e.key_hash, &e.key))).collect();
        let present = i64::try_from(self.suppression_present(generation, entries).await?.len()).unwrap_or(0);
        let count = i64::try_from(once.len()).unwrap_or(0);
        let sql = format!(
            "INSERT INTO suppression_entry (generation, key_hash, key, from_at, until_at, reason, source, import, added_at)
             SELECT $1, v.key_hash, v.key, v.from_at, v.until_at, v.reason, v.source, $2, v.added_at FROM {} WHERE TRUE
             ON CONFLICT (generation, key_hash, key) DO UPDATE SET {}",
            Rows::source(self, "$3", ENTRY_ROWS),
            ON_CONFLICT
        );
        let rows = Rows::of(&once)?;
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(generation).bind(import).bind(rows.text())
            .execute(conn).await?.rows_affected());
        Ok(count - present)
    }

    /// The entries of a generation that have one of these keys, as they are.
    pub async fn suppression_present(
        &mut self,
        generation: i64,
        entries: &[SuppressionEntry],
    ) -> Result<Vec<SuppressionEntry>, StoreError> {
        // each key is looked up by itself: both engines would rather walk the whole list for each batch of keys
        const OF_KEY: &str = "e.generation = $1 AND e.key_hash = v.key_hash AND e.key = v.key";
        let found = self.choose(
            format!("LATERAL (SELECT * FROM suppression_entry e WHERE {OF_KEY} OFFSET 0) e"),
            format!("suppression_entry e WHERE {OF_KEY}"),
        );
        let sql = format!("SELECT DISTINCT {ENTRY} FROM {} CROSS JOIN {found}", Rows::source(self, "$2", ENTRY_ROWS));
        let rows = Rows::of(entries)?;
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(generation).bind(rows.text()).fetch_all(conn).await?),
        )
    }

    /// Removes entries by (hash, key); answers how many there were.
    pub async fn suppression_remove(
        &mut self,
        list: &SuppressionList,
        keys: &[(i64, String)],
    ) -> Result<i64, StoreError> {
        #[derive(Serialize)]
        struct Key<'a> {
            key_hash: i64,
            key: &'a str,
        }
        let hashes: Vec<i64> = keys.iter().map(|key| key.0).collect();
        let keys: Vec<Key<'_>> = keys.iter().map(|(key_hash, key)| Key { key_hash: *key_hash, key }).collect();
        let sql = format!(
            "DELETE FROM suppression_entry WHERE generation = $1 AND (key_hash, key) IN (SELECT v.key_hash, v.key FROM {})",
            Rows::source(self, "$2", &[("key_hash", "BIGINT"), ("key", "TEXT")])
        );
        let rows = Rows::of(&keys)?;
        let removed = on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(list.generation).bind(rows.text())
            .execute(conn).await?.rows_affected());
        let removed = i64::try_from(removed).unwrap_or(0);
        self.suppression_changed(list.tenant, hashes.into_iter().map(|hash| (Changed::key(&list.kind, hash), 0)))
            .await?;
        self.suppression_count(list.number, -removed).await?;
        Ok(removed)
    }

    /// Removes those of some entries that one import alone made.
    pub(crate) async fn suppression_remove_of(
        &mut self,
        list: &SuppressionList,
        keys: &[(i64, String)],
        import: i64,
    ) -> Result<(), StoreError> {
        let by_import = self.suppression_by_import(list.generation, import, keys).await?;
        if !by_import.is_empty() {
            self.suppression_remove(list, &by_import).await?;
        }
        Ok(())
    }

    async fn suppression_by_import(
        &mut self,
        generation: i64,
        import: i64,
        keys: &[(i64, String)],
    ) -> Result<Vec<(i64, String)>, StoreError> {
        let sql = format!(
            "SELECT key_hash, key FROM suppression_entry WHERE generation = $1 AND import = $2 AND key_hash{}",
            IntSet::test(self, "$3")
        );
        let hashes = IntSet::of(keys.iter().map(|key| key.0));
        let found: Vec<(i64, String)> = on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(generation).bind(import)
            .bind(hashes.text()).fetch_all(conn).await?);
        Ok(found.into_iter().filter(|found| keys.contains(found)).collect())
    }

    pub(crate) async fn suppression_count(&mut self, number: i64, difference: i64) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE suppression_list SET size = size + $2, changes = changes + 1 WHERE number = $1";
        on!(self, conn => sqlx::query(SQL).bind(number).bind(difference).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// A page of a list's entries after (hash, key), in the order of their hashes.
    pub async fn suppression_page(
        &mut self,
        list: &SuppressionList,
        after: Option<(i64, &str)>,
        limit: i64,
    ) -> Result<Vec<SuppressionEntry>, StoreError> {
        let sql = format!(
            "SELECT {ENTRY} FROM suppression_entry e WHERE e.generation = $1 AND (e.key_hash, e.key) > ($2, $3)
             ORDER BY e.key_hash, e.key LIMIT $4"
        );
        let (hash, key) = after.unwrap_or((i64::MIN, ""));
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(list.generation).bind(hash).bind(key).bind(limit)
            .fetch_all(conn).await?))
    }

    /// Takes expired entries out, some at a time; answers how many.
    pub async fn suppression_expire(&mut self, now: i64, limit: i64) -> Result<u64, StoreError> {
        const DELETE: &str = "DELETE FROM suppression_entry WHERE (generation, key_hash, key) IN (
            SELECT generation, key_hash, key FROM suppression_entry WHERE until_at <= $1 LIMIT $2) RETURNING generation, key_hash";
        const COUNT: &str = "UPDATE suppression_list SET size = size - $2, changes = changes + 1 WHERE generation = $1
            RETURNING tenant, kind";
        let mut gone: Vec<(i64, i64)> =
            on!(self, conn => sqlx::query_as(DELETE).bind(now).bind(limit).fetch_all(conn).await?);
        gone.sort_unstable();
        for of_one in gone.chunk_by(|a, b| a.0 == b.0) {
            let count = i64::try_from(of_one.len()).unwrap_or(0);
            let list: Option<(i64, String)> =
                on!(self, conn => sqlx::query_as(COUNT).bind(of_one[0].0).bind(count).fetch_optional(conn).await?);
            // contents that were replaced are nobody's
            if let Some((tenant, kind)) = list {
                let changed = of_one.iter().map(|(_, hash)| (Changed::key(&kind, *hash), 0));
                self.suppression_changed(tenant, changed).await?;
            }
        }
        Ok(gone.len() as u64)
    }
}
