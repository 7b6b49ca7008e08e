//! Taking in reports: sequence 0 when an attempt begins, 1 with its final result. 1 overwrites 0, a late 0 changes
//! nothing, and a repeat is harmless. For whom and for what an attempt was is never overwritten, since it was allowed for
//! that: what a later report says otherwise counts besides, as an attempt of its own.
use std::collections::HashMap;

use cxc_core::attempt::AttemptState;
use serde::Serialize;
use serde_json::Value;
use sqlx::AssertSqlSafe;

use super::OutsideAttempt;
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
    /// Whether it names its device so that it can be read.
    pub names_device: bool,
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
    device_hash: Option<i64>,
}

/// Where an attempt stands: for whom and for what it is, and when it began.
#[derive(Clone, sqlx::FromRow)]
struct Standing {
    id: i64,
    device_hash: i64,
    client_hash: Option<i64>,
    started_at: i64,
    purpose: Option<String>,
    collector: Option<i64>,
    topic: Option<String>,
}

impl Standing {
    fn keys(&self) -> (i64, Option<i64>) {
        (self.device_hash, self.client_hash)
    }

    /// What a report says of another attempt than this one: another device or client, purpose, topic or collector. Of
    /// persons, accounts and debts nothing is said of it: those of this one are counted already.
    fn besides(&self, report: &Report) -> Option<OutsideAttempt> {
        let told = &report.attempt;
        let device = if report.names_device { told.device_hash } else { self.device_hash };
        let other = device != self.device_hash
            || differs(&told.client_hash, &self.client_hash)
            || differs(&told.purpose, &self.purpose)
            || differs(&told.collector, &self.collector)
            || differs(&told.topic, &self.topic);
        other.then(|| OutsideAttempt {
            device_hash: device,
            client_hash: told.client_hash.or(self.client_hash),
            purpose: told.purpose.clone().or_else(|| self.purpose.clone()),
            collector: told.collector.or(self.collector),
            topic: told.topic.clone().or_else(|| self.topic.clone()),
            started_at: self.started_at,
            subjects: Vec::new(),
            ..told.clone()
        })
    }
}

fn differs<T: PartialEq>(told: &Option<T>, known: &Option<T>) -> bool {
    matches!((told, known), (Some(told), Some(known)) if told != known)
}

impl Tx {
    /// Takes in a batch of reports of one tenant. They are safe once the transaction is committed.
    pub async fn attempt_report_take(
        &mut self,
        tenant: i64,
        reports: &[Report],
        now: i64,
    ) -> Result<Taken, StoreError> {
        let mut taken = Taken::default();
        // what began and ended in one batch began first
        for sequence in [0, 1] {
            let of: Vec<&Report> = reports.iter().filter(|report| report.sequence == sequence).collect();
            if !of.is_empty() {
                self.attempt_report_phase(tenant, &of, now, &mut taken).await?;
            }
        }
        Ok(taken)
    }

