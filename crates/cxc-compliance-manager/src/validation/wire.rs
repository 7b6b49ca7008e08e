//! Validations as they travel, in the terms of the platform.
use std::collections::BTreeMap;

use cxc_core::channel::Channel;
use cxc_core::compliance::legal::Parties;
use cxc_core::compliance::{
    CallDuties, ContactKind, Decision, Failure, PersonFlag, Purpose, Relationship, RuleKind, Technique,
};
use cxc_core::consent::ConsentEvent;
use cxc_core::device::LineType;
use cxc_server::app::time_text;
use cxc_store::reservation::reservation_id;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::ask::word;
use super::outcome::Outcome;
use crate::keys::{key, keys};

/// What kind of contact is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ValidationType {
    /// A telephone call.
    Voice,
    /// A text message.
    Sms,
    /// An email message.
    Email,
    /// A call that an agent previews: the same rules as any call.
    Preview,
    /// A call back that an agent promised: the same rules as any call.
    Callback,
}

impl ValidationType {
    /// How the person is reached.
    pub fn channel(self) -> Channel {
        match self {
            Self::Voice | Self::Preview | Self::Callback => Channel::Voice,
            Self::Sms => Channel::Sms,
            Self::Email => Channel::Email,
        }
    }

    /// The label of metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::Sms => "sms",
            Self::Email => "email",
            Self::Preview => "preview",
            Self::Callback => "callback",
        }
    }
}

/// May this attempt be made?
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidationRequest {
    /// The caller's id; it comes back in the answer and stands in the evidence.
    #[serde(default)]
    pub request_id: Option<String>,
    /// The tenant's ccid; only needed with a token of the operators.
    #[serde(default)]
    pub ccid: Option<String>,
    /// What kind of contact it is.
    #[serde(rename = "type")]
    pub kind: ValidationType,
    /// What it is for; if nothing is said, what the campaign group is for, and without one telemarketing. One that is not the
    /// group's is refused. `emergency` without a group that is for it needs the scope `compliance:emergency`.
    #[serde(default)]
    pub purpose: Option<Purpose>,
    /// The caller's own id of the campaign: it stands in the evidence.
    #[serde(default)]
    pub campaign_id: Option<String>,
    /// The campaign group: what it says of purpose, technique and the like holds where the request says nothing.
    #[serde(default)]
    pub group_id: Option<uuid::Uuid>,
    /// The person.
    #[serde(default)]
    pub contact: ContactAsked,
    /// The device.
    pub device: DeviceAsked,
    /// The line of the device, where it is known better than by its number.
    #[serde(default)]
    pub line_type: Option<LineType>,
    /// How the contact is made; if nothing is said, as the group says, and without one autodialed.
    #[serde(default)]
    pub tech: Option<Technique>,
    /// As whom the person is met.
    #[serde(default)]
    pub contact_kind: Option<ContactKind>,
    /// What binds the person to the one who calls.
    #[serde(default)]
    pub relationship: Option<Relationship>,
    /// The debt collector for whom it is made.
    #[serde(default, deserialize_with = "key")]
    pub collector: Option<String>,
    /// What it is about.
    #[serde(default, deserialize_with = "key")]
    pub topic: Option<String>,
    /// On behalf of which brand.
    #[serde(default, deserialize_with = "key")]
    pub brand: Option<String>,
    /// The instant that is asked about; now if nothing is said. Not with a reservation.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub intended_at: Option<Timestamp>,
    /// How long an allowed attempt is held until it is reported, milliseconds; 0 asks only.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 3_600_000)]
    pub hold_ms: u32,
    /// The caller's own id of the attempt: its reports carry it. Asked again with it, the answer is the same reservation.
    #[serde(default)]
    pub guid: Option<String>,
    /// Other properties of a record that name the device, each with its text: they must name the same.
    #[serde(skip)]
    pub same_device: Vec<(&'static str, String)>,
    /// The columns of a record, for custom and external rules.
    #[serde(skip)]
    pub columns: BTreeMap<String, String>,
    /// Refuse unless the tenant's rules have this version.
    #[serde(default)]
    pub rule_set_version: Option<i64>,
    /// The caller's trace context, such as a W3C traceparent: it comes back in the answer and stands in the evidence.
    #[serde(default)]
    pub trace: Option<String>,
}

/// The person.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = ValidationContact)]
pub struct ContactAsked {
    /// The client id.
    #[serde(deserialize_with = "key")]
    pub client_id: Option<String>,
    /// The key of the person over merged identities.
    #[serde(deserialize_with = "key")]
    pub person_key: Option<String>,
    /// The accounts that the attempt is about, at most 20: the rules hold for each.
    #[serde(deserialize_with = "keys")]
    pub accounts: Vec<String>,
    /// The debts, at most 50.
    #[serde(deserialize_with = "keys")]
    pub debts: Vec<String>,
    /// The postal code.
    pub postal: Option<String>,
    /// The country, two letters.
    pub country: Option<String>,
    /// The state or province.
    pub state: Option<String>,
    /// The IANA zone.
    pub tz: Option<String>,
    /// What forbids contacts for some purpose: bankruptcy, dispute, cease … Left out, it is not known.
    pub flags: Option<Vec<PersonFlag>>,
    /// Consents and opt-outs that the caller knows of, at most 100.
    pub consents: Vec<ConsentEvent>,
}

/// The device: a phone number or an email address.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = ValidationDevice)]
pub struct DeviceAsked {
    /// The phone number, E.164.
    pub e164: Option<String>,
    /// The email address.
    pub email: Option<String>,
    /// What the device is. It must agree with the address, and with `line_type` where both tell the line.
    pub kind: Option<KindAsked>,
    /// The IANA zone in which it is known to be.
    pub tz: Option<String>,
}

/// What a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ValidationDeviceKind)]
pub enum KindAsked {
    /// A telephone of whatever line.
    Phone,
    /// A mobile phone.
    Mobile,
    /// A fixed line.
    #[serde(alias = "landline")]
    Fixed,
    /// Internet telephony.
    Voip,
    /// An email address.
    Email,
}

impl KindAsked {
    /// The line that it tells.
    pub fn line_type(self) -> Option<LineType> {
        match self {
            Self::Mobile => Some(LineType::Mobile),
            Self::Fixed => Some(LineType::Fixed),
            Self::Voip => Some(LineType::Voip),
            Self::Phone | Self::Email => None,
        }
    }
}

/// Up to 500 at once.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidationBatch {
    /// The validations.
    #[schema(min_items = 1, max_items = 500)]
    pub items: Vec<ValidationRequest>,
}

