//! What was taken but not quite as it stood in the file, counted by kind.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A kind of change to values that were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WarningKind {
    /// A text over its limit was cut.
    Cut,
    /// A device that is none was left out; others of the line were taken.
    BadDevice,
    /// A device that the contact has already was left out.
    RepeatedDevice,
    /// A state that is not known in the country was kept as it stood.
    UnknownState,
    /// A consent met an opt-out that stands all the same.
    HeldBack,
    /// A suppression entry ends before its `till`: the list keeps entries for a number of days.
    TillShortened,
}

/// How often something was changed, and where first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Warning {
    /// What.
    pub kind: WarningKind,
    /// How many values.
    pub count: u64,
    /// The first line with one.
    pub first_line: u64,
    /// In words.
    pub text: String,
}

/// Counted warnings.
#[derive(Debug, Default)]
pub struct Warnings(BTreeMap<WarningKind, Warning>);

impl Warnings {
    /// Notes values of a line.
    pub fn note(&mut self, kind: WarningKind, line: u64, count: u64, text: impl FnOnce() -> String) {
        let known = self.0.entry(kind).or_insert_with(|| Warning { kind, count: 0, first_line: line, text: text() });
        known.count += count;
    }

    /// The warnings, by kind.
    pub fn into_list(self) -> Vec<Warning> {
        self.0.into_values().collect()
    }
}
