//! Erasure of one person: contacts go, suppression entries keep their keyed hash and still hold. Attempts stay as statistics
//! without the person; their keyed hashes stay as long as a rule may count them, so that an erasure opens no cap.
use cxc_core::attempt::AttemptState;
use cxc_core::channel::Channel;
use cxc_core::record::{Reason, RecordStatus};
use serde::Serialize;
use sqlx::AssertSqlSafe;

use super::Person;
use crate::attempt::ERASED;
use crate::consent::KeyKind;
use crate::counter::{Bucket, Deltas};
use crate::int_set::IntSet;
use crate::{StoreError, Tx, on};

/// What an erasure came to.
#[derive(Debug)]
pub enum Erasure {
    /// Done, in the caller's transaction.
    Done(Erased),
    /// An import of this list of the tenant is under way and could bring the person, known or not: try again after it.
    Busy(i64),
}

/// What was erased.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Erased {
    /// Contacts that are gone.
    pub contacts: u64,
    /// Their devices.
    pub devices: u64,
    /// Records of campaign groups that will not be contacted any more.
    pub records: u64,
    /// Attempts that no longer tell whose they were.
    pub attempts: u64,
    /// Attempts whose result is awaited: they keep a keyed hash until it has come. Erase again then.
    pub open_attempts: u64,
    /// Decisions that no longer name the device.
    pub decisions: u64,
    /// Suppression entries that keep only their keyed hash.
    pub suppression: u64,
    /// Entries of the consent ledger that keep only their keyed hash.
    pub consents: u64,
    /// Person flags and convenient times that keep only their keyed hash, and answers on numbers that are gone.
    pub notes: u64,
    /// Audit events whose details are gone.
    pub audit: u64,
}

impl Tx {
    /// Erases a person that was found. Write the audit event of the erasure after it, without the person.
    pub async fn person_erase(&mut self, person: &Person, now: i64) -> Result<Erasure, StoreError> {
        if let Some(list) = self.list_in_work(person.tenant).await? {
            return Ok(Erasure::Busy(list));
        }
        let (records, deltas) = self.erase_records(person, now).await?;
        // decisions are found by attempts, which are about to lose the person
        let decisions = self.evidence_forget(person.tenant, &person.decided()).await?;
        let (attempts, open_attempts) = self.erase_attempts(person).await?;
        let suppression = self.erase_suppression(person).await?;
        let mut consents = self.consent_erase(person.tenant, KeyKind::Device, &person.addresses).await?;
        consents += self.consent_erase(person.tenant, KeyKind::Client, &person.client_ids).await?;
        let mut notes = 0;
        for (kind, keys) in [(KeyKind::Device, &person.addresses), (KeyKind::Client, &person.client_ids)] {
            notes += self.person_flag_erase(person.tenant, kind, keys).await?;
            notes += self.declared_erase(person.tenant, kind, keys).await?;
        }
        for (number, hash) in &person.addresses {
            notes += self.number_answer_erase(person.tenant, *hash, number).await?;
        }
        self.erase_images(person).await?;
        self.erase_requests(person).await?;
        let audit = self.erase_texts(person).await?;
        let (contacts, devices) = self.erase_contacts(person).await?;
        // the counters are the most wanted rows: last
        self.record_counters_add(0, &deltas).await?;
        Ok(Erasure::Done(Erased {
            contacts,
            devices,
            records,
            attempts,
            open_attempts,
            decisions,
            suppression,
            consents,
            notes,
            audit,
        }))
    }

    /// The numbers of a person's calls: recordings are found by them.
    pub async fn person_calls(&mut self, person: &Person) -> Result<Vec<i64>, StoreError> {
        let (which, [clients, devices, contacts, asked]) = person.attempts(self);
        let sql = format!("SELECT a.id FROM attempt a WHERE {which} AND a.channel = {}", Channel::Voice.bit());
        Ok(on!(self, conn => sqlx::query_scalar(AssertSqlSafe(sql)).bind(person.tenant).bind(clients.text())
            .bind(devices.text()).bind(contacts.text()).bind(asked.text()).fetch_all(conn).await?))
    }

    async fn erase_contacts(&mut self, person: &Person) -> Result<(u64, u64), StoreError> {
        let (mut contacts, mut devices) = (0, 0);
        for of_one in person.contacts.chunk_by(|a, b| (a.list, a.generation) == (b.list, b.generation)) {
            let at = of_one[0];
            let ids: Vec<i64> = of_one.iter().map(|c| c.id).collect();
            let list = self.contact_list_of_number(person.tenant, at.list).await?;
            let shown = list.filter(|l| l.generation == at.generation).map_or(0, |l| l.visible_to);
            let visible: Vec<i64> = ids.iter().copied().filter(|id| *id <= shown).collect();
            let hidden: Vec<i64> = ids.iter().copied().filter(|id| *id > shown).collect();
            let (gone, gone_devices) = self.contacts_remove(at.generation, &visible).await?;
            if gone > 0 {
                let minus = |n: u64| -i64::try_from(n).unwrap_or(0);
                self.contact_list_count(at.list, minus(gone), minus(gone_devices), 0).await?;
            }
            let (more, more_devices) = self.contacts_remove(at.generation, &hidden).await?;
            contacts += gone + more;
            devices += gone_devices + more_devices;
        }
        Ok((contacts, devices))
    }

