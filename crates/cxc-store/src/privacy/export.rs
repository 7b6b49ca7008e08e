//! Everything known of one person, as a document.
use cxc_core::attempt::AttemptState;
use cxc_core::channel::Channel;
use cxc_core::consent::ConsentEvent;
use cxc_core::device::DeviceKind;
use cxc_core::enumerations::CallResult;
use cxc_core::record::{Reason, RecordStatus};
use serde::Serialize;
use serde_json::Value;
use sqlx::AssertSqlSafe;

use super::Person;
use super::kept::{AuditData, DecisionData, DeclaredData, FlagData, NumberAnswerData, ReportData, ReviewData};
use crate::consent::StoredConsent;
use crate::contact::FullContact;
use crate::int_set::IntSet;
use crate::{StoreError, Tx, on};

/// Everything known of one person. Times are RFC 3339 in UTC.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the members read by themselves")]
pub struct PersonData {
    pub addresses: Vec<String>,
    pub client_ids: Vec<String>,
    pub contacts: Vec<ContactData>,
    pub records: Vec<RecordData>,
    pub attempts: Vec<AttemptData>,
    pub suppression: Vec<SuppressionData>,
    pub consents: Vec<ConsentData>,
    pub inbound_messages: Vec<InboundData>,
    /// What forbids contacts for some purposes.
    pub flags: Vec<FlagData>,
    /// When contacts are convenient, also what was ended.
    pub declared_times: Vec<DeclaredData>,
    /// What sources of number intelligence said of the person's numbers.
    pub number_answers: Vec<NumberAnswerData>,
    /// Messages that may have been an opt-out.
    pub messages_in_review: Vec<ReviewData>,
    /// Attempts as dialers and gateways reported them.
    pub attempt_reports: Vec<ReportData>,
    /// How contacts were before an import changed them, while that can be undone.
    pub contacts_before: Vec<Value>,
    /// The decisions whether the person may be contacted, oldest first.
    pub decisions: Vec<DecisionData>,
    /// Whether there are more decisions than these: all of them are in the export of the evidence.
    pub has_more_decisions: bool,
    /// Changes that people made to what is kept of the person.
    pub audit: Vec<AuditData>,
}

impl PersonData {
    /// Whether nothing is known of the person.
    pub fn is_empty(&self) -> bool {
        let in_lists = self.contacts.len() + self.attempts.len() + self.suppression.len() + self.consents.len();
        let of_person = self.inbound_messages.len() + self.flags.len() + self.declared_times.len();
        let of_numbers = self.number_answers.len() + self.messages_in_review.len() + self.decisions.len();
        in_lists + of_person + of_numbers == 0
    }
}

/// A contact in a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the members read by themselves")]
pub struct ContactData {
    pub list: String,
    /// Whether the list shows it now; contents kept for an undo are not shown.
    pub visible: bool,
    pub client_id: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub company: Option<String>,
    pub country: Option<String>,
    pub region: Option<String>,
    pub postal_code: Option<String>,
    pub time_zone: Option<String>,
    /// Custom fields by column.
    pub custom: Option<Value>,
    /// The line of the file, where it was kept.
    pub original: Option<String>,
    pub devices: Vec<DeviceData>,
}

/// An address of a contact.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the members read by themselves")]
pub struct DeviceData {
    pub position: i16,
    pub kind: Option<DeviceKind>,
    pub address: String,
    pub extension: Option<String>,
    pub country: Option<String>,
    pub area_code: Option<String>,
}

impl ContactData {
    fn new(list: String, visible: bool, full: FullContact) -> Self {
        let devices = full.devices.into_iter().map(|d| DeviceData {
            position: d.position,
            kind: DeviceKind::from_code(d.kind),
            address: d.address,
            extension: d.extension,
            country: d.country,
            area_code: d.area_code,
        });
        let contact = full.contact;
        Self {
            list,
            visible,
            client_id: contact.client_id,
            first_name: contact.first_name,
            last_name: contact.last_name,
            company: contact.company,
            country: contact.country,
            region: contact.region,
            postal_code: contact.postal,
            time_zone: contact.zone,
            custom: contact.custom.and_then(|text| serde_json::from_str(&text).ok()),
            original: contact.original,
            devices: devices.collect(),
        }
    }
}

/// The person in a campaign group.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the members read by themselves")]
pub struct RecordData {
    pub campaign_group: String,
    pub record_id: String,
    pub status: Option<RecordStatus>,
    pub reason: Option<Reason>,
    pub attempts: i16,
    pub last_result: Option<String>,
    pub changed_at: String,
}

