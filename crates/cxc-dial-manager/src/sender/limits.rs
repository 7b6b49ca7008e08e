//! How many messages may leave now: the account's rate and each group's pace. Also says what held a group back.
use std::collections::HashMap;
use std::time::Duration;

use cxc_core::Micros;

use super::demand::{Demand, Named, Refusal};
use super::pace::TokenBucket;
use super::previews::Sought;

/// Messages are prepared so far ahead of their pace.
const AHEAD_SECONDS: f64 = 0.25;
/// The most messages that are prepared ahead for an account.
pub const AHEAD: usize = 300;

/// What sets a group's pace.
pub enum Pace {
    /// The clock: messages a second.
    Clock(f64),
    /// Its carrier, that asks for them.
    Asked(Demand),
}

/// A group's pace at work.
enum Paced {
    Clock(TokenBucket),
    Asked(Demand),
}

impl Paced {
    fn available(&mut self, now: Micros) -> usize {
        match self {
            Paced::Clock(bucket) => bucket.available(now),
            Paced::Asked(demand) => demand.open(),
        }
    }

    fn take(&mut self) {
        match self {
            Paced::Clock(bucket) => bucket.take(1),
            Paced::Asked(demand) => demand.take(),
        }
    }

    fn give_back(&mut self) {
        match self {
            Paced::Clock(bucket) => bucket.give_back(1),
            Paced::Asked(demand) => demand.give_back(),
        }
    }

    /// How many are worth having ready beyond those that may leave now.
    fn ahead(&self) -> usize {
        match self {
            Paced::Clock(bucket) => ahead(bucket.rate()),
            Paced::Asked(_) => 0,
        }
    }

    fn next_at(&mut self, now: Micros) -> Micros {
        match self {
            Paced::Clock(bucket) => bucket.next_at(now),
            // who asks wakes the sender
            Paced::Asked(demand) if demand.open() == 0 => Micros::MAX,
            Paced::Asked(_) => now,
        }
    }
}

/// The limits of an account and its groups.
pub struct Limits {
    account: TokenBucket,
    groups: HashMap<i64, Paced>,
    held_by: HashMap<i64, &'static str>,
}

impl Limits {
    /// An account's limits; groups are named by [`Limits::set_groups`].
    pub fn new(account_per_second: f64, now: Micros) -> Self {
        Self { account: TokenBucket::new(account_per_second, now), groups: HashMap::new(), held_by: HashMap::new() }
    }

    /// The rates as they are now: the account's, and the pace of each running group.
    pub fn set_rates(&mut self, account_per_second: f64, groups: Vec<(i64, Pace)>, now: Micros) {
        self.account.set_rate(account_per_second);
        self.groups.retain(|grp, _| groups.iter().any(|(number, _)| number == grp));
        for (grp, pace) in groups {
            match pace {
                Pace::Asked(demand) => {
                    self.groups.insert(grp, Paced::Asked(demand));
                }
                Pace::Clock(rate) => {
                    let clock = || Paced::Clock(TokenBucket::new(rate, now));
                    if let Paced::Clock(bucket) = self.groups.entry(grp).or_insert_with(clock) {
                        bucket.set_rate(rate);
                    }
                }
            }
        }
    }

    /// Takes a token of the group and one of the account; none is taken unless both have one.
    pub fn take(&mut self, grp: i64, now: Micros) -> bool {
        let Some(group) = self.groups.get_mut(&grp) else { return false };
        if group.available(now) == 0 {
            self.held_by.insert(grp, "group_pace");
            return false;
        }
        if self.account.available(now) == 0 {
            self.held_by.insert(grp, "channel_account_rate");
            return false;
        }
        group.take();
        self.account.take(1);
        true
    }

    /// Takes a token of the account for a call that an agent asked for.
    pub fn take_named(&mut self, now: Micros) -> bool {
        let is_open = self.account.available(now) > 0;
        if is_open {
            self.account.take(1);
        }
        is_open
    }

