//! A record's properties as a dialer sends them, read as a validation.
use std::collections::BTreeMap;
use std::fmt;

use cxc_core::field_error::FieldError;
use cxc_core::selection::{KNOWN_FIELDS, known_field};
use cxc_server::ApiError;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::wire::{ContactAsked, DeviceAsked, ValidationRequest, ValidationType};

/// How long an attempt is held whose dialer tells its id but no time: a minute and a half of ringing, and a margin.
const USUAL_HOLD: u32 = 120_000;

/// The members of a body as they stand: what is there twice is there twice.
pub struct Properties(pub(crate) Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: Deserializer<'de>>(body: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Properties;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with the properties of a record")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Properties, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Properties(members))
            }
        }
        body.deserialize_map(Members)
    }
}

/// The properties of a record. Names are compared without regard to case; unknown ones are passed over.
pub struct Record(Map<String, Value>);

impl Record {
    /// Reads a body that is an object. A property that is there twice, in whatever case, is refused: nobody could tell which
    /// of the two was judged.
    pub fn new(Properties(properties): Properties) -> Result<Self, ApiError> {
        let mut read = Map::with_capacity(properties.len());
        for (name, value) in properties {
            if read.insert(name.to_ascii_lowercase(), value).is_some() {
                return Err(ApiError::invalid(&format!("/{name}"), "duplicate", "there once, whatever its case"));
            }
        }
        Ok(Self(read))
    }

