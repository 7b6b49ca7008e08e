//! A writer's chain, and proving that nobody changed one.
use std::collections::HashMap;

use super::block::{FIRST, Head, corrupt};
use super::findable::{Looked, SOME_BLOCKS};
use super::head::beside;
use crate::{StoreError, Tx, on};

/// The chain of one writer: a worker that appends one batch after another. Two writers never share one.
#[derive(Debug)]
pub struct EvidenceChain {
    number: i64,
    /// The last block of each tenant's day that is known to be committed.
    heads: HashMap<(i64, i64), ChainHead>,
}

/// The last block of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChainHead {
    pub seq: i64,
    pub hash: [u8; 32],
}

impl ChainHead {
    pub const START: Self = Self { seq: 0, hash: FIRST };
}

/// The most heads that are remembered; one that is forgotten is read again.
const MOST: usize = 4_096;

impl EvidenceChain {
    /// A chain of its own for a writer that starts; `random` tells it from every other one's.
    pub fn new(random: u32) -> Self {
        Self { number: i64::from(random), heads: HashMap::new() }
    }

    /// Its number.
    pub fn number(&self) -> i64 {
        self.number
    }

    pub(super) fn take(&mut self, tenant: i64, day: i64) -> Option<ChainHead> {
        self.heads.remove(&(tenant, day))
    }

    /// Notes what was appended, once its transaction is committed. Without it the next block asks the database.
    pub fn committed(&mut self, appended: &super::Appended) {
        if self.heads.len() >= MOST {
            self.heads.clear();
        }
        self.heads.insert((appended.tenant, appended.day), appended.head);
    }
}

/// How a chain stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChainState {
    /// Its blocks that hold.
    pub blocks: i64,
    /// Their decisions.
    pub decisions: i64,
    /// The first block that does not follow from those before it, and why.
    pub broken: Option<(i64, &'static str)>,
}

type Row = (i64, i64, i64, i64, Vec<u8>, Vec<u8>, Vec<u8>);

/// Blocks that are read at once.
const PAGE: i64 = 200;

/// Why a block is broken whose content is whole, but whose decisions nobody finds.
const UNFINDABLE: &str = "a decision of it is not found any more by whom it is about: the index was changed";

impl Tx {
    /// The chains of a tenant's day, also those of which no block is left.
    pub async fn evidence_chains(&mut self, tenant: i64, day: i64) -> Result<Vec<i64>, StoreError> {
        const SQL: &str = "SELECT chain FROM evidence WHERE tenant = $1 AND day = $2
            UNION SELECT chain FROM evidence_head WHERE tenant = $1 AND day = $2 ORDER BY chain";
        Ok(on!(self, conn => sqlx::query_scalar(SQL).bind(tenant).bind(day).fetch_all(conn).await?))
    }

    /// Recomputes a chain from its first block. Ends at the first block that was changed, put in or taken out, also at
    /// the chain's end.
    pub async fn evidence_verify(&mut self, tenant: i64, day: i64, chain: i64) -> Result<ChainState, StoreError> {
        const SQL: &str = "SELECT seq, at, grp, decisions, body, previous, hash FROM evidence
            WHERE tenant = $1 AND day = $2 AND chain = $3 AND seq > $4 ORDER BY seq LIMIT $5";
        let mut state = ChainState::default();
        let mut last = ChainHead::START;
        loop {
            let page: Vec<Row> = on!(self, conn => sqlx::query_as(SQL).bind(tenant).bind(day).bind(chain).bind(last.seq)
                .bind(PAGE).fetch_all(conn).await?);
            let begun = state.clone();
            for (seq, at, grp, decisions, body, previous, hash) in &page {
                let head = Head { tenant, day, chain, seq: *seq, at: *at, grp: *grp, decisions: *decisions };
                let wrong = if *seq != last.seq + 1 {
                    Some("a block is missing before it")
                } else if previous.as_slice() != last.hash {
                    Some("it does not name the block before it")
                } else if head.hash(previous, body).as_slice() != hash {
                    Some("its content is not what its hash was made of")
                } else {
                    None
                };
                if let Some(wrong) = wrong {
                    return Ok(ChainState { broken: Some((*seq, wrong)), ..state });
                }
                let hash = hash_of(hash)?;
                last = ChainHead { seq: *seq, hash };
                state.blocks += 1;
                state.decisions += decisions;
            }
            for some in page.chunks(SOME_BLOCKS) {
                let looked: Vec<Looked<'_>> =
                    some.iter().map(|(seq, at, .., body, _, _)| (*seq, *at, &body[..])).collect();
                if let Some(seq) = self.evidence_unfindable((tenant, day, chain), &looked).await? {
                    let before: Vec<&Row> = page.iter().take_while(|block| block.0 < seq).collect();
                    let decisions = begun.decisions + before.iter().map(|block| block.3).sum::<i64>();
                    let blocks = begun.blocks + i64::try_from(before.len()).unwrap_or(0);
                    return Ok(ChainState { blocks, decisions, broken: Some((seq, UNFINDABLE)) });
                }
            }
            if (page.len() as i64) < PAGE {
                let kept = self.evidence_head_kept(tenant, day, chain).await?;
                return Ok(ChainState { broken: beside(last, kept), ..state });
            }
        }
    }

    /// The last block of a chain, from the database. Where blocks were removed at its end the chain goes on behind
    /// them, so that the gap shows.
    pub(super) async fn evidence_head(&mut self, tenant: i64, day: i64, chain: i64) -> Result<ChainHead, StoreError> {
        const SQL: &str = "SELECT seq, hash FROM evidence WHERE tenant = $1 AND day = $2 AND chain = $3
            ORDER BY seq DESC LIMIT 1";
        let row: Option<(i64, Vec<u8>)> =
            on!(self, conn => sqlx::query_as(SQL).bind(tenant).bind(day).bind(chain).fetch_optional(conn).await?);
        let there = match row {
            Some((seq, hash)) => ChainHead { seq, hash: hash_of(&hash)? },
            None => ChainHead::START,
        };
        let kept = self.evidence_head_kept(tenant, day, chain).await?;
        Ok(kept.filter(|kept| kept.seq > there.seq).unwrap_or(there))
    }
}

pub(super) fn hash_of(bytes: &[u8]) -> Result<[u8; 32], StoreError> {
    bytes.try_into().map_err(|_| corrupt("a hash has 32 bytes"))
}
