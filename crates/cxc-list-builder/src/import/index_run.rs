//! Keys and addresses of an import that SQLite is to find its contacts by, written in sorted runs. One by
//! one they would touch a page each, and SQLite writes every touched page anew with every commit.
use std::time::{Duration, Instant};

use cxc_store::{Db, StoreError};

/// Contacts in a run.
const RUN: usize = 200_000;
/// Rows in a slice of a transaction, and how long a transaction holds the writer.
const SLICE: usize = 2_000;
const HOLD: Duration = Duration::from_millis(50);

/// A contact's key: hash, contact.
pub type Key = (i64, i64);
/// A device's address: hash, contact, position.
pub type Address = (i64, i64, i16);

/// Keys and addresses that wait to be written.
pub struct IndexRun {
    generation: i64,
    keys: Vec<Key>,
    addresses: Vec<Address>,
}

impl IndexRun {
    /// An empty run.
    pub fn new(generation: i64) -> Self {
        Self { generation, keys: Vec::new(), addresses: Vec::new() }
    }

    /// Adds what a batch wrote.
    pub fn add(&mut self, keys: &mut Vec<Key>, addresses: &mut Vec<Address>) {
        self.keys.append(keys);
        self.addresses.append(addresses);
    }

    /// Whether it is long enough to be written.
    pub fn is_due(&self) -> bool {
        self.keys.len() >= RUN
    }

    /// Writes the run, in transactions that leave the writer to others in between.
    pub async fn write(&mut self, db: &Db) -> Result<(), StoreError> {
        if self.keys.is_empty() && self.addresses.is_empty() {
            return Ok(());
        }
        let (mut keys, mut addresses) = (std::mem::take(&mut self.keys), std::mem::take(&mut self.addresses));
        keys.sort_unstable();
        addresses.sort_unstable();
        let (mut keys_left, mut addresses_left) = (keys.as_slice(), addresses.as_slice());
        while !keys_left.is_empty() || !addresses_left.is_empty() {
            let mut tx = db.begin_relaxed().await?;
            let since = Instant::now();
            while since.elapsed() < HOLD && !(keys_left.is_empty() && addresses_left.is_empty()) {
                let (some, rest) = keys_left.split_at(SLICE.min(keys_left.len()));
                keys_left = rest;
                // one kind after the other: each stays within its own pages
                let addresses_now = if some.is_empty() { SLICE.min(addresses_left.len()) } else { 0 };
                let (these, rest) = addresses_left.split_at(addresses_now);
                addresses_left = rest;
                tx.contact_index_write(self.generation, some, these).await?;
            }
            tx.commit().await?;
        }
        keys.clear();
        addresses.clear();
        (self.keys, self.addresses) = (keys, addresses);
        Ok(())
    }
}
