//! The inputs of a check as they are kept with its decision: all that is needed to make it again.
use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::cache::IntervalCache;
use super::check::check;
use super::custom_rule::Columns;
use super::declared::DeclaredTimes;
use super::documents::DataFault;
use super::edition::Edition;
use super::explain::{Explanation, explain};
use super::kept_part::KeptPart;
use super::law::{CallDuties, Reading};
use super::number_facts::{NumberFacts, NumberIntelligence, NumberListHit, NumberListStatus};
use super::place::Part;
use super::request::{AttemptRequest, Facts, PastAttempt, SuppressionHit, one_or_many};
use super::rule_set::RuleSet;
use super::subject::{PersonFlag, Subject};
use super::tool_answers::ToolAnswers;
use super::verdict::Verdict;
use super::zones::Zones;
use crate::channel::Channel;
use crate::consent::ConsentEvent;

/// Columns by their names, owned.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptColumns(pub BTreeMap<String, String>);

impl Columns for KeptColumns {
    fn column(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.get(name).map(|text| Cow::Borrowed(text.as_str()))
    }
}

/// What number lists said, owned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptNumbers {
    /// The lists that were asked.
    pub lists: Vec<NumberListStatus>,
    /// Those that hold the device.
    pub holding: Vec<NumberListHit>,
}

/// Everything that a check was given, owned: an [`AttemptRequest`], the [`Facts`] and the instant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the members are those of the request and the facts")]
pub struct CheckInputs {
    #[serde(default, skip_serializing_if = "Edition::is_first")]
    pub edition: Edition,
    pub at: Timestamp,
    pub channel: Channel,
    pub group: i64,
    pub device: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<i64>,
    pub parts: Vec<KeptPart>,
    pub subject: Subject,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<i64>,
    #[serde(default, alias = "account", deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub debts: Vec<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<DeclaredTimes>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub area_code: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub postal: String,
    pub suppression: Option<Vec<SuppressionHit>>,
    pub attempts: Option<Vec<PastAttempt>>,
    pub attempts_since: Timestamp,
    pub consents: Option<Vec<ConsentEvent>>,
    pub numbers: Option<KeptNumbers>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intelligence: Option<NumberIntelligence>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flags: Option<Vec<PersonFlag>>,
    pub tools: ToolAnswers,
    /// The columns that custom rules read; `None` where none was read, or none could be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<KeptColumns>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data_faults: Vec<DataFault>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_until: Option<Timestamp>,
}

impl CheckInputs {
    /// The regions in which the person may be, as attempts keep them; `None` where none is known.
    pub fn regions(&self) -> Option<String> {
        Some(KeptPart::regions(&self.parts)).filter(|regions| !regions.is_empty())
    }

    /// What a call must keep to by these inputs.
    pub fn call_duties(&self, rules: &RuleSet, zones: &Zones) -> CallDuties {
        let parts: Vec<_> = self.parts.iter().map(KeptPart::part).collect();
        let reading = Reading { channel: self.channel, subject: &self.subject, parts: Some(&parts), at: self.at };
        rules.call_duties(&reading, zones)
    }

    /// What a check at an instant is given.
    pub fn of(request: &AttemptRequest<'_>, facts: &Facts<'_>, at: Timestamp) -> Self {
        let part = |p: &Part<'_>| KeptPart {
            kind: p.kind,
            origin: p.origin,
            country: p.country.into(),
            regions: p.regions.into(),
            zones: p.zones.into(),
        };
        let numbers = |n: NumberFacts<'_>| KeptNumbers { lists: n.lists.to_vec(), holding: n.holding.to_vec() };
        Self {
            edition: request.edition,
            at,
            channel: request.channel,
            group: request.group,
            device: request.device,
            client: request.client,
            parts: request.parts.iter().map(part).collect(),
            subject: request.subject.clone(),
            person: request.person,
            accounts: request.accounts.to_vec(),
            debts: request.debts.to_vec(),
            declared: request.declared.cloned(),
            area_code: request.area_code.to_owned(),
            postal: request.postal.to_owned(),
            suppression: facts.suppression.map(<[_]>::to_vec),
            attempts: facts.attempts.map(<[_]>::to_vec),
            attempts_since: facts.attempts_since,
            consents: facts.consents.map(<[_]>::to_vec),
            numbers: facts.numbers.map(numbers),
            intelligence: facts.intelligence.copied(),
            flags: facts.flags.map(<[_]>::to_vec),
            tools: facts.tools.clone(),
            columns: None,
            data_faults: facts.data_faults.to_vec(),
            data_until: facts.data_until,
        }
    }

    /// The same with the columns that custom rules read of the request, so that they can be judged again: those alone,
    /// because columns are personal data.
    #[must_use]
    pub fn with_columns(self, rules: &RuleSet, request: &AttemptRequest<'_>) -> Self {
        if !rules.reads_columns(request.channel) {
            return self;
        }
        let kept = |columns: &dyn Columns| {
            let value = |name: &str| columns.column(name).map(|text| (name.to_owned(), text.into_owned()));
            KeptColumns(rules.columns_read(request.channel).filter_map(value).collect())
        };
        Self { columns: request.columns.map(kept), ..self }
    }

    /// Takes the columns out, as JSON: they are personal data, and who keeps the inputs keeps them apart.
    pub fn take_columns(&mut self) -> Option<String> {
        self.columns.take().and_then(|columns| serde_json::to_string(&columns).ok())
    }

    /// Makes the check again by these rules.
    pub fn check(&self, rules: &RuleSet, cache: &mut IntervalCache) -> Verdict {
        self.with(|request, facts| check(rules, cache, request, facts, self.at))
    }

    /// Makes it again with every step in words.
    pub fn explain(&self, rules: &RuleSet, cache: &mut IntervalCache) -> Explanation {
        self.with(|request, facts| explain(rules, cache, request, facts, self.at))
    }

    /// Hands request and facts to a function: both borrow from the inputs.
    pub fn with<T>(&self, ask: impl FnOnce(&AttemptRequest<'_>, &Facts<'_>) -> T) -> T {
        let parts: Vec<Part<'_>> = self.parts.iter().map(KeptPart::part).collect();
        let request = AttemptRequest {
            edition: self.edition,
            client: self.client,
            parts: &parts,
            subject: &self.subject,
            person: self.person,
            accounts: &self.accounts,
            debts: &self.debts,
            declared: self.declared.as_ref(),
            area_code: &self.area_code,
            postal: &self.postal,
            columns: self.columns.as_ref().map(|columns| columns as &dyn Columns),
            ..AttemptRequest::new(self.channel, self.group, self.device)
        };
        let facts = Facts {
            suppression: self.suppression.as_deref(),
            attempts: self.attempts.as_deref(),
            attempts_since: self.attempts_since,
            consents: self.consents.as_deref(),
            numbers: self.numbers.as_ref().map(|n| NumberFacts { lists: &n.lists, holding: &n.holding }),
            intelligence: self.intelligence.as_ref(),
            flags: self.flags.as_deref(),
            tools: &self.tools,
            data_faults: &self.data_faults,
            data_until: self.data_until,
        };
        ask(&request, &facts)
    }
}
