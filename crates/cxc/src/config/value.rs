//! A value as it was found, and what a setting makes of it.
use std::net::IpAddr;
use std::ops::RangeInclusive;

/// A value of the file, the environment or a flag, before it is typed.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// From the environment or a flag: may be read as a text, a number or a truth value.
    Plain(String),
    /// A text of the file.
    Text(String),
    /// A whole number of the file.
    Integer(i64),
    /// A truth value of the file.
    Bool(bool),
    /// Something that no setting is: its kind.
    Other(&'static str),
}

/// What would have been right.
pub type Expected = String;

impl Found {
    /// The value as an error shows it.
    pub fn shown(&self) -> String {
        match self {
            Found::Plain(text) | Found::Text(text) => format!("{text:?}"),
            Found::Integer(number) => number.to_string(),
            Found::Bool(truth) => truth.to_string(),
            Found::Other(kind) => (*kind).to_owned(),
        }
    }

    /// A text that is not empty.
    pub fn text(&self, expected: &str) -> Result<String, Expected> {
        match self {
            Found::Plain(text) | Found::Text(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
            _ => Err(expected.to_owned()),
        }
    }

    /// A whole number within bounds.
    pub fn number(&self, bounds: RangeInclusive<i64>) -> Result<i64, Expected> {
        let number = match self {
            Found::Integer(number) => Some(*number),
            Found::Plain(text) => text.trim().parse().ok(),
            _ => None,
        };
        number
            .filter(|n| bounds.contains(n))
            .ok_or_else(|| format!("a whole number from {} to {}", bounds.start(), bounds.end()))
    }

    /// true or false.
    pub fn truth(&self) -> Result<bool, Expected> {
        match self {
            Found::Bool(truth) => Ok(*truth),
            Found::Plain(text) if text.trim() == "true" => Ok(true),
            Found::Plain(text) if text.trim() == "false" => Ok(false),
            _ => Err("true or false".to_owned()),
        }
    }

    /// A port; 0 takes any free one.
    pub fn port(&self) -> Result<u16, Expected> {
        let number = self.number(0..=65535).ok().and_then(|n| u16::try_from(n).ok());
        number.ok_or_else(|| "a port from 0 to 65535".to_owned())
    }

    /// An IP address to listen on.
    pub fn address(&self) -> Result<IpAddr, Expected> {
        const EXPECTED: &str = "an IP address such as 127.0.0.1, 0.0.0.0 or ::1";
        self.text(EXPECTED)?.parse().map_err(|_| EXPECTED.to_owned())
    }

    /// The address of a server, without a slash at its end.
    pub fn url(&self) -> Result<String, Expected> {
        const EXPECTED: &str = "an address such as https://cxc.example.com";
        let text = self.text(EXPECTED)?;
        let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")).unwrap_or("");
        let uri: Option<axum::http::Uri> = text.parse().ok();
        let plain = uri.is_some_and(|u| u.query().is_none() && u.host().is_some());
        if host.is_empty() || !plain || text.contains(['"', '<', '>', '@']) {
            return Err(EXPECTED.to_owned());
        }
        Ok(text.trim_end_matches('/').to_owned())
    }

    /// One of these words.
    pub fn word<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, Expected> {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let expected = format!("one of {}", names.join(", "));
        let text = self.text(&expected)?;
        words.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).ok_or(expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_may_hold_a_number_as_text_but_the_file_may_not() {
        assert_eq!(Found::Plain("3000".into()).port(), Ok(3000));
        assert!(Found::Text("3000".into()).port().is_err());
        assert_eq!(Found::Integer(0).port(), Ok(0));
    }

    #[test]
    fn a_port_has_an_end() {
        assert_eq!(Found::Integer(65_536).port(), Err("a port from 0 to 65535".to_owned()));
        assert!(Found::Integer(-1).port().is_err());
    }

    #[test]
    fn a_server_has_a_scheme_and_a_host_and_nothing_secret() {
        assert_eq!(Found::Plain("https://cxc.example.com/".into()).url(), Ok("https://cxc.example.com".into()));
        assert!(Found::Plain("http://[::1]:3000/sub".into()).url().is_ok());
        for bad in
            ["cxc.example.com", "ftp://x", "https://", "https://a b", "https://u:p@x", "https://x/?a=1", "http:///x"]
        {
            assert!(Found::Plain(bad.into()).url().is_err(), "{bad}");
        }
    }
}
