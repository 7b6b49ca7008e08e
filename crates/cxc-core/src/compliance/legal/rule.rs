//! A legal rule: dated data with its source, for a jurisdiction and for what it applies to.
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::subject::{ContactKind, Purpose, Relationship, Technique};
use super::body::RuleBody;
use crate::channel::Channel;
use crate::device::LineType;

/// Where a rule is law.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Jurisdiction {
    /// The two letters of the country; `EU` stands for every member state.
    #[schema(example = "US")]
    pub country: String,
    /// The state or province, `TX`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// What of consent there is at an instant, for the channel, topic and brand of an attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsentState {
    /// Revoked.
    Revoked,
    /// None that is known.
    #[default]
    None,
    /// Implied.
    Implied,
    /// Express.
    Express,
    /// Express, in writing.
    ExpressWritten,
}

/// To which attempts a rule applies. An empty member leaves that open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AppliesTo {
    /// The channels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<Channel>,
    /// The purposes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub purposes: Vec<Purpose>,
    /// As whom the person is met.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contact_kinds: Vec<ContactKind>,
    /// The lines. What can't be told counts as both fixed and mobile.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub line_types: Vec<LineType>,
    /// The techniques.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub techs: Vec<Technique>,
    /// The states of consent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub consent_states: Vec<ConsentState>,
    /// What binds the person to the one who calls.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub relationships: Vec<Relationship>,
    /// The topics.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<String>,
    /// Only contacts made for a debt collector (`true`), or only a creditor's own (`false`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collector: Option<bool>,
}

/// How days are counted where a rule counts days.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DayBasis {
    /// By the calendar of the person's zones.
    #[default]
    LocalCalendar,
    /// In hours from the event.
    Rolling,
    /// By the calendar of UTC.
    Utc,
}

/// On whose clocks a rule is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TzBasis {
    /// On those of every zone in which the person may be.
    #[default]
    RecipientAll,
    /// On that of the best known zone: explicit before postal before prefix.
    RecipientPrimary,
    /// On those of these zones.
    Fixed(Vec<String>),
    /// On those of every zone in which the person may be, and of these.
    RecipientAllAnd(Vec<String>),
}

/// How sure it is that the rule says what the law says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// From a source that was not checked; reconcile it with the primary text first.
    Low,
    /// From a secondary source.
    Medium,
    /// The text was verified.
    High,
}

/// Whether a shipped rule holds without a decision of the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DefaultState {
    /// It holds unless the tenant turns it off.
    On,
    /// The tenant must turn it on or waive it before a campaign that it concerns starts.
    Ask,
    /// It holds once the tenant turns it on.
    Off,
}

/// What happens where a rule can't be judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailMode {
    /// Nobody is contacted.
    #[default]
    Closed,
    /// It is passed over; only an advisory rule may say so.
    Open,
}

/// One rule in one version. A new version never edits an old one: evidence refers to `id@version`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LegalRule {
    /// Its id, `US-TX-HOURS`.
    pub id: String,
    /// Its version, from 1.
    #[serde(default = "first")]
    #[schema(default = 1, minimum = 1)]
    pub version: u32,
    /// Where it is law.
    pub jurisdiction: Jurisdiction,
    /// To which attempts it applies.
    #[serde(default)]
    pub applies_to: AppliesTo,
    /// What it says.
    pub kind: RuleBody,
    /// How it counts days.
    #[serde(default)]
    pub day_basis: DayBasis,
    /// On whose clocks it is read.
    #[serde(default)]
    pub tz_basis: TzBasis,
    /// Its first day; without it, always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub effective_from: Option<Date>,
    /// The day on which it no longer holds; without it, never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub effective_until: Option<Date>,
    /// The law.
    pub citation: String,
    /// Where its text can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_url: Option<String>,
    /// When someone last compared it with its source.
    #[schema(value_type = String, format = Date)]
    pub verified_on: Date,
    /// How sure that is.
    pub confidence: Confidence,
    /// Whether it holds without a decision of the tenant.
    pub default: DefaultState,
    /// What happens where it can't be judged.
    #[serde(default)]
    pub fail: FailMode,
    /// It warns and denies nothing.
    #[serde(default)]
    pub advisory: bool,
    /// What a reader should know besides.
    #[serde(default)]
    pub note: String,
}

fn first() -> u32 {
    1
}
