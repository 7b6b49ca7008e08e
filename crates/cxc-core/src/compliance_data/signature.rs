//! Ed25519 keys and signatures, written as `ed25519:` and Base64.
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

const PREFIX: &str = "ed25519:";

/// A text that is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key is ed25519: and the Base64 of 32 bytes, as `cxc compliance-data keygen` writes it")]
pub struct BadKey;

/// The signature is not that of the key over this text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature is not that of the provider's key: the manifest was changed, or another key signed it")]
pub struct WrongSignature;

/// What a provider's signatures are checked with. No secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

/// What a provider signs with.
pub struct SigningKey {
    seed: [u8; 32],
    pair: Ed25519KeyPair,
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    STANDARD.decode(text.trim().strip_prefix(PREFIX)?).ok()?.try_into().ok()
}

fn text(bytes: &[u8]) -> String {
    format!("{PREFIX}{}", STANDARD.encode(bytes))
}

impl FromStr for PublicKey {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        bytes(text).map(Self).ok_or(BadKey)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text(&self.0))
    }
}

impl PublicKey {
    /// Whether a signature is this key's over these bytes.
    pub fn check(&self, message: &[u8], signature: &str) -> Result<(), WrongSignature> {
        let signature: [u8; 64] = bytes(signature).ok_or(WrongSignature)?;
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, &signature).map_err(|_| WrongSignature)
    }
}

impl SigningKey {
    /// The key of 32 random bytes.
    pub fn from_seed(seed: [u8; 32]) -> Result<Self, BadKey> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| BadKey)?;
        Ok(Self { seed, pair })
    }

    /// Reads what [`SigningKey::secret_text`] wrote.
    pub fn parse(text: &str) -> Result<Self, BadKey> {
        Self::from_seed(bytes(text).ok_or(BadKey)?)
    }

    /// The secret, for a file that only its owner reads.
    pub fn secret_text(&self) -> String {
        text(&self.seed)
    }

    /// The key that checks its signatures.
    pub fn public(&self) -> PublicKey {
        let mut key = [0; 32];
        key.copy_from_slice(self.pair.public_key().as_ref());
        PublicKey(key)
    }

    /// The signature over these bytes.
    pub fn sign(&self, message: &[u8]) -> String {
        text(self.pair.sign(message).as_ref())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_text_and_its_key_only() {
        let (key, other) = (SigningKey::from_seed([1; 32]).unwrap(), SigningKey::from_seed([2; 32]).unwrap());
        let signature = key.sign(b"text");
        assert_eq!(key.public().check(b"text", &signature), Ok(()));
        assert_eq!(key.public().check(b"texT", &signature), Err(WrongSignature));
        assert_eq!(other.public().check(b"text", &signature), Err(WrongSignature));
        for bad in ["", "ed25519:", "ed25519:AAAA", signature.trim_start_matches(PREFIX)] {
            assert_eq!(key.public().check(b"text", bad), Err(WrongSignature), "{bad}");
        }
    }

    #[test]
    fn keys_read_as_they_were_written_and_the_secret_is_not_shown() {
        let key = SigningKey::from_seed([7; 32]).unwrap();
        assert_eq!(SigningKey::parse(&key.secret_text()).unwrap().public(), key.public());
        assert_eq!(key.public().to_string().parse::<PublicKey>(), Ok(key.public()));
        assert!(!format!("{key:?}").contains(&key.secret_text()));
        assert!("ed25519:zzzz".parse::<PublicKey>().is_err() && "x".parse::<PublicKey>().is_err());
    }
}
