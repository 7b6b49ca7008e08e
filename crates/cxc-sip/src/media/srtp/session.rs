//! Keys of a session, made of the master key (RFC 3711, 4.3), and what is done with them.
use aes::cipher::{InnerIvInit, KeyInit, StreamCipher};
use aes::{Aes128Enc, Block};
use hmac::{Hmac, Mac};
use sha1::Sha1;

use super::{Key, TAG};

/// What keys are made for: the numbers of the standard.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of {
    Audio = 0,
    Reports = 3,
}

/// The keys for audio or for reports.
pub(super) struct Session {
    cipher: Aes128Enc,
    salt: [u8; 14],
    mac: Hmac<Sha1>,
}

impl Session {
    /// None where the library refuses a key of the right length, which it has no reason to.
    pub fn new(key: &Key, of: Of) -> Option<Self> {
        let first = of as u8;
        let (mut cipher, mut sign, mut salt) = ([0; 16], [0; 20], [0; 14]);
        derive(key, first, &mut cipher)?;
        derive(key, first + 1, &mut sign)?;
        derive(key, first + 2, &mut salt)?;
        let cipher = Aes128Enc::new_from_slice(&cipher).ok()?;
        let mac = <Hmac<Sha1> as Mac>::new_from_slice(&sign).ok()?;
        Some(Self { cipher, salt, mac })
    }

    /// Encrypts or decrypts what a packet carries. No index may come twice for a source when it encrypts.
    pub fn crypt(&self, source: [u8; 4], index: u64, payload: &mut [u8]) {
        let mut start = Block::default();
        start[..14].copy_from_slice(&self.salt);
        let of_packet = source.into_iter().chain(index.to_be_bytes().into_iter().skip(2));
        start[4..14].iter_mut().zip(of_packet).for_each(|(byte, by)| *byte ^= by);
        stream(&self.cipher, &start, payload);
    }

    /// The signature of parts that follow each other.
    pub fn sign(&self, parts: [&[u8]; 2]) -> [u8; TAG] {
        let whole = self.fed(parts).finalize().into_bytes();
        std::array::from_fn(|at| whole[at])
    }

    /// Whether a signature is right; it takes the same time if not.
    pub fn is_signed(&self, parts: [&[u8]; 2], tag: &[u8]) -> bool {
        tag.len() == TAG && self.fed(parts).verify_truncated_left(tag).is_ok()
    }

    fn fed(&self, parts: [&[u8]; 2]) -> Hmac<Sha1> {
        parts.into_iter().fold(self.mac.clone(), Mac::chain_update)
    }
}

/// A key of a session. They are never made anew during a call: the rate of that is zero.
fn derive(key: &Key, label: u8, into: &mut [u8]) -> Option<()> {
    let cipher = Aes128Enc::new_from_slice(key.master()).ok()?;
    let mut start = Block::default();
    start[..14].copy_from_slice(key.salt());
    start[7] ^= label;
    stream(&cipher, &start, into);
    Some(())
}

/// The counter mode of the standard; no packet is so long that its two bytes turn over.
fn stream(cipher: &Aes128Enc, start: &Block, bytes: &mut [u8]) {
    let core = InnerIvInit::inner_iv_init(cipher.clone(), start);
    ctr::Ctr128BE::<Aes128Enc>::from_core(core).apply_keystream(bytes);
}

#[cfg(test)]
mod tests {
    use super::super::window::tests::hex;
    use super::*;

    #[test]
    fn the_key_stream_is_that_of_the_standard() {
        // RFC 3711, B.2
        let cipher = Aes128Enc::new_from_slice(&hex("2B7E151628AED2A6ABF7158809CF4F3C")).unwrap();
        let mut start = Block::default();
        start.copy_from_slice(&hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000"));
        let mut bytes = [0; 48];
        stream(&cipher, &start, &mut bytes);
        let expected =
            "E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB41E95B3BB0A2E8DD477901E4FCA894C0";
        assert_eq!(bytes.to_vec(), hex(expected));
    }

    #[test]
    fn keys_of_a_session_are_those_of_the_standard() {
        // RFC 3711, B.3
        let master = hex("E1F97A0D3E018BE0D64FA32C06DE41390EC675AD498AFEEBB6960B3AABE6");
        let key = Key::of(master.try_into().unwrap());
        let (mut cipher, mut sign, mut salt) = ([0; 16], [0; 20], [0; 14]);
        derive(&key, 0, &mut cipher).unwrap();
        derive(&key, 1, &mut sign).unwrap();
        derive(&key, 2, &mut salt).unwrap();
        assert_eq!(cipher.to_vec(), hex("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(sign.to_vec(), hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
        assert_eq!(salt.to_vec(), hex("30CBBC08863D8C85D49DB34A9AE1"));
    }
}
