//! One-click unsubscribe links: signed, verified without a look into the database, free of personal data.
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cxc_core::TenantNo;
use hmac::{Hmac, Mac};
use sha2::Sha256;

const VERSION: u8 = 1;
const CLAIM: usize = 1 + 8 + 8 + 8 + 2;
/// A signature of 128 bits is out of reach of any search.
const SIGNATURE: usize = 16;
const PURPOSE: &[u8] = b"cxc unsubscribe link 1";

/// Whose messages are to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnsubscribeClaim {
    /// The tenant that sent the message.
    pub tenant: TenantNo,
    /// The attempt that carried it: its row knows the device.
    pub attempt: i64,
    /// The keyed hash of the address, to tell that the attempt still means the same person.
    pub address_hash: i64,
    /// The channels that the person leaves, as a set of [`cxc_core::channel::Channel::bit`].
    pub channels: i16,
}

/// The installation's secret for links. Links must be valid for months: it is kept with the database.
#[derive(Clone)]
pub struct UnsubscribeKey([u8; 32]);

impl UnsubscribeKey {
    /// A key of 32 secret bytes.
    pub fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    fn mac(&self, claim: &[u8]) -> Option<Hmac<Sha256>> {
        // HMAC takes keys of any length: there is always one
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(PURPOSE);
        mac.update(claim);
        Some(mac)
    }

    /// The token of a claim: 58 characters that are safe in a URL.
    pub fn token(&self, claim: &UnsubscribeClaim) -> String {
        let mut bytes = Vec::with_capacity(CLAIM + SIGNATURE);
        bytes.push(VERSION);
        bytes.extend(claim.tenant.to_be_bytes());
        bytes.extend(claim.attempt.to_be_bytes());
        bytes.extend(claim.address_hash.to_be_bytes());
        bytes.extend(claim.channels.to_be_bytes());
        let signature = self.mac(&bytes).map(|mac| mac.finalize().into_bytes()).unwrap_or_default();
        bytes.extend(signature.iter().take(SIGNATURE));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The claim of a token that this installation made; `None` for any other text.
    pub fn open(&self, token: &str) -> Option<UnsubscribeClaim> {
        if token.len() > 128 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (claim, signature) = bytes.split_at_checked(CLAIM)?;
        if signature.len() != SIGNATURE || claim.first() != Some(&VERSION) {
            return None;
        }
        // in constant time
        self.mac(claim)?.verify_truncated_left(signature).ok()?;
        let number = |at: usize| claim.get(at..at + 8)?.try_into().ok().map(i64::from_be_bytes);
        Some(UnsubscribeClaim {
            tenant: number(1)?,
            attempt: number(9)?,
            address_hash: number(17)?,
            channels: i16::from_be_bytes(claim.get(25..27)?.try_into().ok()?),
        })
    }
}

impl std::fmt::Debug for UnsubscribeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UnsubscribeKey(..)")
    }
}

/// The links of messages.
pub struct UnsubscribeLink;

impl UnsubscribeLink {
    /// The path under the public base URL; the token follows.
    pub const PATH: &str = "/unsubscribe/";

    /// The link of a token under the public base URL: GET shows a page, POST acts.
    pub fn url(base: &str, token: &str) -> String {
        format!("{}{}{token}", base.trim_end_matches('/'), Self::PATH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAIM: UnsubscribeClaim =
        UnsubscribeClaim { tenant: 7, attempt: 123_456_789, address_hash: -42, channels: 6 };

    #[test]
    fn a_token_gives_its_claim_back_and_is_safe_in_a_url() {
        let key = UnsubscribeKey::new([9; 32]);
        let token = key.token(&CLAIM);
        assert_eq!(key.open(&token), Some(CLAIM));
        assert!(token.len() == 58 && token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        assert_eq!(UnsubscribeLink::url("https://example.com/", "abc"), "https://example.com/unsubscribe/abc");
    }

    #[test]
    fn a_token_changed_in_any_character_or_of_another_key_is_none() {
        let key = UnsubscribeKey::new([9; 32]);
        let token = key.token(&CLAIM);
        for at in 0..token.len() {
            let mut other = token.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(key.open(&String::from_utf8(other).unwrap()), None, "{at}");
        }
        assert_eq!(UnsubscribeKey::new([8; 32]).open(&token), None);
        for bad in ["", "AA", &token[..57], &format!("{token}A"), &"A".repeat(10_000)] {
            assert_eq!(key.open(bad), None);
        }
    }
}
