//! Who is being contacted now: a mark for the device and one for the person of each attempt under way. A conflict
//! means that another group or batch is at it. The marks also tell which attempts are under way.
use std::collections::HashMap;

use serde::Serialize;
use sqlx::AssertSqlSafe;

use crate::attempt::NewAttempt;
use crate::rows::{PgRowQuery, column};
use crate::{Rows, StoreError, Tx, on};

/// Marks a device.
pub const IN_FLIGHT_DEVICE: i16 = 1;
/// Marks a person by the client id.
pub const IN_FLIGHT_CLIENT: i16 = 2;
/// Marks an answer to a person's own message by its attempt: it is under way and keeps nobody else from the person.
pub const IN_FLIGHT_ANSWER: i16 = 3;

#[derive(Serialize)]
pub(crate) struct Mark {
    kind: i16,
    key: i64,
    attempt: i64,
    account: i64,
    month: i64,
}

pub(crate) const MARK: [(&str, &str); 5] =
    [("kind", "SMALLINT"), ("key", "BIGINT"), ("attempt", "BIGINT"), ("account", "BIGINT"), ("month", "BIGINT")];

/// The marks of new attempts, in the one order of all writers, so that two batches can't wait for each other in a
/// circle.
pub(crate) fn marks(attempts: &[NewAttempt]) -> Vec<Mark> {
    let mut marks = Vec::with_capacity(attempts.len() * 2);
    for a in attempts {
        let mark = |kind, key| Mark { kind, key, attempt: a.id, account: a.account, month: a.month };
        if a.grp == 0 {
            marks.push(mark(IN_FLIGHT_ANSWER, a.id));
            continue;
        }
        marks.push(mark(IN_FLIGHT_DEVICE, a.device_hash));
        marks.extend(a.client_hash.map(|key| mark(IN_FLIGHT_CLIENT, key)));
    }
    marks.sort_by_key(|m| (m.kind, m.key, m.attempt));
    marks
}

/// The marks of attempts that ended, by their device and person.
pub(crate) fn ended(attempts: &[i64], keys: &[(i64, Option<i64>)]) -> Vec<Mark> {
    let mut marks = Vec::with_capacity(attempts.len() * 2);
    for (attempt, (device, client)) in attempts.iter().zip(keys) {
        let mark = |kind, key| Mark { kind, key, attempt: *attempt, account: 0, month: 0 };
        marks.push(mark(IN_FLIGHT_DEVICE, *device));
        marks.extend(client.map(|key| mark(IN_FLIGHT_CLIENT, key)));
    }
    marks.sort_by_key(|m| (m.kind, m.key, m.attempt));
    marks
}

/// Binds a source of [`MARK`] as arrays.
pub(crate) fn bind_marks<'q, O>(query: PgRowQuery<'q, O>, rows: &'q [Mark]) -> PgRowQuery<'q, O> {
    query
        .bind(column(rows, |r| r.kind))
        .bind(column(rows, |r| r.key))
        .bind(column(rows, |r| r.attempt))
        .bind(column(rows, |r| r.account))
        .bind(column(rows, |r| r.month))
}

/// Inserts marks from a source of [`MARK`] where nobody else's stand.
pub(crate) fn insert_text(source: &str, tenant: &str) -> String {
    format!(
        "INSERT INTO in_flight (tenant, kind, key_hash, attempt, account, month)
         SELECT {tenant}, v.kind, v.key, v.attempt, v.account, v.month FROM {source} WHERE true
         ON CONFLICT (tenant, kind, key_hash) DO NOTHING RETURNING attempt"
    )
}

/// Deletes marks, found by the keys of a source of [`MARK`], only where they are theirs.
pub(crate) fn delete_text(tx: &Tx, source: &str, tenant: &str) -> String {
    match tx {
        // each row is looked up by its key: the table is short, yet full of dead rows, and PostgreSQL would walk them
        Tx::Postgres(_) => format!(
            "DELETE FROM in_flight WHERE ctid = ANY (ARRAY(
                SELECT f.place FROM {source} CROSS JOIN LATERAL (
                    SELECT i.ctid AS place FROM in_flight i
                    WHERE i.tenant = {tenant} AND i.kind = v.kind AND i.key_hash = v.key AND i.attempt = v.attempt OFFSET 0) f))"
        ),
        Tx::Sqlite(_) => format!(
            "DELETE FROM in_flight WHERE tenant = {tenant} AND (kind, key_hash, attempt) IN (SELECT v.kind, v.key, v.attempt FROM {source})"
        ),
    }
}

impl Tx {
    /// Marks the person and the device of each attempt as being contacted; answers the attempts for which
    /// both were free. The marks of the others are not left behind.
    pub async fn in_flight_insert(&mut self, attempts: &[NewAttempt]) -> Result<Vec<i64>, StoreError> {
        let Some(tenant) = attempts.first().map(|a| a.tenant) else { return Ok(Vec::new()) };
        let marks = marks(attempts);
        let sql = insert_text(&Rows::source(self, "$1", &MARK), "$2");
        let rows = Rows::of(&marks)?;
        let taken: Vec<i64> = on!(self, conn => sqlx::query_scalar(AssertSqlSafe(sql)).bind(rows.text()).bind(tenant).fetch_all(conn).await?);
        let (mut got, mut wanted) = (HashMap::<i64, usize>::new(), HashMap::<i64, usize>::new());
        taken.iter().for_each(|id| *got.entry(*id).or_default() += 1);
        marks.iter().for_each(|m| *wanted.entry(m.attempt).or_default() += 1);
        let (free, held): (Vec<_>, Vec<_>) = attempts.iter().partition(|a| got.get(&a.id) == wanted.get(&a.id));
        let half: Vec<&NewAttempt> = held.into_iter().filter(|a| got.contains_key(&a.id)).collect();
        if !half.is_empty() {
            let ids: Vec<i64> = half.iter().map(|a| a.id).collect();
            let keys: Vec<(i64, Option<i64>)> = half.iter().map(|a| (a.device_hash, a.client_hash)).collect();
            self.in_flight_delete(tenant, &ids, &keys).await?;
        }
        Ok(free.into_iter().map(|a| a.id).collect())
    }

    /// Takes away the marks of attempts that ended: found by the keys, deleted only where they are theirs.
    pub async fn in_flight_delete(
        &mut self,
        tenant: i64,
        attempts: &[i64],
        keys: &[(i64, Option<i64>)],
    ) -> Result<(), StoreError> {
        self.marks_delete(tenant, &ended(attempts, keys)).await
    }

    /// Takes away the marks of answers to people's own messages.
    pub async fn in_flight_delete_answers(&mut self, tenant: i64, attempts: &[i64]) -> Result<(), StoreError> {
        let mark = |id: &i64| Mark { kind: IN_FLIGHT_ANSWER, key: *id, attempt: *id, account: 0, month: 0 };
        self.marks_delete(tenant, &attempts.iter().map(mark).collect::<Vec<_>>()).await
    }

    async fn marks_delete(&mut self, tenant: i64, marks: &[Mark]) -> Result<(), StoreError> {
        if marks.is_empty() {
            return Ok(());
        }
        let sql = delete_text(self, &Rows::source(self, "$1", &MARK), "$2");
        let rows = Rows::of(marks)?;
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(rows.text()).bind(tenant).execute(conn).await?.rows_affected());
        Ok(())
    }
}
