//! Text messages: how many parts a text takes, and its bytes.
//!
//! A text in the GSM 03.38 alphabet travels as septets, 160 in one part or 153 in each of several; any other as
//! UCS-2, 70 units or 67. An escape pair or a surrogate pair is never split between parts.
mod filter;
mod gsm;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use filter::smart_filter;

/// The most parts of one message: the part number has eight bits.
pub const MAX_PARTS: usize = 255;

/// How a text travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// GSM 03.38 with its extension table, one septet an octet; SMPP `data_coding` 0.
    Gsm7,
    /// UTF-16, big-endian; SMPP `data_coding` 8.
    Ucs2,
}

impl Encoding {
    /// The encoding that a text needs.
    pub fn of(text: &str) -> Self {
        if text.chars().all(|c| gsm::septets(c).is_some()) { Encoding::Gsm7 } else { Encoding::Ucs2 }
    }

    /// The units that fit into a message of one part.
    pub fn single(self) -> usize {
        match self {
            Encoding::Gsm7 => 160,
            Encoding::Ucs2 => 70,
        }
    }

    /// The units that fit into each of several parts, beside their 6-octet header.
    pub fn each_of_several(self) -> usize {
        match self {
            Encoding::Gsm7 => 153,
            Encoding::Ucs2 => 67,
        }
    }

    /// The octets of a unit in a payload.
    pub fn unit_octets(self) -> usize {
        match self {
            Encoding::Gsm7 => 1,
            Encoding::Ucs2 => 2,
        }
    }

    /// The SMPP `data_coding`.
    pub fn data_coding(self) -> u8 {
        match self {
            Encoding::Gsm7 => 0,
            Encoding::Ucs2 => 8,
        }
    }

    /// The units that a character takes: an extension character or one beyond the first plane takes two.
    fn units(self, c: char) -> usize {
        match self {
            Encoding::Gsm7 => gsm::septets(c).map_or(1, |s| s.len()),
            Encoding::Ucs2 => c.len_utf16(),
        }
    }
}

/// How much of how many parts a text takes: what an editor shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Count {
    /// How it travels.
    pub encoding: Encoding,
    /// Septets or 16-bit units.
    pub units: usize,
    /// The parts it is sent in; 0 for an empty text.
    pub parts: usize,
}

/// Counts a text's units and parts. Nothing is allocated.
pub fn count(text: &str) -> Count {
    let encoding = Encoding::of(text);
    let units: usize = text.chars().map(|c| encoding.units(c)).sum();
    let parts = if units <= encoding.single() {
        usize::from(units > 0)
    } else {
        let mut parts = 1;
        let mut room = encoding.each_of_several();
        for c in text.chars() {
            let needed = encoding.units(c);
            if needed > room {
                (parts, room) = (parts + 1, encoding.each_of_several());
            }
            room -= needed;
        }
        parts
    };
    Count { encoding, units, parts }
}

/// Why a text can't be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SmsError {
    /// There is nothing to send.
    #[error("a message has at least one character")]
    Empty,
    /// It needs more parts than can be numbered.
    #[error("a message takes at most 255 parts; this one takes {parts}")]
    TooLong {
        /// The parts that it would take.
        parts: usize,
    },
}

/// A text as it is sent: one payload a part, without headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segments {
    /// How it travels.
    pub encoding: Encoding,
    /// The payloads, in order: octets of one septet each, or UTF-16 big-endian.
    pub parts: Vec<Vec<u8>>,
}

/// Splits and encodes a text.
pub fn segment(text: &str) -> Result<Segments, SmsError> {
    let Count { encoding, units, parts } = count(text);
    match parts {
        0 => return Err(SmsError::Empty),
        1..=MAX_PARTS => {}
        _ => return Err(SmsError::TooLong { parts }),
    }
    let limit = if parts == 1 { encoding.single() } else { encoding.each_of_several() } * encoding.unit_octets();
    let mut payloads = Vec::with_capacity(parts);
    let mut payload = Vec::with_capacity(limit.min(units * encoding.unit_octets()));
    for c in text.chars() {
        if payload.len() + encoding.units(c) * encoding.unit_octets() > limit {
            payloads.push(std::mem::replace(&mut payload, Vec::with_capacity(limit)));
        }
        encode(encoding, c, &mut payload);
    }
    payloads.push(payload);
    Ok(Segments { encoding, parts: payloads })
}

fn encode(encoding: Encoding, c: char, payload: &mut Vec<u8>) {
    match encoding {
        // the encoding was chosen so that every character has its septets
        Encoding::Gsm7 => payload.extend_from_slice(gsm::septets(c).as_deref().unwrap_or(&[gsm::QUESTION_MARK])),
        Encoding::Ucs2 => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                payload.extend_from_slice(&unit.to_be_bytes());
            }
        }
    }
}

impl Segments {
    /// The user data header of a part, or `None` where there is only one. `index` counts from 0; `reference` is the
    /// same in all parts of a message and differs between messages to one phone.
    pub fn header(&self, reference: u8, index: usize) -> Option<[u8; 6]> {
        let total = u8::try_from(self.parts.len()).ok().filter(|total| *total > 1)?;
        let number = u8::try_from(index + 1).ok().filter(|number| *number <= total)?;
        Some([5, 0, 3, reference, total, number])
    }
}

/// The text of GSM 03.38 octets, one septet each, as a phone shows it: an unknown escape becomes a space.
pub fn decode_gsm7(octets: &[u8]) -> String {
    gsm::decode(octets)
}

