//! What attempts are about besides device and client id: person, account, debts; and the history that attempt rules
//! count by all of these keys. Owner: the history service and senders, with the attempt.
use std::collections::HashMap;

use cxc_core::attempt::AttemptState;
use cxc_core::hash::HashKey;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;

use crate::attempt::OF_TENANT;
use crate::int_set::IntSet;
use crate::{Engine, Rows, StoreError, Tx, on};

/// A person over merged identities.
pub const PERSON: i16 = 3;
/// An account.
pub const ACCOUNT: i16 = 4;
/// A debt.
pub const DEBT: i16 = 5;

/// A key of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SubjectKey {
    /// [`PERSON`], [`ACCOUNT`] or [`DEBT`].
    pub kind: i16,
    /// Its keyed hash.
    pub key: i64,
}

/// The keyed hash of a person's, account's or debt's key: apart from those of devices and client ids.
pub fn subject_hash(key: &HashKey, tenant: i64, kind: i16, text: &str) -> i64 {
    key.hash(tenant, &format!("{kind} {text}"))
}

/// The keyed hash of a debt collector's name, in whatever case: one for whoever names it, a campaign, a validation, a report or a question.
pub fn collector_hash(key: &HashKey, tenant: i64, name: &str) -> i64 {
    key.hash(tenant, &format!("collector {}", name.trim().to_lowercase()))
}

/// One row: an attempt and one of its keys.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the columns are explained in the migration")]
pub struct NewSubject {
    pub kind: i16,
    pub key: i64,
    pub started_at: i64,
    pub month: i64,
    pub attempt: i64,
}

/// By what the attempts of a batch are looked for.
#[derive(Debug, Clone, Default)]
pub struct HistoryKeys {
    /// Devices.
    pub devices: Vec<i64>,
    /// Client ids.
    pub clients: Vec<i64>,
    /// Persons, accounts and debts.
    pub subjects: Vec<SubjectKey>,
}

/// A past attempt with everything that rules look at.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow, Deserialize)]
#[expect(missing_docs, reason = "the columns are explained in the migration")]
pub struct WideAttempt {
    pub id: i64,
    pub device_hash: i64,
    pub client_hash: Option<i64>,
    pub grp: i64,
    pub channel: i16,
    pub state: i16,
    pub result: Option<i16>,
    pub disposition: Option<String>,
    pub started_at: i64,
    pub direction: Option<i16>,
    pub purpose: Option<String>,
    pub connected: Option<bool>,
    pub conversation: Option<bool>,
    pub refused: Option<bool>,
    pub consented: Option<bool>,
    pub collector: Option<i64>,
    pub topic: Option<String>,
    pub regions: Option<String>,
    #[sqlx(skip)]
    #[serde(default)]
    pub subjects: Vec<SubjectKey>,
}

impl HistoryKeys {
    /// The keys as a source of the kinds 1 (device), 2 (client id) and those of subjects.
    pub(crate) fn rows(&self) -> Result<Rows, StoreError> {
        let of =
            |kind: i16, keys: &[i64]| keys.iter().map(move |key| SubjectKey { kind, key: *key }).collect::<Vec<_>>();
        let mut rows = of(1, &self.devices);
        rows.extend(of(2, &self.clients));
        rows.extend(&self.subjects);
        Rows::of(&rows)
    }
}

const WIDE: &str = "a.id, a.device_hash, a.client_hash, a.grp, a.channel, a.state, a.result, a.disposition,
    a.started_at, a.direction, a.purpose, a.connected, a.conversation, a.refused, a.consented, a.collector, a.topic,
    a.regions";

const KEYS: &[(&str, &str)] = &[("kind", "SMALLINT"), ("key", "BIGINT")];

/// The most past attempts that one statement reads: a longer answer is cut short.
pub const HISTORY_LIMIT: usize = 20_000;

/// The [`WideAttempt`]s, without their subjects, of the keys of [`HistoryKeys::rows`] in a tenant since an instant;
/// nothing where no key is asked for.
pub(crate) fn history_text(engine: Engine, keys: &HistoryKeys, [rows, tenant, since]: [&str; 3]) -> Option<String> {
    let source = Rows::source_on(engine, rows, KEYS);
    let counted = format!("a.grp <> 0 AND a.state <> {}", AttemptState::NotSent.code());
    let mut parts = Vec::new();
    for (kind, column, some) in
        [(1, "device_hash", !keys.devices.is_empty()), (2, "client_hash", !keys.clients.is_empty())]
    {
        if some {
            parts.push(format!(
                "SELECT {WIDE} FROM {source} CROSS JOIN attempt a WHERE v.kind = {kind} AND a.{OF_TENANT} = {tenant}
                 AND a.{column} = v.key AND a.started_at >= {since} AND {counted}"
            ));
        }
    }
    if !keys.subjects.is_empty() {
        parts.push(format!(
            "SELECT {WIDE} FROM {source} CROSS JOIN attempt_subject s CROSS JOIN attempt a
             WHERE s.tenant = {tenant} AND s.kind = v.kind AND s.key_hash = v.key AND s.started_at >= {since}
             AND a.tenant = s.tenant AND a.month = s.month AND a.id = s.attempt AND {counted}"
        ));
    }
    (!parts.is_empty()).then(|| format!("{} LIMIT {HISTORY_LIMIT}", parts.join(" UNION ")))
}

