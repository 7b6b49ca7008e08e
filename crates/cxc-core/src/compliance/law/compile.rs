//! Compiles the shipped and the tenant's own legal rules under what the tenant decided about them.
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::{Offset, TimeZone};

use super::super::attempts::CompiledCap;
use super::super::documents::{RuleDocuments, RuleRef};
use super::super::edition::Edition;
use super::super::legal::{
    Exclude, Jurisdiction, LegalRule, LegalRuleSetting, RevocationScope, RuleBody, SettingState, TzBasis, overlap,
    unknown_calendar, unknown_zone,
};
use super::super::rule_set::channel_bits;
use super::super::zones::Zones;
use super::cooldown::CompiledCooldown;
use super::plan::plan;
use super::{Act, Clocks, Holding, Law, LawRule, region_of_territory};
use crate::Micros;

/// Compiles; what can't be read or contradicts itself is added to `unreadable`.
pub(in super::super) fn compile(
    documents: &RuleDocuments,
    zones: &Zones,
    unreadable: &mut Vec<(RuleRef, String)>,
) -> Law {
    let settings = settings(documents, unreadable);
    let rules = all_rules(documents, unreadable);
    let exclusions = exclusions(&rules, &settings);
    let mut law = Law { callback_days: 7, ..Law::default() };
    let own_from = documents.legal_packs.all().len();
    for (place, legal) in rules.into_iter().enumerate() {
        let rule = RuleRef::new(legal.id.as_str(), i64::from(legal.version));
        let setting = settings.get(legal.id.as_str()).copied();
        let holding = Holding::of(legal.default, setting);
        let wrong = unknown_zone(&legal, zones).or_else(|| unknown_calendar(&legal, &documents.calendars));
        if let Some(detail) = wrong {
            if holding != Holding::Dormant {
                unreadable.push((rule, detail));
            }
            continue;
        }
        if holding == Holding::Holds {
            match &legal.kind {
                RuleBody::RevocationSla(body) if body.scope > RevocationScope::AsSaid => {
                    law.widening.push(law.rules.len());
                }
                RuleBody::CountExclusion(body) => law.callback_days = body.consent_days,
                RuleBody::PortGrace(body) => law.port_grace_days = body.days,
                _ => {}
            }
        }
        let narrow = setting.and_then(|s| s.narrow.clone());
        let legal = narrowed(legal, narrow.as_ref(), exclusions.get(&*rule.id));
        let act = act(&legal, &rule, narrow.as_ref(), documents, zones);
        let (from, until) = force(legal.effective_from, legal.effective_until);
        law.rules.push(LawRule {
            legal,
            rule,
            holding,
            shipped: place < own_from,
            narrow,
            setting: setting.cloned(),
            act,
            from,
            until,
        });
    }
    law
}

/// What the tenant decided, by rule. Of several decisions on one rule the strictest holds.
fn settings<'a>(
    documents: &'a RuleDocuments,
    unreadable: &mut Vec<(RuleRef, String)>,
) -> BTreeMap<&'a str, &'a LegalRuleSetting> {
    let mut settings: BTreeMap<&str, &LegalRuleSetting> = BTreeMap::new();
    for stored in &documents.legal_settings {
        match &stored.body {
            Ok(setting) => {
                let kept = settings.entry(&setting.rule).or_insert(setting);
                if setting.state == SettingState::On {
                    *kept = setting;
                }
            }
            Err(error) => unreadable.push((stored.rule.clone(), error.clone())),
        }
    }
    settings
}

/// The shipped rules and the tenant's own. One of the tenant's that contradicts another is not read.
fn all_rules(documents: &RuleDocuments, unreadable: &mut Vec<(RuleRef, String)>) -> Vec<Arc<LegalRule>> {
    let mut rules: Vec<Arc<LegalRule>> = documents.legal_packs.all().to_vec();
    for stored in &documents.legal_rules {
        let own = match &stored.body {
            Ok(own) => own,
            Err(error) => {
                unreadable.push((stored.rule.clone(), error.clone()));
                continue;
            }
        };
        if rules.iter().any(|r| r.id == own.id && (r.version == own.version || overlap(r, own))) {
            let detail = format!("another rule has the id {} in the same version or on the same days", own.id);
            unreadable.push((stored.rule.clone(), detail));
            continue;
        }
        rules.push(Arc::new(LegalRule { jurisdiction: meant(&own.jurisdiction, documents.edition), ..own.clone() }));
    }
    rules
}

