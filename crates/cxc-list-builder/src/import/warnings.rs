//! What was taken but not quite as it stood in the file, counted by kind.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A kind of change to values that were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WarningKind {
    /// A text over its limit was cut.
    Cut,
    /// A device that is none was left out; others of the line were taken. Counted for each reason.
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

/// Counted warnings: those of a kind by their words, of which there are few.
#[derive(Debug, Default)]
pub struct Warnings(Vec<Warning>);

impl Warnings {
    /// Notes values of a line.
    pub fn note(&mut self, kind: WarningKind, line: u64, count: u64, text: &str) {
        match self.0.iter_mut().find(|known| known.kind == kind && known.text == text) {
            Some(known) => known.count += count,
            None => self.0.push(Warning { kind, count, first_line: line, text: text.to_owned() }),
        }
    }

    /// The warnings, by kind.
    pub fn into_list(mut self) -> Vec<Warning> {
        self.0.sort_by_key(|warning| (warning.kind, warning.first_line));
        self.0
    }
}
