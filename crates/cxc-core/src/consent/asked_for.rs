//! The time for which a person asked to be called back.
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ConsentEvent, ConsentKind};
use crate::Micros;

/// The longest stretch that is still a specific time.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);

/// The time for which a person asked to be called back: from an instant until another one, exclusively.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AskedFor {
    /// From when.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// Until when, exclusively; at most a day later.
    #[schema(value_type = String, format = DateTime)]
    pub till: Timestamp,
}

impl AskedFor {
    /// Whether it is a stretch of time, and short enough to be a specific one.
    pub fn is_specific(&self) -> bool {
        self.from < self.till && self.till.duration_since(self.from) <= LONGEST
    }

    /// What is wrong with it as that of a consent of this kind, which was given at this instant (microseconds).
    pub fn problem(&self, kind: ConsentKind, given: Micros) -> Option<&'static str> {
        if kind != ConsentKind::Callback {
            Some("only a consent of the kind callback asks for a time")
        } else if !self.is_specific() {
            Some("a time that is asked for begins before it ends, and lasts a day at most")
        } else if self.till.as_microsecond() <= given {
            Some("a time that is asked for comes after the person said so")
        } else {
            None
        }
    }
}

impl ConsentEvent {
    /// What is wrong with the time for which it asks, if it asks for one.
    pub fn asked_for_problem(&self) -> Option<&'static str> {
        self.asked_for?.problem(self.kind, self.at.as_microsecond())
    }
}
