//! Keyed 64-bit hashes by which large tables index an address or a client id, and hashes that prove what was read.
use std::fmt::Write as _;
use std::hash::Hasher;

use sha2::{Digest, Sha256};
use siphasher::sip::SipHasher13;

/// The installation's secret for hashes. It is made once per database and never leaves it,
/// so a stored hash does not tell whose address it is.
#[derive(Clone, Copy)]
pub struct HashKey(pub [u8; 16]);

impl HashKey {
    /// The hash of a normalised address or client id within one tenant. Confirm a hit on the text.
    pub fn hash(&self, tenant: crate::TenantNo, text: &str) -> i64 {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        hasher.write_i64(tenant);
        hasher.write(text.as_bytes());
        hasher.finish().cast_signed()
    }
}

impl std::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashKey(..)")
    }
}

/// The SHA-256 of pieces in hexadecimal; the length of each is hashed as well, so that no two lists of pieces agree.
pub fn sha256_hex<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for piece in pieces {
        hash.update((piece.len() as u64).to_be_bytes());
        hash.update(piece);
    }
    hash.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// A keyed hash as it is written down: 16 hexadecimal digits.
pub fn hash_text(hash: i64) -> String {
    format!("{:016x}", hash.cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_kept_apart() {
        let of = |pieces: &[&str]| sha256_hex(pieces.iter().map(|p| p.as_bytes()));
        assert_eq!(of(&["ab", "c"]), of(&["ab", "c"]));
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_eq!(of(&["ab", "c"]).len(), 64);
    }
}
