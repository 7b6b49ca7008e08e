//! All legal rules of a set of files, as they are shipped.
use std::sync::Arc;

use super::rule::LegalRule;

/// A rule file that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}: {detail}")]
pub struct RuleFileError {
    /// Which file.
    pub file: String,
    /// Which line of it, from 1.
    pub line: usize,
    /// What is wrong and what is right.
    pub detail: String,
}

impl RuleFileError {
    pub(super) fn new(file: &str, line: usize, detail: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, detail: detail.into() }
    }
}

/// Legal rules: every version of every id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LegalRules {
    rules: Vec<Arc<LegalRule>>,
    sha256: String,
}

impl LegalRules {
    /// Rules that were read and compared with one another.
    pub(super) fn of(mut rules: Vec<Arc<LegalRule>>, sha256: String) -> Self {
        rules.sort_by(|a, b| (&a.id, a.version).cmp(&(&b.id, b.version)));
        Self { rules, sha256 }
    }

    /// Rules as they were read at another time, with the hash that they had then.
    pub fn kept(rules: Vec<LegalRule>, sha256: String) -> Self {
        Self::of(rules.into_iter().map(Arc::new).collect(), sha256)
    }

    /// Every version of every rule, by id and version.
    pub fn all(&self) -> &[Arc<LegalRule>] {
        &self.rules
    }

    /// The versions of one rule.
    pub fn get(&self, id: &str) -> impl Iterator<Item = &Arc<LegalRule>> {
        self.rules.iter().filter(move |rule| rule.id == id)
    }

    /// The hash of the files that they come from, in hexadecimal digits; empty for none.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }
}
