//! From what stands in a field to digits: separators, signs of spreadsheets and links, extensions.
use super::PhoneError;

/// The most bytes that a field may have.
const MAX_TEXT: usize = 128;
/// The most digits that are kept; more are too many for any number.
const MAX_DIGITS: usize = 24;
const MAX_EXTENSION: usize = 9;

/// The digits of a field.
pub(super) struct Cleaned {
    /// Whether a `+` stood before them.
    pub plus: bool,
    buffer: [u8; MAX_DIGITS],
    len: usize,
    /// Digits after `ext`, `x` or `#`.
    pub extension: Option<Box<str>>,
}

impl Cleaned {
    /// The digits, in ASCII.
    pub fn digits(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    fn push(&mut self, digit: u8) -> Result<(), PhoneError> {
        *self.buffer.get_mut(self.len).ok_or(PhoneError::TooLong)? = b'0' + digit;
        self.len += 1;
        Ok(())
    }
}

/// Reads a field.
pub(super) fn clean(text: &str) -> Result<Cleaned, PhoneError> {
    if text.len() > MAX_TEXT {
        return Err(PhoneError::TooLong);
    }
    let text = strip(text);
    let mut cleaned = Cleaned { plus: false, buffer: [0; MAX_DIGITS], len: 0, extension: None };
    for (at, c) in text.char_indices() {
        if let Some(digit) = digit_of(c) {
            cleaned.push(digit)?;
        } else if matches!(c, '+' | '\u{ff0b}') {
            if cleaned.len > 0 {
                return Err(PhoneError::TwoNumbers);
            }
            cleaned.plus = true;
        } else if !is_separator(c) {
            if is_scientific(text) {
                return Err(PhoneError::Scientific);
            }
            cleaned.extension = Some(extension(&text[at..], cleaned.len)?);
            break;
        }
    }
    if cleaned.len == 0 {
        return Err(if text.is_empty() { PhoneError::Empty } else { PhoneError::Characters });
    }
    Ok(cleaned)
}

/// Drops what is not the number's: blanks, the apostrophe or `="..."` of a spreadsheet, the scheme of
/// a link, the `.0` of a number that went through a floating-point column.
fn strip(text: &str) -> &str {
    let text = text.trim_matches(is_blank);
    let text = text.strip_prefix('=').unwrap_or(text);
    let text = text.trim_matches(|c| matches!(c, '\'' | '"' | '\u{2018}' | '\u{2019}' | '`') || is_blank(c));
    let text = ["tel:", "callto:", "sms:"].into_iter().find_map(|scheme| strip_scheme(text, scheme)).unwrap_or(text);
    match text.strip_suffix(".0") {
        Some(whole) if whole.len() >= 7 && whole.bytes().all(|b| b.is_ascii_digit()) => whole,
        _ => text,
    }
}

fn strip_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    text.get(..scheme.len()).filter(|start| start.eq_ignore_ascii_case(scheme)).map(|_| &text[scheme.len()..])
}

/// The value of a decimal digit: ASCII, full width, Arabic, Persian, Devanagari.
fn digit_of(c: char) -> Option<u8> {
    let zero = match c {
        '0'..='9' => '0',
        '\u{ff10}'..='\u{ff19}' => '\u{ff10}',
        '\u{660}'..='\u{669}' => '\u{660}',
        '\u{6f0}'..='\u{6f9}' => '\u{6f0}',
        '\u{966}'..='\u{96f}' => '\u{966}',
        _ => return None,
    };
    u8::try_from(u32::from(c) - u32::from(zero)).ok()
}

fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn is_separator(c: char) -> bool {
    let dash = matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ff0d}' | '\u{30fc}' | '\u{ad}');
    let dot = matches!(c, '.' | '\u{ff0e}' | '\u{b7}' | '/' | '\u{ff0f}');
    let bracket = matches!(c, '(' | ')' | '[' | ']' | '\u{ff08}' | '\u{ff09}');
    dash || dot || bracket || is_blank(c)
}

/// Whether a text is a number with an exponent: digits, perhaps a fraction, E, perhaps a sign, digits.
fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else {
        return false;
    };
    let exponent = exponent.trim_start_matches(['+', '-']);
    let numeric = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',' | b'+'));
    numeric(mantissa) && numeric(exponent)
}

