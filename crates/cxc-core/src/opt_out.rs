//! Words by which people answer a message: stop, help, start. The whole message must be the word.
use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::field_error::FieldError;

/// The most words of one kind.
const MAX_WORDS: usize = 200;

/// The longest word, in characters.
const MAX_WORD: usize = 40;

/// What a person asks for by a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Keyword {
    /// No more messages.
    OptOut,
    /// Help.
    Help,
    /// Messages again. It lifts only an entry that a word made.
    OptIn,
}

/// The words of a tenant. Case, accents, spaces, punctuation and emoji make no difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeywordSet {
    /// No more messages.
    #[serde(default = "opt_out")]
    #[schema(min_items = 1, max_items = 200)]
    pub opt_out: Vec<String>,
    /// Help.
    #[serde(default = "help")]
    #[schema(max_items = 200)]
    pub help: Vec<String>,
    /// Messages again.
    #[serde(default = "opt_in")]
    #[schema(max_items = 200)]
    pub opt_in: Vec<String>,
}

/// The words that the FCC and the carriers name must always work, whatever a tenant's own set says.
const ALWAYS_OPT_OUT: [&str; 13] = [
    "STOP",
    "STOPALL",
    "UNSUBSCRIBE",
    "CANCEL",
    "END",
    "QUIT",
    "OPTOUT",
    "OPT-OUT",
    "OPT OUT",
    "REVOKE",
    "REMOVE",
    "ARRET",
    "TD",
];

/// The usual ones besides: Canada, Spanish, German, Portuguese, Italian, Polish, Swedish, Czech.
const ALSO_OPT_OUT: [&str; 12] = [
    "UNSUB",
    "ARRÊTER",
    "DÉSABONNER",
    "BAJA",
    "ALTO",
    "STOPP",
    "ABMELDEN",
    "PARAR",
    "SAIR",
    "CANCELLA",
    "AVSLUTA",
    "REZYGNUJ",
];

const HELP: [&str; 6] = ["HELP", "INFO", "AIDE", "AYUDA", "HILFE", "AJUDA"];

const OPT_IN: [&str; 5] = ["START", "UNSTOP", "YES", "JOIN", "SUBSCRIBE"];

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn opt_out() -> Vec<String> {
    words(&[&ALWAYS_OPT_OUT[..], &ALSO_OPT_OUT].concat())
}

fn help() -> Vec<String> {
    words(&HELP)
}

fn opt_in() -> Vec<String> {
    words(&OPT_IN)
}

impl Default for KeywordSet {
    fn default() -> Self {
        Self { opt_out: opt_out(), help: help(), opt_in: opt_in() }
    }
}

impl KeywordSet {
    fn kinds(&self) -> [(Keyword, &'static str, &[String]); 3] {
        [
            (Keyword::OptOut, "/optOut", &self.opt_out),
            (Keyword::Help, "/help", &self.help),
            (Keyword::OptIn, "/optIn", &self.opt_in),
        ]
    }

    /// Everything that is wrong with it; empty if it can be used.
    pub fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let mut seen: HashMap<String, Keyword> = HashMap::new();
        for word in ALWAYS_OPT_OUT {
            seen.insert(normalise(word), Keyword::OptOut);
        }
        for (kind, pointer, words) in self.kinds() {
            if words.len() > MAX_WORDS {
                errors.push(FieldError::new(pointer, "too_many", "a kind has at most 200 words"));
            }
            for (i, word) in words.iter().enumerate().take(MAX_WORDS) {
                let normal = normalise(word);
                if normal.is_empty() || word.chars().count() > MAX_WORD {
                    let detail = "a word has 1 to 40 characters, at least one of them a letter or digit";
                    errors.push(FieldError::new(format!("{pointer}/{i}"), "word", detail));
                } else if *seen.entry(normal).or_insert(kind) != kind {
                    let detail = "a word means one thing, and the words that carriers name mean stop";
                    errors.push(FieldError::new(format!("{pointer}/{i}"), "ambiguous", detail));
                }
            }
        }
        errors
    }
}

/// A word set, ready to match.
#[derive(Debug, Clone)]
pub struct Keywords {
    by_word: HashMap<String, Keyword>,
    longest: usize,
}

