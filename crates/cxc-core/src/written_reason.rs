//! A reason that a person wrote: the audit log keeps it, and somebody will ask for it years later.

/// Why somebody did something, in words that can be seen: without blanks and invisible characters around it, with a letter
/// or a digit in it, and not longer than it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenReason(String);

/// What is no reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("say why, in 1 to {most} characters, with letters or digits that can be seen")]
pub struct NoReason {
    most: usize,
}

impl WrittenReason {
    /// The most characters of a reason.
    pub const MOST: usize = 500;
    /// The most characters of a reason by which a rule of law is decided about.
    pub const MOST_OF_LAW: usize = 2000;

    /// A reason of at most [`Self::MOST`] characters.
    pub fn parse(text: &str) -> Result<Self, NoReason> {
        Self::within(text, Self::MOST)
    }

    /// A reason of at most [`Self::MOST_OF_LAW`] characters.
    pub fn of_law(text: &str) -> Result<Self, NoReason> {
        Self::within(text, Self::MOST_OF_LAW)
    }

    fn within(text: &str, most: usize) -> Result<Self, NoReason> {
        let text = text.trim_matches(|c: char| c.is_whitespace() || is_unseen(c));
        let is_seen = text.chars().any(|c| c.is_alphanumeric() && !is_unseen(c));
        let breaks = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if is_seen && text.chars().count() <= most && !text.contains(breaks) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NoReason { most })
        }
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its text.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// Whether a character has no shape of its own: those that Unicode lets programs ignore, fillers and the empty Braille cell.
fn is_unseen(c: char) -> bool {
    matches!(u32::from(c),
        0xAD | 0x34F | 0x61C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F | 0x202A..=0x202E
        | 0x2060..=0x206F | 0x2800 | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFF8 | 0x1BCA0..=0x1BCA3
        | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF)
        || c.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_something_that_can_be_seen_and_is_bounded() {
        let read = |text: &str| WrittenReason::parse(text).map(WrittenReason::into_string).ok();
        assert_eq!(read(" the wrong list \n").as_deref(), Some("the wrong list"));
        assert_eq!(read("\u{200b}falsche Liste\u{feff}").as_deref(), Some("falsche Liste"));
        assert_eq!(read("間違ったリスト\nzweite Zeile").as_deref(), Some("間違ったリスト\nzweite Zeile"));
        for none in [
            "",
            " ",
            "\n\t",
            "\u{200b}",
            "\u{200b} \u{2060}\u{feff}",
            "\u{3164}\u{ffa0}",
            "\u{2800}",
            "\u{ad}",
            "\u{202e}",
            "...",
            "-",
            "\0",
            "a\0b",
            "\u{e0041}",
        ] {
            assert_eq!(read(none), None, "{none:?}");
        }
        assert_eq!(read(&"x".repeat(500)).map(|text| text.len()), Some(500));
        assert_eq!(read(&"x".repeat(501)), None);
        assert!(WrittenReason::of_law(&"ä".repeat(2000)).is_ok() && WrittenReason::of_law(&"ä".repeat(2001)).is_err());
        let told = WrittenReason::parse("").unwrap_err().to_string();
        assert_eq!(told, "say why, in 1 to 500 characters, with letters or digits that can be seen");
    }
}
