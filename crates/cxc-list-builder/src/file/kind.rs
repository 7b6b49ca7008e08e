//! What a file is, by its first bytes. Names are not asked.
use super::error::FileError;

/// The bytes needed to tell.
pub(super) const HEAD: usize = 512;

/// What the first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Text,
    Zip,
    Gzip,
    /// The container of XLS (and of old Word documents).
    Ole,
}

/// The kind of a file that starts so; refuses what no list is.
pub(super) fn of_head(head: &[u8]) -> Result<Content, FileError> {
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Ok(Content::Zip);
    }
    if head.starts_with(&[0x1F, 0x8B]) {
        return Ok(Content::Gzip);
    }
    if head.starts_with(&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]) {
        return Ok(Content::Ole);
    }
    match OTHERS.iter().find(|(magic, _)| head.starts_with(magic)) {
        Some((_, name)) => Err(FileError::Unsupported(name)),
        None if is_json(head) => Err(FileError::Unsupported("a JSON document")),
        None => Ok(Content::Text),
    }
}

/// Whether text begins as a list of objects or an object does.
fn is_json(head: &[u8]) -> bool {
    let mut signs = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).iter().filter(|b| !b.is_ascii_whitespace());
    matches!((signs.next(), signs.next()), (Some(b'['), Some(b'{')) | (Some(b'{'), Some(b'"')))
}

const OTHERS: &[(&[u8], &str)] = &[
    (b"%PDF", "a PDF document"),
    (&[0xFF, 0xD8, 0xFF], "a JPEG picture"),
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"GIF8", "a GIF picture"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xBC\xAF\x27\x1C", "a 7z archive"),
    (b"BZh", "a bzip2 file"),
    (b"\xFD7zXZ\0", "an xz file"),
    (&[0x28, 0xB5, 0x2F, 0xFD], "a zstd file"),
    (b"\x7FELF", "a program"),
    (b"MZ\x90\0", "a program"),
    (b"SQLite format 3\0", "a SQLite database"),
    (b"-----BEGIN PGP", "a PGP message: decrypt it first"),
    (b"{\\rtf", "an RTF document"),
    (b"<?xml", "an XML document"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
    (&[0xFF, 0xFE, 0, 0], "UTF-32 text: save it as UTF-8"),
    (&[0, 0, 0xFE, 0xFF], "UTF-32 text: save it as UTF-8"),
];

/// Whether bytes that are not UTF-16 are no text at all. A few NUL bytes are a matter for their
/// lines; many control characters are not text.
pub(super) fn is_binary(sample: &[u8]) -> bool {
    let control =
        sample.iter().filter(|&&b| b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r' | 0x0B | 0x0C | 0x1A | 0x1B));
    let count = control.count();
    count * 2 > sample.len() || count > 8 + sample.len() / 50
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_is_told_by_content() {
        assert_eq!(of_head(b"name,phone\n").unwrap(), Content::Text);
        assert_eq!(of_head(b"PK\x03\x04....").unwrap(), Content::Zip);
        assert_eq!(of_head(&[0x1F, 0x8B, 8]).unwrap(), Content::Gzip);
        assert!(matches!(of_head(b"%PDF-1.7"), Err(FileError::Unsupported("a PDF document"))));
        assert!(matches!(of_head(&[0xFF, 0xD8, 0xFF, 0xE0]), Err(FileError::Unsupported(_))));
        for json in ["[{\"phone\":1}]", "\u{FEFF}[\n  {", "{ \"items\": []}"] {
            assert!(matches!(of_head(json.as_bytes()), Err(FileError::Unsupported("a JSON document"))), "{json}");
        }
        for text in ["[name],phone\n", "{name},phone\n", "", "["] {
            assert_eq!(of_head(text.as_bytes()).unwrap(), Content::Text, "{text}");
        }
    }

    #[test]
    fn a_nul_byte_is_a_bad_line_but_many_are_no_text() {
        assert!(!is_binary(b"name,phone\nAnn\0,+12025550123\n"));
        assert!(is_binary(&[0, 1, 2, 3]));
        let noise: Vec<u8> = (0..4096_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        assert!(is_binary(&noise));
    }
}
