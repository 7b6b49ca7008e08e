//! One person's data in every table: found, exported, erased, by client id or by address.
//! Owner: the compliance manager, whose functions the commands use, too.
mod erase;
mod export;
mod kept;
mod request;

use cxc_core::hash::HashKey;
use serde::Serialize;
use sqlx::AssertSqlSafe;

use crate::attempt::ERASED;
use crate::evidence::DeviceSeal;
use crate::int_set::IntSet;
use crate::{StoreError, Tx, on};

pub use erase::{Erased, Erasure};
pub use export::{
    AttemptData, ConsentData, ContactData, DeviceData, InboundData, PersonData, RecordData, SuppressionData,
};
pub use kept::{
    AuditData, DecisionData, DeclaredData, FlagData, MOST_DECISIONS, NumberAnswerData, ReportData, ReviewData,
};
pub use request::PrivacyRequest;

/// By what a person is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonKey {
    /// A phone in E.164 form, or an email address in lower case.
    Address(String),
    /// The customer's own key.
    ClientId(String),
}

impl PersonKey {
    fn text(&self) -> &str {
        match self {
            Self::Address(text) | Self::ClientId(text) => text,
        }
    }
}

/// Where a person stands in the contact lists, and by which keys in the other tables.
#[derive(Debug, Clone)]
pub struct Person {
    /// Whose.
    pub tenant: i64,
    /// The contacts of the person, also in contents that wait for an undo.
    pub contacts: Vec<PersonContact>,
    /// Normalised addresses with their hashes: the one that was asked for, those of the contacts, and then those on which
    /// decisions say that the person was to be reached.
    pub addresses: Vec<(String, i64)>,
    /// Client ids with their hashes: the one that was asked for and those of the contacts.
    pub client_ids: Vec<(String, i64)>,
    /// The hash of the address that was asked for: its attempts are the person's, whichever contact they name.
    asked_address: Option<i64>,
    /// How many of the addresses were asked for or are of the contacts: what is decided about these is about the person.
    /// The others may be somebody else's, too.
    known_addresses: usize,
}

/// One contact of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, sqlx::FromRow, Serialize)]
pub struct PersonContact {
    /// The number of its list; 0 if the list is gone.
    pub list: i64,
    /// Its contents.
    pub generation: i64,
    /// The contact.
    pub id: i64,
}

/// The contents of a suppression list.
#[derive(Debug, Clone, sqlx::FromRow)]
struct SuppressionContents {
    number: i64,
    kind: String,
    generation: i64,
    name: Option<String>,
}

impl Person {
    /// The keys that entries of a suppression list of this kind have.
    fn keys_of_kind(&self, kind: &str) -> &[(String, i64)] {
        if kind == crate::suppression::DEVICE { &self.addresses } else { &self.client_ids }
    }

    /// Whether the contact lists hold nothing of the person.
    pub fn is_in_no_list(&self) -> bool {
        self.contacts.is_empty()
    }

    fn contact_ids(&self) -> IntSet {
        IntSet::of(self.contacts.iter().map(|c| c.id))
    }

    fn address_hashes(&self) -> IntSet {
        IntSet::of(self.addresses.iter().map(|a| a.1))
    }

    /// The keyed hashes of the addresses and of the client ids.
    fn hashes(&self) -> (Vec<i64>, Vec<i64>) {
        (self.addresses.iter().map(|a| a.1).collect(), self.client_ids.iter().map(|c| c.1).collect())
    }

    fn client_hashes(&self) -> IntSet {
        IntSet::of(self.client_ids.iter().map(|c| c.1))
    }

    /// The keyed hashes by which decisions are the person's.
    fn decided(&self) -> Vec<i64> {
        let addresses = self.addresses.iter().take(self.known_addresses);
        addresses.chain(&self.client_ids).map(|key| key.1).collect()
    }

    /// The WHERE clause of the person's attempts, with what to bind at $2 to $5. An address may be shared,
    /// so those of the contacts count only together with a contact; the one that was asked for counts alone. Attempts of who
    /// was erased before are nobody's.
    fn attempts(&self, tx: &Tx) -> (String, [IntSet; 4]) {
        let test = |column: &str, n: u8| format!("{column}{}", IntSet::test(tx, &format!("${n}")));
        let sql = format!(
            "a.tenant = $1 AND a.contact <> {ERASED} AND (a.{} OR (a.{} AND a.{}) OR a.{})",
            test("client_hash", 2),
            test("device_hash", 3),
            test("contact", 4),
            test("device_hash", 5)
        );
        let asked = IntSet::of(self.asked_address);
        (sql, [self.client_hashes(), self.address_hashes(), self.contact_ids(), asked])
    }
}

