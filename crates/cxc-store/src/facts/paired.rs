//! Whether a device and a client id that somebody names together are one person's: only then does a consent under one of them
//! lift what was said under the other.
use std::collections::HashSet;

use sqlx::AssertSqlSafe;

use super::Person;
use crate::consent::{KeyKind, StoredConsent};
use crate::int_set::IntSet;
use crate::{StoreError, Tx, on};

/// A device and a client id, by their keyed hashes.
pub(super) type Pair = (i64, i64);

/// The pairs that are told, of which one key has an opt-out and the other a consent.
pub(super) fn doubtful(people: &[Person<'_>], ledger: &[StoredConsent]) -> Vec<Pair> {
    if ledger.is_empty() || !people.iter().any(|person| person.is_told) {
        return Vec::new();
    }
    let said: HashSet<(KeyKind, i64, bool)> =
        ledger.iter().map(|entry| (entry.key_kind(), entry.key_hash, entry.is_revoked())).collect();
    let told = people.iter().filter(|person| person.is_told);
    let pairs = told.filter_map(|person| Some((person.device, person.client?)));
    let is_doubtful = |(device, client): &Pair| {
        let (device, client) = ((KeyKind::Device, *device), (KeyKind::Client, *client));
        let says = |key: (KeyKind, i64), revoked| said.contains(&(key.0, key.1, revoked));
        (says(device, true) && says(client, false)) || (says(client, true) && says(device, false))
    };
    pairs.filter(is_doubtful).collect()
}

impl Tx {
    /// Those of some pairs that a contact of the tenant's lists has.
    pub(super) async fn contact_pairs(&mut self, tenant: i64, pairs: &[Pair]) -> Result<HashSet<Pair>, StoreError> {
        if pairs.is_empty() {
            return Ok(HashSet::new());
        }
        let sql = format!(
            "SELECT d.address_hash, k.key_hash FROM contact_list l
             CROSS JOIN contact_key k CROSS JOIN contact c CROSS JOIN device d
             WHERE l.tenant = $1 AND k.generation = l.generation AND k.key_hash{} AND k.id <= l.visible_to
                AND c.generation = k.generation AND c.id = k.id AND c.key_hash = k.key_hash AND c.client_id IS NOT NULL
                AND d.generation = c.generation AND d.contact = c.id AND d.address_hash{}",
            IntSet::test(self, "$2"),
            IntSet::test(self, "$3")
        );
        let clients = IntSet::of(pairs.iter().map(|pair| pair.1));
        let devices = IntSet::of(pairs.iter().map(|pair| pair.0));
        let found: Vec<Pair> = on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(clients.text())
            .bind(devices.text()).fetch_all(conn).await?);
        Ok(found.into_iter().collect())
    }
}
