//! The device behind a hash, encrypted with the installation's key: readable here, gone when its row is deleted.
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use cxc_core::hash::HashKey;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::block::corrupt;
use crate::StoreError;

const NONCE: usize = 24;

/// Seals and opens devices (XChaCha20-Poly1305). A sealed device belongs to one tenant and one hash.
#[derive(Clone)]
pub struct DeviceSeal(XChaCha20Poly1305);

impl std::fmt::Debug for DeviceSeal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeviceSeal(..)")
    }
}

impl DeviceSeal {
    /// The seal of an installation: its key is derived from the installation's secret for this use only.
    pub fn new(key: &HashKey) -> Result<Self, StoreError> {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&key.0).map_err(|e| corrupt(&e.to_string()))?;
        mac.update(b"cxc evidence device 1");
        Ok(Self(XChaCha20Poly1305::new(&mac.finalize().into_bytes())))
    }

    /// Encrypts a device.
    pub fn seal(&self, tenant: i64, device: i64, text: &str) -> Result<Vec<u8>, StoreError> {
        self.seal_with(&mut Nonces::new(1)?, tenant, device, text)
    }

    /// Encrypts a device under one of some nonces: the system is asked once for all of a block.
    pub(super) fn seal_with(
        &self,
        nonces: &mut Nonces,
        tenant: i64,
        device: i64,
        text: &str,
    ) -> Result<Vec<u8>, StoreError> {
        let nonce = nonces.take().ok_or_else(|| corrupt("no nonce is left"))?;
        let payload = Payload { msg: text.as_bytes(), aad: &place(tenant, device) };
        let sealed = self.0.encrypt(XNonce::from_slice(&nonce), payload);
        let mut bytes = nonce.to_vec();
        bytes.extend(sealed.map_err(|_| corrupt("a device can't be sealed"))?);
        Ok(bytes)
    }

    /// Decrypts a device. What was changed, moved or sealed elsewhere is refused.
    pub fn open(&self, tenant: i64, device: i64, sealed: &[u8]) -> Result<String, StoreError> {
        let refused = || corrupt("a sealed device does not open with this installation's key");
        let (nonce, sealed) = sealed.split_at_checked(NONCE).ok_or_else(refused)?;
        let payload = Payload { msg: sealed, aad: &place(tenant, device) };
        let bytes = self.0.decrypt(XNonce::from_slice(nonce), payload).map_err(|_| refused())?;
        String::from_utf8(bytes).map_err(|_| refused())
    }
}

/// Random nonces, each to be used once.
pub(super) struct Nonces(Vec<u8>);

impl Nonces {
    pub fn new(count: usize) -> Result<Self, StoreError> {
        let mut bytes = vec![0; count * NONCE];
        getrandom::fill(&mut bytes).map_err(|e| corrupt(&format!("randomness: {e}")))?;
        Ok(Self(bytes))
    }

    pub fn take(&mut self) -> Option<[u8; NONCE]> {
        let rest = self.0.len().checked_sub(NONCE)?;
        self.0.split_off(rest).try_into().ok()
    }
}

fn place(tenant: i64, device: i64) -> [u8; 16] {
    let mut place = [0_u8; 16];
    place[..8].copy_from_slice(&tenant.to_be_bytes());
    place[8..].copy_from_slice(&device.to_be_bytes());
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_opens_only_where_and_with_what_it_was_sealed() {
        let seal = DeviceSeal::new(&HashKey([7; 16])).unwrap();
        let sealed = seal.seal(3, 42, "+12025550123").unwrap();
        assert_eq!(seal.open(3, 42, &sealed).unwrap(), "+12025550123");
        assert!(!sealed.windows(8).any(|w| w == b"20255501"));
        assert_ne!(sealed, seal.seal(3, 42, "+12025550123").unwrap(), "a nonce is used once");
        assert!(seal.open(4, 42, &sealed).is_err(), "another tenant's place");
        assert!(seal.open(3, 43, &sealed).is_err(), "another device's place");
        assert!(DeviceSeal::new(&HashKey([8; 16])).unwrap().open(3, 42, &sealed).is_err(), "another key");
        let mut changed = sealed;
        changed[30] ^= 1;
        assert!(seal.open(3, 42, &changed).is_err());
        assert!(seal.open(3, 42, b"short").is_err());
    }
}
