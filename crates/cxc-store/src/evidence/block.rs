//! A block: decisions as zlib JSON lines, behind a line of what they share; and the hash that chains it to the block before.
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::sync::Arc;

use cxc_core::channel::Channel;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Decision, RulesUsed};
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
    /// The block's hash: of the hashes that it names, the head and the body as it is stored.
    pub fn hash(&self, previous: &[u8], skip: Option<&[u8]>, body: &[u8]) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(previous);
        if let Some(skip) = skip {
            // no number of a tenant, so that no block reads both ways
            hasher.update(b"cxcskip1");
            hasher.update(skip);
        }
        for number in [self.tenant, self.day, self.chain, self.seq, self.at, self.grp, self.decisions] {
            hasher.update(number.to_be_bytes());
        }
        hasher.update(body);
        hasher.finalize().into()
    }
}

/// What the decisions of a block share: written once, before them.
#[derive(Serialize, Deserialize, PartialEq)]
struct Shared {
    rules: Arc<RulesUsed>,
    data: Arc<BTreeMap<String, String>>,
    software: Arc<str>,
}

#[derive(Serialize, Deserialize)]
struct SharedLine {
    shared: Shared,
}

impl Shared {
    fn of<I, V>(decision: &Decision<I, V>) -> Self {
        let (rules, data) = (Arc::clone(&decision.rules), Arc::clone(&decision.data));
        Self { rules, data, software: Arc::clone(&decision.software) }
    }

    fn is_of<I, V>(&self, decision: &Decision<I, V>) -> bool {
        // they are the same as a rule, not only equal
        self.rules == decision.rules && self.data == decision.data && self.software == decision.software
    }
}

/// The members of a decision that are its own: borrowed to be written, owned when they are read.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Own<S, I, V> {
    at: i64,
    grp: i64,
    channel: Channel,
    device: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempt: Option<(i64, i64)>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    request_id: Option<S>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    campaign_id: Option<S>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    trace: Option<S>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    held: Option<S>,
    inputs: I,
    verdict: V,
}

fn none<S>() -> Option<S> {
    None
}

impl<'a, I, V> Own<&'a str, &'a I, &'a V> {
    fn of(decision: &'a Decision<I, V>) -> Self {
        Self {
            at: decision.at,
            grp: decision.grp,
            channel: decision.channel,
            device: decision.device,
            client: decision.client,
            attempt: decision.attempt,
            request_id: decision.request_id.as_deref(),
            campaign_id: decision.campaign_id.as_deref(),
            trace: decision.trace.as_deref(),
            held: decision.held.as_deref(),
            inputs: &decision.inputs,
            verdict: &decision.verdict,
        }
    }
}

impl Own<String, Value, Value> {
    fn with(self, Shared { rules, data, software }: &Shared) -> Decision {
        Decision {
            at: self.at,
            grp: self.grp,
            channel: self.channel,
            device: self.device,
            client: self.client,
            attempt: self.attempt,
            request_id: self.request_id,
            campaign_id: self.campaign_id,
            trace: self.trace,
            held: self.held,
            rules: Arc::clone(rules),
            data: Arc::clone(data),
            software: Arc::clone(software),
            inputs: self.inputs,
            verdict: self.verdict,
            columns: None,
        }
    }
}

