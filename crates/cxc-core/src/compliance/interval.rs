//! Sets of intervals: sorted, disjoint, none empty, none touching the next.

/// A stretch that includes `open` and excludes `close`: microseconds for instants, minutes for wall clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Interval {
    pub open: i64,
    pub close: i64,
}

/// Adds an interval that starts no earlier than those in the set, joining it to the last where they touch.
pub(super) fn push(set: &mut Vec<Interval>, next: Interval) {
    if next.open >= next.close {
        return;
    }
    match set.last_mut() {
        Some(last) if next.open <= last.close => last.close = last.close.max(next.close),
        _ => set.push(next),
    }
}

/// The set of intervals in any order, some of which may overlap, touch or be empty.
pub(super) fn merged(mut intervals: Vec<Interval>) -> Vec<Interval> {
    intervals.sort_unstable();
    let mut set = Vec::with_capacity(intervals.len());
    for interval in intervals {
        push(&mut set, interval);
    }
    set
}

/// What lies in both sets.
pub(super) fn intersect(a: &[Interval], b: &[Interval]) -> Vec<Interval> {
    let (mut i, mut j) = (0, 0);
    let mut both = Vec::new();
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        push(&mut both, Interval { open: x.open.max(y.open), close: x.close.min(y.close) });
        if x.close <= y.close {
            i += 1;
        } else {
            j += 1;
        }
    }
    both
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sets() -> impl Strategy<Value = Vec<Interval>> {
        prop::collection::vec((0i64..200, -3i64..40), 0..12)
            .prop_map(|v| merged(v.into_iter().map(|(open, n)| Interval { open, close: open + n }).collect()))
    }

    fn holds(set: &[Interval], at: i64) -> bool {
        set.iter().any(|i| i.open <= at && at < i.close)
    }

    proptest! {
        #[test]
        fn an_intersection_holds_exactly_what_both_hold(a in sets(), b in sets()) {
            let both = intersect(&a, &b);
            for at in 0..260 {
                prop_assert_eq!(holds(&both, at), holds(&a, at) && holds(&b, at));
            }
        }

        #[test]
        fn a_merged_set_is_sorted_and_no_two_of_it_touch(a in sets()) {
            prop_assert!(a.iter().all(|i| i.open < i.close));
            prop_assert!(a.windows(2).all(|w| w[0].close < w[1].open));
        }
    }
}
