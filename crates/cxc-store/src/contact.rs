//! Contacts and their devices. Owning service: list builder; the list manager edits single ones.
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;

use crate::bulk::{BulkBuffer, BulkTable};
use crate::int_set::IntSet;
use crate::list::ContactList;
use crate::{Engine, StoreError, Tx, on};

/// The columns of `contact`, in the order of [`Contact::push`].
pub const CONTACT: BulkTable = BulkTable {
    name: "contact",
    columns: &[
        "generation",
        "id",
        "key_hash",
        "client_id",
        "first_name",
        "last_name",
        "company",
        "country",
        "region",
        "postal",
        "zone",
        "location",
        "custom",
        "original",
    ],
};

/// The columns of `device`, in the order of [`Device::push`].
pub const DEVICE: BulkTable = BulkTable {
    name: "device",
    columns: &[
        "generation",
        "contact",
        "position",
        "kind",
        "address",
        "address_hash",
        "type",
        "line_type",
        "extension",
        "country",
        "area_code",
        "location",
    ],
};

/// Contacts by key: filled by hand on SQLite only (see the migration).
pub const CONTACT_KEY: BulkTable = BulkTable { name: "contact_key", columns: &["generation", "key_hash", "id"] };

/// Devices by address: filled by hand on SQLite only.
pub const DEVICE_ADDRESS: BulkTable =
    BulkTable { name: "device_address", columns: &["generation", "address_hash", "contact", "position"] };

/// A contact as stored, without its devices.
#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::FromRow, Serialize, Deserialize)]
pub struct Contact {
    /// Its id, kept for as long as its key is in the list.
    pub id: i64,
    /// Keyed hash of the client id, else of the first device's normalised address.
    pub key_hash: i64,
    /// The customer's own key.
    pub client_id: Option<String>,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Company.
    pub company: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// ISO 3166-2 or what the file said.
    pub region: Option<String>,
    /// Postal code.
    pub postal: Option<String>,
    /// IANA name, where the file gave one.
    pub zone: Option<String>,
    /// Number of the interned location, 0 if nothing is known.
    pub location: i64,
    /// Custom fields, a JSON object by column (`c_other1`).
    pub custom: Option<String>,
    /// The input line, where it was asked for.
    pub original: Option<String>,
}

/// A device as stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::FromRow, Serialize, Deserialize)]
pub struct Device {
    /// Whose it is.
    pub contact: i64,
    /// Its place in the contact, 1 to 10.
    pub position: i16,
    /// Phone 1, email 2.
    pub kind: i16,
    /// E.164, or the email address in its own case.
    pub address: String,
    /// Keyed hash of the normalised address.
    pub address_hash: i64,
    /// The contact type of the functional specification, section 23; 0 is none.
    pub r#type: i16,
    /// What is known of the line.
    pub line_type: i16,
    /// Extension to be dialled after the number.
    pub extension: Option<String>,
    /// ISO 3166-1 alpha-2, of a phone.
    pub country: Option<String>,
    /// Area code, of a phone that has one.
    pub area_code: Option<String>,
    /// Number of the interned location, 0 if nothing is known.
    pub location: i64,
}

/// A contact with its devices, by position.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FullContact {
    /// The contact.
    pub contact: Contact,
    /// Its devices by position.
    pub devices: Vec<Device>,
}

const COLUMNS: &str =
    "c.id, c.key_hash, c.client_id, c.first_name, c.last_name, c.company, c.country, c.region, c.postal,
    c.zone, c.location, c.custom, c.original";
const DEVICE_COLUMNS: &str =
    "d.contact, d.position, d.kind, d.address, d.address_hash, d.type, d.line_type, d.extension,
    d.country, d.area_code, d.location";

impl Contact {
    /// Adds the contact's row to a buffer of [`CONTACT`].
    pub fn push(&self, generation: i64, buffer: &mut BulkBuffer) {
        buffer
            .int(generation)
            .int(self.id)
            .int(self.key_hash)
            .opt_text(self.client_id.as_deref())
            .opt_text(self.first_name.as_deref())
            .opt_text(self.last_name.as_deref())
            .opt_text(self.company.as_deref())
            .opt_text(self.country.as_deref())
            .opt_text(self.region.as_deref())
            .opt_text(self.postal.as_deref())
            .opt_text(self.zone.as_deref())
            .int(self.location)
            .opt_text(self.custom.as_deref())
            .opt_text(self.original.as_deref())
            .end_row();
    }
}

