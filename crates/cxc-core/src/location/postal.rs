//! Postal codes: their form in six countries, and the search by leading characters.
use std::collections::HashMap;

use super::Country;
use super::read::{POSTAL, Places, TableError};

/// The most characters of a code that a table tells apart.
const MAX_PREFIX: usize = 5;
/// The most bytes of a postal code that are read.
const MAX_TEXT: usize = 32;

type Key = [u8; MAX_PREFIX + 2];

/// Places by country and leading characters.
#[derive(Debug)]
pub(super) struct PostalTable(HashMap<Key, u16>);

impl PostalTable {
    pub fn read(places: &Places) -> Result<Self, TableError> {
        let mut found = HashMap::new();
        POSTAL.each(|[country, prefix, place]| {
            found.insert(key(Country::from_code(country)?, prefix.as_bytes())?, places.number(place)?);
            Some(())
        })?;
        Ok(Self(found))
    }

    /// Forgets the codes of a country.
    pub fn remove(&mut self, country: Country) {
        self.0.retain(|key, _| &key[..2] != country.as_str().as_bytes());
    }

    /// Adds leading characters of a country's codes. Nothing for what is none.
    pub fn put(&mut self, country: Country, prefix: &str, place: u16) -> Option<()> {
        let plain = !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        self.0.insert(key(country, prefix.as_bytes()).filter(|_| plain)?, place);
        Some(())
    }

    /// The place of a code's longest known beginning. Nothing for a code of the wrong form.
    pub fn find(&self, country: Country, postal: &str) -> Option<u16> {
        let mut buffer = [0; MAX_TEXT];
        let mut padded = [b'0'; 5];
        if country == Country::FR {
            return self.longest(country, french(postal, &mut padded)?);
        }
        let code = normal(postal, &mut buffer)?;
        let code = match country {
            Country::US => zip(code, &mut padded)?,
            Country::AU | Country::NZ => four_digits(code, &mut padded)?,
            Country::CA => canadian(code)?,
            Country::GB => return self.0.get(&key(country, british_area(code)?)?).copied(),
            _ => return None,
        };
        self.longest(country, code)
    }

    fn longest(&self, country: Country, code: &[u8]) -> Option<u16> {
        (1..=code.len().min(MAX_PREFIX)).rev().find_map(|n| self.0.get(&key(country, &code[..n])?).copied())
    }
}

fn key(country: Country, prefix: &[u8]) -> Option<Key> {
    let mut key = Key::default();
    key[..2].copy_from_slice(country.as_str().as_bytes());
    key.get_mut(2..2 + prefix.len())?.copy_from_slice(prefix);
    Some(key)
}

/// Letters and digits in upper case. Nothing for a text with anything but those, blanks and hyphens.
fn normal<'a>(postal: &str, buffer: &'a mut [u8; MAX_TEXT]) -> Option<&'a [u8]> {
    let mut len = 0;
    for c in postal.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\'' | '\u{2010}'..='\u{2015}')) {
        let byte = u8::try_from(c).ok().filter(u8::is_ascii_alphanumeric)?;
        *buffer.get_mut(len)? = byte.to_ascii_uppercase();
        len += 1;
    }
    (len > 0).then_some(&buffer[..len])
}

/// The first five digits of a ZIP or ZIP+4; leading zeros that a spreadsheet took away are given back.
fn zip<'a>(code: &'a [u8], padded: &'a mut [u8; 5]) -> Option<&'a [u8]> {
    if !code.iter().all(u8::is_ascii_digit) {
        return None;
    }
    match code.len() {
        5 | 9 => Some(&code[..5]),
        3 | 4 => Some(pad(code, padded)),
        // A ZIP+4 that lost a zero.
        8 => Some(pad(&code[..4], padded)),
        _ => None,
    }
}

fn four_digits<'a>(code: &'a [u8], padded: &'a mut [u8; 5]) -> Option<&'a [u8]> {
    let digits = code.iter().all(u8::is_ascii_digit);
    match code.len() {
        4 if digits => Some(code),
        3 if digits => Some(&pad(code, padded)[1..]),
        _ => None,
    }
}

