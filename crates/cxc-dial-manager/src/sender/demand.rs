//! How many messages a group asks for, where its carrier sets the pace: calls are placed when agents need them.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Shared by who asks and who delivers.
#[derive(Debug, Clone, Default)]
pub struct Demand(Arc<Mutex<Asked>>);

#[derive(Debug, Default)]
struct Asked {
    wanted: usize,
    on_the_way: usize,
}

impl Demand {
    /// So many are wanted now. Those on the way are among them.
    pub fn ask(&self, wanted: usize) {
        self.asked().wanted = wanted;
    }

    /// How many more may be sent on their way.
    pub fn open(&self) -> usize {
        let asked = self.asked();
        asked.wanted.saturating_sub(asked.on_the_way)
    }

    /// One is on its way.
    pub fn take(&self) {
        self.asked().on_the_way += 1;
    }

    /// One that was on its way will not come.
    pub fn give_back(&self) {
        let mut asked = self.asked();
        asked.on_the_way = asked.on_the_way.saturating_sub(1);
    }

    /// One has come.
    pub fn arrived(&self) {
        let mut asked = self.asked();
        asked.on_the_way = asked.on_the_way.saturating_sub(1);
        asked.wanted = asked.wanted.saturating_sub(1);
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_its_way_is_not_sent_for_again() {
        let demand = Demand::default();
        demand.ask(2);
        demand.take();
        assert_eq!(demand.open(), 1);
        demand.ask(2);
        assert_eq!(demand.open(), 1, "who asks does not know what is on its way");
        demand.arrived();
        assert_eq!(demand.open(), 1, "one of the two is there");
        demand.take();
        demand.give_back();
        assert_eq!(demand.open(), 1);
        demand.ask(0);
        assert_eq!(demand.open(), 0);
    }
}
