//! Caps on attempts and cool-downs.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::channel::Channel;
use crate::enumerations::CallResult;

use super::super::subject::Purpose;

/// By what attempts are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CapScope {
    /// The device.
    Device,
    /// The person, on any device.
    #[default]
    Contact,
    /// Each account by itself; the fullest binds.
    Account,
    /// Each debt by itself; the fullest binds.
    Debt,
}

/// What attempts must share besides, to be counted together. An attempt of which it is not known is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupBy {
    /// The debt collector.
    Collector,
    /// The person.
    Person,
    /// The device.
    Device,
    /// The topic.
    Topic,
    /// The purpose.
    Purpose,
    /// The channel.
    Channel,
}

/// Which attempts count, by who began them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CountDirection {
    /// The person.
    In,
    /// The tenant.
    #[default]
    Out,
    /// Either.
    Both,
}

/// Which attempts count, by what came of them. One under way always counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CountKind {
    /// All.
    #[default]
    Attempts,
    /// Those that somebody or something answered.
    Connected,
    /// Those that became a conversation.
    Conversations,
    /// Those that delivered a message.
    MessagesDelivered,
}

/// Which attempts are left out of the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Exclude {
    /// Those under a consent to be called back; while one holds, the rule lets attempts pass.
    ConsentedCallback,
    /// Those that did not reach the number that was dialed: busy, not in service.
    NotConnected,
}

/// In which window attempts are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CapWindow {
    /// The last so many hours. An attempt exactly as old no longer counts.
    RollingHours(u32),
    /// So many days of the person's calendar, the present one included. In several zones the highest count binds.
    LocalDays(u16),
    /// As long as the campaign group exists.
    Campaign,
    /// For ever.
    Lifetime,
}

/// Whose attempts count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CapLevel {
    /// Those of the whole tenant.
    #[default]
    Tenant,
    /// Those of the campaign group.
    Group,
}

/// What an exhausted cap does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnViolation {
    /// The attempt waits.
    #[default]
    Defer,
    /// The record is finished.
    Suppress,
    /// A warning.
    Warn,
}

/// At most so many attempts in a window.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttemptCap {
    /// So many attempts may be made.
    #[schema(minimum = 1, maximum = 10000)]
    pub max: u32,
    /// In which window.
    pub window: CapWindow,
    /// By what they are counted.
    #[serde(default)]
    pub scope: CapScope,
    /// What they must share besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub group_by: Vec<GroupBy>,
    /// The channels whose attempts count; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<Channel>,
    /// The purposes whose attempts count; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub purposes: Vec<Purpose>,
    /// By who began them.
    #[serde(default)]
    pub direction: CountDirection,
    /// By what came of them.
    #[serde(default)]
    pub count: CountKind,
    /// The call results that count; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<i16>,
    /// The dispositions that count besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dispositions: Vec<String>,
    /// What is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Exclude>,
    /// Only attempts on people in this region count, `US-MA`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Whose attempts count.
    #[serde(default)]
    pub level: CapLevel,
    /// 1 is the highest: its reason is reported first.
    #[serde(default = "one")]
    #[schema(default = 1, minimum = 1, maximum = 1000)]
    pub priority: u16,
    /// What it does once it is exhausted.
    #[serde(default)]
    pub on_violation: OnViolation,
}

fn one() -> u16 {
    1
}

/// What begins a cool-down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CooldownEvent {
    /// A conversation, whoever called.
    Conversation,
    /// A refusal.
    Refusal,
    /// A call that was answered and found no agent.
    Abandoned,
}

/// No attempt for some time after an event.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cooldown {
    /// What begins it.
    pub event: CooldownEvent,
    /// How many days it lasts; where days are counted as rolling, days of 24 hours.
    pub days: u16,
    /// The day of the event is the first; otherwise the day after it is.
    #[serde(default)]
    pub inclusive_day1: bool,
    /// By what events are found.
    #[serde(default)]
    pub scope: CapScope,
    /// What they must share besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub group_by: Vec<GroupBy>,
    /// The channels on which it may happen; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<Channel>,
    /// What lifts it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Exclude>,
}

/// Patterns that a court may call harassment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Harassment {
    /// Calls to one person that are closer together, in minutes.
    pub gap_minutes: u16,
    /// More calls to one person on one day.
    pub daily_max: u16,
    /// More calls to one person over all debts in the days that are looked at.
    pub aggregate_max: u16,
    /// So many days are looked at, the present one included.
    pub days: u16,
}

/// The results of calls that did not reach the number that was dialed.
pub const NOT_CONNECTED_RESULTS: [CallResult; 14] = [
    CallResult::Busy,
    CallResult::Sit,
    CallResult::AllTrunksBusy,
    CallResult::SitInvalidNumber,
    CallResult::SitVacant,
    CallResult::SitIntercept,
    CallResult::SitUnknown,
    CallResult::SitNoCircuit,
    CallResult::SitReorder,
    CallResult::NoDialTone,
    CallResult::NoProgress,
    CallResult::DialError,
    CallResult::SwitchError,
    CallResult::NoFreePort,
];
