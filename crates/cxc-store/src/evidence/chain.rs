//! A writer's chain, and proving that nobody changed one.
use std::collections::HashMap;

use sqlx::AssertSqlSafe;

use super::block::{Head, corrupt};
use super::findable::{Looked, SOME_BLOCKS};
use super::head::beside;
use super::links::{ChainHead, Tip, stops};
use crate::int_set::IntSet;
use crate::{StoreError, Tx, on};

/// The chain of one writer: a worker that appends one batch after another. Two writers never share one.
#[derive(Debug)]
pub struct EvidenceChain {
    number: i64,
    /// The end of each tenant's day that is known to be committed.
    tips: HashMap<(i64, i64), Tip>,
}

/// The most ends that are remembered; one that is forgotten is read again.
const MOST: usize = 4_096;

impl EvidenceChain {
    /// A chain of its own for a writer that starts; `random` tells it from every other one's.
    pub fn new(random: u32) -> Self {
        Self { number: i64::from(random), tips: HashMap::new() }
    }

    /// Its number.
    pub fn number(&self) -> i64 {
        self.number
    }

    pub(super) fn take(&mut self, tenant: i64, day: i64) -> Option<Tip> {
        self.tips.remove(&(tenant, day))
    }

    /// Notes what was appended, once its transaction is committed. Without it the next block asks the database.
    pub fn committed(&mut self, appended: &super::Appended) {
        if self.tips.len() >= MOST {
            self.tips.clear();
        }
        self.tips.insert((appended.tenant, appended.day), appended.tip.clone());
    }
}

/// How a chain stands, or the part of one that was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChainState {
    /// Its blocks that hold.
    pub blocks: i64,
    /// Their decisions.
    pub decisions: i64,
    /// The first block that does not follow from those before it, and why.
    pub broken: Option<(i64, &'static str)>,
}

impl ChainState {
    pub(super) fn broken(self, seq: i64, why: &'static str) -> Self {
        Self { broken: Some((seq, why)), ..self }
    }
}

/// A block as it is looked at: all that its hash covers, and the hash.
#[derive(sqlx::FromRow)]
pub(super) struct Row {
    pub seq: i64,
    pub at: i64,
    grp: i64,
    pub decisions: i64,
    pub body: Vec<u8>,
    pub previous: Vec<u8>,
    pub skip: Option<Vec<u8>>,
    pub hash: Vec<u8>,
}

impl Row {
    pub const COLUMNS: &str = "seq, at, grp, decisions, body, previous, skip, hash";

    /// Whether its hash is made of what it says.
    pub fn is_whole(&self, (tenant, day, chain): (i64, i64, i64)) -> bool {
        let Self { seq, at, grp, decisions, .. } = *self;
        let head = Head { tenant, day, chain, seq, at, grp, decisions };
        head.hash(&self.previous, self.skip.as_deref(), &self.body).as_slice() == self.hash
    }

    /// What is wrong with a block behind the end of those before it.
    fn wrong_behind(&self, tip: &Tip, chain: (i64, i64, i64)) -> Option<&'static str> {
        let skip = tip.skip();
        if self.seq != tip.head.seq + 1 {
            Some(MISSING)
        } else if self.previous != tip.head.hash
            || self.skip.as_ref().is_some_and(|own| Some(&own[..]) != skip.as_ref().map(|s| &s[..]))
        {
            Some(OTHER_BEFORE)
        } else if !self.is_whole(chain) {
            Some(CHANGED)
        } else {
            None
        }
    }
}

/// Blocks that are read at once.
const PAGE: i64 = 200;

pub(super) const MISSING: &str = "a block is missing before it";
pub(super) const OTHER_BEFORE: &str = "it does not name the block before it";
pub(super) const CHANGED: &str = "its content is not what its hash was made of";
/// Why a block is broken whose content is whole, but whose decisions nobody finds.
pub(super) const UNFINDABLE: &str = "a decision of it is not found any more by whom it is about: the index was changed";

impl Tx {
    /// The chains of a tenant's day, also those of which no block is left.
    pub async fn evidence_chains(&mut self, tenant: i64, day: i64) -> Result<Vec<i64>, StoreError> {
        const SQL: &str = "SELECT chain FROM evidence WHERE tenant = $1 AND day = $2
            UNION SELECT chain FROM evidence_head WHERE tenant = $1 AND day = $2 ORDER BY chain";
        Ok(on!(self, conn => sqlx::query_scalar(SQL).bind(tenant).bind(day).fetch_all(conn).await?))
    }

