//! What number lists and number intelligence say of a device.
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::device::LineType;

/// Whether a number list can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum NumberListState {
    /// No version is loaded.
    NotLoaded,
    /// A version is active and its numbers are not at hand: not yet, or because it is damaged.
    Unreadable,
    /// A version is loaded.
    Loaded {
        /// Which.
        #[schema(value_type = String)]
        version: Arc<str>,
        /// As of when it says who is listed.
        #[schema(value_type = String, format = DateTime)]
        as_of: Timestamp,
    },
}

impl NumberListState {
    /// Why a list can't be asked; nothing where it can.
    pub fn why_not(&self) -> Option<&'static str> {
        match self {
            Self::Loaded { .. } => None,
            Self::NotLoaded => Some("is not loaded"),
            Self::Unreadable => Some("can't be read: its active version is damaged, or not at hand yet"),
        }
    }
}

/// A number list that the tenant uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NumberListStatus {
    /// Its name. The legal rules name national lists: `US-DNC`, `CA-DNCL`, `GB-TPS`, `AU-DNCR`.
    #[schema(value_type = String)]
    pub name: Arc<str>,
    /// A customer's own list: who stands on it is not contacted, without a legal rule. A national list binds
    /// where a legal rule names it.
    pub own: bool,
    /// Whether it can be asked.
    pub state: NumberListState,
}

/// A list that holds the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NumberListHit {
    /// The index in [`NumberFacts::lists`].
    pub list: usize,
    /// Since when it holds the number, where the list says so.
    pub added_on: Option<Date>,
}

/// What the number lists say of a device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NumberFacts<'a> {
    /// The lists that were asked. One that is not here is not loaded.
    pub lists: &'a [NumberListStatus],
    /// Those that hold the device.
    pub holding: &'a [NumberListHit],
}

/// An answer of a database of reassigned numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReassignedAnswer {
    /// The number was disconnected on or after the date of consent.
    Yes,
    /// It was not.
    No,
    /// The database can't tell.
    NoData,
}

/// What a query about a reassigned number brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reassigned {
    /// The answer.
    pub answer: ReassignedAnswer,
    /// The date of consent that was asked about.
    #[schema(value_type = String, format = Date)]
    pub consent_on: Date,
    /// When it was asked.
    #[schema(value_type = String, format = DateTime)]
    pub asked_at: Timestamp,
}

/// What is known of a number from outside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NumberIntelligence {
    /// Whether it was reassigned.
    pub reassigned: Option<Reassigned>,
    /// What its line is.
    pub line_type: Option<LineType>,
    /// When it was ported from a landline to a wireless carrier.
    #[schema(value_type = Option<String>, format = Date)]
    pub ported_on: Option<Date>,
}
