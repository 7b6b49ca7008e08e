//! Entries about devices and client ids, by the hashes of their keys.
use std::collections::HashMap;

use super::Person;
use crate::consent::{KeyKind, StoredConsent};
use crate::declared_time::StoredDeclared;
use crate::person_flag::StoredFlag;

/// An entry that names a device or a client id by its hash and, unless the person was erased, by its text.
pub(super) trait Entry {
    fn kind(&self) -> KeyKind;
    fn hash(&self) -> i64;
    fn key(&self) -> &str;
}

macro_rules! entries {
    ($($stored:ty),*) => {$(
        impl Entry for $stored {
            fn kind(&self) -> KeyKind {
                self.key_kind()
            }

            fn hash(&self) -> i64 {
                self.key_hash
            }

            fn key(&self) -> &str {
                &self.key
            }
        }
    )*};
}
entries!(StoredConsent, StoredFlag, StoredDeclared);

/// The entries of a batch.
pub(super) struct Keyed<E>(HashMap<(KeyKind, i64), Vec<E>>);

impl<E> Default for Keyed<E> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<E: Entry> Keyed<E> {
    /// Entries as they were read.
    pub fn of(entries: Vec<E>) -> Self {
        let mut by_key: HashMap<(KeyKind, i64), Vec<E>> = HashMap::new();
        for entry in entries {
            by_key.entry((entry.kind(), entry.hash())).or_default().push(entry);
        }
        Self(by_key)
    }

    /// Those of a person: of the device, then of the client id.
    pub fn of_person<'a>(&'a self, person: &'a Person<'_>) -> impl Iterator<Item = &'a E> {
        let of = |kind: KeyKind, hash: Option<i64>, key: &'a str| {
            let found = hash.and_then(|hash| self.0.get(&(kind, hash))).into_iter().flatten();
            // a hash may be another's; an erased person's entry has no key left, there the hash alone decides
            found.filter(move |entry| entry.key().is_empty() || entry.key() == key)
        };
        let device = of(KeyKind::Device, Some(person.device), &person.address);
        device.chain(of(KeyKind::Client, person.client, person.client_id.trim()))
    }
}
