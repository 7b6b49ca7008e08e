//! Which countries a set speaks of.
use roaring::RoaringTreemap;

use super::BEYOND;

/// How many numbers of a calling code and a length a set holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrefixCount {
    /// The country calling code, such as 1 or 44.
    pub code: u16,
    /// Digits of the numbers, the code included.
    pub digits: u8,
    /// Numbers.
    pub count: u64,
}

/// The calling codes of two digits; of the others 1 and 7 have one and the rest three. The plan is E.164's and has
/// not changed in this since 1968.
const TWO_DIGITS: [u16; 43] = [
    20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58, 60, 61, 62,
    63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95,
];

/// Counted by the borders of each calling code, not by looking at each number.
pub(super) fn of(set: &RoaringTreemap) -> Vec<PrefixCount> {
    let mut found = Vec::new();
    let mut next = set.min();
    while let Some(first) = next {
        let (code, digits, end) = block(first);
        let count = set.range_cardinality(first..end);
        found.push(PrefixCount { code, digits, count });
        let mut rest = set.iter();
        rest.advance_to(end);
        next = rest.next();
    }
    found
}

/// The calling code and length of a number, and the first integer behind all such numbers.
fn block(number: u64) -> (u16, u8, u64) {
    let digits = u8::try_from(number.max(1).ilog10() + 1).unwrap_or(u8::MAX);
    let leading = |n: u8| u16::try_from(number / 10_u64.pow(u32::from(digits.saturating_sub(n)))).unwrap_or(0);
    let len = match leading(1) {
        1 | 7 => 1,
        _ if TWO_DIGITS.contains(&leading(2)) => 2,
        _ => 3,
    };
    let code = leading(len);
    let end = (u64::from(code) + 1) * 10_u64.pow(u32::from(digits.saturating_sub(len)));
    (code, digits, end.min(BEYOND))
}
