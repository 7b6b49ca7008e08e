//! Why no plan can be made.

/// Why a mapping cannot be read or does not fit the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// Not a mapping document.
    #[error("the mapping is not a data-mapping document: {0}")]
    Document(String),
    /// A wrong value in a mapping document.
    #[error("the mapping is wrong: {0}")]
    Wrong(String),
    /// A wrong line in a specification.
    #[error("line {line} of the specification is wrong: {why}")]
    Specification {
        /// From 1.
        line: usize,
        /// In words.
        why: String,
    },
    /// A column that the file does not have.
    #[error("the mapping names the column {column}, which the file does not have; columns found: {found}")]
    NoColumn {
        /// As named.
        column: String,
        /// The columns of the file.
        found: String,
    },
    /// Nothing to contact anyone by.
    #[error(
        "no column looks like a phone number or an email address; columns found: {found}; name one device1 or give a mapping"
    )]
    NoDevice {
        /// The columns of the file.
        found: String,
    },
    /// Nothing to suppress by.
    #[error("no column is a client id; columns found: {found}; name one clientId or give a mapping")]
    NoClientId {
        /// The columns of the file.
        found: String,
    },
    /// Nothing that is given or taken back.
    #[error(
        "no column says when a consent was given or taken back; columns found: {found}; name one consent_date or \
         opt_out_date, or give a mapping"
    )]
    NoConsent {
        /// The columns of the file.
        found: String,
    },
}

impl MappingError {
    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Document(_) | Self::Wrong(_) => "bad_mapping",
            Self::Specification { .. } => "bad_specification",
            Self::NoColumn { .. } => "column_missing",
            Self::NoDevice { .. } => "no_device_column",
            Self::NoClientId { .. } => "no_client_id_column",
            Self::NoConsent { .. } => "no_consent_column",
        }
    }
}
