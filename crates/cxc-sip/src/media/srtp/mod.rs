//! SRTP (RFC 3711) with AES_CM_128_HMAC_SHA1_80: what goes to a far end is encrypted and signed, what comes from it is
//! checked. The ciphers are RustCrypto's; here is how the standard uses them.
mod key;
mod receiver;
mod sender;
mod session;
mod window;

pub use key::{Crypto, Key};
pub(super) use receiver::Receiver;
pub(super) use sender::Sender;

/// Bytes of a signature.
const TAG: usize = 10;
