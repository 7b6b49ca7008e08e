//! Proving one decision by the few blocks that lead from the end of its chain to it, whatever the length of the chain.
//! Each names the hash of the next on the way, so the end commits to all of them, as it does to every other block.
use sqlx::AssertSqlSafe;

use super::EvidenceId;
use super::block::FIRST;
use super::chain::{CHANGED, ChainState, MISSING, OTHER_BEFORE, Row, UNFINDABLE, hash_of};
use super::head::beside;
use super::links::{ChainHead, way};
use crate::int_set::IntSet;
use crate::{StoreError, Tx, on};

/// A block of a way and how it follows the one before it there.
enum Step {
    Holds,
    Wrong(&'static str),
    /// It was written before blocks named another than the one before them.
    Unlinked,
}

fn step(row: &Row, before: Option<&Row>, place: (i64, i64, i64)) -> Step {
    let named = match before {
        None if row.seq == 1 => row.previous == FIRST,
        None => true,
        Some(before) if before.seq + 1 == row.seq => row.previous == before.hash,
        Some(before) => match &row.skip {
            Some(skip) => *skip == before.hash,
            None => return Step::Unlinked,
        },
    };
    match (named, row.is_whole(place)) {
        (false, _) => Step::Wrong(OTHER_BEFORE),
        (true, false) => Step::Wrong(CHANGED),
        (true, true) => Step::Holds,
    }
}

/// What was found of a way so far.
struct Walk {
    place: (i64, i64, i64),
    /// The block of the decision.
    of: i64,
    state: ChainState,
    before: Option<Row>,
    /// Whether it came to a block that names no other than the one before it.
    is_unlinked: bool,
}

impl Walk {
    fn new(place: (i64, i64, i64), of: i64) -> Self {
        Self { place, of, state: ChainState::default(), before: None, is_unlinked: false }
    }

    /// Goes on to a block; false where the walk ends there.
    async fn on(&mut self, tx: &mut Tx, row: Row) -> Result<bool, StoreError> {
        match step(&row, self.before.as_ref(), self.place) {
            Step::Holds => {}
            Step::Wrong(why) => return Ok(self.broken(row.seq, why)),
            Step::Unlinked => {
                self.is_unlinked = true;
                return Ok(false);
            }
        }
        let looked = (row.seq, row.at, &row.body[..]);
        if row.seq == self.of && tx.evidence_unfindable(self.place, &[looked]).await?.is_some() {
            return Ok(self.broken(row.seq, UNFINDABLE));
        }
        self.state.blocks += 1;
        self.state.decisions += row.decisions;
        self.before = Some(row);
        Ok(true)
    }

    fn broken(&mut self, seq: i64, why: &'static str) -> bool {
        self.state.broken = Some((seq, why));
        false
    }
}

impl Tx {
    /// Whether a decision stands in its chain as it was kept: its block, the one before it and the way to the chain's
    /// end are recomputed, and it is found by whom it is about. Blocks beside the way are not looked at:
    /// [`Tx::evidence_verify`] is for them. Where the way leads over blocks of before, which name no other than the one
    /// before them, it goes by each of these.
    pub async fn evidence_prove(&mut self, tenant: i64, id: EvidenceId) -> Result<ChainState, StoreError> {
        let place = (tenant, id.day, id.chain);
        let last = match self.evidence_last(place).await? {
            // one that is no hash is wrong on the way
            Some((seq, hash)) => ChainHead { seq, hash: hash_of(&hash).unwrap_or(FIRST) },
            None => ChainHead::START,
        };
        let mut walk = Walk::new(place, id.seq);
        self.evidence_short_way(&mut walk, last.seq).await?;
        if walk.is_unlinked {
            walk = Walk::new(place, id.seq);
            self.evidence_long_way(&mut walk).await?;
        }
        if walk.state.broken.is_some() {
            return Ok(walk.state);
        }
        let kept = self.evidence_head_kept(tenant, id.day, id.chain).await?;
        Ok(ChainState { broken: beside(last, kept), ..walk.state })
    }

    /// Walks over the links.
    async fn evidence_short_way(&mut self, walk: &mut Walk, end: i64) -> Result<(), StoreError> {
        let sql = format!(
            "SELECT {} FROM evidence WHERE tenant = $1 AND day = $2 AND chain = $3 AND seq{} ORDER BY seq",
            Row::COLUMNS,
            IntSet::test(self, "$4")
        );
        let (tenant, day, chain) = walk.place;
        for some in way(end, walk.of).chunks(SOME) {
            let wanted = IntSet::of(some.iter().copied());
            let rows: Vec<Row> = on!(self, conn => sqlx::query_as(AssertSqlSafe(sql.as_str())).bind(tenant).bind(day)
                .bind(chain).bind(wanted.text()).fetch_all(conn).await?);
            let mut rows = rows.into_iter();
            for seq in some {
                let Some(row) = rows.next().filter(|row| row.seq == *seq) else {
                    walk.broken(*seq, GONE);
                    return Ok(());
                };
                if !walk.on(self, row).await? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Walks over each block from the one before the decision's on.
    async fn evidence_long_way(&mut self, walk: &mut Walk) -> Result<(), StoreError> {
        let mut behind = (walk.of - 2).max(0);
        loop {
            let page = self.evidence_rows(walk.place, behind).await?;
            let is_last = page.is_empty();
            for row in page {
                if row.seq != behind + 1 {
                    walk.broken(row.seq, MISSING);
                    return Ok(());
                }
                behind = row.seq;
                if !walk.on(self, row).await? {
                    return Ok(());
                }
            }
            if is_last {
                return Ok(());
            }
        }
    }
}

/// Blocks that are read at once.
const SOME: usize = 50;
const GONE: &str = "it was removed";
