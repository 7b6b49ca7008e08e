//! Legal rules, compiled: which hold for a tenant, where, and for which attempts.
mod callback;
mod closing_day;
mod compile;
mod cooldown;
mod data;
mod duties;
mod exempt;
mod judge;
mod plan;
mod profile;
mod questions;
mod territory;

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::area::Area;
use super::attempts::CompiledCap;
use super::day_plan::DayPlan;
use super::documents::RuleRef;
use super::legal::{LegalRule, LegalRuleSetting, Narrowing, RuleBody, SettingState};
use super::place::{Place, names};
use super::request::AttemptRequest;
use crate::Micros;
use crate::consent::LegalReach;

pub(super) use super::legal::Holding;
pub(super) use callback::{ends as callback_ends, holds as callback_holds, opened_by as callback_opened_by};
pub(super) use closing_day::closing_day;
pub(super) use compile::compile;
pub(super) use cooldown::CompiledCooldown;
pub use data::{Read, Reading};
pub use duties::CallDuties;
pub(super) use exempt::{ebr_ends, relationship};
pub(super) use judge::{Asked, judge};
pub(super) use plan::{declared_plan, is_uncovered};
pub(super) use profile::Profile;
pub use questions::OpenQuestion;
pub(crate) use territory::whole_country;
pub(super) use territory::{belongs_to, holds_in, law_besides, region_of_territory};

/// On whose clocks a rule is read.
#[derive(Debug, Clone)]
pub(super) enum Clocks {
    All,
    Primary,
    Fixed(Vec<TimeZone>),
    AllAnd(Vec<TimeZone>),
}

/// What a rule does where it is more than data.
#[derive(Debug)]
pub(super) enum Act {
    Hours(Arc<DayPlan>, Clocks),
    Cap(CompiledCap),
    Cooldown(CompiledCooldown),
    /// It is judged by its body.
    Other,
}

/// A legal rule, compiled.
#[derive(Debug)]
pub(super) struct LawRule {
    pub legal: Arc<LegalRule>,
    pub rule: RuleRef,
    pub holding: Holding,
    /// Whether it is no rule of the tenant's own.
    pub shipped: bool,
    pub narrow: Option<Narrowing>,
    /// What the tenant decided about it.
    pub setting: Option<LegalRuleSetting>,
    pub act: Act,
    /// It holds from this instant: when its first day begins anywhere.
    pub from: Micros,
    /// Until this one, exclusively: when its end has come everywhere.
    pub until: Micros,
}

/// The legal rules of a tenant.
#[derive(Debug, Default)]
pub(super) struct Law {
    pub rules: Vec<LawRule>,
    /// Those that carry a revocation further than the person said, as indices.
    pub widening: Vec<usize>,
    /// How many days a consent to be called back lasts.
    pub callback_days: u16,
    /// For how many days a ported number is still judged as fixed.
    pub port_grace_days: u16,
}

impl LawRule {
    /// Why it does not hold, where it is off or waived.
    pub fn why_dormant(&self) -> String {
        match &self.setting {
            None => "is off unless it is turned on".to_owned(),
            Some(setting) if setting.state == SettingState::Waived => format!("is waived{}", setting.words()),
            Some(setting) => format!("was turned off{}", setting.words()),
        }
    }

    /// Whether the rule is in force at an instant.
    pub fn in_force(&self, now: Micros) -> bool {
        self.from <= now && now < self.until
    }

    /// Whether it is law where a person may be. Where the region within a country is not known, those of all its
    /// regions may be.
    pub fn is_law_in(&self, place: &Place) -> bool {
        let jurisdiction = &self.legal.jurisdiction;
        let country = jurisdiction.country.as_str();
        let Some(region) = jurisdiction.region.as_deref() else { return self.may_interest(place) };
        Area::of(Some(country), Some(region)).may_hold(&place.areas)
    }

    /// Whether it is law of a country in which a person may be.
    pub fn may_interest(&self, place: &Place) -> bool {
        place.areas.iter().filter_map(Area::country).any(|country| self.is_law_of(country))
    }

    /// Whether it is law of a country, or of a region of it.
    fn is_law_of(&self, country: &str) -> bool {
        holds_in(&self.legal.jurisdiction.country, country)
    }

    /// How far back attempts must be known for it; `None` if it counts none.
    pub fn history_reach(&self) -> Option<Micros> {
        match (&self.act, &self.legal.kind) {
            (Act::Cap(cap), _) => Some(cap.reach()),
            (Act::Cooldown(cooldown), _) => Some(cooldown.reach()),
            (_, RuleBody::Harassment(body)) => Some(super::attempts::days_reach(body.days)),
            _ => None,
        }
    }
}

impl Law {
    /// The rules that widen revocations of somebody whom an attempt would reach at an instant. Where no country is known, the
    /// law of any may hold.
    pub fn widening<'a>(&'a self, request: &'a AttemptRequest<'_>, now: Micros) -> impl Iterator<Item = &'a LawRule> {
        let told = move || request.parts.iter().flat_map(|part| names(part.country));
        let is_first = request.edition.is_first();
        let besides = move |country| law_besides(country).filter(|_| request.edition.is_third());
        let is_law = move |rule: &LawRule, country| {
            rule.is_law_of(if is_first { country } else { whole_country(country) })
                || besides(country).is_some_and(|country| rule.is_law_of(country))
        };
        let holds = move |rule: &&LawRule| told().next().is_none() || told().any(|country| is_law(rule, country));
        self.widening.iter().filter_map(|i| self.rules.get(*i)).filter(move |r| r.in_force(now)).filter(holds)
    }

    /// How far such revocations reach.
    pub fn reach(&self, request: &AttemptRequest<'_>, now: Micros) -> LegalReach {
        let mut reach = LegalReach::default();
        for rule in self.widening(request, now) {
            let RuleBody::RevocationSla(body) = &rule.legal.kind else { continue };
            reach.scope = reach.scope.max(body.scope);
            reach.channels |= super::rule_set::channel_bits(&rule.legal.applies_to.channels);
        }
        reach
    }
}
