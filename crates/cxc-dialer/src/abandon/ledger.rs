//! How many people answered and how many of them were abandoned, by hour, against one policy or several.
use std::collections::VecDeque;

use cxc_core::Micros;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{AbandonPolicy, Window};

const HOUR: Micros = 3_600_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Bucket {
    hour: i64,
    live: u64,
    abandoned: u64,
}

/// The counts of one policy's open window.
#[derive(Debug, Clone)]
pub struct Ledger {
    policy: AbandonPolicy,
    campaign: Micros,
    zone: TimeZone,
    ends: Option<Micros>,
    /// Oldest first; empty hours are left out. Kept where the window slides, the whole of it in one else.
    buckets: VecDeque<Bucket>,
    live: u64,
    abandoned: u64,
}

/// What survives a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    taken: Micros,
    buckets: Vec<Bucket>,
}

impl Ledger {
    /// An empty ledger of a campaign that began at `campaign`; days and months are those of `zone`.
    pub fn new(policy: AbandonPolicy, campaign: Micros, zone: TimeZone) -> Self {
        let buckets = VecDeque::new();
        let ends = policy.window.end(campaign, campaign, &zone);
        Self { policy, campaign, zone, ends, buckets, live: 0, abandoned: 0 }
    }

    /// The same after a restart: what still stands in the window counts.
    pub fn restored(policy: AbandonPolicy, campaign: Micros, zone: TimeZone, kept: &Snapshot) -> Self {
        let mut ledger = Self::new(policy, campaign, zone);
        ledger.ends = ledger.policy.window.end(kept.taken, campaign, &ledger.zone);
        ledger.buckets = kept.buckets.iter().copied().collect();
        ledger.live = kept.buckets.iter().map(|bucket| bucket.live).sum();
        ledger.abandoned = kept.buckets.iter().map(|bucket| bucket.abandoned).sum();
        ledger
    }

    /// The same from what happened before, hour by hour: a time within it, live answers, abandoned calls. What has left
    /// the window that holds `now` counts no more.
    pub fn replayed(
        policy: AbandonPolicy,
        campaign: Micros,
        zone: TimeZone,
        past: &[(Micros, u64, u64)],
        now: Micros,
    ) -> Self {
        let mut ledger = Self::new(policy, campaign, zone);
        ledger.ends = ledger.policy.window.end(now, campaign, &ledger.zone);
        let start = ledger.policy.window.start(now, campaign, &ledger.zone);
        for (at, live, abandoned) in past.iter().filter(|(at, ..)| *at >= start - start.rem_euclid(HOUR)) {
            let bucket = ledger.bucket((*at).min(now));
            bucket.live += live;
            bucket.abandoned += abandoned;
            ledger.live += live;
            ledger.abandoned += abandoned;
        }
        ledger.advance(now);
        ledger
    }

    /// What to keep.
    pub fn snapshot(&self, now: Micros) -> Snapshot {
        Snapshot { taken: now, buckets: self.buckets.iter().copied().collect() }
    }

    /// The policy.
    pub fn policy(&self) -> &AbandonPolicy {
        &self.policy
    }

    /// A person answered.
    pub fn answered(&mut self, now: Micros) {
        self.bucket(now).live += 1;
        self.live += 1;
    }

    /// A person who had answered was abandoned.
    pub fn abandoned(&mut self, now: Micros) {
        self.bucket(now).abandoned += 1;
        self.abandoned += 1;
    }

    /// Who answered was no person.
    pub fn mistaken(&mut self, now: Micros) {
        self.advance(now);
        // the answer was counted a moment ago, perhaps in the hour before; if it has left the window, it is gone already
        if let Some(bucket) = self.buckets.iter_mut().rev().find(|bucket| bucket.live > 0) {
            bucket.live -= 1;
            self.live -= 1;
        }
    }

    fn bucket(&mut self, now: Micros) -> &mut Bucket {
        self.advance(now);
        let slides = matches!(self.policy.window, Window::RollingHours(_));
        let hour = if slides { now.div_euclid(HOUR) } else { 0 };
        match self.buckets.iter().rposition(|bucket| bucket.hour == hour) {
            Some(at) => &mut self.buckets[at],
            None => {
                self.buckets.push_back(Bucket { hour, live: 0, abandoned: 0 });
                let last = self.buckets.len() - 1;
                &mut self.buckets[last]
            }
        }
    }

    /// Lets go of what has left the window. Of an hour that has left in part the answers are gone and the abandoned
    /// calls stay: the ledger errs to the careful side.
    pub fn advance(&mut self, now: Micros) {
        if self.ends.is_some_and(|end| now >= end) {
            self.ends = self.policy.window.end(now, self.campaign, &self.zone);
            self.buckets.clear();
            (self.live, self.abandoned) = (0, 0);
        }
        if !matches!(self.policy.window, Window::RollingHours(_)) {
            return;
        }
        let start = self.policy.window.start(now, self.campaign, &self.zone);
        while let Some(gone) = self.buckets.pop_front_if(|bucket| (bucket.hour + 1) * HOUR <= start) {
            self.live -= gone.live;
            self.abandoned -= gone.abandoned;
        }
        if let Some(first) = self.buckets.front_mut().filter(|bucket| bucket.hour * HOUR < start) {
            self.live -= std::mem::take(&mut first.live);
        }
    }

