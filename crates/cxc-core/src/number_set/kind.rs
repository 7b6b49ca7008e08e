//! What lists of numbers are for, and how the legal rules name national ones.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::location::Country;

/// What a list of numbers is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NumberListKind {
    /// A national register of people who do not want calls: FTC, DNCL, TPS, DNCR.
    NationalDnc,
    /// Numbers that have another owner since consent was given.
    Reassigned,
    /// Numbers that were ported from a landline to a wireless carrier.
    WirelessPorted,
    /// The customer's own list: it suppresses like a suppression list.
    Customer,
}

impl NumberListKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::NationalDnc, Self::Reassigned, Self::WirelessPorted, Self::Customer];

    /// As it is stored and named at the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NationalDnc => "national_dnc",
            Self::Reassigned => "reassigned",
            Self::WirelessPorted => "wireless_ported",
            Self::Customer => "customer",
        }
    }

    /// The kind of a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The name by which legal rules know a list of this kind and country, unless the list says another.
    pub fn register(self, country: Option<Country>) -> Option<String> {
        let country = country?.to_string();
        match self {
            Self::NationalDnc => Some(match country.as_str() {
                "CA" => "CA-DNCL".to_owned(),
                "GB" => "GB-TPS".to_owned(),
                "AU" => "AU-DNCR".to_owned(),
                other => format!("{other}-DNC"),
            }),
            Self::Reassigned => Some(format!("{country}-RND")),
            Self::WirelessPorted => Some(format!("{country}-PORTED")),
            Self::Customer => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_name_is_the_serialised_one() {
        for kind in NumberListKind::ALL {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{}\"", kind.as_str()));
            assert_eq!(NumberListKind::from_name(kind.as_str()), Some(kind));
        }
    }

    #[test]
    fn national_lists_have_the_names_of_their_rules() {
        let name = |country| NumberListKind::NationalDnc.register(Some(country));
        let names = [Country::US, Country::CA, Country::GB, Country::AU].map(|c| name(c).unwrap());
        assert_eq!(names, ["US-DNC", "CA-DNCL", "GB-TPS", "AU-DNCR"]);
        assert_eq!(NumberListKind::Customer.register(Some(Country::US)), None);
    }
}
