//! What a day's chains come to, in one number: who keeps it outside the database can tell later that none was written anew.
use sha2::{Digest as _, Sha256};

use super::hex;
use crate::{StoreError, Tx, on};

/// The ends of all chains of a tenant's day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayDigest {
    /// The day in UTC, such as 20260301.
    pub day: i64,
    /// How many chains it has.
    pub chains: i64,
    /// How many blocks they have together.
    pub blocks: i64,
    /// SHA-256 of the tenant, the day, and the number, the length and the last hash of each chain in their order; in
    /// hexadecimal digits.
    pub digest: String,
}

impl Tx {
    /// The digest of a tenant's day by the ends that were noted: it says what the day was only if its chains hold. `None`
    /// if it has no chain.
    pub async fn evidence_digest(&mut self, tenant: i64, day: i64) -> Result<Option<DayDigest>, StoreError> {
        const SQL: &str = "SELECT chain, seq, hash FROM evidence_head WHERE tenant = $1 AND day = $2 ORDER BY chain";
        let ends: Vec<(i64, i64, Vec<u8>)> =
            on!(self, conn => sqlx::query_as(SQL).bind(tenant).bind(day).fetch_all(conn).await?);
        if ends.is_empty() {
            return Ok(None);
        }
        let mut digest = Sha256::new();
        digest.update(b"cxc evidence day 1");
        [tenant, day].iter().for_each(|number| digest.update(number.to_be_bytes()));
        for (chain, seq, hash) in &ends {
            digest.update(chain.to_be_bytes());
            digest.update(seq.to_be_bytes());
            digest.update(hash);
        }
        let blocks = ends.iter().map(|end| end.1).sum();
        let (chains, digest) = (i64::try_from(ends.len()).unwrap_or(i64::MAX), hex(&digest.finalize()));
        Ok(Some(DayDigest { day, chains, blocks, digest }))
    }
}
