//! How many messages a group asks for, where its carrier sets the pace: calls are placed when agents need them. And which
//! records agents ask for by themselves: this person, now; and which they look at before.
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cxc_core::Micros;
use tokio::sync::Notify;
use uuid::Uuid;

use super::previews::{Fate, Offer, Previews, Sought};

/// A record that is asked for by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// The record.
    pub record: i64,
    /// The position of the device; else the record's own.
    pub device: Option<i16>,
    /// One that may not be called now is done: it was kept ready for this alone.
    pub or_done: bool,
}

/// Why a record that was asked for is not called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The name of a reason, of those that records wait or are excluded for, or `not_ready`.
    pub reason: String,
    /// When it may be called, if that is known.
    pub until: Option<Micros>,
}

/// Where a record that was asked for is.
#[derive(Debug, Clone)]
enum Stage {
    Asked(Named),
    /// Checked and on its way.
    Prepared,
    Refused(Refusal),
}

/// Shared by who asks and who delivers.
#[derive(Clone, Default)]
pub struct Demand {
    asked: Arc<Mutex<Asked>>,
    /// Wakes who asked for records to look at.
    found: Arc<Notify>,
}

#[derive(Default)]
struct Asked {
    wanted: usize,
    on_the_way: usize,
    named: HashMap<i64, Stage>,
    previews: Previews,
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

    /// The call of a record has come: whether it was asked for by itself.
    pub fn arrived(&self, record: i64) -> bool {
        let mut asked = self.asked();
        if asked.named.remove(&record).is_some() {
            return true;
        }
        asked.on_the_way = asked.on_the_way.saturating_sub(1);
        asked.wanted = asked.wanted.saturating_sub(1);
        false
    }

    /// Asks for a record. Nobody looks at it any more.
    pub fn name(&self, named: Named) {
        let mut asked = self.asked();
        asked.previews.let_go(named.record);
        asked.named.insert(named.record, Stage::Asked(named));
    }

    /// Asks for it no more. One that is on its way is known for that when it comes.
    pub fn forget(&self, record: i64) {
        let mut asked = self.asked();
        if !matches!(asked.named.get(&record), Some(Stage::Prepared)) {
            asked.named.remove(&record);
        }
    }

    /// So many records are wanted to look at, and these users could take a callback. True if there is something to look
    /// for at once.
    pub fn seek(&self, wanted: usize, users: Vec<Uuid>) -> bool {
        let mut asked = self.asked();
        asked.previews.seek(wanted, users);
        asked.previews.is_missing()
    }

    /// What is to be looked for now.
    pub fn sought(&self, now: Micros) -> Option<Sought> {
        self.asked().previews.sought(now)
    }

    /// A record to look at was found.
    pub fn offer(&self, offer: Offer) {
        self.asked().previews.found(offer);
        self.found.notify_one();
    }

    /// Those that were found since the last time.
    pub fn offers(&self) -> VecDeque<Offer> {
        self.asked().previews.take()
    }

    /// How many are missing.
    pub fn missing(&self) -> usize {
        self.asked().previews.missing()
    }

    /// Ready when one is found.
    pub async fn found(&self) {
        self.found.notified().await;
    }

    /// An agent is through with a record, and it is not called.
    pub fn release(&self, record: i64, fate: Fate) {
        self.asked().previews.release(record, fate);
    }

    /// A rejected record rests by now.
    pub fn rested(&self, record: i64) {
        self.asked().previews.let_go(record);
    }

    /// Records that agents look at: nobody else gets them.
    pub fn held(&self) -> Vec<i64> {
        self.asked().previews.held().collect()
    }

    /// Whether any of them went back since this was last asked.
    pub fn gave_back(&self) -> bool {
        self.asked().previews.gave_back()
    }

    /// The records that are asked for and not looked at yet.
    pub fn named(&self) -> Vec<Named> {
        let asked = self.asked();
        let open = asked.named.values().filter_map(|stage| match stage {
            Stage::Asked(named) => Some(*named),
            Stage::Prepared | Stage::Refused(_) => None,
        });
        open.collect()
    }

    /// A record that was asked for was looked at: it is on its way, or refused.
    pub fn looked_at(&self, record: i64, refusal: Option<Refusal>) {
        if let Some(stage) = self.asked().named.get_mut(&record) {
            *stage = refusal.map_or(Stage::Prepared, Stage::Refused);
        }
    }

    /// Why a record was refused, if it was.
    pub fn refusal(&self, record: i64) -> Option<Refusal> {
        match self.asked().named.get(&record) {
            Some(Stage::Refused(refusal)) => Some(refusal.clone()),
            _ => None,
        }
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
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
        assert!(!demand.arrived(7));
        assert_eq!(demand.open(), 1, "one of the two is there");
        demand.take();
        demand.give_back();
        assert_eq!(demand.open(), 1);
        demand.ask(0);
        assert_eq!(demand.open(), 0);
    }

    #[test]
    fn a_record_that_is_asked_for_is_no_part_of_the_pace() {
        let demand = Demand::default();
        let named = |record| Named { record, device: None, or_done: false };
        demand.ask(1);
        demand.name(named(4));
        demand.name(named(5));
        assert_eq!((demand.open(), demand.named().len()), (1, 2));
        demand.looked_at(4, None);
        let refusal = Refusal { reason: "contact_times".into(), until: Some(9) };
        demand.looked_at(5, Some(refusal.clone()));
        assert_eq!((demand.named(), demand.refusal(4), demand.refusal(5)), (Vec::new(), None, Some(refusal)));
        demand.forget(4);
        assert!(demand.arrived(4), "what is on its way is known when it comes");
        assert_eq!(demand.open(), 1, "the pace still waits for its own");
        demand.forget(5);
        assert_eq!(demand.refusal(5), None);
    }
}
