//! External rules: a service of the tenant's own that is asked before an attempt whether it may be made.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::contact_times::{validate_channels, validate_name};
use crate::channel::Channel;
use crate::field_error::FieldError;

/// The longest wait for an answer, in seconds.
pub const MAX_TIMEOUT_SECONDS: u32 = 5;
/// The most headers of a request.
pub const MAX_HEADERS: usize = 32;

/// Asks a service before each attempt: `200` lets it be made, `409` does not, and everything else, silence
/// included, does not either and is tried again later.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExternalRule {
    /// What people call the rule.
    #[serde(default)]
    #[schema(max_length = 255)]
    pub name: String,
    /// It holds for every campaign; otherwise only for those that name it.
    #[serde(default)]
    pub required: bool,
    /// Where the record's properties are posted, `https` or `http`.
    #[schema(max_length = 2000)]
    pub url: String,
    /// Headers of the request, such as a key of the service's. They are written and never shown.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// How long an answer is waited for, 1 to 5 seconds.
    #[serde(default = "two")]
    #[schema(default = 2, minimum = 1, maximum = 5)]
    pub timeout_seconds: u32,
    /// The channels for which it holds; empty for all.
    #[serde(default)]
    pub channels: Vec<Channel>,
}

fn two() -> u32 {
    2
}

/// Headers may be keys.
impl std::fmt::Debug for ExternalRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExternalRule")
            .field("name", &self.name)
            .field("url", &self.url)
            .field("headers", &self.headers.len())
            .finish_non_exhaustive()
    }
}

impl ExternalRule {
    /// Everything that is wrong with it; empty if it can be used.
    pub fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        validate_name(&self.name, &mut errors);
        validate_channels(&self.channels, &mut errors);
        if let Err(detail) = check_url(&self.url) {
            errors.push(FieldError::new("/url", "url", detail));
        }
        if !(1..=MAX_TIMEOUT_SECONDS).contains(&self.timeout_seconds) {
            let detail = format!("an answer is waited for 1 to {MAX_TIMEOUT_SECONDS} seconds");
            errors.push(FieldError::new("/timeoutSeconds", "range", detail));
        }
        if self.headers.len() > MAX_HEADERS {
            errors.push(FieldError::new(
                "/headers",
                "too_many",
                format!("a request has at most {MAX_HEADERS} headers"),
            ));
        }
        for (name, value) in self.headers.iter().take(MAX_HEADERS) {
            let at = || format!("/headers/{}", name.replace('~', "~0").replace('/', "~1"));
            if let Err(detail) = check_header(name, value) {
                errors.push(FieldError::new(at(), "header", detail));
            }
        }
        errors
    }
}

fn check_url(url: &str) -> Result<(), &'static str> {
    const FORM: &str = "a URL begins with https:// or http:// and names a host, as in https://rules.example.com/check";
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).ok_or(FORM)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err("a URL holds no user name or password: send them in a header");
    }
    let host = match authority.strip_prefix('[') {
        Some(six) => six.split_once(']').map(|(host, _)| host).unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let printable = url.bytes().all(|b| b.is_ascii_graphic());
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'_');
    if host.is_empty() || url.len() > 2000 || !printable || !host.bytes().all(plain) || url.contains('#') {
        return Err(FORM);
    }
    Ok(())
}

/// Members of the request that are ours to set.
const RESERVED: [&str; 7] =
    ["host", "content-length", "content-type", "connection", "transfer-encoding", "upgrade", "te"];

fn check_header(name: &str, value: &str) -> Result<(), &'static str> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if !(1..=100).contains(&name.len()) || !name.bytes().all(token) {
        return Err("a header's name is 1 to 100 letters, digits and hyphens");
    }
    if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
        return Err("this header is set by the request itself");
    }
    if value.len() > 2000 || !value.bytes().all(|b| b == b'\t' || (0x20..0x7f).contains(&b)) {
        return Err("a header's value is up to 2000 printable ASCII characters");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: &str) -> Vec<String> {
        let rule: ExternalRule = serde_json::from_str(text).unwrap();
        rule.validate().into_iter().map(|e| e.pointer).collect()
    }

    #[test]
    fn an_address_is_https_or_http_with_a_host_and_nothing_hidden() {
        for url in ["https://rules.example.com/check", "http://10.0.0.1:8080", "https://[::1]:9/x?y=1"] {
            assert!(errors(&format!(r#"{{"url":"{url}"}}"#)).is_empty(), "{url}");
        }
        for url in
            ["", "ftp://x", "https://", "https://a:b@c", "rules.example.com", "https://a b", "https://é", "https://:80"]
        {
            assert_eq!(errors(&format!(r#"{{"url":"{url}"}}"#)), ["/url"], "{url}");
        }
    }

    #[test]
    fn an_answer_is_waited_for_two_seconds_and_never_more_than_five() {
        let rule: ExternalRule = serde_json::from_str(r#"{"url":"https://x"}"#).unwrap();
        assert_eq!(rule.timeout_seconds, 2);
        assert_eq!(errors(r#"{"url":"https://x","timeoutSeconds":6}"#), ["/timeoutSeconds"]);
        assert_eq!(errors(r#"{"url":"https://x","timeoutSeconds":0}"#), ["/timeoutSeconds"]);
    }

    #[test]
    fn a_header_that_splits_the_request_is_refused() {
        let text = r#"{"url":"https://x","headers":{"X-Key":"a\r\nb","Host":"y","A b":"c","Ok":"1"}}"#;
        assert_eq!(errors(text), ["/headers/A b", "/headers/Host", "/headers/X-Key"]);
    }

    #[test]
    fn keys_are_not_in_its_debug_text() {
        let rule: ExternalRule = serde_json::from_str(r#"{"url":"https://x","headers":{"X-Key":"hush"}}"#).unwrap();
        assert!(!format!("{rule:?}").contains("hush"));
    }
}
