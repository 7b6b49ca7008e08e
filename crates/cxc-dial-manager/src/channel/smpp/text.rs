//! Texts that an SMS centre brings: alphabets and user data headers.
use cxc_core::sms::{decode_gsm7, decode_ucs2};

// a part's place in its message: reference, parts in all, number of this part
type Place = (u16, u8, u8);

/// Header and text of a message that came in.
pub(super) fn split_header(message: &[u8], has_header: bool) -> (Option<Place>, &[u8]) {
    let Some((length, rest)) = message.split_first().filter(|_| has_header) else { return (None, message) };
    let Some((mut header, text)) = rest.split_at_checked(usize::from(*length)) else { return (None, message) };
    while let [id, size, rest @ ..] = header {
        let Some((value, rest)) = rest.split_at_checked(usize::from(*size)) else { break };
        match (id, value) {
            (0x00, [reference, total, number]) => return (Some((u16::from(*reference), *total, *number)), text),
            (0x08, [high, low, total, number]) => {
                return (Some((u16::from_be_bytes([*high, *low]), *total, *number)), text);
            }
            _ => header = rest,
        }
    }
    (None, text)
}

/// The text of a message that came in.
pub(super) fn decode(bytes: &[u8], data_coding: u8, latin1: bool) -> String {
    match alphabet(data_coding) {
        // an odd byte at the end is not part of the text
        Alphabet::Ucs2 => decode_ucs2(bytes.get(..bytes.len() & !1).unwrap_or_default()),
        Alphabet::Latin1 => bytes.iter().map(|b| char::from(*b)).collect(),
        Alphabet::Default if latin1 => bytes.iter().map(|b| char::from(*b)).collect(),
        Alphabet::Default => decode_gsm7(bytes),
    }
}

enum Alphabet {
    Default,
    Latin1,
    Ucs2,
}

fn alphabet(data_coding: u8) -> Alphabet {
    match data_coding {
        // IA5, octets, Latin-1, octets: as it is
        0x01..=0x04 => Alphabet::Latin1,
        0x08 => Alphabet::Ucs2,
        // message class and waiting groups name their alphabet in two bits
        0x10..=0x3F if data_coding & 0x0C == 0x08 => Alphabet::Ucs2,
        0x10..=0x3F if data_coding & 0x0C == 0x04 => Alphabet::Latin1,
        0xE0..=0xEF => Alphabet::Ucs2,
        0xF4..=0xF7 | 0xFC..=0xFF => Alphabet::Latin1,
        _ => Alphabet::Default,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_8_or_16_bits_is_found_among_others() {
        assert_eq!(split_header(&[5, 0, 3, 9, 2, 1, b'x'], true), (Some((9, 2, 1)), &b"x"[..]));
        assert_eq!(split_header(&[6, 8, 4, 1, 2, 3, 2, b'x'], true), (Some((258, 3, 2)), &b"x"[..]));
        assert_eq!(split_header(&[9, 4, 2, 1, 2, 0, 3, 9, 2, 1, b'x'], true), (Some((9, 2, 1)), &b"x"[..]));
    }

    #[test]
    fn a_header_that_lies_does_not_swallow_the_text() {
        assert_eq!(split_header(&[200, 0, 3], true), (None, &[200, 0, 3][..]));
        assert_eq!(split_header(&[3, 0, 200, 1, b'x'], true), (None, &b"x"[..]));
        assert_eq!(split_header(&[], true), (None, &[][..]));
        assert_eq!(split_header(b"STOP", false), (None, &b"STOP"[..]));
    }

    #[test]
    fn the_alphabets_of_inbound_messages_are_told_apart() {
        assert_eq!(decode(b"STOP", 0, false), "STOP");
        assert_eq!(decode(&[0x00, 0x1B, 0x65], 0, false), "@€");
        assert_eq!(decode(&[0xE9], 3, false), "é");
        assert_eq!(decode(&[0xE9], 0, true), "é");
        assert_eq!(decode(&[0x04, 0x16, 0xD8], 8, false), "Ж");
        assert_eq!(decode(&[0x04, 0x16], 0x18, false), "Ж");
        assert_eq!(decode(b"STOP", 0xF0, false), "STOP");
    }
}