    /// The records that agents of these groups ask for.
    pub fn named(&self, groups: impl IntoIterator<Item = i64>) -> Vec<(i64, Vec<Named>)> {
        let of = |grp: i64| match self.groups.get(&grp) {
            Some(Paced::Asked(demand)) => Some((grp, demand.named())).filter(|(_, named)| !named.is_empty()),
            _ => None,
        };
        groups.into_iter().filter_map(of).collect()
    }

    /// How a group asks, if it does.
    pub fn demand(&self, grp: i64) -> Option<&Demand> {
        match self.groups.get(&grp) {
            Some(Paced::Asked(demand)) => Some(demand),
            _ => None,
        }
    }

    /// What agents of these groups are to look at, as far as it has to be looked for now.
    pub fn sought(&self, groups: impl IntoIterator<Item = i64>, now: Micros) -> Vec<(i64, Sought)> {
        groups.into_iter().filter_map(|grp| Some((grp, self.demand(grp)?.sought(now)?))).collect()
    }

    /// The records that agents look at.
    pub fn held_by_agents(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        let of = |paced: &Paced| match paced {
            Paced::Asked(demand) => demand.held(),
            Paced::Clock(_) => Vec::new(),
        };
        self.groups.iter().flat_map(move |(grp, paced)| of(paced).into_iter().map(|record| (*grp, record)))
    }

    /// The groups some of whose records went back since this was last asked.
    pub fn gave_back(&self) -> impl Iterator<Item = i64> + '_ {
        self.groups.keys().copied().filter(|grp| self.demand(*grp).is_some_and(Demand::gave_back))
    }

    /// Such a record was looked at.
    pub fn looked_at(&self, grp: i64, record: i64, refusal: Option<Refusal>) {
        if let Some(Paced::Asked(demand)) = self.groups.get(&grp) {
            demand.looked_at(record, refusal);
        }
    }

    /// How many of the messages that wait, by group, may leave now.
    pub fn open(&mut self, waiting: impl Iterator<Item = (i64, usize)>, now: Micros) -> usize {
        let account = self.account.available(now);
        let mut open = 0;
        for (grp, count) in waiting {
            let by_pace = self.groups.get_mut(&grp).map_or(0, |group| group.available(now));
            match (by_pace, account) {
                (0, _) => self.held(grp, "group_pace"),
                (_, 0) => self.held(grp, "channel_account_rate"),
                _ => open += count.min(by_pace),
            }
        }
        open.min(account)
    }

    /// Gives back a token of a message that did not leave after all.
    pub fn give_back(&mut self, grp: i64) {
        self.account.give_back(1);
        if let Some(group) = self.groups.get_mut(&grp) {
            group.give_back();
        }
    }

    /// How many messages of a group are worth preparing beside the `queued` ones: none while more than half of what
    /// is wanted waits, since each look costs the same for a few as for many.
    pub fn worth_preparing(&mut self, grp: i64, queued: usize, now: Micros) -> usize {
        let Some(group) = self.groups.get_mut(&grp) else { return 0 };
        let account = self.account.available(now) + ahead(self.account.rate());
        let wanted = (group.available(now) + group.ahead()).min(account).min(AHEAD);
        if queued * 2 > wanted { 0 } else { wanted - queued }
    }

    /// Something else holds a group back.
    pub fn held(&mut self, grp: i64, why: &'static str) {
        self.held_by.insert(grp, why);
    }

    /// What held a group back since this was last asked, if anything did.
    pub fn held_by(&mut self, grp: i64) -> Option<&'static str> {
        self.held_by.remove(&grp)
    }

    /// How long until one of these groups may send, at most `longest`.
    pub fn pause(&mut self, groups: impl Iterator<Item = i64>, now: Micros, longest: Duration) -> Duration {
        let account = self.account.next_at(now);
        let next = groups.filter_map(|grp| self.groups.get_mut(&grp).map(|g| g.next_at(now).max(account))).min();
        let micros = next.map_or(u64::MAX, |at| u64::try_from(at - now).unwrap_or(0));
        longest.min(Duration::from_micros(micros.max(1_000)))
    }
}

fn ahead(per_second: f64) -> usize {
    (per_second * AHEAD_SECONDS).ceil().clamp(1.0, AHEAD as f64) as usize
}