/// The text of UTF-16 big-endian octets; what is no text becomes the replacement character.
pub fn decode_ucs2(octets: &[u8]) -> String {
    let (pairs, rest) = octets.as_chunks::<2>();
    let text = char::decode_utf16(pairs.iter().map(|pair| u16::from_be_bytes(*pair)));
    let odd = (!rest.is_empty()).then_some(char::REPLACEMENT_CHARACTER);
    text.map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).chain(odd).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(segments: &Segments) -> String {
        let decode = match segments.encoding {
            Encoding::Gsm7 => decode_gsm7,
            Encoding::Ucs2 => decode_ucs2,
        };
        segments.parts.iter().map(|part| decode(part)).collect()
    }

    fn lengths(text: &str) -> Vec<usize> {
        segment(text).unwrap().parts.iter().map(Vec::len).collect()
    }

    #[test]
    fn the_limits_of_one_and_of_several_parts_are_exact() {
        assert_eq!(lengths(&"a".repeat(160)), [160]);
        assert_eq!(lengths(&"a".repeat(161)), [153, 8]);
        assert_eq!(lengths(&"a".repeat(307)), [153, 153, 1]);
        assert_eq!(lengths(&"я".repeat(70)), [140]);
        assert_eq!(lengths(&"я".repeat(71)), [134, 8]);
    }

    #[test]
    fn an_extension_character_takes_two_septets_and_is_never_split() {
        assert_eq!(lengths(&"€".repeat(80)), [160]);
        assert_eq!(lengths(&"€".repeat(81)), [152, 10]);
        assert_eq!(segment("[€]").unwrap().parts, [vec![0x1b, 0x3c, 0x1b, 0x65, 0x1b, 0x3e]]);
    }

    #[test]
    fn a_surrogate_pair_is_never_split() {
        assert_eq!(lengths(&"😀".repeat(35)), [140]);
        assert_eq!(lengths(&"😀".repeat(36)), [132, 12]);
    }

    #[test]
    fn one_character_outside_the_alphabet_makes_the_whole_message_ucs2() {
        assert_eq!(count("it’s").encoding, Encoding::Ucs2);
        assert_eq!(count("it's").encoding, Encoding::Gsm7);
        assert_eq!(segment("Aя").unwrap().parts, [vec![0x00, 0x41, 0x04, 0x4f]]);
    }

    #[test]
    fn a_message_takes_at_most_255_parts() {
        assert_eq!(segment(&"a".repeat(153 * 255)).unwrap().parts.len(), 255);
        assert_eq!(segment(&"a".repeat(153 * 255 + 1)), Err(SmsError::TooLong { parts: 256 }));
        assert_eq!(segment(""), Err(SmsError::Empty));
        assert_eq!(count("").parts, 0);
    }

    #[test]
    fn only_a_part_of_several_has_a_header() {
        assert_eq!(segment("a").unwrap().header(9, 0), None);
        let three = segment(&"a".repeat(400)).unwrap();
        assert_eq!(three.header(9, 2), Some([5, 0, 3, 9, 3, 3]));
        assert_eq!(three.header(9, 3), None);
    }

    #[test]
    fn what_is_no_text_does_not_break_the_decoders() {
        assert_eq!(decode_ucs2(&[0xd8, 0x00, 0x00]), "\u{fffd}\u{fffd}");
        assert_eq!(decode_gsm7(&[0x1b, 0x7f, 0xff, 0x1b]), "\u{a0}?\u{a0}".replace('\u{a0}', " "));
    }

    fn gsm_text() -> impl Strategy<Value = String> {
        prop::collection::vec(0u8..128, 0..700).prop_map(|codes| {
            let escapes = [0x0a, 0x14, 0x28, 0x29, 0x2f, 0x3c, 0x3d, 0x3e, 0x40, 0x65];
            let septets: Vec<u8> = codes
                .iter()
                .flat_map(|c| if *c == 0x1b { vec![0x1b, escapes[codes.len() % 10]] } else { vec![*c] })
                .collect();
            decode_gsm7(&septets)
        })
    }

    proptest! {
        #[test]
        fn a_text_survives_and_no_part_is_longer_than_allowed(
            text in prop_oneof![gsm_text(), "\\PC{0,300}", "[a-z€😀я]{0,300}"]
        ) {
            prop_assume!(!text.is_empty());
            let segments = segment(&text).unwrap();
            prop_assert_eq!(decoded(&segments), text.as_str());
            prop_assert_eq!(segments.encoding, Encoding::of(&text));
            let counted = count(&text);
            prop_assert_eq!(segments.parts.len(), counted.parts);
            let octets: usize = segments.parts.iter().map(Vec::len).sum();
            prop_assert_eq!(octets, counted.units * segments.encoding.unit_octets());
            let several = segments.parts.len() > 1;
            let units = if several { segments.encoding.each_of_several() } else { segments.encoding.single() };
            for (i, part) in segments.parts.iter().enumerate() {
                prop_assert!(!part.is_empty() && part.len() <= units * segments.encoding.unit_octets());
                // only a pair that would not fit leaves a unit free
                prop_assert!(i + 1 == segments.parts.len() || part.len() >= (units - 1) * segments.encoding.unit_octets());
            }
        }

        #[test]
        fn every_part_is_whole_by_itself(text in "[a-z€\\[\\]я😀]{150,400}") {
            for part in &segment(&text).unwrap().parts {
                let alone = match count(&text).encoding { Encoding::Gsm7 => decode_gsm7(part), Encoding::Ucs2 => decode_ucs2(part) };
                prop_assert!(!alone.contains(char::REPLACEMENT_CHARACTER));
                prop_assert!(text.contains(&alone));
            }
        }

        #[test]
        fn decoding_anything_does_not_fail(octets in prop::collection::vec(any::<u8>(), 0..300)) {
            decode_gsm7(&octets);
            decode_ucs2(&octets);
        }
    }
}