/// One try to reach the person.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the members read by themselves")]
pub struct AttemptData {
    pub id: String,
    pub campaign_group: String,
    pub channel: Option<Channel>,
    pub state: Option<AttemptState>,
    pub result: Option<String>,
    pub disposition: Option<String>,
    pub detail: Option<String>,
    pub note: Option<String>,
    pub started_at: String,
    pub finished_at: Option<String>,
}

/// An entry that keeps the person from being contacted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the members read by themselves")]
pub struct SuppressionData {
    pub list: String,
    pub value: String,
    pub from: Option<String>,
    pub until: Option<String>,
    pub reason: Option<String>,
    pub source: String,
    pub added_at: String,
}

/// An entry of the ledger of consents and opt-outs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the members read by themselves")]
pub struct ConsentData {
    pub value: String,
    /// The entry as rules judge it.
    pub entry: Option<ConsentEvent>,
    pub received_at: String,
    pub effective_at: String,
    pub words: Option<String>,
    pub evidence: Option<String>,
    pub voided_at: Option<String>,
}

/// A message that came from the person. Its words are not kept.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the members read by themselves")]
pub struct InboundData {
    pub channel: Option<Channel>,
    pub kind: String,
    pub at: String,
}

pub(super) fn time(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros).map_or_else(|_| micros.to_string(), |t| t.to_string())
}

fn result(code: Option<i16>) -> Option<String> {
    code.map(|code| CallResult::from_code(code).map_or_else(|| code.to_string(), |r| r.name().to_owned()))
}

#[derive(sqlx::FromRow)]
struct RecordRow {
    name: Option<String>,
    id: i64,
    status: i16,
    reason: i16,
    attempts: i16,
    last_result: Option<i16>,
    changed_at: i64,
}

#[derive(sqlx::FromRow)]
struct AttemptRow {
    name: Option<String>,
    id: i64,
    channel: i16,
    state: i16,
    result: Option<i16>,
    disposition: Option<String>,
    detail: Option<String>,
    note: Option<String>,
    started_at: i64,
    finished_at: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct EntryRow {
    generation: i64,
    key_hash: i64,
    key: String,
    from_at: Option<i64>,
    until_at: Option<i64>,
    reason: Option<String>,
    source: String,
    added_at: i64,
}

impl Tx {
    /// Everything known of a person that was found.
    pub async fn person_export(&mut self, person: &Person) -> Result<PersonData, StoreError> {
        let (decisions, has_more_decisions) = self.person_decisions(person).await?;
        Ok(PersonData {
            addresses: person.addresses.iter().map(|a| a.0.clone()).collect(),
            client_ids: person.client_ids.iter().map(|c| c.0.clone()).collect(),
            contacts: self.person_contacts(person).await?,
            records: self.person_records(person).await?,
            attempts: self.person_attempts(person).await?,
            suppression: self.person_suppression(person).await?,
            consents: self.person_consents(person).await?,
            inbound_messages: self.person_inbound(person).await?,
            flags: self.person_flags(person).await?,
            declared_times: self.person_declared(person).await?,
            number_answers: self.person_answers(person).await?,
            messages_in_review: self.person_reviews(person).await?,
            attempt_reports: self.person_reports(person).await?,
            contacts_before: self.person_images(person).await?,
            decisions,
            has_more_decisions,
            audit: self.person_audit(person).await?,
        })
    }

    async fn person_contacts(&mut self, person: &Person) -> Result<Vec<ContactData>, StoreError> {
        const LIST: &str = "SELECT o.name, l.generation, l.visible_to FROM contact_list l
            LEFT JOIN object o ON o.tenant = l.tenant AND o.id = l.id WHERE l.tenant = $1 AND l.number = $2";
        let mut found = Vec::with_capacity(person.contacts.len());
        for at in &person.contacts {
            let list: Option<(Option<String>, i64, i64)> =
                on!(self, conn => sqlx::query_as(LIST).bind(person.tenant).bind(at.list).fetch_optional(conn).await?);
            let (name, generation, visible_to) = list.unwrap_or((None, 0, 0));
            let Some(contact) = self.contacts_of(at.generation, &[at.id]).await?.pop() else { continue };
            let visible = generation == at.generation && at.id <= visible_to;
            found.push(ContactData::new(name.unwrap_or_default(), visible, contact));
        }
        Ok(found)
    }

