//! Taking in reports: sequence 0 when an attempt begins, 1 with its final result. 1 overwrites 0, a late 0 changes
//! nothing, and a repeat is harmless.
use std::collections::HashMap;

use cxc_core::attempt::AttemptState;
use serde::Serialize;
use serde_json::Value;
use sqlx::AssertSqlSafe;

use super::{OutsideAttempt, own_guid};
use crate::attempt_subject::NewSubject;
use crate::in_flight::BegunElsewhere;
use crate::{Rows, StoreError, Tx, on};

/// A dialer that begins an attempt and says no more is lost after a day.
const OPEN_FOR: i64 = 24 * 3_600 * 1_000_000;

/// One report.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The dialer's id of the attempt.
    pub guid: String,
    /// 0 when it begins, 1 with its final result.
    pub sequence: i16,
    /// The reservation that it confirms, if it names one: month and attempt.
    pub reservation: Option<(i64, i64)>,
    /// What is written if the attempt is not known yet.
    pub attempt: OutsideAttempt,
    /// The final result.
    pub result: Option<i16>,
    /// The disposition code.
    pub disposition: Option<String>,
    /// When it ended.
    pub finished_at: Option<i64>,
    /// Somebody or something answered.
    pub connected: Option<bool>,
    /// It became a conversation with the person.
    pub conversation: Option<bool>,
    /// The person refused further contacts.
    pub refused: Option<bool>,
    /// It was made under a consent to be called back.
    pub consented: Option<bool>,
    /// The whole report, also what nobody knows.
    pub body: Value,
}

impl Report {
    fn state(&self) -> AttemptState {
        if self.sequence == 0 { AttemptState::Sending } else { AttemptState::Final }
    }
}

/// What became of a batch of reports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// Reports of attempts that were not known.
    pub new: usize,
    /// Reports that took an attempt or a reservation further.
    pub advanced: usize,
    /// Repeats and late ones: nothing changed.
    pub repeated: usize,
    /// The ids of those attempts that were not known or were taken further.
    pub changed: Vec<String>,
}

#[derive(Serialize)]
struct ReportRow<'a> {
    guid: &'a str,
    month: i64,
    attempt: i64,
    sequence: i16,
    until: Option<i64>,
    report: &'a Value,
}

#[derive(Serialize)]
struct UpdateRow<'a> {
    month: i64,
    id: i64,
    state: i16,
    result: Option<i16>,
    disposition: Option<&'a str>,
    finished_at: Option<i64>,
    connected: Option<bool>,
    conversation: Option<bool>,
    refused: Option<bool>,
    consented: Option<bool>,
    client_hash: Option<i64>,
    purpose: Option<&'a str>,
    collector: Option<i64>,
    topic: Option<&'a str>,
}

/// Where an attempt stands: the keys of its device and client id, and when it began.
#[derive(Clone, Copy)]
struct Standing {
    keys: (i64, Option<i64>),
    started_at: i64,
}

impl Tx {
    /// Takes in a batch of reports of one tenant. They are safe once the transaction is committed.
    pub async fn attempt_report_take(
        &mut self,
        tenant: i64,
        reports: &[Report],
        now: i64,
    ) -> Result<Taken, StoreError> {
        let latest = latest(reports);
        self.reservation_rename(tenant, &latest).await?;
        let applied = self.attempt_report_upsert(tenant, &latest, now).await?;
        let (mut new, mut known) = (Vec::new(), Vec::new());
        for report in &latest {
            match applied.get(report.guid.as_str()) {
                Some((_, id)) if *id == report.attempt.id => new.push(*report),
                Some(place) => known.push((*report, *place)),
                None => {}
            }
        }
        for state in [AttemptState::Sending, AttemptState::Final] {
            let attempts: Vec<&OutsideAttempt> =
                new.iter().filter(|r| r.state() == state).map(|r| &r.attempt).collect();
            self.outside_attempt_insert(tenant, &attempts, state).await?;
        }
        let placed = new.iter().map(|r| (*r, (r.attempt.month(), r.attempt.id)));
        let all: Vec<(&Report, (i64, i64))> = placed.chain(known.iter().copied()).collect();
        let standing = self.reported_update(tenant, &all).await?;
        self.reported_subjects(tenant, &known, &standing).await?;
        self.reported_marks(tenant, &all, &standing).await?;
        let repeated = reports.len() - all.len();
        let changed = all.iter().map(|(report, _)| report.guid.clone()).collect();
        Ok(Taken { new: new.len(), advanced: known.len(), repeated, changed })
    }

