//! Devices: the phone numbers and email addresses of a contact.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::channel::Channel;

/// The most devices a contact can have.
pub const MAX_DEVICES: usize = 10;

/// What an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(i16)]
pub enum DeviceKind {
    /// A telephone number in E.164 form.
    Phone = 1,
    /// An email address.
    Email = 2,
}

impl DeviceKind {
    /// The kind that a channel needs.
    pub fn for_channel(channel: Channel) -> Self {
        match channel {
            Channel::Voice | Channel::Sms => DeviceKind::Phone,
            Channel::Email => DeviceKind::Email,
        }
    }

    /// The stored number.
    pub fn code(self) -> i16 {
        self as i16
    }

    /// The kind of a stored number.
    pub fn from_code(code: i16) -> Option<Self> {
        match code {
            1 => Some(Self::Phone),
            2 => Some(Self::Email),
            _ => None,
        }
    }
}

/// What is known of a phone's line without asking a carrier. In North America geographic numbers
/// are `FixedOrMobile`: nothing in the number tells them apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(i16)]
pub enum LineType {
    /// Not known.
    #[default]
    Unknown = 0,
    /// A fixed line.
    Fixed = 1,
    /// A mobile phone.
    Mobile = 2,
    /// Either: the numbering plan does not tell.
    FixedOrMobile = 3,
    /// Internet telephony.
    Voip = 4,
    /// Free to the caller.
    TollFree = 5,
    /// Premium rate: never contacted.
    Premium = 6,
    /// Shared cost.
    SharedCost = 7,
    /// A personal number, pager, universal access number or voicemail.
    Other = 8,
}

impl LineType {
    /// The stored number.
    pub fn code(self) -> i16 {
        self as i16
    }

    /// The type of a stored number; anything unheard of is `Unknown`.
    pub fn from_code(code: i16) -> Self {
        use LineType::*;
        [Unknown, Fixed, Mobile, FixedOrMobile, Voip, TollFree, Premium, SharedCost, Other]
            .into_iter()
            .find(|t| t.code() == code)
            .unwrap_or(Unknown)
    }
}
