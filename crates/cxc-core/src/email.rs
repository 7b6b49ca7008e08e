//! Email addresses: a practical part of RFC 5321, strict enough that a mail server will take what passes.
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// The most octets of an address (RFC 5321 section 4.5.3.1.3, less the angle brackets).
pub const MAX_EMAIL: usize = 254;
/// The most octets before the `@`.
pub const MAX_LOCAL: usize = 64;
const MAX_LABEL: usize = 63;

/// A checked email address, in the case that it was written in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress {
    text: Box<str>,
    at: u8,
}

/// Why a text is no email address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// Nothing but blanks.
    #[error("an email address is name@domain, and this is empty")]
    Empty,
    /// Over 254 octets.
    #[error("an email address has at most 254 characters")]
    TooLong,
    /// No `@`.
    #[error("an email address is name@domain, and this has no @")]
    NoAt,
    /// More than one `@`.
    #[error("an email address has one @, and this has more")]
    ManyAts,
    /// A blank, a control character or a separator of addresses.
    #[error("an email address has no blanks, commas, semicolons or control characters")]
    Blank,
    /// A quoted local part.
    #[error("a quoted name before the @ is not accepted")]
    Quoted,
    /// A letter outside ASCII.
    #[error("an email address is written in ASCII; write an international domain in its xn-- form")]
    NotAscii,
    /// The local part is empty, too long, or has a character that RFC 5321 forbids.
    #[error("the part before the @ is 1 to 64 letters, digits, or characters of !#$%&'*+-/=?^_`{{|}}~.")]
    Local,
    /// A dot at an end, or two together.
    #[error("the part before the @ has no dot at its ends and no two dots together")]
    LocalDots,
    /// The domain is not a list of labels.
    #[error("the part after the @ is labels of 1 to 63 letters, digits and inner hyphens, parted by dots")]
    Domain,
    /// No dot in the domain.
    #[error("the part after the @ has at least two labels, such as example.com")]
    OneLabel,
    /// The last label has a digit only, or one letter.
    #[error("the domain ends in a top-level domain of two or more letters")]
    TopLevel,
}

impl EmailError {
    /// A stable word for logs and answers.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "email_empty",
            Self::TooLong => "email_too_long",
            Self::NoAt => "email_no_at",
            Self::ManyAts => "email_many_ats",
            Self::Blank => "email_blank",
            Self::Quoted => "email_quoted",
            Self::NotAscii => "email_not_ascii",
            Self::Local => "email_local",
            Self::LocalDots => "email_local_dots",
            Self::Domain => "email_domain",
            Self::OneLabel => "email_one_label",
            Self::TopLevel => "email_top_level",
        }
    }
}

impl EmailAddress {
    /// Reads an address: blanks (no-break ones too) round it, a `mailto:` before it and a leading
    /// apostrophe of a spreadsheet are dropped, its case is kept.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let text = strip(text);
        if text.is_empty() {
            return Err(EmailError::Empty);
        }
        if text.len() > MAX_EMAIL {
            return Err(EmailError::TooLong);
        }
        check_characters(text)?;
        let (local, domain) = text.split_once('@').ok_or(EmailError::NoAt)?;
        if domain.contains('@') {
            return Err(EmailError::ManyAts);
        }
        check_local(local)?;
        check_domain(domain)?;
        let at = u8::try_from(local.len()).map_err(|_| EmailError::Local)?;
        Ok(Self { text: text.into(), at })
    }

    /// The address as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part before the `@`.
    pub fn local(&self) -> &str {
        &self.text[..usize::from(self.at)]
    }

    /// The part after the `@`.
    pub fn domain(&self) -> &str {
        &self.text[usize::from(self.at) + 1..]
    }

    /// The address in lower case: what duplicates and suppressions are compared by. Mail servers
    /// may tell cases apart before the `@`; none that matters does.
    pub fn normalised(&self) -> String {
        self.text.to_ascii_lowercase()
    }
}

fn strip(text: &str) -> &str {
    let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{200b}' | '\u{feff}' | '\u{2060}'));
    let text = text.strip_prefix('\'').filter(|rest| !rest.starts_with('@')).unwrap_or(text);
    match text.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => &text[7..],
        _ => text,
    }
}

fn check_characters(text: &str) -> Result<(), EmailError> {
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, ',' | ';')) {
        return Err(EmailError::Blank);
    }
    if !text.is_ascii() {
        return Err(EmailError::NotAscii);
    }
    if text.starts_with('"') {
        return Err(EmailError::Quoted);
    }
    Ok(())
}

fn check_local(local: &str) -> Result<(), EmailError> {
    if local.is_empty() || local.len() > MAX_LOCAL || !local.bytes().all(is_local_byte) {
        return Err(EmailError::Local);
    }
    if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
        return Err(EmailError::LocalDots);
    }
    Ok(())
}

fn is_local_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b)
}

