//! Countries by their ISO 3166-1 codes.
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::country_table::{COUNTRIES, NAMES};

/// A country or territory that has an ISO 3166-1 code (or a telephone code of its own: XK, AC, TA).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "US")]
pub struct Country([u8; 2]);

/// A text that names no country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a country is an ISO 3166 code of two or three letters such as US or USA, or its English name")]
pub struct UnknownCountry;

impl Country {
    /// The United States.
    pub const US: Country = Country(*b"US");
    /// Canada.
    pub const CA: Country = Country(*b"CA");
    /// The United Kingdom.
    pub const GB: Country = Country(*b"GB");
    /// Australia.
    pub const AU: Country = Country(*b"AU");
    /// France.
    pub const FR: Country = Country(*b"FR");
    /// New Zealand.
    pub const NZ: Country = Country(*b"NZ");

    /// Reads a two-letter code, a three-letter code or a common English name, in any case.
    pub fn parse(text: &str) -> Result<Self, UnknownCountry> {
        let text = text.trim();
        if let Some(country) = Self::from_code(text) {
            return Ok(country);
        }
        let folded = fold(text).ok_or(UnknownCountry)?;
        let found = match folded.len() {
            0 | 1 => None,
            2 => Self::from_code(&folded).or_else(|| by_name(&folded)),
            3 => by_three_letters(&folded).or_else(|| by_name(&folded)),
            _ => by_name(&folded).or_else(|| folded.strip_prefix("the").and_then(by_name)),
        };
        found.ok_or(UnknownCountry)
    }

    /// The country of a two-letter code, in any case; nothing else is taken.
    pub fn from_code(code: &str) -> Option<Self> {
        let [a, b] = code.as_bytes().try_into().ok()?;
        let upper = [u8::to_ascii_uppercase(&a), u8::to_ascii_uppercase(&b)];
        COUNTRIES.binary_search_by(|row| row.0.as_bytes().cmp(&upper)).ok().map(|_| Country(upper))
    }

    /// The two-letter code.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The English name.
    pub fn name(self) -> &'static str {
        let found = COUNTRIES.binary_search_by(|row| row.0.as_bytes().cmp(&self.0));
        found.map(|i| COUNTRIES[i].2).unwrap_or_default()
    }

    /// Every country, sorted by its code.
    pub fn all() -> impl Iterator<Item = Country> {
        COUNTRIES.iter().filter_map(|row| Country::from_code(row.0))
    }
}

fn by_three_letters(folded: &str) -> Option<Country> {
    let row = COUNTRIES.iter().find(|row| row.1.eq_ignore_ascii_case(folded))?;
    Country::from_code(row.0)
}

fn by_name(folded: &str) -> Option<Country> {
    let at = NAMES.binary_search_by(|row| row.0.cmp(folded)).ok()?;
    Country::from_code(NAMES[at].1)
}

/// Letters and digits in lower case without accents; nothing for a text longer than any name or with control characters.
pub(super) fn fold(text: &str) -> Option<String> {
    if text.len() > 100 || text.contains(char::is_control) {
        return None;
    }
    Some(text.chars().filter_map(fold_char).collect())
}

fn fold_char(c: char) -> Option<char> {
    let plain = match c {
        'À'..='Å' | 'à'..='å' => 'a',
        'Ç' | 'ç' => 'c',
        'È'..='Ë' | 'è'..='ë' => 'e',
        'Ì'..='Ï' | 'ì'..='ï' | 'İ' => 'i',
        'Ñ' | 'ñ' => 'n',
        'Ò'..='Ö' | 'ò'..='ö' => 'o',
        'Ù'..='Ü' | 'ù'..='ü' => 'u',
        other => other.to_ascii_lowercase(),
    };
    plain.is_ascii_alphanumeric().then_some(plain)
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl AsRef<str> for Country {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl FromStr for Country {
    type Err = UnknownCountry;

    fn from_str(text: &str) -> Result<Self, UnknownCountry> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Country {
    type Error = UnknownCountry;

    fn try_from(text: String) -> Result<Self, UnknownCountry> {
        Self::parse(&text)
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        Country::parse(text).unwrap().to_string()
    }

    #[test]
    fn codes_and_names_are_read_in_any_case() {
        for text in ["US", "us", "USA", "U.S.A.", "U.S.", "United States", " united states of america ", "America"] {
            assert_eq!(code(text), "US", "{text}");
        }
        for text in ["GB", "UK", "u.k.", "GBR", "Great Britain", "United Kingdom", "The United Kingdom", "Scotland"] {
            assert_eq!(code(text), "GB", "{text}");
        }
        assert_eq!(code("Türkiye"), "TR");
        assert_eq!(code("Côte d'Ivoire"), "CI");
        assert_eq!(code("the Netherlands"), "NL");
        assert_eq!(code("South Korea"), "KR");
        assert_eq!(code("México"), "MX");
        assert_eq!(code("xk"), "XK");
    }

    #[test]
    fn what_is_no_country_is_refused() {
        for text in ["", " ", "U", "XX", "ZZ", "USX", "Atlantis", "1", "U\0S", &"x".repeat(5000)] {
            assert_eq!(Country::parse(text), Err(UnknownCountry), "{text}");
        }
    }

    #[test]
    fn the_tables_are_sorted_and_every_code_is_found() {
        assert!(COUNTRIES.is_sorted_by(|a, b| a.0 < b.0));
        assert!(NAMES.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(Country::all().count(), COUNTRIES.len());
        for row in COUNTRIES {
            assert_eq!(code(row.1), row.0);
            assert_eq!(code(row.2), row.0, "{}", row.2);
        }
        assert!(NAMES.iter().all(|row| Country::from_code(row.1).is_some()));
    }
}
