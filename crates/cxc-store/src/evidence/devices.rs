//! What is personal in a block: the device of each decision and the columns that it was judged by, sealed. It lies beside
//! the decisions, not covered by their hash, so that erasure can take it out.
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sqlx::AssertSqlSafe;

use super::block::corrupt;
use super::sealed::{DeviceSeal, Nonces};
use super::{Decision, EvidenceFilter};
use crate::{StoreError, Tx, on};

/// Parts the device from the columns behind it. No address holds one.
const BETWEEN: char = '\0';
/// Decisions that are read together.
const PAGE: usize = 500;

/// What is personal in one decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Personal {
    /// The device behind the hash.
    pub device: String,
    /// The columns that custom rules read, as JSON.
    pub columns: Option<String>,
}

/// Seals what is personal in each decision, in their order. In bytes: the hash of the device, the length of what is sealed,
/// what is sealed.
pub(super) fn seal_all<I, V>(
    seal: &DeviceSeal,
    tenant: i64,
    members: &[&Decision<I, V>],
    addresses: &HashMap<i64, &str>,
) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::with_capacity(members.len() * 72);
    let mut nonces = Nonces::new(members.len())?;
    for decision in members {
        let device = decision.device;
        let sealed = match (addresses.get(&device), &decision.columns) {
            (None, None) => Vec::new(),
            (address, None) => seal.seal_with(&mut nonces, tenant, device, address.unwrap_or(&""))?,
            (address, Some(columns)) => {
                let text = format!("{}{BETWEEN}{columns}", address.unwrap_or(&""));
                seal.seal_with(&mut nonces, tenant, device, &text)?
            }
        };
        push(&mut bytes, device, &sealed)?;
    }
    Ok(bytes)
}

fn push(bytes: &mut Vec<u8>, device: i64, sealed: &[u8]) -> Result<(), StoreError> {
    let length = u32::try_from(sealed.len()).map_err(|_| corrupt("what is personal is too long to be sealed"))?;
    bytes.extend(device.to_be_bytes());
    bytes.extend(length.to_be_bytes());
    bytes.extend(sealed);
    Ok(())
}

/// What is sealed of each decision, in their order, with the hash of its device. What can't be read is as good as erased.
fn each(mut bytes: &[u8]) -> impl Iterator<Item = (i64, &[u8])> {
    std::iter::from_fn(move || {
        let (hash, rest) = bytes.split_first_chunk::<8>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (sealed, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        bytes = rest;
        Some((i64::from_be_bytes(*hash), sealed))
    })
}

/// What is sealed of the decision at a place, unless it was taken out.
pub(super) fn of(bytes: &[u8], item: i64) -> Option<Vec<u8>> {
    let (_, sealed) = each(bytes).nth(usize::try_from(item).ok()?)?;
    (!sealed.is_empty()).then(|| sealed.to_vec())
}

/// What was sealed of a decision about a device.
pub(super) fn open(seal: &DeviceSeal, tenant: i64, device: i64, sealed: &[u8]) -> Result<Personal, StoreError> {
    let text = seal.open(tenant, device, sealed)?;
    Ok(match text.split_once(BETWEEN) {
        Some((device, columns)) => Personal { device: device.to_owned(), columns: Some(columns.to_owned()) },
        None => Personal { device: text, columns: None },
    })
}

impl Tx {
    /// The devices, each once, on which people were to be reached of whom the keyed hashes of their client ids are given:
    /// address and hash. What was erased is passed over.
    pub(crate) async fn evidence_devices_of(
        &mut self,
        tenant: i64,
        clients: &[i64],
        seal: &DeviceSeal,
    ) -> Result<BTreeSet<(String, i64)>, StoreError> {
        let mut devices = BTreeSet::new();
        if clients.is_empty() {
            return Ok(devices);
        }
        let mut filter = EvidenceFilter { keys: clients.to_vec(), to: i64::MAX, ..EvidenceFilter::default() };
        loop {
            let page = self.evidence_find(tenant, &filter, PAGE).await?;
            for found in &page {
                let personal = found.personal(seal, tenant)?.filter(|personal| !personal.device.is_empty());
                devices.extend(personal.map(|personal| (personal.device, found.decision.device)));
            }
            match page.last().filter(|_| page.len() == PAGE) {
                Some(last) => filter.after = Some((last.block_at, last.id)),
                None => return Ok(devices),
            }
        }
    }

    /// Takes what is personal out of some decisions of blocks, which are day, chain and number. The decisions stay and their
    /// chains hold, but they name nobody any more.
    pub(super) async fn evidence_take_devices(
        &mut self,
        tenant: i64,
        blocks: &BTreeMap<(i64, i64, i64), HashSet<i64>>,
    ) -> Result<u64, StoreError> {
        const READ: &str = "SELECT devices FROM evidence WHERE tenant = $1 AND day = $2 AND chain = $3 AND seq = $4";
        const WRITE: &str =
            "UPDATE evidence SET devices = $5 WHERE tenant = $1 AND day = $2 AND chain = $3 AND seq = $4";
        let lock = self.choose(format!("{READ} FOR UPDATE"), READ.to_owned());
        let mut taken = 0;
        // a person is in few blocks, and each of them is another row of bytes
        for ((day, chain, seq), items) in blocks {
            let held: Option<Vec<u8>> = on!(self, conn => sqlx::query_scalar(AssertSqlSafe(lock.as_str())).bind(tenant)
                .bind(day).bind(chain).bind(seq).fetch_optional(conn).await?)
            .flatten();
            let held = held.unwrap_or_default();
            let (left, out) = without(&held, items)?;
            if out > 0 {
                on!(self, conn => sqlx::query(WRITE).bind(tenant).bind(day).bind(chain).bind(seq).bind(left)
                    .execute(conn).await?.rows_affected());
                taken += out;
            }
        }
        Ok(taken)
    }
}

/// The bytes without what is sealed of some places, and of how many of them something was.
fn without(bytes: &[u8], items: &HashSet<i64>) -> Result<(Vec<u8>, u64), StoreError> {
    let (mut left, mut out) = (Vec::with_capacity(bytes.len()), 0);
    for (item, (hash, sealed)) in (0..).zip(each(bytes)) {
        let goes = items.contains(&item);
        out += u64::from(goes && !sealed.is_empty());
        // its place stays: those behind it keep theirs
        push(&mut left, hash, if goes { &[] } else { sealed })?;
    }
    Ok((left, out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_cut_short_hold_what_is_whole_and_places_stay() {
        let mut bytes = Vec::new();
        for device in [1_i64, -2, 1] {
            push(&mut bytes, device, b"abc").unwrap();
        }
        assert_eq!(each(&bytes).map(|(d, _)| d).collect::<Vec<_>>(), [1, -2, 1]);
        assert_eq!(of(&bytes, 1).as_deref(), Some(b"abc".as_slice()));
        assert_eq!((of(&bytes, 3), of(&bytes, -1)), (None, None));
        for length in 0..bytes.len() {
            assert_eq!(each(&bytes[..length]).count(), length / 15);
        }
        let (left, out) = without(&bytes, &HashSet::from([0, 2])).unwrap();
        assert_eq!(out, 2);
        assert_eq!(without(&left, &HashSet::from([0, 2])).unwrap(), (left.clone(), 0));
        assert_eq!([0, 1, 2].map(|item| of(&left, item).is_some()), [false, true, false]);
        assert_eq!(without(&bytes, &HashSet::from([5])).unwrap(), (bytes, 0));
    }
}
