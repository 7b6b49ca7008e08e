//! The shipped contact times: a default of the house for people of whom neither the tenant nor a law says hours.
use jiff::civil::Date;

use super::area::Area;
use super::documents::RuleRef;
use super::law::{Holding, LawRule, Profile, holds_in};
use super::legal::RuleBody;
use super::rule_set::RuleSet;
use super::subject::Purpose;

/// A stretch of days: its first, and the one on which it is over.
type Days = (Date, Date);

/// What becomes of the shipped contact times at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fallback {
    /// They hold, in some stretches of days, or the tenant's own do in their place.
    Holds,
    /// These laws say the hours.
    Law(Vec<RuleRef>),
    /// A danger is warned of at any hour.
    Emergency,
}

/// Whether the shipped times hold for someone who may be in these areas, for which the tenant has no hours of its own;
/// and on which days.
pub(super) fn fallback(rules: &RuleSet, profile: &Profile<'_>, areas: &[&Area]) -> (Fallback, Vec<Days>) {
    if profile.subject.purpose == Purpose::Emergency {
        return (Fallback::Emergency, Vec::new());
    }
    let (mut gaps, mut by_law): (Vec<Days>, Vec<RuleRef>) = (Vec::new(), Vec::new());
    for area in areas {
        let laws: Vec<&LawRule> = rules.law.rules.iter().filter(|law| says_hours(law, profile, area)).collect();
        gaps.extend(without(laws.iter().map(|law| days(law)).collect()));
        by_law.extend(laws.iter().map(|law| law.rule.clone()));
    }
    gaps.sort_unstable();
    gaps.dedup();
    by_law.sort_unstable();
    by_law.dedup();
    (if by_law.is_empty() { Fallback::Holds } else { Fallback::Law(by_law) }, gaps)
}

/// Whether a shipped rule says the hours of such attempts in all of an area. One that leaves a day open round the clock
/// is about the other days only; one that advises binds nobody; one of the tenant's own opens nothing.
fn says_hours(law: &LawRule, profile: &Profile<'_>, area: &Area) -> bool {
    let RuleBody::Window(body) = &law.legal.kind else { return false };
    let overridden = body.callback_overrides && profile.callback;
    law.shipped
        && law.holding == Holding::Holds
        && !law.legal.advisory
        && !overridden
        && !body.hours.leaves_a_day_open()
        && is_law_of(law, area)
        && profile.is_met(&law.legal)
}

fn is_law_of(law: &LawRule, area: &Area) -> bool {
    let jurisdiction = &law.legal.jurisdiction;
    let country = jurisdiction.country.as_str();
    match jurisdiction.region.as_deref() {
        Some(region) => Area::of(Some(country), Some(region)) == *area,
        None => area.country().is_some_and(|c| holds_in(country, c)),
    }
}

fn days(law: &LawRule) -> Days {
    (law.legal.effective_from.unwrap_or(Date::MIN), law.legal.effective_until.unwrap_or(Date::MAX))
}

/// The days that none of the stretches holds.
fn without(mut stretches: Vec<Days>) -> Vec<Days> {
    stretches.sort_unstable();
    let (mut gaps, mut from) = (Vec::new(), Date::MIN);
    for (first, end) in stretches {
        if from < first {
            gaps.push((from, first));
        }
        from = from.max(end);
    }
    if from < Date::MAX {
        gaps.push((from, Date::MAX));
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_stretch_holds_is_left() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        let (a, b, c) = (day("2021-01-01"), day("2024-01-01"), day("2026-01-01"));
        assert_eq!(without(vec![]), [(Date::MIN, Date::MAX)]);
        assert_eq!(without(vec![(Date::MIN, Date::MAX), (a, b)]), []);
        assert_eq!(without(vec![(b, c), (a, b)]), [(Date::MIN, a), (c, Date::MAX)]);
        assert_eq!(without(vec![(a, b), (c, Date::MAX)]), [(Date::MIN, a), (b, c)]);
    }
}
