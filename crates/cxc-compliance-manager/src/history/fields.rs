//! The fields of a report. What is known by name is read or refused, never passed over; the rest is kept as it came.
use cxc_core::channel::Channel;
use cxc_core::compliance::Purpose;
use cxc_core::field_error::FieldError;
use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::validation::Properties;

/// The names of the client id.
pub const CLIENT: &[&str] = &["c_client_id", "GSW_CUSTOMER_ID", "client_id"];
/// Those of the address.
pub const ADDRESS: &[&str] = &["contact_info", "GSW_PHONE", "GSW_CONTACT_INFO", "email"];
/// Those of the country of its number.
pub const COUNTRY: &[&str] = &["c_country_code", "country_code"];
/// Those of the channel.
pub const KIND: &[&str] = &["cxc_type", "GSW_CONTACT_MEDIA_TYPE"];
/// Those of the campaign group.
pub const GROUP: &[&str] = &["GSW_CAMPAIGN_GROUP_GUID", "cxc_group_id"];
/// Those of the disposition.
pub const DISPOSITION: &[&str] = &["GSW_DISPOSITION_CODE", "disposition"];
/// When the attempt began.
pub const BEGUN: &[&str] = &["GSW_CALL_TIME", "GSW_ATTEMPT_TIME", "started_at"];
/// When it ended.
pub const FINISHED: &[&str] = &["GSW_FINISH_TIME", "finished_at"];
/// The fields without which a report says nothing.
const MANDATORY: &[&str] = &["GSW_CALL_ATTEMPT_GUID", "GSW_HIST_SEQUENCE_NUM", "GSW_TENANT_NAME", "GSW_TENANT_CCID"];
/// The others that are read.
const OTHERS: &[&str] = &[
    "GSW_CALL_RESULT",
    "c_account_id",
    "c_collector",
    "c_debt_id",
    "c_topic",
    "connected",
    "consented",
    "contact_info_type",
    "conversation",
    "cxc_person_key",
    "cxc_purpose",
    "cxc_reservation_id",
    "direction",
    "refused",
];
/// Nothing was attempted before 2000: an instant before it is a mistake of its unit.
const FIRST: i64 = 946_684_800;

/// A report with its known names in the case that they are known by. What is there twice is refused, known or not: nobody
/// could tell which of the two is meant. So is what is known and no plain value.
pub fn plain(Properties(fields): Properties) -> Result<Map<String, Value>, FieldError> {
    let known = || [MANDATORY, CLIENT, ADDRESS, COUNTRY, KIND, GROUP, DISPOSITION, BEGUN, FINISHED, OTHERS];
    let known = |name: &str| known().into_iter().flatten().find(|known| known.eq_ignore_ascii_case(name));
    let mut read = Map::with_capacity(fields.len());
    for (name, value) in fields {
        let Some(known) = known(&name) else {
            if read.contains_key(&name) {
                return Err(wrong(&name, "there once"));
            }
            read.insert(name, value);
            continue;
        };
        if value.is_array() || value.is_object() {
            return Err(wrong(known, "a text, a number, or true or false"));
        }
        if read.insert((*known).to_owned(), value).is_some() {
            return Err(wrong(known, "there once, whatever its case"));
        }
    }
    Ok(read)
}

/// The mandatory fields that a report lacks: it is refused then.
pub fn missing(fields: &Map<String, Value>) -> Vec<&'static str> {
    let has = |name: &str| match fields.get(name) {
        Some(Value::String(text)) => !text.trim().is_empty(),
        Some(Value::Number(_)) => true,
        _ => false,
    };
    MANDATORY.iter().copied().filter(|name| !has(name)).collect()
}

/// The first of these fields that is not blank.
pub fn text(fields: &Map<String, Value>, names: &[&str]) -> Option<String> {
    let found = names.iter().filter_map(|name| match fields.get(*name)? {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    });
    found.into_iter().find(|text| !text.is_empty())
}

/// A field that is not what it should be.
pub fn wrong(name: &str, text: impl Into<String>) -> FieldError {
    FieldError::new(format!("/{name}"), "invalid", text.into())
}

/// What a report says yes or no to. What can't be read is no `no`: it is refused.
pub fn truth(fields: &Map<String, Value>, name: &str) -> Result<Option<bool>, FieldError> {
    match text(fields, &[name]).map(|text| text.to_ascii_lowercase()).as_deref() {
        None => Ok(None),
        Some("true" | "1" | "yes" | "y") => Ok(Some(true)),
        Some("false" | "0" | "no" | "n") => Ok(Some(false)),
        Some(_) => Err(wrong(name, "true or false")),
    }
}

