//! Which encoding a file is in: a byte-order mark, what the user says, or what the bytes say.
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::error::FileError;

/// The most bytes that the guess by letter frequency looks at.
const GUESS_BYTES: usize = 256 << 10;

/// An encoding and why it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub encoding: &'static Encoding,
    /// Bytes of the byte-order mark.
    pub mark: usize,
    pub how: How,
    /// How many letters are good UTF-8 though the file as a whole is not.
    pub odd: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Mark,
    Given,
    Ascii,
    Bytes,
    Guess,
}

impl Found {
    /// An encoding that all of the file is in.
    pub fn new(encoding: &'static Encoding, mark: usize, how: How) -> Self {
        Self { encoding, mark, how, odd: 0 }
    }

    /// The name as users know it: text without the bytes in which the two differ is ISO 8859-1.
    pub fn name(&self, sample: &[u8]) -> &'static str {
        if self.encoding == WINDOWS_1252 && !sample.iter().any(|b| (0x80..0xA0).contains(b)) {
            return "ISO-8859-1";
        }
        self.encoding.name()
    }
}

/// Finds the encoding of a file that starts with `sample`; `whole` says that this is all of it.
/// `later` gives a stretch of the file with its first byte outside ASCII, where the sample has none.
pub(super) fn find(
    sample: &[u8],
    whole: bool,
    given: Option<&str>,
    later: impl FnOnce() -> Result<Vec<u8>, FileError>,
) -> Result<Found, FileError> {
    let given = given.map(str::trim).filter(|g| is_given(g));
    let asked = given.map(|label| by_label(label, sample)).transpose()?;
    if let Some((encoding, mark)) = Encoding::for_bom(sample) {
        return Ok(Found::new(encoding, mark, How::Mark));
    }
    match (given, asked) {
        (Some(label), Some(encoding)) => {
            check_given(label, encoding, sample, whole)?;
            Ok(Found::new(encoding, 0, How::Given))
        }
        _ => detect(sample, whole, later),
    }
}

/// Whether a label names an encoding, or asks for its detection.
pub(super) fn known(label: &str) -> Result<(), FileError> {
    if is_given(label.trim()) { by_label(label, &[]).map(|_| ()) } else { Ok(()) }
}

fn is_given(label: &str) -> bool {
    !label.is_empty() && !label.eq_ignore_ascii_case("auto")
}

fn detect(sample: &[u8], whole: bool, later: impl FnOnce() -> Result<Vec<u8>, FileError>) -> Result<Found, FileError> {
    if let Some(encoding) = utf16_by_zeros(sample) {
        return Ok(Found::new(encoding, 0, How::Bytes));
    }
    if !sample.is_ascii() {
        return Ok(by_bytes(sample, whole));
    }
    let stretch = if whole { Vec::new() } else { later()? };
    if stretch.is_empty() {
        return Ok(Found::new(UTF_8, 0, How::Ascii));
    }
    Ok(by_bytes(&stretch, false))
}

fn by_bytes(sample: &[u8], whole: bool) -> Found {
    let (letters, broken) = utf8_letters(sample, whole);
    // One broken line must not turn every accent of a UTF-8 file into two wrong letters.
    if broken == 0 || broken * 10 <= letters {
        return Found::new(UTF_8, 0, How::Bytes);
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    let cut = &sample[..sample.len().min(GUESS_BYTES)];
    detector.feed(cut, whole && cut.len() == sample.len());
    let encoding = detector.guess(None, Utf8Detection::Deny);
    // in other encodings two bytes of one letter may look like UTF-8
    let odd = if encoding == WINDOWS_1252 { letters } else { 0 };
    Found { odd, ..Found::new(encoding, 0, How::Guess) }
}

/// Letters outside ASCII that are good UTF-8, and places that are not UTF-8.
fn utf8_letters(bytes: &[u8], whole: bool) -> (usize, usize) {
    let (mut letters, mut broken) = (0, 0);
    let mut chunks = bytes.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        letters += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        let cut_off = !whole && chunks.peek().is_none() && is_started(chunk.invalid());
        broken += usize::from(!chunk.invalid().is_empty() && !cut_off);
    }
    (letters, broken)
}

/// Whether these bytes are the beginning of a letter whose end is missing.
fn is_started(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|e| e.error_len().is_none())
}

/// UTF-16 without a mark shows in its zero bytes: the letters, digits and delimiters of ASCII have one
/// each, always on the same side.
fn utf16_by_zeros(sample: &[u8]) -> Option<&'static Encoding> {
    let head = &sample[..sample.len().min(64 << 10)];
    let zeros = |side: usize| head.iter().skip(side).step_by(2).filter(|&&b| b == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let pairs = head.len() / 2;
    if pairs < 2 {
        return None;
    }
    let many = |n: usize| n * 5 >= pairs;
    let few = |n: usize| n * 50 <= pairs;
    match () {
        () if many(odd) && few(even) => Some(UTF_16LE),
        () if many(even) && few(odd) => Some(UTF_16BE),
        () => None,
    }
}

