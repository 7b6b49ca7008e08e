//! A record as a contact or a suppression entry, borrowed from its batch.
use cxc_core::device::MAX_DEVICES;
use cxc_core::field::{ContactField, DeviceHint, Fit};

use super::consent_field::ConsentField;
use super::plan::{Feed, Plan, Purpose};
use super::value::{clean, clean_key};
use crate::file::{RecordRef, Reject, RejectReason};

/// A device's text and what the file says of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MappedDevice<'a> {
    /// As written, trimmed.
    pub text: &'a str,
    /// 1 to 10: which device of the contact its column is.
    pub position: u8,
    /// What its header or the mapping says.
    pub hint: DeviceHint,
    /// The country that the mapping gives to numbers of this column, upper case; empty if none.
    pub country: &'a str,
    /// The column's index, for the rejects file; none where the value is a default.
    pub column: Option<usize>,
}

/// A part of a consent as written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConsentCell<'a> {
    /// The text; empty where there is none.
    pub text: &'a str,
    /// The column's index, for the rejects file.
    pub column: Option<usize>,
    /// Whether the line itself has it, not the mapping's default.
    pub is_own: bool,
}

/// The values of a record; empty where it has none.
#[derive(Debug, Clone)]
pub struct MappedRow<'a> {
    /// The customer's key.
    pub client_id: &'a str,
    /// Given name.
    pub first_name: &'a str,
    /// Family name.
    pub last_name: &'a str,
    /// Company.
    pub company: &'a str,
    /// Country as written.
    pub country: &'a str,
    /// State as written.
    pub state: &'a str,
    /// Postal code as written.
    pub postal_code: &'a str,
    /// Time zone as written.
    pub time_zone: &'a str,
    /// First day of a suppression entry, as written.
    pub from: &'a str,
    /// Last day of a suppression entry, as written.
    pub till: &'a str,
    /// Why a suppression entry is there, cut to 256 characters.
    pub reason: &'a str,
    /// Values that were cut to their limit.
    pub cut: u32,
    /// The index of the first column with a cut value.
    pub first_cut: Option<usize>,
    devices: [MappedDevice<'a>; MAX_DEVICES],
    device_count: usize,
    plan: &'a Plan,
    record: RecordRef<'a>,
}

impl Plan {
    /// Applies the plan to a record of data. A record is rejected when its client id or a device is
    /// over the limit, or when it has nothing to be contacted or suppressed by.
    pub fn map<'a>(&'a self, record: RecordRef<'a>) -> Result<MappedRow<'a>, Reject> {
        let mut row = MappedRow::empty(self, record);
        for (field, feed) in &self.fields {
            let value = row.fitted(*field, feed)?;
            match field {
                ContactField::FirstName => row.first_name = value,
                ContactField::LastName => row.last_name = value,
                ContactField::Company => row.company = value,
                ContactField::ClientId => row.client_id = value,
                ContactField::Country => row.country = value,
                ContactField::State => row.state = value,
                ContactField::PostalCode => row.postal_code = value,
                ContactField::TimeZone => row.time_zone = value,
                ContactField::Device(_) | ContactField::Other(_) => {}
            }
        }
        for device in &self.devices {
            let text = row.fitted(ContactField::Device(device.position), &device.feed)?;
            if let Some(slot) = row.devices.get_mut(row.device_count)
                && !text.is_empty()
            {
                let (position, hint, country) = (device.position, device.hint, device.country.as_str());
                *slot = MappedDevice { text, position, hint, country, column: device.feed.column };
                row.device_count += 1;
            }
        }
        for (_, feed) in &self.custom {
            row.count_cut(feed, feed.value(record, clean));
        }
        row.from = self.from.as_ref().map_or("", |feed| feed.value(record, clean));
        row.till = self.till.as_ref().map_or("", |feed| feed.value(record, clean));
        if let Some(feed) = &self.reason {
            let reason = feed.value(record, clean);
            row.count_cut(feed, reason);
            let (Fit::Whole(fit) | Fit::Cut(fit)) = CUSTOM.fit(reason);
            row.reason = fit;
        }
        row.required()
    }

