//! A question about compliance as a document: somebody who need not be stored, what was tried, and a moment.
use cxc_core::channel::Channel;
use cxc_core::compliance::legal::LegalRuleSetting;
use cxc_core::compliance::{
    ContactKind, DeclaredTimes, NumberIntelligence, PersonFlag, Purpose, Relationship, Sources, Technique,
    UnmappedPolicy,
};
use cxc_core::consent::ConsentEvent;
use cxc_core::device::LineType;
use cxc_core::field_error::FieldError;
use cxc_server::ApiError;
use cxc_server::extract::{Once, from_value};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::campaign::CampaignAsked;
use crate::keys::{key, keys, keys_if_said};

/// Which rules are asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RulesAsked {
    /// The tenant's own together with the shipped legal rules.
    #[default]
    Tenant,
    /// Only what is shipped: the law, and the usual hours.
    Shipped,
}

/// May this person be contacted at this moment, by which rules, and why not? Names of members may also be written in
/// snake_case. Either `contact`, or `listId` and `contactId` of a contact that is stored, or only `campaign`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct EvaluationDocument {
    /// The moment; now if nothing is said.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// How the person is to be reached; that of the group, else by the device: voice or email.
    pub channel: Option<Channel>,
    /// What it is for; telemarketing if nothing is said.
    pub purpose: Option<Purpose>,
    /// How the contact is made; autodialed if nothing is said.
    #[serde(alias = "technique")]
    pub tech: Technique,
    /// As whom the person is met.
    pub contact_kind: ContactKind,
    /// What binds the person to the one who calls.
    pub relationship: Relationship,
    /// When the person last bought something.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub purchased_at: Option<Timestamp>,
    /// When the person last inquired.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub inquired_at: Option<Timestamp>,
    /// The debt collector for whom it is made; without it, the creditor.
    #[serde(deserialize_with = "key")]
    pub collector: Option<String>,
    /// What it is about.
    #[serde(deserialize_with = "key")]
    pub topic: Option<String>,
    /// On behalf of which brand.
    #[serde(deserialize_with = "key")]
    pub brand: Option<String>,
    /// The person, who need not be stored.
    pub contact: Option<ContactAsked>,
    /// Which of the devices is to be used: its address, or its place from 0; the first if nothing is said.
    #[schema(value_type = Option<String>)]
    pub device: Option<Value>,
    /// What was tried before `at`; at most 2000 attempts. One after it is refused: it was not known then.
    pub history: Vec<PastAsked>,
    /// The suppression lists that hold the person.
    pub suppression: Vec<SuppressedAsked>,
    /// The number lists, such as `US-DNC`. One that is not here is not loaded.
    pub number_lists: Vec<NumberListAsked>,
    /// What number intelligence says of the device.
    pub intelligence: Option<NumberIntelligence>,
    /// The list of a stored contact.
    pub list_id: Option<Uuid>,
    /// The number of a stored contact, or of its record.
    #[serde(alias = "recordId")]
    #[schema(value_type = Option<String>)]
    pub contact_id: Option<Value>,
    /// The campaign group whose rules hold.
    pub group_id: Option<Uuid>,
    /// Rules that are not required and hold besides, by their ids.
    pub rules: Vec<Uuid>,
    /// Which rules are asked.
    pub rule_set: RulesAsked,
    /// Refuse unless the tenant's rules have this version.
    pub rule_set_version: Option<i64>,
    /// Decisions on legal rules that are to be tried: they take the place of the tenant's.
    pub legal_settings: Vec<LegalRuleSetting>,
    /// How the campaign is run. The rules about abandoned calls, ring time, recording and content answer to it: those of
    /// where the contact is, or of `places` if none is named.
    pub campaign: Option<CampaignAsked>,
    /// Which parts of a location are looked at, if not those of the tenant's policy.
    pub sources: Option<Sources>,
    /// What holds for people whose zone is not known, if not the tenant's policy.
    pub unmapped: Option<UnmappedPolicy>,
    /// How long before a window's end contacting stops, in seconds, if not the tenant's.
    #[schema(minimum = 0, maximum = 3600)]
    pub guard_seconds: Option<u32>,
}

