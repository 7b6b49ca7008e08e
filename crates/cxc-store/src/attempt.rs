//! Attempts: one row a try on one device, the compliance history. Those of senders are written once, with their answer:
//! until then they are [`crate::in_flight`]. Written by the dial manager, the dialer and the history service.
use cxc_core::attempt::AttemptState;
use cxc_core::channel::Channel;
use cxc_core::compliance::Purpose;
use serde::Serialize;
use sqlx::AssertSqlSafe;

use crate::in_flight::NEW;
pub use crate::in_flight::{IN_FLIGHT_CLIENT, IN_FLIGHT_DEVICE, NewAttempt};
use crate::record::Record;
use crate::{Db, Rows, StoreError, Tx, on};

/// How an attempt stands once its answer is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AttemptOutcome {
    /// Its state.
    pub state: i16,
    /// Its result, if it is known.
    pub result: Option<i16>,
    /// The carrier's id of the message, if it gave one.
    pub provider_id: Option<String>,
    /// The carrier's words, without addresses.
    pub detail: Option<String>,
    /// When it ended, if it did, microseconds.
    pub finished_at: Option<i64>,
    /// What the agent said of it, as a code.
    pub disposition: Option<String>,
    /// The agent's id.
    pub agent: Option<String>,
    /// What the agent wrote about it.
    pub note: Option<String>,
    /// What it was for. Where that is not known it counts for every cap.
    pub purpose: Option<Purpose>,
}

/// An attempt that was under way and has its answer.
#[derive(Debug, Clone, Serialize)]
pub struct MadeAttempt {
    /// As it began.
    #[serde(flatten)]
    pub attempt: NewAttempt,
    /// As it stands now.
    #[serde(flatten)]
    pub outcome: AttemptOutcome,
}

/// What became of an attempt that was written before.
#[derive(Debug, Clone, Serialize)]
pub struct AttemptUpdate {
    /// The attempt's month, as in its key.
    pub month: i64,
    /// The attempt.
    pub id: i64,
    /// Its new state.
    pub state: i16,
    /// Its result, once there is one.
    pub result: Option<i16>,
    /// The carrier's id of the message, if it gave one.
    pub provider_id: Option<String>,
    /// The carrier's words, without addresses.
    pub detail: Option<String>,
    /// When it ended, if it did.
    pub finished_at: Option<i64>,
}

/// An attempt as stored.
#[derive(Debug, Clone, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns are explained in the migration")]
pub struct Attempt {
    pub tenant: i64,
    pub month: i64,
    pub id: i64,
    pub grp: i64,
    pub record: i64,
    pub list: i64,
    pub contact: i64,
    pub account: i64,
    pub channel: i16,
    pub position: i16,
    pub device_hash: i64,
    pub client_hash: Option<i64>,
    pub state: i16,
    pub result: Option<i16>,
    pub disposition: Option<String>,
    pub provider_id: Option<String>,
    pub detail: Option<String>,
    pub rule_set: i64,
    pub started_at: i64,
    pub finished_at: Option<i64>,
    pub agent: Option<String>,
    pub note: Option<String>,
}

const COLUMNS: &str =
    "tenant, month, id, grp, record, list, contact, account, channel, position, device_hash, client_hash,
    state, result, disposition, provider_id, detail, rule_set, started_at, finished_at, agent, note";

/// The contact of an attempt whose person was erased: it is counted by its keyed hashes, and is nobody's.
pub(crate) const ERASED: i64 = -1;

/// Attempts are looked up by a device or person: the hashes hold their tenant, and the sum keeps PostgreSQL from
/// the key that begins with it.
pub(crate) const OF_TENANT: &str = "tenant + 0";

/// The columns of an [`AttemptOutcome`].
pub(crate) const OUTCOME: [(&str, &str); 9] = [
    ("state", "SMALLINT"),
    ("result", "SMALLINT"),
    ("provider_id", "TEXT"),
    ("detail", "TEXT"),
    ("finished_at", "BIGINT"),
    ("disposition", "TEXT"),
    ("agent", "TEXT"),
    ("note", "TEXT"),
    ("purpose", "TEXT"),
];

/// The columns of an [`AttemptUpdate`].
pub(crate) const UPDATE: [(&str, &str); 7] = [
    ("month", "BIGINT"),
    ("id", "BIGINT"),
    ("state", "SMALLINT"),
    ("result", "SMALLINT"),
    ("provider_id", "TEXT"),
    ("detail", "TEXT"),
    ("finished_at", "BIGINT"),
];

