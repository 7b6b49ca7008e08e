//! Why a line of a file was not taken.
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The reason codes of the rejects file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// Bytes that are no text in the file's encoding.
    BadEncoding,
    /// Too few or too many columns.
    ColumnCount,
    /// No column with a device has a value.
    NoDevice,
    /// No device of the line is a phone number or an email address.
    BadDevice,
    /// A line, a client id or a device over its limit.
    TooLong,
    /// The key stood in an earlier line of the file.
    DuplicateInFile,
    /// The key is in the list already.
    DuplicateInList,
    /// The key is not in the list, and only updates were asked for.
    NotFound,
    /// No IANA time zone of that name.
    UnknownTimezone,
    /// No such country.
    BadCountry,
    /// The kind, the date or another part of a consent or opt-out is wrong.
    BadConsent,
    /// Any other value that cannot be read.
    BadValue,
}

impl RejectReason {
    /// Every reason.
    pub const ALL: [Self; 12] = [
        Self::BadEncoding,
        Self::ColumnCount,
        Self::NoDevice,
        Self::BadDevice,
        Self::TooLong,
        Self::DuplicateInFile,
        Self::DuplicateInList,
        Self::NotFound,
        Self::UnknownTimezone,
        Self::BadCountry,
        Self::BadConsent,
        Self::BadValue,
    ];

    /// The code in the rejects file.
    pub fn code(self) -> &'static str {
        match self {
            Self::BadEncoding => "bad_encoding",
            Self::ColumnCount => "column_count",
            Self::NoDevice => "no_device",
            Self::BadDevice => "bad_device",
            Self::TooLong => "too_long",
            Self::DuplicateInFile => "duplicate_in_file",
            Self::DuplicateInList => "duplicate_in_list",
            Self::NotFound => "not_found",
            Self::UnknownTimezone => "unknown_timezone",
            Self::BadCountry => "bad_country",
            Self::BadConsent => "bad_consent",
            Self::BadValue => "bad_value",
        }
    }

    /// Whether the line counts as a duplicate, not as rejected.
    pub fn is_duplicate(self) -> bool {
        matches!(self, Self::DuplicateInFile | Self::DuplicateInList)
    }
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_the_serialised_form() {
        for reason in RejectReason::ALL {
            assert_eq!(serde_json::to_string(&reason).unwrap(), format!("\"{}\"", reason.code()));
        }
    }
}