impl Tx {
    /// Finds a person. One with an address is every contact that has it, and every other contact with the
    /// client id of one of those. Of people whom no list has, decisions tell the devices.
    pub async fn person_find(&mut self, tenant: i64, key: &PersonKey, hash: &HashKey) -> Result<Person, StoreError> {
        let asked = hash.hash(tenant, key.text());
        let mut person = Person {
            tenant,
            contacts: Vec::new(),
            addresses: Vec::new(),
            client_ids: Vec::new(),
            asked_address: None,
            known_addresses: 0,
        };
        match key {
            PersonKey::Address(text) => {
                person.asked_address = Some(asked);
                person.addresses.push((text.clone(), asked));
                person.contacts = self.person_by_address(tenant, text, asked).await?;
            }
            PersonKey::ClientId(text) => person.client_ids.push((text.clone(), asked)),
        }
        for id in self.person_client_ids(&person).await? {
            let hash = hash.hash(tenant, &id);
            if !person.client_ids.iter().any(|known| known.0 == id) {
                person.client_ids.push((id, hash));
            }
        }
        let known: Vec<(String, i64)> = person.client_ids.clone();
        for (text, hash) in known {
            person.contacts.extend(self.person_by_client_id(tenant, &text, hash).await?);
        }
        person.contacts.sort_unstable();
        person.contacts.dedup();
        for (address, hash) in self.person_addresses(&person).await? {
            let address = if address.starts_with('+') { address } else { address.to_lowercase() };
            if !person.addresses.iter().any(|known| known.0 == address) {
                person.addresses.push((address, hash));
            }
        }
        person.known_addresses = person.addresses.len();
        let clients: Vec<i64> = person.client_ids.iter().map(|id| id.1).collect();
        for decided in self.evidence_devices_of(tenant, &clients, &DeviceSeal::new(hash)?).await? {
            if !person.addresses.contains(&decided) {
                person.addresses.push(decided);
            }
        }
        Ok(person)
    }

    /// The contacts of a tenant that have an address.
    async fn person_by_address(
        &mut self,
        tenant: i64,
        text: &str,
        hash: i64,
    ) -> Result<Vec<PersonContact>, StoreError> {
        let sql = format!(
            "SELECT g.list, d.generation, d.contact AS id FROM ({GENERATIONS}) AS g
             JOIN device_address a ON a.generation = g.generation AND a.address_hash = $2
             JOIN device d ON d.generation = a.generation AND d.contact = a.contact AND d.position = a.position
             WHERE lower(d.address) = $3"
        );
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(hash).bind(text).fetch_all(conn).await?),
        )
    }

    async fn person_by_client_id(
        &mut self,
        tenant: i64,
        text: &str,
        hash: i64,
    ) -> Result<Vec<PersonContact>, StoreError> {
        let sql = format!(
            "SELECT g.list, c.generation, c.id FROM ({GENERATIONS}) AS g
             JOIN contact_key k ON k.generation = g.generation AND k.key_hash = $2
             JOIN contact c ON c.generation = k.generation AND c.id = k.id WHERE c.client_id = $3"
        );
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(hash).bind(text).fetch_all(conn).await?),
        )
    }

    /// The client ids of the contacts found so far.
    async fn person_client_ids(&mut self, person: &Person) -> Result<Vec<String>, StoreError> {
        let sql = format!(
            "SELECT DISTINCT client_id FROM contact WHERE generation{} AND id{} AND client_id IS NOT NULL",
            IntSet::test(self, "$1"),
            IntSet::test(self, "$2")
        );
        let (generations, ids) = (IntSet::of(person.contacts.iter().map(|c| c.generation)), person.contact_ids());
        Ok(
            on!(self, conn => sqlx::query_scalar(AssertSqlSafe(sql)).bind(generations.text()).bind(ids.text()).fetch_all(conn).await?),
        )
    }

    /// Every contents of the tenant's suppression lists with the list's number, kind and name: those in use, those kept
    /// for an undo, and those of imports under way.
    async fn suppression_contents(&mut self, tenant: i64) -> Result<Vec<SuppressionContents>, StoreError> {
        const SQL: &str = "SELECT DISTINCT l.number, l.kind, g.generation, o.name FROM suppression_list l
            JOIN (SELECT number AS list, generation FROM suppression_list WHERE tenant = $1
                UNION SELECT list, generation FROM suppression_garbage WHERE list <> 0
                UNION SELECT list, generation FROM list_import WHERE tenant = $1 AND kind = 'suppression') AS g
              ON g.list = l.number
            LEFT JOIN object o ON o.tenant = l.tenant AND o.id = l.id WHERE l.tenant = $1 ORDER BY l.number, g.generation";
        Ok(on!(self, conn => sqlx::query_as(SQL).bind(tenant).fetch_all(conn).await?))
    }

    async fn person_addresses(&mut self, person: &Person) -> Result<Vec<(String, i64)>, StoreError> {
        let sql = format!(
            "SELECT DISTINCT address, address_hash FROM device WHERE generation{} AND contact{}",
            IntSet::test(self, "$1"),
            IntSet::test(self, "$2")
        );
        let (generations, ids) = (IntSet::of(person.contacts.iter().map(|c| c.generation)), person.contact_ids());
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(generations.text()).bind(ids.text()).fetch_all(conn).await?),
        )
    }
}

/// Every contents of a tenant ($1): those of its lists, of who left them after an attempt, of imports under way, and those
/// kept for an undo.
const GENERATIONS: &str = "SELECT number AS list, generation FROM contact_list WHERE tenant = $1
    UNION SELECT number, left_generation FROM contact_list WHERE tenant = $1 AND left_generation <> 0
    UNION SELECT list, generation FROM list_import WHERE tenant = $1 AND kind = 'contacts'
    UNION SELECT list, generation_before FROM list_import WHERE tenant = $1 AND kind = 'contacts'";
