//! The tools of a tenant beside times, dates and attempt rules: location, custom and external rules, custom zones.
mod turns;

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::calendar::timestamp;
use super::count_filter::same_client;
use super::custom_rule::{Columns, CompiledCustomRule, Count, CustomInputs};
use super::custom_zones::CustomZones;
use super::documents::{RuleDocuments, RuleRef};
use super::external_rule::ExternalRule;
use super::location_match::{CompiledLocationRule, Hindrance, Whereabouts};
use super::number_facts::NumberFacts;
use super::request::{AttemptRequest, Facts, PastAttempt};
use super::rule_set::{RuleSet, channel_bits, holding};
use super::tool_answers::ExternalOutcome;
use super::unmapped::Sources;
use super::verdict::{Failure, RuleKind};
use super::zones::Zones;
use crate::Micros;
use crate::attempt::AttemptState;
use crate::channel::Channel;
use crate::record::Reason;

/// An external rule that is to be asked before an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalAsk {
    /// Which rule.
    pub rule: RuleRef,
    /// Where and how to ask.
    pub body: ExternalRule,
    channels: i16,
}

/// The tools of a campaign, compiled.
#[derive(Debug, Default)]
pub(super) struct Tools {
    locations: Vec<CompiledLocationRule>,
    customs: Vec<CompiledCustomRule>,
    externals: Vec<ExternalAsk>,
    zones: CustomZones,
}

impl RuleSet {
    /// The external rules that must be asked before an attempt on a channel.
    pub fn external_rules(&self, channel: Channel) -> impl Iterator<Item = &ExternalAsk> {
        self.tools.externals.iter().filter(move |ask| ask.channels & channel.bit() != 0)
    }

    /// The tenant's own zones of phones.
    pub fn custom_zones(&self) -> &CustomZones {
        &self.tools.zones
    }

    /// Whether the places of a contact's other phones count too.
    pub fn looks_at_all_devices(&self) -> bool {
        self.unmapped.sources == Sources::AllDevices
    }

    /// Whether a custom rule reads the columns of a contact.
    pub fn reads_columns(&self, channel: Channel) -> bool {
        self.columns_read(channel).next().is_some()
    }

    /// The names of the columns that custom rules read, with repetitions.
    pub fn columns_read(&self, channel: Channel) -> impl Iterator<Item = &str> {
        let rules = self.tools.customs.iter().filter(move |rule| rule.holds_for(channel));
        rules.flat_map(|rule| rule.expression.columns()).map(String::as_str)
    }
}

impl Tools {
    /// Compiles the tools of a campaign that names the rules `selected`.
    pub fn compile(
        documents: &RuleDocuments,
        selected: &[&str],
        database: &Zones,
        unreadable: &mut Vec<(RuleRef, String)>,
    ) -> Self {
        let locations = holding(&documents.location_rules, |r| r.required, selected, unreadable);
        let customs = holding(&documents.custom_rules, |r| r.required, selected, unreadable);
        let externals = holding(&documents.external_rules, |r| r.required, selected, unreadable);
        let zones = holding(&documents.time_zones, |_| true, selected, unreadable);
        let named = locations.iter().map(|(rule, body)| (*rule, body.zone_errors(database)));
        let named = named.chain(zones.iter().map(|(rule, body)| (*rule, body.zone_errors(database))));
        // a database that an operator put in place may lack a zone that the one before had
        let missing = named.filter_map(|(rule, errors)| Some((rule.clone(), errors.into_iter().next()?)));
        unreadable.extend(missing.map(|(rule, error)| (rule, format!("{}: {}", error.pointer, error.detail))));
        let mut compiled = Vec::with_capacity(customs.len());
        for (rule, body) in customs {
            match CompiledCustomRule::new(rule, body) {
                Ok(rule) => compiled.push(rule),
                Err(detail) => unreadable.push((rule.clone(), detail)),
            }
        }
        let ask = |(rule, body): (&RuleRef, &ExternalRule)| ExternalAsk {
            rule: rule.clone(),
            body: body.clone(),
            channels: channel_bits(&body.channels),
        };
        Self {
            locations: locations
                .into_iter()
                .map(|(rule, body)| CompiledLocationRule::new(rule, body, database, documents.edition))
                .collect(),
            customs: compiled,
            externals: externals.into_iter().map(ask).collect(),
            zones: CustomZones::new(zones.into_iter().map(|(_, body)| body)),
        }
    }

    /// How far back attempts must be known for custom rules.
    pub fn reach(&self, channel: Channel) -> Option<Micros> {
        self.customs.iter().filter(|r| r.holds_for(channel)).filter_map(CompiledCustomRule::reach).max()
    }

    /// The location, custom and external rules that bind attempts on a channel, with their kinds, and whether an attempt
    /// must be near before they are judged.
    pub fn held(&self, channel: Channel) -> impl Iterator<Item = (&RuleRef, RuleKind, bool)> {
        let locations = self.locations.iter().filter(move |r| r.holds_for(channel)).map(|r| &r.rule);
        let customs = self.customs.iter().filter(move |r| r.holds_for(channel));
        let customs = customs.map(|r| (&r.rule, RuleKind::CustomRule, r.expression.changes()));
        let externals = self.externals.iter().filter(move |r| r.channels & channel.bit() != 0).map(|r| &r.rule);
        locations
            .map(|rule| (rule, RuleKind::LocationRule, false))
            .chain(customs)
            .chain(externals.map(|rule| (rule, RuleKind::ExternalRule, true)))
    }

