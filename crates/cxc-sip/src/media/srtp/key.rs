//! Master keys, as session descriptions carry them (RFC 4568).
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The one suite that we speak.
const SUITE: &str = "AES_CM_128_HMAC_SHA1_80";

/// Master key and salt of one direction.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key([u8; 30]);

// a key never reaches a log
impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// A new one; none where the system has nothing random.
    pub fn random() -> Option<Self> {
        let mut bytes = [0; 30];
        getrandom::fill(&mut bytes).ok()?;
        Some(Self(bytes))
    }

    #[cfg(test)]
    pub(super) fn of(bytes: [u8; 30]) -> Self {
        Self(bytes)
    }

    /// The key.
    pub(super) fn master(&self) -> &[u8] {
        &self.0[..16]
    }

    /// The salt.
    pub(super) fn salt(&self) -> &[u8] {
        &self.0[16..]
    }
}

/// What a description says of a key: the value of an attribute `crypto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crypto {
    /// Its number: an answer repeats that of the offer.
    pub tag: u32,
    /// The key of who wrote the description.
    pub key: Key,
}

impl Crypto {
    /// Reads a value; none for other suites, several keys, identifiers of keys, and parameters that change the packets.
    pub fn read(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let tag = words.next()?.parse().ok()?;
        let (suite, inline) = (words.next()?, words.next()?);
        let mut parts = inline.strip_prefix("inline:")?.split('|');
        let bytes = STANDARD.decode(parts.next()?).ok()?;
        // its lifetime is longer than any call
        let is_plain = parts.all(|part| !part.contains(':')) && words.all(|word| word.starts_with("WSH="));
        let key = Key(bytes.try_into().ok()?);
        (suite == SUITE && is_plain).then_some(Self { tag, key })
    }

    /// The value.
    pub fn write(&self) -> String {
        format!("{} {SUITE} inline:{}", self.tag, STANDARD.encode(self.key.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INLINE: &str = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    #[test]
    fn what_is_written_is_read_and_not_printed() {
        let crypto = Crypto { tag: 7, key: Key::random().unwrap() };
        assert_eq!(Crypto::read(&crypto.write()), Some(crypto));
        assert_ne!(Key::random(), Key::random());
        assert_eq!(format!("{crypto:?}"), "Crypto { tag: 7, key: Key }");
    }

    #[test]
    fn what_would_change_the_packets_is_not_taken() {
        let read = |rest: &str| Crypto::read(&format!("1 {rest}")).map(|crypto| crypto.tag);
        assert_eq!(read(&format!("{SUITE} {INLINE}")), Some(1));
        assert_eq!(read(&format!("{SUITE} {INLINE}|2^20 WSH=64")), Some(1));
        for bad in [
            format!("AES_CM_128_HMAC_SHA1_32 {INLINE}"),
            format!("{SUITE} {INLINE}|2^20|1:4"),
            format!("{SUITE} {INLINE}|1:4"),
            format!("{SUITE} {INLINE};{INLINE}"),
            format!("{SUITE} {INLINE} UNENCRYPTED_SRTP"),
            format!("{SUITE} {INLINE} KDR=1"),
            format!("{SUITE} inline:AAAA"),
            format!("{SUITE} {}", &INLINE[7..]),
            SUITE.to_owned(),
            String::new(),
        ] {
            assert_eq!(read(&bad), None, "{bad}");
        }
    }
}
