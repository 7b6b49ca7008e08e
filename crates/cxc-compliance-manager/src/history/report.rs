//! One report, read from what a dialer sends.
use cxc_core::channel::Channel;
use cxc_core::compliance::Purpose;
use cxc_core::enumerations::CallResult;
use cxc_core::field_error::FieldError;
use cxc_core::hash::HashKey;
use cxc_core::location::Country;
use cxc_core::phone::PhoneParser;
use cxc_store::attempt_subject::{ACCOUNT, DEBT, PERSON, SubjectKey, collector_hash, subject_hash};
use cxc_store::privacy::PersonKey;
use cxc_store::reservation::{NO_GROUP, OutsideAttempt, Report, parse_reservation_id};
use jiff::Timestamp;
use serde_json::{Map, Value};

/// The longest id of an attempt.
const LONGEST: usize = 200;
/// The largest report that is kept, as JSON text.
const LARGEST: usize = 32 * 1024;
/// The names of the client id.
const CLIENT: [&str; 3] = ["c_client_id", "GSW_CUSTOMER_ID", "client_id"];
/// The most accounts or debts of one attempt.
const SUBJECTS: usize = 50;
/// The fields without which a report says nothing.
const MANDATORY: [&str; 4] = ["GSW_CALL_ATTEMPT_GUID", "GSW_HIST_SEQUENCE_NUM", "GSW_TENANT_NAME", "GSW_TENANT_CCID"];

/// What a report is read with.
pub struct Reader<'a> {
    /// The installation's key of hashes.
    pub key: &'a HashKey,
    /// Reads phone numbers.
    pub phones: &'a PhoneParser,
    /// The tenant.
    pub tenant: i64,
    /// The tenant's country.
    pub country: &'a str,
    /// Now, microseconds.
    pub now: i64,
}

/// Somebody who does not want to be contacted any more.
pub struct OptOut {
    /// The id of the attempt that says so.
    pub guid: String,
    /// Who, as far as the report says.
    pub keys: Vec<PersonKey>,
    /// Whether it names no address: it is that of the attempt then.
    pub of_attempt: bool,
    /// How the person was reached.
    pub channel: Channel,
    /// When it was said, microseconds.
    pub said_at: i64,
}

/// The mandatory fields that a report lacks: it is refused then.
pub fn missing(fields: &Map<String, Value>) -> Vec<&'static str> {
    let has = |name: &str| match fields.get(name) {
        Some(Value::String(text)) => !text.trim().is_empty(),
        Some(Value::Number(_)) => true,
        _ => false,
    };
    MANDATORY.into_iter().filter(|name| !has(name)).collect()
}

fn text(fields: &Map<String, Value>, names: &[&str]) -> Option<String> {
    let found = names.iter().filter_map(|name| match fields.get(*name)? {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    });
    found.into_iter().find(|text| !text.is_empty())
}

fn wrong(name: &str, text: impl Into<String>) -> FieldError {
    FieldError::new(format!("/{name}"), "invalid", text.into())
}

/// What a report says yes or no to. What can't be read is no `no`: it is refused.
fn truth(fields: &Map<String, Value>, name: &str) -> Result<Option<bool>, FieldError> {
    match fields.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
        Some(_) => {}
    }
    match text(fields, &[name]).unwrap_or_default().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "y" => Ok(Some(true)),
        "false" | "0" | "no" | "n" => Ok(Some(false)),
        _ => Err(wrong(name, "true or false")),
    }
}

/// Whether the person began it.
fn direction(fields: &Map<String, Value>) -> Result<Option<i16>, FieldError> {
    match text(fields, &["direction"]).unwrap_or_default().to_ascii_lowercase().as_str() {
        "" | "out" | "outbound" => Ok(None),
        "in" | "inbound" => Ok(Some(1)),
        _ => Err(wrong("direction", "in or out")),
    }
}

fn purpose(fields: &Map<String, Value>) -> Result<Option<String>, FieldError> {
    let Some(named) = text(fields, &["cxc_purpose"]) else { return Ok(None) };
    match serde_json::from_value::<Purpose>(named.as_str().into()) {
        Ok(_) => Ok(Some(named)),
        Err(error) => Err(wrong("cxc_purpose", error.to_string())),
    }
}

