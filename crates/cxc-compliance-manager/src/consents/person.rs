//! Whom a request names: one phone number, one email address or one client id.
use cxc_core::email::EmailAddress;
use cxc_core::hash::HashKey;
use cxc_server::ApiError;
use cxc_store::consent::KeyKind;
use cxc_store::privacy::PersonKey;

/// Reads whom a request names; `pointer` is where its members stand.
pub(crate) fn read(pointer: &str, device: Option<&str>, client_id: Option<&str>) -> Result<PersonKey, ApiError> {
    let wrong =
        |member: &str, text: &'static str| Err(ApiError::invalid(&format!("{pointer}/{member}"), "bad_value", text));
    match (device.map(str::trim), client_id.map(str::trim)) {
        (Some(device), None) => match address(device) {
            Some(address) => Ok(PersonKey::Address(address)),
            None => wrong("device", "a device is a + and 8 to 15 digits, or an email address"),
        },
        (None, Some(id)) if !id.is_empty() && id.chars().count() <= 64 => Ok(PersonKey::ClientId(id.to_owned())),
        (None, Some(_)) => wrong("clientId", "a client id has 1 to 64 characters"),
        _ => wrong("device", "name one person: either a device or a clientId"),
    }
}

fn address(text: &str) -> Option<String> {
    if let Some(number) = text.strip_prefix('+') {
        let digits: String = number.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '.')).collect();
        let fits = (8..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        return fits.then(|| format!("+{digits}"));
    }
    EmailAddress::parse(text).ok().map(|address| address.as_str().to_lowercase())
}

/// The text of a key with its kind and keyed hash.
pub(crate) fn hashed(hash: &HashKey, tenant: i64, key: &PersonKey) -> (KeyKind, String, i64) {
    let (kind, text) = match key {
        PersonKey::Address(text) => (KeyKind::Device, text),
        PersonKey::ClientId(text) => (KeyKind::Client, text),
    };
    (kind, text.clone(), hash.hash(tenant, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_is_named_by_exactly_one_key() {
        assert_eq!(read("", Some("+1 (212) 555-0100"), None).unwrap(), PersonKey::Address("+12125550100".into()));
        assert_eq!(read("", Some("Ann@Example.com"), None).unwrap(), PersonKey::Address("ann@example.com".into()));
        assert_eq!(read("", None, Some(" C-1 ")).unwrap(), PersonKey::ClientId("C-1".into()));
        for (device, client) in
            [(None, None), (Some("+1"), None), (Some("+12125550100"), Some("C-1")), (None, Some(" "))]
        {
            assert!(read("", device, client).is_err(), "{device:?} {client:?}");
        }
    }
}