fn check_domain(domain: &str) -> Result<(), EmailError> {
    let mut labels = 0;
    let mut last = "";
    for label in domain.split('.') {
        let inner = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if label.is_empty() || label.len() > MAX_LABEL || !inner || label.starts_with('-') || label.ends_with('-') {
            return Err(EmailError::Domain);
        }
        labels += 1;
        last = label;
    }
    if labels < 2 {
        return Err(EmailError::OneLabel);
    }
    let international = last.get(..4).is_some_and(|p| p.eq_ignore_ascii_case("xn--"));
    if last.len() < 2 || !(international || last.bytes().all(|b| b.is_ascii_alphabetic())) {
        return Err(EmailError::TopLevel);
    }
    Ok(())
}

impl PartialSchema for EmailAddress {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String).description(Some("An email address."));
        text.examples(["ana@example.com"]).max_length(Some(254)).into()
    }
}

impl ToSchema for EmailAddress {}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl AsRef<str> for EmailAddress {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = EmailError;

    fn try_from(text: String) -> Result<Self, EmailError> {
        Self::parse(&text)
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> EmailError {
        EmailAddress::parse(text).unwrap_err()
    }

    #[test]
    fn an_address_keeps_its_case_and_compares_in_lower_case() {
        let address = EmailAddress::parse("\u{a0} Ana.Lopez+news@Example.COM\t").unwrap();
        assert_eq!(address.as_str(), "Ana.Lopez+news@Example.COM");
        assert_eq!(address.normalised(), "ana.lopez+news@example.com");
        assert_eq!((address.local(), address.domain()), ("Ana.Lopez+news", "Example.COM"));
    }

    #[test]
    fn the_marks_of_spreadsheets_and_links_are_dropped() {
        assert_eq!(EmailAddress::parse("'a@b.co").unwrap().as_str(), "a@b.co");
        assert_eq!(EmailAddress::parse("MailTo:a@b.co").unwrap().as_str(), "a@b.co");
        assert_eq!(EmailAddress::parse("o'neil@b.co").unwrap().as_str(), "o'neil@b.co");
    }

    #[test]
    fn every_fault_has_its_own_error() {
        assert_eq!(error("  "), EmailError::Empty);
        assert_eq!(error("ana"), EmailError::NoAt);
        assert_eq!(error("a@b@c.com"), EmailError::ManyAts);
        assert_eq!(error("a b@c.com"), EmailError::Blank);
        assert_eq!(error("a@c.com;b@c.com"), EmailError::Blank);
        assert_eq!(error("a\0@c.com"), EmailError::Blank);
        assert_eq!(error("\"a\"@c.com"), EmailError::Quoted);
        assert_eq!(error("ana@exämple.com"), EmailError::NotAscii);
        assert_eq!(error("@c.com"), EmailError::Local);
        assert_eq!(error("a<b@c.com"), EmailError::Local);
        assert_eq!(error(".a@c.com"), EmailError::LocalDots);
        assert_eq!(error("a..b@c.com"), EmailError::LocalDots);
        assert_eq!(error("a@-c.com"), EmailError::Domain);
        assert_eq!(error("a@c..com"), EmailError::Domain);
        assert_eq!(error("a@c.com."), EmailError::Domain);
        assert_eq!(error("a@[10.0.0.1]"), EmailError::Domain);
        assert_eq!(error("a@localhost"), EmailError::OneLabel);
        assert_eq!(error("a@10.0.0.1"), EmailError::TopLevel);
        assert_eq!(error("a@b.c"), EmailError::TopLevel);
    }

    #[test]
    fn lengths_are_bounded_at_64_63_and_254() {
        let at_limit = format!("{}@{}.com", "l".repeat(64), "d".repeat(63));
        assert!(EmailAddress::parse(&at_limit).is_ok());
        assert_eq!(error(&format!("{}@d.com", "l".repeat(65))), EmailError::Local);
        assert_eq!(error(&format!("l@{}.com", "d".repeat(64))), EmailError::Domain);
        let domain = format!("{}.{}.{}", "d".repeat(63), "d".repeat(63), "d".repeat(57));
        let whole = format!("{}@{domain}.com", "l".repeat(64));
        assert_eq!(whole.len(), 254);
        assert!(EmailAddress::parse(&whole).is_ok());
        assert_eq!(error(&format!("{whole}m")), EmailError::TooLong);
    }

    #[test]
    fn an_international_domain_is_taken_in_its_ascii_form() {
        assert!(EmailAddress::parse("a@xn--exmple-cua.xn--p1ai").is_ok());
    }

    #[test]
    fn it_is_checked_when_it_is_read_from_json() {
        let read: EmailAddress = serde_json::from_str("\"a@b.co\"").unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), "\"a@b.co\"");
        assert!(serde_json::from_str::<EmailAddress>("\"a@b\"").is_err());
    }
}