/// Where a rule is law: the code of a territory of the United States means that region of them.
fn meant(own: &Jurisdiction, edition: Edition) -> Jurisdiction {
    let territory = region_of_territory(&own.country).filter(|_| edition.is_third() && own.region.is_none());
    match territory.and_then(|region| region.split_once('-')) {
        Some((country, region)) => Jurisdiction { country: country.to_owned(), region: Some(region.to_owned()) },
        None => own.clone(),
    }
}

/// What the exclusions that hold take out of the counts, by the ids of caps and cool-downs.
fn exclusions(
    rules: &[Arc<LegalRule>],
    settings: &BTreeMap<&str, &LegalRuleSetting>,
) -> BTreeMap<String, Vec<Exclude>> {
    let mut found: BTreeMap<String, Vec<Exclude>> = BTreeMap::new();
    for rule in rules {
        let RuleBody::CountExclusion(body) = &rule.kind else { continue };
        if Holding::of(rule.default, settings.get(rule.id.as_str()).copied()) == Holding::Holds {
            for id in &body.rules {
                found.entry(id.clone()).or_default().extend(&body.exclude);
            }
        }
    }
    found
}

/// The rule with what narrows its numbers and with what is left out of its counts.
fn narrowed(
    legal: Arc<LegalRule>,
    narrow: Option<&super::super::legal::Narrowing>,
    exclude: Option<&Vec<Exclude>>,
) -> Arc<LegalRule> {
    if narrow.is_none() && exclude.is_none() {
        return legal;
    }
    let mut legal = (*legal).clone();
    match &mut legal.kind {
        RuleBody::AttemptCap(cap) => {
            cap.max = narrow.and_then(|n| n.max).map_or(cap.max, |max| cap.max.min(max));
            cap.exclude.extend(exclude.into_iter().flatten());
        }
        RuleBody::Cooldown(body) => {
            body.days = narrow.and_then(|n| n.days).map_or(body.days, |days| body.days.max(days));
            body.exclude.extend(exclude.into_iter().flatten());
        }
        RuleBody::ScrubAge(body) => {
            body.max_days = narrow.and_then(|n| n.max_days).map_or(body.max_days, |days| body.max_days.min(days));
        }
        _ => {}
    }
    Arc::new(legal)
}

fn act(
    legal: &LegalRule,
    rule: &RuleRef,
    narrow: Option<&super::super::legal::Narrowing>,
    documents: &RuleDocuments,
    zones: &Zones,
) -> Act {
    match &legal.kind {
        RuleBody::Window(_) | RuleBody::BlackoutDate(_) => match plan(legal, narrow, &documents.calendars) {
            Some(plan) => Act::Hours(Arc::new(plan), clocks(&legal.tz_basis, zones)),
            None => Act::Other,
        },
        RuleBody::AttemptCap(cap) => {
            Act::Cap(CompiledCap::of_law(rule, channel_bits(&legal.applies_to.channels), cap, documents.edition))
        }
        RuleBody::Cooldown(body) => Act::Cooldown(CompiledCooldown::new(rule, legal.day_basis, body)),
        _ => Act::Other,
    }
}

fn clocks(basis: &TzBasis, zones: &Zones) -> Clocks {
    let fixed = |names: &[String]| -> Vec<TimeZone> { names.iter().filter_map(|name| zones.get(name)).collect() };
    match basis {
        TzBasis::RecipientAll => Clocks::All,
        TzBasis::RecipientPrimary => Clocks::Primary,
        TzBasis::Fixed(names) => Clocks::Fixed(fixed(names)),
        TzBasis::RecipientAllAnd(names) => Clocks::AllAnd(fixed(names)),
    }
}

/// When a rule is in force somewhere: from when its first day begins in the east to when its last one ends in the
/// west.
fn force(from: Option<Date>, until: Option<Date>) -> (Micros, Micros) {
    let at = |date: Date, hours: i8| {
        let midnight = date.to_datetime(Time::midnight());
        Offset::constant(hours).to_timestamp(midnight).map(Timestamp::as_microsecond)
    };
    let from = from.and_then(|date| at(date, 14).ok()).unwrap_or(Micros::MIN);
    let until = until.and_then(|date| at(date, -12).ok()).unwrap_or(Micros::MAX);
    (from, until)
}
