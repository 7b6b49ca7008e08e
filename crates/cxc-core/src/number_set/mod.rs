//! Exact compressed sets of phone numbers, about two bytes a number: what national and customer lists of up to a
//! hundred million numbers are held in. No I/O of its own: bytes come from a `Read` and go to a `Write`.
mod answer;
mod builder;
mod error;
mod format;
mod kind;
mod prefixes;
#[cfg(test)]
mod tests;

use roaring::RoaringTreemap;

use crate::phone::PhoneNumber;

pub use answer::{ASK_AGAIN_DAYS, answer_of, line_type_of, name_of};
pub use builder::NumberSetBuilder;
pub use error::NumberSetError;
pub use format::Digest;
pub use kind::NumberListKind;
pub use prefixes::PrefixCount;

/// The most numbers of a set: ten times the largest national list.
pub const MOST_NUMBERS: u64 = 1_000_000_000;
/// The first integer that is no number in E.164 form: those have 15 digits at most.
const BEYOND: u64 = 1_000_000_000_000_000;

/// A set of numbers in E.164 form.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NumberSet {
    numbers: RoaringTreemap,
}

impl NumberSet {
    /// How many numbers it holds.
    pub fn len(&self) -> u64 {
        self.numbers.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Whether it holds a number.
    pub fn contains(&self, number: PhoneNumber) -> bool {
        self.numbers.contains(number.as_u64())
    }

    /// Whether it holds a number given as the integer of its digits.
    pub fn contains_digits(&self, digits: u64) -> bool {
        self.numbers.contains(digits)
    }

    /// Takes the numbers of another set in; answers how many are new.
    pub fn add(&mut self, other: &Self) -> Result<u64, NumberSetError> {
        let before = self.len();
        self.numbers |= &other.numbers;
        if self.len() > MOST_NUMBERS {
            return Err(NumberSetError::TooMany);
        }
        Ok(self.len() - before)
    }

    /// Takes the numbers of another set out; answers how many it held.
    pub fn remove(&mut self, other: &Self) -> u64 {
        let before = self.len();
        self.numbers -= &other.numbers;
        before - self.len()
    }

    /// How many numbers two sets share.
    pub fn shared(&self, other: &Self) -> u64 {
        self.numbers.intersection_len(&other.numbers)
    }

    /// The numbers as integers of their digits, rising.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.numbers.iter()
    }

    /// How many numbers of each country calling code and length it holds.
    pub fn prefixes(&self) -> Vec<PrefixCount> {
        prefixes::of(&self.numbers)
    }
}

/// Whether an integer can be the digits of a number in E.164 form.
fn is_number(digits: u64) -> bool {
    (10_000_000..BEYOND).contains(&digits)
}
