//! What is kept of a person besides lists, attempts and the ledger: flags, declared times, answers on numbers, messages
//! in review, reports, decisions, and changes in the audit log.
use cxc_core::channel::Channel;
use cxc_core::compliance::PersonFlag;
use cxc_core::compliance::legal::WeekHours;
use serde::Serialize;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::types::Json;

use super::Person;
use super::erase::quoted;
use super::export::time;
use crate::evidence::{Decision, EvidenceFilter};
use crate::int_set::IntSet;
use crate::{StoreError, Tx, on};

/// The most decisions of an export; there may be one a second.
pub const MOST_DECISIONS: usize = 10_000;
const PAGE: usize = 500;

/// What forbids contacts for some purposes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the members read by themselves")]
pub struct FlagData {
    pub value: String,
    pub flag: PersonFlag,
    pub note: Option<String>,
    pub added_at: String,
    pub added_by: String,
}

/// When contacts are convenient.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the members read by themselves")]
pub struct DeclaredData {
    pub value: String,
    pub hours: WeekHours,
    pub note: Option<String>,
    pub said_at: String,
    pub added_at: String,
    pub added_by: String,
    pub ended_at: Option<String>,
    pub end_reason: Option<String>,
}

/// What a source said of a number.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the members read by themselves")]
pub struct NumberAnswerData {
    pub number: String,
    pub queried_at: String,
    pub consent_at: Option<String>,
    pub answer: String,
    pub line_type: Option<String>,
    pub ported_at: Option<String>,
    pub source: String,
}

/// A message that may have been an opt-out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the members read by themselves")]
pub struct ReviewData {
    pub value: String,
    pub channel: Option<Channel>,
    pub words: String,
    pub state: String,
    pub received_at: String,
    pub decided_at: Option<String>,
    pub decided_by: Option<String>,
    pub reason: Option<String>,
}

/// An attempt as a dialer or gateway reported it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the members read by themselves")]
pub struct ReportData {
    pub id: String,
    pub attempt: String,
    /// The last report, with the fields that nobody knows.
    pub report: Option<Value>,
}

/// A decision whether the person may be contacted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the members read by themselves")]
pub struct DecisionData {
    pub id: String,
    pub at: String,
    pub decision: Decision,
}

/// A change to what is kept of the person.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the members read by themselves")]
pub struct AuditData {
    pub at: String,
    pub by: String,
    pub action: String,
    pub kind: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

type AuditRow = (i64, String, String, String, Option<Json<Value>>, Option<Json<Value>>);

impl Tx {
    pub(super) async fn person_flags(&mut self, person: &Person) -> Result<Vec<FlagData>, StoreError> {
        let (devices, clients) = person.hashes();
        let found = self.person_flags_of(person.tenant, &devices, &clients).await?;
        let data = |f: crate::person_flag::StoredFlag| FlagData {
            flag: f.flag(),
            value: f.key,
            note: f.note,
            added_at: time(f.added_at),
            added_by: f.added_by,
        };
        Ok(found.into_iter().map(data).collect())
    }

    pub(super) async fn person_declared(&mut self, person: &Person) -> Result<Vec<DeclaredData>, StoreError> {
        let (devices, clients) = person.hashes();
        let found = self.declared_all(person.tenant, &devices, &clients).await?;
        let data = |d: crate::declared_time::StoredDeclared| DeclaredData {
            hours: d.hours().clone(),
            value: d.key,
            note: d.note,
            said_at: time(d.said_at),
            added_at: time(d.added_at),
            added_by: d.added_by,
            ended_at: d.ended_at.map(time),
            end_reason: d.end_reason,
        };
        Ok(found.into_iter().map(data).collect())
    }

    pub(super) async fn person_answers(&mut self, person: &Person) -> Result<Vec<NumberAnswerData>, StoreError> {
        let (devices, _) = person.hashes();
        let mut found = self.number_answers(person.tenant, &devices).await?;
        found.retain(|answer| person.addresses.iter().any(|a| a.0 == answer.number));
        let data = |a: crate::number_answer::StoredAnswer| NumberAnswerData {
            number: a.number,
            queried_at: time(a.queried_at),
            consent_at: a.consent_at.map(time),
            answer: a.answer,
            line_type: a.line_type,
            ported_at: a.ported_at.map(time),
            source: a.source,
        };
        Ok(found.into_iter().map(data).collect())
    }

