//! Entries of suppression lists that may hold the people of a batch.
use std::collections::HashMap;

use cxc_core::compliance::{self, RuleRef, SuppressedBy};
use jiff::Timestamp;

use super::Person;
use crate::suppression::{DEVICE, SuppressionHit, SuppressionList};

/// The entries, by the hashes of their keys.
#[derive(Default)]
pub(super) struct Suppressed(HashMap<i64, Vec<Entry>>);

/// An entry that may be a person's: the hash says so, the key must agree.
struct Entry {
    list: i64,
    rule: RuleRef,
    by: SuppressedBy,
    key: String,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Suppressed {
    /// Entries as they were read, of these lists.
    pub fn of(hits: Vec<SuppressionHit>, lists: &[SuppressionList]) -> Self {
        let mut found = Self::default();
        for hit in hits {
            let Some(list) = lists.iter().find(|l| l.number == hit.list) else { continue };
            let by = if list.kind == DEVICE { SuppressedBy::Device } else { SuppressedBy::ClientId };
            let rule = RuleRef::new(list.id.to_string(), list.changes);
            // with the end of its list an entry ends, too
            let ends = [hit.until_at, list.expires_at].into_iter().flatten().min();
            let at = |micros: Option<i64>| micros.and_then(|at| Timestamp::from_microsecond(at).ok());
            let entry = Entry { list: list.number, rule, by, key: hit.key, from: at(hit.from_at), until: at(ends) };
            found.0.entry(hit.key_hash).or_default().push(entry);
        }
        found
    }

    /// The entries of those lists that hold for a person, or will.
    pub fn hits(&self, person: &Person<'_>) -> Vec<compliance::SuppressionHit> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let by = |hash: Option<i64>, key: &str, by: SuppressedBy| {
            let found = hash.and_then(|hash| self.0.get(&hash)).into_iter().flatten();
            // an erased person's entry has no key left: there the hash alone decides
            let is_own = |e: &&Entry| e.by == by && (e.key.is_empty() || e.key == key);
            let holds = |e: &&Entry| person.lists.iter().any(|list| list.number == e.list);
            let hit = |e: &Entry| compliance::SuppressionHit { list: e.rule.clone(), by, from: e.from, until: e.until };
            found.filter(is_own).filter(holds).map(hit).collect::<Vec<_>>()
        };
        let mut hits = by(Some(person.device), &person.address, SuppressedBy::Device);
        hits.append(&mut by(person.client, person.client_id.trim(), SuppressedBy::ClientId));
        hits
    }
}

/// The lists of all people, each once. People of one group share theirs, so that most are compared by their place.
pub(super) fn lists(people: &[Person<'_>]) -> Vec<SuppressionList> {
    let mut lists: Vec<SuppressionList> = Vec::new();
    let mut seen: Option<*const SuppressionList> = None;
    for person in people.iter().filter(|p| !p.lists.is_empty()) {
        if seen.replace(person.lists.as_ptr()) == Some(person.lists.as_ptr()) {
            continue;
        }
        for list in person.lists {
            if !lists.iter().any(|known| known.number == list.number) {
                lists.push(list.clone());
            }
        }
    }
    lists
}
