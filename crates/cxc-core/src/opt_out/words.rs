//! The shipped words, from `data/opt_out/words.tsv`.

/// What the file says of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It stops whatever a tenant's own set says.
    Always,
    /// It stops.
    Stop,
    /// It ends everything on every channel.
    StopAll,
    /// Help.
    Help,
    /// Messages again.
    Start,
}

/// A line of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word {
    pub meaning: Meaning,
    pub language: &'static str,
    pub text: &'static str,
}

const FILE: &str = include_str!("../../data/opt_out/words.tsv");

/// Every shipped word, in the order of the file. A test reads the whole file: a line that can't be read fails it.
pub(super) fn shipped() -> impl Iterator<Item = Word> {
    FILE.lines().filter_map(word)
}

/// The texts of one meaning.
pub(super) fn of(meaning: Meaning) -> impl Iterator<Item = &'static str> {
    shipped().filter(move |w| w.meaning == meaning).map(|w| w.text)
}

fn word(line: &'static str) -> Option<Word> {
    let mut parts = line.split('\t');
    let (meaning, language, text) = (parts.next()?, parts.next()?, parts.next()?);
    let meaning = match meaning {
        "always" => Meaning::Always,
        "stop" => Meaning::Stop,
        "stop_all" => Meaning::StopAll,
        "help" => Meaning::Help,
        "start" => Meaning::Start,
        _ => return None,
    };
    Some(Word { meaning, language, text })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use super::*;
    use crate::opt_out::normalise;

    #[test]
    fn every_line_of_the_file_is_a_word_and_stands_once() {
        let lines = FILE.lines().filter(|l| !l.starts_with('#')).count();
        assert_eq!(shipped().count(), lines);
        let mut seen = HashSet::new();
        for word in shipped() {
            assert!(!normalise(word.text).is_empty(), "{word:?}");
            assert!(seen.insert((word.meaning == Meaning::StopAll, word.text)), "{word:?} stands twice");
        }
    }

    #[test]
    fn the_words_of_twenty_three_languages_are_shipped() {
        let stops = |w: &Word| matches!(w.meaning, Meaning::Always | Meaning::Stop | Meaning::StopAll);
        let languages: BTreeSet<&str> = shipped().filter(stops).map(|w| w.language).collect();
        let wanted = "ar cs da de el en es fi fr he hi it ja ko nl no pl pt ru sv tr uk zh";
        assert_eq!(languages.into_iter().collect::<Vec<_>>().join(" "), wanted);
    }
}