/// The columns of a [`MadeAttempt`].
pub(crate) fn made_columns() -> Vec<(&'static str, &'static str)> {
    NEW.iter().chain(&OUTCOME).copied().collect()
}

/// Writes attempts from a source of [`made_columns`].
pub(crate) fn insert_text(source: &str, on_conflict: &str) -> String {
    let columns = made_columns();
    let names = columns.iter().map(|c| c.0).collect::<Vec<_>>().join(", ");
    let picked = columns.iter().map(|c| format!("v.{}", c.0)).collect::<Vec<_>>().join(", ");
    let accepted = AttemptState::Accepted.code();
    format!(
        "INSERT INTO attempt ({names}, receipt_id, awaiting_since)
         SELECT {picked}, CASE WHEN v.state = {accepted} THEN v.provider_id END,
            CASE WHEN v.state = {accepted} THEN v.started_at END
         FROM {source} WHERE true {on_conflict}"
    )
}

/// Writes attempts as they stood in flight with their [`OUTCOME`]: the rows of the CTE `ended`.
pub(crate) fn ended_text() -> String {
    let begun = NEW.iter().filter(|c| c.0 != "id" && c.0 != "device_hash").map(|c| c.0).collect::<Vec<_>>().join(", ");
    let outcome = OUTCOME.map(|c| c.0).join(", ");
    let accepted = AttemptState::Accepted.code();
    format!(
        "INSERT INTO attempt (id, device_hash, {begun}, {outcome}, receipt_id, awaiting_since)
         SELECT attempt, coalesce(device_hash, answers_to), {begun}, {outcome},
            CASE WHEN state = {accepted} THEN provider_id END, CASE WHEN state = {accepted} THEN started_at END
         FROM ended"
    )
}

/// Changes attempts of a tenant by a source of [`UPDATE`]. No column of an index changes unless a receipt is awaited.
pub(crate) fn update_text(source: &str, tenant: &str) -> String {
    let accepted = AttemptState::Accepted.code();
    // the sum makes SQLite look up each row by its whole key; a constant tenant would have it walk all of them
    format!(
        "UPDATE attempt SET state = v.state, result = coalesce(v.result, attempt.result),
            provider_id = coalesce(v.provider_id, attempt.provider_id), detail = coalesce(v.detail, attempt.detail),
            finished_at = coalesce(v.finished_at, attempt.finished_at),
            receipt_id = CASE WHEN v.state = {accepted} THEN v.provider_id ELSE attempt.receipt_id END,
            awaiting_since = CASE WHEN v.state = {accepted} THEN attempt.started_at END
         FROM {source} WHERE attempt.tenant = {tenant} + 0 * v.id AND attempt.month = v.month AND attempt.id = v.id"
    )
}

/// The month of an instant as attempts are kept by: year * 100 + month, UTC.
pub fn month_of(micros: i64) -> i64 {
    let at = jiff::Timestamp::from_microsecond(micros).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC);
    i64::from(at.year()) * 100 + i64::from(at.month())
}

#[derive(Serialize)]
struct Hash {
    h: i64,
}

fn hashes(list: &[i64]) -> Result<Rows, StoreError> {
    Rows::of(&list.iter().map(|h| Hash { h: *h }).collect::<Vec<_>>())
}

impl Tx {
    /// Writes attempts that have their answer. One that is written again stays as it is.
    pub async fn attempt_insert(&mut self, attempts: &[MadeAttempt]) -> Result<(), StoreError> {
        if attempts.is_empty() {
            return Ok(());
        }
        let sql = insert_text(&Rows::source(self, "$1", &made_columns()), "ON CONFLICT DO NOTHING");
        let rows = Rows::of(attempts)?;
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(rows.text()).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Writes what became of attempts of one tenant.
    pub async fn attempt_update(&mut self, tenant: i64, updates: &[AttemptUpdate]) -> Result<u64, StoreError> {
        if updates.is_empty() {
            return Ok(0);
        }
        let sql = update_text(&Rows::source(self, "$1", &UPDATE), "$2");
        let rows = Rows::of(updates)?;
        Ok(
            on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(rows.text()).bind(tenant).execute(conn).await?.rows_affected()),
        )
    }

