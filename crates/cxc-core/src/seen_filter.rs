//! A bounded memory of 64-bit hashes: "certainly new" or "perhaps seen". What is perhaps seen is looked up
//! in the store, so the filter only saves look-ups and never decides.

/// A Bloom filter in blocks of one cache line.
pub struct SeenFilter {
    blocks: Vec<[u64; 8]>,
}

/// 64 MiB at most, whatever is expected.
const MAX_BLOCKS: usize = 1 << 20;
/// Bits set for each hash.
const PROBES: u32 = 6;

impl SeenFilter {
    /// A filter for about so many hashes: 16 bits for each, a false "perhaps" in a thousand.
    pub fn for_about(count: usize) -> Self {
        let blocks = (count / 32).next_power_of_two().clamp(64, MAX_BLOCKS);
        Self { blocks: vec![[0; 8]; blocks] }
    }

    /// Whether a hash may have been put in before; puts it in.
    pub fn put(&mut self, hash: i64) -> bool {
        let mixed = hash.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mask = self.blocks.len() - 1;
        let index = usize::try_from(mixed >> 40).unwrap_or(0) & mask;
        let Some(block) = self.blocks.get_mut(index) else { return true };
        let mut seen = true;
        let mut bits = mixed ^ (mixed >> 29);
        for _ in 0..PROBES {
            let (word, bit) = (usize::try_from(bits & 7).unwrap_or(0), (bits >> 3) & 63);
            if let Some(word) = block.get_mut(word) {
                seen &= *word >> bit & 1 == 1;
                *word |= 1 << bit;
            }
            bits >>= 9;
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(n: u64) -> i64 {
        n.wrapping_mul(0xd134_2543_de82_ef95).rotate_left(17).cast_signed()
    }

    #[test]
    fn what_was_put_in_is_always_perhaps_seen() {
        let mut filter = SeenFilter::for_about(10_000);
        for n in 0..50_000 {
            filter.put(hash(n));
        }
        assert!((0..50_000).all(|n| filter.put(hash(n))));
    }

    #[test]
    fn few_new_hashes_are_mistaken_for_seen_ones() {
        let mut filter = SeenFilter::for_about(100_000);
        let mistaken = (0..100_000).filter(|n| filter.put(hash(*n))).count();
        assert!(mistaken < 1_000, "{mistaken}");
    }
}