    /// A property as text: texts and numbers are taken, blank ones are none.
    pub fn text(&self, names: &[&str]) -> Option<String> {
        let texts = names.iter().filter_map(|name| match self.0.get(&name.to_ascii_lowercase())? {
            Value::String(text) => Some(text.trim().to_owned()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        });
        texts.into_iter().find(|text| !text.is_empty())
    }

    /// Everything that is text or a number, by the names that rules use.
    fn columns(&self) -> BTreeMap<String, String> {
        let known = |name: &str| {
            let fixed = KNOWN_FIELDS.iter().find(|f| f.name.eq_ignore_ascii_case(name)).map(|f| f.name);
            fixed.or_else(|| known_field(name).map(|_| name)).map(str::to_owned)
        };
        let text = |name: &String| self.text(&[name.as_str()]);
        let named = self.0.keys().filter_map(|name| Some((known(name)?, text(name)?)));
        named.collect()
    }

    /// The handle, which comes back as the ETag.
    pub fn handle(&self) -> Result<String, ApiError> {
        let handle = self.text(&["GSW_RECORD_HANDLE"]);
        let fits = |h: &String| h.len() <= 128 && h.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
        handle.filter(fits).ok_or_else(|| {
            ApiError::invalid("/GSW_RECORD_HANDLE", "required", "the record's handle, at most 128 printable characters")
        })
    }

    /// The tenant's ccid or name.
    pub fn ccid(&self) -> Option<String> {
        self.text(&["GSW_TENANT_CCID"])
    }

    /// The validation that the properties ask for.
    pub fn validation(&self) -> Result<ValidationRequest, ApiError> {
        let mut errors = Vec::new();
        let kind = self.kind(&mut errors);
        let address = self.text(&["contact_info", "GSW_PHONE", "GSW_CONTACT_INFO", "email"]);
        let phones = ["contact_info", "GSW_PHONE", "GSW_CONTACT_INFO"];
        let named = phones.into_iter().filter_map(|name| Some((name, self.text(&[name])?))).skip(1);
        if address.is_none() {
            let text = "the device that is to be contacted";
            errors.push(FieldError::new("/contact_info", "required", text));
        }
        let group_id = self.text(&["GSW_CAMPAIGN_GROUP_GUID", "cxc_group_id"]).map(|t| t.parse());
        if group_id.as_ref().is_some_and(Result::is_err) {
            errors.push(FieldError::new("/GSW_CAMPAIGN_GROUP_GUID", "invalid", "the id of a campaign group"));
        }
        let word = |name: &str| {
            let text = self.text(&[name])?;
            let pointer = format!("/{name}");
            Some((text, pointer))
        };
        let purpose = word("cxc_purpose");
        let hold = word("cxc_hold_ms");
        let purpose = purpose.and_then(|(text, pointer)| parsed(&text, pointer, &mut errors));
        let guid = self.text(&["GSW_CALL_ATTEMPT_GUID"]);
        let usual = if guid.is_some() { USUAL_HOLD } else { 0 };
        let hold_ms = hold.map_or(Some(usual), |(text, pointer)| {
            let found = text.parse().ok();
            if found.is_none() {
                errors.push(FieldError::new(pointer, "invalid", "milliseconds"));
            }
            found
        });
        if let Err(wrong) = self.handle() {
            errors.extend(wrong.problem("").errors);
        }
        let (Some(kind), Some(address), true) = (kind, address, errors.is_empty()) else {
            return Err(ApiError::validation(errors));
        };
        let is_email = kind == ValidationType::Email;
        let list = |name: &str| {
            let text = self.text(&[name]).unwrap_or_default();
            text.split([',', ';']).map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        Ok(ValidationRequest {
            request_id: self.text(&["GSW_RECORD_HANDLE"]),
            ccid: self.ccid(),
            kind,
            purpose,
            campaign_id: self.text(&["cxc_campaign_id"]),
            group_id: group_id.and_then(Result::ok),
            contact: ContactAsked {
                client_id: self.text(&["c_client_id", "GSW_CUSTOMER_ID", "client_id"]),
                person_key: self.text(&["cxc_person_key"]),
                accounts: list("c_account_id"),
                debts: list("c_debt_id"),
                postal: self.text(&["c_postal_code", "postal_code"]),
                country: self.text(&["c_country_code", "country_code"]),
                state: self.text(&["c_state_code", "state_code"]),
                tz: self.text(&["c_tz_name", "tz_name"]),
                flags: None,
                consents: Vec::new(),
            },
            device: DeviceAsked {
                e164: Some(address.clone()).filter(|_| !is_email),
                email: Some(address).filter(|_| is_email),
                ..DeviceAsked::default()
            },
            line_type: None,
            tech: None,
            contact_kind: None,
            relationship: None,
            collector: self.text(&["c_collector"]),
            topic: self.text(&["c_topic"]),
            brand: self.text(&["c_brand"]),
            intended_at: None,
            hold_ms: hold_ms.unwrap_or(0),
            guid,
            same_device: named.filter(|_| !is_email).collect(),
            columns: self.columns(),
            rule_set_version: None,
            trace: self.text(&["cxc_trace"]),
        })
    }

    /// The kind of contact: as it is named, else a call, or email where the contact type says so.
    fn kind(&self, errors: &mut Vec<FieldError>) -> Option<ValidationType> {
        if let Some(text) = self.text(&["cxc_type", "GSW_CONTACT_MEDIA_TYPE"]) {
            return parsed(&text.to_ascii_lowercase(), "/GSW_CONTACT_MEDIA_TYPE".into(), errors);
        }
        let is_email = self.text(&["contact_info_type"]).as_deref() == Some("10");
        Some(if is_email { ValidationType::Email } else { ValidationType::Voice })
    }
}

fn parsed<T: serde::de::DeserializeOwned>(text: &str, pointer: String, errors: &mut Vec<FieldError>) -> Option<T> {
    match serde_json::from_value(Value::from(text)) {
        Ok(value) => Some(value),
        Err(error) => {
            errors.push(FieldError::new(pointer, "invalid", error.to_string()));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(value: &Value) -> Record {
        Record::new(serde_json::from_value(value.clone()).unwrap()).unwrap()
    }

    #[test]
    fn a_property_that_is_there_twice_is_refused() {
        for text in [
            r#"{"contact_info":"+12125550100","CONTACT_INFO":"+12125550101"}"#,
            r#"{"contact_info":"+12125550100","contact_info":"+12125550101"}"#,
        ] {
            assert!(Record::new(serde_json::from_str(text).unwrap()).is_err(), "{text}");
        }
        assert!(serde_json::from_str::<Properties>("[]").is_err());
    }

    #[test]
    fn properties_become_a_validation_whatever_their_case() {
        let record = record(&json!({
            "GSW_RECORD_HANDLE": 42, "contact_info": " +12025550123 ", "C_CLIENT_ID": "c-1", "tz_name": "America/New_York",
            "c_debt_id": "a; b", "GSW_CALL_ATTEMPT_GUID": "g-1", "unheard_of": { "x": 1 }
        }));
        let asked = record.validation().unwrap();
        assert_eq!(record.handle().unwrap(), "42");
        assert_eq!((asked.kind, asked.hold_ms), (ValidationType::Voice, USUAL_HOLD));
        assert_eq!(asked.device.e164.as_deref(), Some("+12025550123"));
        assert_eq!(asked.contact.client_id.as_deref(), Some("c-1"));
        assert_eq!(asked.contact.debts, ["a", "b"]);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        assert!(record(&json!({})).handle().is_err());
        let nothing =
            record(&json!({ "cxc_type": "fax", "cxc_hold_ms": "soon" })).validation().unwrap_err().problem("");
        let pointers: Vec<&str> = nothing.errors.iter().map(|e| e.pointer.as_str()).collect();
        assert_eq!(pointers, ["/GSW_CONTACT_MEDIA_TYPE", "/contact_info", "/cxc_hold_ms", "/GSW_RECORD_HANDLE"]);
        assert!(record(&json!({ "GSW_RECORD_HANDLE": "a\"b" })).handle().is_err());
        assert!(record(&json!({ "GSW_RECORD_HANDLE": 1 })).validation().is_err());
        let wrong =
            json!({ "contact_info": "1", "cxc_hold_ms": "soon", "cxc_purpose": "fun", "GSW_CAMPAIGN_GROUP_GUID": "x" });
        let refused = record(&wrong).validation().unwrap_err().problem("");
        assert_eq!(refused.errors.len(), 4, "the handle lacks, too");
    }

    #[test]
    fn without_an_id_of_the_attempt_nothing_is_held() {
        let asked = record(&json!({ "GSW_RECORD_HANDLE": 1, "contact_info": "a@b.example", "contact_info_type": 10 }));
        let asked = asked.validation().unwrap();
        assert_eq!((asked.kind, asked.hold_ms), (ValidationType::Email, 0));
    }
}