fn by_label(label: &str, sample: &[u8]) -> Result<&'static Encoding, FileError> {
    let name = label.trim().to_ascii_lowercase().replace([' ', '_'], "-");
    let found = match name.as_str() {
        "utf-16" | "utf16" | "unicode" => Some(utf16_by_zeros(sample).unwrap_or(UTF_16LE)),
        "utf16le" => Some(UTF_16LE),
        "utf16be" => Some(UTF_16BE),
        "ansi" | "latin-1" | "iso-8859-1" | "iso8859-1" => Some(WINDOWS_1252),
        _ => Encoding::for_label_no_replacement(name.as_bytes()),
    };
    found.ok_or_else(|| FileError::UnknownEncoding(label.chars().take(60).collect()))
}

/// Refuses an encoding that would read every letter wrong. Single wrong bytes are a matter for their lines.
fn check_given(label: &str, encoding: &'static Encoding, sample: &[u8], whole: bool) -> Result<(), FileError> {
    let wrong = |found: &str| Err(FileError::WrongEncoding { given: label.into(), found: found.into() });
    let utf16 = utf16_by_zeros(sample);
    let asks_utf16 = encoding == UTF_16LE || encoding == UTF_16BE;
    match utf16 {
        Some(found) if encoding != found => return wrong(&format!("it looks like {}", found.name())),
        // Text of other scripts may have few zero bytes, but its line ends have them.
        None if asks_utf16 && !has_utf16_line(sample, encoding) => {
            return wrong("it has no line ends in that encoding");
        }
        _ => {}
    }
    if asks_utf16 || encoding == UTF_8 {
        return Ok(());
    }
    let (letters, broken) = utf8_letters(sample, whole);
    if letters > 0 && broken == 0 { wrong("every letter of it is good UTF-8") } else { Ok(()) }
}

fn has_utf16_line(sample: &[u8], encoding: &'static Encoding) -> bool {
    let ends: [[u8; 2]; 2] = if encoding == UTF_16LE { [[b'\n', 0], [b'\r', 0]] } else { [[0, b'\n'], [0, b'\r']] };
    sample.chunks_exact(2).any(|pair| ends.iter().any(|end| pair == end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected(bytes: &[u8]) -> &'static str {
        let found = find(bytes, true, None, || Ok(Vec::new())).unwrap();
        found.name(bytes)
    }

    fn encoded(encoding: &'static Encoding, text: &str) -> Vec<u8> {
        encoding.encode(text).0.into_owned()
    }

    #[test]
    fn western_names_are_not_taken_for_another_script() {
        for text in [
            "name,phone\nMüller,+4930123\n",
            "nom;prenom\nLefèvre;Hélène\nGarçon;Noël\n",
            "nombre,apellido\nJosé,Núñez\nBegoña,Ibáñez\n",
            "Jürgen,Größe\nSöderström,Åsa\nØrsted,Bjørn\n",
            "João,Conceição\n",
        ] {
            assert_eq!(detected(&encoded(WINDOWS_1252, text)), "ISO-8859-1", "{text}");
        }
        assert_eq!(detected(&encoded(WINDOWS_1252, "n\u{2019}a,1 €\nMüller,2 €\n")), "windows-1252");
    }

    #[test]
    fn utf16_without_a_mark_is_seen() {
        let le: Vec<u8> = "name,phone\nИван,+7495\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = "name,phone\nИван,+7495\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!((detected(&le), detected(&be)), ("UTF-16LE", "UTF-16BE"));
    }

    #[test]
    fn one_broken_line_leaves_a_file_utf8() {
        let mut bytes = "Müller,1\n".repeat(20).into_bytes();
        bytes.extend_from_slice(b"M\xFCller,2\n");
        assert_eq!(detected(&bytes), "UTF-8");
    }

    #[test]
    fn a_forced_wrong_encoding_is_refused() {
        let refused = |bytes: &[u8], label: &str| {
            matches!(find(bytes, true, Some(label), || Ok(Vec::new())), Err(FileError::WrongEncoding { .. }))
        };
        assert!(refused(b"name,phone\nAnn,+1\n", "UTF-16"));
        assert!(refused("name\nMüller\n".as_bytes(), "ISO 8859-1"));
        let wide: Vec<u8> = "name,phone\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(refused(&wide, "UTF-8"));
        assert!(refused(&wide, "windows-1252"));
        assert!(!refused(b"M\xFCller\n", "latin1"));
        assert!(matches!(by_label("klingon", b""), Err(FileError::UnknownEncoding(_))));
    }

    #[test]
    fn letters_late_in_an_ascii_file_decide() {
        let found = find(b"name\nAnn\n", false, None, || Ok(b"M\xFCller\nJosefa\nG\xF6tz\n".to_vec())).unwrap();
        assert_eq!(found.encoding, WINDOWS_1252);
    }
}
