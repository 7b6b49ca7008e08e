//! One report, read from what a dialer sends.
use std::collections::HashSet;

use cxc_core::channel::Channel;
use cxc_core::compliance::Purpose;
use cxc_core::email::EmailAddress;
use cxc_core::enumerations::CallResult;
use cxc_core::field_error::FieldError;
use cxc_core::hash::HashKey;
use cxc_core::location::Country;
use cxc_core::phone::PhoneParser;
use cxc_store::attempt_subject::{ACCOUNT, DEBT, PERSON, SubjectKey, collector_hash, subject_hash};
use cxc_store::privacy::PersonKey;
use cxc_store::reservation::{NO_GROUP, OutsideAttempt, Report, parse_reservation_id};
use serde_json::{Map, Value};

use super::fields::{
    ADDRESS, BEGUN, CLIENT, COUNTRY, DISPOSITION, FINISHED, channel, direction, instant, purpose, text, truth, wrong,
};

/// The longest id of an attempt.
const LONGEST: usize = 200;
/// The largest report that is kept, as JSON text.
const LARGEST: usize = 32 * 1024;
/// The most accounts or debts of one attempt.
const SUBJECTS: usize = 50;
/// The device of an attempt that names none.
pub const NOBODY: i64 = 0;
/// Dispositions that say so in every tenant, without blanks and signs.
const DO_NOT_CALL: [&str; 4] = ["donotcall", "dnc", "optout", "unsubscribe"];

/// What a report is read with.
pub struct Reader<'a> {
    /// The installation's key of hashes.
    pub key: &'a HashKey,
    /// Reads phone numbers.
    pub phones: &'a PhoneParser,
    /// The tenant.
    pub tenant: i64,
    /// The tenant's dispositions by which nobody is called any more, in small letters.
    pub do_not_call: &'a HashSet<String>,
    /// The tenant's country.
    pub country: &'a str,
    /// Now, microseconds.
    pub now: i64,
}

/// Somebody who does not want to be contacted any more: whom the report names, and the device of its attempt.
pub struct OptOut {
    /// The id of the attempt that says so.
    pub guid: String,
    /// Who, as far as the report can be read.
    pub keys: Vec<PersonKey>,
    /// The keyed hash of an address that can't be read: nobody has it.
    pub unread: Option<i64>,
    /// How the person was reached, if the report says so.
    pub channel: Channel,
    /// When it was said, microseconds.
    pub said_at: i64,
}

impl Reader<'_> {
    /// The person who opts out by a report, if it says so.
    pub fn opt_out(&self, fields: &Map<String, Value>) -> Result<Option<OptOut>, FieldError> {
        if !self.is_opt_out(fields) {
            return Ok(None);
        }
        let channel = channel(fields)?;
        let (address, is_read) = self.address(fields, channel);
        let unread = (!is_read).then(|| self.key.hash(self.tenant, &address));
        let mut keys: Vec<PersonKey> = is_read.then_some(PersonKey::Address(address)).into_iter().collect();
        if !is_read {
            keys.extend(text(fields, CLIENT).map(PersonKey::ClientId));
        }
        let said_at = instant(fields, FINISHED)?.unwrap_or(self.now).min(self.now);
        let guid = text(fields, &["GSW_CALL_ATTEMPT_GUID"]).unwrap_or_default();
        Ok(Some(OptOut { guid, keys, unread, channel, said_at }))
    }

    /// Whether the person said not to be called again: by the result, or by the disposition of an agent.
    fn is_opt_out(&self, fields: &Map<String, Value>) -> bool {
        let plain = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_ascii_lowercase();
        let disposition = text(fields, DISPOSITION).unwrap_or_default();
        let result = text(fields, &["GSW_CALL_RESULT"]).and_then(|number| number.parse().ok());
        self.do_not_call.contains(&disposition.trim().to_ascii_lowercase())
            || DO_NOT_CALL.contains(&plain(&disposition).as_str())
            || result == Some(CallResult::DoNotCall.code())
    }

    /// Reads a report whose mandatory fields are there; `id` is for an attempt that is new, `group` the number of its group
    /// and what that is for.
    pub fn read(
        &self,
        fields: Map<String, Value>,
        id: i64,
        group: Option<(i64, Option<Purpose>)>,
    ) -> Result<Report, FieldError> {
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
        let channel = channel(&fields)?;
        let (address, is_read) = self.address(&fields, channel);
        let device = if address.is_empty() { NOBODY } else { self.key.hash(self.tenant, &address) };
        let reservation = match text(&fields, &["cxc_reservation_id"]) {
            None => None,
            Some(id) => match parse_reservation_id(&id) {
                Some(place) => Some(place),
                None => return Err(wrong("cxc_reservation_id", "the id of a reservation, as its answer named it")),
            },
        };
        let started_at = instant(&fields, BEGUN)?.unwrap_or(self.now);
        let client = text(&fields, CLIENT);
        let attempt = OutsideAttempt {
            grp: group.map_or(NO_GROUP, |(number, _)| number),
            client_hash: client.map(|c| self.key.hash(self.tenant, &c)),
            direction: direction(&fields)?,
            purpose: purpose(&fields)?.or(group.and_then(|(_, of_group)| of_group)).map(|p| p.as_str().to_owned()),
            collector: text(&fields, &["c_collector"]).map(|c| collector_hash(self.key, self.tenant, &c)),
            topic: text(&fields, &["c_topic"]).filter(|t| t.len() <= LONGEST),
            subjects: self.subjects(&fields)?,
            // an attempt of the future counts from now on
            ..OutsideAttempt::new(id, channel.bit(), device, started_at.min(self.now))
        };
        let finished_at = instant(&fields, FINISHED)?.map(|at| at.min(self.now));
        let body = Value::Object(fields);
        if body.to_string().len() > LARGEST {
            return Err(FieldError::new("", "too_large", format!("a report has at most {LARGEST} bytes")));
        }
        let Value::Object(fields) = &body else { return Err(FieldError::new("", "invalid", "a report is an object")) };
        Ok(Report {
            guid,
            sequence,
            reservation,
            names_device: is_read,
            attempt,
            result,
            disposition: text(fields, DISPOSITION).filter(|d| d.len() <= LONGEST),
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
        let address = text(fields, ADDRESS).unwrap_or_default();
        if channel == Channel::Email {
            return match EmailAddress::parse(&address) {
                Ok(email) => (cxc_core::contact::address_text(email.as_str()).into_owned(), true),
                Err(_) => (address, false),
            };
        }
        let home = text(fields, COUNTRY).unwrap_or_else(|| self.country.to_owned());
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
