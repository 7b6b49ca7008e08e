//! Longest-prefix search over digits.

const NONE: u16 = u16::MAX;

/// A tree of digits, ten branches a node: a look-up walks at most one node a digit and allocates nothing.
#[derive(Debug)]
pub(crate) struct DigitTrie {
    branches: Vec<[u16; 10]>,
    values: Vec<u16>,
}

impl DigitTrie {
    pub fn new() -> Self {
        Self { branches: vec![[NONE; 10]], values: vec![NONE] }
    }

    /// Adds a prefix. Nothing for a text with anything but digits, or when the tree is full.
    pub fn insert(&mut self, prefix: &str, value: u16) -> Option<()> {
        let mut node = 0;
        for digit in digits(prefix) {
            let next = self.branches[node][digit?];
            node = if next == NONE { self.grow(node, digit?)? } else { usize::from(next) };
        }
        self.values[node] = value;
        Some(())
    }

    fn grow(&mut self, node: usize, digit: usize) -> Option<usize> {
        let next = u16::try_from(self.branches.len()).ok().filter(|n| *n != NONE)?;
        self.branches[node][digit] = next;
        self.branches.push([NONE; 10]);
        self.values.push(NONE);
        Some(usize::from(next))
    }

    /// The value of the longest prefix of these digits.
    pub fn longest(&self, number: &str) -> Option<u16> {
        self.shortest_and_longest(number).map(|(_, longest)| longest)
    }

    /// The values of the shortest and the longest prefix of these digits.
    pub fn shortest_and_longest(&self, number: &str) -> Option<(u16, u16)> {
        let mut node = 0;
        let (mut first, mut last) = (NONE, NONE);
        for digit in digits(number) {
            let next = self.branches[node][digit?];
            if next == NONE {
                break;
            }
            node = usize::from(next);
            if self.values[node] != NONE {
                last = self.values[node];
                first = if first == NONE { last } else { first };
            }
        }
        (last != NONE).then_some((first, last))
    }
}

fn digits(text: &str) -> impl Iterator<Item = Option<usize>> + '_ {
    text.bytes().map(|b| b.is_ascii_digit().then(|| usize::from(b - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_wins() {
        let mut trie = DigitTrie::new();
        for (prefix, value) in [("1", 1), ("1907", 2), ("190", 3), ("44", 4)] {
            trie.insert(prefix, value).unwrap();
        }
        let found =
            ["19075550100", "19055550100", "12125550100", "442079460000", "4", "33", ""].map(|n| trie.longest(n));
        assert_eq!(found, [Some(2), Some(3), Some(1), Some(4), None, None, None]);
        assert_eq!(trie.shortest_and_longest("19075550100"), Some((1, 2)));
        assert_eq!(trie.longest("19x7"), None);
        assert_eq!(trie.insert("1a", 5), None);
    }
}
