//! A plan while it is being made: which columns are taken, which fields are fed.
use std::collections::HashMap;

use cxc_core::device::MAX_DEVICES;
use cxc_core::enumerations::ContactType;
use cxc_core::field::{ContactField, DeviceHint};

use super::consent_field::ConsentField;
use super::error::MappingError;
use super::plan::{Purpose, Why};
use super::target::Target;
use crate::file::{FileReader, originals};

/// Columns that an error names.
const SHOWN: usize = 12;
/// Characters of a column's name that an error shows.
const SHORT: usize = 40;

/// A name between quotes, cut.
pub(super) fn short(name: &str) -> String {
    let more = if name.chars().count() > SHORT { "..." } else { "" };
    let cut: String = name.chars().take(SHORT).collect();
    format!("{cut:?}{more}")
}

/// A field and where its values come from.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub target: Target,
    pub column: Option<usize>,
    pub hint: DeviceHint,
    pub why: Why,
    pub default: String,
    pub country: String,
}

pub(super) struct Draft<'a> {
    pub file: &'a FileReader,
    pub purpose: Purpose,
    pub slots: Vec<Slot>,
}

impl<'a> Draft<'a> {
    pub fn new(file: &'a FileReader, purpose: Purpose) -> Self {
        Self { file, purpose, slots: Vec::new() }
    }

    pub fn is_taken(&self, column: usize) -> bool {
        self.slots.iter().any(|s| s.column == Some(column))
    }

    pub fn is_fed(&self, target: &Target) -> bool {
        self.slots.iter().any(|s| s.target == *target)
    }

    /// Whether anything says when a consent was given or taken back, or that it was.
    fn says_when(&self) -> bool {
        use ConsentField::{Action, Date, OptOutDate};
        [Date, OptOutDate, Action].into_iter().any(|field| self.is_fed(&Target::Consent(field)))
    }

    pub fn has_device(&self) -> bool {
        self.slots.iter().any(|s| matches!(s.target, Target::Field(ContactField::Device(_))))
    }

    /// Feeds a field from a column; not if the field is fed or the column taken already.
    pub fn feed(&mut self, column: usize, target: Target, hint: DeviceHint, why: Why) -> bool {
        let Some(target) = self.resolved(target) else { return false };
        let fed = target != Target::Ignore && self.is_fed(&target);
        if fed || self.is_taken(column) {
            return false;
        }
        let (default, country) = (String::new(), String::new());
        self.slots.push(Slot { target, column: Some(column), hint, why, default, country });
        true
    }

    /// Feeds the next free device; not after the tenth.
    pub fn feed_device(&mut self, column: usize, hint: DeviceHint, why: Why) -> bool {
        match self.free_device() {
            Some(n) => self.feed(column, Target::Field(ContactField::Device(n)), hint, why),
            None => false,
        }
    }

    fn free_device(&self) -> Option<u8> {
        let most = u8::try_from(MAX_DEVICES).unwrap_or(u8::MAX);
        (1..=most).find(|&n| !self.is_fed(&Target::Field(ContactField::Device(n))))
    }

    /// The value of a suppression file is a device or a client id, whichever the list is by.
    pub fn resolved(&self, target: Target) -> Option<Target> {
        match (target, self.purpose) {
            (Target::Value, Purpose::SuppressClients) => Some(Target::Field(ContactField::ClientId)),
            (Target::Value, Purpose::SuppressDevices) => {
                self.free_device().map(|n| Target::Field(ContactField::Device(n)))
            }
            (Target::Value, Purpose::Consents) => self.free_device().map(|n| Target::Field(ContactField::Device(n))),
            (
                Target::Value | Target::From | Target::Till | Target::Reason,
                Purpose::Contacts | Purpose::Updates | Purpose::Consents,
            ) => None,
            (Target::Consent(_), Purpose::SuppressDevices | Purpose::SuppressClients) => None,
            (target, _) => Some(target),
        }
    }

    /// The reasons of an earlier rejects file are not data.
    pub fn ignore_reasons(&mut self) {
        for column in originals(&self.file.header, self.file.columns)..self.file.columns {
            let named = self.file.header.get(column).is_some_and(|name| !name.is_empty());
            if named {
                self.feed(column, Target::Ignore, DeviceHint::default(), Why::Reasons);
            }
        }
    }

    /// Makes what is left custom fields under their headers; of equal headers the later ones get their
    /// column's number.
    pub fn keep_rest(&mut self) {
        let mut used: HashMap<Target, u32> = HashMap::new();
        for column in (0..self.file.columns).filter(|&c| !self.is_taken(c)).collect::<Vec<_>>() {
            let name = self.file.column_name(column);
            let empty = self.file.header.get(column).is_some_and(String::is_empty);
            if empty && self.file.sample().records().all(|r| r.field(column).trim().is_empty()) {
                continue;
            }
            let mut target = Target::custom(&name);
            let n = used.entry(target.clone()).and_modify(|n| *n += 1).or_insert(1);
            if *n > 1 || self.is_fed(&target) {
                target = Target::numbered(&name, column + 1);
            }
            self.feed(column, target, DeviceHint::default(), Why::Rest);
        }
    }

    /// Refuses a plan by which no record could be taken.
    pub fn require(&self) -> Result<(), MappingError> {
        let client = self.is_fed(&Target::Field(ContactField::ClientId));
        match self.purpose {
            Purpose::Contacts | Purpose::SuppressDevices if !self.has_device() => {
                Err(MappingError::NoDevice { found: self.found() })
            }
            Purpose::SuppressClients if !client => Err(MappingError::NoClientId { found: self.found() }),
            Purpose::Consents | Purpose::Updates if !client && !self.has_device() => {
                Err(MappingError::NoDevice { found: self.found() })
            }
            Purpose::Consents if !self.says_when() => Err(MappingError::NoConsent { found: self.found() }),
            _ => Ok(()),
        }
    }

    /// The columns of the file in words, as many as fit into a sentence. A file that was split by the wrong
    /// sign has its whole header as one name.
    pub fn found(&self) -> String {
        let shown = self.file.columns.min(SHOWN);
        let names: Vec<String> = (0..shown).map(|c| short(&self.file.column_name(c))).collect();
        let more = self.file.columns - shown;
        if more > 0 { format!("{} and {more} more", names.join(", ")) } else { names.join(", ") }
    }

    /// The share of a column's values in the first records of which something holds; none without values.
    pub fn share(&self, column: usize, holds: impl Fn(&str) -> bool) -> Option<f64> {
        let values = self.file.sample().records().map(|r| super::value::clean_key(r.field(column)));
        let (mut all, mut good) = (0_u32, 0_u32);
        for value in values.filter(|v| !v.is_empty()) {
            all += 1;
            good += u32::from(holds(value));
        }
        (all > 0).then(|| f64::from(good) / f64::from(all))
    }
}

/// A hint that says only what a device is for.
pub(super) fn hint_of(contact_type: Option<ContactType>) -> DeviceHint {
    use cxc_core::device::DeviceKind;
    let kind = match contact_type {
        None | Some(ContactType::None | ContactType::InstantMessaging) => None,
        Some(ContactType::EMail) => Some(DeviceKind::Email),
        Some(_) => Some(DeviceKind::Phone),
    };
    DeviceHint { kind, contact_type: contact_type.unwrap_or(ContactType::None) }
}
