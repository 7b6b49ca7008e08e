//! Why a group does not dial more.
use serde::{Deserialize, Serialize};

use cxc_core::Micros;

/// What holds a group back, one value for each decision. `Dialing` says that only the pace does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Why {
    /// As many calls are in flight as the agents need.
    Dialing,
    /// The group was not started.
    NotStarted,
    /// Somebody paused it.
    Paused,
    /// No agent is in service, or all that are wait for a call in flight to end.
    NoAgentsReady,
    /// The phones of ready agents ring: they are on the line before anybody is called.
    PhonesRing,
    /// Every record is done, or rests until later.
    NoRecordsReady,
    /// No record may be contacted before an instant.
    RecordsOutsideWindow {
        /// The next legal instant, microseconds since 1970.
        next: Micros,
    },
    /// A compliance rule holds back every record.
    AllBlockedByCompliance {
        /// Its name.
        rule: String,
    },
    /// One more call could break the limit of abandoned calls.
    BudgetGate {
        /// Abandoned calls of the window.
        abandoned: u64,
        /// Live answers of the window.
        live: u64,
    },
    /// Every channel of the trunks is taken.
    TrunkChannelsFull,
    /// The trunks take no more calls this second.
    TrunkCps,
    /// So many calls a minute were asked for.
    CallsPerMinute,
    /// A prompt of the script is not there.
    PromptMissing,
    /// Agents look at records before: they say which are called.
    Preview,
    /// Every caller id of the group is blocked, not enabled or gone.
    NoCallerId,
    /// The trunks have cost as much as they may today.
    SpendCap,
    /// Every port of the group is taken.
    PortsFull,
    /// So few calls have ended that answers can't be foretold: one call for each ready agent. Or nothing was heard of the
    /// trunk yet: a few calls until it says a word.
    WarmingUp {
        /// Calls that have counted.
        cohorts: u64,
    },
    /// Another process holds the group.
    LeaseNotHeld,
    /// The database does not answer.
    DatabaseDown,
    /// The compliance check can't be asked.
    ComplianceUnavailable,
    /// The carrier refuses calls, says nothing, or can't be connected to.
    TrunkDown {
        /// The status that it answered; 408 where it said nothing.
        status: u16,
    },
}

impl Why {
    /// The name of the reason: what statistics count by.
    pub fn name(&self) -> &'static str {
        match self {
            Why::Dialing => "dialing",
            Why::NotStarted => "not_started",
            Why::Paused => "paused",
            Why::NoAgentsReady => "no_agents_ready",
            Why::PhonesRing => "phones_ring",
            Why::NoRecordsReady => "no_records_ready",
            Why::RecordsOutsideWindow { .. } => "records_outside_window",
            Why::AllBlockedByCompliance { .. } => "all_blocked_by_compliance",
            Why::BudgetGate { .. } => "budget_gate",
            Why::TrunkChannelsFull => "trunk_channels_full",
            Why::TrunkCps => "trunk_cps",
            Why::CallsPerMinute => "calls_per_minute",
            Why::PromptMissing => "prompt_missing",
            Why::Preview => "preview",
            Why::NoCallerId => "no_caller_id",
            Why::SpendCap => "spend_cap",
            Why::PortsFull => "ports_full",
            Why::WarmingUp { .. } => "warming_up",
            Why::LeaseNotHeld => "lease_not_held",
            Why::DatabaseDown => "database_down",
            Why::ComplianceUnavailable => "compliance_unavailable",
            Why::TrunkDown { .. } => "trunk_down",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_travels_with_its_name_and_particulars() {
        let gate = Why::BudgetGate { abandoned: 1, live: 33 };
        let text = serde_json::to_string(&gate).unwrap();
        assert_eq!(text, r#"{"reason":"budget_gate","abandoned":1,"live":33}"#);
        assert_eq!(serde_json::from_str::<Why>(&text).unwrap(), gate);
        let down = Why::TrunkDown { status: 503 };
        assert!(serde_json::to_string(&down).unwrap().contains(down.name()));
    }
}