    /// Keeps with an attempt, by its month and id, which agent talked with the person and what they wrote about it.
    pub async fn attempt_said(
        &mut self,
        tenant: i64,
        (month, id): (i64, i64),
        (agent, note): (Option<&str>, Option<&str>),
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE attempt SET agent = $4, note = $5 WHERE tenant = $1 AND month = $2 AND id = $3";
        on!(self, conn => sqlx::query(SQL).bind(tenant).bind(month).bind(id).bind(agent).bind(note)
            .execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Accepted attempts of a channel account that have waited for their receipt since before an instant.
    pub async fn attempt_unreceipted(
        &mut self,
        account: i64,
        before: i64,
        limit: i64,
    ) -> Result<Vec<Attempt>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM attempt WHERE account = $1 AND awaiting_since < $2 ORDER BY awaiting_since LIMIT $3"
        );
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(account).bind(before).bind(limit).fetch_all(conn).await?),
        )
    }

    /// Whether a group awaits the receipt of a message that its channel account took since an instant.
    pub async fn attempt_awaiting_since(&mut self, account: i64, grp: i64, since: i64) -> Result<bool, StoreError> {
        const SQL: &str =
            "SELECT EXISTS (SELECT 1 FROM attempt WHERE account = $1 AND awaiting_since >= $3 AND grp = $2)";
        Ok(on!(self, conn => sqlx::query_scalar(SQL).bind(account).bind(grp).bind(since).fetch_one(conn).await?))
    }

    /// Whether a channel account has attempts under way: sent or waiting for a receipt.
    pub async fn attempt_any_open(&mut self, account: i64) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT EXISTS (SELECT 1 FROM in_flight WHERE account = $1)
            OR EXISTS (SELECT 1 FROM attempt WHERE account = $1 AND awaiting_since IS NOT NULL)";
        Ok(on!(self, conn => sqlx::query_scalar(SQL).bind(account).fetch_one(conn).await?))
    }

    /// The attempts whose receipt bears one of these ids.
    pub async fn attempt_by_provider(
        &mut self,
        account: i64,
        provider_ids: &[&str],
    ) -> Result<Vec<Attempt>, StoreError> {
        #[derive(Serialize)]
        struct Id<'a> {
            p: &'a str,
        }
        let rows = Rows::of(&provider_ids.iter().map(|p| Id { p }).collect::<Vec<_>>())?;
        let source = Rows::source(self, "$1", &[("p", "TEXT")]);
        let columns = qualified("a");
        let sql =
            format!("SELECT {columns} FROM {source} CROSS JOIN attempt a WHERE a.account = $2 AND a.receipt_id = v.p");
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(rows.text()).bind(account).fetch_all(conn).await?))
    }

    /// Attempts in doubt on these devices of a channel account: a late receipt may settle them.
    pub async fn attempt_in_doubt(&mut self, account: i64, devices: &[i64]) -> Result<Vec<Attempt>, StoreError> {
        let source = Rows::source(self, "$1", &[("h", "BIGINT")]);
        let columns = qualified("a");
        let sql = format!(
            "SELECT {columns} FROM {source} CROSS JOIN attempt a WHERE a.account = $2 AND a.state = 4 AND a.device_hash = v.h"
        );
        let rows = hashes(devices)?;
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(rows.text()).bind(account).fetch_all(conn).await?))
    }

    /// The attempts on a device of a tenant, newest first.
    pub async fn attempt_of_device(
        &mut self,
        tenant: i64,
        device_hash: i64,
        limit: i64,
    ) -> Result<Vec<Attempt>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM attempt_known WHERE {OF_TENANT} = $1 AND device_hash = $2 AND contact <> {ERASED} ORDER BY started_at DESC LIMIT $3"
        );
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(device_hash).bind(limit).fetch_all(conn).await?),
        )
    }

    /// The attempts of a record, newest first: those on its contact's devices that were made for it.
    pub async fn attempt_of_record(&mut self, tenant: i64, record: &Record) -> Result<Vec<Attempt>, StoreError> {
        if record.attempts == 0 && record.last_attempt.is_none() {
            return Ok(Vec::new());
        }
        // a contact that was erased or removed keeps its record, but its attempts name nobody any more
        let contacts = self.contacts_of_lists(tenant, &[(record.list, record.id)]).await?;
        let mut found = Vec::new();
        for device in contacts.iter().flat_map(|(_, c)| &c.devices) {
            found.extend(self.attempt_of_device(tenant, device.address_hash, 500).await?);
        }
        found.retain(|a| a.grp == record.grp && a.record == record.id);
        found.sort_by_key(|a| std::cmp::Reverse(a.started_at));
        Ok(found)
    }
}

