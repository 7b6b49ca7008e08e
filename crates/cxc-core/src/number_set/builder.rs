//! Builds a set from a stream in any order.
use roaring::RoaringTreemap;

use super::{MOST_NUMBERS, NumberSet, NumberSetError, is_number};
use crate::phone::PhoneNumber;

/// Numbers that are sorted together: 16 MB. A number alone would look for its place among a hundred thousand
/// containers that are not in the processor's cache.
const CHUNK: usize = 2 << 20;

/// Builds a set. Beside the set it holds 16 MB, however many numbers come.
#[derive(Debug, Default)]
pub struct NumberSetBuilder {
    set: RoaringTreemap,
    chunk: Vec<u64>,
    duplicates: u64,
}

impl NumberSetBuilder {
    /// A builder that begins with nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a number.
    pub fn push(&mut self, number: PhoneNumber) -> Result<(), NumberSetError> {
        self.put(number.as_u64())
    }

    /// Takes a number given as the integer of its digits.
    pub fn push_digits(&mut self, digits: u64) -> Result<(), NumberSetError> {
        if !is_number(digits) {
            return Err(NumberSetError::NotANumber(digits));
        }
        self.put(digits)
    }

    fn put(&mut self, digits: u64) -> Result<(), NumberSetError> {
        self.chunk.push(digits);
        if self.chunk.len() < CHUNK {
            return Ok(());
        }
        self.settle();
        if self.set.len() > MOST_NUMBERS { Err(NumberSetError::TooMany) } else { Ok(()) }
    }

    /// The numbers that came more than once, as far as the chunks of the stream have been settled.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    fn settle(&mut self) {
        self.chunk.sort_unstable();
        let came = self.chunk.len() as u64;
        let before = self.set.len();
        if self.set.max().is_none_or(|max| self.chunk.first().is_some_and(|first| *first > max)) {
            self.chunk.dedup();
            // sorted, without doubles and behind all others: this can't be refused
            let _ = self.set.append(self.chunk.drain(..));
        } else {
            self.chunk.dedup();
            let sorted = RoaringTreemap::from_sorted_iter(self.chunk.drain(..)).unwrap_or_default();
            self.set |= sorted;
        }
        self.duplicates += came - (self.set.len() - before);
    }

    /// The set, and how many numbers came more than once.
    pub fn finish(mut self) -> Result<(NumberSet, u64), NumberSetError> {
        self.settle();
        if self.set.len() > MOST_NUMBERS {
            return Err(NumberSetError::TooMany);
        }
        // whole exchanges in a row take four bytes as runs
        self.set.optimize();
        Ok((NumberSet { numbers: self.set }, self.duplicates))
    }
}
