//! The installation's signature on what it hands out: ed25519, with a key that is derived from its secret.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cxc_core::hash::HashKey;
use hmac::{Hmac, Mac};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use sha2::Sha256;

/// Signs exports of evidence. The same for an installation as long as its database lives.
pub struct Signer(Ed25519KeyPair);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", self.public_key())
    }
}

impl Signer {
    /// The signer of an installation: its key is derived from the installation's secret for this use only.
    pub fn new(key: &HashKey) -> anyhow::Result<Self> {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&key.0)?;
        mac.update(b"cxc evidence export 1");
        let seed = mac.finalize().into_bytes();
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|e| anyhow::anyhow!("the signing key: {e}"))?;
        Ok(Self(pair))
    }

    /// The public key, base64 of its 32 bytes.
    pub fn public_key(&self) -> String {
        STANDARD.encode(self.0.public_key().as_ref())
    }

    /// The signature of some bytes, base64.
    pub fn sign(&self, bytes: &[u8]) -> String {
        STANDARD.encode(self.0.sign(bytes).as_ref())
    }
}

/// Whether a signature is one of these bytes by this key. All texts are base64; any other text is none.
pub fn is_signed(bytes: &[u8], signature: &str, public_key: &str) -> bool {
    let (Ok(signature), Ok(key)) = (STANDARD.decode(signature), STANDARD.decode(public_key.trim())) else {
        return false;
    };
    UnparsedPublicKey::new(&ED25519, key).verify(bytes, &signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_bytes_and_its_key_only() {
        let signer = Signer::new(&HashKey([7; 16])).unwrap();
        let signature = signer.sign(b"what was decided");
        assert!(is_signed(b"what was decided", &signature, &signer.public_key()));
        assert_eq!(Signer::new(&HashKey([7; 16])).unwrap().public_key(), signer.public_key());
        assert!(!is_signed(b"what was not decided", &signature, &signer.public_key()));
        let other = Signer::new(&HashKey([8; 16])).unwrap().public_key();
        assert!(!is_signed(b"what was decided", &signature, &other));
        for text in ["", "!", "AAAA"] {
            assert!(!is_signed(b"what was decided", text, &signer.public_key()));
            assert!(!is_signed(b"what was decided", &signature, text));
        }
    }
}
