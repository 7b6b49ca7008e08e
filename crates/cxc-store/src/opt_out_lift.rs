//! Opt-outs that are lifted: by an express consent that came later. The ledger decides; the entries that the opt-outs put
//! on lists follow it, or the person would stay suppressed for good. Owning service: compliance manager.
use std::collections::HashMap;

use cxc_core::channel::Channel;
use cxc_core::consent::{ConsentEvent, ConsentKind, ConsentScope, opted_out_of_all};
use cxc_core::hash::HashKey;
use jiff::Timestamp;

use crate::consent::{KeyKind, NewConsent, StoredConsent, person_key};
use crate::suppression::{DEVICE, SuppressionEntry, SuppressionList};
use crate::{StoreError, Tx};

/// Everything by which somebody is named.
pub type PersonKeys = Vec<(KeyKind, i64, String)>;

/// The entries of the ledger by their keys.
struct Ledger(HashMap<(KeyKind, i64), Vec<StoredConsent>>);

impl Ledger {
    fn events(&self, (kind, hash, key): &(KeyKind, i64, String)) -> Vec<ConsentEvent> {
        let of_hash = self.0.get(&(*kind, *hash)).into_iter().flatten();
        of_hash.filter(|c| c.key.is_empty() || c.key == *key).filter_map(StoredConsent::event).collect()
    }
}

impl Tx {
    /// Takes the entries from the opt-out lists that these consents lift, on every address and client id that is known of
    /// the people; answers how many. Call it after they were written.
    pub async fn opt_outs_lifted_by(
        &mut self,
        hash: &HashKey,
        tenant: i64,
        granted: &[NewConsent],
        now: i64,
    ) -> Result<i64, StoreError> {
        let is_express = |c: &&NewConsent| {
            let kind = matches!(c.kind, ConsentKind::Express | ConsentKind::ExpressWritten);
            kind && !c.revoked && c.lifts && c.scope == ConsentScope::All
        };
        let mut granted = granted.iter().filter(is_express).peekable();
        if granted.peek().is_none() || self.opt_out_lists(tenant).await?.is_empty() {
            return Ok(0);
        }
        let mut people = Vec::new();
        for consent in granted {
            let person = self.person_find(tenant, &person_key(consent), hash).await?;
            let of = |kind, keys: Vec<(String, i64)>| keys.into_iter().map(move |(key, hash)| (kind, hash, key));
            let devices = of(KeyKind::Device, person.addresses);
            people.push(devices.chain(of(KeyKind::Client, person.client_ids)).collect());
        }
        self.opt_outs_lift(tenant, &people, now).await
    }

    /// Takes the entries of these people from the opt-out lists that stand in the ledger as lifted; answers how many. An
    /// entry of a list of several channels goes once it is lifted on all of them. What is no opt-out of the ledger, such as
    /// an address that bounced or a message that waits for review, stays, and so does what ends by itself.
    pub(crate) async fn opt_outs_lift(
        &mut self,
        tenant: i64,
        people: &[PersonKeys],
        now: i64,
    ) -> Result<i64, StoreError> {
        let lists = self.opt_out_lists(tenant).await?;
        if lists.is_empty() || people.is_empty() {
            return Ok(0);
        }
        let of = |kind| people.iter().flatten().filter(move |k| k.0 == kind).map(|k| k.1).collect::<Vec<_>>();
        let mut ledger = Ledger(HashMap::new());
        for entry in self.consents_open(tenant, &of(KeyKind::Device), &of(KeyKind::Client)).await? {
            ledger.0.entry((entry.key_kind(), entry.key_hash)).or_default().push(entry);
        }
        let at = Timestamp::from_microsecond(now).unwrap_or(Timestamp::MAX);
        let mut taken = 0;
        for list in &lists {
            let kind = if list.kind == DEVICE { KeyKind::Device } else { KeyKind::Client };
            let mut keys = Vec::new();
            for person in people {
                let own = person.iter().filter(|key| key.0 == kind);
                let wanted: Vec<SuppressionEntry> = own.flat_map(|(_, hash, key)| wanted(*hash, key)).collect();
                for entry in self.suppression_present(list.generation, &wanted).await? {
                    if entry.until_at.is_none() && is_lifted(list, kind, &entry, person, &ledger, at) {
                        keys.push((entry.key_hash, entry.key));
                    }
                }
            }
            if !keys.is_empty() {
                taken += self.suppression_remove(list, &keys).await?;
            }
        }
        Ok(taken)
    }

    /// The opt-out lists of a tenant that have entries.
    async fn opt_out_lists(&mut self, tenant: i64) -> Result<Vec<SuppressionList>, StoreError> {
        let mut lists = self.suppression_lists(tenant).await?;
        lists.retain(|list| list.opt_outs && list.size > 0);
        Ok(lists)
    }
}

/// The entries that a key may have; that of an erased person has no text.
fn wanted(key_hash: i64, key: &str) -> impl Iterator<Item = SuppressionEntry> {
    let entry = move |key: &str| SuppressionEntry {
        key_hash,
        key: key.to_owned(),
        from_at: None,
        until_at: None,
        reason: None,
        source: String::new(),
        added_at: 0,
    };
    [entry(key), entry("")].into_iter()
}

/// Whether whatever put an entry on a list stands in the ledger and is lifted there, for the person on one of the ways in
/// which a check may meet the key.
fn is_lifted(
    list: &SuppressionList,
    kind: KeyKind,
    entry: &SuppressionEntry,
    person: &PersonKeys,
    ledger: &Ledger,
    at: Timestamp,
) -> bool {
    let key = person.iter().find(|k| k.0 == kind && k.1 == entry.key_hash);
    let own = key.map(|key| ledger.events(key)).unwrap_or_default();
    let is_known = |source: &str| own.iter().any(|e| e.revoked && e.scope == ConsentScope::All && *e.source == *source);
    if !entry.source.split(',').all(is_known) {
        return false;
    }
    let channels = || Channel::ALL.into_iter().filter(|channel| list.channels & channel.bit() != 0);
    let is_free = |events: &[ConsentEvent]| channels().all(|channel| opted_out_of_all(events, channel, at).is_none());
    // a check of a device sees the entries of its client id, too
    let beside = person.iter().filter(|key| key.0 != kind).map(|key| ledger.events(key));
    is_free(&own) || beside.into_iter().any(|other| is_free(&[own.clone(), other].concat()))
}