/// A person.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ContactAsked {
    /// The client id.
    #[serde(deserialize_with = "key")]
    pub client_id: Option<String>,
    /// The key of the person over merged identities.
    #[serde(deserialize_with = "key")]
    pub person_key: Option<String>,
    /// The account.
    #[serde(alias = "accountId", deserialize_with = "key")]
    pub account: Option<String>,
    /// The debts.
    #[serde(deserialize_with = "keys")]
    pub debts: Vec<String>,
    /// IANA zones in which the person may be.
    pub zones: Vec<String>,
    /// One IANA zone.
    #[serde(alias = "zone", alias = "tz", alias = "timeZone")]
    pub timezone: Option<String>,
    /// The postal code.
    #[serde(alias = "postal")]
    pub postal_code: Option<String>,
    /// The country, two letters.
    #[serde(alias = "countryCode")]
    pub country: Option<String>,
    /// The state or province.
    #[serde(alias = "state")]
    pub region: Option<String>,
    /// The devices; at most ten.
    pub devices: Vec<DeviceAsked>,
    /// Consents and opt-outs until `at`. One after it is refused: it was not known then.
    pub consents: Vec<ConsentEvent>,
    /// What is known of the person besides.
    pub flags: Vec<PersonFlag>,
    /// When the person said that contacts are convenient.
    pub declared: Option<DeclaredTimes>,
}

/// A device: an address alone, or with what is known of it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum DeviceAsked {
    /// A phone number or an email address.
    Address(String),
    /// The same with what is known of it.
    Device(DeviceDetail),
}

/// A device with what is known of it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeviceDetail {
    /// A phone number or an email address.
    #[serde(alias = "e164", alias = "email", alias = "phone", alias = "number")]
    pub address: String,
    /// The IANA zone in which it is known to be.
    #[serde(default, alias = "zone", alias = "tz", alias = "timeZone")]
    pub timezone: Option<String>,
    /// What its line is known to be.
    #[serde(default)]
    pub line_type: Option<LineType>,
}

impl DeviceAsked {
    /// Its parts.
    pub fn detail(&self) -> DeviceDetail {
        match self {
            Self::Address(address) => DeviceDetail { address: address.clone(), timezone: None, line_type: None },
            Self::Device(detail) => detail.clone(),
        }
    }
}

/// An attempt of the past.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PastAsked {
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// How; as the attempt that is asked about if nothing is said.
    #[serde(default)]
    pub channel: Option<Channel>,
    /// On which device; if nothing is said, on the one that is asked about, or, of another person, on one of theirs.
    #[serde(default)]
    pub device: Option<String>,
    /// Its result by name or number, such as `Busy`. Without one it counts as in doubt.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub result: Option<Value>,
    /// Its disposition code.
    #[serde(default)]
    pub disposition: Option<String>,
    /// `in` if the person began it.
    #[serde(default)]
    pub direction: DirectionAsked,
    /// What it was for. If nothing is said it may have been for anything, and counts for every cap.
    #[serde(default)]
    pub purpose: Option<Purpose>,
    /// The debts that it was about; those of the contact if nothing is said.
    #[serde(default, deserialize_with = "keys_if_said")]
    pub debts: Option<Vec<String>>,
    /// The debt collector; as the attempt that is asked about if nothing is said.
    #[serde(default, deserialize_with = "key")]
    pub collector: Option<String>,
    /// The campaign group.
    #[serde(default)]
    pub group_id: Option<Uuid>,
    /// Whether somebody or something answered; by the result if nothing is said.
    #[serde(default)]
    pub connected: Option<bool>,
    /// Whether it became a conversation.
    #[serde(default)]
    pub conversation: bool,
    /// Whether the person refused further contacts in it.
    #[serde(default)]
    pub refused: bool,
    /// Whether it was made under a consent to be called back.
    #[serde(default)]
    pub consented: bool,
    /// Whether it was to another person, such as a call for information on where to find this one.
    #[serde(default)]
    pub other_person: bool,
    /// What it was about.
    #[serde(default, deserialize_with = "key")]
    pub topic: Option<String>,
}