    /// Calls that could be abandoned now without breaking the limit; negative once it is broken.
    pub fn headroom(&self) -> f64 {
        self.policy.rate * self.live as f64 - self.abandoned as f64
    }

    /// Abandoned calls and live answers of the window.
    pub fn counts(&self) -> (u64, u64) {
        (self.abandoned, self.live)
    }
}

/// Every policy that holds for a group.
#[derive(Debug, Clone)]
pub struct Ledgers(Vec<Ledger>);

impl Ledgers {
    /// Of a campaign that began at `campaign`; days and months are those of `zone`.
    pub fn new(policies: Vec<AbandonPolicy>, campaign: Micros, zone: &TimeZone) -> Self {
        Self(policies.into_iter().map(|policy| Ledger::new(policy, campaign, zone.clone())).collect())
    }

    /// The same from what happened before: see [`Ledger::replayed`].
    pub fn replayed(
        policies: Vec<AbandonPolicy>,
        campaign: Micros,
        zone: &TimeZone,
        past: &[(Micros, u64, u64)],
        now: Micros,
    ) -> Self {
        let replay = |policy| Ledger::replayed(policy, campaign, zone.clone(), past, now);
        Self(policies.into_iter().map(replay).collect())
    }

    /// A person answered.
    pub fn answered(&mut self, now: Micros) {
        self.0.iter_mut().for_each(|ledger| ledger.answered(now));
    }

    /// A person who had answered was abandoned.
    pub fn abandoned(&mut self, now: Micros) {
        self.0.iter_mut().for_each(|ledger| ledger.abandoned(now));
    }

    /// Who answered was no person.
    pub fn mistaken(&mut self, now: Micros) {
        self.0.iter_mut().for_each(|ledger| ledger.mistaken(now));
    }

    /// Lets go of what has left the windows.
    pub fn advance(&mut self, now: Micros) {
        self.0.iter_mut().for_each(|ledger| ledger.advance(now));
    }

    /// The ledger with the least headroom; none where no policy holds.
    pub fn tightest(&self) -> Option<&Ledger> {
        self.0.iter().min_by(|a, b| a.headroom().total_cmp(&b.headroom()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abandon::Place;

    fn ledger(place: Place) -> Ledger {
        Ledger::new(place.policies().remove(0), 0, TimeZone::UTC)
    }

    #[test]
    fn thirty_four_answers_make_room_for_one_abandoned_call() {
        let mut ledger = ledger(Place::US);
        (0..33).for_each(|_| ledger.answered(0));
        assert!(ledger.headroom() < 1.0);
        ledger.answered(0);
        assert!(ledger.headroom() >= 1.0);
        ledger.abandoned(0);
        assert!(ledger.headroom() < 1.0);
    }

    #[test]
    fn a_sliding_window_forgets_answers_first() {
        let mut ledger = ledger(Place::UK);
        let at = |minutes: i64| minutes * HOUR / 60;
        (0..100).for_each(|_| ledger.answered(at(30)));
        ledger.abandoned(at(30));
        ledger.answered(at(90));
        ledger.advance(at(24 * 60 + 20));
        assert_eq!(ledger.counts(), (1, 1), "the answers of the first hour may have left");
        ledger.advance(at(25 * 60));
        assert_eq!(ledger.counts(), (0, 1));
    }

    #[test]
    fn what_happened_before_a_restart_counts_while_it_is_in_the_window() {
        let hour = |at: i64| at * HOUR;
        let past = [(hour(10), 50, 2), (hour(40), 30, 1)];
        let replayed =
            |place: Place, now| Ledger::replayed(place.policies().remove(0), 0, TimeZone::UTC, &past, now).counts();
        assert_eq!(replayed(Place::UK, hour(41)), (1, 30), "24 hours");
        assert_eq!(replayed(Place::UK, hour(70)), (0, 0));
        assert_eq!(replayed(Place::CA, hour(70)), (3, 80), "the month");
        assert_eq!(replayed(Place::US, hour(29 * 24)), (3, 80), "30 days");
        assert_eq!(replayed(Place::US, hour(31 * 24)), (0, 0));
        let mut next = Ledger::replayed(Place::CA.policies().remove(0), 0, TimeZone::UTC, &past, hour(70));
        next.answered(hour(71));
        assert_eq!(next.counts(), (3, 81));
        next.advance(hour(31 * 24));
        assert_eq!(next.counts(), (0, 0), "the next month begins empty");
    }

    #[test]
    fn a_new_month_begins_empty_and_a_restart_does_not() {
        let mut ledger = ledger(Place::CA);
        let day = 24 * HOUR;
        (0..40).for_each(|_| ledger.answered(20 * day));
        ledger.abandoned(20 * day);
        let kept = ledger.snapshot(21 * day);
        let mut again = Ledger::restored(Place::CA.policies().remove(0), 0, TimeZone::UTC, &kept);
        again.advance(30 * day);
        assert_eq!(again.counts(), (1, 40));
        again.advance(31 * day);
        assert_eq!(again.counts(), (0, 0), "1 February 1970");
    }
}
