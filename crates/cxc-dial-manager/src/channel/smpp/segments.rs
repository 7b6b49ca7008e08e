//! Cuts a text into what single submits carry.
use super::text::{ESCAPE, EXTENDED, GSM};

/// Octets of one submit: seven-bit characters travel one to an octet.
const GSM_SINGLE: usize = 160;
const GSM_PART: usize = 153;
const UCS2_SINGLE: usize = 140;
const UCS2_PART: usize = 134;
/// A user data header counts its parts in one octet.
const PARTS_LIMIT: usize = 255;
const UCS2: u8 = 0x08;

/// What one submit carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub bytes: Vec<u8>,
    pub has_header: bool,
    pub data_coding: u8,
    pub as_payload: bool,
}

// a text in its alphabet, character by character: none may be cut
struct Encoded {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    data_coding: u8,
    single: usize,
    part: usize,
}

/// The submits of a text; none if it is empty or too long. `latin1`: what the centre means by alphabet 0.
pub(super) fn pieces(text: &str, reference: u16, as_payload: bool, latin1: bool) -> Vec<Piece> {
    let encoded = gsm(text, latin1).unwrap_or_else(|| ucs2(text));
    let (bytes, data_coding) = (&encoded.bytes, encoded.data_coding);
    if bytes.is_empty() {
        return Vec::new();
    }
    if bytes.len() <= encoded.single {
        return vec![Piece { bytes: encoded.bytes, has_header: false, data_coding, as_payload: false }];
    }
    let cuts = cuts(&encoded);
    let Ok(total) = u8::try_from(cuts.len()) else { return Vec::new() };
    if as_payload {
        return vec![Piece { bytes: encoded.bytes, has_header: false, data_coding, as_payload }];
    }
    let mut from = 0;
    let mut pieces = Vec::with_capacity(cuts.len());
    for (number, to) in (1_u8..=total).zip(cuts) {
        let mut part = vec![5, 0, 3, reference.to_le_bytes()[0], total, number];
        part.extend_from_slice(&encoded.bytes[from..to]);
        pieces.push(Piece { bytes: part, has_header: true, data_coding, as_payload: false });
        from = to;
    }
    pieces
}

// where each part ends; one more than the limit if there are too many
fn cuts(encoded: &Encoded) -> Vec<usize> {
    let mut cuts = Vec::new();
    let (mut from, mut last) = (0, 0);
    for end in &encoded.ends {
        if end - from > encoded.part {
            cuts.push(last);
            from = last;
        }
        last = *end;
        if cuts.len() > PARTS_LIMIT {
            break;
        }
    }
    cuts.push(last);
    cuts
}

fn gsm(text: &str, latin1: bool) -> Option<Encoded> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut ends = Vec::with_capacity(text.len());
    for c in text.chars() {
        match septet(c) {
            Some(_) if latin1 => bytes.push(u8::try_from(c).ok()?),
            Some(code) => bytes.push(code),
            None if latin1 => return None,
            None => {
                let (code, _) = EXTENDED.iter().find(|(_, e)| *e == c)?;
                bytes.extend([ESCAPE, *code]);
            }
        }
        ends.push(bytes.len());
    }
    Some(Encoded { bytes, ends, data_coding: 0, single: GSM_SINGLE, part: GSM_PART })
}

fn septet(c: char) -> Option<u8> {
    // most texts are of letters, whose place is their ASCII code
    if matches!(c, 'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' | '%'..='?' | '!'..='#') {
        return u8::try_from(c).ok();
    }
    let place = GSM.iter().position(|g| *g == c && *g != '\u{1b}')?;
    u8::try_from(place).ok()
}

fn ucs2(text: &str) -> Encoded {
    let mut bytes = Vec::with_capacity(text.len() * 2);
    let mut ends = Vec::with_capacity(text.len());
    for c in text.chars() {
        for unit in c.encode_utf16(&mut [0; 2]) {
            bytes.extend(unit.to_be_bytes());
        }
        ends.push(bytes.len());
    }
    Encoded { bytes, ends, data_coding: UCS2, single: UCS2_SINGLE, part: UCS2_PART }
}

#[cfg(test)]
mod tests {
    use super::super::text::{decode, split_header};
    use super::*;

    fn count(text: &str) -> usize {
        pieces(text, 1, false, false).len()
    }

    // what a phone would show
    fn shown(text: &str) -> String {
        let join = |piece: &Piece| decode(split_header(&piece.bytes, piece.has_header).1, piece.data_coding, false);
        pieces(text, 7, false, false).iter().map(join).collect()
    }

    #[test]
    fn the_limits_are_160_and_153_or_70_and_67() {
        assert_eq!([count(&"a".repeat(160)), count(&"a".repeat(161)), count(&"a".repeat(306))], [1, 2, 2]);
        assert_eq!(count(&"a".repeat(307)), 3);
        assert_eq!([count(&"ж".repeat(70)), count(&"ж".repeat(71)), count(&"ж".repeat(134))], [1, 2, 2]);
        assert_eq!(count(&"ж".repeat(135)), 3);
        assert_eq!([count(&"€".repeat(80)), count(&"€".repeat(81))], [1, 2]);
    }

    #[test]
    fn every_text_comes_out_as_it_went_in() {
        let gsm: String = GSM.iter().chain(EXTENDED.iter().map(|(_, c)| c)).filter(|c| **c != '\u{1b}').collect();
        for text in [gsm.as_str(), "жизнь 🎉 x", &"€uro ".repeat(70), &"ab🎉".repeat(90)] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn an_emoji_or_an_escape_is_never_cut() {
        for shift in 0..3 {
            let text = format!("{}{}", "x".repeat(shift), "🎉".repeat(70));
            assert_eq!(shown(&text), text);
            let text = format!("{}{}", "x".repeat(shift), "{}".repeat(90));
            assert_eq!(shown(&text), text);
        }
    }

    #[test]
    fn a_payload_is_one_piece_and_too_much_is_none() {
        let long = "a".repeat(1_000);
        let whole = pieces(&long, 1, true, false);
        assert!(whole.len() == 1 && whole[0].as_payload && whole[0].bytes.len() == 1_000);
        assert!(pieces("", 1, false, false).is_empty());
        assert!(pieces(&"a".repeat(153 * 255 + 1), 1, false, false).is_empty());
        assert_eq!(count(&"a".repeat(153 * 255)), 255);
    }

    #[test]
    fn a_centre_of_latin_1_gets_its_own_codes() {
        assert_eq!(pieces("ä@", 1, false, true)[0].bytes, [0xE4, 0x40]);
        assert_eq!(pieces("ä@", 1, false, false)[0].bytes, [0x7B, 0x00]);
        assert_eq!(pieces("Δ", 1, false, true)[0].data_coding, UCS2);
    }
}
