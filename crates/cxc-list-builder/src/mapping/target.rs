//! What a column can feed.
use std::borrow::Cow;

use cxc_core::field::{ContactField, normalise_header};
use serde::{Deserialize, Serialize};

use super::consent_field::ConsentField;

/// The longest name of a custom field in characters.
const MAX_NAME: usize = 100;

/// What a column feeds. In documents: `firstName`, `device1`, `other7`, `custom:Shoe size`, `ignore`;
/// in suppression files also `value`, `from`, `till` and `reason`; `consentKind` and its like bring consents.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Target {
    /// A field of the contact.
    Field(ContactField),
    /// A custom field of this name.
    Custom(String),
    /// Nothing.
    Ignore,
    /// The entry of a suppression list: a device or a client id, whichever the list is by.
    Value,
    /// The first day of a suppression entry.
    From,
    /// The last day of a suppression entry.
    Till,
    /// Why an entry is in a suppression list, for people.
    Reason,
    /// Part of a consent or an opt-out, in files of contacts and of consents.
    Consent(ConsentField),
}

impl Target {
    /// The name in documents.
    pub fn key(&self) -> Cow<'_, str> {
        match self {
            Self::Field(field) => field.key(),
            Self::Custom(name) => format!("custom:{name}").into(),
            Self::Ignore => "ignore".into(),
            Self::Value => "value".into(),
            Self::From => "from".into(),
            Self::Till => "till".into(),
            Self::Reason => "reason".into(),
            Self::Consent(field) => field.key().into(),
        }
    }

    /// The target of a name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some((prefix, name)) = text.split_once(':')
            && prefix.trim().eq_ignore_ascii_case("custom")
        {
            let name = name.trim();
            let fits = !name.is_empty() && name.chars().count() <= MAX_NAME;
            let wrong = || format!("the name of a custom field has 1 to {MAX_NAME} characters");
            return fits.then(|| Self::Custom(name.to_owned())).ok_or_else(wrong);
        }
        match normalise_header(text).as_str() {
            "ignore" | "none" => Ok(Self::Ignore),
            "value" => Ok(Self::Value),
            "from" => Ok(Self::From),
            "till" | "until" => Ok(Self::Till),
            "reason" => Ok(Self::Reason),
            "device" => Ok(Self::Field(ContactField::Device(1))),
            name => known(text, name).ok_or_else(|| {
                let shown: String = text.chars().take(MAX_NAME).collect();
                format!(
                    "there is no field {shown:?}; fields are clientId, firstName, lastName, company, country, state, \
                     postalCode, timeZone, device1 to device10, other1 to other100, consentKind, consentDate, consentSource, \
                     consentText, consentEvidence, consentChannels, consentDevice, consentAction, optOutDate, custom:NAME \
                     and ignore"
                )
            }),
        }
    }

    /// A custom field of a header that another column has, too: its name with the column's number from 1.
    pub(super) fn numbered(name: &str, column: usize) -> Self {
        let cut: String = name.chars().take(MAX_NAME - 20).collect();
        Self::Custom(format!("{cut} (column {column})"))
    }

    /// A custom field of a header's name, cut to the limit.
    pub fn custom(name: &str) -> Self {
        Self::Custom(name.chars().take(MAX_NAME).collect())
    }
}

/// The field of a contact or of a consent; `name` is `text` without case and signs.
fn known(text: &str, name: &str) -> Option<Target> {
    ConsentField::from_key(name).map(Target::Consent).or_else(|| ContactField::from_key(text).map(Target::Field))
}

impl TryFrom<String> for Target {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<Target> for String {
    fn from(target: Target) -> String {
        target.key().into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_read_back_as_written() {
        let fields = [ContactField::Device(7), ContactField::ClientId, ContactField::Other(100)].map(Target::Field);
        let others = [Target::Custom("Shoe size".into()), Target::Ignore, Target::Value];
        let of_entries = [Target::From, Target::Till, Target::Reason];
        let of_consents = ConsentField::ALL.map(Target::Consent);
        for target in fields.into_iter().chain(others).chain(of_entries).chain(of_consents) {
            assert_eq!(Target::parse(&target.key()), Ok(target));
        }
    }

    #[test]
    fn an_unknown_field_names_the_known_ones() {
        assert!(Target::parse("device11").unwrap_err().contains("device1 to device10"));
        assert!(Target::parse("custom: ").is_err());
    }
}
