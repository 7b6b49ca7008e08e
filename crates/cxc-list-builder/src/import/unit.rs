//! What goes to the store together.
use cxc_store::bulk::BulkBuffer;
use cxc_store::consent::ConsentLine;
use cxc_store::contact::{CONTACT, DEVICE, FullContact};
use cxc_store::{Db, Engine};

use super::index_run::{Address, Key};

/// Contacts that are written together.
pub struct Unit {
    /// Its place in the import, from 1.
    pub number: u64,
    /// New contacts.
    pub contacts: BulkBuffer,
    /// Their devices.
    pub devices: BulkBuffer,
    /// Their keys, for SQLite.
    pub keys: Vec<Key>,
    /// Their addresses, for SQLite.
    pub addresses: Vec<Address>,
    /// Contacts that are changed: before and after.
    pub updates: Vec<(FullContact, FullContact)>,
    /// What lines say of consents.
    pub consents: Vec<ConsentLine>,
    /// Bytes of the file that are dealt with once this is written.
    pub bytes: u64,
    /// Lines that are dealt with then.
    pub lines: i64,
    generation: i64,
    indexed: bool,
}

impl Unit {
    /// An empty unit.
    pub fn new(db: &Db, generation: i64, number: u64) -> Self {
        Self {
            number,
            contacts: db.bulk(&CONTACT),
            devices: db.bulk(&DEVICE),
            keys: Vec::new(),
            addresses: Vec::new(),
            updates: Vec::new(),
            consents: Vec::new(),
            bytes: 0,
            lines: 0,
            generation,
            indexed: db.engine() == Engine::Sqlite,
        }
    }

    /// Adds a new contact, complete with ids and numbers of locations.
    pub fn push(&mut self, full: &FullContact) {
        full.contact.push(self.generation, &mut self.contacts);
        for device in &full.devices {
            device.push(self.generation, &mut self.devices);
        }
        if self.indexed {
            self.keys.push((full.contact.key_hash, full.contact.id));
            let addresses = full.devices.iter().map(|d| (d.address_hash, d.contact, d.position));
            self.addresses.extend(addresses);
        }
    }

    /// How much it writes: contacts, or lines with consents where those are more.
    pub fn len(&self) -> usize {
        (self.contacts.len() + self.updates.len()).max(self.consents.len())
    }
}