fn qualified(table: &str) -> String {
    COLUMNS.split(',').map(|c| format!("{table}.{}", c.trim())).collect::<Vec<_>>().join(", ")
}

impl Db {
    /// Makes sure that PostgreSQL has a partition for this month and the next two. Call it at start and daily.
    pub async fn attempt_partitions(&self, now: i64) -> Result<(), StoreError> {
        let Db::Postgres(pool) = self else { return Ok(()) };
        let mut month = month_of(now);
        for _ in 0..3 {
            let next = if month % 100 == 12 { month + 89 } else { month + 1 };
            match make_partition(pool, month, next).await {
                Err(sqlx::Error::Database(e)) if e.code().as_deref() == Some(IN_DEFAULT) => {
                    move_out_of_default(pool, month, next).await?;
                }
                other => other?,
            }
            month = next;
        }
        Ok(())
    }
}

/// Attempts are written once; those that wait for a receipt change once more.
const MONTH_SETTINGS: &str = "autovacuum_vacuum_scale_factor = 0.05";

/// Held while a partition is made: processes that start together make it once.
const MAKING: i64 = 0x6378_6370_6172_7473;
/// PostgreSQL's code for rows of the month that are in the default partition already.
const IN_DEFAULT: &str = "23514";

/// Makes the partition of a month if it is not there.
async fn make_partition(pool: &sqlx::PgPool, month: i64, next: i64) -> Result<(), sqlx::Error> {
    let is_there =
        || sqlx::query_scalar::<_, bool>("SELECT to_regclass($1) IS NOT NULL").bind(format!("attempt_{month}"));
    if is_there().fetch_one(pool).await? {
        return Ok(());
    }
    let mut tx = pool.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(MAKING).execute(&mut *tx).await?;
    if !is_there().fetch_one(&mut *tx).await? {
        let sql = format!(
            "CREATE TABLE attempt_{month} PARTITION OF attempt FOR VALUES FROM ({month}) TO ({next}) WITH ({MONTH_SETTINGS})"
        );
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await?;
    }
    tx.commit().await
}

/// Makes the partition of a month whose attempts are in the default partition already: they move. Whoever writes
/// attempts waits meanwhile.
async fn move_out_of_default(pool: &sqlx::PgPool, month: i64, next: i64) -> Result<(), StoreError> {
    let mut tx = pool.begin().await?;
    let steps = [
        "LOCK TABLE attempt IN ACCESS EXCLUSIVE MODE".to_owned(),
        format!("CREATE TABLE attempt_{month} (LIKE attempt_default INCLUDING DEFAULTS) WITH ({MONTH_SETTINGS})"),
        format!(
            "WITH moved AS (DELETE FROM attempt_default WHERE month = {month} RETURNING *)
             INSERT INTO attempt_{month} SELECT * FROM moved"
        ),
        format!("ALTER TABLE attempt ATTACH PARTITION attempt_{month} FOR VALUES FROM ({month}) TO ({next})"),
    ];
    for sql in steps {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    tracing::info!(month, "attempts of a month moved into a partition of their own");
    Ok(())
}

impl Tx {
    /// Notes a message that came in from a person; false if the carrier had brought it before.
    #[expect(clippy::too_many_arguments, reason = "they are the row")]
    pub async fn inbound_insert(
        &mut self,
        account: i64,
        tenant: i64,
        channel: Channel,
        provider_id: &str,
        device: i64,
        kind: &str,
        now: i64,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "INSERT INTO inbound_message (account, provider_id, tenant, channel, address_hash, kind, at)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
        // where a carrier names no id, messages are told apart by sender, second and meaning: a start may follow a stop at once
        let own = format!("{device:x}@{} {kind}", now / 1_000_000);
        let id = if provider_id.is_empty() { &own } else { provider_id };
        let inserted = on!(self, conn => sqlx::query(SQL).bind(account).bind(id).bind(tenant).bind(channel.bit())
            .bind(device).bind(kind).bind(now).execute(conn).await?.rows_affected());
        Ok(inserted == 1)
    }
}
