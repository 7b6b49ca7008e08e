//! What may be dialed at all. The last look before a call goes out, whatever compliance said before.
use std::sync::Arc;

use cxc_core::device::LineType;
use cxc_core::location::Country;
use cxc_core::phone::{PhoneError, PhoneParser};
use cxc_core::phone_address::{BadPhone, number_in};

/// Reads numbers for the last look.
#[derive(Debug, Clone)]
pub struct Destinations(Arc<PhoneParser>);

/// Why a number is never dialed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NeverDialed {
    /// Emergency services.
    #[error("an emergency number is never dialed")]
    Emergency,
    /// Its calls cost more than a call.
    #[error("a premium number is never dialed")]
    Premium,
    /// Not a number with its country code.
    #[error("a number to dial is a + and 8 to 15 digits")]
    NoNumber,
    /// A gateway would take it for a number that nobody looked at.
    #[error("a number is called as a number, not by an address")]
    Disguised,
}

impl Destinations {
    /// With the numbering plans of a parser.
    pub fn new(parser: Arc<PhoneParser>) -> Self {
        Self(parser)
    }

    /// The country of a number that may be dialed.
    pub fn look(&self, number: &str) -> Result<Country, NeverDialed> {
        if !number.starts_with('+') {
            return Err(match self.0.parse(number, None) {
                Err(PhoneError::Emergency) => NeverDialed::Emergency,
                _ => NeverDialed::NoNumber,
            });
        }
        let phone = self.0.parse(number, None).map_err(|error| match error {
            PhoneError::Emergency => NeverDialed::Emergency,
            _ => NeverDialed::NoNumber,
        })?;
        match phone.line_type {
            _ if phone.number.as_str() != number => Err(NeverDialed::NoNumber),
            LineType::Premium => Err(NeverDialed::Premium),
            _ => Ok(phone.country),
        }
    }

    /// A SIP address that may be called beside numbers: a name or an extension, never a number in disguise.
    pub fn look_at_address(&self, uri: &str) -> Result<(), NeverDialed> {
        let user = uri.strip_prefix("sip:").and_then(|rest| rest.split('@').next()).unwrap_or_default();
        match number_in(user) {
            Some(BadPhone::Emergency) => Err(NeverDialed::Emergency),
            Some(_) => Err(NeverDialed::Disguised),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emergency_and_premium_numbers_are_never_dialed() {
        let destinations = Destinations::new(Arc::new(PhoneParser::new().unwrap()));
        let look = |number: &str| destinations.look(number);
        assert_eq!(look("+12125550142"), Ok(Country::parse("US").unwrap()));
        assert_eq!(look("+442079460000"), Ok(Country::parse("GB").unwrap()));
        for number in ["911", "112", "999", "+911"] {
            assert!(matches!(look(number), Err(NeverDialed::Emergency | NeverDialed::NoNumber)), "{number}");
        }
        assert_eq!(look("911"), Err(NeverDialed::Emergency));
        for number in ["+19005550142", "+449098790000", "+499001234567"] {
            assert_eq!(look(number), Err(NeverDialed::Premium), "{number}");
        }
        for number in ["12125550142", "+1 212 555 0142", "+12125550142;tel=+19005550142", "", "sip:x@example.com"] {
            assert_eq!(look(number), Err(NeverDialed::NoNumber), "{number}");
        }
    }

    #[test]
    fn an_address_is_no_way_around_the_look_at_numbers() {
        let destinations = Destinations::new(Arc::new(PhoneParser::new().unwrap()));
        let look = |uri: &str| destinations.look_at_address(uri);
        for uri in ["sip:bob@10.0.0.7", "sip:2001@pbx.example.com", "sip:room-12@h", "sip:4x4@h"] {
            assert_eq!(look(uri), Ok(()), "{uri}");
        }
        assert_eq!(look("sip:911@h"), Err(NeverDialed::Emergency));
        for uri in ["sip:+19005550142@h", "sip:00449098790000@h", "sip:1-900-555-0142@h", "sip:5550142@h"] {
            assert_eq!(look(uri), Err(NeverDialed::Disguised), "{uri}");
        }
    }
}
