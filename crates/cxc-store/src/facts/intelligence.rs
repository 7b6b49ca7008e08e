//! What number intelligence says of the devices of a batch.
use std::collections::HashMap;

use cxc_core::compliance::{NumberIntelligence, Reassigned};
use cxc_core::number_set::{answer_of, line_type_of};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::number_answer::StoredAnswer;

/// The answers on the devices of a batch, by their hashes.
#[derive(Default)]
pub struct BatchIntelligence(HashMap<i64, Vec<StoredAnswer>>);

impl BatchIntelligence {
    /// Answers as they were read.
    pub fn new(answers: Vec<StoredAnswer>) -> Self {
        let mut by_hash: HashMap<i64, Vec<StoredAnswer>> = HashMap::new();
        for answer in answers {
            by_hash.entry(answer.device_hash).or_default().push(answer);
        }
        Self(by_hash)
    }

    /// What is known of a device; nothing where no source was asked about it.
    pub fn of(&self, hash: i64, address: &str) -> Option<NumberIntelligence> {
        let stored = self.0.get(&hash)?.iter().find(|answer| answer.number == address)?;
        let asked_at = Timestamp::from_microsecond(stored.queried_at).ok()?;
        let consent_on = stored.consent_at.and_then(day).unwrap_or_else(|| asked_at.to_zoned(TimeZone::UTC).date());
        Some(NumberIntelligence {
            reassigned: answer_of(&stored.answer).map(|answer| Reassigned { answer, consent_on, asked_at }),
            line_type: stored.line_type.as_deref().and_then(line_type_of),
            ported_on: stored.ported_at.and_then(day),
        })
    }
}

/// The day of a stored instant, UTC.
fn day(at: i64) -> Option<Date> {
    Timestamp::from_microsecond(at).ok().map(|at| at.to_zoned(TimeZone::UTC).date())
}
