//! Numbers and names as an SMS centre wants them written.
use super::pdu::Address;
use crate::channel::account::SmppSettings;
use crate::channel::{GENERAL_ERROR, Outcome, WRONG_NUMBER};

const INTERNATIONAL: u8 = 1;
const ISDN: u8 = 1;
const ALPHANUMERIC: u8 = 5;

/// The sender: an E.164 number, a short code, or up to 11 letters.
pub(super) fn source<'a>(text: &'a str, settings: &SmppSettings) -> Result<Address<'a>, Outcome> {
    let refuse = || Outcome::refused(GENERAL_ERROR, "an SMS sender is a number, a short code or up to 11 letters");
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
        return Err(refuse());
    }
    let digits = text.strip_prefix('+').unwrap_or(text);
    let is_number = digits.bytes().all(|b| b.is_ascii_digit());
    let (ton, npi, limit) = match (is_number, text.starts_with('+') || digits.len() > 8) {
        (true, true) => (INTERNATIONAL, ISDN, 16),
        (true, false) => (0, 0, 8),
        (false, _) => (ALPHANUMERIC, 0, 11),
    };
    if text.len() > limit {
        return Err(refuse());
    }
    let text = if is_number && !settings.plus_sign { digits } else { text };
    Ok(Address { ton: settings.source_ton.unwrap_or(ton), npi: settings.source_npi.unwrap_or(npi), text })
}

/// The person's number: E.164.
pub(super) fn destination<'a>(text: &'a str, settings: &SmppSettings) -> Result<Address<'a>, Outcome> {
    let digits = text.strip_prefix('+').unwrap_or_default();
    if !(8..=15).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Outcome::refused(WRONG_NUMBER, "a phone number is a + and 8 to 15 digits"));
    }
    Ok(Address { ton: INTERNATIONAL, npi: ISDN, text: if settings.plus_sign { text } else { digits } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_a_sender_tells_its_type() {
        let settings = SmppSettings::default();
        let kind = |text| source(text, &settings).map(|a| (a.ton, a.npi, a.text.to_owned())).ok();
        assert_eq!(kind("+12025550199"), Some((1, 1, "12025550199".into())));
        assert_eq!(kind("44555"), Some((0, 0, "44555".into())));
        assert_eq!(kind("Acme Bank"), Some((5, 0, "Acme Bank".into())));
        assert_eq!(kind("Acme International"), None);
        assert_eq!(kind("Ac\0me"), None);
        assert_eq!(kind(""), None);
    }

    #[test]
    fn only_an_international_number_is_a_destination() {
        let settings = SmppSettings { plus_sign: true, ..SmppSettings::default() };
        assert_eq!(destination("+12025550123", &settings).unwrap().text, "+12025550123");
        for bad in ["12025550123", "+1202555", "+1202555012345678", "+12025550x23", ""] {
            assert!(matches!(destination(bad, &settings), Err(Outcome::Rejected { result: WRONG_NUMBER, .. })));
        }
    }
}
