//! A block: decisions as zlib JSON lines, and the hash that chains it to the block before.
use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::Decision;
use crate::StoreError;

/// What comes before the first block of a day.
pub(super) const FIRST: [u8; 32] = [0; 32];

/// No honest block is larger when unpacked: 100 decisions of a few kilobytes each.
const LARGEST: u64 = 64 * 1024 * 1024;

/// What the hash of a block covers besides its body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub tenant: i64,
    pub day: i64,
    pub chain: i64,
    pub seq: i64,
    pub at: i64,
    pub grp: i64,
    pub decisions: i64,
}

impl Head {
    /// The block's hash: of the hash before, the head and the body as it is stored.
    pub fn hash(&self, previous: &[u8], body: &[u8]) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(previous);
        for number in [self.tenant, self.day, self.chain, self.seq, self.at, self.grp, self.decisions] {
            hasher.update(number.to_be_bytes());
        }
        hasher.update(body);
        hasher.finalize().into()
    }
}

pub(super) fn pack<I: Serialize, V: Serialize>(decisions: &[&Decision<I, V>]) -> Result<Vec<u8>, StoreError> {
    let mut lines = Vec::with_capacity(decisions.len() * 1_024);
    for decision in decisions {
        serde_json::to_writer(&mut lines, decision)?;
        lines.push(b'\n');
    }
    zlib(&lines)
}

/// The decisions of a block. The error names it: day, chain and number.
pub(super) fn unpack_of((day, chain, seq): (i64, i64, i64), body: &[u8]) -> Result<Vec<Decision>, StoreError> {
    unpack(body).map_err(|error| match error {
        StoreError::Corrupt(why) => StoreError::Corrupt(format!("block {day}-{chain:x}-{seq} can't be read ({why})")),
        other => other,
    })
}

fn unpack(body: &[u8]) -> Result<Vec<Decision>, StoreError> {
    let lines = unzlib(body)?;
    let lines = lines.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).map_err(|e| corrupt(&e.to_string()))).collect()
}

pub(crate) fn zlib(bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.map_err(|e| corrupt(&e.to_string()))
}

pub(super) fn unzlib(body: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    let read = ZlibDecoder::new(body).take(LARGEST + 1).read_to_end(&mut bytes);
    match read {
        Ok(length) if length as u64 <= LARGEST => Ok(bytes),
        Ok(_) => Err(corrupt("it unpacks to more than 64 MiB")),
        Err(error) => Err(corrupt(&error.to_string())),
    }
}

pub(super) fn corrupt(detail: &str) -> StoreError {
    StoreError::Corrupt(format!("evidence: {detail}"))
}
