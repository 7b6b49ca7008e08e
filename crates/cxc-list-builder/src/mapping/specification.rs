//! `.spc` specification files: `keyword = regular expression`, tested against header names.
use regex::{Regex, RegexBuilder};

use super::error::MappingError;
use super::target::Target;

/// The most lines and the most memory of one expression.
const MAX_RULES: usize = 500;
const MAX_PROGRAM: usize = 1 << 20;

/// A specification as read.
#[derive(Debug, Clone)]
pub struct Specification {
    pub(super) rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub target: Target,
    pub pattern: Regex,
}

impl Specification {
    /// Whether a keyword brings consents or opt-outs.
    pub fn brings_consents(&self) -> bool {
        self.rules.iter().any(|rule| matches!(rule.target, Target::Consent(_)))
    }

    /// Reads a specification. Blank lines and lines that start with `#` or `;` say nothing; keywords
    /// and expressions ignore case; an expression may match any part of a header.
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        let mut rules = Vec::new();
        for (at, line) in text.trim_start_matches('\u{FEFF}').lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            rules.push(rule(line).map_err(|why| MappingError::Specification { line: at + 1, why })?);
            if rules.len() > MAX_RULES {
                return Err(MappingError::Wrong(format!("a specification has at most {MAX_RULES} keywords")));
            }
        }
        if rules.is_empty() {
            return Err(MappingError::Wrong("a specification has lines of keyword = regular expression".into()));
        }
        Ok(Self { rules })
    }
}

fn rule(line: &str) -> Result<Rule, String> {
    let (keyword, pattern) = line.split_once('=').ok_or("it is not keyword = regular expression")?;
    let target = Target::parse(keyword)?;
    let mut builder = RegexBuilder::new(pattern.trim());
    let built = builder.case_insensitive(true).size_limit(MAX_PROGRAM).dfa_size_limit(MAX_PROGRAM).build();
    let pattern = built.map_err(|e| match e {
        regex::Error::CompiledTooBig(_) => "the expression is too large".to_owned(),
        other => format!("the expression cannot be read: {}", last_line(&other.to_string())),
    })?;
    Ok(Rule { target, pattern })
}

/// The library draws the expression over several lines; its last one says what is wrong.
fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or_default().trim_start_matches("error: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_specification_is_keywords_and_expressions() {
        let spc = Specification::parse("# list\nfirstname = ^given\nDevice1 = cell|mobile\nother1=x=y\n").unwrap();
        assert_eq!(spc.rules.len(), 3);
        assert!(spc.rules[1].pattern.is_match("Cell Phone"));
        assert_eq!(spc.rules[2].pattern.as_str(), "x=y");
    }

    #[test]
    fn a_wrong_line_is_named() {
        let error = |text: &str| Specification::parse(text).unwrap_err().to_string();
        assert!(error("\nfirstname\n").starts_with("line 2 of the specification is wrong"));
        assert!(error("nose = x").contains("there is no field"));
        assert!(error("device1 = (").contains("unclosed group"));
        assert!(error("device1 = (a{1000}){1000}").contains("too large"));
    }
}
