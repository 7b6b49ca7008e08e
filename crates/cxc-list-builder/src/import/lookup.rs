//! Who in the store has the keys and addresses of a batch: one statement each, and only for those that the
//! filter may have seen.
use std::collections::{HashMap, HashSet};

use cxc_core::contact::{address_text, key_text};
use cxc_store::contact::FullContact;
use cxc_store::contact_lookup::AddressHolder;
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
    /// By the first devices of contacts with a client id.
    firsts: HashMap<i64, Vec<(Holder, String)>>,
}

impl Found {
    /// The holder of a key, one of this import first.
    pub fn key(&self, hash: i64, text: &str) -> Option<Holder> {
        best(self.keys.get(&hash)?, text)
    }

    /// The contact with a client id whose first device this is, one of this import first; and whether it is one of
    /// several.
    pub fn first(&self, hash: i64, text: &str) -> Option<(Holder, bool)> {
        let holders = self.firsts.get(&hash)?;
        let holder = best(holders, text)?;
        let others = holders.iter().filter(|(other, t)| t == text && other.id != holder.id).count();
        Some((holder, others > 0 && !holder.ours))
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
        let per_contact = if dedupe == Dedupe::AnyDevice { 4 } else { 2 };
        let mut asked = Self {
            filter: KeyFilter::new(keys.saturating_mul(per_contact)),
            ask_all: there > lines.saturating_mul(4),
            mode,
            dedupe,
        };
        if there > 0 && !asked.ask_all && asked.is_wanted() {
            let mut tx = db.read().await?;
            let filter = &mut asked.filter;
            // a replace does not look for devices among the contacts of before
            let addresses = dedupe != Dedupe::None && mode != ImportMode::Replace;
            tx.contact_hashes(import.generation_before, addresses, |hash| {
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

    /// Whether a line without a client id is told by its first device from contacts with one, and the other way round.
    pub fn by_first_device(&self) -> bool {
        self.dedupe != Dedupe::None
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
        let firsts = |named: bool| {
            let of = move |c: &&FullContact| c.contact.client_id.is_some() == named;
            let first = |c: &FullContact| c.devices.first().map(|d| d.address_hash);
            contacts.clone().filter(of).filter_map(first).filter(|_| self.by_first_device())
        };
        let own = contacts.clone().map(|c| c.contact.key_hash);
        let keys: HashSet<i64> = own.chain(firsts(true)).filter(ask).collect();
        let firsts: HashSet<i64> = firsts(false).filter(ask).collect();
        let addresses: HashSet<i64> = match self.by_device() {
            true => contacts.flat_map(|c| c.devices.iter().map(|d| d.address_hash)).filter(ask).collect(),
            false => HashSet::new(),
        };
        if keys.is_empty() && addresses.is_empty() && firsts.is_empty() {
            return Ok(found);
        }
        let [keys, addresses, firsts] = [keys, addresses, firsts].map(|set| set.into_iter().collect::<Vec<i64>>());
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
            if self.mode == ImportMode::Replace && generation != import.generation {
                continue;
            }
            let held = |holder: AddressHolder| {
                let who = Holder { id: holder.contact, ours: ours(holder.contact) };
                (holder.address_hash, (who, address_text(&holder.address).into_owned()))
            };
            if !addresses.is_empty() {
                for (hash, holder) in tx.contact_addresses(generation, &addresses).await?.into_iter().map(held) {
                    found.addresses.entry(hash).or_default().push(holder);
                }
            }
            if !firsts.is_empty() {
                for (hash, holder) in tx.contact_firsts(generation, &firsts).await?.into_iter().map(held) {
                    found.firsts.entry(hash).or_default().push(holder);
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
        let holders = self.keys.values().chain(self.firsts.values()).flatten();
        let ids: Vec<i64> = holders.filter(|(h, _)| !h.ours).map(|(h, _)| h.id).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let changed: HashSet<i64> = tx.contact_before_ids(import.number, &ids).await?.into_iter().collect();
        let Self { keys, addresses, firsts } = self;
        for (holder, _) in keys.values_mut().chain(addresses.values_mut()).chain(firsts.values_mut()).flatten() {
            holder.ours |= changed.contains(&holder.id);
        }
        Ok(())
    }
}
