//! What counts as space around a value.

/// Whether a character is space to a reader of lists: white space with its no-break forms, the
/// zero-width and direction marks that office programs and messengers leave behind, a stray
/// byte-order mark, and the end-of-file sign of old systems.
pub fn is_space(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{2066}'..='\u{2069}')
        || matches!(c, '\u{FEFF}' | '\u{1A}')
}

/// The value without space around it.
pub fn trim(text: &str) -> &str {
    let plain = |b: Option<&u8>| b.is_none_or(u8::is_ascii_graphic);
    let bytes = text.as_bytes();
    if plain(bytes.first()) && plain(bytes.last()) {
        return text;
    }
    text.trim_matches(is_space)
}

/// Whether bytes of UTF-8 are nothing but space, also behind the apostrophe that exports put before it.
pub(super) fn is_blank(bytes: &[u8]) -> bool {
    let bytes = match bytes {
        [b'\'', rest @ ..] if matches!(rest, [b'\t' | b'\r' | b'\n', ..]) => rest,
        _ => bytes,
    };
    match bytes.first() {
        None => true,
        Some(first) if first.is_ascii_graphic() => false,
        _ => std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(is_space)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_are_space() {
        assert_eq!(trim("\u{FEFF}\u{A0} +1202\u{200E} "), "+1202");
        assert_eq!(trim("a b"), "a b");
        assert!(is_blank("\u{A0}\u{200B}\t".as_bytes()) && is_blank(b"\x1A") && !is_blank(b" x"));
        assert!(is_blank(b"'\n") && !is_blank(b"'") && !is_blank(b"'\nx") && !is_blank(b"''\n"));
    }
}
