//! What the parser knows of numbering plans beside the library: asking the library costs several
//! passes over its patterns, these tables one look-up.
use rlibphonenumber::{PhoneNumber as Parsed, PhoneNumberFormat, PhoneNumberType, PhoneNumberUtil};

use super::PhoneTablesError;
use crate::location::{Country, DigitTrie};

/// Prefixes of the lesser countries of a shared calling code; written by `scripts/data/plans.py`.
const SHARED: &str = include_str!("../../data/phone/shared.tsv");
/// Countries whose numbers have area codes; written by `scripts/data/plans.py`.
const AREA: &str = include_str!("../../data/phone/area.tsv");
const CHINA: i32 = 86;
const ARGENTINA: i32 = 54;

pub(super) struct Plans {
    lesser: DigitTrie,
    countries: Vec<Country>,
    with_area_codes: Vec<Country>,
}

impl Plans {
    pub fn embedded() -> Result<Self, PhoneTablesError> {
        let (mut lesser, mut countries) = (DigitTrie::new(), Vec::new());
        for row in rows(SHARED) {
            let (prefix, code) = row.split_once('\t').ok_or(PhoneTablesError::Plans)?;
            let country = Country::from_code(code).ok_or(PhoneTablesError::Plans)?;
            let at = countries.iter().position(|c| *c == country).unwrap_or_else(|| {
                countries.push(country);
                countries.len() - 1
            });
            let at = u16::try_from(at).map_err(|_| PhoneTablesError::Plans)?;
            lesser.insert(prefix, at).ok_or(PhoneTablesError::Plans)?;
        }
        let with_area_codes = rows(AREA).map(|code| Country::from_code(code).ok_or(PhoneTablesError::Plans));
        Ok(Self { lesser, countries, with_area_codes: with_area_codes.collect::<Result<_, _>>()? })
    }

    /// The lesser country whose prefix these digits have: Guernsey for 44 1481.
    pub fn lesser_country(&self, digits: &str) -> Option<Country> {
        Some(self.countries[usize::from(self.lesser.longest(digits)?)])
    }

    /// How many digits of a national number are its area code, as the library's
    /// `get_length_of_geographical_area_code` has it; 0 where there is none.
    pub fn area_code_len(
        &self,
        library: &PhoneNumberUtil,
        parsed: &Parsed,
        kind: PhoneNumberType,
        country: Country,
    ) -> usize {
        let mobile = kind == PhoneNumberType::Mobile;
        let code = parsed.country_code;
        if !library.is_number_geographical_by_country_code_and_type(kind, code) || (mobile && code == CHINA) {
            return 0;
        }
        if self.with_area_codes.binary_search(&country).is_err() && !parsed.italian_leading_zero() {
            return 0;
        }
        let text = library.format(parsed, PhoneNumberFormat::International);
        let mut groups =
            text.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty()).skip(1).map(str::len);
        match (groups.next(), groups.next()) {
            // The mobile token 9 stands before the area code and is part of the number.
            (Some(token), Some(area)) if mobile && code == ARGENTINA => token + area,
            (Some(area), Some(_)) => area,
            _ => 0,
        }
    }
}

fn rows(table: &str) -> impl Iterator<Item = &str> {
    table.lines().filter(|line| !line.starts_with('#'))
}
