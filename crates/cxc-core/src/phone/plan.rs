//! What the parser knows of numbering plans beside the library: type, country and area code by automata
//! of the metadata's patterns. The library would answer the same from regular expressions that take
//! 400 MB once numbers of every country have been seen.
use std::collections::HashMap;
use std::sync::OnceLock;

use super::PhoneTablesError;
use super::automaton::Automaton;
use crate::device::LineType;
use crate::location::{Country, DigitTrie};

/// Prefixes of the lesser countries of a shared calling code; written by `scripts/data/plans.py`.
const SHARED: &str = include_str!("../../data/phone/shared.tsv");
/// Patterns of types by country; written by `scripts/data/patterns.py`.
const TYPES: &str = include_str!("../../data/phone/types.tsv");
/// Leading digits and lengths by which area codes are told; written by `scripts/data/patterns.py`.
const AREAS: &str = include_str!("../../data/phone/areas.tsv");

/// Countries whose mobile numbers have area codes: Argentina, Brazil, Indonesia, Mexico.
const MOBILE_AREA_CODES: [&str; 4] = ["AR", "BR", "ID", "MX"];

/// Patterns that are compiled when they are first asked.
struct Lazy<R> {
    rows: Vec<(R, &'static str)>,
    compiled: OnceLock<Option<Automaton>>,
}

impl<R> Default for Lazy<R> {
    fn default() -> Self {
        Self { rows: Vec::new(), compiled: OnceLock::new() }
    }
}

impl<R> Lazy<R> {
    fn automaton(&self) -> Option<&Automaton> {
        let compile = || Automaton::new(self.rows.iter().map(|(_, pattern)| *pattern)).ok();
        self.compiled.get_or_init(compile).as_ref()
    }
}

/// A kind of number: what it is, and the lengths that it has, a bit each.
struct Kind {
    what: What,
    lengths: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    General,
    Fixed,
    Mobile,
    Type(LineType),
}

/// The lengths of a national number, and how many digits of it are its area code.
struct Area {
    shortest: usize,
    longest: usize,
    digits: usize,
    /// Only numbers that begin with a zero have area codes, as in Italy.
    zero: bool,
}

pub(super) struct Plans {
    lesser: DigitTrie,
    countries: Vec<Country>,
    types: HashMap<Country, Lazy<Kind>>,
    areas: HashMap<Country, Lazy<Area>>,
}

impl Plans {
    pub fn embedded() -> Result<Self, PhoneTablesError> {
        let (mut lesser, mut countries) = (DigitTrie::new(), Vec::new());
        each(SHARED, |[prefix, code]| {
            let country = Country::from_code(code)?;
            let at = countries.iter().position(|c| *c == country).unwrap_or_else(|| {
                countries.push(country);
                countries.len() - 1
            });
            lesser.insert(prefix, u16::try_from(at).ok()?)
        })?;
        let mut types: HashMap<Country, Lazy<Kind>> = HashMap::new();
        each(TYPES, |[code, kind, lengths, pattern]| {
            let lengths = lengths.split(',').try_fold(0, |all, n| Some(all | 1u32.checked_shl(n.parse().ok()?)?))?;
            types
                .entry(Country::from_code(code)?)
                .or_default()
                .rows
                .push((Kind { what: what(kind)?, lengths }, pattern));
            Some(())
        })?;
        let mut areas: HashMap<Country, Lazy<Area>> = HashMap::new();
        each(AREAS, |[code, lengths, digits, leading]| {
            let (shortest, longest) = lengths.split_once('-')?;
            let zero = digits.len() == 2;
            let [shortest, longest, digits] = [shortest, longest, digits].map(|n| n.parse().ok());
            let area = Area { shortest: shortest?, longest: longest?, digits: digits?, zero };
            areas.entry(Country::from_code(code)?).or_default().rows.push((area, leading));
            Some(())
        })?;
        Ok(Self { lesser, countries, types, areas })
    }

    /// The lesser country whose prefix these digits have: Guernsey for 44 1481.
    pub fn lesser_country(&self, digits: &str) -> Option<Country> {
        Some(self.countries[usize::from(self.lesser.longest(digits)?)])
    }

    /// The type of a national number of a country.
    pub fn line_type(&self, country: Country, national: &[u8]) -> LineType {
        self.line_type_if_known(country, national).unwrap_or(LineType::Unknown)
    }

    fn line_type_if_known(&self, country: Country, national: &[u8]) -> Option<LineType> {
        let patterns = self.types.get(&country)?;
        let fits = patterns.automaton()?.whole(national);
        let length = 1u32.checked_shl(u32::try_from(national.len()).ok()?)?;
        let is = |wanted: What| {
            let fit = |(at, (kind, _)): (usize, &(Kind, _))| {
                kind.what == wanted && fits >> at & 1 == 1 && kind.lengths & length != 0
            };
            patterns.rows.iter().enumerate().any(fit)
        };
        if !is(What::General) {
            return None;
        }
        let placeless = patterns.rows.iter().filter_map(|(kind, _)| match kind.what {
            What::Type(line_type) => Some(line_type),
            _ => None,
        });
        placeless.into_iter().find(|line_type| is(What::Type(*line_type))).or(
            match (is(What::Fixed), is(What::Mobile)) {
                (true, true) => Some(LineType::FixedOrMobile),
                (true, false) => Some(LineType::Fixed),
                (false, true) => Some(LineType::Mobile),
                (false, false) => None,
            },
        )
    }

    /// How many digits of a national number are its area code; 0 where there is none. `main` is the first
    /// country of the calling code, whose formats count for all.
    pub fn area_code_len(&self, main: Country, line_type: LineType, national: &[u8]) -> usize {
        let geographic = match line_type {
            LineType::Fixed | LineType::FixedOrMobile => true,
            LineType::Mobile => MOBILE_AREA_CODES.contains(&main.as_str()),
            _ => false,
        };
        let Some(formats) = self.areas.get(&main).filter(|_| geographic) else {
            return 0;
        };
        let fits = formats.automaton().map_or(0, |automaton| automaton.beginning(national));
        let fit = |(at, (area, _)): &(usize, &(Area, _))| {
            let right_length = (area.shortest..=area.longest).contains(&national.len());
            fits >> at & 1 == 1 && right_length && (!area.zero || national.starts_with(b"0"))
        };
        formats.rows.iter().enumerate().find(fit).map_or(0, |(_, (area, _))| area.digits)
    }
}

fn what(kind: &str) -> Option<What> {
    Some(match kind {
        "general" => What::General,
        "fixed" => What::Fixed,
        "mobile" => What::Mobile,
        "premium" => What::Type(LineType::Premium),
        "toll_free" => What::Type(LineType::TollFree),
        "shared_cost" => What::Type(LineType::SharedCost),
        "voip" => What::Type(LineType::Voip),
        "personal" | "pager" | "uan" | "voicemail" => What::Type(LineType::Other),
        _ => return None,
    })
}

/// Hands every row of N columns to a function; nothing from it is a fault of the table.
fn each<const N: usize>(
    table: &'static str,
    mut row: impl FnMut([&'static str; N]) -> Option<()>,
) -> Result<(), PhoneTablesError> {
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let columns: Option<[&str; N]> = line.split('\t').collect::<Vec<_>>().try_into().ok();
        columns.and_then(&mut row).ok_or(PhoneTablesError::Plans)?;
    }
    Ok(())
}
