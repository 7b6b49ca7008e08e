//! What sources of number intelligence said of single numbers: whether a number has another owner since consent was
//! given, its line type, when it was ported. Owning service: list manager; who judges may add what it asked for.
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;

use crate::int_set::IntSet;
use crate::{Engine, Rows, StoreError, Tx, on};

/// An answer as stored. Times are microseconds.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the columns are explained in the migration")]
pub struct StoredAnswer {
    pub device_hash: i64,
    pub number: String,
    pub queried_at: i64,
    pub consent_at: Option<i64>,
    pub answer: String,
    pub line_type: Option<String>,
    pub ported_at: Option<i64>,
    pub source: String,
}

const COLUMNS: &[(&str, &str)] = &[
    ("device_hash", "BIGINT"),
    ("number", "TEXT"),
    ("queried_at", "BIGINT"),
    ("consent_at", "BIGINT"),
    ("answer", "TEXT"),
    ("line_type", "TEXT"),
    ("ported_at", "BIGINT"),
    ("source", "TEXT"),
];
const NAMES: &str = "device_hash, number, queried_at, consent_at, answer, line_type, ported_at, source";

/// The [`StoredAnswer`]s on a tenant's devices by their hashes.
pub(crate) fn text(engine: Engine, [tenant, devices]: [&str; 2]) -> String {
    let test = IntSet::test_on(engine, devices);
    format!("SELECT {NAMES} FROM number_answer WHERE tenant = {tenant} AND device_hash{test}")
}

impl Tx {
    /// Keeps answers, each in the place of an older one on its number; answers how many were new or newer.
    pub async fn number_answers_put(&mut self, tenant: i64, answers: &[StoredAnswer]) -> Result<u64, StoreError> {
        // one statement can't change a row twice: the newest of each number goes in
        let mut newest: Vec<&StoredAnswer> = answers.iter().collect();
        newest.sort_by(|a, b| a.number.cmp(&b.number).then(b.queried_at.cmp(&a.queried_at)));
        newest.dedup_by(|later, first| later.number == first.number);
        let sql = format!(
            "INSERT INTO number_answer (tenant, {NAMES})
             SELECT $1, v.device_hash, v.number, v.queried_at, v.consent_at, v.answer, v.line_type, v.ported_at, v.source
             FROM {} WHERE TRUE
             ON CONFLICT (tenant, device_hash, number) DO UPDATE SET queried_at = excluded.queried_at,
                consent_at = excluded.consent_at, answer = excluded.answer, line_type = excluded.line_type,
                ported_at = excluded.ported_at, source = excluded.source
             WHERE number_answer.queried_at <= excluded.queried_at",
            Rows::source(self, "$2", COLUMNS)
        );
        let rows = Rows::of(&newest)?;
        Ok(on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(tenant).bind(rows.text()).execute(conn).await?
            .rows_affected()))
    }

    /// The answers on some devices by their keyed hashes: one statement a batch. Confirm on the number.
    pub async fn number_answers(&mut self, tenant: i64, devices: &[i64]) -> Result<Vec<StoredAnswer>, StoreError> {
        let sql = text(self.engine(), ["$1", "$2"]);
        let set = IntSet::of(devices.iter().copied());
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(set.text()).fetch_all(conn).await?))
    }

    /// Answers of before an instant, in the order of their devices, behind (device, number); whatever they say.
    pub async fn number_answers_stale(
        &mut self,
        tenant: i64,
        before: i64,
        after: (i64, &str),
        limit: i64,
    ) -> Result<Vec<StoredAnswer>, StoreError> {
        let sql = format!(
            "SELECT {NAMES} FROM number_answer WHERE tenant = $1 AND queried_at < $2 AND (device_hash, number) > ($3, $4)
             ORDER BY device_hash, number LIMIT $5"
        );
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(before).bind(after.0).bind(after.1)
            .bind(limit).fetch_all(conn).await?))
    }

    /// How many answers are of before an instant.
    pub async fn number_answers_stale_count(&mut self, tenant: i64, before: i64) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT count(*) FROM number_answer WHERE tenant = $1 AND queried_at < $2";
        Ok(on!(self, conn => sqlx::query_scalar(SQL).bind(tenant).bind(before).fetch_one(conn).await?))
    }

    /// Which of these devices a contact list of the tenant has: one statement a batch.
    pub async fn devices_in_lists(&mut self, tenant: i64, devices: &[i64]) -> Result<Vec<i64>, StoreError> {
        let sql = format!(
            "SELECT DISTINCT d.address_hash FROM contact_list l JOIN device_address d ON d.generation = l.generation
             WHERE l.tenant = $1 AND d.address_hash{}",
            IntSet::test(self, "$2")
        );
        let set = IntSet::of(devices.iter().copied());
        Ok(
            on!(self, conn => sqlx::query_scalar(AssertSqlSafe(sql)).bind(tenant).bind(set.text()).fetch_all(conn).await?),
        )
    }

    /// Which of these tenants have any answer.
    pub async fn number_answers_any(&mut self, tenants: &[i64]) -> Result<Vec<i64>, StoreError> {
        let sql = format!(
            "SELECT t.no FROM tenant t WHERE t.no{} AND EXISTS (SELECT 1 FROM number_answer a WHERE a.tenant = t.no)",
            IntSet::test(self, "$1")
        );
        let set = IntSet::of(tenants.iter().copied());
        Ok(on!(self, conn => sqlx::query_scalar(AssertSqlSafe(sql)).bind(set.text()).fetch_all(conn).await?))
    }

    /// Forgets the answers on a number.
    pub async fn number_answer_erase(&mut self, tenant: i64, device: i64, number: &str) -> Result<u64, StoreError> {
        const SQL: &str = "DELETE FROM number_answer WHERE tenant = $1 AND device_hash = $2 AND number = $3";
        Ok(on!(self, conn => sqlx::query(SQL).bind(tenant).bind(device).bind(number).execute(conn).await?
            .rows_affected()))
    }
}
