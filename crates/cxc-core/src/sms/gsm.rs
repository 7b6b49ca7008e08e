//! The GSM 03.38 default alphabet and its extension table (3GPP TS 23.038, section 6.2.1).
use std::ops::Deref;

/// The septet that calls the extension table.
const ESCAPE: u8 = 0x1b;

pub(super) const QUESTION_MARK: u8 = 0x3f;

/// The default alphabet by septet. The escape stands for itself and is never text.
const BASIC: [char; 128] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å', //
    'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', '\u{1b}', 'Æ', 'æ', 'ß', 'É', //
    ' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/', //
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?', //
    '¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', //
    'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§', //
    '¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', //
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à',
];

/// The extension table.
const EXTENSION: [(u8, char); 10] = [
    (0x0a, '\u{c}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2f, '\\'),
    (0x3c, '['),
    (0x3d, '~'),
    (0x3e, ']'),
    (0x40, '|'),
    (0x65, '€'),
];

/// Marks a character that the default alphabet does not have.
const ABSENT: u8 = 0xff;

/// The septets of the first 256 characters.
const LATIN: [u8; 256] = latin();

const fn latin() -> [u8; 256] {
    let mut table = [ABSENT; 256];
    let mut septet = 0;
    while septet < 128 {
        let c = BASIC[septet as usize] as usize;
        if c < 256 && septet != ESCAPE {
            table[c] = septet;
        }
        septet += 1;
    }
    table
}

/// One septet, or the escape and another.
pub(super) struct Septets {
    bytes: [u8; 2],
    escaped: bool,
}

impl Deref for Septets {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        if self.escaped { &self.bytes } else { &self.bytes[1..] }
    }
}

/// The septets of a character; `None` if the alphabet does not have it.
pub(super) fn septets(c: char) -> Option<Septets> {
    let basic = match LATIN.get(c as usize) {
        Some(septet) => Some(*septet).filter(|s| *s != ABSENT),
        // the Greek capitals stand together, so this search is short
        None => BASIC[0x10..0x1b].iter().position(|b| *b == c).and_then(|i| u8::try_from(i + 0x10).ok()),
    };
    if let Some(septet) = basic {
        return Some(Septets { bytes: [ESCAPE, septet], escaped: false });
    }
    let (septet, _) = EXTENSION.iter().find(|(_, e)| *e == c)?;
    Some(Septets { bytes: [ESCAPE, *septet], escaped: true })
}

/// The text of octets of one septet each. Unknown escapes become a space, octets over 127 a question mark.
pub(super) fn decode(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    let mut octets = octets.iter();
    while let Some(octet) = octets.next() {
        text.push(match *octet {
            ESCAPE => octets.next().and_then(|o| EXTENSION.iter().find(|(s, _)| s == o)).map_or(' ', |(_, c)| *c),
            octet => BASIC.get(usize::from(octet)).copied().unwrap_or('?'),
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_of_the_alphabet_has_its_own_septet() {
        for (septet, c) in (0u8..).zip(BASIC).filter(|(septet, _)| *septet != ESCAPE) {
            assert_eq!(septets(c).as_deref(), Some(&[septet][..]), "{c}");
        }
        for (septet, c) in EXTENSION {
            assert_eq!(septets(c).as_deref(), Some(&[ESCAPE, septet][..]), "{c}");
        }
    }

    #[test]
    fn what_only_looks_like_the_alphabet_is_not_in_it() {
        for c in ['`', 'ç', '’', '\u{a0}', '\t', '\u{1b}', 'Α', '“', '–', '\0'] {
            assert!(septets(c).is_none(), "{c:?}");
        }
    }
}
