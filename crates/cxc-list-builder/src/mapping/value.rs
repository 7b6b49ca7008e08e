//! A column's text as a value: without what programs put around it.
use crate::file::trim;

/// The value without space around it; Excel's `="0123"` is unwrapped.
pub(super) fn clean(text: &str) -> &str {
    let text = trim(text);
    if text.as_bytes().first() == Some(&b'=') {
        return text.strip_prefix("=\"").and_then(|t| t.strip_suffix('"')).map_or(text, trim);
    }
    text
}

/// A device's or an id's text: also without the apostrophe by which Excel marks text, and empty where
/// a program wrote a word for nothing.
pub(super) fn clean_key(text: &str) -> &str {
    let text = clean(text);
    let text = text.strip_prefix('\'').map_or(text, trim);
    if text.len() <= LONGEST && NOTHING.iter().any(|word| text.eq_ignore_ascii_case(word)) { "" } else { text }
}

/// Words of databases, data frames and spreadsheets for no value.
const NOTHING: &[&str] = &[
    "null",
    "\\n",
    "n/a",
    "na",
    "#n/a",
    "none",
    "nil",
    "-",
    "--",
    ".",
    "unknown",
    "(null)",
    "nan",
    "nat",
    "<na>",
    "inf",
    "+inf",
    "-inf",
    "infinity",
    "-infinity",
    "#null!",
    "#div/0!",
    "#value!",
    "#ref!",
    "#name?",
    "#num!",
];
/// The bytes of the longest of them.
const LONGEST: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_excel_puts_around_a_value_is_taken_away() {
        assert_eq!(clean("\u{A0}=\"00123\" "), "00123");
        assert_eq!(clean_key("'+12025550123"), "+12025550123");
        for word in ["N/A", "NaN", "inf", "-Infinity", "#N/A", "#DIV/0!"] {
            assert_eq!(clean_key(word), "", "{word}");
        }
        assert_eq!(clean_key("Nancy"), "Nancy");
        assert_eq!(clean("Null"), "Null");
        assert_eq!(clean("=\""), "=\"");
    }
}