    /// A report that names a reservation gives it the dialer's own id.
    async fn reservation_rename(&mut self, tenant: i64, reports: &[&Report]) -> Result<(), StoreError> {
        #[derive(Serialize)]
        struct Name<'a> {
            old: String,
            new: &'a str,
        }
        let mut names: Vec<Name<'_>> = reports
            .iter()
            .filter_map(|r| r.reservation.map(|(month, id)| Name { old: own_guid(month, id), new: &r.guid }))
            .collect();
        if names.is_empty() {
            return Ok(());
        }
        names.sort_unstable_by(|a, b| a.old.cmp(&b.old));
        let source = Rows::source(self, "$1", &[("old", "TEXT"), ("new", "TEXT")]);
        let sql = format!(
            "UPDATE attempt_report SET guid = v.new FROM {source} WHERE attempt_report.tenant = $2
             AND attempt_report.guid = v.old
             AND NOT EXISTS (SELECT 1 FROM attempt_report o WHERE o.tenant = $2 AND o.guid = v.new)"
        );
        let rows = Rows::of(&names)?;
        on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(rows.text()).bind(tenant).execute(conn).await?.rows_affected());
        Ok(())
    }

    /// Writes the reports that say more than what is known; answers the place of the attempt of each.
    async fn attempt_report_upsert(
        &mut self,
        tenant: i64,
        reports: &[&Report],
        now: i64,
    ) -> Result<HashMap<String, (i64, i64)>, StoreError> {
        let columns = [
            ("guid", "TEXT"),
            ("month", "BIGINT"),
            ("attempt", "BIGINT"),
            ("sequence", "SMALLINT"),
            ("until", "BIGINT"),
            ("report", "JSON"),
        ];
        let source = Rows::source(self, "$1", &columns);
        let report = self.choose("v.report::jsonb", "v.report");
        let sql = format!(
            "INSERT INTO attempt_report (tenant, guid, month, attempt, sequence, open_until, report)
             SELECT $2, v.guid, v.month, v.attempt, v.sequence, v.until, {report} FROM {source} WHERE true
             ON CONFLICT (tenant, guid) DO UPDATE SET sequence = excluded.sequence, open_until = excluded.open_until,
                report = excluded.report WHERE attempt_report.sequence < excluded.sequence
             RETURNING guid, month, attempt"
        );
        let mut rows: Vec<ReportRow<'_>> = reports
            .iter()
            .map(|r| ReportRow {
                guid: &r.guid,
                month: r.attempt.month(),
                attempt: r.attempt.id,
                sequence: r.sequence,
                until: (r.sequence == 0).then_some(now + OPEN_FOR),
                report: &r.body,
            })
            .collect();
        // one order for all writers, so that two batches can't wait for each other in a circle
        rows.sort_unstable_by_key(|r| r.guid);
        let rows = Rows::of(&rows)?;
        let applied: Vec<(String, i64, i64)> =
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(rows.text()).bind(tenant).fetch_all(conn).await?);
        Ok(applied.into_iter().map(|(guid, month, attempt)| (guid, (month, attempt))).collect())
    }

    /// Writes what the reports say to the attempts; answers where each stands. What a report leaves out stays as it was.
    async fn reported_update(
        &mut self,
        tenant: i64,
        reports: &[(&Report, (i64, i64))],
    ) -> Result<HashMap<i64, Standing>, StoreError> {
        if reports.is_empty() {
            return Ok(HashMap::new());
        }
        let columns = [
            ("month", "BIGINT"),
            ("id", "BIGINT"),
            ("state", "SMALLINT"),
            ("result", "SMALLINT"),
            ("disposition", "TEXT"),
            ("finished_at", "BIGINT"),
            ("connected", "BOOLEAN"),
            ("conversation", "BOOLEAN"),
            ("refused", "BOOLEAN"),
            ("consented", "BOOLEAN"),
            ("client_hash", "BIGINT"),
            ("purpose", "TEXT"),
            ("collector", "BIGINT"),
            ("topic", "TEXT"),
        ];
        let source = Rows::source(self, "$1", &columns);
        let kept = columns[3..].iter().map(|(c, _)| format!("{c} = coalesce(v.{c}, attempt.{c})"));
        let sets = kept.collect::<Vec<_>>().join(", ");
        // the sum makes SQLite look up each row by its whole key; see attempt_update
        let sql = format!(
            "UPDATE attempt SET state = v.state, {sets} FROM {source}
             WHERE attempt.tenant = $2 + 0 * v.id AND attempt.month = v.month AND attempt.id = v.id
             RETURNING attempt.id, attempt.device_hash, attempt.client_hash, attempt.started_at"
        );
        let mut rows: Vec<UpdateRow<'_>> = reports
            .iter()
            .map(|(r, (month, id))| UpdateRow {
                month: *month,
                id: *id,
                state: r.state().code(),
                result: r.result,
                disposition: r.disposition.as_deref(),
                finished_at: r.finished_at,
                connected: r.connected,
                conversation: r.conversation,
                refused: r.refused,
                consented: r.consented,
                client_hash: r.attempt.client_hash,
                purpose: r.attempt.purpose.as_deref(),
                collector: r.attempt.collector,
                topic: r.attempt.topic.as_deref(),
            })
            .collect();
        rows.sort_unstable_by_key(|r| (r.month, r.id));
        let rows = Rows::of(&rows)?;
        let found: Vec<(i64, i64, Option<i64>, i64)> =
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(rows.text()).bind(tenant).fetch_all(conn).await?);
        let stand = |(id, device, client, started_at)| (id, Standing { keys: (device, client), started_at });
        Ok(found.into_iter().map(stand).collect())
    }

    /// Persons, accounts and debts that a later report names count from the beginning of the attempt, beside those that
    /// were known.
    async fn reported_subjects(
        &mut self,
        tenant: i64,
        known: &[(&Report, (i64, i64))],
        standing: &HashMap<i64, Standing>,
    ) -> Result<(), StoreError> {
        let mut subjects = Vec::new();
        for (report, (month, id)) in known {
            let Some(Standing { started_at, .. }) = standing.get(id).copied() else { continue };
            let named = report.attempt.subjects.iter();
            subjects.extend(named.map(|s| NewSubject {
                kind: s.kind,
                key: s.key,
                started_at,
                month: *month,
                attempt: *id,
            }));
        }
        self.attempt_subject_insert(tenant, &subjects).await
    }

    /// Who is being contacted is marked; whose attempt ended no more.
    async fn reported_marks(
        &mut self,
        tenant: i64,
        reports: &[(&Report, (i64, i64))],
        standing: &HashMap<i64, Standing>,
    ) -> Result<(), StoreError> {
        let (mut begun, mut ended, mut ended_keys) = (Vec::new(), Vec::new(), Vec::new());
        for (report, (month, id)) in reports {
            let Some(Standing { keys, .. }) = standing.get(id).copied() else { continue };
            if report.sequence == 0 {
                begun.push(BegunElsewhere { attempt: *id, month: *month, keys });
            } else {
                ended.push(*id);
                ended_keys.push(keys);
            }
        }
        self.in_flight_delete(&ended, &ended_keys).await?;
        // a report tells what has happened already: it is taken in also where another attempt holds the mark
        self.in_flight_begun(tenant, &begun).await
    }
}

/// Of the reports of one attempt the one that says most; the first of equal ones.
fn latest(reports: &[Report]) -> Vec<&Report> {
    let mut by_guid: HashMap<&str, &Report> = HashMap::with_capacity(reports.len());
    for report in reports {
        let kept = by_guid.entry(&report.guid).or_insert(report);
        if kept.sequence < report.sequence {
            *kept = report;
        }
    }
    let mut latest: Vec<&Report> = by_guid.into_values().collect();
    latest.sort_unstable_by(|a, b| a.guid.cmp(&b.guid));
    latest
}
