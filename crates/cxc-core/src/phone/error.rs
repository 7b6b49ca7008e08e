//! Why a text is no phone number.

/// Why a text is no phone number that can be contacted. An import rejects its line with `bad_device`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// No digit at all.
    #[error("a phone number is a + and 8 to 15 digits, and this is empty")]
    Empty,
    /// A letter or a character that no number has.
    #[error("a phone number is a + and 8 to 15 digits; this has other characters in it")]
    Characters,
    /// A spreadsheet's rounding, such as 4.47E+11.
    #[error("this is a rounded number such as 4.47E+11; format the column as text and export it again")]
    Scientific,
    /// Two numbers in one field, or a second `+`.
    #[error("one field holds one phone number, and this has a second +")]
    TwoNumbers,
    /// The extension has no digit or more than nine.
    #[error("an extension is 1 to 9 digits after ext, x or #")]
    Extension,
    /// Too few digits.
    #[error("this has too few digits for a phone number of its country")]
    TooShort,
    /// Too many digits.
    #[error("this has too many digits for a phone number of its country")]
    TooLong,
    /// A length that no number of its country has.
    #[error("no phone number of its country has this length")]
    Length,
    /// Leading digits that no number of its country has, such as a second trunk zero.
    #[error("no phone number of its country begins with these digits")]
    LeadingDigits,
    /// Neither a country code nor a default country.
    #[error("a phone number begins with + and its country code, or its list has a default country")]
    NoCountry,
    /// A country code that is not assigned, or is not a country's (satellites, international freephone).
    #[error("the digits after the + begin with the code of a country")]
    CountryCode,
    /// A North American number whose area code or exchange can't be.
    #[error("a North American number is an area code in use, an exchange that begins with 2 to 9, and 4 digits")]
    AreaCode,
    /// An emergency number.
    #[error("emergency numbers are never contacted")]
    Emergency,
}

impl PhoneError {
    /// A stable word for logs, answers and counts.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "phone_empty",
            Self::Characters => "phone_characters",
            Self::Scientific => "phone_scientific",
            Self::TwoNumbers => "phone_two_numbers",
            Self::Extension => "phone_extension",
            Self::TooShort => "phone_too_short",
            Self::TooLong => "phone_too_long",
            Self::Length => "phone_length",
            Self::LeadingDigits => "phone_leading_digits",
            Self::NoCountry => "phone_no_country",
            Self::CountryCode => "phone_country_code",
            Self::AreaCode => "phone_area_code",
            Self::Emergency => "phone_emergency",
        }
    }
}
