//! How many calls come in.
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use cxc_core::Micros;
use cxc_sip::ua::Refusal;

/// Calls at once.
const MOST_CALLS: u32 = 100;
/// New calls a second.
pub const MOST_NEW: u32 = 20;
const SECOND: Micros = 1_000_000;

/// How many calls may come in now.
#[derive(Debug, Default)]
pub struct Gate {
    /// Those that were let in and are not over.
    open: AtomicU32,
    /// The second that is counted in, and how many came in it.
    second: AtomicU32,
    came: AtomicU32,
}

impl Gate {
    /// Lets one in. Only the task that receives asks.
    pub fn enter(&self, now: Micros) -> Result<(), Refusal> {
        let second = (now / SECOND) as u32;
        if self.second.swap(second, Ordering::Relaxed) != second {
            self.came.store(0, Ordering::Relaxed);
        }
        if self.open.load(Ordering::Relaxed) >= MOST_CALLS || self.came.load(Ordering::Relaxed) >= MOST_NEW {
            return Err(Refusal::Busy);
        }
        self.came.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// A place at the gate, until this is dropped.
pub struct Place(pub Arc<Gate>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_come_in_at_once_and_in_a_second() {
        let gate = Arc::new(Gate::default());
        let enter = |second: Micros| gate.enter(second * SECOND).map(|()| Place(Arc::clone(&gate)));
        let first: Vec<Place> = (0..20).filter_map(|_| enter(7).ok()).collect();
        assert!(first.len() == 20 && enter(7).is_err());
        let mut all: Vec<Place> =
            (8..100).flat_map(|second| (0..20).map(move |_| second)).filter_map(|s| enter(s).ok()).collect();
        assert_eq!(all.len(), 80, "a hundred with the first");
        assert!(enter(200).is_err());
        all.pop();
        assert!(enter(201).is_ok());
    }
}
