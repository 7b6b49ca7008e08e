//! How people answer a message: words for stop, help and start, which are the whole message, and free wording
//! ("please stop texting me"), which is judged by [`wording`].
mod normal;
mod scope;
pub mod wording;
mod words;

use std::collections::{HashMap, HashSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::field_error::FieldError;
use normal::{letters, push_small};
pub use normal::{look_alike, normalise, spaced};
pub use scope::{WordReach, WordScope};
use words::Meaning;

/// The most words of one kind.
const MAX_WORDS: usize = 200;

/// The longest reason, in characters.
const MAX_REASON: usize = crate::written_reason::WrittenReason::MOST_OF_LAW;

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
    /// Those of them that end everything on every channel, whatever the scope of an opt-out is.
    #[serde(default = "opt_out_all")]
    #[schema(max_items = 200)]
    pub opt_out_all: Vec<String>,
    /// Help.
    #[serde(default = "help")]
    #[schema(max_items = 200)]
    pub help: Vec<String>,
    /// Messages again.
    #[serde(default = "opt_in")]
    #[schema(max_items = 200)]
    pub opt_in: Vec<String>,
    /// The words that carriers name: they stop, also where `optOut` lacks them. Only answers tell them; sent back, they are
    /// passed over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixed: Vec<String>,
    /// How far a word that stops reaches, those of `optOutAll` left out.
    #[serde(default)]
    pub scope: WordScope,
    /// Why fewer messages stop, or less ends by them, than before; the audit log keeps it, and it is not shown here again.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 2000)]
    pub reason: String,
}

fn opt_out() -> Vec<String> {
    let mut seen = HashSet::new();
    let all = words::of(Meaning::Always).chain(words::of(Meaning::Stop)).chain(words::of(Meaning::StopAll));
    all.filter(|word| seen.insert(*word)).map(str::to_owned).collect()
}

fn opt_out_all() -> Vec<String> {
    words::of(Meaning::StopAll).map(str::to_owned).collect()
}

fn help() -> Vec<String> {
    words::of(Meaning::Help).map(str::to_owned).collect()
}

fn opt_in() -> Vec<String> {
    words::of(Meaning::Start).map(str::to_owned).collect()
}

impl Default for KeywordSet {
    fn default() -> Self {
        let scope = WordScope::default();
        let (reason, fixed) = (String::new(), Vec::new());
        Self { opt_out: opt_out(), opt_out_all: opt_out_all(), help: help(), opt_in: opt_in(), fixed, scope, reason }
    }
}

impl KeywordSet {
    /// The words that carriers name, which stop whatever a tenant says.
    pub fn carriers() -> Vec<String> {
        words::of(Meaning::Always).map(str::to_owned).collect()
    }

    fn kinds(&self) -> [(Keyword, &'static str, &[String]); 4] {
        [
            (Keyword::OptOut, "/optOut", &self.opt_out),
            (Keyword::OptOut, "/optOutAll", &self.opt_out_all),
            (Keyword::Help, "/help", &self.help),
            (Keyword::OptIn, "/optIn", &self.opt_in),
        ]
    }

    /// What of it lets people be contacted who would not have been under the set before: words that do not stop any more or end
    /// less, words that lift an opt-out, a narrower scope from a day on.
    pub fn widens(&self, before: &Self, today: Date) -> Vec<&'static str> {
        let normal = |words: &[String]| words.iter().map(|word| normalise(word)).collect::<HashSet<_>>();
        let (now, then) = (Keywords::new(self), Keywords::new(before));
        let meaning = |set: &Keywords, keyword: Keyword| -> HashSet<String> {
            set.by_word.iter().filter(|(_, kind)| **kind == keyword).map(|(word, _)| word.clone()).collect()
        };
        let mut found = Vec::new();
        if !meaning(&then, Keyword::OptOut).is_subset(&meaning(&now, Keyword::OptOut)) {
            found.push("/optOut");
        }
        if !normal(&before.opt_out_all).is_subset(&normal(&self.opt_out_all)) {
            found.push("/optOutAll");
        }
        if !meaning(&now, Keyword::OptIn).is_subset(&meaning(&then, Keyword::OptIn)) {
            found.push("/optIn");
        }
        if self.scope.is_narrower(&before.scope, today) {
            found.push("/scope");
        }
        found
    }

    /// Everything that is wrong with it; empty if it can be used.
    pub fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let mut seen: HashMap<String, Keyword> = HashMap::new();
        for word in words::of(Meaning::Always) {
            seen.insert(normalise(word), Keyword::OptOut);
        }
        errors.extend(self.scope.validate());
        if self.reason.chars().count() > MAX_REASON {
            errors.push(FieldError::new("/reason", "too_long", format!("at most {MAX_REASON} characters")));
        }
        if self.opt_out.is_empty() {
            errors.push(FieldError::new("/optOut", "too_few", "at least one word means no more messages"));
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
    ends_all: HashSet<String>,
    longest: usize,
    scope: WordScope,
}

impl Keywords {
    /// Compiles a word set. A word of two kinds stops.
    pub fn new(set: &KeywordSet) -> Self {
        let mut by_word = HashMap::new();
        // the later wins, so stop comes last
        for (kind, _, words) in set.kinds().into_iter().rev() {
            by_word.extend(words.iter().map(|word| (normalise(word), kind)));
        }
        by_word.extend(words::of(Meaning::Always).map(|word| (normalise(word), Keyword::OptOut)));
        by_word.remove("");
        let longest = by_word.keys().map(String::len).max().unwrap_or(0);
        let ends_all = set.opt_out_all.iter().map(|word| normalise(word)).collect();
        Self { by_word, ends_all, longest, scope: set.scope }
    }