    /// Takes in reports that say equally much.
    async fn attempt_report_phase(
        &mut self,
        tenant: i64,
        reports: &[&Report],
        now: i64,
        taken: &mut Taken,
    ) -> Result<(), StoreError> {
        let first = first_of_each(reports);
        self.reservation_rename(tenant, &first).await?;
        let applied = self.attempt_report_upsert(tenant, &first, now).await?;
        let (mut new, mut known) = (Vec::new(), Vec::new());
        for report in &first {
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
        self.reported_besides(tenant, &known, &standing).await?;
        self.reported_subjects(tenant, &known, &standing).await?;
        self.reported_marks(tenant, &all, &standing).await?;
        taken.new += new.len();
        taken.advanced += known.len();
        taken.repeated += reports.len() - all.len();
        for (report, _) in all {
            if !taken.changed.contains(&report.guid) {
                taken.changed.push(report.guid.clone());
            }
        }
        Ok(())
    }

    /// A report that names a reservation gives it the dialer's own id, whatever it was asked by.
    async fn reservation_rename(&mut self, tenant: i64, reports: &[&Report]) -> Result<(), StoreError> {
        #[derive(Serialize)]
        struct Name<'a> {
            month: i64,
            attempt: i64,
            new: &'a str,
        }
        let mut names: Vec<Name<'_>> = reports
            .iter()
            .filter_map(|r| r.reservation.map(|(month, attempt)| Name { month, attempt, new: &r.guid }))
            .collect();
        if names.is_empty() {
            return Ok(());
        }
        names.sort_unstable_by_key(|name| (name.month, name.attempt));
        names.dedup_by_key(|name| (name.month, name.attempt));
        let source = Rows::source(self, "$1", &[("month", "BIGINT"), ("attempt", "BIGINT"), ("new", "TEXT")]);
        let sql = format!(
            "UPDATE attempt_report SET guid = v.new FROM {source} WHERE attempt_report.tenant = $2
             AND attempt_report.attempt = v.attempt AND attempt_report.month = v.month
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
            ("device_hash", "BIGINT"),
        ];
        let source = Rows::source(self, "$1", &columns);
        let said = columns[3..10].iter().map(|(c, _)| format!("{c} = coalesce(v.{c}, attempt.{c})"));
        // the device of nobody is 0
        let kept = columns[10..].iter().map(|(c, _)| match *c {
            "device_hash" => format!("{c} = coalesce(nullif(attempt.{c}, 0), v.{c}, 0)"),
            _ => format!("{c} = coalesce(attempt.{c}, v.{c})"),
        });
        let sets = said.chain(kept).collect::<Vec<_>>().join(", ");
        // the sum makes SQLite look up each row by its whole key; see attempt_update
        let sql = format!(
            "UPDATE attempt SET state = v.state, {sets} FROM {source}
             WHERE attempt.tenant = $2 + 0 * v.id AND attempt.month = v.month AND attempt.id = v.id
             RETURNING attempt.id, attempt.device_hash, attempt.client_hash, attempt.started_at, attempt.purpose,
                attempt.collector, attempt.topic"
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
                device_hash: r.names_device.then_some(r.attempt.device_hash),
            })
            .collect();
        rows.sort_unstable_by_key(|r| (r.month, r.id));
        let rows = Rows::of(&rows)?;
        let found: Vec<Standing> =
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(rows.text()).bind(tenant).fetch_all(conn).await?);
        Ok(found.into_iter().map(|standing| (standing.id, standing)).collect())
    }

    /// What final reports say of another attempt than that which stands: it counts, too.
    async fn reported_besides(
        &mut self,
        tenant: i64,
        known: &[(&Report, (i64, i64))],
        standing: &HashMap<i64, Standing>,
    ) -> Result<(), StoreError> {
        let finals = known.iter().filter(|(report, _)| report.sequence == 1);
        let besides = finals.filter_map(|(report, (_, id))| Some((*report, standing.get(id)?.besides(report)?)));
        let (reports, attempts): (Vec<&Report>, Vec<OutsideAttempt>) = besides.unzip();
        self.outside_attempt_insert(tenant, &attempts.iter().collect::<Vec<_>>(), AttemptState::Final).await?;
        let places = attempts.iter().map(|attempt| (attempt.month(), attempt.id));
        let placed: Vec<(&Report, (i64, i64))> = reports.into_iter().zip(places).collect();
        self.reported_update(tenant, &placed).await.map(drop)
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
            let Some(started_at) = standing.get(id).map(|standing| standing.started_at) else { continue };
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
            let Some(keys) = standing.get(id).map(Standing::keys) else { continue };
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

/// The first report of each attempt, in the order of their ids.
fn first_of_each<'r>(reports: &[&'r Report]) -> Vec<&'r Report> {
    let mut first = reports.to_vec();
    first.sort_by(|a, b| a.guid.cmp(&b.guid));
    first.dedup_by(|later, earlier| later.guid == earlier.guid);
    first
}
