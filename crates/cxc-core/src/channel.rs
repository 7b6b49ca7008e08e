//! The ways of reaching a person.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A way of reaching a person. Stored as its bit, so that a set of channels is one integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A telephone call.
    Voice,
    /// A text message.
    Sms,
    /// An email message.
    Email,
}

impl Channel {
    /// Every channel, in the order of their bits.
    pub const ALL: [Channel; 3] = [Channel::Voice, Channel::Sms, Channel::Email];

    /// The bit in a stored set of channels: voice 1, SMS 2, email 4.
    pub fn bit(self) -> i16 {
        match self {
            Channel::Voice => 1,
            Channel::Sms => 2,
            Channel::Email => 4,
        }
    }

    /// The channel of a bit, if it is one.
    pub fn from_bit(bit: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.bit() == bit)
    }

    /// The name on the wire and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Channel::Voice => "voice",
            Channel::Sms => "sms",
            Channel::Email => "email",
        }
    }
}
