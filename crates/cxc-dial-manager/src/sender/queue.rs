//! Messages that are prepared and wait for their turn, group by group.
use std::collections::{BTreeMap, HashSet, VecDeque};

use cxc_core::Micros;

use super::limits::Limits;
use super::prepare::Prepared;

/// A message prepared longer ago is prepared anew: what was checked then may no longer hold.
const FRESH: Micros = 700_000;

/// Prepared messages, in order within each group.
#[derive(Default)]
pub struct Queue {
    groups: BTreeMap<i64, VecDeque<Prepared>>,
    next: i64,
    /// Calls that agents asked for: they go first, and no pace holds them back.
    named: VecDeque<Prepared>,
}

impl Queue {
    /// Adds prepared messages.
    pub fn extend(&mut self, ready: Vec<Prepared>) {
        for prepared in ready {
            self.groups.entry(prepared.record.grp).or_default().push_back(prepared);
        }
    }

    /// Adds calls that agents asked for.
    pub fn extend_named(&mut self, ready: Vec<Prepared>) {
        self.named.extend(ready);
    }

    /// How many messages of a group wait.
    pub fn len_of(&self, grp: i64) -> usize {
        self.groups.get(&grp).map_or(0, VecDeque::len)
    }

    /// How many messages may leave now.
    pub fn ready(&self, limits: &mut Limits, now: Micros) -> usize {
        self.named.len()
            + limits.open(self.groups.iter().filter(|(_, q)| !q.is_empty()).map(|(grp, q)| (*grp, q.len())), now)
    }

    /// The groups with waiting messages.
    pub fn groups(&self) -> impl Iterator<Item = i64> + '_ {
        self.groups.iter().filter(|(_, q)| !q.is_empty()).map(|(grp, _)| *grp)
    }

    /// The records that are held here.
    pub fn records(&self) -> HashSet<(i64, i64)> {
        self.groups.values().flatten().chain(&self.named).map(|p| (p.record.grp, p.record.id)).collect()
    }

    /// Throws away what was prepared too long ago or for a group that no longer runs; its records are
    /// still ready in the store. Answers the groups that lost something.
    pub fn drop_stale(&mut self, running: &HashSet<i64>, now: Micros) -> Vec<i64> {
        let mut lost = Vec::new();
        let is_good = |p: &Prepared| now - p.prepared_at < FRESH && now < p.not_after;
        self.named.retain(|p| running.contains(&p.record.grp) && is_good(p));
        self.groups.retain(|grp, queue| {
            let before = queue.len();
            queue.retain(|p| running.contains(grp) && is_good(p));
            if queue.len() < before {
                lost.push(*grp);
            }
            !queue.is_empty()
        });
        lost
    }

    /// Up to `room` messages that may leave now, the groups taking turns.
    pub fn pop(&mut self, limits: &mut Limits, room: usize, now: Micros) -> Vec<Prepared> {
        let mut popped = Vec::new();
        while popped.len() < room && !self.named.is_empty() && limits.take_named(now) {
            popped.extend(self.named.pop_front());
        }
        // begin behind the group that was served last, so that none is always first
        let mut turns: VecDeque<i64> =
            self.groups.range(self.next..).chain(self.groups.range(..self.next)).map(|(g, _)| *g).collect();
        while popped.len() < room
            && let Some(grp) = turns.pop_front()
        {
            let Some(queue) = self.groups.get_mut(&grp) else { continue };
            if queue.is_empty() || !limits.take(grp, now) {
                continue;
            }
            popped.extend(queue.pop_front());
            self.next = grp + 1;
            turns.push_back(grp);
        }
        for grp in turns {
            limits.held(grp, "channel_account_speed");
        }
        popped
    }
}
