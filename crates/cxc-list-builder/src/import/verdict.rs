//! Which lines are the same contact: those with the same client id; where a line or contact has none, those with the
//! same first device. See decision 12.
use cxc_core::contact::{address_text, key_text};
use cxc_store::contact::{Device, FullContact};

use super::intake::Work;
use super::lookup::{Found, Holder};
use super::settings::{Dedupe, ImportMode};
use crate::file::RejectReason;

/// Where a line's contact goes.
pub(super) enum Verdict {
    /// It is new, or takes the place of one that keeps its id.
    New { id: Option<i64> },
    /// It changes this one; `keeps_key` if that is known by a client id that the line does not have.
    Update { id: i64, keeps_key: bool },
    /// The line is not taken.
    Reject(RejectReason, &'static str),
}

/// A contact that a line is about.
struct Same {
    holder: Holder,
    /// By the first device, because the line or the contact has no client id.
    by_device: bool,
    /// Others of the list have that device first, too.
    is_one_of_many: bool,
}

impl Work {
    pub(super) fn verdict(&mut self, full: &FullContact, found: &Found) -> Verdict {
        use RejectReason::{DuplicateInFile, DuplicateInList, NoDevice, NotFound};
        const IN_FILE: &str = "an earlier line of the file has the same key";
        const IN_LIST: &str = "a contact of the list has the same key";
        const SHARED: &str = "several contacts of the list have this first device: give the client id";
        if !self.intake.asked.is_wanted() {
            return Verdict::New { id: None };
        }
        let mode = self.intake.mode;
        let same = self.same(full, found);
        let each_line = self.intake.dedupe == Dedupe::None && mode == ImportMode::Replace;
        let verdict = match &same {
            Some(same) if same.holder.ours && each_line => Verdict::New { id: None },
            Some(same) if same.holder.ours => return Verdict::Reject(DuplicateInFile, IN_FILE),
            Some(same) => match mode {
                ImportMode::Append => return Verdict::Reject(DuplicateInList, IN_LIST),
                ImportMode::Update if same.is_one_of_many => return Verdict::Reject(DuplicateInList, SHARED),
                ImportMode::Update => {
                    let keeps_key = same.by_device && full.contact.client_id.is_none();
                    Verdict::Update { id: same.holder.id, keeps_key }
                }
                ImportMode::Replace => Verdict::New { id: Some(same.holder.id) },
            },
            None if self.intake.update_only && mode == ImportMode::Update => {
                return Verdict::Reject(NotFound, "no contact of the list has this key");
            }
            None if full.devices.is_empty() => {
                return Verdict::Reject(
                    NoDevice,
                    "no contact of the list has this client id, and a new one needs a device",
                );
            }
            None => Verdict::New { id: None },
        };
        let verdict = match self.device_holder(full, found, same.as_ref().map(|s| s.holder.id)) {
            Some(other) if other.ours => {
                Verdict::Reject(DuplicateInFile, "an earlier line of the file has one of the devices")
            }
            Some(_) if mode == ImportMode::Append => {
                Verdict::Reject(DuplicateInList, "a contact of the list has one of the devices")
            }
            _ => verdict,
        };
        if let (Verdict::Update { id, keeps_key }, Some(Same { by_device: true, .. })) = (&verdict, &same) {
            let met = if *keeps_key { &mut self.changed } else { &mut self.named };
            met.insert(*id);
        }
        verdict
    }

    /// The contact that a line is about, one of this file first.
    fn same(&self, full: &FullContact, found: &Found) -> Option<Same> {
        let first = full.devices.first();
        let text = key_text(full.contact.client_id.as_deref(), first.map(|d| d.address.as_str()));
        let hash = full.contact.key_hash;
        let recent = self.keys.find(hash, &text).map(|id| Holder { id, ours: true });
        let stored = || found.key(hash, &text).map(|holder| self.met(holder));
        if let Some(holder) = recent.or_else(stored) {
            return Some(Same { holder, by_device: false, is_one_of_many: false });
        }
        self.by_first_device(full, first.filter(|_| self.intake.asked.by_first_device())?, found)
    }

    /// The contact with the same first device, where the line or the contact has no client id. A replace looks in the
    /// file only: contacts of before keep their ids by their own keys.
    fn by_first_device(&self, full: &FullContact, first: &Device, found: &Found) -> Option<Same> {
        let (hash, text) = (first.address_hash, address_text(&first.address));
        let ours = |id| Holder { id, ours: true };
        let (holder, is_one_of_many) = if full.contact.client_id.is_some() {
            // a contact without a client id has its first device for a key, until a line gives it one
            let stored = || found.key(hash, &text).filter(|holder| !self.named.contains(&holder.id));
            (self.keys.find(hash, &text).map(ours).or_else(stored)?, false)
        } else {
            match self.firsts.find(hash, &text) {
                Some(id) => (ours(id), false),
                None => found.first(hash, &text).map(|(holder, many)| (self.met(holder), many))?,
            }
        };
        let counts = holder.ours || self.intake.mode != ImportMode::Replace;
        counts.then_some(Same { holder, by_device: true, is_one_of_many })
    }

    /// The holder as this file has left it, which the store may not know yet.
    fn met(&self, holder: Holder) -> Holder {
        Holder { ours: holder.ours || self.changed.contains(&holder.id), ..holder }
    }

    /// Another contact that has one of the devices, where that matters.
    fn device_holder(&self, full: &FullContact, found: &Found, own: Option<i64>) -> Option<Holder> {
        if !self.intake.asked.by_device() {
            return None;
        }
        let holders = full.devices.iter().filter_map(|device| {
            let text = address_text(&device.address);
            let recent = self.addresses.find(device.address_hash, &text).filter(|id| Some(*id) != own);
            let recent = recent.map(|id| Holder { id, ours: true });
            recent.or_else(|| found.address(device.address_hash, &text, own))
        });
        holders.min_by_key(|holder| !holder.ours)
    }

    /// Notes what the store does not find yet. `keeps_key`: the contact is known by a client id that the line lacks.
    pub(super) fn remember(&mut self, full: &FullContact, id: i64, keeps_key: bool) {
        if !self.intake.asked.is_wanted() {
            return;
        }
        let first = full.devices.first();
        if !keeps_key {
            let text = key_text(full.contact.client_id.as_deref(), first.map(|d| d.address.as_str()));
            self.intake.asked.note(full.contact.key_hash);
            self.keys.add(self.unit.number, full.contact.key_hash, &text, id);
        }
        if let Some(first) = first.filter(|_| self.intake.asked.by_first_device())
            && (keeps_key || full.contact.client_id.is_some())
        {
            self.intake.asked.note(first.address_hash);
            self.firsts.add(self.unit.number, first.address_hash, &address_text(&first.address), id);
        }
        if self.intake.asked.by_device() {
            for device in &full.devices {
                self.intake.asked.note(device.address_hash);
                self.addresses.add(self.unit.number, device.address_hash, &address_text(&device.address), id);
            }
        }
    }
}