pub(super) fn pack<I: Serialize, V: Serialize>(decisions: &[&Decision<I, V>]) -> Result<Vec<u8>, StoreError> {
    let mut lines = Vec::with_capacity(decisions.len() * 768);
    let shared = decisions.first().map(|first| Shared::of(first));
    let shared = shared.filter(|shared| decisions.iter().all(|decision| shared.is_of(decision)));
    let is_shared = shared.is_some();
    if let Some(shared) = shared {
        serde_json::to_writer(&mut lines, &SharedLine { shared })?;
        lines.push(b'\n');
    }
    for decision in decisions {
        if is_shared {
            serde_json::to_writer(&mut lines, &Own::of(decision))?;
        } else {
            serde_json::to_writer(&mut lines, decision)?;
        }
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

/// By whom and by what a decision is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) struct Keys {
    pub device: i64,
    #[serde(default)]
    pub client: Option<i64>,
    #[serde(default)]
    pub attempt: Option<(i64, i64)>,
}

impl Keys {
    /// The hashes of the device and of the client id.
    pub fn all(&self) -> impl Iterator<Item = i64> {
        std::iter::once(self.device).chain(self.client)
    }
}

/// By what the decisions of a block are found, in their order: cheaper than to read all that they say.
pub(super) fn keys_of((day, chain, seq): (i64, i64, i64), body: &[u8]) -> Result<Vec<Keys>, StoreError> {
    let wrong = |why: String| StoreError::Corrupt(format!("block {day}-{chain:x}-{seq} can't be read ({why})"));
    let lines = unzlib(body)?;
    let lines = lines.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    let decisions = lines.enumerate().filter(|(n, line)| *n > 0 || serde_json::from_slice::<SharedLine>(line).is_err());
    decisions.map(|(_, line)| serde_json::from_slice(line).map_err(|e| wrong(e.to_string()))).collect()
}

/// Blocks of before have no line of what is shared.
fn unpack(body: &[u8]) -> Result<Vec<Decision>, StoreError> {
    let lines = unzlib(body)?;
    let mut lines = lines.split(|b| *b == b'\n').filter(|line| !line.is_empty()).peekable();
    let shared = lines.peek().and_then(|line| serde_json::from_slice::<SharedLine>(line).ok());
    let Some(SharedLine { shared }) = shared else {
        return lines.map(|line| serde_json::from_slice(line).map_err(|e| corrupt(&e.to_string()))).collect();
    };
    lines.next();
    let own = |line| serde_json::from_slice(line).map(|own: Own<String, Value, Value>| own.with(&shared));
    lines.map(|line| own(line).map_err(|e| corrupt(&e.to_string()))).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn decision(at: i64, software: &str) -> Decision {
        Decision {
            at,
            grp: 7,
            channel: Channel::Sms,
            device: 42,
            client: Some(9),
            attempt: None,
            request_id: (at > 1).then(|| "abc".to_owned()),
            campaign_id: (at > 1).then(|| "spring".to_owned()),
            trace: None,
            held: None,
            rules: Arc::new(RulesUsed { version: 3, sha256: "00ff".into(), selected: vec!["a".into()] }),
            data: Arc::new(BTreeMap::from([("tzdb".into(), "2026a".into())])),
            software: software.into(),
            inputs: json!({"device": 42}),
            verdict: json!({"allow": true}),
            columns: None,
        }
    }

    #[test]
    fn a_block_reads_as_it_was_written_whether_or_not_its_decisions_share_anything() {
        for members in [
            vec![],
            vec![decision(1, "1.0.0")],
            vec![decision(1, "1.0.0"), decision(2, "1.0.0")],
            vec![decision(1, "1.0.0"), decision(2, "1.0.1")],
        ] {
            let packed = pack(&members.iter().collect::<Vec<_>>()).unwrap();
            assert_eq!(unpack(&packed).unwrap(), members);
            let keys = Keys { device: 42, client: Some(9), attempt: None };
            assert_eq!(keys_of((1, 2, 3), &packed).unwrap(), vec![keys; members.len()]);
        }
    }

    #[test]
    fn a_block_of_before_is_read() {
        let lines = members_as_before(&[decision(1, "1.0.0"), decision(2, "1.0.0")]);
        assert_eq!(unpack(&zlib(&lines).unwrap()).unwrap(), [decision(1, "1.0.0"), decision(2, "1.0.0")]);
    }

    fn members_as_before(members: &[Decision]) -> Vec<u8> {
        members.iter().flat_map(|d| [serde_json::to_vec(d).unwrap(), b"\n".to_vec()].concat()).collect()
    }
}
