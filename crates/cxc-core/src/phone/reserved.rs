//! Numbers with a meaning of their own: those reserved for fiction and tests that the metadata does
//! not recognise, and emergency numbers.
use crate::device::LineType;

/// Leading digits, count of digits, what the range would be if it were in use. Sources: Ofcom, numbers
/// for drama use (mobile 07700 900, no area 01632 960); ARCEP decision 2018-0881, annex (06 39 98);
/// ACMA, numbers for use in creative works (1800 160 401, 1800 975 707 and neighbours).
const FICTIONAL: &[(&str, usize, LineType)] = &[
    ("447700900", 12, LineType::Mobile),
    ("441632960", 12, LineType::Fixed),
    ("3363998", 11, LineType::Mobile),
    ("611800160", 12, LineType::TollFree),
    ("611800975", 12, LineType::TollFree),
];

/// Emergency numbers of the world, as they are dialled.
const EMERGENCY: &[&str] = &[
    "000", "100", "101", "102", "103", "104", "108", "110", "111", "112", "113", "114", "115", "116", "117", "118",
    "119", "120", "122", "123", "133", "144", "150", "155", "158", "190", "191", "192", "193", "194", "197", "198",
    "199", "911", "988", "990", "991", "992", "993", "994", "995", "996", "997", "998", "999",
];

/// What a number reserved for fiction stands for.
pub(super) fn fictional(digits: &str) -> Option<LineType> {
    let row = FICTIONAL.iter().find(|(prefix, len, _)| digits.len() == *len && digits.starts_with(prefix))?;
    Some(row.2)
}

/// Whether these are all digits of an emergency number.
pub(crate) fn is_emergency(digits: &[u8]) -> bool {
    digits.len() == 3 && EMERGENCY.iter().any(|number| number.as_bytes() == digits)
}