    /// Notes the location rules that stand in the way.
    pub fn judge_location(&self, request: &AttemptRequest<'_>, facts: &Facts<'_>, failures: &mut Vec<Failure>) {
        if self.locations.is_empty() {
            return;
        }
        let at = Whereabouts {
            channel: request.channel,
            parts: request.parts,
            area_code: request.area_code,
            postal: request.postal,
            line_type: request.subject.line_type,
            do_not_call: facts.numbers.and_then(national),
        };
        for rule in &self.locations {
            if let Some(hindrance) = rule.hindrance(&at) {
                let code = match hindrance {
                    Hindrance::ListUnknown => Reason::ComplianceUnavailable,
                    _ => Reason::LocationRule,
                };
                failures.push(Failure::new(&rule.rule, RuleKind::LocationRule, code).because(hindrance.detail()));
            }
        }
    }

    /// Notes the custom rules that do not hold, or of which that can't be told.
    pub fn judge_custom(
        &self,
        request: &AttemptRequest<'_>,
        facts: &Facts<'_>,
        zones: &[TimeZone],
        now: Micros,
        failures: &mut Vec<Failure>,
    ) {
        if self.customs.is_empty() {
            return;
        }
        let at = timestamp(now);
        let local: Vec<DateTime> = zones.iter().map(|zone| zone.to_datetime(at)).collect();
        for rule in self.customs.iter().filter(|r| r.holds_for(request.channel)) {
            let held = if facts.tools.at_load && rule.expression.changes() {
                if may_hold(rule, request) { continue } else { Ok(false) }
            } else {
                custom(rule, request, facts, &local, at)
            };
            let (code, detail) = match held {
                Ok(true) => continue,
                Ok(false) => (Reason::Blocked, "its condition does not hold".to_owned()),
                Err(detail) => (Reason::ComplianceUnavailable, detail),
            };
            failures.push(Failure::new(&rule.rule, RuleKind::CustomRule, code).because(detail));
        }
    }

    /// Notes the external rules that did not let the attempt pass.
    pub fn judge_external(&self, request: &AttemptRequest<'_>, facts: &Facts<'_>, failures: &mut Vec<Failure>) {
        if facts.tools.at_load {
            return;
        }
        for ask in self.externals.iter().filter(|ask| ask.channels & request.channel.bit() != 0) {
            let (code, detail) = match facts.tools.of(&ask.rule) {
                Some(ExternalOutcome::Pass) => continue,
                Some(ExternalOutcome::Block(said)) => (Reason::Blocked, said.as_str()),
                Some(ExternalOutcome::Unavailable(why)) => (Reason::ComplianceUnavailable, why.as_str()),
                None => (Reason::ComplianceUnavailable, "the service was not asked"),
            };
            failures.push(Failure::new(&ask.rule, RuleKind::ExternalRule, code).because(detail));
        }
    }
}

/// Whether a number is on a national list; `None` where one can't be asked, or none is known.
fn national(numbers: NumberFacts<'_>) -> Option<bool> {
    let is_national = |index: usize| numbers.lists.get(index).is_some_and(|list| !list.own);
    if numbers.holding.iter().any(|hit| is_national(hit.list)) {
        return Some(true);
    }
    let mut lists = numbers.lists.iter().filter(|list| !list.own).peekable();
    lists.peek()?;
    lists.all(|list| list.state.why_not().is_none()).then_some(false)
}

/// Whether a rule that asks for what changes may hold at some moment, whatever that will be then.
fn may_hold(rule: &CompiledCustomRule, request: &AttemptRequest<'_>) -> bool {
    let Some(columns) = request.columns else { return true };
    let purpose = request.subject.purpose.as_str();
    rule.expression.may_hold(&CustomInputs { columns, channel: request.channel, purpose, local: &[], counts: &[] })
}

/// What a condition that reads no column is given where none are known.
#[derive(Debug)]
struct NoColumns;

impl Columns for NoColumns {
    fn column(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }
}

fn custom(
    rule: &CompiledCustomRule,
    request: &AttemptRequest<'_>,
    facts: &Facts<'_>,
    local: &[DateTime],
    at: Timestamp,
) -> Result<bool, String> {
    let columns: &dyn Columns = match request.columns {
        Some(columns) => columns,
        None if rule.expression.columns().is_empty() => &NoColumns,
        None => return Err("the contact's columns are not known".to_owned()),
    };
    let mut counts = Vec::with_capacity(rule.expression.counts().len());
    for count in rule.expression.counts() {
        counts.push(attempts(*count, request, facts, at).ok_or("the attempts that it counts are not known")?);
    }
    let purpose = request.subject.purpose.as_str();
    rule.expression.holds(&CustomInputs { columns, channel: request.channel, purpose, local, counts: &counts })
}

/// How many attempts a count comes to. One under way or in doubt counts, one that never left does not.
fn attempts(count: Count, request: &AttemptRequest<'_>, facts: &Facts<'_>, at: Timestamp) -> Option<i64> {
    let since = at.as_microsecond().saturating_sub(i64::from(count.seconds()) * 1_000_000);
    let past = facts.attempts.filter(|_| facts.attempts_since.as_microsecond() <= since.saturating_add(1))?;
    let same = |past: &&PastAttempt| {
        let device = past.device == request.device;
        match count {
            Count::OnDevice(_) => device,
            Count::OnContact(_) if request.edition.is_third() => same_client(request, past),
            Count::OnContact(_) => request.client.map_or(device, |client| past.client == Some(client)),
        }
    };
    // an attempt exactly as old as the window has expired
    let inside = |past: &&PastAttempt| past.at.as_microsecond() > since && past.state != AttemptState::NotSent;
    i64::try_from(past.iter().filter(same).filter(inside).count()).ok()
}

#[cfg(test)]
mod tests;