    fn column_of(&self, wanted: ContactField) -> Option<usize> {
        self.fields.iter().find(|(field, _)| *field == wanted).and_then(|(_, feed)| feed.column)
    }
}

/// The limit of custom fields, numbered or named, and of reasons.
const CUSTOM: ContactField = ContactField::Other(1);

impl<'a> MappedRow<'a> {
    fn empty(plan: &'a Plan, record: RecordRef<'a>) -> Self {
        Self {
            client_id: "",
            first_name: "",
            last_name: "",
            company: "",
            country: "",
            state: "",
            postal_code: "",
            time_zone: "",
            from: "",
            till: "",
            reason: "",
            cut: 0,
            first_cut: None,
            devices: [MappedDevice::default(); MAX_DEVICES],
            device_count: 0,
            plan,
            record,
        }
    }

    /// The devices with a value, by position.
    pub fn devices(&self) -> &[MappedDevice<'a>] {
        &self.devices[..self.device_count]
    }

    /// The custom fields with a value: name and value, cut to 256 characters. Numbered ones are `other7`.
    pub fn custom(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let record = self.record;
        self.plan.custom.iter().filter_map(move |(name, feed)| {
            let (Fit::Whole(value) | Fit::Cut(value)) = CUSTOM.fit(feed.value(record, clean));
            (!value.is_empty()).then_some((name.as_str(), value))
        })
    }

    /// Whether any column brings consents or opt-outs.
    pub fn brings_consents(&self) -> bool {
        !self.plan.consents.is_empty()
    }

    /// A part of a consent.
    pub fn consent(&self, field: ConsentField) -> ConsentCell<'a> {
        let Some((_, feed)) = self.plan.consents.iter().find(|(of, _)| *of == field) else {
            return ConsentCell::default();
        };
        let is_own = feed.column.is_some_and(|column| !clean_key(self.record.field(column)).is_empty());
        ConsentCell { text: feed.value(self.record, clean_key), column: feed.column, is_own }
    }

    /// The record that this is.
    pub fn record(&self) -> RecordRef<'a> {
        self.record
    }

    /// The index of the column with the last day of a suppression entry.
    pub fn till_column(&self) -> Option<usize> {
        self.plan.till.as_ref().and_then(|feed| feed.column)
    }

    /// The index of the column with the first day of a suppression entry.
    pub fn from_column(&self) -> Option<usize> {
        self.plan.from.as_ref().and_then(|feed| feed.column)
    }

    fn fitted(&mut self, field: ContactField, feed: &'a Feed) -> Result<&'a str, Reject> {
        let clean = if field.rejects_over_limit() { clean_key } else { clean };
        match field.fit(feed.value(self.record, clean)) {
            Fit::Whole(value) => Ok(value),
            Fit::Cut(_) if field.rejects_over_limit() => Err(Reject {
                reason: RejectReason::TooLong,
                column: feed.column,
                text: format!("{} has at most {} characters", field.key(), field.limit()),
            }),
            Fit::Cut(value) => {
                self.note_cut(feed);
                Ok(value)
            }
        }
    }

    fn count_cut(&mut self, feed: &Feed, value: &str) {
        if matches!(CUSTOM.fit(value), Fit::Cut(_)) {
            self.note_cut(feed);
        }
    }

    fn note_cut(&mut self, feed: &Feed) {
        self.cut += 1;
        self.first_cut = self.first_cut.or(feed.column);
    }

    fn required(self) -> Result<Self, Reject> {
        let missing = |reason, column, text: &str| Err(Reject { reason, column, text: text.to_owned() });
        match self.plan.purpose {
            Purpose::Contacts | Purpose::SuppressDevices if self.device_count == 0 => {
                let column = self.plan.devices.iter().find_map(|d| d.feed.column);
                missing(RejectReason::NoDevice, column, "the line has no phone number and no email address")
            }
            Purpose::SuppressClients if self.client_id.is_empty() => {
                let column = self.plan.column_of(ContactField::ClientId);
                missing(RejectReason::BadValue, column, "the line has no client id")
            }
            Purpose::Consents | Purpose::Updates if self.client_id.is_empty() && self.device_count == 0 => {
                missing(RejectReason::NoDevice, None, "the line names neither a device nor a client id")
            }
            _ => Ok(self),
        }
    }
}