/// Who began an attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DirectionAsked {
    /// The person.
    In,
    /// The tenant.
    #[default]
    Out,
}

/// A suppression list that holds the person.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SuppressedAsked {
    /// The list.
    pub list: String,
    /// Whether it holds the client id instead of the device.
    #[serde(default)]
    pub by_client_id: bool,
    /// Since when.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub from: Option<Timestamp>,
    /// Until when, exclusively.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
}

/// What a number list says of the device.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NumberListAsked {
    /// Its name, such as `US-DNC`.
    pub name: String,
    /// Whether it is a customer's own list, which needs no legal rule.
    #[serde(default)]
    pub own: bool,
    /// As of when it is; without it the list is not loaded.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub as_of: Option<Timestamp>,
    /// Whether it holds the device.
    #[serde(default)]
    pub holds: bool,
    /// Since when it does.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    pub added_on: Option<Date>,
}

impl EvaluationDocument {
    /// Reads a document, whose members may be written in snake_case. One that is there twice is refused, also if it is
    /// written in two ways.
    pub fn read(Once(value): Once) -> Result<Self, ApiError> {
        if !value.is_object() {
            return Err(ApiError::invalid("", "invalid", "an evaluation is a JSON object"));
        }
        from_value(camel(value, "").map_err(|error| ApiError::validation(vec![error]))?)
    }
}

/// The value with the names of all members in camelCase; `at` is its place.
fn camel(value: Value, at: &str) -> Result<Value, FieldError> {
    match value {
        Value::Object(members) => {
            let mut read = Map::with_capacity(members.len());
            for (name, value) in members {
                let place = format!("{at}/{name}");
                let value = camel(value, &place)?;
                if read.insert(camel_name(&name), value).is_some() {
                    return Err(FieldError::new(place, "duplicate", "there once, in camelCase or in snake_case"));
                }
            }
            Ok(Value::Object(read))
        }
        Value::Array(items) => {
            let items = items.into_iter().enumerate().map(|(i, item)| camel(item, &format!("{at}/{i}")));
            items.collect::<Result<_, _>>().map(Value::Array)
        }
        other => Ok(other),
    }
}

fn camel_name(name: &str) -> String {
    // the states of a number list are words of their own
    if !name.contains('_') || name == "not_loaded" {
        return name.to_owned();
    }
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut name, part| {
        let mut chars = part.chars();
        name.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        name.push_str(chars.as_str());
        name
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_may_be_written_either_way() {
        let snake = json!({ "guard_seconds": 0, "contact": { "client_id": "C-1", "postal_code": "10001",
            "devices": ["+12125550123", { "e164": "+13125550123", "line_type": "mobile" }] },
            "history": [{ "at": "2026-01-01T12:00:00Z", "result": "Busy", "other_person": true }] });
        let read = EvaluationDocument::read(Once(snake)).unwrap();
        let contact = read.contact.unwrap();
        assert_eq!((read.guard_seconds, contact.client_id.as_deref()), (Some(0), Some("C-1")));
        assert_eq!(contact.devices[1].detail().line_type, Some(LineType::Mobile));
        assert!(read.history[0].other_person);
    }

    #[test]
    fn what_is_wrong_is_named_at_its_place() {
        let refused = |value| EvaluationDocument::read(Once(value)).unwrap_err().problem("").errors[0].pointer.clone();
        assert_eq!(refused(json!({ "contact": { "postcode": "1" } })), "/contact/postcode");
        assert_eq!(refused(json!({ "purpose": "fun" })), "/purpose");
        assert_eq!(refused(json!([])), "");
        assert_eq!(refused(json!({ "guard_seconds": 0, "guardSeconds": 60 })), "/guardSeconds");
        assert_eq!(refused(json!({ "history": [{ "groupId": null, "group_id": null }] })), "/history/0/group_id");
    }
}
