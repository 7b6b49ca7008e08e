//! The one-click unsubscribe link: an opaque token that says whom it is for and can't be forged.
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cxc_core::hash::HashKey;
use hmac::{Hmac, Mac};
use sha2::Sha256;

const PURPOSE: &[u8] = b"cxc unsubscribe 1";
const BODY: usize = 8 * 4 + 2;
const MAC: usize = 16;

/// Whom an unsubscribe link is for. No personal data: numbers and a keyed hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsubscribe {
    /// The tenant that wrote.
    pub tenant: i64,
    /// The contact list.
    pub list: i64,
    /// The contact.
    pub contact: i64,
    /// The position of the device.
    pub position: i16,
    /// The keyed hash of its address.
    pub device: i64,
}

impl Unsubscribe {
    /// The token of the link.
    pub fn token(&self, key: &HashKey) -> String {
        let body = self.body();
        let mut bytes = body.to_vec();
        bytes.extend_from_slice(&sign(key, &body));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The address to put into a message. `base` is the public base URL.
    pub fn url(&self, base: &str, key: &HashKey) -> String {
        format!("{}/unsubscribe/{}", base.trim_end_matches('/'), self.token(key))
    }

    /// Whom a token is for; `None` if we did not make it.
    pub fn verify(token: &str, key: &HashKey) -> Option<Self> {
        if token.len() > 200 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (body, mac) = bytes.split_at_checked(BODY)?;
        let mut ours = Hmac::<Sha256>::new_from_slice(&key.0).ok()?;
        ours.update(PURPOSE);
        ours.update(body);
        // compares in constant time
        (mac.len() == MAC && ours.verify_truncated_left(mac).is_ok()).then_some(())?;
        let number = |at: usize| body.get(at..at + 8)?.try_into().ok().map(i64::from_be_bytes);
        Some(Self {
            tenant: number(0)?,
            list: number(8)?,
            contact: number(16)?,
            device: number(24)?,
            position: body.get(32..34)?.try_into().ok().map(i16::from_be_bytes)?,
        })
    }

    fn body(&self) -> [u8; BODY] {
        let mut body = [0; BODY];
        for (slot, number) in body.chunks_exact_mut(8).zip([self.tenant, self.list, self.contact, self.device]) {
            slot.copy_from_slice(&number.to_be_bytes());
        }
        body[32..].copy_from_slice(&self.position.to_be_bytes());
        body
    }
}

fn sign(key: &HashKey, body: &[u8]) -> [u8; MAC] {
    let mut mac = [0; MAC];
    // a key of any length fits
    if let Ok(mut hmac) = Hmac::<Sha256>::new_from_slice(&key.0) {
        hmac.update(PURPOSE);
        hmac.update(body);
        mac.copy_from_slice(&hmac.finalize().into_bytes()[..MAC]);
    }
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_whom_it_is_for_and_can_not_be_changed() {
        let key = HashKey([7; 16]);
        let link = Unsubscribe { tenant: 3, list: 4, contact: 5, position: 2, device: -6 };
        let token = link.token(&key);
        assert_eq!(Unsubscribe::verify(&token, &key), Some(link));
        assert_eq!(Unsubscribe::verify(&token, &HashKey([8; 16])), None);
        for i in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[i] = if changed[i] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(Unsubscribe::verify(&changed, &key).is_none_or(|found| found == link && changed != token && i == token.len() - 1));
        }
        assert_eq!(Unsubscribe::verify("", &key), None);
        assert_eq!(Unsubscribe::verify(&"A".repeat(10_000), &key), None);
    }
}
