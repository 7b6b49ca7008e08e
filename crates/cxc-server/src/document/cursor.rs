//! Opaque, signed cursors: where a page ended, for which query, and when.
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cxc_core::Micros;
use cxc_core::hash::HashKey;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

use crate::error::{ApiError, Code};

const LIFE: Micros = 24 * 3600 * 1_000_000;
const MAC_BYTES: usize = 16;

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    /// The sort keys of the last item.
    #[serde(rename = "k")]
    pub keys: Vec<CursorKey>,
    /// The id of the last item.
    #[serde(rename = "i")]
    pub id: Uuid,
    /// When it was made, in microseconds.
    #[serde(rename = "t")]
    pub made_at: Micros,
}

/// One sort key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CursorKey {
    /// A number or an instant.
    Number(i64),
    /// A text.
    Text(String),
}

impl Cursor {
    /// The cursor as a text that only this installation can make. `query` is all that the page depends on:
    /// tenant, collection, filter and sort.
    pub fn seal(&self, key: HashKey, query: &str) -> String {
        // plain numbers and texts always serialise
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        let mac = mac(key, query, &bytes);
        bytes.extend_from_slice(&mac[..MAC_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor; 400 `bad_cursor` for one that is forged, too old or of another query.
    pub fn open(text: &str, key: HashKey, query: &str, now: Micros) -> Result<Self, ApiError> {
        let bad = || {
            ApiError::new(
                Code::BadCursor,
                "a cursor comes from `next`, within 24 hours and with the same filter and sort",
            )
        };
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad())?;
        let (body, claimed) =
            bytes.len().checked_sub(MAC_BYTES).and_then(|at| bytes.split_at_checked(at)).ok_or_else(bad)?;
        let ours = mac(key, query, body);
        if !bool::from(subtle::ConstantTimeEq::ct_eq(&ours[..MAC_BYTES], claimed)) {
            return Err(bad());
        }
        let cursor: Self = serde_json::from_slice(body).map_err(|_| bad())?;
        if cursor.made_at + LIFE < now { Err(bad()) } else { Ok(cursor) }
    }
}

fn mac(key: HashKey, query: &str, body: &[u8]) -> [u8; 32] {
    keyed(key, &[b"cursor", query.as_bytes(), body])
}

/// HMAC-SHA-256 of these parts under the installation's secret. The first part names the use.
pub(crate) fn keyed(key: HashKey, parts: &[&[u8]]) -> [u8; 32] {
    // an HMAC takes a key of any length
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key.0) else { return [0; 32] };
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_own_query_only_and_for_a_day() {
        let key = HashKey([7; 16]);
        let cursor =
            Cursor { keys: vec![CursorKey::Text("ä".into()), CursorKey::Number(-1)], id: Uuid::max(), made_at: 1_000 };
        let text = cursor.seal(key, "1 lists sort=name");
        assert_eq!(Cursor::open(&text, key, "1 lists sort=name", 1_000 + LIFE).unwrap(), cursor);
        for (text, key, query, now) in [
            (text.clone(), key, "2 lists sort=name", 1_000),
            (text.clone(), HashKey([8; 16]), "1 lists sort=name", 1_000),
            (text.clone(), key, "1 lists sort=name", 1_001 + LIFE),
            ("abc".into(), key, "1 lists sort=name", 1_000),
            (format!("A{text}"), key, "1 lists sort=name", 1_000),
            (String::new(), key, "1 lists sort=name", 1_000),
        ] {
            assert_eq!(Cursor::open(&text, key, query, now).unwrap_err().code(), Code::BadCursor);
        }
    }
}