impl Tx {
    /// Makes writers about the same persons, accounts and debts wait for each other until the transaction ends. Take
    /// it before the marks of [`Tx::in_flight_insert`], never after. SQLite has one writer, who holds them all.
    pub async fn attempt_locks(&mut self, tenant: i64, keys: &[SubjectKey]) -> Result<(), StoreError> {
        let Tx::Postgres(_) = self else { return Ok(()) };
        if keys.is_empty() {
            return Ok(());
        }
        let mut keys = keys.to_vec();
        // one order for all writers, so that two batches can't wait for each other in a circle
        keys.sort_unstable();
        keys.dedup();
        let sql = format!(
            "SELECT count(pg_advisory_xact_lock(l.key)) FROM (SELECT v.key # (v.kind::bigint << 56) # ($2::bigint << 40) AS key
             FROM {} ORDER BY 1 OFFSET 0) l",
            Rows::source(self, "$1", KEYS)
        );
        let rows = Rows::of(&keys)?;
        let _locked: i64 = on!(self, conn => sqlx::query_scalar(AssertSqlSafe(sql)).bind(rows.text()).bind(tenant).fetch_one(conn).await?);
        Ok(())
    }

    /// Writes the keys of attempts, with the attempts.
    pub async fn attempt_subject_insert(&mut self, tenant: i64, subjects: &[NewSubject]) -> Result<(), StoreError> {
        if subjects.is_empty() {
            return Ok(());
        }
        let columns = [
            ("kind", "SMALLINT"),
            ("key", "BIGINT"),
            ("started_at", "BIGINT"),
            ("month", "BIGINT"),
            ("attempt", "BIGINT"),
        ];
        let source = Rows::source(self, "$1", &columns);
        let sql = format!(
            "INSERT INTO attempt_subject (tenant, kind, key_hash, started_at, month, attempt)
             SELECT $2, v.kind, v.key, v.started_at, v.month, v.attempt FROM {source} WHERE true ON CONFLICT DO NOTHING"
        );
        let rows = Rows::of(subjects)?;
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(rows.text()).bind(tenant).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Persons, accounts and debts of some attempts, by attempt.
    pub async fn attempt_subjects(
        &mut self,
        tenant: i64,
        attempts: &[i64],
    ) -> Result<HashMap<i64, Vec<SubjectKey>>, StoreError> {
        if attempts.is_empty() {
            return Ok(HashMap::new());
        }
        let ids = IntSet::of(attempts.iter().copied());
        let sql = format!(
            "SELECT attempt, kind, key_hash FROM attempt_subject WHERE tenant = $1 AND attempt{}",
            IntSet::test(self, "$2")
        );
        let found: Vec<(i64, i16, i64)> =
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(ids.text()).fetch_all(conn).await?);
        let mut subjects: HashMap<i64, Vec<SubjectKey>> = HashMap::new();
        for (attempt, kind, key) in found {
            subjects.entry(attempt).or_default().push(SubjectKey { kind, key });
        }
        Ok(subjects)
    }

    /// The attempts since an instant on any of these devices, to any of these people or about any of these subjects:
    /// two statements a batch. Those that are known not to have left, and answers to a person's own message, are left
    /// out. An answer of [`HISTORY_LIMIT`] rows may be cut short.
    pub async fn attempt_history_wide(
        &mut self,
        tenant: i64,
        keys: &HistoryKeys,
        since: i64,
    ) -> Result<Vec<WideAttempt>, StoreError> {
        let Some(sql) = history_text(self.engine(), keys, ["$1", "$2", "$3"]) else { return Ok(Vec::new()) };
        let rows = keys.rows()?;
        let mut found: Vec<WideAttempt> = on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(rows.text())
            .bind(tenant).bind(since).fetch_all(conn).await?);
        self.attempt_subjects_fill(tenant, &mut found).await?;
        Ok(found)
    }

    async fn attempt_subjects_fill(&mut self, tenant: i64, found: &mut [WideAttempt]) -> Result<(), StoreError> {
        if found.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "SELECT attempt, kind, key_hash FROM attempt_subject WHERE tenant = $1 AND attempt{}",
            IntSet::test(self, "$2")
        );
        let ids = IntSet::of(found.iter().map(|a| a.id));
        let rows: Vec<(i64, i16, i64)> = on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant)
            .bind(ids.text()).fetch_all(conn).await?);
        let mut subjects: HashMap<i64, Vec<SubjectKey>> = HashMap::new();
        for (attempt, kind, key) in rows {
            subjects.entry(attempt).or_default().push(SubjectKey { kind, key });
        }
        for attempt in found {
            attempt.subjects = subjects.remove(&attempt.id).unwrap_or_default();
        }
        Ok(())
    }
}
