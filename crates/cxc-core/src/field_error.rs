//! What is wrong with one member of a request, as the `errors` of a problem document carry it.
use serde::Serialize;
use utoipa::ToSchema;

/// One member of a document that can't be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer of the member, `/weekdays/0/1/from`; empty for the whole document.
    pub pointer: String,
    /// A stable word for programs.
    #[schema(value_type = String)]
    pub code: &'static str,
    /// What would be right, for people.
    pub detail: String,
}

impl FieldError {
    /// An error at a JSON pointer.
    pub fn new(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code, detail: detail.into() }
    }

    /// The same error in a document that holds this one at `prefix` (`/treatment`).
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        self.pointer.insert_str(0, prefix);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_its_place_when_its_document_is_nested() {
        let error = FieldError::new("/retryRules/0", "too_many", "x").under("/treatment");
        assert_eq!(error.pointer, "/treatment/retryRules/0");
    }
}
