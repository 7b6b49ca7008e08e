//! Joins the parts of a long inbound message. Bounded in number, size and time.
use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// Messages under way at once; beyond it the oldest is handed on as it is.
const LIMIT: usize = 1_000;
/// Parts of one message.
const PARTS_LIMIT: u8 = 32;
/// How long the last part may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// One part of a message.
pub(super) struct Part {
    pub from: String,
    pub to: String,
    pub reference: u16,
    pub total: u8,
    pub number: u8,
    pub text: String,
}

/// A message, whole or as far as it came.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Whole {
    pub from: String,
    pub to: String,
    pub text: String,
}

#[derive(PartialEq, Eq, Hash, Clone)]
struct Key {
    from: String,
    to: String,
    reference: u16,
    total: u8,
}

struct Open {
    since: Instant,
    parts: Vec<Option<String>>,
}

impl Open {
    fn join(self, key: Key) -> Whole {
        let text = self.parts.into_iter().flatten().collect();
        Whole { from: key.from, to: key.to, text }
    }
}

#[derive(Default)]
pub(super) struct Parts {
    open: HashMap<Key, Open>,
    evicted: Vec<Whole>,
}

impl Parts {
    /// The whole message, if this was the last part that was missing.
    pub fn add(&mut self, part: Part, now: Instant) -> Option<Whole> {
        if part.number == 0 || part.number > part.total || part.total > PARTS_LIMIT || part.total == 1 {
            // a header that makes no sense: the text is all there is
            return Some(Whole { from: part.from, to: part.to, text: part.text });
        }
        let key = Key { from: part.from, to: part.to, reference: part.reference, total: part.total };
        if !self.open.contains_key(&key) && self.open.len() >= LIMIT {
            self.evict();
        }
        let empty = || Open { since: now, parts: vec![None; part.total.into()] };
        let open = self.open.entry(key.clone()).or_insert_with(empty);
        if let Some(slot) = open.parts.get_mut(usize::from(part.number) - 1) {
            *slot = Some(part.text);
        }
        if open.parts.iter().any(Option::is_none) {
            return None;
        }
        self.open.remove(&key).map(|open| open.join(key))
    }

    fn evict(&mut self) {
        let oldest = self.open.iter().min_by_key(|(_, open)| open.since).map(|(key, _)| key.clone());
        if let Some(key) = oldest
            && let Some(open) = self.open.remove(&key)
            && self.evicted.len() < LIMIT
        {
            self.evicted.push(open.join(key));
        }
    }

    /// What waited too long, as far as it came.
    pub fn overdue(&mut self, now: Instant) -> Vec<Whole> {
        let late: Vec<Key> = (self.open.iter())
            .filter(|(_, open)| now.saturating_duration_since(open.since) >= PATIENCE)
            .map(|(key, _)| key.clone())
            .collect();
        let mut whole = std::mem::take(&mut self.evicted);
        whole.extend(late.into_iter().filter_map(|key| self.open.remove(&key).map(|open| open.join(key))));
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(from: &str, total: u8, number: u8, text: &str) -> Part {
        Part { from: from.into(), to: "4455".into(), reference: 7, total, number, text: text.into() }
    }

    #[test]
    fn parts_in_any_order_and_twice_make_one_message() {
        let (mut parts, now) = (Parts::default(), Instant::now());
        assert_eq!(parts.add(part("a", 3, 3, "!"), now), None);
        assert_eq!(parts.add(part("a", 3, 1, "ST"), now), None);
        assert_eq!(parts.add(part("a", 3, 1, "ST"), now), None);
        assert_eq!(parts.add(part("b", 3, 2, "other"), now), None);
        assert_eq!(parts.add(part("a", 3, 2, "OP"), now).unwrap().text, "STOP!");
    }

    #[test]
    fn what_never_becomes_whole_is_handed_on_after_a_while() {
        let (mut parts, now) = (Parts::default(), Instant::now());
        parts.add(part("a", 2, 2, "half"), now);
        assert!(parts.overdue(now).is_empty());
        assert_eq!(parts.overdue(now + PATIENCE)[0].text, "half");
        assert!(parts.overdue(now + PATIENCE).is_empty());
    }

    #[test]
    fn a_flood_of_first_parts_takes_bounded_memory() {
        let (mut parts, now) = (Parts::default(), Instant::now());
        for n in 0..5_000 {
            parts.add(part(&n.to_string(), 2, 1, "x"), now);
        }
        assert_eq!((parts.open.len(), parts.evicted.len()), (LIMIT, LIMIT));
    }

    #[test]
    fn a_header_that_makes_no_sense_does_not_hide_the_text() {
        let (mut parts, now) = (Parts::default(), Instant::now());
        for (total, number) in [(2, 0), (2, 3), (200, 1), (0, 0), (1, 1)] {
            assert_eq!(parts.add(part("a", total, number, "STOP"), now).unwrap().text, "STOP");
        }
    }
}
