//! Whom a request names: one phone number, one email address or one client id.
use cxc_core::email::EmailAddress;
use cxc_core::hash::HashKey;
use cxc_core::phone::PhoneParser;
use cxc_core::written_reason::WrittenReason;
use cxc_server::{ApiError, App};
use cxc_store::consent::KeyKind;
use cxc_store::privacy::PersonKey;
use serde::Deserialize;
use utoipa::IntoParams;

use super::ledger::bounded;

/// Reads whom a request names; `pointer` is where its members stand.
pub(crate) fn read(pointer: &str, device: Option<&str>, client_id: Option<&str>) -> Result<PersonKey, ApiError> {
    let wrong =
        |member: &str, text: &'static str| Err(ApiError::invalid(&format!("{pointer}/{member}"), "bad_value", text));
    match (device.map(str::trim), client_id.map(str::trim)) {
        (Some(device), None) => address(device, &format!("{pointer}/device")).map(PersonKey::Address),
        (None, Some(id)) if !id.is_empty() && id.chars().count() <= 64 => Ok(PersonKey::ClientId(id.to_owned())),
        (None, Some(_)) => wrong("clientId", "a client id has 1 to 64 characters"),
        _ => wrong("device", "name one person: either a device or a clientId"),
    }
}

/// A phone number with its country, or an email address, as lists and attempts have it. A number is read as every
/// other door reads it: an opt-out under another form of it would hold nobody.
fn address(text: &str, pointer: &str) -> Result<String, ApiError> {
    let wrong = |detail: String| ApiError::invalid(pointer, "bad_value", detail);
    if text.starts_with('+') {
        let phones = PhoneParser::shared().map_err(|e| ApiError::internal(anyhow::Error::new(e)))?;
        let read = phones.parse(text, None);
        return read.map(|phone| phone.number.to_string()).map_err(|error| wrong(error.to_string()));
    }
    match EmailAddress::parse(text) {
        Ok(address) => Ok(address.as_str().to_lowercase()),
        Err(_) => Err(wrong("a device is a phone number with + and its country, or an email address".into())),
    }
}

/// The text of a key with its kind and keyed hash.
pub(crate) fn hashed(hash: &HashKey, tenant: i64, key: &PersonKey) -> (KeyKind, String, i64) {
    let (kind, text) = match key {
        PersonKey::Address(text) => (KeyKind::Device, text),
        PersonKey::ClientId(text) => (KeyKind::Client, text),
    };
    (kind, text.clone(), hash.hash(tenant, text))
}

/// Whom a query names.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PersonAsked {
    /// A phone number with its country, or an email address.
    #[param(nullable = false)]
    device: Option<String>,
    /// A client id.
    #[param(nullable = false)]
    client_id: Option<String>,
}

impl PersonAsked {
    /// The key by which entries about the person are kept.
    pub fn key(&self, app: &App, tenant: i64) -> Result<EntryKey, ApiError> {
        EntryKey::read(app, tenant, self.device.as_deref(), self.client_id.as_deref())
    }
}

/// By what entries about a device or a client id are kept.
#[derive(Debug, Clone)]
pub(crate) struct EntryKey {
    /// What it is.
    pub kind: KeyKind,
    /// Its text.
    pub text: String,
    /// Its keyed hash.
    pub hash: i64,
}

impl EntryKey {
    /// The key of whom a request names.
    pub fn read(app: &App, tenant: i64, device: Option<&str>, client_id: Option<&str>) -> Result<Self, ApiError> {
        let (kind, text, hash) = hashed(&app.hash_key, tenant, &read("", device, client_id)?);
        Ok(Self { kind, text, hash })
    }

    /// Its hash among those of devices, or among those of client ids.
    pub fn hashes(&self) -> (Vec<i64>, Vec<i64>) {
        match self.kind {
            KeyKind::Device => (vec![self.hash], vec![]),
            KeyKind::Client => (vec![], vec![self.hash]),
        }
    }

    /// Whether an entry with the same hash is about the same: a hash may be another's, and of an erased person the text
    /// is gone.
    pub fn is_of(&self, entry: &str) -> bool {
        entry.is_empty() || entry == self.text
    }
}

/// What the tenant wants to remember of an entry; nothing for a blank note.
pub(crate) fn note(text: Option<&str>) -> Result<Option<String>, ApiError> {
    let too_long = || ApiError::invalid("/note", "bad_value", "a note has at most 1,000 characters");
    let note = text.map(|text| bounded(text, 0, 1_000).ok_or_else(too_long)).transpose()?;
    Ok(note.filter(|note| !note.is_empty()))
}

/// Why somebody does what is asked.
pub(crate) fn reason(text: &str) -> Result<String, ApiError> {
    let written = WrittenReason::parse(text).map(WrittenReason::into_string);
    written.map_err(|error| ApiError::invalid("/reason", "required", error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_is_named_by_exactly_one_key() {
        assert_eq!(read("", Some("+1 (212) 555-0100"), None).unwrap(), PersonKey::Address("+12125550100".into()));
        assert_eq!(read("", Some("Ann@Example.com"), None).unwrap(), PersonKey::Address("ann@example.com".into()));
        for text in ["+61 (0)2 9876 5433", "+61298765433", "+61 2 9876-5433"] {
            assert_eq!(read("", Some(text), None).unwrap(), PersonKey::Address("+61298765433".into()), "{text}");
        }
        assert_eq!(read("", None, Some(" C-1 ")).unwrap(), PersonKey::ClientId("C-1".into()));
        for (device, client) in [
            (None, None),
            (Some("+1"), None),
            (Some("+44 20 7946 0033 123"), None),
            (Some("+12125550100"), Some("C-1")),
            (None, Some(" ")),
        ] {
            assert!(read("", device, client).is_err(), "{device:?} {client:?}");
        }
    }
}
