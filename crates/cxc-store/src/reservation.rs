//! Reservations: attempts that are allowed and held until their dialer reports them; and the reports themselves, in
//! two phases by the dialer's own id. Written by the compliance manager.
//!
//! The order that makes caps hold under any interleaving: locks of the subjects, marks of device and client, history,
//! check, [`Tx::reservation_insert`], commit.
mod person;
mod report;
mod shown;
mod sweep;

use cxc_core::attempt::AttemptState;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;

pub use report::{Report, Taken};
pub use shown::{AttemptFilter, ShownAttempt};

use crate::attempt::{IN_FLIGHT_CLIENT, IN_FLIGHT_DEVICE, month_of};
use crate::attempt_subject::{NewSubject, SubjectKey};
use crate::{Engine, Rows, StoreError, Tx, on};

/// The group of an attempt that was reported for no group of ours: counted, and of no campaign.
pub const NO_GROUP: i64 = -1;

/// An attempt that a dialer asked for or reported. Times are microseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the columns are explained in the migration")]
pub struct OutsideAttempt {
    pub id: i64,
    /// The group, or [`NO_GROUP`].
    pub grp: i64,
    pub record: i64,
    pub list: i64,
    pub contact: i64,
    pub channel: i16,
    pub position: i16,
    pub device_hash: i64,
    pub client_hash: Option<i64>,
    pub location: i64,
    pub rule_set: i64,
    pub started_at: i64,
    pub direction: Option<i16>,
    pub purpose: Option<String>,
    pub collector: Option<i64>,
    pub topic: Option<String>,
    pub regions: Option<String>,
    /// Persons, accounts and debts.
    #[serde(skip)]
    pub subjects: Vec<SubjectKey>,
}

impl OutsideAttempt {
    /// An attempt of which nothing else is known.
    pub fn new(id: i64, channel: i16, device_hash: i64, started_at: i64) -> Self {
        Self {
            id,
            grp: NO_GROUP,
            record: 0,
            list: 0,
            contact: 0,
            channel,
            position: 0,
            device_hash,
            client_hash: None,
            location: 0,
            rule_set: 0,
            started_at,
            direction: None,
            purpose: None,
            collector: None,
            topic: None,
            regions: None,
            subjects: Vec::new(),
        }
    }

    /// Its month, as in its key.
    pub fn month(&self) -> i64 {
        month_of(self.started_at)
    }
}

/// An attempt to be held.
#[derive(Debug, Clone, PartialEq)]
pub struct Reservation {
    /// The attempt.
    pub attempt: OutsideAttempt,
    /// The dialer's id of it; see [`own_guid`].
    pub guid: String,
    /// When it hardens into an attempt in doubt.
    pub expires_at: i64,
}

impl Reservation {
    /// How it stands once it is written.
    pub fn standing(&self) -> StandingReservation {
        StandingReservation {
            guid: self.guid.clone(),
            month: self.attempt.month(),
            attempt: self.attempt.id,
            sequence: -1,
            open_until: Some(self.expires_at),
            device_hash: self.attempt.device_hash,
            client_hash: self.attempt.client_hash,
            channel: self.attempt.channel,
            grp: self.attempt.grp,
            purpose: self.attempt.purpose.clone(),
            collector: self.attempt.collector,
            topic: self.attempt.topic.clone(),
            subjects: self.attempt.subjects.clone(),
        }
    }
}

/// The id of a reservation as it travels.
pub fn reservation_id(month: i64, attempt: i64) -> String {
    format!("{month}-{attempt:x}")
}

/// Month and attempt of a reservation's id.
pub fn parse_reservation_id(text: &str) -> Option<(i64, i64)> {
    let (month, attempt) = text.split_once('-')?;
    Some((month.parse().ok().filter(|m| *m > 0)?, i64::from_str_radix(attempt, 16).ok().filter(|a| *a > 0)?))
}

/// What a reservation goes by until its dialer tells its own id.
pub fn own_guid(month: i64, attempt: i64) -> String {
    format!("reservation {}", reservation_id(month, attempt))
}

/// A mark that stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow, Deserialize)]
pub struct Held {
    /// What is marked: see [`crate::attempt::IN_FLIGHT_DEVICE`].
    pub kind: i16,
    /// Its keyed hash.
    pub key_hash: i64,
    /// The attempt that holds it.
    pub attempt: i64,
    /// How far its reports are, if a dialer reports it: its final result is awaited then.
    pub sequence: Option<i16>,
}

