//! Interned places: a location's canonical text as a small integer, since a million contacts share a few
//! thousand of them. Owning service: list builder.
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cxc_core::location::Location;
use serde::Serialize;
use sqlx::AssertSqlSafe;

use crate::int_set::IntSet;
use crate::{Db, Rows, StoreError, Tx, id_block::Numbered, on};

/// The most locations that are kept in memory; a full cache starts anew.
const MOST: usize = 65_536;

/// Numbers of locations and back, remembered. A value that is handed down; it may be shared and lost.
#[derive(Default)]
pub struct Locations {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    numbers: HashMap<Location, i64>,
    locations: HashMap<i64, Location>,
}

#[derive(Serialize)]
struct NewLocation<'a> {
    number: i64,
    key: &'a str,
}

#[derive(Serialize)]
struct Key<'a> {
    key: &'a str,
}

impl Locations {
    /// An empty memory.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a location, if it is remembered.
    pub fn known(&self, location: &Location) -> Option<i64> {
        self.lock().numbers.get(location).copied()
    }

    /// The numbers of locations, in their order; new ones are stored in a transaction of their own.
    pub async fn numbers(&self, db: &Db, wanted: &[Location]) -> Result<Vec<i64>, StoreError> {
        let mut missing: Vec<Location> = Vec::new();
        {
            let known = self.lock();
            for location in wanted {
                if !known.numbers.contains_key(location) && !missing.contains(location) {
                    missing.push(location.clone());
                }
            }
        }
        let mut found = HashMap::new();
        if !missing.is_empty() {
            let mut tx = db.begin_relaxed().await?;
            found = tx.location_intern(&missing).await?;
            tx.commit().await?;
            for (location, number) in &found {
                self.remember(location, *number);
            }
        }
        let known = self.lock();
        wanted
            .iter()
            .map(|l| found.get(l).or_else(|| known.numbers.get(l)).copied())
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| StoreError::Corrupt("an interned location has no number".into()))
    }

    /// The locations of numbers; 0 and numbers that nobody gave out are left out.
    pub async fn resolve(&self, tx: &mut Tx, wanted: &[i64]) -> Result<HashMap<i64, Location>, StoreError> {
        let mut found = HashMap::with_capacity(wanted.len());
        let mut missing = Vec::new();
        {
            let known = self.lock();
            for &number in wanted {
                match known.locations.get(&number) {
                    Some(location) => drop(found.insert(number, location.clone())),
                    None if number != 0 => missing.push(number),
                    None => {}
                }
            }
        }
        missing.sort_unstable();
        missing.dedup();
        for slice in missing.chunks(5_000) {
            for (number, key) in tx.location_keys(slice).await? {
                let location = Location::parse_key(&key).map_err(|e| StoreError::Corrupt(e.to_string()))?;
                self.remember(&location, number);
                found.insert(number, location);
            }
        }
        Ok(found)
    }

    fn remember(&self, location: &Location, number: i64) {
        let mut known = self.lock();
        if known.numbers.len() >= MOST {
            known.numbers.clear();
            known.locations.clear();
        }
        known.numbers.insert(location.clone(), number);
        known.locations.insert(number, location.clone());
    }
}

impl Tx {
    /// Stores those of these locations that are new; answers the numbers of all.
    pub async fn location_intern(&mut self, locations: &[Location]) -> Result<HashMap<Location, i64>, StoreError> {
        let columns = [("number", "BIGINT"), ("key", "TEXT")];
        let count = i64::try_from(locations.len()).unwrap_or(0);
        let first = self.id_block_take(Numbered::Location, count).await?;
        let rows: Vec<NewLocation<'_>> =
            (first..).zip(locations).map(|(number, l)| NewLocation { number, key: l.key() }).collect();
        let insert = format!(
            "INSERT INTO location (number, key) SELECT v.number, v.key FROM {} WHERE TRUE ON CONFLICT (key) DO NOTHING",
            Rows::source(self, "$1", &columns)
        );
        let rows = Rows::of(&rows)?;
        on!(self, conn => sqlx::query(AssertSqlSafe(insert)).bind(rows.text()).execute(conn).await?.rows_affected());
        let keys: Vec<Key<'_>> = locations.iter().map(|l| Key { key: l.key() }).collect();
        let select = format!(
            "SELECT l.key, l.number FROM {} CROSS JOIN location l WHERE l.key = v.key",
            Rows::source(self, "$1", &[("key", "TEXT")])
        );
        let rows = Rows::of(&keys)?;
        let stored: Vec<(String, i64)> =
            on!(self, conn => sqlx::query_as(AssertSqlSafe(select)).bind(rows.text()).fetch_all(conn).await?);
        let numbers: HashMap<String, i64> = stored.into_iter().collect();
        Ok(locations.iter().filter_map(|l| Some((l.clone(), *numbers.get(l.key())?))).collect())
    }

    /// The canonical texts of locations by number.
    pub async fn location_keys(&mut self, numbers: &[i64]) -> Result<Vec<(i64, String)>, StoreError> {
        let sql = format!("SELECT number, key FROM location WHERE number{}", IntSet::test(self, "$1"));
        let set = IntSet::of(numbers.iter().copied());
        Ok(on!(self, conn => sqlx::query_as(AssertSqlSafe(sql)).bind(set.text()).fetch_all(conn).await?))
    }
}