    pub(super) async fn person_reviews(&mut self, person: &Person) -> Result<Vec<ReviewData>, StoreError> {
        let (devices, _) = person.hashes();
        let found = self.opt_out_reviews_of(person.tenant, &devices).await?;
        let data = |r: crate::opt_out_review::Review| ReviewData {
            value: r.key,
            channel: Channel::from_bit(r.channel),
            words: r.words,
            state: r.state,
            received_at: time(r.received_at),
            decided_at: r.decided_at.map(time),
            decided_by: r.decided_by,
            reason: r.reason,
        };
        Ok(found.into_iter().map(data).collect())
    }

    pub(super) async fn person_reports(&mut self, person: &Person) -> Result<Vec<ReportData>, StoreError> {
        let (which, [clients, devices, contacts, asked]) = person.attempts(self);
        let sql = format!(
            "SELECT guid, attempt, report FROM attempt_report WHERE tenant = $1
             AND attempt IN (SELECT a.id FROM attempt a WHERE {which}) ORDER BY attempt, guid"
        );
        let rows: Vec<(String, i64, Option<Json<Value>>)> = on!(self, conn => sqlx::query_as(AssertSqlSafe(sql))
            .bind(person.tenant).bind(clients.text()).bind(devices.text()).bind(contacts.text()).bind(asked.text())
            .fetch_all(conn).await?);
        let data = |(id, attempt, report): (String, i64, Option<Json<Value>>)| ReportData {
            id,
            attempt: attempt.to_string(),
            report: report.map(|r| r.0),
        };
        Ok(rows.into_iter().map(data).collect())
    }

    /// What imports keep of the person's contacts, so that they can be undone.
    pub(super) async fn person_images(&mut self, person: &Person) -> Result<Vec<Value>, StoreError> {
        let sql = format!(
            "SELECT image FROM contact_before WHERE import IN (SELECT number FROM list_import WHERE tenant = $1
             AND kind = 'contacts') AND contact{} ORDER BY import, contact",
            IntSet::test(self, "$2")
        );
        let ids = person.contact_ids();
        let rows: Vec<String> = on!(self, conn => sqlx::query_scalar(AssertSqlSafe(sql)).bind(person.tenant)
            .bind(ids.text()).fetch_all(conn).await?);
        rows.iter().map(|image| Ok(serde_json::from_str(image)?)).collect()
    }

    /// The decisions about the person, and whether there are more than these.
    pub(super) async fn person_decisions(&mut self, person: &Person) -> Result<(Vec<DecisionData>, bool), StoreError> {
        let mut filter = EvidenceFilter { keys: person.decided(), grp: None, from: 0, to: i64::MAX, after: None };
        let mut found = Vec::new();
        loop {
            let page = self.evidence_find(person.tenant, &filter, PAGE).await?;
            let last = page.last().filter(|_| page.len() == PAGE).map(|last| (last.block_at, last.id));
            let data = |f: crate::evidence::Found| DecisionData {
                id: f.id.to_string(),
                at: time(f.decision.at),
                decision: f.decision,
            };
            found.extend(page.into_iter().map(data));
            match last {
                Some(_) if found.len() >= MOST_DECISIONS => return Ok((found, true)),
                Some(last) => filter.after = Some(last),
                None => return Ok((found, false)),
            }
        }
    }

    pub(super) async fn person_audit(&mut self, person: &Person) -> Result<Vec<AuditData>, StoreError> {
        let find = |tx: &Tx, column: &str| {
            tx.choose(
                format!("strpos(lower(coalesce({column}::text, '')), lower($2)) > 0"),
                format!("instr(lower(coalesce({column}, '')), lower($2)) > 0"),
            )
        };
        let sql = format!(
            "SELECT at, actor, action, object_kind, before, after FROM audit_event WHERE tenant = $1 AND ({} OR {})
             ORDER BY at",
            find(self, "before"),
            find(self, "after")
        );
        let mut rows: Vec<AuditRow> = Vec::new();
        let keys = person.addresses.iter().chain(&person.client_ids);
        let hashes = keys.map(|(_, hash)| format!("\"{}\"", cxc_core::hash::hash_text(*hash)));
        for text in quoted(person)?.into_iter().chain(hashes) {
            let more: Vec<AuditRow> = on!(self, conn => sqlx::query_as(AssertSqlSafe(sql.clone())).bind(person.tenant)
                .bind(text).fetch_all(conn).await?);
            rows.extend(more.into_iter().filter(|row| !rows.contains(row)).collect::<Vec<_>>());
        }
        rows.sort_by_key(|row| row.0);
        let data = |(at, by, action, kind, before, after): AuditRow| AuditData {
            at: time(at),
            by,
            action,
            kind,
            before: before.map(|b| b.0),
            after: after.map(|a| a.0),
        };
        Ok(rows.into_iter().map(data).collect())
    }
}
