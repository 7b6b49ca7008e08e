//! The sealed devices of a block: beside its decisions, not covered by their hash, so that erasure can take one out.
use std::collections::{HashMap, HashSet};

use sqlx::AssertSqlSafe;

use super::sealed::DeviceSeal;
use super::{Decision, EvidenceId};
use crate::{StoreError, Tx, on};

/// Seals each device of the decisions once. In bytes: the hash, the length of what is sealed, what is sealed.
pub(super) fn seal_all<I, V>(
    seal: &DeviceSeal,
    tenant: i64,
    members: &[&Decision<I, V>],
    addresses: &HashMap<i64, &str>,
) -> Result<Vec<u8>, StoreError> {
    let mut done = HashSet::with_capacity(members.len());
    let mut bytes = Vec::with_capacity(members.len() * 72);
    for device in members.iter().map(|d| d.device).filter(|device| done.insert(*device)) {
        let Some(address) = addresses.get(&device) else { continue };
        let sealed = seal.seal(tenant, device, address)?;
        let length =
            u16::try_from(sealed.len()).map_err(|_| super::block::corrupt("a device is too long to be sealed"))?;
        bytes.extend(device.to_be_bytes());
        bytes.extend(length.to_be_bytes());
        bytes.extend(sealed);
    }
    Ok(bytes)
}

/// The devices of a block with what is sealed. What can't be read is as good as erased.
pub(super) fn each(mut bytes: &[u8]) -> impl Iterator<Item = (i64, &[u8])> {
    std::iter::from_fn(move || {
        let (hash, rest) = bytes.split_first_chunk::<8>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (sealed, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        bytes = rest;
        Some((i64::from_be_bytes(*hash), sealed))
    })
}

/// What is sealed of one device.
pub(super) fn of(bytes: &[u8], device: i64) -> Option<Vec<u8>> {
    each(bytes).find(|(hash, _)| *hash == device).map(|(_, sealed)| sealed.to_vec())
}

impl Tx {
    /// Takes devices out of blocks. Their decisions stay and their chains hold, but they name nobody any more.
    pub(super) async fn evidence_take_devices(
        &mut self,
        tenant: i64,
        blocks: &HashSet<EvidenceId>,
        devices: &HashSet<i64>,
    ) -> Result<u64, StoreError> {
        const READ: &str = "SELECT devices FROM evidence WHERE tenant = $1 AND day = $2 AND chain = $3 AND seq = $4";
        const WRITE: &str =
            "UPDATE evidence SET devices = $5 WHERE tenant = $1 AND day = $2 AND chain = $3 AND seq = $4";
        let lock = self.choose(format!("{READ} FOR UPDATE"), READ.to_owned());
        let mut taken = 0;
        // a person is in few blocks, and each of them is another row of bytes
        for id in blocks {
            let held: Option<Vec<u8>> = on!(self, conn => sqlx::query_scalar(AssertSqlSafe(lock.as_str())).bind(tenant)
                .bind(id.day).bind(id.chain).bind(id.seq).fetch_optional(conn).await?)
            .flatten();
            let held = held.unwrap_or_default();
            let left = without(&held, devices);
            if left.len() < held.len() {
                on!(self, conn => sqlx::query(WRITE).bind(tenant).bind(id.day).bind(id.chain).bind(id.seq).bind(left)
                    .execute(conn).await?.rows_affected());
                taken += 1;
            }
        }
        Ok(taken)
    }
}

fn without(bytes: &[u8], devices: &HashSet<i64>) -> Vec<u8> {
    let mut left = Vec::with_capacity(bytes.len());
    for (hash, sealed) in each(bytes).filter(|(hash, _)| !devices.contains(hash)) {
        left.extend(hash.to_be_bytes());
        left.extend(u16::try_from(sealed.len()).unwrap_or(0).to_be_bytes());
        left.extend(sealed);
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_cut_short_hold_what_is_whole() {
        let mut bytes = Vec::new();
        for device in [1_i64, -2] {
            bytes.extend(device.to_be_bytes());
            bytes.extend(3_u16.to_be_bytes());
            bytes.extend(b"abc");
        }
        assert_eq!(each(&bytes).map(|(d, _)| d).collect::<Vec<_>>(), [1, -2]);
        assert_eq!(of(&bytes, -2).as_deref(), Some(b"abc".as_slice()));
        for length in 0..bytes.len() {
            assert_eq!(each(&bytes[..length]).count(), length / 13);
        }
        assert_eq!(without(&bytes, &HashSet::from([1])), &bytes[13..]);
        assert_eq!(without(&bytes, &HashSet::from([5])), bytes);
    }
}