/// One rule that stands in the way, or warns.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ReasonAnswer {
    /// The rule.
    pub rule_id: String,
    /// Its version.
    pub version: i64,
    /// What kind of rule it is.
    pub scope: RuleKind,
    /// The code.
    pub reason_code: String,
    /// What was counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<i64>,
    /// How much is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
    /// Since when it counts, or when the window opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub window_start: Option<Timestamp>,
    /// When the next may pass, or the window closes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub window_end: Option<Timestamp>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl ReasonAnswer {
    fn of(failure: &Failure) -> Self {
        Self {
            rule_id: failure.rule.id.to_string(),
            version: failure.rule.version,
            scope: failure.kind,
            reason_code: word(&failure.code).unwrap_or_default(),
            observed: failure.observed,
            limit: failure.limit,
            window_start: failure.window_start,
            window_end: failure.window_end,
            detail: failure.detail.clone(),
        }
    }
}

/// A limit of the service that was reached; the attempt is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LimitAnswer {
    /// `device`, `customerId` or `overall`.
    pub reason: &'static str,
    /// What its key is: `device`, `client_id`, `tenant` or `instance`.
    pub key_kind: &'static str,
    /// In how many seconds to ask again.
    pub retry_after: u64,
}

/// The answer. Only `allow` is a yes.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ValidationAnswer {
    /// The caller's id of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The caller's trace context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// Whether it may be made.
    pub decision: Decision,
    /// The code of the first rule that decided, `history_pending`, `in_flight_elsewhere`, `guid_used` or
    /// `rate_limited`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What stands in the way besides the rules, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<&'static str>,
    /// Every rule that stands in the way.
    pub reasons: Vec<ReasonAnswer>,
    /// What advisory rules say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<ReasonAnswer>,
    /// The earliest legal instant, or when to ask again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub not_before: Option<Timestamp>,
    /// Until when it may be made, exclusively.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub not_after: Option<Timestamp>,
    /// The reservation, if it is held: reports name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reservation_id: Option<String>,
    /// When the reservation becomes an attempt in doubt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// A call rings so many seconds before it is given up, where a rule says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ring_min_seconds: Option<u16>,
    /// Who must agree before a call is recorded, where a rule says so: of all regions in which the person may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording_consent: Option<Parties>,
    /// The fields of the record that external rules change.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
    /// When it was judged.
    pub evaluated_at: String,
    /// The versions of data and rules.
    pub data_versions: BTreeMap<String, String>,
    /// Where the decision is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence_id: Option<String>,
    /// The limit that was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limited: Option<LimitAnswer>,
}

impl ValidationAnswer {
    /// An outcome in words.
    pub fn of(outcome: &Outcome, asked: &ValidationRequest, rules: i64, data: &BTreeMap<String, String>) -> Self {
        let verdict = &outcome.verdict;
        let is_allowed = outcome.is_allowed();
        let duties = if is_allowed { outcome.duties } else { CallDuties::default() };
        let mut data_versions = data.clone();
        data_versions.insert("rules".to_owned(), rules.to_string());
        Self {
            request_id: asked.request_id.clone(),
            trace: asked.trace.clone(),
            decision: outcome.decision(),
            code: (!is_allowed).then(|| outcome.code()),
            detail: outcome.held.map(super::outcome::Held::detail),
            reasons: verdict.reasons.iter().map(ReasonAnswer::of).collect(),
            warnings: verdict.warnings.iter().map(ReasonAnswer::of).collect(),
            not_before: verdict.not_before,
            not_after: verdict.not_after,
            reservation_id: outcome.reservation.map(|(month, id, _)| reservation_id(month, id)),
            expires_at: outcome.reservation.map(|(_, _, until)| time_text(until)),
            ring_min_seconds: duties.ring_min_seconds,
            recording_consent: duties.recording_consent,
            fields: if is_allowed { outcome.fields.clone() } else { Map::new() },
            evaluated_at: time_text(outcome.at),
            data_versions,
            evidence_id: outcome.evidence.map(|id| id.to_string()),
            limited: None,
        }
    }
}
