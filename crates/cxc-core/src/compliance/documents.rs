//! The rules of a tenant as they are stored, before they are compiled.
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::attempt_rule::AttemptRule;
use super::contact_dates::ContactDates;
use super::contact_times::ContactTimes;
use super::custom_rule::CustomRule;
use super::custom_zones::CustomTimeZone;
use super::edition::Edition;
use super::external_rule::ExternalRule;
use super::holidays::Calendars;
use super::legal::{LegalRule, LegalRuleSetting, LegalRules};
use super::location_rule::LocationRule;
use super::unmapped::UnmappedPolicy;
use super::zones::{TzdbTooOld, Zones};
use crate::field_error::FieldError;
use crate::record::Reason;

/// The usual guard in seconds: ringing and connecting, queueing and submitting happen after the check.
pub const DEFAULT_GUARD_SECONDS: u32 = 60;

/// The longest guard, in seconds.
pub const MAX_GUARD_SECONDS: u32 = 3600;

/// Which rule, in which version. Evidence names both.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub struct RuleRef {
    /// The rule's id: that of the object, or the name of a shipped rule.
    #[schema(value_type = String)]
    pub id: Arc<str>,
    /// Its version; 0 for what is compiled in.
    pub version: i64,
}

impl RuleRef {
    /// A reference to a version of a rule.
    pub fn new(id: impl Into<Arc<str>>, version: i64) -> Self {
        Self { id: id.into(), version }
    }
}

/// A kind of rule that can be read and validated.
pub trait RuleDocument: DeserializeOwned {
    /// Everything that is wrong with it; empty if it can be used.
    fn errors(&self) -> Vec<FieldError>;
}

impl RuleDocument for ContactTimes {
    fn errors(&self) -> Vec<FieldError> {
        self.validate()
    }
}

impl RuleDocument for ContactDates {
    fn errors(&self) -> Vec<FieldError> {
        self.validate()
    }
}

impl RuleDocument for AttemptRule {
    fn errors(&self) -> Vec<FieldError> {
        self.validate()
    }
}

impl RuleDocument for LegalRule {
    fn errors(&self) -> Vec<FieldError> {
        self.validate()
    }
}

impl RuleDocument for LegalRuleSetting {
    fn errors(&self) -> Vec<FieldError> {
        self.validate()
    }
}

impl RuleDocument for LocationRule {
    fn errors(&self) -> Vec<FieldError> {
        self.validate()
    }
}

impl RuleDocument for CustomRule {
    fn errors(&self) -> Vec<FieldError> {
        self.validate()
    }
}

impl RuleDocument for ExternalRule {
    fn errors(&self) -> Vec<FieldError> {
        self.validate()
    }
}

impl RuleDocument for CustomTimeZone {
    fn errors(&self) -> Vec<FieldError> {
        self.validate()
    }
}

/// One stored rule. One that can't be read stays in the set as such: nobody is contacted past it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<T> {
    /// Which rule it is.
    pub rule: RuleRef,
    /// What it says, or why it can't be read.
    pub body: Result<T, String>,
}

impl<T: RuleDocument> Stored<T> {
    /// A rule that was built in the program.
    pub fn new(rule: RuleRef, body: T) -> Self {
        let errors = body.errors();
        let body = match errors.first() {
            None => Ok(body),
            Some(first) => Err(format!("{}: {}", first.pointer, first.detail)),
        };
        Self { rule, body }
    }

    /// A rule as the store holds it, JSON text.
    pub fn parse(rule: RuleRef, json: &str) -> Self {
        match serde_json::from_str(json) {
            Ok(body) => Self::new(rule, body),
            Err(error) => Self { rule, body: Err(error.to_string()) },
        }
    }
}

/// All the rules of a tenant. Compile them for a campaign with [`super::RuleSet::compile`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleDocuments {
    /// By which meaning they are compiled: the current one, except where a decision of the past is made again.
    pub edition: Edition,
    /// The version of the whole set: it moves with every edit.
    pub version: i64,
    /// Why the tenant stopped everything, if it did.
    pub stop_switch: Option<String>,
    /// How long before a window's end contacting stops, in seconds, at most [`MAX_GUARD_SECONDS`].
    pub guard_seconds: u32,
    /// What holds for people whose zone is not known.
    pub unmapped: UnmappedPolicy,
    /// Contact times.
    pub contact_times: Vec<Stored<ContactTimes>>,
    /// Contact dates.
    pub contact_dates: Vec<Stored<ContactDates>>,
    /// Attempt rules.
    pub attempt_rules: Vec<Stored<AttemptRule>>,
    /// Location rules.
    pub location_rules: Vec<Stored<LocationRule>>,
    /// Custom rules.
    pub custom_rules: Vec<Stored<CustomRule>>,
    /// External rules.
    pub external_rules: Vec<Stored<ExternalRule>>,
    /// Custom time zones.
    pub time_zones: Vec<Stored<CustomTimeZone>>,
    /// The legal rules that are shipped. None by default: who reads a tenant's documents puts them in.
    pub legal_packs: Arc<LegalRules>,
    /// What the tenant decided about them.
    pub legal_settings: Vec<Stored<LegalRuleSetting>>,
    /// The tenant's own rules in the legal form. They hold unless their `default` is `off`.
    pub legal_rules: Vec<Stored<LegalRule>>,
    /// The holiday calendars that legal rules name.
    pub calendars: Arc<Calendars>,
    /// What is wrong with the data that the rules stand on. Nobody is contacted meanwhile.
    pub data_faults: Vec<DataFault>,
}

/// Data that every decision needs is missing or too old.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFault {
    /// Which data.
    pub data: RuleRef,
    /// `DataMissing`, `DataStale` or `TzdbTooOld`.
    pub code: Reason,
    /// What is wrong and how to mend it.
    pub detail: String,
}

impl DataFault {
    /// What is wrong with the time zones as they are now: nothing, or that they are older than decisions need. It is a
    /// fact of each decision, because the demand may rise while a process runs.
    pub fn of_zones(zones: &Zones) -> Vec<Self> {
        let fault =
            |old: TzdbTooOld| Self { data: RuleRef::new("tzdb", 0), code: Reason::TzdbTooOld, detail: old.to_string() };
        zones.too_old().map(fault).into_iter().collect()
    }
}

impl Default for RuleDocuments {
    fn default() -> Self {
        Self {
            edition: Edition::CURRENT,
            version: 0,
            stop_switch: None,
            guard_seconds: DEFAULT_GUARD_SECONDS,
            unmapped: UnmappedPolicy::default(),
            contact_times: Vec::new(),
            contact_dates: Vec::new(),
            attempt_rules: Vec::new(),
            location_rules: Vec::new(),
            custom_rules: Vec::new(),
            external_rules: Vec::new(),
            time_zones: Vec::new(),
            legal_packs: Arc::default(),
            legal_settings: Vec::new(),
            legal_rules: Vec::new(),
            calendars: Arc::default(),
            data_faults: Vec::new(),
        }
    }
}