impl Device {
    /// Adds the device's row to a buffer of [`DEVICE`].
    pub fn push(&self, generation: i64, buffer: &mut BulkBuffer) {
        buffer
            .int(generation)
            .int(self.contact)
            .int(self.position.into())
            .int(self.kind.into())
            .text(&self.address)
            .int(self.address_hash)
            .int(self.r#type.into())
            .int(self.line_type.into())
            .opt_text(self.extension.as_deref())
            .opt_text(self.country.as_deref())
            .opt_text(self.area_code.as_deref())
            .int(self.location)
            .end_row();
    }
}

impl Tx {
    /// Writes contacts with their devices into contents. Ids must be new there.
    pub async fn contacts_insert(&mut self, generation: i64, contacts: &[FullContact]) -> Result<(), StoreError> {
        let engine = self.engine();
        let mut rows = BulkBuffer::new(engine, &CONTACT);
        let mut devices = BulkBuffer::new(engine, &DEVICE);
        let (mut keys, mut addresses) = (Vec::new(), Vec::new());
        for full in contacts {
            full.contact.push(generation, &mut rows);
            keys.push((full.contact.key_hash, full.contact.id));
            for device in &full.devices {
                device.push(generation, &mut devices);
                addresses.push((device.address_hash, device.contact, device.position));
            }
        }
        self.bulk_write(rows).await?;
        self.bulk_write(devices).await?;
        self.contact_index_write(generation, &keys, &addresses).await
    }

    /// Makes contacts be found by key (hash, id) and by address (hash, contact, position). A matter of
    /// SQLite: PostgreSQL keeps its own indexes. Sorted input is much the faster.
    pub async fn contact_index_write(
        &mut self,
        generation: i64,
        keys: &[(i64, i64)],
        addresses: &[(i64, i64, i16)],
    ) -> Result<(), StoreError> {
        if self.engine() == Engine::Postgres {
            return Ok(());
        }
        let mut buffer = BulkBuffer::new(Engine::Sqlite, &CONTACT_KEY);
        for &(hash, id) in keys {
            buffer.int(generation).int(hash).int(id).end_row();
        }
        self.bulk_write(buffer).await?;
        let mut buffer = BulkBuffer::new(Engine::Sqlite, &DEVICE_ADDRESS);
        for &(hash, contact, position) in addresses {
            buffer.int(generation).int(hash).int(contact).int(position.into()).end_row();
        }
        self.bulk_write(buffer).await
    }

    /// Deletes contacts with their devices; answers how many contacts and devices there were.
    pub async fn contacts_remove(&mut self, generation: i64, ids: &[i64]) -> Result<(u64, u64), StoreError> {
        let set = IntSet::of(ids.iter().copied());
        let test = IntSet::test(self, "$2");
        if self.engine() == Engine::Sqlite {
            for sql in [
                format!("DELETE FROM contact_key WHERE (generation, key_hash, id) IN (
                    SELECT generation, key_hash, id FROM contact WHERE generation = $1 AND id{test})"),
                format!("DELETE FROM device_address WHERE (generation, address_hash, contact, position) IN (
                    SELECT generation, address_hash, contact, position FROM device WHERE generation = $1 AND contact{test})"),
            ] {
                on!(self, conn => sqlx::query(AssertSqlSafe(sql)).bind(generation).bind(set.text()).execute(conn).await?.rows_affected());
            }
        }
        let devices = format!("DELETE FROM device WHERE generation = $1 AND contact{test}");
        let devices = on!(self, conn => sqlx::query(AssertSqlSafe(devices)).bind(generation).bind(set.text()).execute(conn).await?.rows_affected());
        let contacts = format!("DELETE FROM contact WHERE generation = $1 AND id{test}");
        let contacts = on!(self, conn => sqlx::query(AssertSqlSafe(contacts)).bind(generation).bind(set.text()).execute(conn).await?.rows_affected());
        Ok((contacts, devices))
    }

