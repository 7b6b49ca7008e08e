//! An attempt: one try to reach one device.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What became of an attempt. An attempt counts for compliance from the moment its row is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(i16)]
pub enum AttemptState {
    /// Durable, and given to the carrier or about to be.
    Sending = 1,
    /// The carrier took it; the delivery receipt is awaited.
    Accepted = 2,
    /// Its result is known.
    Final = 3,
    /// A crash hides whether it left.
    InDoubt = 4,
    /// It is known that it never left (refused, throttled, connection lost before): does not count.
    NotSent = 5,
    /// Allowed and held for a dialer that has not reported it yet: counts, and is in doubt once it expires.
    Reserved = 6,
}

impl AttemptState {
    /// The stored number.
    pub fn code(self) -> i16 {
        self as i16
    }

    /// The state of a stored number.
    pub fn from_code(code: i16) -> Option<Self> {
        [Self::Sending, Self::Accepted, Self::Final, Self::InDoubt, Self::NotSent, Self::Reserved]
            .into_iter()
            .find(|s| s.code() == code)
    }
}
