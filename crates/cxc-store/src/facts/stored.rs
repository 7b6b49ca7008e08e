//! What is stored of the people of a batch, read at once. On PostgreSQL it is one statement: a round trip costs both sides
//! more than what it finds of a few people, and one statement sees everything at one moment without a transaction.
use serde::de::DeserializeOwned;
use sqlx::{AssertSqlSafe, PgExecutor};

use super::history::keys;
use super::suppressed::lists;
use super::{Person, Wanted};
use crate::attempt_subject::{HISTORY_LIMIT, HistoryKeys, WideAttempt, history_text};
use crate::consent::{StoredConsent, counting_text};
use crate::declared_time::{StoredDeclared, standing_text};
use crate::int_set::IntSet;
use crate::number_answer::StoredAnswer;
use crate::person_flag::StoredFlag;
use crate::reservation::{Held, mark_rows, marks_text};
use crate::suppression::{CLIENT_ID, DEVICE, SuppressionHit, SuppressionList, hits_text, numbers_of};
use crate::{Engine, StoreError, Tx, number_answer, person_flag};

/// The rows that were found.
#[derive(Default)]
pub(super) struct Stored {
    pub suppressed: Vec<SuppressionHit>,
    pub consents: Vec<StoredConsent>,
    pub declared: Vec<StoredDeclared>,
    pub flags: Vec<StoredFlag>,
    pub answers: Vec<StoredAnswer>,
    /// At most [`HISTORY_LIMIT`]: then there may be more.
    pub attempts: Vec<WideAttempt>,
    pub marks: Vec<Held>,
}

/// What is asked of a batch.
pub(super) struct Asked<'a> {
    wanted: &'a Wanted<'a>,
    /// Entries of lists that ended before say nothing of any of the instants that are asked about.
    earliest: i64,
    devices: Vec<i64>,
    clients: Vec<i64>,
    /// Every suppression list that holds for one of them.
    pub lists: Vec<SuppressionList>,
    keys: HistoryKeys,
    answers: bool,
    marks: bool,
}

impl<'a> Asked<'a> {
    /// About these people; `answers` of number intelligence only where there are any.
    pub fn of(wanted: &'a Wanted<'a>, people: &[Person<'_>], answers: bool, marks: bool) -> Self {
        Self {
            wanted,
            earliest: people.iter().filter_map(|p| p.at).fold(wanted.now, i64::min),
            devices: people.iter().map(|p| p.device).collect(),
            clients: people.iter().filter_map(|p| p.client).collect(),
            lists: lists(people),
            keys: keys(people),
            answers,
            marks,
        }
    }

    /// Reads it.
    pub async fn read(&self, tx: &mut Tx) -> Result<Stored, StoreError> {
        match tx {
            Tx::Postgres(tx) => self.together(&mut **tx).await,
            Tx::Sqlite(_) => self.one_by_one(tx).await,
        }
    }

    /// The statements where a round trip costs nothing.
    async fn one_by_one(&self, tx: &mut Tx) -> Result<Stored, StoreError> {
        let Wanted { tenant, since, flags, .. } = *self.wanted;
        let (devices, clients) = (self.devices.as_slice(), self.clients.as_slice());
        let mut found = Stored::default();
        if !self.lists.is_empty() {
            found.suppressed = tx.suppression_hits_since(&self.lists, devices, clients, self.earliest).await?;
        }
        found.consents = tx.consents_of(tenant, devices, clients).await?;
        found.declared = tx.declared_of(tenant, devices, clients).await?;
        if flags {
            found.flags = tx.person_flags_of(tenant, devices, clients).await?;
        }
        if self.answers {
            found.answers = tx.number_answers(tenant, devices).await?;
        }
        if let Some(since) = since {
            found.attempts = tx.attempt_history_wide(tenant, &self.keys, since).await?;
        }
        if self.marks {
            found.marks = tx.in_flight_held(tenant, devices, clients).await?;
        }
        Ok(found)
    }

    /// The same statements as parts of one, each row as the JSON of its columns.
    pub async fn together<'e>(&self, on: impl PgExecutor<'e>) -> Result<Stored, StoreError> {
        let Wanted { tenant, since, .. } = *self.wanted;
        let (devices, clients) = (IntSet::of(self.devices.iter().copied()), IntSet::of(self.clients.iter().copied()));
        let (keys, marks) = (self.keys.rows()?, mark_rows(&self.devices, &self.clients)?);
        let of_lists = |kind| numbers_of(&self.lists, kind);
        let rows: Vec<(i32, String)> = sqlx::query_as(AssertSqlSafe(self.text()))
            .bind(tenant)
            .bind(devices.text())
            .bind(clients.text())
            .bind(self.earliest)
            .bind(of_lists(DEVICE).text())
            .bind(of_lists(CLIENT_ID).text())
            .bind(keys.text())
            .bind(since.unwrap_or(i64::MAX))
            .bind(marks.text())
            .fetch_all(on)
            .await?;
        let mut found = Stored::default();
        for (part, row) in &rows {
            found.add(*part, row)?;
        }
        // the parts of one statement come in no order
        found.consents.sort_by_key(|c| c.id);
        found.declared.sort_by_key(|d| d.id);
        found.flags.sort_by(|a, b| a.place().cmp(&b.place()));
        Ok(found)
    }