    /// Recomputes a chain from its first block. Ends at the first block that was changed, put in or taken out, also at
    /// the chain's end. It reads the whole day: [`Tx::evidence_prove`] is for one decision.
    pub async fn evidence_verify(&mut self, tenant: i64, day: i64, chain: i64) -> Result<ChainState, StoreError> {
        let (mut state, mut tip) = (ChainState::default(), Tip::START);
        loop {
            let page = self.evidence_rows((tenant, day, chain), tip.head.seq).await?;
            let begun = state.clone();
            for row in &page {
                if let Some(wrong) = row.wrong_behind(&tip, (tenant, day, chain)) {
                    return Ok(state.broken(row.seq, wrong));
                }
                tip.grow(hash_of(&row.hash)?);
                state.blocks += 1;
                state.decisions += row.decisions;
            }
            for some in page.chunks(SOME_BLOCKS) {
                let looked: Vec<Looked<'_>> = some.iter().map(|row| (row.seq, row.at, &row.body[..])).collect();
                if let Some(seq) = self.evidence_unfindable((tenant, day, chain), &looked).await? {
                    let before: Vec<&Row> = page.iter().take_while(|row| row.seq < seq).collect();
                    let decisions = begun.decisions + before.iter().map(|row| row.decisions).sum::<i64>();
                    let blocks = begun.blocks + i64::try_from(before.len()).unwrap_or(0);
                    return Ok(ChainState { blocks, decisions, broken: Some((seq, UNFINDABLE)) });
                }
            }
            if (page.len() as i64) < PAGE {
                let kept = self.evidence_head_kept(tenant, day, chain).await?;
                return Ok(ChainState { broken: beside(tip.head, kept), ..state });
            }
        }
    }

    /// A page of a chain's blocks behind one.
    pub(super) async fn evidence_rows(
        &mut self,
        (tenant, day, chain): (i64, i64, i64),
        behind: i64,
    ) -> Result<Vec<Row>, StoreError> {
        let sql = format!(
            "SELECT {} FROM evidence WHERE tenant = $1 AND day = $2 AND chain = $3 AND seq > $4 ORDER BY seq LIMIT $5",
            Row::COLUMNS
        );
        Ok(
            on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(day).bind(chain).bind(behind).bind(PAGE)
            .fetch_all(conn).await?),
        )
    }

    /// The last block of a chain that is there, and its hash as it stands.
    pub(super) async fn evidence_last(
        &mut self,
        (tenant, day, chain): (i64, i64, i64),
    ) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
        const SQL: &str = "SELECT seq, hash FROM evidence WHERE tenant = $1 AND day = $2 AND chain = $3
            ORDER BY seq DESC LIMIT 1";
        Ok(on!(self, conn => sqlx::query_as(SQL).bind(tenant).bind(day).bind(chain).fetch_optional(conn).await?))
    }

    /// The end of a chain, from the database. Where blocks were removed at its end the chain goes on behind them, so that
    /// the gap shows.
    pub(super) async fn evidence_tip(&mut self, tenant: i64, day: i64, chain: i64) -> Result<Tip, StoreError> {
        let there = match self.evidence_last((tenant, day, chain)).await? {
            Some((seq, hash)) => ChainHead { seq, hash: hash_of(&hash)? },
            None => ChainHead::START,
        };
        let kept = self.evidence_head_kept(tenant, day, chain).await?;
        let head = kept.filter(|kept| kept.seq > there.seq).unwrap_or(there);
        let sql = format!(
            "SELECT seq, hash FROM evidence WHERE tenant = $1 AND day = $2 AND chain = $3 AND seq{} ORDER BY seq",
            IntSet::test(self, "$4")
        );
        let wanted = IntSet::of(stops(head.seq));
        let rows: Vec<(i64, Vec<u8>)> = on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(tenant).bind(day)
            .bind(chain).bind(wanted.text()).fetch_all(conn).await?);
        let stops = rows.into_iter().map(|(seq, hash)| Ok(ChainHead { seq, hash: hash_of(&hash)? }));
        Ok(Tip::new(head, stops.collect::<Result<_, StoreError>>()?))
    }
}

pub(super) fn hash_of(bytes: &[u8]) -> Result<[u8; 32], StoreError> {
    bytes.try_into().map_err(|_| corrupt("a hash has 32 bytes"))
}
