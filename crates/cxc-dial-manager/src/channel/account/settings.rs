//! Settings of single kinds of carriers, and the defaults.
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A port, in words for people where it is none.
pub(super) fn port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    let value = Option::<serde_json::Value>::deserialize(deserializer)?;
    let read = |v: serde_json::Value| v.as_u64().and_then(|n| u16::try_from(n).ok());
    match value {
        None => Ok(None),
        Some(value) => read(value).map(Some).ok_or_else(|| D::Error::custom("a port is 1 to 65535")),
    }
}

pub(super) fn rate() -> f64 {
    10.0
}

pub(super) fn window() -> u32 {
    10
}

pub(super) fn connections() -> u32 {
    2
}

pub(super) fn yes() -> bool {
    true
}

pub(super) fn receipt_timeout() -> u32 {
    3 * 24 * 3600
}

/// How a message of several segments is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LongMessages {
    /// One submit a segment, joined by a user data header: understood everywhere.
    #[default]
    Udh,
    /// One submit with the whole text in `message_payload`: the carrier splits it.
    Payload,
}

/// What only SMPP knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct SmppSettings {
    /// The carrier's name for our kind of system, up to 12 characters.
    pub system_type: String,
    /// The addresses that we serve, as the carrier wants it written; usually empty.
    pub address_range: String,
    /// Type of number of the sender; by its form (5 letters, 1 international, 0 short code) if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ton: Option<u8>,
    /// Numbering plan of the sender; by its form if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_npi: Option<u8>,
    /// Seconds between signs of life on an idle connection, 5 to 300.
    pub enquire_link_seconds: u32,
    /// Seconds that an answer may take, 1 to 120. Later, the message is in doubt.
    pub response_timeout_seconds: u32,
    /// How a message of several segments is sent.
    pub long_messages: LongMessages,
    /// Whether numbers are written with their `+`. Carriers want them without.
    pub plus_sign: bool,
    /// What the carrier means by data coding 0: GSM 03.38 unless it says Latin-1.
    pub latin1_default: bool,
}

impl Default for SmppSettings {
    fn default() -> Self {
        Self {
            system_type: String::new(),
            address_range: String::new(),
            source_ton: None,
            source_npi: None,
            enquire_link_seconds: 30,
            response_timeout_seconds: 30,
            long_messages: LongMessages::Udh,
            plus_sign: false,
            latin1_default: false,
        }
    }
}

/// How SIP messages travel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SipTransport {
    /// Datagrams.
    #[default]
    Udp,
    /// A connection that we open.
    Tcp,
    /// The same, encrypted, and only with who has a certificate for the host.
    Tls,
}

/// Whether audio is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Srtp {
    /// It is not.
    #[default]
    Off,
    /// With AES_CM_128_HMAC_SHA1_80; the keys travel in the messages (RFC 4568). A call whose far end does not is not taken.
    Required,
}

/// What only a SIP trunk knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct SipSettings {
    /// Calls at once, 1 to 10,000.
    #[schema(minimum = 1, maximum = 10_000)]
    pub channels: u32,
    /// How messages travel.
    pub transport: SipTransport,
    /// Whether audio is encrypted. Needs the transport tls: else everybody on the way reads the keys.
    pub srtp: Srtp,
    /// Encrypted audio by udp and tcp, too, because the way is protected otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub srtp_without_tls: bool,
    /// The countries that may be called, as ISO 3166 writes them: `US`. No other number is dialed, and no emergency or
    /// premium number anywhere.
    pub countries: Vec<String>,
    /// Whether the trunk is told who calls in a P-Asserted-Identity header; one that trusts us asks for it.
    pub asserted_identity: bool,
    /// Other accounts of the kinds sip and ari by which a call leaves where this one does not take it, in their order, up
    /// to 5. They are used as a part of this one: a group that names this one calls by all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 5)]
    pub alternates: Vec<Uuid>,
    /// Whether the trunk wants to know where we are before it takes calls: we register as the user of the credential.
    pub register: bool,
    /// What its calls may cost a day, from midnight to midnight UTC, in the unit of the costs; no more calls are placed then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    pub spend_per_day: Option<f64>,
    /// What a minute of a call costs, in any unit; each minute that has begun counts.
    #[serde(skip_serializing_if = "is_nothing")]
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub cost_per_minute: f64,
    /// What an answered call costs besides.
    #[serde(skip_serializing_if = "is_nothing")]
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub cost_per_call: f64,
}

pub(super) fn is_nothing(cost: &f64) -> bool {
    *cost == 0.0
}

impl Default for SipSettings {
    fn default() -> Self {
        Self {
            channels: 30,
            transport: SipTransport::Udp,
            srtp: Srtp::Off,
            srtp_without_tls: false,
            countries: Vec::new(),
            asserted_identity: false,
            alternates: Vec::new(),
            register: false,
            spend_per_day: None,
            cost_per_minute: 0.0,
            cost_per_call: 0.0,
        }
    }
}

/// The channel that a simulator plays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SimulatedChannel {
    /// Text messages.
    #[default]
    Sms,
    /// Email.
    Email,
}

/// A span of milliseconds from which a delay is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Millis {
    /// At least, milliseconds.
    pub min: u32,
    /// At most, milliseconds; one hour is the limit.
    pub max: u32,
}

/// How the simulator behaves. Shares are of 1: 0.02 is two in a hundred.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct SimulatorSettings {
    /// The channel that it plays.
    pub channel: SimulatedChannel,
    /// Same seed, same message reference: same fate.
    pub seed: u64,
    /// Time until a message is answered.
    pub delay: Millis,
    /// Share refused for good because of the address.
    pub bad_address: f64,
    /// Share refused for good for another reason.
    pub refused: f64,
    /// Share answered "not now"; the next try of the same attempt number has its own fate.
    pub temporary: f64,
    /// Share answered "too fast".
    pub throttled: f64,
    /// Share never answered.
    pub unanswered: f64,
    /// Time until a receipt comes (SMS).
    pub receipt_delay: Millis,
    /// Share of receipts that say "failed".
    pub undelivered: f64,
    /// Share of receipts that never come.
    pub receipt_lost: f64,
    /// Share of people who answer with some words.
    pub replies: f64,
    /// Share of people who answer STOP.
    pub opt_outs: f64,
    /// Share of people who answer HELP.
    pub helps: f64,
    /// Time until a person answers.
    pub reply_delay: Millis,
}

impl Default for SimulatorSettings {
    fn default() -> Self {
        Self {
            channel: SimulatedChannel::Sms,
            seed: 1,
            delay: Millis { min: 20, max: 200 },
            bad_address: 0.01,
            refused: 0.005,
            temporary: 0.02,
            throttled: 0.0,
            unanswered: 0.0,
            receipt_delay: Millis { min: 500, max: 8_000 },
            undelivered: 0.03,
            receipt_lost: 0.0,
            replies: 0.02,
            opt_outs: 0.01,
            helps: 0.005,
            reply_delay: Millis { min: 2_000, max: 20_000 },
        }
    }
}
