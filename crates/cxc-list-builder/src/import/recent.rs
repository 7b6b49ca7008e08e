//! The keys of this import that the store does not find yet, and the filter before it.
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How far the writer has come: units up to this number are found through the store.
#[derive(Clone, Default)]
pub struct Findable(Arc<AtomicU64>);

impl Findable {
    /// Notes that units up to this number are found.
    pub fn set(&self, unit: u64) {
        self.0.fetch_max(unit, Ordering::AcqRel);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// Texts by hash, with the contact that has them, for as long as the store does not find them.
pub struct Recent {
    findable: Findable,
    held: HashMap<i64, (i64, Box<str>)>,
    order: VecDeque<(u64, Vec<i64>)>,
}

impl Recent {
    /// An empty memory.
    pub fn new(findable: Findable) -> Self {
        Self { findable, held: HashMap::new(), order: VecDeque::new() }
    }

    /// The contact that has this text.
    pub fn find(&self, hash: i64, text: &str) -> Option<i64> {
        self.held.get(&hash).filter(|held| &*held.1 == text).map(|held| held.0)
    }

    /// Notes a text that goes to the store with a unit.
    pub fn add(&mut self, unit: u64, hash: i64, text: &str, contact: i64) {
        match self.order.back_mut() {
            Some((last, hashes)) if *last == unit => hashes.push(hash),
            _ => self.order.push_back((unit, vec![hash])),
        }
        self.held.insert(hash, (contact, text.into()));
    }

    /// Forgets what the store finds by now. Call before asking the store, never after: what is
    /// forgotten here must be found there.
    pub fn forget(&mut self) {
        let findable = self.findable.get();
        while self.order.front().is_some_and(|(unit, _)| *unit <= findable) {
            for hash in self.order.pop_front().into_iter().flat_map(|(_, hashes)| hashes) {
                self.held.remove(&hash);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_held_until_its_unit_is_found() {
        let findable = Findable::default();
        let mut recent = Recent::new(findable.clone());
        recent.add(1, 10, "a", 100);
        recent.add(2, 20, "b", 200);
        recent.forget();
        assert_eq!((recent.find(10, "a"), recent.find(10, "other")), (Some(100), None));
        findable.set(1);
        recent.forget();
        assert_eq!((recent.find(10, "a"), recent.find(20, "b")), (None, Some(200)));
    }
}
