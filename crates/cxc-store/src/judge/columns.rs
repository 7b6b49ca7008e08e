//! The columns of a contact, its device and its record, as custom and external rules name them.
use std::borrow::Cow;

use cxc_core::compliance::Columns;
use cxc_core::device::DeviceKind;
use cxc_core::location::Location;
use cxc_core::selection::{FieldLevel, FieldSource, FieldType, KNOWN_FIELDS};
use serde_json::{Map, Value};

use crate::contact::{Contact, Device};
use crate::record::{RESCHEDULED, Record};
use crate::selection::ContactRow;

/// The record type of what nobody rescheduled.
const GENERAL: i16 = 2;
/// That of what a treatment rescheduled.
const CAMPAIGN_RESCHEDULED: i16 = 3;
/// That of who is to be called again by one agent.
const PERSONAL_CALLBACK: i16 = 5;

/// What rules see of an attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct AttemptColumns<'a> {
    pub contact: &'a Contact,
    pub device: &'a Device,
    pub place: Option<&'a Location>,
    pub record: Option<&'a Record>,
}

impl Columns for AttemptColumns<'_> {
    fn column(&self, name: &str) -> Option<Cow<'_, str>> {
        if let Some(number) = self.record_column(name) {
            return number.map(|n| Cow::Owned(n.to_string()));
        }
        let row = ContactRow { contact: self.contact, device: Some((self.device, self.place)) };
        row.field(name).map(|text| Cow::Owned(text.into_owned()))
    }
}

impl AttemptColumns<'_> {
    /// The value of a column of the record; `None` for a name that is none of its.
    fn record_column(&self, name: &str) -> Option<Option<i64>> {
        let of = |value: fn(&Record) -> Option<i64>| Some(self.record.and_then(value));
        match name {
            "Attempts" => of(|r| Some(r.attempts.into())),
            // 28 is the result of what was never attempted
            "call_result" => of(|r| Some(r.last_result.unwrap_or(28).into())),
            "call_time" => of(|r| r.attempted_at.map(seconds)),
            "dial_sched_time" => of(|r| Some(seconds(r.due))),
            "record_id" => of(|r| Some(r.id)),
            "record_status" => of(|r| Some(r.status.into())),
            "record_type" if self.record.is_some_and(|r| r.agent().is_some()) => Some(Some(PERSONAL_CALLBACK.into())),
            "record_type" => {
                of(|r| Some(if r.priority == RESCHEDULED { CAMPAIGN_RESCHEDULED } else { GENERAL }.into()))
            }
            _ => None,
        }
    }

    /// Every column that has a value, as an external rule is sent it.
    pub fn properties(&self) -> Map<String, Value> {
        let mut properties = Map::new();
        for field in KNOWN_FIELDS.iter().filter(|f| f.level != FieldLevel::Suppression) {
            let Some(text) = self.column(field.name).filter(|text| !text.is_empty()) else { continue };
            let number = text.parse::<i64>().ok().filter(|_| field.field_type == FieldType::Numeric);
            properties.insert(field.name.to_owned(), number.map_or_else(|| Value::from(&*text), Value::from));
        }
        if let Some(Value::Object(custom)) = self.contact.custom.as_deref().and_then(|t| serde_json::from_str(t).ok()) {
            for (name, value) in custom {
                properties.entry(name).or_insert(value);
            }
        }
        let kind = if self.device.kind == DeviceKind::Email.code() { "email" } else { "phone" };
        properties.insert("device_kind".to_owned(), Value::from(kind));
        properties
    }
}

fn seconds(micros: i64) -> i64 {
    micros.div_euclid(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_those_of_contact_device_and_record() {
        let contact = Contact {
            client_id: Some("C-1".into()),
            custom: Some(r#"{"c_other1":"VIP","Branch":"North"}"#.into()),
            ..Contact::default()
        };
        let device = Device {
            kind: 1,
            address: "+12125550100".into(),
            area_code: Some("212".into()),
            position: 2,
            ..Device::default()
        };
        let mut columns = AttemptColumns { contact: &contact, device: &device, place: None, record: None };
        let value = |c: &AttemptColumns<'_>, name: &str| c.column(name).map(Cow::into_owned);
        assert_eq!(value(&columns, "c_client_id").as_deref(), Some("C-1"));
        assert_eq!(value(&columns, "c_other1").as_deref(), Some("VIP"));
        assert_eq!(value(&columns, "custom:Branch").as_deref(), Some("North"));
        assert_eq!(value(&columns, "cd_area_code").as_deref(), Some("212"));
        assert_eq!(value(&columns, "Attempts"), None, "there is no record");
        let record = Record {
            attempts: 3,
            due: 5_000_000,
            last_attempt: Some(180_085),
            attempted_at: Some(1_796_137_981_650_929),
            ..record()
        };
        columns.record = Some(&record);
        assert_eq!(value(&columns, "Attempts").as_deref(), Some("3"));
        assert_eq!(value(&columns, "call_time").as_deref(), Some("1796137981"), "seconds, not the attempt's number");
        let sent = columns.properties();
        assert_eq!((&sent["Attempts"], &sent["dial_sched_time"]), (&Value::from(3), &Value::from(5)));
        assert_eq!((&sent["Branch"], &sent["c_other1"]), (&Value::from("North"), &Value::from("VIP")));
        assert_eq!((&sent["contact_info"], &sent["cd_device_index"]), (&Value::from("+12125550100"), &Value::from(2)));
        assert!(!sent.contains_key("c_last_name"));
    }

    fn record() -> Record {
        Record {
            grp: 1,
            id: 7,
            list: 1,
            status: 1,
            reason: 0,
            priority: 2,
            due: 0,
            not_after: None,
            device: 2,
            attempts: 0,
            retries: 0,
            last_result: None,
            last_attempt: None,
            attempted_at: None,
            cause: None,
            changed_at: 0,
        }
    }
}