/// A reservation that stands.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns are explained in the migration")]
pub struct StandingReservation {
    pub guid: String,
    pub month: i64,
    pub attempt: i64,
    pub sequence: i16,
    pub open_until: Option<i64>,
    pub device_hash: i64,
    pub client_hash: Option<i64>,
    pub channel: i16,
    pub grp: i64,
    pub purpose: Option<String>,
    pub collector: Option<i64>,
    pub topic: Option<String>,
    /// Persons, accounts and debts.
    #[sqlx(skip)]
    pub subjects: Vec<SubjectKey>,
}

const COLUMNS: &[(&str, &str)] = &[
    ("id", "BIGINT"),
    ("grp", "BIGINT"),
    ("record", "BIGINT"),
    ("list", "BIGINT"),
    ("contact", "BIGINT"),
    ("channel", "SMALLINT"),
    ("position", "SMALLINT"),
    ("device_hash", "BIGINT"),
    ("client_hash", "BIGINT"),
    ("location", "BIGINT"),
    ("rule_set", "BIGINT"),
    ("started_at", "BIGINT"),
    ("direction", "SMALLINT"),
    ("purpose", "TEXT"),
    ("collector", "BIGINT"),
    ("topic", "TEXT"),
    ("regions", "TEXT"),
];

/// The keys of marks as a source.
pub(crate) fn mark_rows(devices: &[i64], clients: &[i64]) -> Result<Rows, StoreError> {
    let of = |kind, keys: &[i64]| keys.iter().map(|key| SubjectKey { kind, key: *key }).collect::<Vec<_>>();
    let mut rows = of(IN_FLIGHT_DEVICE, devices);
    rows.extend(of(IN_FLIGHT_CLIENT, clients));
    Rows::of(&rows)
}

/// The marks ([`Held`]) on the keys of [`mark_rows`] in a tenant.
pub(crate) fn marks_text(engine: Engine, [rows, tenant]: [&str; 2]) -> String {
    let source = Rows::source_on(engine, rows, &[("kind", "SMALLINT"), ("key", "BIGINT")]);
    // each is looked up by its key: the table is short, yet full of dead rows, and PostgreSQL would walk them
    let marked = |column: &str| match engine {
        Engine::Postgres => {
            format!("LATERAL (SELECT i.attempt, i.tenant FROM in_flight i WHERE i.{column} = v.key OFFSET 0) f WHERE")
        }
        Engine::Sqlite => format!("in_flight f WHERE f.{column} = v.key AND"),
    };
    let part = |kind: i16, column: &str| {
        format!(
            "SELECT v.kind, v.key AS key_hash, f.attempt, (SELECT r.sequence FROM attempt_report r
                WHERE r.tenant = f.tenant AND r.attempt = f.attempt LIMIT 1) AS sequence
             FROM {source} CROSS JOIN {} v.kind = {kind} AND f.tenant = {tenant}",
            marked(column)
        )
    };
    format!("{} UNION ALL {}", part(IN_FLIGHT_DEVICE, "device_hash"), part(IN_FLIGHT_CLIENT, "client_hash"))
}

