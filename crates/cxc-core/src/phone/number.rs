//! A number in E.164 form.
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// A phone number in E.164 form: `+` and 8 to 15 digits, the first of them not 0. Seventeen bytes, no allocation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber {
    text: [u8; 16],
    len: u8,
}

/// A text that is not in E.164 form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a phone number is a + and 8 to 15 digits")]
pub struct NotE164;

impl PhoneNumber {
    /// Reads E.164 text as it is stored. What people write goes through [`super::PhoneParser`].
    pub fn parse(text: &str) -> Result<Self, NotE164> {
        let digits = text.strip_prefix('+').ok_or(NotE164)?;
        Self::from_digits(digits.as_bytes())
    }

    /// The number of these digits, country code first, without the `+`.
    pub fn from_digits(digits: &[u8]) -> Result<Self, NotE164> {
        let right = (8..=15).contains(&digits.len()) && digits[0] != b'0' && digits.iter().all(u8::is_ascii_digit);
        if !right {
            return Err(NotE164);
        }
        let mut text = [0; 16];
        text[0] = b'+';
        text[1..=digits.len()].copy_from_slice(digits);
        let len = u8::try_from(digits.len() + 1).map_err(|_| NotE164)?;
        Ok(Self { text, len })
    }

    /// The number with its `+`.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..usize::from(self.len)]).unwrap_or_default()
    }

    /// The digits without the `+`.
    pub fn digits(&self) -> &str {
        &self.as_str()[1..]
    }

    /// The digits as a number below 10^15, for sets of numbers.
    pub fn as_u64(&self) -> u64 {
        self.text[1..usize::from(self.len)].iter().fold(0, |n, digit| n * 10 + u64::from(digit - b'0'))
    }
}

impl PartialSchema for PhoneNumber {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String).description(Some("A phone number in E.164 form."));
        text.examples(["+12125550100"]).pattern(Some(r"^\+[1-9][0-9]{7,14}$")).into()
    }
}

impl ToSchema for PhoneNumber {}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl AsRef<str> for PhoneNumber {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl FromStr for PhoneNumber {
    type Err = NotE164;

    fn from_str(text: &str) -> Result<Self, NotE164> {
        Self::parse(text)
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = NotE164;

    fn try_from(text: String) -> Result<Self, NotE164> {
        Self::parse(&text)
    }
}

impl From<PhoneNumber> for String {
    fn from(number: PhoneNumber) -> Self {
        number.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_plus_and_8_to_15_digits() {
        for text in ["+12345678", "+123456789012345"] {
            let number = PhoneNumber::parse(text).unwrap();
            assert_eq!(number.as_str(), text);
            assert_eq!(number.digits(), &text[1..]);
            assert_eq!(number.as_u64().to_string(), &text[1..]);
        }
        for text in
            ["", "+", "12345678", "+1234567", "+1234567890123456", "+02345678", "+1234567a", "+1234 5678", "++12345678"]
        {
            assert_eq!(PhoneNumber::parse(text), Err(NotE164), "{text}");
        }
    }

    #[test]
    fn it_is_checked_when_it_is_read_from_json() {
        let read: PhoneNumber = serde_json::from_str("\"+12125550100\"").unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), "\"+12125550100\"");
        assert!(serde_json::from_str::<PhoneNumber>("\"2125550100\"").is_err());
    }
}
