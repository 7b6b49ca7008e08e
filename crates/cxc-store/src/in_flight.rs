//! Attempts under way: durable before anything leaves, and gone when their answer is written as an attempt. A row also
//! marks its device and its person: a conflict means that another group or batch is at them.
use serde::Serialize;
use sqlx::AssertSqlSafe;

use crate::attempt::{AttemptOutcome, MadeAttempt};
use crate::int_set::IntSet;
use crate::{Engine, Rows, StoreError, Tx, on};

/// A mark on a device.
pub const IN_FLIGHT_DEVICE: i16 = 1;
/// A mark on a person by the client id.
pub const IN_FLIGHT_CLIENT: i16 = 2;

/// An attempt about to begin. Group 0: an answer to a person's own message, which marks nobody; account 0: a dialer's,
/// which is written as an attempt besides. Times are microseconds.
#[derive(Debug, Clone, Default, Serialize, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns are explained in the migration")]
pub struct NewAttempt {
    pub tenant: i64,
    pub month: i64,
    pub id: i64,
    pub grp: i64,
    pub record: i64,
    pub list: i64,
    pub contact: i64,
    pub account: i64,
    pub epoch: i64,
    pub channel: i16,
    pub position: i16,
    pub device_hash: i64,
    pub client_hash: Option<i64>,
    pub location: i64,
    pub rule_set: i64,
    pub regions: Option<String>,
    pub started_at: i64,
}

impl NewAttempt {
    /// The keys under which the person is in flight.
    pub fn keys(&self) -> (i64, Option<i64>) {
        (self.device_hash, self.client_hash)
    }

    /// As it is kept once its answer is there.
    pub fn made(self, outcome: AttemptOutcome) -> MadeAttempt {
        MadeAttempt { attempt: self, outcome }
    }

    /// By what all writers sort, so that two batches about the same people can't wait for each other in a circle: the
    /// person first, since campaigns on several channels meet there.
    pub(crate) fn order(&self) -> (bool, Option<i64>, i64, i64) {
        (self.client_hash.is_none(), self.client_hash, self.device_hash, self.id)
    }

    /// Whether it answers a person's own message.
    pub fn is_answer(&self) -> bool {
        self.grp == 0
    }
}

/// An attempt that a dialer reported as begun.
pub(crate) struct BegunElsewhere {
    pub attempt: i64,
    pub month: i64,
    pub keys: (i64, Option<i64>),
}

/// The columns of a [`NewAttempt`].
pub(crate) const NEW: [(&str, &str); 17] = [
    ("tenant", "BIGINT"),
    ("month", "BIGINT"),
    ("id", "BIGINT"),
    ("grp", "BIGINT"),
    ("record", "BIGINT"),
    ("list", "BIGINT"),
    ("contact", "BIGINT"),
    ("account", "BIGINT"),
    ("epoch", "BIGINT"),
    ("channel", "SMALLINT"),
    ("position", "SMALLINT"),
    ("device_hash", "BIGINT"),
    ("client_hash", "BIGINT"),
    ("location", "BIGINT"),
    ("rule_set", "BIGINT"),
    ("regions", "TEXT"),
    ("started_at", "BIGINT"),
];

/// Attempts in the one order of all writers.
pub(crate) fn in_order(attempts: &[NewAttempt]) -> Vec<NewAttempt> {
    let mut sorted = attempts.to_vec();
    sorted.sort_by_key(NewAttempt::order);
    sorted
}

/// Inserts rows from a source of [`NEW`].
pub(crate) fn insert_text(source: &str, on_conflict: &str) -> String {
    format!(
        "INSERT INTO in_flight (tenant, month, attempt, grp, record, list, contact, account, epoch, channel, position,
            device_hash, client_hash, answers_to, location, rule_set, regions, started_at)
         SELECT v.tenant, v.month, v.id, v.grp, v.record, v.list, v.contact, v.account, v.epoch, v.channel, v.position,
            CASE WHEN v.grp = 0 THEN NULL ELSE v.device_hash END, v.client_hash,
            CASE WHEN v.grp = 0 THEN v.device_hash END, v.location, v.rule_set, v.regions, v.started_at
         FROM {source} WHERE true {on_conflict} RETURNING attempt"
    )
}

