//! How a command ends: one line on stderr and an exit code.
use std::fmt;

/// Why a command did not do what was asked. Exit code 1: it was understood and refused, or failed on
/// the way. Exit code 2: it could not begin (usage, configuration, a taken port, the database). Exit code 3: it was
/// done, and the answer is no.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    error: anyhow::Error,
}

impl Failure {
    /// It could not begin.
    pub fn start(error: impl Into<anyhow::Error>) -> Self {
        Self { code: 2, error: error.into() }
    }

    /// It could not begin, said in words.
    pub fn usage(text: impl Into<String>) -> Self {
        Self { code: 2, error: anyhow::Error::msg(text.into()) }
    }

    /// The answer is no, said in words: exit code 3.
    pub fn decided(text: impl Into<String>) -> Self {
        Self { code: 3, error: anyhow::Error::msg(text.into()) }
    }

    /// It was refused, said in words.
    pub fn refused(text: impl Into<String>) -> Self {
        Self { code: 1, error: anyhow::Error::msg(text.into()) }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { code: 1, error: error.into() }
    }
}

/// One line: causes are joined by colons, unless the text before holds them already.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = String::new();
        for cause in self.error.chain() {
            let text = cause.to_string();
            if said.is_empty() {
                said = text;
            } else if !said.contains(&text) {
                said = format!("{said}: {text}");
            }
        }
        f.write_str(&said.replace(['\n', '\r'], " "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line_with_its_causes() {
        let failure = Failure::start(anyhow::anyhow!("port 3000\nis taken").context("can't listen"));
        assert_eq!(failure.to_string(), "can't listen: port 3000 is taken");
        assert_eq!(failure.code, 2);
    }

    #[test]
    fn a_cause_that_was_said_is_not_said_again() {
        let failure = Failure::from(anyhow::anyhow!("refused").context("it was refused"));
        assert_eq!(failure.to_string(), "it was refused");
        assert_eq!(failure.code, 1);
    }
}