/// The digits of what follows a number: `ext. 12`, `extension 12`, `x12`, `#12`, `,12`, `;ext=12`.
fn extension(rest: &str, digits_before: usize) -> Result<Box<str>, PhoneError> {
    let rest = rest.trim_start_matches([',', ';']);
    let word_end = rest.find(|c: char| !c.is_alphabetic() && c != '#').unwrap_or(rest.len());
    let word = rest[..word_end].to_ascii_lowercase();
    let known =
        matches!(word.as_str(), "" | "ext" | "extn" | "extension" | "x" | "xt" | "#" | "int" | "anexo" | "poste");
    if !known || digits_before < 5 {
        return Err(PhoneError::Characters);
    }
    let rest = rest[word_end..].trim_matches(|c: char| matches!(c, '.' | ':' | '=' | '#' | '-') || is_blank(c));
    if rest.chars().any(|c| digit_of(c).is_none()) {
        return Err(PhoneError::Characters);
    }
    let digits: String = rest.chars().filter_map(digit_of).map(|d| char::from(b'0' + d)).collect();
    if digits.is_empty() || digits.len() > MAX_EXTENSION {
        return Err(PhoneError::Extension);
    }
    Ok(digits.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (bool, String, Option<Box<str>>) {
        let cleaned = clean(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        (cleaned.plus, String::from_utf8(cleaned.digits().to_vec()).unwrap(), cleaned.extension)
    }

    fn error(text: &str) -> PhoneError {
        clean(text).err().unwrap_or_else(|| panic!("{text} was taken"))
    }

    #[test]
    fn separators_of_every_country_are_dropped() {
        for text in
            ["+44 20 7946 0000", "\u{a0}+44\u{a0}20\u{202f}7946\u{2009}0000 ", "+44.20.7946.0000", "(+44) 20-7946-0000"]
        {
            assert_eq!(read(text), (true, "442079460000".into(), None), "{text}");
        }
        for text in [
            "+44–20—7946−0000",
            "＋４４　２０　７９４６　００００",
            "\u{202a}+٤٤۲۰ ७९४६ 0000\u{202c}",
            "+44[20]7946/0000",
        ] {
            assert_eq!(read(text), (true, "442079460000".into(), None), "{text}");
        }
    }

    #[test]
    fn the_marks_of_spreadsheets_and_links_are_dropped() {
        for text in [
            "'2125550100",
            "\u{2019}2125550100",
            "=\"2125550100\"",
            "tel:212-555-0100",
            "TEL: 2125550100",
            "2125550100.0",
        ] {
            assert_eq!(read(text), (false, "2125550100".into(), None), "{text}");
        }
        assert_eq!(read("21.25.55.01.0").1, "212555010");
    }

    #[test]
    fn a_rounded_number_is_told_apart_from_letters() {
        for text in ["4.47E+11", "4,47e+11", "447E9", "+4.47911E11"] {
            assert_eq!(error(text), PhoneError::Scientific, "{text}");
        }
        for text in [
            "1-800-FLOWERS",
            "call me",
            "n/a",
            "*67 2125550100",
            "2125550100 or so",
            "-",
            "tel:",
            "442079460000;phone-context=x",
        ] {
            assert_eq!(error(text), if text == "tel:" { PhoneError::Empty } else { PhoneError::Characters }, "{text}");
        }
    }

    #[test]
    fn an_extension_is_kept_apart() {
        for text in [
            "2125550100 ext. 123",
            "2125550100x123",
            "2125550100 #123",
            "tel:2125550100;ext=123",
            "2125550100,,123",
            "2125550100 Extension: 123",
        ] {
            assert_eq!(read(text), (false, "2125550100".into(), Some("123".into())), "{text}");
        }
        assert_eq!(error("2125550100 ext"), PhoneError::Extension);
        assert_eq!(error("2125550100 x1234567890"), PhoneError::Extension);
        assert_eq!(error("2125550100 x12 y"), PhoneError::Characters);
    }

    #[test]
    fn what_is_too_much_is_refused_before_it_is_read() {
        assert_eq!(error(&"1".repeat(25)), PhoneError::TooLong);
        assert_eq!(error(&" ".repeat(129)), PhoneError::TooLong);
        assert_eq!(error("+442079460000 +442079460001"), PhoneError::TwoNumbers);
        assert_eq!(error(""), PhoneError::Empty);
        assert_eq!(error("\u{a0}'"), PhoneError::Empty);
    }
}
