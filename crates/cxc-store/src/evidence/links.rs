//! The links of a chain: each block names the one before it, and every second one another that lies further back. So a way
//! of few blocks leads from the chain's end to each of them: about 55 of 30,000.
use super::block::FIRST;

/// The last block of a chain, or one on the way to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChainHead {
    pub seq: i64,
    pub hash: [u8; 32],
}

impl ChainHead {
    pub const START: Self = Self { seq: 0, hash: FIRST };
}

/// The end of a chain, with the blocks that later ones will name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tip {
    pub head: ChainHead,
    /// Those of [`stops`], ascending; one that is not known is named by nobody.
    stops: Vec<ChainHead>,
}

impl Tip {
    pub const START: Self = Self { head: ChainHead::START, stops: Vec::new() };

    pub fn new(head: ChainHead, stops: Vec<ChainHead>) -> Self {
        Self { head, stops }
    }

    /// The hash that the next block names besides the head's.
    pub fn skip(&self) -> Option<[u8; 32]> {
        let to = skipped(self.head.seq + 1)?;
        self.stops.iter().find(|stop| stop.seq == to).map(|stop| stop.hash)
    }

    /// The next block is there.
    pub fn grow(&mut self, hash: [u8; 32]) {
        let next = self.head.seq + 1;
        if self.head.seq > 0 {
            self.stops.push(self.head);
        }
        self.stops.retain(|stop| is_stop(stop.seq, next));
        self.head = ChainHead { seq: next, hash };
    }
}

/// The block that a block names besides the one before it: its number without the lowest binary one.
pub(super) fn skipped(seq: i64) -> Option<i64> {
    let to = seq & (seq - 1);
    (to > 0 && to != seq - 1).then_some(to)
}

/// The blocks before one that later blocks may name: its number without its lowest binary ones, one after the other.
pub(super) fn stops(seq: i64) -> impl Iterator<Item = i64> {
    std::iter::successors(Some(seq), |at| Some(at & (at - 1))).skip(1).take_while(|at| *at > 0)
}

fn is_stop(at: i64, seq: i64) -> bool {
    stops(seq).any(|stop| stop == at)
}

/// The way from the end of a chain back to a block and the one before it, ascending.
pub(super) fn way(end: i64, to: i64) -> Vec<i64> {
    let mut way = Vec::new();
    let mut at = end;
    while at > to {
        way.push(at);
        at = skipped(at).filter(|skipped| *skipped >= to).unwrap_or(at - 1);
    }
    way.extend((at == to).then_some(to));
    way.extend((at == to && to > 1).then(|| to - 1));
    way.reverse();
    way
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_each_block_follows_links_and_is_short() {
        assert_eq!(way(12, 9), [8, 9, 10, 11, 12]);
        assert_eq!(way(12, 8), [7, 8, 12]);
        assert_eq!((way(1, 1), way(2, 3)), (vec![1], vec![]));
        for end in [1, 2, 7, 100, 3_000] {
            for to in 1..=end {
                let way = way(end, to);
                assert!(way.contains(&to) && way.last() == Some(&end));
                assert!(way.windows(2).all(|two| two[1] == two[0] + 1 || skipped(two[1]) == Some(two[0])));
                let bits = i64::from(64 - (end as u64).leading_zeros());
                assert!((way.len() as i64) <= bits * (bits + 1) / 2 + 2, "{end} {to}: {}", way.len());
            }
        }
    }

    #[test]
    fn a_tip_knows_whatever_the_next_block_names() {
        let hash = |seq: i64| std::array::from_fn(|i| seq.to_be_bytes()[i % 8]);
        let mut tip = Tip::START;
        for seq in 1..2_000 {
            assert_eq!(tip.skip(), skipped(seq).map(hash), "{seq}");
            tip.grow(hash(seq));
            assert_eq!(tip.head.seq, seq);
            assert_eq!(tip.stops.len(), stops(seq).count());
        }
    }
}