impl Tx {
    /// Writes reservations of one tenant whose marks are held: attempts, their subjects, and when they expire.
    pub async fn reservation_insert(&mut self, tenant: i64, held: &[Reservation]) -> Result<(), StoreError> {
        #[derive(Serialize)]
        struct Open<'a> {
            guid: &'a str,
            month: i64,
            attempt: i64,
            until: i64,
        }
        if held.is_empty() {
            return Ok(());
        }
        let attempts: Vec<&OutsideAttempt> = held.iter().map(|r| &r.attempt).collect();
        self.outside_attempt_insert(tenant, &attempts, AttemptState::Reserved).await?;
        let columns = [("guid", "TEXT"), ("month", "BIGINT"), ("attempt", "BIGINT"), ("until", "BIGINT")];
        let source = Rows::source(self, "$1", &columns);
        let sql = format!(
            "INSERT INTO attempt_report (tenant, guid, month, attempt, sequence, open_until)
             SELECT $2, v.guid, v.month, v.attempt, -1, v.until FROM {source}"
        );
        let mut rows: Vec<Open<'_>> = held
            .iter()
            .map(|r| Open { guid: &r.guid, month: r.attempt.month(), attempt: r.attempt.id, until: r.expires_at })
            .collect();
        rows.sort_unstable_by_key(|r| r.guid);
        let rows = Rows::of(&rows)?;
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(rows.text()).bind(tenant).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Writes attempts that dialers make, in one state, with their subjects.
    async fn outside_attempt_insert(
        &mut self,
        tenant: i64,
        attempts: &[&OutsideAttempt],
        state: AttemptState,
    ) -> Result<(), StoreError> {
        #[derive(Serialize)]
        struct Row<'a> {
            month: i64,
            #[serde(flatten)]
            attempt: &'a OutsideAttempt,
        }
        if attempts.is_empty() {
            return Ok(());
        }
        let columns: Vec<(&str, &str)> = [("month", "BIGINT")].iter().chain(COLUMNS).copied().collect();
        let names = columns.iter().map(|c| c.0).collect::<Vec<_>>().join(", ");
        let picked = columns.iter().map(|c| format!("v.{}", c.0)).collect::<Vec<_>>().join(", ");
        let source = Rows::source(self, "$1", &columns);
        let sql = format!(
            "INSERT INTO attempt (tenant, account, epoch, state, {names}) SELECT $2, 0, 0, {}, {picked} FROM {source}",
            state.code()
        );
        let rows: Vec<Row<'_>> = attempts.iter().map(|attempt| Row { month: attempt.month(), attempt }).collect();
        let rows = Rows::of(&rows)?;
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(rows.text()).bind(tenant).execute(conn).await?.rows_affected());
        let subjects = attempts.iter().flat_map(|a| {
            a.subjects.iter().map(|s| NewSubject {
                kind: s.kind,
                key: s.key,
                started_at: a.started_at,
                month: a.month(),
                attempt: a.id,
            })
        });
        self.attempt_subject_insert(tenant, &subjects.collect::<Vec<_>>()).await
    }

    /// The marks on these devices and client ids, each with how far the reports of its attempt are.
    pub async fn in_flight_held(
        &mut self,
        tenant: i64,
        devices: &[i64],
        clients: &[i64],
    ) -> Result<Vec<Held>, StoreError> {
        let sql = marks_text(self.engine(), ["$1", "$2"]);
        let rows = mark_rows(devices, clients)?;
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(rows.text()).bind(tenant).fetch_all(conn).await?))
    }

    /// The reservations and reported attempts of a tenant that go by these ids.
    pub async fn reservation_standing(
        &mut self,
        tenant: i64,
        guids: &[&str],
    ) -> Result<Vec<StandingReservation>, StoreError> {
        #[derive(Serialize)]
        struct Guid<'a> {
            guid: &'a str,
        }
        if guids.is_empty() {
            return Ok(Vec::new());
        }
        let source = Rows::source(self, "$1", &[("guid", "TEXT")]);
        let sql = format!(
            "SELECT r.guid, r.month, r.attempt, r.sequence, r.open_until, a.device_hash, a.client_hash,
                    a.channel, a.grp, a.purpose, a.collector, a.topic
             FROM {source} CROSS JOIN attempt_report r CROSS JOIN attempt a
             WHERE r.tenant = $2 AND r.guid = v.guid AND a.tenant = r.tenant AND a.month = r.month AND a.id = r.attempt"
        );
        let rows = Rows::of(&guids.iter().map(|guid| Guid { guid }).collect::<Vec<_>>())?;
        let mut found: Vec<StandingReservation> =
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(rows.text()).bind(tenant).fetch_all(conn).await?);
        let attempts: Vec<i64> = found.iter().map(|standing| standing.attempt).collect();
        let mut subjects = self.attempt_subjects(tenant, &attempts).await?;
        for standing in &mut found {
            standing.subjects = subjects.remove(&standing.attempt).unwrap_or_default();
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservations_id_reads_as_it_was_written() {
        let id = reservation_id(202_603, 0x1234_5678_9abc);
        assert_eq!(parse_reservation_id(&id), Some((202_603, 0x1234_5678_9abc)));
        for text in ["", "-", "202603", "202603-", "202603-xyz", "202603--1", "a-1", "0-1"] {
            assert_eq!(parse_reservation_id(text), None, "{text}");
        }
    }
}
