//! How a group's messages are shared among its lists: each by its weight, over time, whatever the batch.
use std::collections::HashMap;

/// What each list is owed: smooth weighted turns.
#[derive(Debug, Default)]
pub struct Shares {
    owed: HashMap<(i64, i64), f64>,
}

impl Shares {
    /// Splits `count` messages of a group among its lists `(number, weight)`. Weight 0 gets nothing.
    pub fn split(&mut self, grp: i64, lists: &[(i64, i64)], count: usize) -> Vec<(i64, usize)> {
        let sum: i64 = lists.iter().map(|(_, weight)| weight).sum();
        if sum <= 0 || count == 0 {
            return Vec::new();
        }
        let mut left = count;
        let mut shares = Vec::with_capacity(lists.len());
        for (list, weight) in lists.iter().filter(|(_, weight)| *weight > 0) {
            let owed = self.owed.entry((grp, *list)).or_default();
            // a list without ready records must not save up and then starve the others
            *owed = (*owed + count as f64 * *weight as f64 / sum as f64).min(2.0 * count as f64);
            let share = (owed.floor().max(0.0) as usize).min(left);
            left -= share;
            shares.push((*list, share));
        }
        shares
    }

    /// The lists by falling weight, each ready to take all that is left.
    pub fn by_weight(&self, lists: &[(i64, i64)]) -> Vec<(i64, usize)> {
        let mut lists: Vec<_> = lists.iter().filter(|(_, weight)| *weight > 0).copied().collect();
        lists.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
        lists.into_iter().map(|(list, _)| (list, usize::MAX)).collect()
    }

    /// A list was served so many messages.
    pub fn served(&mut self, grp: i64, list: i64, count: usize) {
        *self.owed.entry((grp, list)).or_default() -= count as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_served_by_their_weight_over_time() {
        let mut shares = Shares::default();
        let lists = [(1, 30), (2, 10), (3, 0)];
        let mut got = HashMap::<i64, usize>::new();
        for _ in 0..1_000 {
            for (list, share) in shares.split(7, &lists, 3) {
                shares.served(7, list, share);
                *got.entry(list).or_default() += share;
            }
        }
        assert_eq!(got.get(&3), None);
        assert!(got[&1].abs_diff(2_250) <= 3, "{got:?}");
        assert!(got[&2].abs_diff(750) <= 3, "{got:?}");
    }

    #[test]
    fn a_list_that_was_empty_for_long_does_not_starve_the_others() {
        let mut shares = Shares::default();
        for _ in 0..1_000 {
            shares.split(1, &[(1, 1), (2, 1)], 10);
            shares.served(1, 2, 10);
        }
        let split = shares.split(1, &[(1, 1), (2, 1)], 10);
        assert!(split.iter().all(|(_, share)| *share <= 10));
    }
}
