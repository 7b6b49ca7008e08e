//! Evidence: one immutable record of each dial-time decision, in hash-chained blocks. Owning service: compliance
//! manager; whoever decides appends, in the transaction of the attempts that the decisions explain.
mod append;
mod block;
mod by_attempt;
mod chain;
mod data_snapshot;
mod devices;
mod digest;
mod findable;
mod head;
mod kept;
mod links;
mod newest;
mod packs;
mod proof;
mod read;
mod retain;
mod sealed;
mod snapshot;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use cxc_core::channel::Channel;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

pub use append::{Appended, Appending, Packed};
pub(crate) use append::{bind_packed, packed_text};
pub(crate) use block::zlib;
pub use by_attempt::Indexed;
pub use chain::{ChainState, EvidenceChain};
pub use data_snapshot::DataSnapshot;
pub use devices::Personal;
pub use digest::DayDigest;
pub use kept::{KeptRule, KeptRules, RULE_KINDS};
pub use packs::PACKS;
pub use read::{EvidenceFilter, Found};
pub use retain::{LEAST_KEPT_DAYS, kept_days};
pub use sealed::DeviceSeal;
pub use snapshot::{RuleSnapshot, Snapshots};

/// The most decisions of one block.
pub const BLOCK: usize = 100;

/// One decision with all that the check looked at: enough to make it again from stored versions. Who decides appends
/// it with what the core handed out (`I`, `V`); who reads it finds JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision<I = Value, V = Value> {
    /// When it was made, microseconds.
    pub at: i64,
    /// The number of the campaign group; 0 without one.
    pub grp: i64,
    /// How the person was to be reached.
    pub channel: Channel,
    /// The keyed hash of the device.
    pub device: i64,
    /// The keyed hash of the client id, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<i64>,
    /// The attempt that it allowed: month and id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<(i64, i64)>,
    /// The caller's own id of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The caller's own id of the campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<String>,
    /// The caller's trace context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// Who stood in the way besides the rules: `history_pending` or `in_flight_elsewhere`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// The rules that were judged by.
    pub rules: Arc<RulesUsed>,
    /// The versions of the data, by name: `tzdb`, `phone`, `postal`, `holidays`, `rules`, a number list's id.
    #[serde(default)]
    pub data: Arc<BTreeMap<String, String>>,
    /// The program's version.
    pub software: Arc<str>,
    /// What the check was given: the request with its parts, and the facts. See `inputs`.
    pub inputs: I,
    /// What it answered, as the core writes a verdict.
    pub verdict: V,
    /// The columns that custom rules read, as JSON: sealed beside the device, so that erasure takes them, too. Empty when
    /// it is read: see [`Found::open`].
    #[serde(skip)]
    pub columns: Option<String>,
}

/// The rules that a decision was made by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RulesUsed {
    /// The version of the tenant's rules.
    pub version: i64,
    /// The hash of their documents in hexadecimal: the key of their snapshot.
    pub sha256: String,
    /// The ids of the rules that the campaign named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub selected: Vec<String>,
}

/// Where a decision is kept. As text: `20260301-1f-12-0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EvidenceId {
    /// The day in UTC: year * 10,000 + month * 100 + day.
    pub day: i64,
    /// The chain.
    pub chain: i64,
    /// The block of the chain, from 1 each day.
    pub seq: i64,
    /// The decision of the block, from 0.
    pub item: i64,
}

impl fmt::Display for EvidenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:x}-{}-{}", self.day, self.chain, self.seq, self.item)
    }
}

/// A text that is no evidence id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("an evidence id is day, chain, block and place, such as 20260301-1f-12-0")]
pub struct BadEvidenceId;

impl FromStr for EvidenceId {
    type Err = BadEvidenceId;

    fn from_str(text: &str) -> Result<Self, BadEvidenceId> {
        let mut parts = text.split('-');
        let mut next = |radix| {
            let part = parts.next().filter(|p| !p.starts_with('+')).ok_or(BadEvidenceId)?;
            i64::from_str_radix(part, radix).map_err(|_| BadEvidenceId)
        };
        let id = Self { day: next(10)?, chain: next(16)?, seq: next(10)?, item: next(10)? };
        if parts.next().is_some() { Err(BadEvidenceId) } else { Ok(id) }
    }
}

/// The day of an instant in UTC: year * 10,000 + month * 100 + day.
pub fn day_of(micros: i64) -> i64 {
    let at = jiff::Timestamp::from_microsecond(micros).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC);
    i64::from(at.year()) * 10_000 + i64::from(at.month()) * 100 + i64::from(at.day())
}

/// Whether a number is a day as [`day_of`] writes it.
pub fn is_day(day: i64) -> bool {
    let part = |number: i64| i8::try_from(number).ok();
    let year = i16::try_from(day / 10_000).ok().filter(|year| (1..=9999).contains(year));
    let parts = year.zip(part(day / 100 % 100)).zip(part(day % 100));
    parts.is_some_and(|((year, month), day)| jiff::civil::Date::new(year, month, day).is_ok())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, b| {
        let _infallible = write!(text, "{b:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_as_it_was_written_and_nothing_else_is_one() {
        let id = EvidenceId { day: 20_260_301, chain: 0x1f2e, seq: 12, item: 99 };
        assert_eq!(id.to_string(), "20260301-1f2e-12-99");
        assert_eq!("20260301-1f2e-12-99".parse(), Ok(id));
        for text in ["", "1", "1-2-3", "1-2-3-4-5", "x-1-1-1", "1-zz-1-1", "1-1-+1-1", "1--1-1-1"] {
            assert_eq!(text.parse::<EvidenceId>(), Err(BadEvidenceId), "{text}");
        }
    }

    #[test]
    fn a_day_is_that_of_utc() {
        assert_eq!(day_of(1_772_323_199_999_999), 20_260_228);
        assert_eq!(day_of(1_772_323_200_000_000), 20_260_301);
        assert!(is_day(20_260_301) && is_day(20_280_229));
        for day in [0, -1, 20_260_229, 20_261_301, 20_260_100, 2_026_030, 202_603_011, i64::MAX] {
            assert!(!is_day(day), "{day}");
        }
    }
}