/// The same for attempts of one sender's groups: what they share is bound in `$5` to `$10`.
pub(crate) fn begin_text(source: &str) -> String {
    format!(
        "INSERT INTO in_flight (tenant, month, account, epoch, channel, started_at, attempt, grp, record, list, contact,
            position, device_hash, client_hash, answers_to, location, rule_set, regions)
         SELECT $6, $7, $8, $9, $10, $5, v.id, v.grp, v.record, v.list, v.contact, v.position,
            CASE WHEN v.grp = 0 THEN NULL ELSE v.device_hash END, v.client_hash,
            CASE WHEN v.grp = 0 THEN v.device_hash END, v.location, v.rule_set, v.regions
         FROM {source} RETURNING 1"
    )
}

/// The columns by which a row is found again.
pub(crate) const ENDED: [(&str, &str); 2] = [("key", "BIGINT"), ("attempt", "BIGINT")];

/// Deletes rows, found by a device or person of a source of [`ENDED`], only where they are of that attempt.
pub(crate) fn delete_text(engine: Engine, source: &str, column: &str) -> String {
    match engine {
        // each is looked up by its key: the table is short, yet full of dead rows, and PostgreSQL would walk them
        Engine::Postgres => format!(
            "DELETE FROM in_flight WHERE ctid = ANY (ARRAY(SELECT f.place FROM {source} CROSS JOIN LATERAL (
                SELECT i.ctid AS place FROM in_flight i WHERE i.{column} = v.key AND i.attempt = v.attempt OFFSET 0) f))"
        ),
        Engine::Sqlite => format!(
            "DELETE FROM in_flight WHERE rowid IN (SELECT i.rowid FROM {source} CROSS JOIN in_flight i
                WHERE i.{column} = v.key AND i.attempt = v.attempt)"
        ),
    }
}

/// Takes away rows of senders' attempts on PostgreSQL, found by a source with the columns of [`ENDED`], and answers them with
/// some others of its columns. Each is found by its key and joined by its place: PostgreSQL, which takes every part of a
/// statement for short, would compare all with all.
pub(crate) fn take_text(source: &str, answered: &[&str]) -> String {
    let answered: Vec<String> = answered.iter().map(|name| format!("v.{name}")).collect();
    format!(
        "DELETE FROM in_flight USING (SELECT f.place, v.* FROM {source} CROSS JOIN LATERAL (
            SELECT i.ctid AS place FROM in_flight i WHERE i.device_hash = v.key AND i.attempt = v.attempt OFFSET 0) f) v
         WHERE in_flight.ctid = v.place RETURNING in_flight.*, {}",
        answered.join(", ")
    )
}

#[derive(Serialize)]
struct Ended {
    key: i64,
    attempt: i64,
}

impl Tx {
    /// Marks the person and the device of each attempt as being contacted; answers the attempts for which both were
    /// free. The others leave nothing behind. Commit before anything leaves.
    pub async fn in_flight_insert(&mut self, attempts: &[NewAttempt]) -> Result<Vec<i64>, StoreError> {
        if attempts.is_empty() {
            return Ok(Vec::new());
        }
        let rows = Rows::of(&in_order(attempts))?;
        let sql = insert_text(&Rows::source(self, "$1", &NEW), "ON CONFLICT DO NOTHING");
        Ok(on!(self, conn => sqlx::query_scalar(AssertSqlSafe(sql)).bind(rows.text()).fetch_all(conn).await?))
    }

