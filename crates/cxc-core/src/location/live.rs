//! The tables in use, which change as a whole while they are used.
use std::sync::{Arc, PoisonError, RwLock};

use super::LocationTables;

/// The tables in use. A handle: copies show the same tables. Take [`LiveTables::current`] once for each piece of work,
/// so that one import or one request never mixes two sets.
#[derive(Debug, Clone)]
pub struct LiveTables(Arc<RwLock<Arc<LocationTables>>>);

impl LiveTables {
    /// Begins with these tables.
    pub fn new(tables: LocationTables) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(tables))))
    }

    /// The tables as they are now.
    pub fn current(&self) -> Arc<LocationTables> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts other tables in their place. Who took the tables of before keeps them to the end of the work.
    pub fn swap(&self, tables: LocationTables) {
        let tables = Arc::new(tables);
        let before = std::mem::replace(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner), tables);
        // freed outside of the lock
        drop(before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::LineType;
    use crate::location::{Country, CountryRows, PlaceRow};
    use crate::phone::PhoneNumber;

    fn all_at(zone: &str) -> LocationTables {
        let row = |key: &str| PlaceRow { key: key.into(), regions: vec![], zones: vec![zone.into()] };
        let rows = CountryRows { phones: Some(vec![row("1212")]), postal: Some(vec![row("1")]), regions: None };
        LocationTables::embedded().unwrap().with_rows(&[(Country::US, rows)].into()).unwrap()
    }

    #[test]
    fn look_ups_under_a_constant_swap_see_one_set_or_the_other_and_never_a_mixture() {
        let live = LiveTables::new(all_at("America/Chicago"));
        let number = PhoneNumber::parse("+12125550100").unwrap();
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        let (mut looked, mut seen) = (0_u64, std::collections::BTreeSet::new());
                        while looked < 1000 || !done.load(std::sync::atomic::Ordering::Relaxed) {
                            let tables = live.current();
                            let phone = tables.of_phone(&number, LineType::FixedOrMobile);
                            let postal = tables.of_postal(Country::US, "10001");
                            assert_eq!(phone.zones(), postal.zones());
                            seen.insert(phone.key().to_owned());
                            looked += 1;
                        }
                        seen
                    })
                })
                .collect();
            for n in 0..20 {
                live.swap(all_at(if n % 2 == 0 { "America/Denver" } else { "America/Chicago" }));
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            let seen: Vec<_> = readers.into_iter().map(|reader| reader.join().unwrap().len()).collect();
            assert!(seen.contains(&2), "no look-up met a swap: {seen:?}");
        });
    }
}
