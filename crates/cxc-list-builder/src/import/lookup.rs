//! Who in the store has the keys and addresses of a batch: one statement each, and only for those that the
//! filter may have seen.
use std::collections::{HashMap, HashSet};

use cxc_core::contact::{address_text, key_text};
use cxc_store::contact::FullContact;
use cxc_store::import::ListImport;
use cxc_store::{Db, StoreError};

use super::key_filter::KeyFilter;
use super::settings::{Dedupe, ImportMode};

/// A contact that has a key or an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// The contact.
    pub id: i64,
    /// Whether this import put it there, or changed it.
    pub ours: bool,
}

/// The holders of a batch's keys and addresses.
#[derive(Default)]
pub struct Found {
    keys: HashMap<i64, Vec<(Holder, String)>>,
    addresses: HashMap<i64, Vec<(Holder, String)>>,
}

impl Found {
    /// The holder of a key, one of this import first.
    pub fn key(&self, hash: i64, text: &str) -> Option<Holder> {
        best(self.keys.get(&hash)?, text)
    }

    /// The holder of an address other than the contact itself.
    pub fn address(&self, hash: i64, text: &str, but: Option<i64>) -> Option<Holder> {
        let others = self.addresses.get(&hash)?.iter().filter(|(h, _)| Some(h.id) != but);
        others.filter(|(_, t)| t == text).map(|(h, _)| *h).min_by_key(|h| (!h.ours, h.id))
    }
}

fn best(holders: &[(Holder, String)], text: &str) -> Option<Holder> {
    holders.iter().filter(|(_, t)| t == text).map(|(h, _)| *h).min_by_key(|h| (!h.ours, h.id))
}

/// The filter before the look-ups.
pub struct Asked {
    filter: KeyFilter,
    /// The list's own keys are not in the filter: ask for every key.
    ask_all: bool,
    mode: ImportMode,
    dedupe: Dedupe,
}

impl Asked {
    /// A filter for about `lines` new contacts. That of a list with many more contacts is not filled: reading
    /// them all would cost more than asking for each key.
    pub async fn new(
        db: &Db,
        import: &ListImport,
        mode: ImportMode,
        dedupe: Dedupe,
        lines: u64,
    ) -> Result<Self, StoreError> {
        let there = u64::try_from(import.contacts_before).unwrap_or(0);
        let keys = lines.saturating_add(there);
        let per_contact = if dedupe == Dedupe::AnyDevice { 4 } else { 1 };
        let mut asked = Self {
            filter: KeyFilter::new(keys.saturating_mul(per_contact)),
            ask_all: there > lines.saturating_mul(4),
            mode,
            dedupe,
        };
        if there > 0 && !asked.ask_all && asked.is_wanted() {
            let mut tx = db.read().await?;
            let filter = &mut asked.filter;
            tx.contact_hashes(import.generation_before, dedupe == Dedupe::AnyDevice, |hash| {
                filter.insert(hash);
            })
            .await?;
        }
        Ok(asked)
    }

    /// Whether keys matter at all.
    pub fn is_wanted(&self) -> bool {
        self.mode != ImportMode::Append || self.dedupe != Dedupe::None
    }

    /// Whether devices matter.
    pub fn by_device(&self) -> bool {
        self.dedupe == Dedupe::AnyDevice
    }

    /// Notes a hash of this import.
    pub fn note(&mut self, hash: i64) {
        self.filter.insert(hash);
    }

    /// Asks the store for the holders of what these contacts have.
    pub async fn look_up(
        &self,
        db: &Db,
        import: &ListImport,
        contacts: impl Iterator<Item = &FullContact> + Clone,
    ) -> Result<Found, StoreError> {
        let mut found = Found::default();
        if !self.is_wanted() {
            return Ok(found);
        }
        let ask = |hash: &i64| self.ask_all || self.filter.may_hold(*hash);
        let keys: HashSet<i64> = contacts.clone().map(|c| c.contact.key_hash).filter(ask).collect();
        let addresses: HashSet<i64> = match self.by_device() {
            true => contacts.flat_map(|c| c.devices.iter().map(|d| d.address_hash)).filter(ask).collect(),
            false => HashSet::new(),
        };
        if keys.is_empty() && addresses.is_empty() {
            return Ok(found);
        }
        let (keys, addresses): (Vec<i64>, Vec<i64>) = (keys.into_iter().collect(), addresses.into_iter().collect());
        let mut tx = db.read().await?;
        // a replace builds beside the contents that are there
        let mut generations = vec![import.generation];
        if import.generation != import.generation_before {
            generations.push(import.generation_before);
        }
        for generation in generations {
            let ours = |id: i64| match self.mode {
                ImportMode::Replace => generation == import.generation,
                _ => id > import.visible_before,
            };
            if !keys.is_empty() {
                for holder in tx.contact_keys(generation, &keys).await? {
                    let text = key_text(holder.client_id.as_deref(), holder.address.as_deref()).into_owned();
                    let who = Holder { id: holder.id, ours: ours(holder.id) };
                    found.keys.entry(holder.key_hash).or_default().push((who, text));
                }
            }
            let ask_addresses =
                !addresses.is_empty() && (self.mode != ImportMode::Replace || generation == import.generation);
            if ask_addresses {
                for holder in tx.contact_addresses(generation, &addresses).await? {
                    let who = Holder { id: holder.contact, ours: ours(holder.contact) };
                    let text = address_text(&holder.address).into_owned();
                    found.addresses.entry(holder.address_hash).or_default().push((who, text));
                }
            }
        }
        if self.mode == ImportMode::Update {
            found.mark_changed(&mut tx, import).await?;
        }
        Ok(found)
    }
}

impl Found {
    /// Contacts that an earlier line has changed count as this import's.
    async fn mark_changed(&mut self, tx: &mut cxc_store::Tx, import: &ListImport) -> Result<(), StoreError> {
        let ids: Vec<i64> = self.keys.values().flatten().filter(|(h, _)| !h.ours).map(|(h, _)| h.id).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let changed: HashSet<i64> = tx.contact_before_ids(import.number, &ids).await?.into_iter().collect();
        for (holder, _) in self.keys.values_mut().chain(self.addresses.values_mut()).flatten() {
            holder.ours |= changed.contains(&holder.id);
        }
        Ok(())
    }
}
