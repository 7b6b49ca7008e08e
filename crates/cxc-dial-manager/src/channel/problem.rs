//! What is wrong with a document, member by member.

/// One member of a document that can't be accepted; becomes an entry of a problem's `errors`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// JSON pointer to the member.
    pub pointer: String,
    /// Stable code.
    pub code: &'static str,
    /// What is right, for people.
    pub message: String,
}

impl Problem {
    /// A problem of the member at `pointer`.
    pub fn new(pointer: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code, message: message.into() }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.pointer, self.message)
    }
}
