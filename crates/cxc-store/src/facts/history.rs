//! The past attempts of a batch, by what rules count them: device, client id, person, account, debt.
use std::collections::{HashMap, HashSet};

use cxc_core::compliance::PastAttempt;
use jiff::Timestamp;

use super::Person;
use super::past::past_attempt;
use crate::attempt_subject::{ACCOUNT, DEBT, HISTORY_LIMIT, HistoryKeys, PERSON, SubjectKey, WideAttempt};
use crate::{StoreError, Tx};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Device(i64),
    Client(i64),
    Subject(SubjectKey),
}

impl Key {
    fn subject(kind: i16, key: i64) -> Self {
        Self::Subject(SubjectKey { kind, key })
    }
}

/// The attempts on the people of a batch.
pub(super) struct History {
    attempts: Vec<PastAttempt>,
    by_key: HashMap<Key, Vec<usize>>,
    is_whole: bool,
    since: Timestamp,
}

impl Default for History {
    fn default() -> Self {
        let (attempts, by_key) = (Vec::new(), HashMap::new());
        Self { attempts, by_key, is_whole: true, since: Timestamp::MIN }
    }
}

impl History {
    /// Reads the attempts since an instant. An answer that may be cut short is asked for in halves; if that of a single
    /// key is, the history is not whole.
    pub async fn read(tx: &mut Tx, tenant: i64, people: &[Person<'_>], since: i64) -> Result<Self, StoreError> {
        let mut history =
            Self { since: Timestamp::from_microsecond(since).unwrap_or(Timestamp::MIN), ..Self::default() };
        let mut questions = vec![keys(people)];
        let mut seen: HashSet<i64> = HashSet::new();
        while let Some(asked) = questions.pop() {
            let found = tx.attempt_history_wide(tenant, &asked, since).await?;
            if found.len() >= HISTORY_LIMIT {
                match halves(asked) {
                    Some(halves) => questions.extend(halves),
                    None => history.is_whole = false,
                }
                continue;
            }
            found.iter().filter(|wide| seen.insert(wide.id)).for_each(|wide| history.add(wide));
        }
        Ok(history)
    }

    /// The attempts since an instant as they were read, each once and all of them.
    pub fn of_whole(found: &[WideAttempt], since: i64) -> Self {
        let mut history =
            Self { since: Timestamp::from_microsecond(since).unwrap_or(Timestamp::MIN), ..Self::default() };
        found.iter().for_each(|wide| history.add(wide));
        history
    }

    fn add(&mut self, wide: &WideAttempt) {
        if let Some(attempt) = past_attempt(wide) {
            self.remember(attempt);
        }
    }

    /// Whether every attempt that may count was read; if not, nobody of the batch is contacted.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Since when.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// Adds an attempt.
    pub fn remember(&mut self, attempt: PastAttempt) {
        let index = self.attempts.len();
        let mut keys = vec![Key::Device(attempt.device)];
        keys.extend(attempt.client.map(Key::Client));
        keys.extend(attempt.person.map(|key| Key::subject(PERSON, key)));
        keys.extend(attempt.accounts.iter().map(|key| Key::subject(ACCOUNT, *key)));
        keys.extend(attempt.debts.iter().map(|key| Key::subject(DEBT, *key)));
        for key in keys {
            self.by_key.entry(key).or_default().push(index);
        }
        self.attempts.push(attempt);
    }

    /// The attempts on a person.
    pub fn of(&self, person: &Person<'_>) -> Vec<PastAttempt> {
        if self.attempts.is_empty() {
            return Vec::new();
        }
        let keys = [Some(Key::Device(person.device)), person.client.map(Key::Client)];
        let keys = keys.into_iter().flatten().chain(person.subjects.iter().copied().map(Key::Subject));
        let mut found: Vec<usize> = keys.filter_map(|key| self.by_key.get(&key)).flatten().copied().collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter().filter_map(|i| self.attempts.get(i).cloned()).collect()
    }
}

pub(super) fn keys(people: &[Person<'_>]) -> HistoryKeys {
    let mut keys = HistoryKeys {
        devices: people.iter().map(|p| p.device).collect(),
        clients: people.iter().filter_map(|p| p.client).collect(),
        subjects: people.iter().flat_map(|p| p.subjects.iter().copied()).collect(),
    };
    once(&mut keys.devices);
    once(&mut keys.clients);
    once(&mut keys.subjects);
    keys
}

fn once<T: Ord>(keys: &mut Vec<T>) {
    keys.sort_unstable();
    keys.dedup();
}

/// Two questions in place of one; `None` for one about a single key.
fn halves(mut asked: HistoryKeys) -> Option<[HistoryKeys; 2]> {
    let mut left = (asked.devices.len() + asked.clients.len() + asked.subjects.len()) / 2;
    if left == 0 {
        return None;
    }
    let rest = HistoryKeys {
        devices: behind(&mut asked.devices, &mut left),
        clients: behind(&mut asked.clients, &mut left),
        subjects: behind(&mut asked.subjects, &mut left),
    };
    Some([asked, rest])
}

/// Takes what lies behind the first `left` keys, and counts those that stay.
fn behind<T>(keys: &mut Vec<T>, left: &mut usize) -> Vec<T> {
    let staying = keys.len().min(*left);
    *left -= staying;
    keys.split_off(staying)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(devices: usize, clients: usize, subjects: usize) -> HistoryKeys {
        let numbers = |n: usize| (0..i64::try_from(n).unwrap_or(0)).collect::<Vec<_>>();
        let subjects = numbers(subjects).into_iter().map(|key| SubjectKey { kind: DEBT, key }).collect();
        HistoryKeys { devices: numbers(devices), clients: numbers(clients), subjects }
    }

    fn count(keys: &HistoryKeys) -> usize {
        keys.devices.len() + keys.clients.len() + keys.subjects.len()
    }

    #[test]
    fn halving_loses_no_key_and_ends_with_single_ones() {
        for (devices, clients, subjects) in [(1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1), (7, 5, 3), (0, 0, 2)] {
            let asked = of(devices, clients, subjects);
            let (all, mut open, mut single) = (count(&asked), vec![asked], 0);
            while let Some(keys) = open.pop() {
                let before = count(&keys);
                match halves(keys) {
                    None => single += before,
                    Some(parts) => {
                        assert_eq!(parts.iter().map(count).sum::<usize>(), before);
                        assert!(parts.iter().all(|part| count(part) < before), "{devices} {clients} {subjects}");
                        open.extend(parts);
                    }
                }
            }
            assert_eq!(single, all);
        }
    }
}