/// Whether the person began it.
pub fn direction(fields: &Map<String, Value>) -> Result<Option<i16>, FieldError> {
    match text(fields, &["direction"]).unwrap_or_default().to_ascii_lowercase().as_str() {
        "" | "out" | "outbound" => Ok(None),
        "in" | "inbound" => Ok(Some(1)),
        _ => Err(wrong("direction", "in or out")),
    }
}

/// What it was for, if that is told.
pub fn purpose(fields: &Map<String, Value>) -> Result<Option<Purpose>, FieldError> {
    let named = text(fields, &["cxc_purpose"]).map(|named| serde_json::from_value(named.into()));
    named.transpose().map_err(|error| wrong("cxc_purpose", error.to_string()))
}

/// The tenant's ccid.
pub fn ccid(fields: &Map<String, Value>) -> Option<String> {
    text(fields, &["GSW_TENANT_CCID"])
}

/// The group that a report names.
pub fn group(fields: &Map<String, Value>) -> Result<Option<Uuid>, FieldError> {
    let named = text(fields, GROUP).map(|text| text.parse());
    named.transpose().map_err(|_| wrong(GROUP[0], "the id of a campaign group"))
}

/// How the person was reached: as it is said, else by a call, or by email where the contact type says so.
pub fn channel(fields: &Map<String, Value>) -> Result<Channel, FieldError> {
    match text(fields, KIND).map(|kind| kind.to_ascii_lowercase()).as_deref() {
        Some("voice") => Ok(Channel::Voice),
        Some("sms") => Ok(Channel::Sms),
        Some("email") => Ok(Channel::Email),
        Some(_) => Err(wrong(KIND[0], "voice, sms or email")),
        None if text(fields, &["contact_info_type"]).as_deref() == Some("10") => Ok(Channel::Email),
        None => Ok(Channel::Voice),
    }
}

/// An instant, microseconds: RFC 3339, or seconds since 1970.
pub fn instant(fields: &Map<String, Value>, names: &[&str]) -> Result<Option<i64>, FieldError> {
    let Some(name) = names.iter().find(|name| text(fields, &[**name]).is_some()) else { return Ok(None) };
    let text = text(fields, &[*name]).unwrap_or_default();
    let seconds = |t: &str| t.parse::<i64>().ok().and_then(|s| Timestamp::from_second(s).ok());
    match text.parse::<Timestamp>().ok().or_else(|| seconds(&text)).filter(|at| at.as_second() >= FIRST) {
        Some(at) => Ok(Some(at.as_microsecond())),
        None => Err(wrong(name, "an instant since 2000: RFC 3339, or seconds since 1970")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Map<String, Value>, FieldError> {
        plain(serde_json::from_str(text).unwrap())
    }

    fn of(fields: &Value) -> Map<String, Value> {
        read(&fields.to_string()).unwrap()
    }

    #[test]
    fn known_names_are_read_whatever_their_case_and_others_are_kept() {
        let fields = of(&json!({ "CONTACT_INFO": "+12125550100", "gsw_call_result": 51, "Own_Field": { "x": [1] } }));
        assert_eq!(text(&fields, ADDRESS).as_deref(), Some("+12125550100"));
        assert_eq!(text(&fields, &["GSW_CALL_RESULT"]).as_deref(), Some("51"));
        assert_eq!(fields["Own_Field"], json!({ "x": [1] }));
    }

    #[test]
    fn what_is_known_and_can_not_be_read_is_refused() {
        for fields in [
            json!({ "c_debt_id": ["A", "B"] }),
            json!({ "contact_info": { "e164": "+1" } }),
            json!({ "c_client_id": "a", "C_CLIENT_ID": "b" }),
        ] {
            assert!(read(&fields.to_string()).is_err(), "{fields}");
        }
        // as a program of its own may write it, of which JSON libraries take the last one
        for (name, text) in [
            ("GSW_CALL_RESULT", r#"{ "GSW_CALL_RESULT": 51, "GSW_CALL_RESULT": 33 }"#),
            ("c_client_id", r#"{ "c_client_id": "a", "c_client_id": "a" }"#),
            ("Own", r#"{ "Own": 1, "Own": 2 }"#),
        ] {
            assert_eq!(read(text).unwrap_err().pointer, format!("/{name}"), "{text}");
        }
        assert!(channel(&of(&json!({ "cxc_type": "carrier pigeon" }))).is_err());
        assert!(group(&of(&json!({ "GSW_CAMPAIGN_GROUP_GUID": "nope" }))).is_err());
        for time in [json!("0"), json!(-5), json!("1970-01-02T00:00:00Z"), json!("soon")] {
            assert!(instant(&of(&json!({ "GSW_CALL_TIME": time })), BEGUN).is_err(), "{time}");
        }
        assert_eq!(instant(&of(&json!({ "GSW_CALL_TIME": 946_684_800 })), BEGUN), Ok(Some(946_684_800_000_000)));
    }
}