    /// Records that could still be contacted are excluded as erased; the others stay as they ended.
    async fn erase_records(&mut self, person: &Person, now: i64) -> Result<(u64, Deltas), StoreError> {
        let sql = format!(
            "UPDATE record SET status = $3, reason = $4, cause = NULL, due = 0, changed_at = $5
             WHERE status = $6 AND id{} AND grp IN (SELECT number FROM campaign_group WHERE tenant = $1)
             RETURNING grp, id",
            IntSet::test(self, "$2")
        );
        let before = format!(
            "SELECT grp, id, reason, due, last_result FROM record
             WHERE status = $3 AND id{} AND grp IN (SELECT number FROM campaign_group WHERE tenant = $1){}",
            IntSet::test(self, "$2"),
            self.choose(" FOR UPDATE", "")
        );
        let (ids, ready) = (person.contact_ids(), RecordStatus::Ready);
        let old: Vec<(i64, i64, i16, i64, Option<i16>)> = on!(self, conn => sqlx::query_as(AssertSqlSafe(before))
            .bind(person.tenant).bind(ids.text()).bind(ready.code()).fetch_all(conn).await?);
        let changed: Vec<(i64, i64)> = on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(person.tenant).bind(ids.text())
            .bind(RecordStatus::Excluded.code()).bind(Reason::Erased.code()).bind(now).bind(ready.code()).fetch_all(conn).await?);
        let mut deltas = Deltas::default();
        let to = Bucket::of(RecordStatus::Excluded, Reason::Erased, 0, None);
        for (grp, _, reason, due, result) in old.iter().filter(|o| changed.contains(&(o.0, o.1))) {
            let reason = Reason::from_code(*reason).unwrap_or(Reason::None);
            deltas.moved(*grp, Bucket::of(ready, reason, *due, *result), to);
        }
        Ok((changed.len() as u64, deltas))
    }

    async fn erase_attempts(&mut self, person: &Person) -> Result<(u64, u64), StoreError> {
        let open = [AttemptState::Sending, AttemptState::Accepted, AttemptState::Reserved];
        let open = format!("({}, {}, {})", open[0].code(), open[1].code(), open[2].code());
        let (which, [clients, devices, contacts, asked]) = person.attempts(self);
        let count = format!("SELECT count(*) FROM attempt_known a WHERE {which} AND a.state IN {open}");
        let marks = format!(
            "DELETE FROM in_flight WHERE tenant = $1 AND attempt IN (SELECT a.id FROM attempt a WHERE {which} AND a.state NOT IN {open})"
        );
        let erase = format!(
            "UPDATE attempt AS a SET contact = {ERASED}, provider_id = NULL, receipt_id = NULL, detail = NULL, note = NULL, location = 0
             WHERE {which} AND a.state NOT IN {open}"
        );
        let ended = format!("SELECT a.id FROM attempt a WHERE {which} AND a.state NOT IN {open}");
        let reports = format!("UPDATE attempt_report SET report = NULL WHERE tenant = $1 AND attempt IN ({ended})");
        let waiting: i64 = on!(self, conn => sqlx::query_scalar(AssertSqlSafe(count)).bind(person.tenant).bind(clients.text())
            .bind(devices.text()).bind(contacts.text()).bind(asked.text()).fetch_one(conn).await?);
        let mut changed = 0;
        for sql in [marks, reports, erase] {
            changed = on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(person.tenant).bind(clients.text())
                .bind(devices.text()).bind(contacts.text()).bind(asked.text()).execute(conn).await?.rows_affected());
        }
        let forget = format!(
            "UPDATE inbound_message SET address_hash = 0 WHERE tenant = $1 AND address_hash{}",
            IntSet::test(self, "$2")
        );
        let addresses = person.address_hashes();
        on!(self, conn => sqlx::query(AssertSqlSafe(forget)).bind(person.tenant).bind(addresses.text()).execute(conn).await?.rows_affected());
        Ok((changed, waiting.unsigned_abs()))
    }

    /// Entries lose their text and reason, also in contents that are kept for an undo. Where several would become one,
    /// those that hold least go.
    async fn erase_suppression(&mut self, person: &Person) -> Result<u64, StoreError> {
        let mut erased = 0;
        for of in self.suppression_contents(person.tenant).await? {
            let mut of_list = 0;
            for (text, hash) in person.keys_of_kind(&of.kind) {
                of_list += self.erase_entry(of.generation, *hash, text).await?;
            }
            if of_list > 0 {
                // copies are reloaded: they hold the text
                self.suppression_count(of.number, 0).await?;
            }
            erased += of_list;
        }
        Ok(erased)
    }

    async fn erase_entry(&mut self, generation: i64, hash: i64, text: &str) -> Result<u64, StoreError> {
        // an entry of another key with the same hash, erased before: it holds for as long as the longer of the two
        const JOIN: &str = "UPDATE suppression_entry SET
                from_at = CASE WHEN e.from_at IS NULL OR suppression_entry.from_at IS NULL THEN NULL
                    WHEN e.from_at < suppression_entry.from_at THEN e.from_at ELSE suppression_entry.from_at END,
                until_at = CASE WHEN e.until_at IS NULL OR suppression_entry.until_at IS NULL THEN NULL
                    WHEN e.until_at > suppression_entry.until_at THEN e.until_at ELSE suppression_entry.until_at END
            FROM (SELECT from_at, until_at FROM suppression_entry WHERE generation = $1 AND key_hash = $2 AND key = $3) AS e
            WHERE suppression_entry.generation = $1 AND suppression_entry.key_hash = $2 AND suppression_entry.key = ''";
        const DROP: &str = "DELETE FROM suppression_entry WHERE generation = $1 AND key_hash = $2 AND key = $3";
        const CLEAR: &str =
            "UPDATE suppression_entry SET key = '', reason = NULL WHERE generation = $1 AND key_hash = $2 AND key = $3";
        let joined = on!(self, conn => sqlx::query(JOIN).bind(generation).bind(hash).bind(text).execute(conn).await?.rows_affected());
        let sql = if joined > 0 { DROP } else { CLEAR };
        Ok(
            on!(self, conn => sqlx::query(sql).bind(generation).bind(hash).bind(text).execute(conn).await?.rows_affected()),
        )
    }

    /// What imports keep for an undo: an undo does not bring the person back.
    async fn erase_images(&mut self, person: &Person) -> Result<(), StoreError> {
        let by_contact = format!(
            "DELETE FROM contact_before WHERE import IN (SELECT number FROM list_import WHERE tenant = $1 AND kind = 'contacts') AND contact{}",
            IntSet::test(self, "$2")
        );
        let ids = person.contact_ids();
        on!(self, conn => sqlx::query(AssertSqlSafe(by_contact)).bind(person.tenant).bind(ids.text()).execute(conn).await?.rows_affected());
        let by_text = format!(
            "DELETE FROM contact_before WHERE import IN (SELECT number FROM list_import WHERE tenant = $1) AND {}",
            self.choose("strpos(lower(image), lower($2)) > 0", "instr(lower(image), lower($2)) > 0")
        );
        for text in quoted(person)? {
            on!(self, conn => sqlx::query(AssertSqlSafe(by_text.clone())).bind(person.tenant).bind(text).execute(conn).await?.rows_affected());
        }
        Ok(())
    }

    /// Audit events and outbox events that name the person lose their details.
    async fn erase_texts(&mut self, person: &Person) -> Result<u64, StoreError> {
        let find = |tx: &Tx, column: &str| {
            tx.choose(
                format!("strpos(lower(coalesce({column}::text, '')), lower($2)) > 0"),
                format!("instr(lower(coalesce({column}, '')), lower($2)) > 0"),
            )
        };
        let of_person = "object_kind IN ('contact', 'suppression_entry', 'suppression_list', 'person')";
        let audit = format!(
            "UPDATE audit_event SET before = NULL, after = NULL, object_name = '' WHERE tenant = $1 AND {of_person} AND ({} OR {} OR {})",
            find(self, "before"),
            find(self, "after"),
            // a name stands without quotes
            "lower(object_name) = lower(trim($2, '\"'))"
        );
        let events = format!("DELETE FROM event WHERE tenant = $1 AND {}", find(self, "body"));
        let mut changed = 0;
        for text in quoted(person)? {
            changed += on!(self, conn => sqlx::query(AssertSqlSafe(audit.clone())).bind(person.tenant).bind(&text).execute(conn).await?.rows_affected());
            on!(self, conn => sqlx::query(AssertSqlSafe(events.clone())).bind(person.tenant).bind(&text).execute(conn).await?.rows_affected());
        }
        Ok(changed)
    }
}

/// The person's keys as they stand in JSON: in quotes, so that `1` is not found in `2001`.
pub(super) fn quoted(person: &Person) -> Result<Vec<String>, StoreError> {
    let keys = person.addresses.iter().chain(&person.client_ids);
    keys.map(|(text, _)| Ok(serde_json::to_string(text)?)).collect()
}