impl Keywords {
    /// Compiles a word set. A word of two kinds stops.
    pub fn new(set: &KeywordSet) -> Self {
        let mut by_word = HashMap::new();
        // the later wins, so stop comes last
        for (kind, _, words) in set.kinds().into_iter().rev() {
            by_word.extend(words.iter().map(|word| (normalise(word), kind)));
        }
        by_word.extend(ALWAYS_OPT_OUT.map(|word| (normalise(word), Keyword::OptOut)));
        by_word.remove("");
        let longest = by_word.keys().map(String::len).max().unwrap_or(0);
        Self { by_word, longest }
    }

    /// What a message asks for; `None` if it is not, as a whole, one of the words.
    pub fn classify(&self, message: &str) -> Option<Keyword> {
        let mut word = String::with_capacity(self.longest + 8);
        for c in message.chars() {
            push_normal(&mut word, c);
            if word.len() > self.longest {
                return None;
            }
        }
        self.by_word.get(&word).copied()
    }
}

impl Default for Keywords {
    fn default() -> Self {
        Self::new(&KeywordSet::default())
    }
}

/// A text as words are compared: letters and digits only, small, without accents.
pub fn normalise(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    text.chars().for_each(|c| push_normal(&mut normal, c));
    normal
}

fn push_normal(text: &mut String, c: char) {
    let c = match c {
        // letters and digits as wide as a Chinese character
        '\u{ff01}'..='\u{ff5e}' => u32::from(c).checked_sub(0xfee0).and_then(char::from_u32).unwrap_or(c),
        _ => c,
    };
    if !c.is_alphanumeric() {
        return;
    }
    for small in c.to_lowercase().filter(|small| small.is_alphanumeric()) {
        match small {
            'ß' => text.push_str("ss"),
            _ => text.push(without_accent(small)),
        }
    }
}

fn without_accent(c: char) -> char {
    match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ą' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'è' | 'é' | 'ê' | 'ë' | 'ę' | 'ě' => 'e',
        'ì' | 'í' | 'î' | 'ï' | 'ı' => 'i',
        'ñ' | 'ń' | 'ň' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => 'o',
        'ś' | 'š' => 's',
        'ù' | 'ú' | 'û' | 'ü' | 'ů' => 'u',
        'ý' | 'ÿ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        'ł' => 'l',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_whole_message_must_be_the_word_however_it_is_dressed() {
        let keywords = Keywords::default();
        for text in [
            "STOP",
            " stop ",
            "Stop!!!",
            "“Stop.”",
            "stop 🛑",
            "ＳＴＯＰ",
            "opt out",
            "Opt-Out",
            "arrêt",
            "ARRE\u{302}T",
            "Baja",
            "STOP ALL",
        ] {
            assert_eq!(keywords.classify(text), Some(Keyword::OptOut), "{text}");
        }
        for text in ["", "🛑", "stop it", "please stop", "don't stop", "nonstop", &"stop".repeat(1000)] {
            assert_eq!(keywords.classify(text), None, "{text}");
        }
    }

    #[test]
    fn help_and_start_have_their_own_words() {
        let keywords = Keywords::default();
        assert_eq!(keywords.classify("help?"), Some(Keyword::Help));
        assert_eq!(keywords.classify("Info"), Some(Keyword::Help));
        assert_eq!(keywords.classify("UNSTOP"), Some(Keyword::OptIn));
        assert_eq!(keywords.classify("Yes."), Some(Keyword::OptIn));
    }

    #[test]
    fn the_words_that_carriers_name_stop_whatever_the_tenant_says() {
        let set: KeywordSet = serde_json::from_str(r#"{"optOut":["NEIN"],"optIn":["Stop"]}"#).unwrap();
        assert_eq!(set.validate()[0].pointer, "/optIn/0");
        let keywords = Keywords::new(&set);
        assert_eq!(keywords.classify("stop"), Some(Keyword::OptOut));
        assert_eq!(keywords.classify("nein"), Some(Keyword::OptOut));
        assert_eq!(keywords.classify("baja"), None);
    }

    #[test]
    fn the_shipped_words_are_valid_and_a_word_without_letters_is_not() {
        assert!(KeywordSet::default().validate().is_empty());
        let set: KeywordSet = serde_json::from_str(r#"{"help":["??"]}"#).unwrap();
        assert_eq!(set.validate()[0].code, "word");
    }

    proptest! {
        #[test]
        fn any_message_is_read_without_failing_and_every_word_is_found(message in "\\PC{0,80}", pick in 0usize..25) {
            let keywords = Keywords::default();
            keywords.classify(&message);
            let word = &KeywordSet::default().opt_out[pick];
            prop_assert_eq!(keywords.classify(&format!(" {word}!!")), Some(Keyword::OptOut));
        }
    }
}