    /// Marks the device and the person of attempts that dialers began already, each where it is free.
    pub(crate) async fn in_flight_begun(&mut self, tenant: i64, begun: &[BegunElsewhere]) -> Result<(), StoreError> {
        #[derive(Serialize)]
        struct Mark {
            attempt: i64,
            month: i64,
            device: Option<i64>,
            client: Option<i64>,
        }
        if begun.is_empty() {
            return Ok(());
        }
        let mut marks = Vec::with_capacity(begun.len() * 2);
        for BegunElsewhere { attempt, month, keys: (device, client) } in begun {
            let mark = |device, client| Mark { attempt: *attempt, month: *month, device, client };
            marks.push(mark(Some(*device), None));
            marks.extend(client.map(|client| mark(None, Some(client))));
        }
        marks.sort_unstable_by_key(|m| (m.client, m.device, m.attempt));
        let columns = [("attempt", "BIGINT"), ("month", "BIGINT"), ("device", "BIGINT"), ("client", "BIGINT")];
        let sql = format!(
            "INSERT INTO in_flight (tenant, month, attempt, device_hash, client_hash)
             SELECT $2, v.month, v.attempt, v.device, v.client FROM {} WHERE true ON CONFLICT DO NOTHING",
            Rows::source(self, "$1", &columns)
        );
        let rows = Rows::of(&marks)?;
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(rows.text()).bind(tenant).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Takes away the rows of attempts that ended: found by their keys, deleted only where they are theirs.
    pub async fn in_flight_delete(&mut self, attempts: &[i64], keys: &[(i64, Option<i64>)]) -> Result<(), StoreError> {
        let of = || attempts.iter().zip(keys);
        let devices = of().map(|(attempt, (key, _))| Ended { key: *key, attempt: *attempt }).collect();
        let clients = of().filter_map(|(attempt, (_, key))| key.map(|key| Ended { key, attempt: *attempt })).collect();
        for (column, mut ended) in [("client_hash", clients), ("device_hash", devices)] as [(&str, Vec<Ended>); 2] {
            if ended.is_empty() {
                continue;
            }
            ended.sort_unstable_by_key(|e| e.key);
            let sql = delete_text(self.engine(), &Rows::source(self, "$1", &ENDED), column);
            let rows = Rows::of(&ended)?;
            on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(rows.text()).execute(conn).await?.rows_affected());
        }
        Ok(())
    }

    /// Takes away the rows of answers to people's own messages.
    pub async fn in_flight_delete_answers(&mut self, tenant: i64, attempts: &[i64]) -> Result<(), StoreError> {
        if attempts.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "DELETE FROM in_flight WHERE tenant = $1 AND answers_to IS NOT NULL AND attempt{}",
            IntSet::test(self, "$2")
        );
        let ids = IntSet::of(attempts.iter().copied());
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(tenant).bind(ids.text()).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Attempts of a channel account that an earlier epoch left under way.
    pub async fn in_flight_orphans(
        &mut self,
        account: i64,
        below_epoch: i64,
        limit: i64,
    ) -> Result<Vec<NewAttempt>, StoreError> {
        const SQL: &str =
            "SELECT tenant, month, attempt AS id, grp, record, list, contact, account, epoch, channel, position,
                coalesce(device_hash, answers_to) AS device_hash, client_hash, location, rule_set, regions, started_at
            FROM in_flight WHERE account = $1 AND epoch < $2 ORDER BY started_at LIMIT $3";
        Ok(on!(self, conn => sqlx::query_as(SQL).bind(account).bind(below_epoch).bind(limit).fetch_all(conn).await?))
    }

    /// Which of these attempts are under way: after a commit whose answer was lost.
    pub async fn in_flight_existing(&mut self, account: i64, ids: &[i64]) -> Result<Vec<i64>, StoreError> {
        let sql = format!("SELECT attempt FROM in_flight WHERE account = $1 AND attempt{}", IntSet::test(self, "$2"));
        let ids = IntSet::of(ids.iter().copied());
        Ok(
            on!(self, conn => sqlx::query_scalar(AssertSqlSafe(sql)).bind(account).bind(ids.text()).fetch_all(conn).await?),
        )
    }
}
