//! Cuts a text into what single submits carry.
use cxc_core::sms::{Encoding, Segments, decode_gsm7, segment};

const UCS2_PART: usize = 67;
const UCS2: u8 = 0x08;

/// What one submit carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub bytes: Vec<u8>,
    pub has_header: bool,
    pub data_coding: u8,
    pub as_payload: bool,
}

/// The submits of a text; none if it is empty or too long. `latin1`: what the centre means by alphabet 0.
pub(super) fn pieces(text: &str, reference: u16, as_payload: bool, latin1: bool) -> Vec<Piece> {
    let Ok(segments) = segment(text) else { return Vec::new() };
    let data_coding = segments.encoding.data_coding();
    let (segments, data_coding) = match (segments.encoding, latin1) {
        (Encoding::Gsm7, true) => in_latin1(&segments).map_or_else(|| (in_ucs2(text), UCS2), |s| (s, data_coding)),
        _ => (segments, data_coding),
    };
    let several = segments.parts.len() > 1;
    if several && as_payload {
        return vec![Piece { bytes: segments.parts.concat(), has_header: false, data_coding, as_payload }];
    }
    let [reference, _] = reference.to_le_bytes();
    let with_header = |(index, part): (usize, &Vec<u8>)| {
        let mut bytes = segments.header(reference, index).map(Vec::from).unwrap_or_default();
        let has_header = !bytes.is_empty();
        bytes.extend_from_slice(part);
        Piece { bytes, has_header, data_coding, as_payload: false }
    };
    segments.parts.iter().enumerate().map(with_header).collect()
}

// the same parts, since on the air they are GSM again; none if a character has no code in Latin-1
fn in_latin1(segments: &Segments) -> Option<Segments> {
    let code = |part: &Vec<u8>| decode_gsm7(part).chars().map(|c| u8::try_from(c).ok()).collect::<Option<Vec<u8>>>();
    let parts = segments.parts.iter().map(code).collect::<Option<Vec<_>>>()?;
    Some(Segments { encoding: Encoding::Gsm7, parts })
}

fn in_ucs2(text: &str) -> Segments {
    let mut parts = vec![Vec::new()];
    let limit = if text.encode_utf16().count() > Encoding::Ucs2.single() { UCS2_PART } else { Encoding::Ucs2.single() };
    for c in text.chars() {
        if parts.last().is_some_and(|part: &Vec<u8>| part.len() + c.len_utf16() * 2 > limit * 2) {
            parts.push(Vec::new());
        }
        if let Some(part) = parts.last_mut() {
            part.extend(c.encode_utf16(&mut [0; 2]).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    Segments { encoding: Encoding::Ucs2, parts }
}

#[cfg(test)]
mod tests {
    use super::super::text::{decode, split_header};
    use super::*;

    // what a phone would show
    fn shown(text: &str, latin1: bool) -> String {
        let join = |piece: &Piece| decode(split_header(&piece.bytes, piece.has_header).1, piece.data_coding, latin1);
        pieces(text, 7, false, latin1).iter().map(join).collect()
    }

    #[test]
    fn every_text_comes_out_as_it_went_in_whatever_the_centres_alphabet() {
        for text in ["a", "жизнь 🎉 x", &"€uro ".repeat(70), &"ab🎉".repeat(90), &"Grüße @ {x} ".repeat(30)]
        {
            assert_eq!(shown(text, false), text);
            assert_eq!(shown(text, true), text);
        }
    }

    #[test]
    fn only_parts_of_several_have_a_header() {
        let one = pieces("Hello", 1, false, false);
        assert!(one.len() == 1 && !one[0].has_header);
        let two = pieces(&"a".repeat(161), 0x0109, false, false);
        assert_eq!([&two[0].bytes[..6], &two[1].bytes[..6]], [[5, 0, 3, 9, 2, 1], [5, 0, 3, 9, 2, 2]]);
        assert_eq!((two[0].bytes.len(), two[1].bytes.len()), (159, 14));
    }

    #[test]
    fn a_payload_is_one_piece_and_too_much_is_none() {
        let long = "a".repeat(1_000);
        let whole = pieces(&long, 1, true, false);
        assert!(whole.len() == 1 && whole[0].as_payload && whole[0].bytes.len() == 1_000);
        assert!(pieces("", 1, false, false).is_empty());
        assert!(pieces(&"a".repeat(153 * 255 + 1), 1, false, false).is_empty());
    }

    #[test]
    fn a_centre_of_latin_1_gets_its_own_codes() {
        assert_eq!(pieces("ä@", 1, false, true)[0].bytes, [0xE4, 0x40]);
        assert_eq!(pieces("ä@", 1, false, false)[0].bytes, [0x7B, 0x00]);
        assert_eq!(pieces("Δ", 1, false, true)[0].data_coding, UCS2);
    }
}