fn pad<'a>(code: &[u8], padded: &'a mut [u8; 5]) -> &'a [u8] {
    padded[5 - code.len()..].copy_from_slice(code);
    padded
}

/// The first digits of a code, whatever stands around them (`F-97110`, `97110 Pointe-à-Pitre`): overseas is told by three.
/// Nothing for four, which lost a zero and lie in Europe.
fn french<'a>(text: &str, digits: &'a mut [u8; 5]) -> Option<&'a [u8]> {
    let from = text.find(|c: char| c.is_ascii_digit())?;
    let parted = |c: &char| c.is_ascii_digit() || c.is_whitespace() || matches!(c, '.' | '-');
    let found = text[from..].chars().take_while(parted).filter_map(|c| u8::try_from(c).ok().filter(u8::is_ascii_digit));
    let mut count = 0;
    for (place, digit) in digits.iter_mut().zip(found) {
        *place = digit;
        count += 1;
    }
    (count != 4).then_some(&digits[..count])
}

/// Where a British code lies that is of no place in Britain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Abroad {
    /// With the forces, which may be anywhere.
    Forces,
    /// In the territory of this country code.
    Territory(&'static str),
}

/// What British codes mean that are of no place in Britain: those of the forces (BFPO 58, BF1 3AA) and of overseas
/// territories (FIQQ 1ZZ). Nothing for any other.
pub(super) fn british_abroad(postal: &str) -> Option<Abroad> {
    const TERRITORIES: [(&str, &str); 9] = [
        ("ASCN", "AC"),
        ("BBND", "IO"),
        ("BIQQ", "AQ"),
        ("FIQQ", "FK"),
        ("PCRN", "PN"),
        ("SIQQ", "GS"),
        ("STHL", "SH"),
        ("TDCU", "TA"),
        ("TKCA", "TC"),
    ];
    let mut buffer = [0; MAX_TEXT];
    let code = std::str::from_utf8(normal(postal, &mut buffer)?).ok()?;
    let of_forces = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    if code.starts_with("BFPO") || code.strip_prefix("BF").is_some_and(of_forces) {
        return Some(Abroad::Forces);
    }
    if code.starts_with("GX11") {
        return Some(Abroad::Territory("GI"));
    }
    TERRITORIES.iter().find(|(prefix, _)| code.starts_with(prefix)).map(|(_, country)| Abroad::Territory(country))
}

/// `A1A` or `A1A1A1`.
fn canadian(code: &[u8]) -> Option<&[u8]> {
    let form = |at: usize, b: &u8| if at.is_multiple_of(2) { b.is_ascii_uppercase() } else { b.is_ascii_digit() };
    let right = matches!(code.len(), 3 | 6) && code.iter().enumerate().all(|(at, b)| form(at, b));
    code.get(..3).filter(|_| right)
}

/// The one or two letters before the first digit of an outward or whole code.
fn british_area(code: &[u8]) -> Option<&[u8]> {
    let letters = code.iter().take_while(|b| b.is_ascii_uppercase()).count();
    let right = matches!(letters, 1 | 2) && matches!(code.len(), 2..=7) && code.len() > letters;
    right.then_some(&code[..letters])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_the_forces_and_of_overseas_territories_are_of_no_place_in_britain() {
        for forces in ["BFPO 58", "bfpo58", "BF1 3AA", "BF1"] {
            assert_eq!(british_abroad(forces), Some(Abroad::Forces), "{forces}");
        }
        for (code, country) in [("FIQQ 1ZZ", "FK"), ("ASCN 1ZZ", "AC"), ("sthl1zz", "SH"), ("GX11 1AA", "GI")] {
            assert_eq!(british_abroad(code), Some(Abroad::Territory(country)), "{code}");
        }
        for code in ["SW1A 1AA", "B1 1AA", "BFS", "JE2 3AB", ""] {
            assert_eq!(british_abroad(code), None, "{code}");
        }
    }
}
