//! The North American Numbering Plan: country and line type by area code. Its numbers are most of a
//! usual list and its format is fixed, so they are read without a pattern.
use super::{PhoneError, PhoneTablesError};
use crate::device::LineType;
use crate::location::Country;

/// Area codes in use; written by `scripts/data/nanp.py`.
const TABLE: &str = include_str!("../../data/phone/nanp.tsv");

/// An area code's country, and its line type unless exchanges differ.
pub(super) type AreaCode = (Country, Option<LineType>);

/// Country and line type by area code.
pub(super) struct NanpTable {
    codes: Box<[Option<AreaCode>; 1000]>,
    countries: Vec<Country>,
}

impl NanpTable {
    pub fn embedded() -> Result<Self, PhoneTablesError> {
        let mut codes = Box::new([None; 1000]);
        let mut countries = vec![Country::US];
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let (code, entry) = read(line).ok_or(PhoneTablesError::AreaCodes)?;
            *codes.get_mut(code).ok_or(PhoneTablesError::AreaCodes)? = Some(entry);
            if !countries.contains(&entry.0) {
                countries.push(entry.0);
            }
        }
        Ok(Self { codes, countries })
    }

    /// What is known of ten digits.
    pub fn check(&self, ten: &[u8]) -> Result<AreaCode, PhoneError> {
        let [a, b, c, exchange, ..] = *ten else {
            return Err(PhoneError::TooShort);
        };
        if exchange < b'2' {
            return Err(PhoneError::AreaCode);
        }
        let code = [a, b, c].iter().fold(0, |n, digit| n * 10 + usize::from(digit - b'0'));
        self.codes[code].ok_or(PhoneError::AreaCode)
    }

    /// The country of an area code of three digits, if it is in use.
    pub fn country_of(&self, code: &str) -> Option<Country> {
        let code: usize = code.parse().ok()?;
        self.codes.get(code).copied().flatten().map(|(country, _)| country)
    }

    /// Whether the numbers of an area code, or some of them, tell of no place: freephone, premium, personal.
    pub fn tells_no_place(&self, code: &str) -> bool {
        let found = code.parse::<usize>().ok().and_then(|code| self.codes.get(code).copied().flatten());
        found.is_some_and(|(_, line)| {
            line.is_none_or(|line| matches!(line, LineType::TollFree | LineType::Premium | LineType::Other))
        })
    }

    /// Whether a country is part of the plan.
    pub fn has(&self, country: Country) -> bool {
        self.countries.contains(&country)
    }
}

fn read(line: &str) -> Option<(usize, AreaCode)> {
    let mut columns = line.split('\t');
    let code = columns.next()?.parse().ok()?;
    let country = Country::from_code(columns.next()?)?;
    let line_type = match columns.next()? {
        "geo" => LineType::FixedOrMobile,
        "tollfree" => LineType::TollFree,
        "premium" => LineType::Premium,
        "personal" => LineType::Other,
        "mobile" => LineType::Mobile,
        "voip" => LineType::Voip,
        "ask" => return Some((code, (country, None))),
        _ => return None,
    };
    Some((code, (country, Some(line_type))))
}
