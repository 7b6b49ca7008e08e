//! Treatments: what happens to a record after a result. Documents and their validation; [`next_step`] applies them.
mod defaults;
mod step;
#[cfg(test)]
mod tests;
mod validate;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub use step::{History, Next, Step, after_block, device_order, next_step};

use crate::device::MAX_DEVICES;
use crate::enumerations::CallResult;

/// The longest interval or increment of a retry rule, in minutes: 400 days.
pub const MAX_MINUTES: u32 = 400 * 24 * 60;

/// The most retries of one rule.
pub const MAX_RETRIES: u32 = 1000;

/// What is done after each result, which device comes next, or a script that decides both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Treatment {
    /// What is done with an answered call.
    #[serde(default)]
    pub delivery: Delivery,
    /// What is done after a result. A result without a rule finishes the record.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub retry_rules: Vec<RetryRule>,
    /// The order of the devices.
    #[serde(default)]
    pub device_escalation: DeviceEscalation,
    /// A script instead of all the other members.
    #[serde(default)]
    pub script_uri: Option<String>,
}

/// What is done with a call by who answered. A person always goes to the agents or the IVR.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Delivery {
    /// A machine answered.
    #[serde(default)]
    pub answering_machine: DeliveryTarget,
    /// A fax answered.
    #[serde(default)]
    pub fax: DeliveryTarget,
    /// Silence answered.
    #[serde(default)]
    pub silence: DeliveryTarget,
    /// The number to which `dn` connects.
    #[serde(default)]
    pub dn: Option<String>,
}

/// Where an answered call goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryTarget {
    /// It is dropped.
    #[default]
    Drop,
    /// It goes to the agent group.
    AgentGroup,
    /// It goes to a number.
    Dn,
}

/// What sets off a retry rule. A value may stand in one rule only.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Trigger {
    /// A call result.
    CallResult(CallResult),
    /// A disposition code; it beats the call result.
    Disposition(String),
    /// Compliance stood in the way: not yet available.
    Blocked,
}

/// What a retry rule does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The same device after the delay.
    Redial,
    /// The same device at the date and time.
    RetryAt,
    /// The next device now.
    NextInChain,
    /// The next device after the delay.
    NextInChainAfter,
    /// The next device at the date and time.
    NextInChainAt,
    /// Back to the end of the ready queue, without a wait.
    Cycle,
    /// Moves the record to another campaign group: not yet available.
    AssignToGroup,
    /// An agent's error, no more attempts: not yet available.
    MarkAgentError,
    /// Gives the whole chain this result and finishes: not yet available.
    UpdateChain,
    /// Finishes this record.
    #[default]
    Stop,
}

impl Action {
    /// Whether it goes to the next device.
    pub fn is_next_in_chain(self) -> bool {
        matches!(self, Action::NextInChain | Action::NextInChainAfter | Action::NextInChainAt)
    }

    /// Whether it tries again on the same device, so that `count` bounds it.
    pub fn is_repeat(self) -> bool {
        matches!(self, Action::Redial | Action::RetryAt | Action::Cycle)
    }

    /// Whether senders do what it says; a treatment with another one is refused.
    pub fn is_available(self) -> bool {
        !matches!(self, Action::AssignToGroup | Action::MarkAgentError | Action::UpdateChain)
    }

    fn needs_at(self) -> bool {
        matches!(self, Action::RetryAt | Action::NextInChainAt)
    }
}

/// What is done after certain results.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetryRule {
    /// The results and dispositions that set it off.
    #[schema(min_items = 1, max_items = 100)]
    pub triggers: Vec<Trigger>,
    /// What it does.
    pub action: Action,
    /// The first delay in minutes, from the final result; 0 is at once.
    #[serde(default)]
    #[schema(maximum = 576000)]
    pub interval_minutes: u32,
    /// What each further delay is longer than the one before, in minutes.
    #[serde(default)]
    #[schema(maximum = 576000)]
    pub increment_minutes: u32,
    /// How often it tries the same device again.
    #[serde(default = "one")]
    #[schema(default = 1, minimum = 1, maximum = 1000)]
    pub count: u32,
    /// The date and time of `retry_at` and `next_in_chain_at`.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// The campaign group of `assign_to_group`.
    #[serde(default)]
    pub group_id: Option<Uuid>,
    /// What is done once `count` is used up or `at` has passed.
    #[serde(default)]
    pub next_action: Action,
}

fn one() -> u32 {
    1
}

impl RetryRule {
    /// The k-th delay in minutes, k from 1.
    pub fn delay_minutes(&self, k: u32) -> i64 {
        let further = i64::from(k.saturating_sub(1)).saturating_mul(i64::from(self.increment_minutes));
        i64::from(self.interval_minutes).saturating_add(further)
    }
}

/// The order in which a contact's devices are tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeviceEscalation {
    /// Whether `devices` holds; otherwise the devices come in the order of the contact.
    #[serde(default)]
    pub enabled: bool,
    /// The devices; what is not named keeps its own place in the order.
    #[serde(default = "ten_devices")]
    #[schema(max_items = 10)]
    pub devices: Vec<EscalationDevice>,
}

impl Default for DeviceEscalation {
    fn default() -> Self {
        Self { enabled: false, devices: ten_devices() }
    }
}

/// One device in the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EscalationDevice {
    /// The contact's device, 1 to 10.
    #[schema(minimum = 1, maximum = 10)]
    pub device: u8,
    /// Whether it is tried at all.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub enabled: bool,
    /// Its place in the order, 1 first; devices of one place keep the contact's order.
    #[schema(minimum = 1, maximum = 10)]
    pub priority: u8,
    /// What is done when a machine answers on it, if not what `delivery` says.
    #[serde(default)]
    pub answering_machine: Option<DeliveryTarget>,
}

fn yes() -> bool {
    true
}

fn ten_devices() -> Vec<EscalationDevice> {
    let ten = 1..=u8::try_from(MAX_DEVICES).unwrap_or(u8::MAX);
    ten.map(|n| EscalationDevice { device: n, enabled: true, priority: n, answering_machine: None }).collect()
}
