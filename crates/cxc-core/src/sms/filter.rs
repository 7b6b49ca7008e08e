//! The smart filter: makes a text shorter and plainer without changing what it says.

/// The text with runs of spaces as one space, runs of line breaks as one line break, none at the ends, and
/// typographic symbols as plain ones: quotes, dashes, the ellipsis, bullets, special spaces.
pub fn smart_filter(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut gap = Gap::None;
    for c in text.chars() {
        if is_invisible(c) {
            continue;
        }
        match Gap::of(c) {
            Gap::None => {
                if !plain.is_empty() {
                    gap.write(&mut plain);
                }
                gap = Gap::None;
                push_plain(&mut plain, c);
            }
            wider => gap = gap.max(wider),
        }
    }
    plain
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    None,
    Space,
    Line,
}

impl Gap {
    fn of(c: char) -> Self {
        match c {
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Gap::Line,
            c if c.is_whitespace() => Gap::Space,
            _ => Gap::None,
        }
    }

    fn write(self, text: &mut String) {
        match self {
            Gap::None => {}
            Gap::Space => text.push(' '),
            Gap::Line => text.push('\n'),
        }
    }
}

/// Characters that nobody sees. The joiners stay: emoji and some scripts need them.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}' | '\u{2060}' | '\u{feff}')
}

fn push_plain(text: &mut String, c: char) {
    let plain = match c {
        '‘' | '’' | '‚' | '‛' | '′' | '`' | '´' | '‹' | '›' => '\'',
        '“' | '”' | '„' | '‟' | '″' | '«' | '»' => '"',
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | '•' | '·' => '-',
        '…' => return text.push_str("..."),
        other => other,
    };
    text.push(plain);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Encoding, count};
    use super::*;

    #[test]
    fn typographic_symbols_become_plain_so_that_the_text_stays_in_the_alphabet() {
        let text = "“It’s\u{a0}here” – today…";
        assert_eq!(count(text).encoding, Encoding::Ucs2);
        assert_eq!(smart_filter(text), "\"It's here\" - today...");
        assert_eq!(count(&smart_filter(text)).encoding, Encoding::Gsm7);
    }

    #[test]
    fn runs_of_spaces_and_of_line_breaks_collapse() {
        assert_eq!(smart_filter("  Hi \t Ann \r\n\r\n  Bye\n "), "Hi Ann\nBye");
        assert_eq!(smart_filter(" \n "), "");
    }

    #[test]
    fn emoji_keep_their_joiners() {
        assert_eq!(smart_filter("👩\u{200d}🚀\u{feff}"), "👩\u{200d}🚀");
    }

    proptest! {
        #[test]
        fn filtering_twice_changes_nothing_more_and_never_needs_more_parts(text in "(\\PC|\\s|[“”…–•]){0,200}") {
            let once = smart_filter(&text);
            prop_assert_eq!(smart_filter(&once), once.clone());
            if Encoding::of(&text) == Encoding::Gsm7 {
                prop_assert!(count(&once).parts <= count(&text).parts);
            }
        }
    }
}