    async fn person_records(&mut self, person: &Person) -> Result<Vec<RecordData>, StoreError> {
        let sql = format!(
            "SELECT o.name, r.id, r.status, r.reason, r.attempts, r.last_result, r.changed_at FROM campaign_group g
             JOIN record r ON r.grp = g.number AND r.id{}
             LEFT JOIN object o ON o.tenant = g.tenant AND o.id = g.id WHERE g.tenant = $1 ORDER BY r.grp, r.id",
            IntSet::test(self, "$2")
        );
        let ids = person.contact_ids();
        let rows: Vec<RecordRow> = on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(person.tenant).bind(ids.text()).fetch_all(conn).await?);
        let data = |row: RecordRow| RecordData {
            campaign_group: row.name.unwrap_or_default(),
            record_id: row.id.to_string(),
            status: RecordStatus::from_code(row.status),
            reason: Reason::from_code(row.reason).filter(|r| *r != Reason::None),
            attempts: row.attempts,
            last_result: result(row.last_result),
            changed_at: time(row.changed_at),
        };
        Ok(rows.into_iter().map(data).collect())
    }

    async fn person_attempts(&mut self, person: &Person) -> Result<Vec<AttemptData>, StoreError> {
        let (which, [clients, devices, contacts, asked]) = person.attempts(self);
        let sql = format!(
            "SELECT o.name, a.id, a.channel, a.state, a.result, a.disposition, a.detail, a.note, a.started_at, a.finished_at
             FROM attempt_known a LEFT JOIN campaign_group g ON g.number = a.grp AND g.tenant = a.tenant
             LEFT JOIN object o ON o.tenant = g.tenant AND o.id = g.id WHERE {which} ORDER BY a.started_at, a.id"
        );
        let rows: Vec<AttemptRow> = on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(person.tenant)
            .bind(clients.text()).bind(devices.text()).bind(contacts.text()).bind(asked.text()).fetch_all(conn).await?);
        let data = |row: AttemptRow| AttemptData {
            id: row.id.to_string(),
            campaign_group: row.name.unwrap_or_default(),
            channel: Channel::from_bit(row.channel),
            state: AttemptState::from_code(row.state),
            result: result(row.result),
            disposition: row.disposition,
            detail: row.detail,
            note: row.note,
            started_at: time(row.started_at),
            finished_at: row.finished_at.map(time),
        };
        Ok(rows.into_iter().map(data).collect())
    }

    async fn person_suppression(&mut self, person: &Person) -> Result<Vec<SuppressionData>, StoreError> {
        let sql = format!(
            "SELECT e.generation, e.key_hash, e.key, e.from_at, e.until_at, e.reason, e.source, e.added_at
             FROM suppression_entry e WHERE e.generation{} AND e.key_hash{} ORDER BY e.generation, e.key",
            IntSet::test(self, "$1"),
            IntSet::test(self, "$2")
        );
        let contents = self.suppression_contents(person.tenant).await?;
        let generations = IntSet::of(contents.iter().map(|c| c.generation));
        let hashes = IntSet::of(person.addresses.iter().chain(&person.client_ids).map(|k| k.1));
        let rows: Vec<EntryRow> = on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(generations.text())
            .bind(hashes.text()).fetch_all(conn).await?);
        let data = |row: EntryRow| {
            let of = contents.iter().find(|c| c.generation == row.generation)?;
            let is_theirs = person.keys_of_kind(&of.kind).iter().any(|k| k.1 == row.key_hash);
            is_theirs.then(|| SuppressionData {
                list: of.name.clone().unwrap_or_default(),
                value: row.key,
                from: row.from_at.map(time),
                until: row.until_at.map(time),
                reason: row.reason,
                source: row.source,
                added_at: time(row.added_at),
            })
        };
        Ok(rows.into_iter().filter_map(data).collect())
    }

    async fn person_consents(&mut self, person: &Person) -> Result<Vec<ConsentData>, StoreError> {
        let (devices, clients) = person.hashes();
        let found = self.consents_kept(person.tenant, &devices, &clients).await?;
        let data = |c: StoredConsent| ConsentData {
            entry: c.event(),
            value: c.key,
            received_at: time(c.received_at),
            effective_at: time(c.effective_at),
            words: c.words,
            evidence: c.evidence,
            voided_at: c.voided_at.map(time),
        };
        Ok(found.into_iter().map(data).collect())
    }

    async fn person_inbound(&mut self, person: &Person) -> Result<Vec<InboundData>, StoreError> {
        let sql = format!(
            "SELECT channel, kind, at FROM inbound_message WHERE tenant = $1 AND address_hash{} ORDER BY at",
            IntSet::test(self, "$2")
        );
        let addresses = person.address_hashes();
        let rows: Vec<(i16, String, i64)> = on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(person.tenant)
            .bind(addresses.text()).fetch_all(conn).await?);
        Ok(rows
            .into_iter()
            .map(|(channel, kind, at)| InboundData { channel: Channel::from_bit(channel), kind, at: time(at) })
            .collect())
    }
}