/// The address that a report names, as it was given.
pub fn address_given(fields: &Map<String, Value>) -> Option<String> {
    text(fields, &["contact_info", "GSW_PHONE", "GSW_CONTACT_INFO", "email"])
}

/// The tenant's ccid.
pub fn ccid(fields: &Map<String, Value>) -> Option<String> {
    text(fields, &["GSW_TENANT_CCID"])
}

/// The group that a report names.
pub fn group(fields: &Map<String, Value>) -> Option<uuid::Uuid> {
    text(fields, &["GSW_CAMPAIGN_GROUP_GUID", "cxc_group_id"])?.parse().ok()
}

/// What is reported, as the label of metrics.
pub fn channel(fields: &Map<String, Value>) -> Channel {
    match text(fields, &["cxc_type", "GSW_CONTACT_MEDIA_TYPE"]).unwrap_or_default().to_ascii_lowercase().as_str() {
        "sms" => Channel::Sms,
        "email" => Channel::Email,
        _ if text(fields, &["contact_info_type"]).as_deref() == Some("10") => Channel::Email,
        _ => Channel::Voice,
    }
}

/// Whether the person said not to be called again: by the result, or by the disposition of an agent.
fn is_opt_out(fields: &Map<String, Value>) -> bool {
    let plain = |text: String| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_ascii_lowercase();
    let disposition = text(fields, &["GSW_DISPOSITION_CODE", "disposition"]).map(plain);
    let result = text(fields, &["GSW_CALL_RESULT"]).and_then(|number| number.parse().ok());
    disposition.as_deref() == Some("donotcall") || result == Some(CallResult::DoNotCall.code())
}

