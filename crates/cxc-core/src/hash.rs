//! Keyed 64-bit hashes by which large tables index an address or a client id.
use std::hash::Hasher;

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
