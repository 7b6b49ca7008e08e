//! Who may ask the provider, and the tokens they were given.
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use cxc_core::compliance_data::digest;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

/// The most tokens at once; the one that ends first makes room.
const MOST: usize = 10_000;

/// The ids and secrets of those who may ask.
#[derive(Clone)]
pub struct Clients(BTreeMap<String, SecretString>);

/// A list of clients that can't be read. It names no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadClients {
    /// A line is no client.
    #[error("line {0} of the clients is not ID:SECRET, with a secret of at least 16 characters")]
    Line(usize),
    /// Nobody could ask.
    #[error("there is no client: name one as ID:SECRET in the file of --clients or in CXC_COMPLIANCE_DATA_CLIENTS")]
    None,
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clients({:?})", self.0.keys())
    }
}

impl Clients {
    /// Reads lines of `ID:SECRET`; empty lines and comments are passed over.
    pub fn parse(text: &str) -> Result<Self, BadClients> {
        let mut clients = BTreeMap::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (id, secret) = line.split_once(':').ok_or(BadClients::Line(at + 1))?;
            if id.is_empty() || secret.len() < 16 {
                return Err(BadClients::Line(at + 1));
            }
            clients.insert(id.to_owned(), SecretString::from(secret));
        }
        if clients.is_empty() { Err(BadClients::None) } else { Ok(Self(clients)) }
    }

    /// Whether a header is `Basic` with a client's id and secret.
    pub(super) fn is_one(&self, header: &str) -> bool {
        let Some(given) = header.strip_prefix("Basic ").and_then(|text| STANDARD.decode(text).ok()) else {
            return false;
        };
        let Some((id, secret)) = std::str::from_utf8(&given).ok().and_then(|text| text.split_once(':')) else {
            return false;
        };
        self.0.get(id).is_some_and(|known| known.expose_secret().as_bytes().ct_eq(secret.as_bytes()).into())
    }
}

/// Tokens by their digest, each with its end in microseconds.
#[derive(Default)]
pub(super) struct Tokens(Mutex<HashMap<String, i64>>);

impl Tokens {
    /// A new token that ends at an instant; nothing without a source of randomness.
    pub fn give(&self, now: i64, ends_at: i64) -> Option<String> {
        let mut random = [0_u8; 32];
        getrandom::fill(&mut random).ok()?;
        let token = URL_SAFE_NO_PAD.encode(random);
        let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        given.retain(|_, end| *end > now);
        if given.len() >= MOST {
            let first = given.iter().min_by_key(|(_, end)| **end).map(|(token, _)| token.clone());
            first.map(|first| given.remove(&first));
        }
        given.insert(digest(token.as_bytes()), ends_at);
        Some(token)
    }

    /// Whether a header is `Bearer` with a token that holds.
    pub fn holds(&self, header: &str, now: i64) -> bool {
        let Some(token) = header.strip_prefix("Bearer ") else { return false };
        let given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        given.get(&digest(token.as_bytes())).is_some_and(|end| *end > now)
    }

    /// Forgets every token.
    pub fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_known_by_its_id_and_secret_only() {
        let clients = Clients::parse("# ours\nann:0123456789abcdef\n\n").unwrap();
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert!(clients.is_one(&basic("ann:0123456789abcdef")));
        for wrong in ["ann:0123456789abcdeF", "ann:", "bob:0123456789abcdef", "ann", ""] {
            assert!(!clients.is_one(&basic(wrong)), "{wrong}");
        }
        assert!(!clients.is_one("Basic ???") && !clients.is_one("ann:0123456789abcdef"));
        assert!(!format!("{clients:?}").contains("0123456789abcdef"));
        assert_eq!(Clients::parse("ann:short").unwrap_err(), BadClients::Line(1));
        assert_eq!(Clients::parse("# nobody").unwrap_err(), BadClients::None);
    }

    #[test]
    fn a_token_ends() {
        let tokens = Tokens::default();
        let token = format!("Bearer {}", tokens.give(0, 10).unwrap());
        assert!(tokens.holds(&token, 9) && !tokens.holds(&token, 10));
        assert!(!tokens.holds("Bearer x", 0) && !tokens.holds(token.trim_start_matches("Bearer "), 0));
        tokens.forget();
        assert!(!tokens.holds(&token, 0));
    }
}