impl Reader<'_> {
    /// The person who opts out by a report, if it says so.
    pub fn opt_out(&self, fields: &Map<String, Value>) -> Option<OptOut> {
        if !is_opt_out(fields) {
            return None;
        }
        let channel = channel(fields);
        let (address, is_read) = self.address(fields, channel);
        let of_attempt = address.is_empty();
        let mut keys: Vec<PersonKey> = (!of_attempt).then_some(PersonKey::Address(address)).into_iter().collect();
        if !is_read {
            keys.extend(text(fields, &CLIENT).map(PersonKey::ClientId));
        }
        let said_at = instant(fields, &["GSW_FINISH_TIME", "finished_at"]).ok().flatten();
        let said_at = said_at.unwrap_or(self.now).min(self.now);
        let guid = text(fields, &["GSW_CALL_ATTEMPT_GUID"]).unwrap_or_default();
        Some(OptOut { guid, keys, of_attempt, channel, said_at })
    }

    /// Reads a report whose mandatory fields are there; `id` is for an attempt that is new, `group` its group's number.
    pub fn read(&self, fields: Map<String, Value>, id: i64, group: Option<i64>) -> Result<Report, FieldError> {
        let guid = text(&fields, &["GSW_CALL_ATTEMPT_GUID"]).unwrap_or_default();
        if guid.len() > LONGEST {
            return Err(wrong("GSW_CALL_ATTEMPT_GUID", format!("at most {LONGEST} bytes")));
        }
        let sequence = match text(&fields, &["GSW_HIST_SEQUENCE_NUM"]).as_deref() {
            Some("0") => 0,
            Some("1") => 1,
            _ => {
                return Err(wrong("GSW_HIST_SEQUENCE_NUM", "0 when an attempt begins, 1 with its final result"));
            }
        };
        let result = match text(&fields, &["GSW_CALL_RESULT"]) {
            None => None,
            Some(number) => match number.parse().ok().and_then(CallResult::from_code) {
                Some(result) => Some(result.code()),
                None => return Err(wrong("GSW_CALL_RESULT", "the number of a call result, such as 6")),
            },
        };
        let channel = channel(&fields);
        let (address, _) = self.address(&fields, channel);
        let reservation = text(&fields, &["cxc_reservation_id"]).and_then(|t| parse_reservation_id(&t));
        let started_at = instant(&fields, &["GSW_CALL_TIME", "GSW_ATTEMPT_TIME", "started_at"])?.unwrap_or(self.now);
        let client = text(&fields, &CLIENT);
        let attempt = OutsideAttempt {
            grp: group.unwrap_or(NO_GROUP),
            client_hash: client.map(|c| self.key.hash(self.tenant, &c)),
            direction: direction(&fields)?,
            purpose: purpose(&fields)?,
            collector: text(&fields, &["c_collector"]).map(|c| collector_hash(self.key, self.tenant, &c)),
            topic: text(&fields, &["c_topic"]).filter(|t| t.len() <= LONGEST),
            subjects: self.subjects(&fields)?,
            // an attempt of the future counts from now on
            ..OutsideAttempt::new(id, channel.bit(), self.key.hash(self.tenant, &address), started_at.min(self.now))
        };
        let finished_at = instant(&fields, &["GSW_FINISH_TIME", "finished_at"])?.map(|at| at.min(self.now));
        let body = Value::Object(fields);
        if body.to_string().len() > LARGEST {
            return Err(FieldError::new("", "too_large", format!("a report has at most {LARGEST} bytes")));
        }
        let Value::Object(fields) = &body else { return Err(FieldError::new("", "invalid", "a report is an object")) };
        Ok(Report {
            guid,
            sequence,
            reservation,
            attempt,
            result,
            disposition: text(fields, &["GSW_DISPOSITION_CODE", "disposition"]).filter(|d| d.len() <= LONGEST),
            finished_at: finished_at.or((sequence == 1).then_some(self.now)),
            connected: truth(fields, "connected")?,
            conversation: truth(fields, "conversation")?,
            refused: truth(fields, "refused")?,
            consented: truth(fields, "consented")?,
            body,
        })
    }

    /// The device as it is compared, and whether it could be read; a text that is no number is compared as it stands,
    /// never dropped.
    fn address(&self, fields: &Map<String, Value>, channel: Channel) -> (String, bool) {
        let address = address_given(fields).unwrap_or_default();
        if channel == Channel::Email {
            let address = cxc_core::contact::address_text(&address).into_owned();
            let is_read = address.contains('@');
            return (address, is_read);
        }
        let home = text(fields, &["c_country_code", "country_code"]).unwrap_or_else(|| self.country.to_owned());
        match self.phones.parse(&address, home.parse::<Country>().ok()) {
            Ok(phone) => (phone.number.to_string(), true),
            Err(_) => (address, false),
        }
    }

    fn subjects(&self, fields: &Map<String, Value>) -> Result<Vec<SubjectKey>, FieldError> {
        let named = [(PERSON, "cxc_person_key"), (ACCOUNT, "c_account_id"), (DEBT, "c_debt_id")];
        let mut keys = Vec::new();
        for (kind, name) in named {
            let all = text(fields, &[name]).unwrap_or_default();
            let parts: Vec<&str> = if kind == PERSON { vec![all.trim()] } else { all.split([',', ';']).collect() };
            let parts: Vec<&str> = parts.into_iter().map(str::trim).filter(|p| !p.is_empty()).collect();
            if parts.len() > SUBJECTS {
                return Err(wrong(name, format!("at most {SUBJECTS} of one attempt, these are {}", parts.len())));
            }
            keys.extend(
                parts.into_iter().map(|p| SubjectKey { kind, key: subject_hash(self.key, self.tenant, kind, p) }),
            );
        }
        Ok(keys)
    }
}

/// An instant: RFC 3339, or seconds since 1970.
fn instant(fields: &Map<String, Value>, names: &[&str]) -> Result<Option<i64>, FieldError> {
    let Some(name) = names.iter().find(|name| text(fields, &[**name]).is_some()) else { return Ok(None) };
    let text = text(fields, &[*name]).unwrap_or_default();
    let seconds = |t: &str| t.parse::<i64>().ok().and_then(|s| Timestamp::from_second(s).ok());
    let at = text.parse::<Timestamp>().ok().or_else(|| seconds(&text));
    match at {
        Some(at) => Ok(Some(at.as_microsecond())),
        None => Err(wrong(name, "an instant: RFC 3339, or seconds since 1970")),
    }
}