    fn text(&self) -> String {
        const ENGINE: Engine = Engine::Postgres;
        let of_people = ["$1", "$2", "$3"];
        let row = |part: i32, text: &str| format!("SELECT {part} AS part, to_json(q)::text AS body FROM ({text}) q");
        let mut parts =
            vec![row(CONSENTS, &counting_text(ENGINE, of_people)), row(DECLARED, &standing_text(ENGINE, of_people))];
        if !self.lists.is_empty() {
            parts.push(row(SUPPRESSED, &hits_text(ENGINE, "$4", ["$5", "$2"], ["$6", "$3"])));
        }
        if self.wanted.flags {
            parts.push(row(FLAGS, &person_flag::text(ENGINE, of_people)));
        }
        if self.answers {
            parts.push(row(ANSWERS, &number_answer::text(ENGINE, ["$1", "$2"])));
        }
        let history = self.wanted.since.and_then(|_| history_text(ENGINE, &self.keys, ["$7", "$1", "$8"]));
        if let Some(history) = history {
            let subjects = "SELECT json_agg(json_build_object('kind', s.kind, 'key', s.key_hash))
                FROM attempt_subject s WHERE s.tenant = $1 AND s.attempt = h.id";
            let whole = format!("SELECT h.*, coalesce(({subjects}), '[]') AS subjects FROM ({history}) h");
            parts.push(row(ATTEMPTS, &whole));
        }
        if self.marks {
            parts.push(row(MARKS, &marks_text(ENGINE, ["$9", "$1"])));
        }
        parts.join(" UNION ALL ")
    }
}

const SUPPRESSED: i32 = 1;
const CONSENTS: i32 = 2;
const DECLARED: i32 = 3;
const FLAGS: i32 = 4;
const ANSWERS: i32 = 5;
const ATTEMPTS: i32 = 6;
const MARKS: i32 = 7;

impl Stored {
    /// Whether attempts may be missing.
    pub fn is_cut_short(&self) -> bool {
        self.attempts.len() >= HISTORY_LIMIT
    }

    fn add(&mut self, part: i32, row: &str) -> Result<(), StoreError> {
        match part {
            SUPPRESSED => self.suppressed.push(read(row)?),
            CONSENTS => self.consents.push(read(row)?),
            DECLARED => self.declared.push(read(row)?),
            FLAGS => self.flags.push(read(row)?),
            ANSWERS => self.answers.push(read(row)?),
            ATTEMPTS => self.attempts.push(read(row)?),
            MARKS => self.marks.push(read(row)?),
            other => return Err(StoreError::Corrupt(format!("a row of part {other} of the facts"))),
        }
        Ok(())
    }
}

fn read<T: DeserializeOwned>(row: &str) -> Result<T, StoreError> {
    Ok(serde_json::from_str(row)?)
}