    /// What a message asks for; `None` if it is not, as a whole, one of the words.
    pub fn classify(&self, message: &str) -> Option<Keyword> {
        let found = |message: &str| self.by_word.get(&self.word(message)?).copied();
        // who writes a word in letters that look like it may stop, and gives no consent by it
        let alike = || look_alike(message).and_then(|text| found(&text)).filter(|word| *word != Keyword::OptIn);
        found(message).or_else(alike)
    }

    /// How far a word that stops reaches.
    pub fn scope(&self) -> WordScope {
        self.scope
    }

    /// Whether a message is a word that ends everything on every channel.
    pub fn ends_all(&self, message: &str) -> bool {
        let ends = |message: &str| self.word(message).is_some_and(|word| self.ends_all.contains(&word));
        ends(message) || look_alike(message).is_some_and(|text| ends(&text))
    }

    /// A message as one word; `None` once it is longer than any.
    fn word(&self, message: &str) -> Option<String> {
        let mut word = String::with_capacity(self.longest + 8);
        for c in letters(message) {
            push_small(&mut word, c);
            if word.len() > self.longest {
                return None;
            }
        }
        Some(word)
    }
}

impl Default for Keywords {
    fn default() -> Self {
        Self::new(&KeywordSet::default())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_set_without_a_word_that_stops_is_refused() {
        let set = KeywordSet { opt_out: Vec::new(), ..KeywordSet::default() };
        assert_eq!(set.validate()[0].pointer, "/optOut");
    }

    #[test]
    fn whatever_lets_fewer_messages_stop_or_more_start_widens() {
        let shipped = KeywordSet::default;
        let today = Date::constant(2026, 3, 1);
        let without = |word: &str, words: Vec<String>| words.into_iter().filter(|w| w != word).collect::<Vec<_>>();
        let mut own = shipped();
        own.opt_out.push("NEIN DANKE".into());
        own.help.clear();
        assert_eq!(own.widens(&shipped(), today), [""; 0]);
        assert_eq!(shipped().widens(&own, today), ["/optOut"]);
        // a word may stand there in two spellings
        let all = normalise(&shipped().opt_out_all[0]);
        let others = shipped().opt_out_all.into_iter().filter(|w| normalise(w) != all).collect();
        let ends_less = KeywordSet { opt_out_all: others, ..shipped() };
        assert_eq!(ends_less.widens(&shipped(), today), ["/optOutAll"]);
        let mut starts = shipped();
        starts.opt_in.push("ja gern".into());
        assert_eq!(starts.widens(&shipped(), today), ["/optIn"]);
        // carriers' words stop in any case
        assert_eq!(
            KeywordSet { opt_out: without("STOP", shipped().opt_out), ..shipped() }.widens(&shipped(), today),
            [""; 0]
        );
    }

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
            "стоп!",
            "ΣΤΟΠ",
            "退订",
            "הסר",
            "إلغاء",
            "iptal",
            "수신 거부",
            "बंद करो",
            "配信停止。",
            "ЅТОР",
            "🆂🆃🅾🅿",
            "ꜱᴛᴏᴘ",
            "ST0P",
            "unsuscribe",
            "拒收",
            "그만",
            "停止してください",
            "Não quero mais!",
            "bitte aufhören",
        ] {
            assert_eq!(keywords.classify(text), Some(Keyword::OptOut), "{text}");
        }
        for text in ["", "🛑", "stop it", "please stop", "don't stop", "nonstop", &"stop".repeat(1000)] {
            assert_eq!(keywords.classify(text), None, "{text}");
        }
    }

    #[test]
    fn a_word_in_letters_that_look_like_it_stops_and_gives_no_consent() {
        let keywords = Keywords::default();
        let alike =
            keywords.by_word.iter().find(|(word, kind)| **kind == Keyword::OptIn && word.contains('s')).unwrap();
        let dressed = alike.0.replace('s', "ѕ");
        assert_eq!((keywords.classify(alike.0), keywords.classify(&dressed)), (Some(Keyword::OptIn), None));
        assert!(keywords.ends_all("ЅТОР ALL"));
    }

    #[test]
    fn a_word_that_ends_everything_is_told_apart() {
        let keywords = Keywords::default();
        assert!(keywords.ends_all("Stop all!") && keywords.ends_all("STOPALL"));
        assert!(!keywords.ends_all("STOP") && !keywords.ends_all("stop all these messages"));
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
        fn any_message_is_read_without_failing_and_every_word_is_found(message in "\\PC{0,80}", pick in 0usize..100) {
            let keywords = Keywords::default();
            keywords.classify(&message);
            let word = &KeywordSet::default().opt_out[pick];
            prop_assert_eq!(keywords.classify(&format!(" {word}!!")), Some(Keyword::OptOut));
        }
    }
}
