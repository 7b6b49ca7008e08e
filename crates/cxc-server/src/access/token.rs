//! Random tokens, and the hashes under which they are stored.
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cxc_core::hash::HashKey;
use sha2::{Digest, Sha256};

use crate::document::keyed;
use crate::error::ApiError;

/// A new random token of 256 bits as a text, and its hash.
pub(crate) fn new_token() -> Result<(String, [u8; 32]), ApiError> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|e| ApiError::internal(anyhow::anyhow!("randomness: {e}")))?;
    let text = URL_SAFE_NO_PAD.encode(bytes);
    let hash = hash(&text);
    Ok((text, hash))
}

/// The hash of a token: it has 256 bits of its own, so a plain hash is enough.
pub(crate) fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// The CSRF token of a session: derived, so that it needs no place of its own.
pub(crate) fn csrf(key: HashKey, session: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(&keyed(key, &[b"csrf", session])[..24])
}

/// Whether two texts are the same, in a time that does not tell where they differ.
pub(crate) fn same(a: &str, b: &str) -> bool {
    bool::from(subtle::ConstantTimeEq::ct_eq(a.as_bytes(), b.as_bytes()))
}

/// A random password for people to type: 20 letters and digits without look-alikes, about 117 bits.
pub fn random_password() -> Result<String, ApiError> {
    const LETTERS: &[u8; 56] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz2345678";
    let mut password = String::with_capacity(20);
    let mut bytes = [0_u8; 64];
    while password.len() < 20 {
        getrandom::fill(&mut bytes).map_err(|e| ApiError::internal(anyhow::anyhow!("randomness: {e}")))?;
        // only the first 224 values: no letter is likelier than another
        let letters = bytes.iter().filter(|b| **b < 224).map(|b| char::from(LETTERS[usize::from(*b) % 56]));
        password.extend(letters.take(20 - password.len()));
    }
    Ok(password)
}
