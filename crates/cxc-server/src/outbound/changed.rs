//! The fields that an external rule's yes changes. By some of them the attempt was checked: a service that wants
//! another device, person or place would have an attempt made that nobody checked, so its yes is none.
use std::collections::HashSet;
use std::fmt;

use cxc_store::judge::Question;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

/// The most fields that one answer changes.
const MOST: usize = 100;

/// By what an attempt is checked, in lower case.
const CHECKED: &[&str] = &[
    "c_account_id",
    "c_brand",
    "c_client_id",
    "c_collector",
    "c_country_code",
    "c_debt_id",
    "c_postal_code",
    "c_state_code",
    "c_topic",
    "c_tz_name",
    "cd_area_code",
    "channel",
    "client_id",
    "contact_info",
    "contact_info_type",
    "country_code",
    "device_kind",
    "email",
    "group_id",
    "gsw_call_attempt_guid",
    "gsw_campaign_group_guid",
    "gsw_contact_info",
    "gsw_contact_media_type",
    "gsw_customer_id",
    "gsw_phone",
    "gsw_tenant_ccid",
    "gsw_tenant_name",
    "postal_code",
    "purpose",
    "state_code",
    "tz_name",
];

/// The fields whose values are others than those that were sent; an error says why the answer is no yes. No body
/// changes nothing. One that is no JSON object is not the service's: a proxy or a log-in page answers 200, too.
pub(super) fn changed(body: &str, question: &Question<'_>) -> Result<Map<String, Value>, String> {
    if body.trim().is_empty() {
        return Ok(Map::new());
    }
    let Ok(Members(answered)) = serde_json::from_str(body) else {
        return Err(
            "the service answered 200 with a body that is no JSON object: a yes has none, or an object of the \
                    record's fields"
                .to_owned(),
        );
    };
    let mut said = HashSet::new();
    if !answered.iter().all(|(name, _)| said.insert(name.to_ascii_lowercase())) {
        return Err("the service answered 200 with an object that names a field twice".to_owned());
    }
    // who speaks the longer form of the protocol says there what the status says
    let decisions = answered.iter().filter(|(name, _)| name.eq_ignore_ascii_case("decision"));
    if decisions.into_iter().any(|(_, decision)| decision != "allow") {
        return Err("the service answered 200 with a decision that is not allow".to_owned());
    }
    let mut fields = Map::new();
    for (name, value) in answered {
        if name.eq_ignore_ascii_case("GSW_RECORD_HANDLE") {
            if plain(&value).as_deref() != Some(question.handle.as_str()) {
                return Err("the service answered for another record".to_owned());
            }
            continue;
        }
        if name.eq_ignore_ascii_case("decision") {
            continue;
        }
        let sent = question.properties.iter().find(|(sent, _)| sent.eq_ignore_ascii_case(&name));
        if sent.is_some_and(|(_, sent)| *sent == value || (plain(sent).is_some() && plain(sent) == plain(&value))) {
            continue;
        }
        // who reads the field may trim its name
        let lower: String =
            name.chars().filter(|c| c.is_alphanumeric() || *c == '_').map(|c| c.to_ascii_lowercase()).collect();
        if lower.starts_with("cxc_") || CHECKED.contains(&lower.as_str()) {
            let name: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
            return Err(format!("the service changes {name}, by which the attempt was checked"));
        }
        if fields.len() == MOST {
            return Err(format!("the service changes more than {MOST} fields"));
        }
        fields.insert(name, value);
    }
    Ok(fields)
}

/// The members of an object as they stand there, also those that are named twice.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// A value as text, so that 1 and "1" are the same.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_checked_stays_and_the_rest_may_change() {
        let rule = serde_json::from_value(json!({ "url": "https://x" })).unwrap();
        let properties = json!({ "contact_info": "+12125550100", "group_id": 7, "c_other1": "a" });
        let properties = properties.as_object().unwrap().clone();
        let question = Question { rule: &rule, handle: "4711".into(), properties };
        let of = |body: Value| changed(&body.to_string(), &question).map(Value::Object);
        let echo =
            json!({ "CONTACT_INFO": "+12125550100", "group_id": "7", "GSW_RECORD_HANDLE": 4711, "c_other1": "b" });
        assert_eq!(of(echo), Ok(json!({ "c_other1": "b" })));
        for body in ["", " \r\n", "{}"] {
            assert_eq!(changed(body, &question), Ok(Map::new()), "{body:?}");
        }
        let page = "<!DOCTYPE html><title>Sign in</title>";
        for body in [
            page,
            "OK",
            "null",
            "true",
            "[]",
            "\"yes\"",
            "{\"c_other1\":",
            r#"{"decision":"deny"}"#,
            r#"{"Decision":"deny"}"#,
            r#"{"decision":"deny","decision":"allow"}"#,
            r#"{"decision":"allow","Decision":"allow"}"#,
            r#"{"contact_info":"+12125550199","contact_info":"+12125550100"}"#,
        ] {
            assert!(changed(body, &question).is_err(), "{body}");
        }
        assert!(of(json!({ "decision": "allow" })).is_ok());
        for moved in [
            json!({ "contact_info": "+12125550199" }),
            json!({ "Gsw_Phone": "+12125550199" }),
            json!({ "Contact_Info ": "+12125550199" }),
            json!({ "\u{200b}contact_info": "+12125550199" }),
            json!({ "tz_name": "Asia/Tokyo" }),
            json!({ "cxc_reservation_id": "1" }),
            json!({ "GSW_RECORD_HANDLE": "4712" }),
        ] {
            assert!(of(moved.clone()).is_err(), "{moved}");
        }
        let many: Map<String, Value> = (0..=MOST).map(|i| (format!("c_{i}"), json!(i))).collect();
        assert!(of(Value::Object(many)).is_err());
    }
}
