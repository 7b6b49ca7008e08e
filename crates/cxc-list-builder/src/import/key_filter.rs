//! A filter of fixed size that tells most new keys from those that may have been seen, so that only the
//! latter are looked up in the store.

/// Bits for one key, at which one new key in some thousand is looked up for nothing.
const BITS_PER_KEY: u64 = 16;
/// The most memory: beyond 32 million keys more look-ups are for nothing, and that is all.
const MOST_BYTES: u64 = 64 << 20;
const LEAST_BYTES: u64 = 64 << 10;
/// Bits set for a key, all in one block.
const PROBES: u32 = 6;

/// A block is one line of the processor's cache.
type Block = [u64; 8];

/// A set of hashes that never forgets one and seldom claims one that it was not given.
pub struct KeyFilter {
    blocks: Vec<Block>,
}

impl KeyFilter {
    /// A filter for about this many keys.
    pub fn new(keys: u64) -> Self {
        let bytes = (keys.saturating_mul(BITS_PER_KEY) / 8).clamp(LEAST_BYTES, MOST_BYTES);
        let blocks = usize::try_from(bytes.div_ceil(64)).unwrap_or(1);
        Self { blocks: vec![[0; 8]; blocks] }
    }

    /// Adds a hash; answers whether it may have been there.
    pub fn insert(&mut self, hash: i64) -> bool {
        let (block, mut bits) = self.place(hash);
        let block = &mut self.blocks[block];
        let mut seen = true;
        for _ in 0..PROBES {
            let (word, bit) = ((bits >> 6 & 7) as usize, 1_u64 << (bits & 63));
            seen &= block[word] & bit != 0;
            block[word] |= bit;
            bits >>= 9;
        }
        seen
    }

    /// Whether a hash may have been added.
    pub fn may_hold(&self, hash: i64) -> bool {
        let (block, mut bits) = self.place(hash);
        let block = &self.blocks[block];
        (0..PROBES).all(|_| {
            let hit = block[(bits >> 6 & 7) as usize] & 1_u64 << (bits & 63) != 0;
            bits >>= 9;
            hit
        })
    }

    /// The block of a hash, by its upper half, and the bits from which its places in it are taken.
    fn place(&self, hash: i64) -> (usize, u64) {
        let hash = hash.cast_unsigned();
        let block = ((hash >> 32) * self.blocks.len() as u64) >> 32;
        // spread the lower half over 54 bits
        let bits = (hash & 0xffff_ffff).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 10;
        (usize::try_from(block).unwrap_or(0), bits)
    }

    #[cfg(test)]
    fn bytes(&self) -> usize {
        self.blocks.len() * 64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(n: u64) -> i64 {
        let x = n.wrapping_mul(0xff51_afd7_ed55_8ccd).rotate_left(31);
        (x ^ x >> 29).wrapping_mul(0xc4ce_b9fe_1a85_ec53).cast_signed()
    }

    #[test]
    fn a_key_is_never_forgotten_and_few_are_taken_for_seen() {
        let mut filter = KeyFilter::new(100_000);
        let claimed = (0..100_000).filter(|&n| filter.insert(hash(n))).count();
        assert!(claimed < 500, "{claimed} new keys were taken for seen");
        assert!((0..100_000).all(|n| filter.may_hold(hash(n)) && filter.insert(hash(n))));
        let wrong = (100_000..200_000).filter(|&n| filter.may_hold(hash(n))).count();
        assert!(wrong < 1_000, "{wrong} of 100,000 strangers");
    }

    #[test]
    fn its_size_is_bounded() {
        assert_eq!(KeyFilter::new(0).bytes(), 64 << 10);
        assert_eq!(KeyFilter::new(u64::MAX).bytes(), 64 << 20);
    }
}