    /// One visible contact of a list.
    pub async fn contact_get(&mut self, list: &ContactList, id: i64) -> Result<Option<FullContact>, StoreError> {
        Ok(if id > list.visible_to { None } else { self.contacts_of(list.generation, &[id]).await?.pop() })
    }

    /// Contacts of some contents with their devices, by id; those that are gone are left out.
    pub async fn contacts_of(&mut self, generation: i64, ids: &[i64]) -> Result<Vec<FullContact>, StoreError> {
        let wanted: BTreeSet<i64> = ids.iter().copied().collect();
        let (Some(first), Some(last)) = (wanted.first().copied(), wanted.last().copied()) else {
            return Ok(Vec::new());
        };
        // a campaign goes through its list in order: one walk finds what lies close together, faster than a look-up each
        let is_dense = last.abs_diff(first) < 2 * wanted.len() as u64;
        let set = if is_dense { IntSet::of([]) } else { IntSet::of(wanted.iter().copied()) };
        let test = IntSet::test(self, "$4");
        let place = |id: &str| {
            let range = format!("{id} BETWEEN $2 AND $3");
            if is_dense { format!("{range} AND $4 = ''") } else { format!("{range} AND {id}{test}") }
        };
        let sql =
            format!("SELECT {COLUMNS} FROM contact c WHERE c.generation = $1 AND {} ORDER BY c.id", place("c.id"));
        let mut contacts: Vec<Contact> = on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(generation).bind(first)
            .bind(last).bind(set.text()).fetch_all(conn).await?);
        let sql = format!(
            "SELECT {DEVICE_COLUMNS} FROM device d WHERE d.generation = $1 AND {} ORDER BY d.contact, d.position",
            place("d.contact")
        );
        let devices = on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(generation).bind(first).bind(last)
            .bind(set.text()).fetch_all(conn).await?);
        contacts.retain(|contact| wanted.contains(&contact.id));
        Ok(join(contacts, devices))
    }

    /// Contacts by (list, contact) with their devices, across lists of a tenant: for a batch of records
    /// that is to be sent. A contact that has left its list is left out.
    pub async fn contacts_of_lists(
        &mut self,
        tenant: i64,
        keys: &[(i64, i64)],
    ) -> Result<Vec<(i64, FullContact)>, StoreError> {
        let mut lists: Vec<i64> = keys.iter().map(|key| key.0).collect();
        lists.sort_unstable();
        lists.dedup();
        let mut found = Vec::with_capacity(keys.len());
        // a batch is of one list, seldom of a few: one pair of statements each
        for number in lists {
            let Some(list) = self.contact_list_of_number(tenant, number).await? else { continue };
            let ids: Vec<i64> =
                keys.iter().filter(|key| key.0 == number && key.1 <= list.visible_to).map(|key| key.1).collect();
            let contacts = self.contacts_of(list.generation, &ids).await?;
            found.extend(contacts.into_iter().map(|contact| (number, contact)));
        }
        Ok(found)
    }

    /// A page of a list's visible contacts after an id.
    pub async fn contact_page(
        &mut self,
        list: &ContactList,
        after: i64,
        limit: i64,
    ) -> Result<Vec<FullContact>, StoreError> {
        const SQL: &str = "SELECT id FROM contact WHERE generation = $1 AND id > $2 AND id <= $3 ORDER BY id LIMIT $4";
        let ids: Vec<i64> = on!(self, conn => sqlx::query_scalar(SQL).bind(list.generation).bind(after)
            .bind(list.visible_to).bind(limit).fetch_all(conn).await?);
        self.contacts_of(list.generation, &ids).await
    }
}

/// Puts devices (by contact and position) to their contacts (by id).
pub(crate) fn join(contacts: Vec<Contact>, devices: Vec<Device>) -> Vec<FullContact> {
    let mut devices = devices.into_iter().peekable();
    contacts
        .into_iter()
        .map(|contact| {
            let mut own = Vec::new();
            while let Some(device) = devices.next_if(|d| d.contact <= contact.id) {
                if device.contact == contact.id {
                    own.push(device);
                }
            }
            FullContact { contact, devices: own }
        })
        .collect()
}
