//! Free wording by which people ask for no more messages: any reasonable means counts, not only a word.
//! The rules are `data/opt_out/wording.txt`, read from top to bottom; a committed corpus of phrases tests them.
use std::collections::HashMap;
use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};

use super::normal::{letters, look_alike, push_small, spaced};

const FILE: &str = include_str!("../../data/opt_out/wording.txt");

/// Its patterns take megabytes: they are made when the first message is read.
static SHIPPED: LazyLock<Result<Wording, WordingError>> = LazyLock::new(|| Wording::parse(FILE));

/// Nothing is looked for beyond so many characters: an opt-out is short, and work stays bounded.
const MAX_CHARS: usize = 2_000;

/// The compiled size of one pattern at most, in bytes.
const MAX_PATTERN: usize = 4 << 20;

/// What a rule does when it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Sure,
    Doubt,
    Not,
}

/// How sure it is that a person opts out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// The person opts out.
    Certain,
    /// The person may opt out: suppress, and let somebody look.
    Uncertain,
}

/// What was found in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WordingHit<'a> {
    /// How sure it is.
    pub certainty: Certainty,
    /// The language of the rule, ISO 639-1.
    pub language: &'a str,
    /// The line of the rules' file.
    pub line: usize,
}

/// A line of the rules that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the opt-out wording: {detail}")]
pub struct WordingError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub detail: String,
}

struct Rule {
    effect: Effect,
    language: String,
    line: usize,
    pattern: Regex,
}

/// The rules, ready to judge.
pub struct Wording {
    rules: Vec<Rule>,
}

impl Wording {
    /// The shipped rules, made at their first use.
    pub fn shipped() -> Result<&'static Self, WordingError> {
        SHIPPED.as_ref().map_err(Clone::clone)
    }

    /// Reads rules; refuses with the line.
    pub fn parse(text: &str) -> Result<Self, WordingError> {
        let mut names: HashMap<&str, String> = HashMap::new();
        let mut rules = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let wrong = |detail: String| WordingError { line: number, detail };
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(definition) = line.strip_prefix("let ") {
                let (name, words) =
                    definition.split_once('=').ok_or_else(|| wrong("a name is `let NAME = WORDS`".into()))?;
                names.insert(name.trim(), format!("(?:{})", expand(words.trim(), &names).map_err(wrong)?));
                continue;
            }
            let mut parts = line.splitn(3, ' ');
            let (Some(effect), Some(language), Some(pattern)) = (parts.next(), parts.next(), parts.next()) else {
                return Err(wrong("a rule is `VERDICT LANGUAGE PATTERN`".into()));
            };
            let effect = match effect {
                "sure" => Effect::Sure,
                "doubt" => Effect::Doubt,
                "not" => Effect::Not,
                other => return Err(wrong(format!("a verdict is sure, doubt or not, found {other:?}"))),
            };
            let pattern = plain(&expand(pattern, &names).map_err(wrong)?);
            let pattern = compile(&pattern, language).map_err(|e| wrong(e.to_string()))?;
            rules.push(Rule { effect, language: language.to_owned(), line: number, pattern });
        }
        Ok(Self { rules })
    }

    /// Whether a message asks for no more messages; `None` if it does not.
    pub fn classify(&self, message: &str) -> Option<WordingHit<'_>> {
        let start: String = message.chars().take(MAX_CHARS).collect();
        self.judge(spaced(&start)).or_else(|| self.judge(spaced(&look_alike(&start)?)))
    }

    fn judge(&self, mut text: String) -> Option<WordingHit<'_>> {
        let mut doubt = None;
        for rule in &self.rules {
            if !rule.pattern.is_match(&text) {
                continue;
            }
            let hit = |certainty| WordingHit { certainty, language: &rule.language, line: rule.line };
            match rule.effect {
                Effect::Sure => return Some(hit(Certainty::Certain)),
                Effect::Doubt => doubt = doubt.or(Some(hit(Certainty::Uncertain))),
                Effect::Not => {}
            }
            // what is left of it stands apart, so that no rule reads across the gap
            text = rule.pattern.replace_all(&text, " | ").into_owned();
        }
        doubt
    }
}

impl std::fmt::Debug for Wording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Wording({} rules)", self.rules.len())
    }
}

/// Puts the words of names in their place.
fn expand(pattern: &str, names: &HashMap<&str, String>) -> Result<String, String> {
    let mut full = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('<') {
        let (name, after) = after.split_once('>').ok_or("a name ends with >")?;
        let words = names.get(name).ok_or_else(|| format!("no name {name:?} is defined above"))?;
        full.push_str(before);
        full.push_str(words);
        rest = after;
    }
    full.push_str(rest);
    Ok(full)
}

/// A pattern's letters as messages are compared: what is not ASCII is no syntax.
fn plain(pattern: &str) -> String {
    let mut plain = String::with_capacity(pattern.len());
    for c in letters(pattern) {
        if c.is_ascii() { plain.push(c) } else { push_small(&mut plain, c) }
    }
    plain
}

fn compile(pattern: &str, language: &str) -> Result<Regex, regex::Error> {
    let whole = match language {
        "zh" | "ja" | "ko" => pattern.to_owned(),
        _ => format!("(?:^| )(?:{pattern})(?: |$)"),
    };
    RegexBuilder::new(&whole).size_limit(MAX_PATTERN).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHRASES: &str = include_str!("../../data/opt_out/phrases.tsv");

    fn phrases() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        let lines = PHRASES.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| {
            let mut parts = line.split('\t');
            (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap())
        })
    }

    #[test]
    fn every_phrase_of_the_corpus_is_judged_as_a_person_would() {
        let wording = Wording::shipped().unwrap();
        let mut wrong = Vec::new();
        for (expected, language, phrase) in phrases() {
            let hit = wording.classify(phrase);
            let found = match hit.map(|hit| hit.certainty) {
                Some(Certainty::Certain) => "sure",
                Some(Certainty::Uncertain) => "doubt",
                None => "not",
            };
            if found != expected {
                wrong.push(format!("{language} {phrase:?}: {found} by line {:?}, not {expected}", hit.map(|h| h.line)));
            }
        }
        assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    }

    #[test]
    fn the_corpus_is_large_and_speaks_every_language_of_the_rules() {
        assert!(phrases().count() > 200);
        assert!(phrases().filter(|p| p.0 == "not").count() > 60, "what is no opt-out is tested too");
        for rule in &Wording::shipped().unwrap().rules {
            assert!(phrases().any(|p| p.1 == rule.language), "no phrase in {}", rule.language);
        }
    }

    #[test]
    fn a_rule_that_cannot_be_read_is_refused_with_its_line() {
        for (text, line, part) in [
            ("sure en stop (", 1, "unclosed"),
            ("# a\nmaybe en stop", 2, "sure, doubt or not"),
            ("sure en", 1, "VERDICT"),
            ("sure en <who> stop", 1, "no name"),
            ("let a b", 1, "let NAME"),
        ] {
            let error = Wording::parse(text).unwrap_err();
            assert_eq!(error.line, line, "{error}");
            assert!(error.to_string().contains(part), "{error}");
        }
    }

    #[test]
    fn a_very_long_message_is_judged_by_its_beginning() {
        let wording = Wording::shipped().unwrap();
        assert!(wording.classify(&format!("please stop texting me {}", "x ".repeat(500_000))).is_some());
        assert!(wording.classify(&"x".repeat(1_000_000)).is_none());
    }

    proptest::proptest! {
        #[test]
        fn any_message_is_judged_without_failing(message in "\\PC{0,200}") {
            Wording::shipped().unwrap().classify(&message);
        }
    }
}
